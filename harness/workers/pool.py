"""Run jobs in supervised local processes: one that dies, hangs or raises costs its own job and nothing else.

A worker is forked from a server that has imported torch once (where there is no fork, it starts by itself). It runs
one job at a time on one torch thread, and ends with its parent. The caller hands out jobs and reads events;
retrying.py hands out again what was lost.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

import psutil

from harness.errors import HarnessError
from harness.workers.large_pages import kept, wanted
from harness.workers.multiprocessing_config import (
    ensure_server,
    ensure_short_temporary_folder,
    server_address,
    without_main,
)
from harness.workers.worker_process import Report, work

PRELOAD = "harness.worker_imports"
MAX_FAILED_STARTS = 3
START_LIMIT = 120.0  # seconds
LONGEST_WAIT = 3600.0  # seconds: the system counts those of one wait in 31 bits of milliseconds, 24 days
SECONDS_BETWEEN_LOOKS = 0.05  # at the memory of workers, where it is limited: a core fills 0.1 GB in that time
Function = Callable[[Any, Report], Any]
EventKind = Literal["report", "done", "refused", "raised", "died", "silent"]


@dataclasses.dataclass(frozen=True)
class Event:
    """What became of a job.

    "report": it reported `payload`; "done": it returned `payload`; "refused": it raised a HarnessError;
    "raised": it raised anything else; "died": its process did; "silent": nothing came for too long. The payload
    of the last four is a text: the sentence, the traceback, or how the process ended.
    """

    kind: EventKind
    job: Any
    payload: Any


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a job may take: seconds without a word from it, and bytes of memory of its process (None: all there are)."""

    silence: float = float("inf")
    memory: int | None = None


@dataclasses.dataclass(eq=False)
class Worker:
    """A process, the pipe to it, and the job that it is at; None if it has none."""

    process: Any
    connection: Connection
    job: Any = None
    started: bool = False
    deadline: float = float("inf")


def run_jobs(
    function: Function,
    next_job: Callable[[], Any | None],
    workers: int,
    limits: Limits = Limits(),
    idle: list[Worker] | None = None,
) -> Generator[Event, None, None]:
    """Call `function(job, report)` in up to `workers` processes for jobs from `next_job()`, until it gives None.

    `next_job` is asked again after every event, so the caller may add jobs while reading events (to try a lost
    one again). `report(payload)` in the job gives a "report" event and restarts the limit of silence; `report(None)`
    only restarts the limit. Closing the iterator, or an exception in the caller, kills the workers.
    Those of `idle` are used before others are started, and what is idle in the end is left there, for the next call
    (`end_idle` ends them); without it, all end.

    Raises HarnessError if processes cannot be started at all.
    """
    crew: list[Worker] = []
    failed_starts = 0
    try:
        while True:
            for worker in crew:
                if worker.job is None and (job := next_job()) is not None:
                    _assign(worker, function, job, limits)
            while len(crew) < workers and (job := next_job()) is not None:
                crew.append(_take(idle) or _start())
                _assign(crew[-1], function, job, limits)
            busy = [worker for worker in crew if worker.job is not None]
            if not busy:
                return
            _wait_for_any(busy, limits)
            for worker in busy:
                event = _next_event(worker, limits)
                if event is None:
                    continue
                if event.kind in ("died", "silent"):
                    crew.remove(worker)
                    _end(worker)
                    failed_starts = 0 if worker.started else failed_starts + 1  # in a row
                    if failed_starts >= MAX_FAILED_STARTS:
                        raise HarnessError(f"worker processes cannot start here ({event.payload})")
                elif event.kind != "report":
                    worker.job = None
                yield event
    finally:
        for worker in crew:
            if idle is not None and worker.job is None:
                idle.append(worker)
            else:
                _end(worker)


def end_idle(idle: list[Worker]) -> None:
    """End the workers that earlier calls left."""
    while (worker := _take(idle)) is not None:
        _end(worker)


def _take(idle: list[Worker] | None) -> Worker | None:
    """One of them, if there is one; another thread may take the last between a look and a pop."""
    try:
        return idle.pop() if idle else None
    except IndexError:
        return None


def warm_up(many_forks: bool = False, long_training: bool = False) -> None:
    """Start the server that workers are forked from, so that it imports what they need while this process goes on.

    With `many_forks` it takes the time to be forked soon, with `long_training` workers keep their memory
    (large_pages.py); a server that runs stays as it is.
    """
    if process_context().get_start_method() == "forkserver":
        with wanted() if many_forks else kept() if long_training else contextlib.nullcontext():
            ensure_server()


def process_context() -> Any:
    """How processes are started here: forked from a server that has imported torch, or afresh."""
    # Forked on Linux only: on other systems libraries may not survive it.
    if sys.platform != "linux" or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    if not ensure_short_temporary_folder():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD])
    return context


def _start() -> Worker:
    context = process_context()
    ours, theirs = context.Pipe()
    warm_up()
    # No daemon: a measure may start processes.
    process = context.Process(target=work, args=(theirs, server_address()))
    with without_main():
        process.start()
    theirs.close()
    return Worker(process, ours)


def _assign(worker: Worker, function: Function, job: Any, limits: Limits) -> None:
    worker.job = job
    worker.deadline = time.monotonic() + (limits.silence if worker.started else START_LIMIT)
    with contextlib.suppress(OSError):  # it has died meanwhile, and the next look at it says so
        worker.connection.send((function, job))


def _end(worker: Worker) -> None:
    """An idle worker leaves by itself when the pipe closes; any other is killed, and what it has started with it."""
    worker.connection.close()
    if worker.job is None:
        worker.process.join(timeout=2)
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or not yet a group of its own
            os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.kill()
    worker.process.join()


def _wait_for_any(busy: list[Worker], limits: Limits) -> None:
    """Or for so long that it is time to look at them."""
    seconds = min(LONGEST_WAIT, min(worker.deadline for worker in busy) - time.monotonic())
    if limits.memory is not None:
        seconds = min(seconds, SECONDS_BETWEEN_LOOKS)
    handles = [handle for worker in busy for handle in (worker.connection, worker.process.sentinel)]
    wait(handles, timeout=max(0.0, seconds))


def _next_event(worker: Worker, limits: Limits) -> Event | None:
    """What there is to know about a busy worker now, if anything; what it sent before it died comes first."""
    try:
        if worker.connection.poll():
            kind, payload = worker.connection.recv()
            worker.deadline = time.monotonic() + limits.silence
            worker.started = True
            goes_on = kind == "started" or (kind == "report" and payload is None)
            return None if goes_on else Event(kind, worker.job, payload)
    except (EOFError, OSError):
        worker.process.join(timeout=5)
        return Event("died", worker.job, _how_it_ended(worker.process.exitcode))
    if not worker.process.is_alive():
        return Event("died", worker.job, _how_it_ended(worker.process.exitcode))
    if time.monotonic() > worker.deadline:
        return Event("silent", worker.job, f"nothing was heard of it for {limits.silence:g} s")
    if limits.memory is not None and (taken := _memory(worker.process.pid)) > limits.memory:
        return Event("died", worker.job, f"its process used {taken / 1e9:.2f} GB, above --worker-memory")
    return None


def _memory(pid: int) -> int:
    """Bytes resident; 0 of a process that is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"its process was ended by {signal.Signals(-exitcode).name}"
    return f"its process ended with exit status {exitcode}"
