"""The process of one call as the host sees it: forked, let go, listened to, and ended with all that it has started.

It is forked while its predecessor is still on its way out, which takes as long; and it waits, shut in, until nothing of
its predecessor is left.
"""

import contextlib
import multiprocessing
import os
import select
import shutil
import signal
import stat
import tempfile
import time
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil

from harness.calling.confinement import Confinement
from harness.calling.purity import Witness
from harness.calling.request import Request
from harness.calling.sealed_process import ANSWER, LARGEST_FILE, REFUSAL, RETRAIN, UNUSABLE, live

PRINTED = b"p"
"""First byte of the message that ends a call: how its process ended, if it gave no answer, and what it printed."""

LARGEST_MESSAGE = 1 << 30  # bytes: what it asks to retrain on
LARGEST_ANSWER = 1 << 20
MOST_PRINTED = 4000  # bytes
MOST_WRITTEN, SMALLEST_FILE = 2 * LARGEST_FILE, 1 << 12  # bytes
SECONDS_BETWEEN_LOOKS = 0.05


class ForkedCall:
    """A process that is to do what is requested. It has to be let go (`served`), and ended (`end`)."""

    def __init__(self, request: Request, witness: Witness | None, confinement: Confinement, scratch: Path):
        """`scratch`: where it gets a folder of its own. One that was used tells by its size how many files it had."""
        self.memory = request.memory
        self.folder = Path(tempfile.mkdtemp(dir=scratch))
        self.ours, theirs = multiprocessing.Pipe()
        self.output = os.memfd_create("output") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
        self.status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            live(request, witness, theirs, self.output, confinement, begin=theirs.recv_bytes, own=self.folder)
        theirs.close()
        self.ended = os.pidfd_open(self.pid)

    def served(self, connection: Connection, sentinel: int) -> bool:
        """Let it go, and pass on what it sends until it has answered or ended; False if our parent is gone or hangs up.

        It is killed then, and what it has started is gone; itself it may be on its way out: `end` waits for that.
        """
        with contextlib.suppress(OSError):  # it has ended already
            self.ours.send_bytes(b"")
        with _Watched(self.pid, self.memory, self.folder, sentinel, connection) as watched:
            answered = self._listen(connection)
        how = watched.how
        if answered:
            _kill(self.pid)
        if not answered or not _is_alone(self.pid):
            self.status = _end_all(self.pid, set())
            how = how or _how_it_ended(os.waitstatus_to_exitcode(self.status))
        connection.send_bytes(PRINTED + f"{how}\n".encode() + what_is_in(self.output))
        return not watched.alone

    def end(self, successor: int | None = None) -> None:
        """End it and what it has started, and forget it; the `successor` is another child, which stays."""
        if self.status is None:
            self.status = _end_all(self.pid, {successor})
        os.close(self.ended)
        os.close(self.output)
        self.ours.close()
        _remove(self.folder)

    def _listen(self, connection: Connection) -> bool:
        """Whether there was an answer."""
        heard: list[Any] = [self.ours]
        while self.ended not in (ready := wait([*heard, self.ended])) or self.ours in ready:
            if self.ours in ready:
                kind = _pass_on(self.ours, connection)
                if kind not in (b"", RETRAIN):
                    return True
                if not kind:
                    heard.clear()  # it has closed the pipe, or sent half a message: nothing more comes
        return False


class _Watched:
    """Within the block, the process is ended when it has taken too much memory or disk, or when our parent is gone.

    Or when that has closed the connection: it would end us, and what the process has started would stay.

    A timer looks, so that it does so too while this process waits for the rest of a message that never comes, or
    for the other to read one.
    """

    def __init__(self, pid: int, memory: int | None, folder: Path, sentinel: int, connection: Connection):
        self.pid, self.memory, self.folder, self.sentinel = pid, memory, folder, sentinel
        self.connection = connection
        self.how, self.alone, self.looking = "", False, False

    def __enter__(self) -> "_Watched":
        signal.signal(signal.SIGALRM, self.look)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_LOOKS)
        return self

    def __exit__(self, *raised: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def look(self, *alarm: object) -> None:
        if self.looking:
            return  # it takes longer than the time between two looks
        self.looking = True
        self._look()
        self.looking = False

    def _look(self) -> None:
        if (written := _written(self.folder)) > MOST_WRITTEN:
            self.how = f"its process had written {written / 1e9:.2f} GB, above {MOST_WRITTEN / 1e9:.2f} GB"
        if self.memory and (taken := _memory()) > self.memory:
            self.how = f"its process used {taken / 1e9:.2f} GB, above --worker-memory"
        if wait([self.sentinel], 0) or _is_closed(self.connection):
            self.alone = True
        if self.how or self.alone:
            _kill(self.pid)


def _is_closed(connection: Connection) -> bool:
    """Whether nobody has the other end any more. What was sent before may be there to read."""
    asked = select.poll()
    asked.register(connection.fileno(), 0)
    return any(event & select.POLLHUP for _, event in asked.poll(0))


def _pass_on(ours: Connection, connection: Connection) -> bytes:
    """One message of the process, and the parent's answer where it asks for one; its first byte, b"" of none."""
    try:
        message = ours.recv_bytes(LARGEST_MESSAGE)
    except (EOFError, OSError):
        return b""
    if message[:1] not in (ANSWER, REFUSAL, UNUSABLE, RETRAIN):
        message = REFUSAL + b"its process sent something other than an answer"
    if message[:1] != RETRAIN and len(message) > LARGEST_ANSWER:
        message = REFUSAL + f"its process sent an answer of {len(message)} bytes".encode()
    connection.send_bytes(message)
    if message[:1] == RETRAIN:
        network = connection.recv_bytes()
        with contextlib.suppress(OSError):  # it has ended meanwhile
            ours.send_bytes(network)
    return message[:1]


def _remove(folder: Path) -> None:
    """With all that a call has written. OSError if something stays."""
    for path, folders, _ in os.walk(folder):
        for name in folders:
            inside = Path(path, name)
            if not inside.is_symlink():
                inside.chmod(0o700)  # it may have been made so that it cannot be listed
    shutil.rmtree(folder)


def _kill(pid: int) -> None:
    """It and its group; it is alone where it has not yet made itself one."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _end_all(pid: int, spared: set[int | None]) -> int:
    """End the call's process and what it has started, also what has left its group (setsid); the process's status.

    Whatever has lost its parent is our child (adopt_orphans), so nothing is left when we have no other.
    """
    _kill(pid)
    status = os.waitpid(pid, 0)[1]
    while left := _children(os.getpid()) - spared:
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.pid not in spared:
                    child.kill()
        for orphan in left:
            os.waitpid(orphan, os.WNOHANG)
        time.sleep(0.001)
    return status


def _is_alone(pid: int) -> bool:
    """Whether nothing is left of what this child has started: neither with it nor, orphaned, with us."""
    return not _children(pid) and _children(os.getpid()) == {pid}


def _children(pid: int) -> set[int]:
    """Those of a process, also the ones that have ended and were not waited for. It need not be there any more."""
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():  # a kernel without this list
        with contextlib.suppress(psutil.NoSuchProcess):
            return {child.pid for child in psutil.Process(pid).children()}
    listed = ""
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended; its children are another's
            listed += thread.read_text()
    return {int(number) for number in listed.split()}


def _memory() -> int:
    """Bytes resident in the call's process and in what it has started."""
    taken = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            taken += process.memory_info().rss
    return taken


def _written(folder: Path) -> int:
    """Bytes on the disk in the call's folder, and in files without a name, on the disk or in memory, that are open."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # it is gone
                there = os.lstat(os.path.join(path, name))
                found[there.st_dev, there.st_ino] = max(SMALLEST_FILE, there.st_blocks * 512)
    for pid in _descendants():
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as descriptors:
            for descriptor in descriptors:
                with contextlib.suppress(OSError):
                    there = descriptor.stat()
                    if there.st_nlink == 0 and stat.S_ISREG(there.st_mode):
                        found[there.st_dev, there.st_ino] = there.st_blocks * 512
    return sum(found.values())


def _descendants() -> set[int]:
    """Of this process."""
    found: set[int] = set()
    todo = _children(os.getpid())
    while todo:
        found |= todo
        todo = {child for pid in todo for child in _children(pid)} - found
    return found


def _how_it_ended(status: int) -> str:
    return (
        f"its process was ended by {signal.Signals(-status).name}"
        if status < 0
        else (f"its process ended with exit status {status}")
    )


def what_is_in(output: int) -> bytes:
    """The first MOST_PRINTED bytes that were written to the descriptor."""
    if os.lseek(output, 0, os.SEEK_END) == 0:
        return b""
    os.lseek(output, 0, os.SEEK_SET)
    return os.read(output, MOST_PRINTED)
