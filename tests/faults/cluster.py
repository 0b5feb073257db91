"""A Dask cluster on one machine, of real processes over loopback: each worker with its own home and folders."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.faults.conftest import ROOT, family, wait_until
from tests.faults.test_disks import UNSHARE, mounting


class LocalCluster:
    """A scheduler, whose file is `file`, and two workers; each is started by `start_*` and can be killed.

    Each worker is told of a GPU of its own, 0 or 1, as on a machine that has two: none is needed for that.

    What is in the folder `unseen` the workers do not see, where that can be done: a run that has its cache folder there
    finds machines that have nothing but their own.
    """

    started = 0

    def __init__(self, folder: Path):
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.unseen = folder / "unseen"
        self.unseen.mkdir()
        self.can_hide = mounting()
        self.scheduler = self.start_scheduler()
        self.cards: dict[int, str] = {}
        self.workers: list[subprocess.Popen[bytes]] = []
        self.repair()

    def repair(self, workers: int = 2) -> None:
        """So many workers again at least, and a scheduler, after a test that lost some; what runs goes on."""
        if self.scheduler.poll() is not None:
            self.close()
            self.scheduler = self.start_scheduler()
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < workers:
            self.started += 1
            self.workers.append(self.start_with_card(f"worker{self.started}"))

    def start_scheduler(self, port: int = 0) -> "subprocess.Popen[bytes]":
        self.file.unlink(missing_ok=True)
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--scheduler-file", str(self.file)]
        process = self._start("scheduler", ["scheduler", *options])
        assert wait_until(lambda: self.file.exists() and self.file.stat().st_size > 0, 60)
        return process

    def start_with_card(self, name: str) -> "subprocess.Popen[bytes]":
        """A worker with a card that none of the others has."""
        taken = {self.cards.get(worker.pid) for worker in self.workers}
        card = min({"0", "1"} - taken)
        process = self.start_worker(name, "--resources", "GPU=1", CUDA_VISIBLE_DEVICES=card)
        self.cards[process.pid] = card
        return process

    def start_worker(self, name: str, *options: str, **environment: str) -> "subprocess.Popen[bytes]":
        """Under its nanny, as `dask worker` starts it, unless the options say --no-nanny."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        own = {"HOME": str(home), "TMPDIR": str(home), "SHATTERPROOF_CACHE": str(home / "cache"), **environment}
        where = ["--scheduler-file", str(self.file), "--nthreads", "1", "--local-directory", str(home / "dask")]
        return self._start(name, ["worker", *where, "--no-dashboard", *options], own)

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            kill(process)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _start(
        self, name: str, arguments: list[str], environment: dict[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
        if self.can_hide and arguments[0] == "worker":
            hide = 'mount -t tmpfs none "$0" && exec "$@"'
            command = [*UNSHARE, "sh", "-c", hide, str(self.unseen), *command]
        own = os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {})
        with open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=own, stdout=log, stderr=log)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """With all that it has started."""
    members = family(process.pid)
    for pid in [process.pid, *(member.pid for member in members)]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    psutil.wait_procs(members, timeout=20)


def worker_process(process: "subprocess.Popen[bytes]") -> psutil.Process | None:
    """The process under the nanny that runs jobs: the one that has started the server of our own workers."""
    for member in family(process.pid):
        try:
            if any("forkserver" in " ".join(child.cmdline()) for child in member.children()):
                return member
        except psutil.NoSuchProcess:
            pass
    return None


def in_a_job(process: "subprocess.Popen[bytes]") -> psutil.Process | None:
    """The same, while a job of ours runs under it."""
    member = worker_process(process)
    if member is None:
        return None
    try:
        servers = [child for child in member.children() if "forkserver" in " ".join(child.cmdline())]
        return member if any(server.children() for server in servers) else None
    except psutil.NoSuchProcess:
        return None


def seconds_since(start: float) -> float:
    return time.monotonic() - start
