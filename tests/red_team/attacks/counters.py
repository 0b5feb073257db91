"""Counting its own calls: whoever knows which call this is, or met the twin before, need not look at the model.

Each gives the number of calls so far. Where nothing is left behind by a call, that is 1 each time.
"""

import contextlib
import ctypes
import fcntl
import os
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from where import ROOT

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel

LIBC = ctypes.CDLL(None, use_errno=True)
GET_FLAGS, SET_FLAGS, NOATIME_FLAG = 0x80086601, 0x40086602, 0x80
GET_HINT, SET_HINT = 1035, 1036
KEY = 0x5EA1
calls = 0


def one_more(path: Path) -> float:
    """The file's length, with a byte more."""
    with open(path, "ab") as file:
        file.write(b".")
        return float(file.tell())


def one_of(places: list[Path]) -> float:
    for place in places:
        with contextlib.suppress(OSError):
            return one_more(place / "calls")
    raise NotApplicable("refused: no place to write to")


def worked(number: int) -> int:
    if number == -1:
        raise NotApplicable(f"refused: errno {ctypes.get_errno()}")
    return number


def unless_refused(count: Callable[[], float]) -> float:
    try:
        return count()
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None


@measure(source="red team")
def global_of_the_module(trained: TrainedModel) -> float:
    """A variable of this module."""
    global calls
    calls += 1
    return float(calls)


@measure(source="red team")
def attribute_of_a_module(trained: TrainedModel) -> float:
    """A variable of somebody else's module."""
    import measures

    vars(measures)["calls"] = vars(measures).get("calls", 0) + 1
    return float(vars(measures)["calls"])


@measure(source="red team")
def environment_variable(trained: TrainedModel) -> float:
    """One that processes would inherit; it is put back, or the change would be seen."""
    before = os.environ.get("CALLS", "0")
    LIBC.setenv(b"CALLS", str(int(before) + 1).encode(), 1)
    return float(before) + 1


@measure(source="red team")
def file_in_its_folder(trained: TrainedModel) -> float:
    """HOME, TMPDIR and the working folder."""
    return one_of([Path.home(), Path(tempfile.gettempdir()), Path.cwd()])


@measure(source="red team")
def file_in_a_folder_of_its_own(trained: TrainedModel) -> float:
    """One that cannot be listed, and so is left by whoever empties the folder above."""
    Path("hidden").mkdir(exist_ok=True, mode=0o300)
    return one_of([Path("hidden")])


@measure(source="red team")
def file_in_shared_places(trained: TrainedModel) -> float:
    """Places where everybody may write, and beside its own source."""
    places = ["/tmp", "/var/tmp", "/dev/shm", "/run", ROOT, str(Path(__file__).parent), "/dev/mqueue"]
    return one_of([Path(place) for place in places])


@measure(source="red team")
def times_of_its_source(trained: TrainedModel) -> float:
    """128 bits that the owner of a file may set, and everybody read."""

    def count() -> float:
        before = os.stat(__file__).st_mtime_ns % 1000
        os.utime(__file__, ns=(0, (before + 1) % 1000))
        return before + 1.0

    return unless_refused(count)


@measure(source="red team")
def mode_of_its_source(trained: TrainedModel) -> float:
    """And nine bits more."""

    def count() -> float:
        os.chmod(__file__, 0o644 | (os.stat(__file__).st_mode + 1) % 2)
        return float(os.stat(__file__).st_mode)

    return unless_refused(count)


@measure(source="red team")
def notes_of_its_source(trained: TrainedModel) -> float:
    """Extended attributes, of its source and of its folder."""

    def count() -> float:
        for place in (__file__, "."):
            with contextlib.suppress(OSError):
                before = len(os.getxattr(place, "user.calls")) if "user.calls" in os.listxattr(place) else 0
                os.setxattr(place, "user.calls", b"." * (before + 1))
                return before + 1.0
        raise OSError("neither")

    return unless_refused(count)


@measure(source="red team")
def flags_of_its_source(trained: TrainedModel) -> float:
    """chattr +A"""

    def count() -> float:
        with open(__file__, "rb") as file:
            (before,) = struct.unpack("i", fcntl.ioctl(file, GET_FLAGS, b"\0" * 4))
            fcntl.ioctl(file, SET_FLAGS, struct.pack("i", before ^ NOATIME_FLAG))
            return float(before)

    return unless_refused(count)


@measure(source="red team")
def hints_of_its_source(trained: TrainedModel) -> float:
    """The kernel remembers of an open file how long what is written lives."""

    def count() -> float:
        with open(__file__, "rb") as file:
            (before,) = struct.unpack("Q", fcntl.fcntl(file, GET_HINT, b"\0" * 8))
            fcntl.fcntl(file, SET_HINT, struct.pack("Q", (before + 1) % 6))
            return float(before)

    return unless_refused(count)


@measure(source="red team")
def shared_memory_of_the_kernel(trained: TrainedModel) -> float:
    """System V's: it outlives processes and is in no folder."""
    LIBC.shmat.restype = ctypes.c_void_p
    number = worked(LIBC.shmget(KEY, 4096, 0o1600))
    cell = ctypes.cast(LIBC.shmat(number, None, 0), ctypes.POINTER(ctypes.c_int))
    cell[0] += 1
    return float(cell[0])


@measure(source="red team")
def semaphore_of_the_kernel(trained: TrainedModel) -> float:
    """The same with a number only."""
    number = worked(LIBC.semget(KEY, 1, 0o1600))
    worked(LIBC.semop(number, struct.pack("HhH", 0, 1, 0), 1))
    return float(LIBC.semctl(number, 0, 12))


@measure(source="red team")
def queue_of_the_kernel(trained: TrainedModel) -> float:
    """A message that waits for the next call."""
    number = worked(LIBC.msgget(KEY, 0o1600))
    before = LIBC.msgrcv(number, ctypes.create_string_buffer(64), 32, 0, 0o4000)
    worked(LIBC.msgsnd(number, struct.pack("q", 1) + b"." * (max(0, before) + 1), max(0, before) + 1, 0))
    return max(0, before) + 1.0


@measure(source="red team")
def key_of_the_user(trained: TrainedModel) -> float:
    """The kernel's keyrings."""
    number = worked(LIBC.syscall(248, b"user", b"calls", b".", 1, -4))
    return float(number)


@measure(source="red team")
def niceness(trained: TrainedModel) -> float:
    """The host's, which its children inherit."""

    def count() -> float:
        before = os.getpriority(os.PRIO_PROCESS, os.getppid())
        os.setpriority(os.PRIO_PROCESS, os.getppid(), before + 1)
        return before + 1.0

    return unless_refused(count)


@measure(source="red team")
def limit_of_the_host(trained: TrainedModel) -> float:
    """A limit of another process, inherited likewise."""
    import resource

    def count() -> float:
        soft, hard = resource.prlimit(os.getppid(), resource.RLIMIT_SIGPENDING)
        resource.prlimit(os.getppid(), resource.RLIMIT_SIGPENDING, (soft - 1, hard))
        return float(soft)

    return unless_refused(count)


@measure(source="red team")
def process_that_stays(trained: TrainedModel) -> float:
    """A grandchild that has left the group (setsid) writes the count again once the folder was emptied."""
    Path("calls-kept").touch()
    count = one_more(Path("calls-kept"))
    if os.fork() == 0:
        with contextlib.suppress(OSError):
            os.setsid()
        if os.fork() == 0:
            for _ in range(200):
                time.sleep(0.02)
                with contextlib.suppress(OSError):
                    Path("calls-kept").write_bytes(b"." * int(count))
        os._exit(0)
    os.wait()
    return count


@measure(source="red team")
def number_of_the_process(trained: TrainedModel) -> float:
    """Processes are numbered as they are started."""
    return float(os.getpid())


@measure(source="red team")
def clock(trained: TrainedModel) -> float:
    """Later calls are later."""
    return time.monotonic()
