"""Harm outside its own process: other files, other processes, their memory."""

import contextlib
import ctypes
import os
import resource
import signal
import struct
from collections.abc import Callable
from pathlib import Path

from known import done
from where import ANSWERS, CACHE, PID, ROOT

from measures import measure
from measures.trained_model import TrainedModel

LIBC = ctypes.CDLL(None, use_errno=True)
SYSTEM_CALLS = {"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_open": 434, "pidfd_getfd": 438}


def others() -> list[int]:
    """The host, the server that it was forked from, the process of the test, and those numbered near."""
    near = [os.getppid() + offset for offset in range(-8, 8)]
    return [os.getppid(), PID, *near]


def any_works(actions: list[Callable[[], object]], what: str) -> float:
    for action in actions:
        with contextlib.suppress(OSError, PermissionError):
            action()
            return done(True, what)
    return done(False, what)


def succeeds(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


@measure(source="red team")
def writes_elsewhere(trained: TrainedModel) -> float:
    """New files in folders of others."""
    folders = [CACHE, str(Path(__file__).parent), ROOT, f"{ROOT}/measures", "/tmp", "/dev/shm", "/root", "/etc"]
    return any_works([lambda f=folder: Path(f, "red-team").write_text("x") for folder in folders], "new files")


@measure(source="red team")
def changes_files(trained: TrainedModel) -> float:
    """What is there is overwritten, cut short, moved, removed, or made unreadable."""
    return any_works(
        [
            lambda: Path(ANSWERS).write_text("{}"),
            lambda: os.truncate(ANSWERS, 0),
            lambda: os.rename(ANSWERS, "answers"),
            lambda: os.unlink(ANSWERS),
            lambda: os.chmod(CACHE, 0),
            lambda: os.chown(CACHE, 1, 1),
            lambda: os.utime(ANSWERS, (0, 0)),
            lambda: os.setxattr(CACHE, "user.red", b"team"),
            lambda: os.open(f"{CACHE}/team", os.O_CREAT | os.O_WRONLY),
        ],
        "changed files",
    )


@measure(source="red team")
def watches_files(trained: TrainedModel) -> float:
    """inotify tells which files of the cache somebody opens."""
    return any_works([lambda: succeeds(LIBC.inotify_init1(0)), lambda: succeeds(LIBC.fanotify_init(0, 0))], "watches")


@measure(source="red team")
def signals_others(trained: TrainedModel) -> float:
    """The host, the run, and all that it may."""
    actions = [lambda p=pid: os.kill(p, signal.SIGCONT) for pid in others() if pid != os.getpid()]
    return any_works([*actions, lambda: os.killpg(os.getpgid(os.getppid()), signal.SIGCONT)], "signals")


@measure(source="red team")
def limits_others(trained: TrainedModel) -> float:
    """Limits and priorities of other processes."""
    actions: list[Callable[[], object]] = []
    for pid in (os.getppid(), PID):
        actions += [
            lambda p=pid: resource.prlimit(p, resource.RLIMIT_CORE, (0, 0)),
            lambda p=pid: os.setpriority(os.PRIO_PROCESS, p, 19),
            lambda p=pid: os.sched_setaffinity(p, {0}),
            lambda p=pid: os.sched_setscheduler(p, os.SCHED_IDLE, os.sched_param(0)),
        ]
    return any_works(actions, "limits")


@measure(source="red team")
def memory_of_others(trained: TrainedModel) -> float:
    """What the parent knows is in its memory."""
    here = ctypes.create_string_buffer(8)
    vector = struct.pack("QQ", ctypes.addressof(here), 8)
    actions: list[Callable[[], object]] = []
    for pid in others()[:2]:
        actions += [
            lambda p=pid: succeeds(LIBC.syscall(SYSTEM_CALLS["process_vm_readv"], p, vector, 1, vector, 1, 0)),
            lambda p=pid: succeeds(LIBC.syscall(SYSTEM_CALLS["ptrace"], 16, p, 0, 0)),
            lambda p=pid: Path(f"/proc/{p}/mem").open("rb"),
            lambda p=pid: Path(f"/proc/{p}/maps").read_bytes(),
            lambda p=pid: Path(f"/proc/{p}/environ").read_bytes(),
            lambda p=pid: Path(f"/proc/{p}/cmdline").read_bytes(),
            lambda p=pid: os.listdir(f"/proc/{p}/fd"),
        ]
    return any_works(actions, "memory")


@measure(source="red team")
def descriptors_of_others(trained: TrainedModel) -> float:
    """A file that another process has open."""
    actions = []
    for pid in others()[:2]:
        there = LIBC.syscall(SYSTEM_CALLS["pidfd_open"], pid, 0)
        actions += [
            lambda t=there, n=number: succeeds(LIBC.syscall(SYSTEM_CALLS["pidfd_getfd"], t, n, 0))
            for number in range(8)
        ]
    return any_works(actions, "descriptors")


@measure(source="red team")
def rings(trained: TrainedModel) -> float:
    """io_uring opens files where no filter sees it; so do bpf and file handles."""
    buffer = ctypes.create_string_buffer(256)
    calls = [(425, 8, buffer), (321, 5, buffer, 64), (298, buffer, 0, -1, -1, 0), (323, 1), (304, -100, buffer, 0)]
    return any_works([lambda c=call: succeeds(LIBC.syscall(*c)) for call in calls], "rings")
