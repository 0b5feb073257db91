"""A Dask cluster to run jobs on: one `dask scheduler`, a `dask worker` on every machine, one address for all.

Whoever reaches the scheduler can run code on the workers: keep it on a network that you trust, or under Dask's TLS.
"""

import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.settings import Settings
from harness.workers.remote import RENEW, differing, versions

CONNECT_SECONDS = 15.0
RESOURCE = "GPU"  # of which `dask worker --resources GPU=1` has one


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The executor, how many jobs it runs at a time, and a look whether the scheduler is still there."""

    executor: Executor
    slots: Callable[[], int]
    check: Callable[[], None]


@contextlib.contextmanager
def connected(settings: Settings) -> Iterator[Cluster]:
    """A connection to the cluster of `settings.dask`, an address (tcp://host:8786) or a scheduler file.

    Waits for workers as long as there are none. With a device other than the CPU, a job takes one GPU of its worker.
    Raises HarnessError if there is no scheduler, or the workers run other versions than this process.
    """
    try:
        import distributed
    except ModuleNotFoundError as cause:
        raise HarnessError("--dask needs dask.distributed; pip install -e '.[dask]' in the checkout") from cause

    assert settings.dask is not None
    client = _client(distributed, settings.dask)
    with contextlib.ExitStack() as stack:
        stack.callback(_close, client)
        _wait_for_workers(client, settings)
        _check_versions(client)
        on_gpu = settings.device != "cpu"
        resources = {"resources": {RESOURCE: 1}} if on_gpu else {}
        executor = client.get_executor(pure=False, **resources)
        slots = _Slots(client, on_gpu)
        if on_gpu and not slots():
            raise HarnessError(
                f"no worker of {settings.dask} has a {RESOURCE}; start one for each GPU: CUDA_VISIBLE_DEVICES=0 "
                f"{_worker_command(settings)}"
            )
        yield Cluster(executor, slots, _Watch(client, settings, slots))


def _client(distributed: Any, where: str) -> Any:
    named = {"scheduler_file" if _is_file(where) else "address": where}
    if "scheduler_file" in named:
        _check_file(where)
    try:
        return distributed.Client(**named, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, KeyError, TimeoutError) as cause:
        raise HarnessError(
            f"--dask {where}: no scheduler answers there ({cause}); start one with `dask scheduler`, and use the "
            "address that it prints"
        ) from cause


def _check_file(where: str) -> None:
    """HarnessError where it is not there, or names no scheduler."""
    again = f"`dask scheduler --scheduler-file {where}` writes it"
    if not Path(where).is_file():
        raise HarnessError(f"--dask {where}: there is no such file; {again}")
    try:
        about = json.loads(Path(where).read_bytes())
    except (OSError, ValueError) as cause:
        raise HarnessError(f"--dask {where}: the file is not a scheduler's ({cause!s:.100}); {again}") from cause
    if not isinstance(about, dict) or not isinstance(about.get("address"), str):
        raise HarnessError(f"--dask {where}: the file has no address of a scheduler; {again}")


def _wait_for_workers(client: Any, settings: Settings) -> None:
    said = False
    while not _nthreads(client, settings.dask):
        if not said:
            _say_waiting(settings)
            said = True
        time.sleep(0.5)


def _say_waiting(settings: Settings) -> None:
    from tqdm import tqdm

    tqdm.write(f"waiting for workers; start them with `{_worker_command(settings)}`", file=sys.stderr)


def _worker_command(settings: Settings) -> str:
    assert settings.dask is not None
    where = f"--scheduler-file {settings.dask}" if _is_file(settings.dask) else settings.dask
    resources = "" if settings.device == "cpu" else f" --resources {RESOURCE}=1"
    return f"dask worker {where} --nthreads 1{resources}"


def _is_file(where: str) -> bool:
    return where.endswith(".json") or os.path.exists(where)


def _check_versions(client: Any) -> None:
    for address, theirs in client.run(versions).items():
        if different := differing(versions(), theirs):
            raise HarnessError(f"worker {address} has {different}; {RENEW}")


class _Slots:
    """How many jobs run at a time; asked again every few seconds, since workers come and go."""

    def __init__(self, client: Any, on_gpu: bool):
        self.client, self.on_gpu = client, on_gpu
        self.count, self.asked = 0, float("-inf")

    def __call__(self) -> int:
        if time.monotonic() - self.asked > 3.0:
            self.asked = time.monotonic()
            try:
                self.count = self._ask()
            except (OSError, TimeoutError):
                pass  # `check` says so if it stays away
        return self.count

    def _ask(self) -> int:
        if self.on_gpu:
            return int(self.client.run_on_scheduler(_gpus))
        return sum(self.client.nthreads().values())


class _Watch:
    """Raises HarnessError if the scheduler is gone. If all workers are gone, it says once how to start some."""

    def __init__(self, client: Any, settings: Settings, slots: Callable[[], int]):
        self.client, self.settings, self.slots = client, settings, slots
        self.said = False

    def __call__(self) -> None:
        _check(self.client, self.settings.dask)
        alone = self.slots() == 0
        if alone and not self.said:
            _say_waiting(self.settings)
        self.said = alone


def _gpus(dask_scheduler: Any) -> float:
    return float(sum(worker.resources.get(RESOURCE, 0) for worker in dask_scheduler.workers.values()))


def _nthreads(client: Any, where: str | None) -> dict[str, int]:
    _check(client, where)
    try:
        return dict(client.nthreads())
    except (OSError, TimeoutError):
        return {}


def _check(client: Any, where: str | None) -> None:
    if client.status != "running":
        raise HarnessError(
            f"the connection to the Dask scheduler at {where} was lost; what was trained is stored: start the cluster "
            "again and run again"
        )


def _close(client: Any) -> None:
    client.close(timeout=2)
