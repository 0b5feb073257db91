"""A call's process waits until its predecessor is gone, and nothing that was started stays when it is ended."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.calling.confinement import Confinement, adopt_orphans
from harness.calling.forked_call import PRINTED, ForkedCall, _children, _end_all, _is_alone
from harness.calling.readable import readable
from harness.calling.request import Request
from harness.calling.sealed_process import ANSWER

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no process is forked for a call here")

NOTES_ITS_IMPORT = """
from measures import measure
from pathlib import Path

Path("imported").touch()

@measure(source="a test")
def nothing(trained):
    return 0.0
"""


def as_a_host(act: Callable[[], object]) -> str:
    """What the act returns in a process of its own, whose children are its alone."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            adopt_orphans()
            said = repr(act())
        except BaseException as raised:
            said = f"{type(raised).__name__}: {raised}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    said = os.read(reading, 1 << 16).decode()  # whoever is left may hold the other end
    os.close(reading)
    return said


def sleeper() -> int:
    """A child that does nothing."""
    pid = os.fork()
    if pid == 0:
        time.sleep(20)
    return pid


def forker(of_whom: Callable[[], object]) -> int:
    """A child that starts another, in a session of its own, and says so before it goes on to do nothing."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0:
            os.setsid()
            of_whom()
            os.write(writing, b".")
            time.sleep(20)
        time.sleep(20)
    os.read(reading, 1)
    return pid


def test_a_process_with_descendants_is_not_alone() -> None:
    def act() -> list[bool]:
        alone, orphan = sleeper(), forker(lambda: None)
        return [_is_alone(orphan), not _end_all(orphan, {alone}) == 0, _is_alone(alone), _end_all(alone, set()) == 9]

    assert as_a_host(act) == "[False, True, True, True]"


def test_all_that_was_started_is_ended_and_the_successor_is_not() -> None:
    def act() -> tuple[bool, bool]:
        one, successor = forker(sleeper), sleeper()
        _end_all(one, {successor})
        spared = _children(os.getpid()) == {successor}
        _end_all(successor, set())
        return spared, _children(os.getpid()) == set()

    assert as_a_host(act) == "(True, True)"


def test_nothing_is_imported_before_the_process_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NOTES_ITS_IMPORT)

    def act() -> tuple[object, ...]:
        os.chdir(tmp_path)
        request = Request("declare", str(tmp_path / "mine.py"), "nothing", "mine", (os.getcwd(),))
        confined = Confinement(*readable([str(tmp_path)]), tmp_path)
        parent, ours = multiprocessing.Pipe()
        call = ForkedCall(request, None, confined)
        time.sleep(0.3)
        before = Path("imported").exists()
        assert call.served(ours, os.pidfd_open(os.getppid()))
        call.end()
        return before, Path("imported").exists(), parent.recv_bytes()[:1], parent.poll(1) and parent.recv_bytes()[:1]

    assert as_a_host(act) == repr((False, True, ANSWER, PRINTED))
