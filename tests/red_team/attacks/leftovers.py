"""What a call leaves behind where no file is left: each gives 1 where it is the first, as every call should be."""

import ctypes
import fcntl
import mmap
import os
import resource
import signal
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import torch

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
MINCORE, FADVISE, READAHEAD, CACHESTAT, DONT_NEED, NO_WAIT = 27, 221, 187, 451, 4, 8
SETPGID, SETSID = 109, 112


def called(number: int, *given: object) -> int:
    """A system call; NotApplicable where it is refused."""
    answer = LIBC.syscall(number, *given)
    if answer == -1:
        raise NotApplicable(f"refused: errno {ctypes.get_errno()}")
    return int(answer)


def unless_refused(act: Callable[[], float]) -> float:
    try:
        return act()
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None


@measure(source="red team")
def size_of_its_folder(trained: TrainedModel) -> float:
    """A folder that had many files is large when it is empty again."""
    before = os.stat(".").st_size
    for number in range(400):
        Path(f"{'long' * 50}-{number}").touch()
    return float(before > 4096) + 1


@measure(source="red team")
def size_of_the_folder_above(trained: TrainedModel) -> float:
    """So is the one that it stands in."""

    def act() -> float:
        before = os.stat("..").st_size
        for number in range(400):
            Path(f"../{'long' * 50}-{number}").touch()
        return float(before > 4096) + 1

    return unless_refused(act)


@measure(source="red team")
def times_of_its_folder(trained: TrainedModel) -> float:
    """It was written to after it was made, by an earlier call."""
    there = os.stat(".")
    Path("again").touch()
    return float(there.st_mtime_ns > there.st_ctime_ns) + float(len(os.listdir(".."))) + float(there.st_nlink == 2) - 1


@measure(source="red team")
def pages_that_were_dropped(trained: TrainedModel) -> float:
    """What the kernel has of its source, dropped."""
    with open(__file__, "rb") as file:
        return 1.0 + called(FADVISE, file.fileno(), 0, 0, DONT_NEED)


@measure(source="red team")
def pages_that_were_dropped_by_python(trained: TrainedModel) -> float:
    """The same by Python's own name for it."""

    def act() -> float:
        with open(__file__, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return 2.0

    return unless_refused(act)


@measure(source="red team")
def pages_that_are_there(trained: TrainedModel) -> float:
    """mincore says which pages of a file the kernel has."""
    with open(__file__, "rb") as file:
        where = LIBC.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_PRIVATE, file.fileno(), 0)
        return 2.0 + called(MINCORE, ctypes.c_void_p(where), mmap.PAGESIZE, ctypes.create_string_buffer(1))


@measure(source="red team")
def pages_that_are_counted(trained: TrainedModel) -> float:
    """cachestat counts them."""
    with open(__file__, "rb") as file:
        reach, found = (ctypes.c_uint64 * 2)(0, 1 << 20), (ctypes.c_uint64 * 5)()
        return 2.0 + called(CACHESTAT, file.fileno(), reach, found, 0)


@measure(source="red team")
def pages_that_cost_no_wait(trained: TrainedModel) -> float:
    """A read that is refused where it would have to wait tells that a page is there."""

    def act() -> float:
        with open(__file__, "rb") as file:
            try:
                return 2.0 + os.preadv(file.fileno(), [bytearray(8)], 0, NO_WAIT)
            except BlockingIOError:
                return 2.0

    return unless_refused(act)


@measure(source="red team")
def pages_read_ahead(trained: TrainedModel) -> float:
    """And pages can be asked for."""
    with open(__file__, "rb") as file:
        return 2.0 + called(READAHEAD, file.fileno(), ctypes.c_int64(0), ctypes.c_size_t(1 << 16))


@measure(source="red team")
def reads_as_others_do(trained: TrainedModel) -> float:
    """An ordinary read at a place goes on to work."""
    with open(__file__, "rb") as file:
        return float(os.preadv(file.fileno(), [bytearray(8)], 0) == 8)


@measure(source="red team")
def session_of_a_child(trained: TrainedModel) -> float:
    """Who leaves the group is not ended with it."""
    return 2.0 + called(SETSID)


@measure(source="red team")
def group_of_a_child(trained: TrainedModel) -> float:
    """The same with a group alone."""
    child = os.fork()
    if child == 0:
        os._exit(0 if LIBC.syscall(SETPGID, 0, 0) == 0 else 1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise NotApplicable("refused: setpgid")
    return 2.0


@measure(source="red team")
def lock_on_its_source(trained: TrainedModel) -> float:
    """A lock that a child holds on while the next call is made."""
    with open(__file__, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 2.0
        except OSError as refused:
            raise NotApplicable(f"refused: {refused}") from None
        if os.fork() == 0:
            signal.pause()
    return 1.0


@measure(source="red team")
def record_lock_on_its_source(trained: TrainedModel) -> float:
    """A shared one, which somebody who may only read may have, and ask for."""
    query = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    with open(__file__, "rb") as file:
        held = struct.unpack("hhqqi", fcntl.fcntl(file, fcntl.F_OFD_GETLK, query))[0] != fcntl.F_UNLCK
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
        except OSError as refused:
            raise NotApplicable(f"refused: {refused}") from None
        if os.fork() == 0:
            signal.pause()
    return 1.0 + held


@measure(source="red team")
def lease_on_its_source(trained: TrainedModel) -> float:
    """A lease is one lock more."""
    file = os.open(__file__, os.O_RDONLY)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None
    return 1.0


@measure(source="red team")
def limits_that_are_inherited(trained: TrainedModel) -> float:
    """Its own limits, mask of files, folder, timer and name: the next call is not its child."""
    found = (resource.getrlimit(resource.RLIMIT_STACK)[0] == 12345 * 4096, os.umask(0o123) == 0o123)
    resource.setrlimit(resource.RLIMIT_STACK, (12345 * 4096, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    again = signal.getitimer(signal.ITIMER_VIRTUAL)[1] > 0
    signal.setitimer(signal.ITIMER_VIRTUAL, 3600, 3600)
    LIBC.prctl(15, b"called", 0, 0, 0)
    return 1.0 + sum(found) + again


@measure(source="red team")
def threads_that_go_on(trained: TrainedModel) -> float:
    """A thread that changes the model once the value is there."""

    def change() -> None:
        while True:
            with torch.no_grad():
                trained.labels.add_(0)

    threading.Thread(target=change, daemon=True).start()
    return float(threading.active_count() <= 2)


@measure(source="red team")
def messages_with_descriptors(trained: TrainedModel) -> float:
    """The host is sent descriptors that it does not ask for, and is to have none of them in the next call."""
    import array
    import socket

    pipe = trained.retrain_function.pipe  # type: ignore[union-attr]
    before = len(os.listdir("/proc/self/fd")) if os.access("/proc/self/fd", os.R_OK) else 0
    try:
        with socket.socket(fileno=os.dup(pipe.fileno())) as there:
            sent = array.array("i", [os.memfd_create("kept") for _ in range(8)])
            there.sendmsg([struct.pack("!i", 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sent)])
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None
    return float(before) + 1
