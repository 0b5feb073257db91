"""A call's process waits until its predecessor is gone, and nothing that was started stays when it is ended."""

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.calling import forked_call
from harness.calling.confinement import Confinement, adopt_orphans
from harness.calling.forked_call import PRINTED, ForkedCall, _children, _end_all, _is_alone, _remove, _written
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
        call = ForkedCall(request, None, confined, tmp_path)
        time.sleep(0.3)
        before = (call.folder / "imported").exists()
        assert call.served(ours, os.pidfd_open(os.getppid()))
        after = (call.folder / "imported").exists()
        call.end()
        assert not call.folder.exists()
        return before, after, parent.recv_bytes()[:1], parent.poll(1) and parent.recv_bytes()[:1]

    assert as_a_host(act) == repr((False, True, ANSWER, PRINTED))


def test_each_call_has_a_folder_of_its_own_and_no_other_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NOTES_ITS_IMPORT.replace('"imported"', '"../imported"'))

    def act() -> tuple[object, ...]:
        request = Request("declare", str(tmp_path / "mine.py"), "nothing", "mine", (str(tmp_path),))
        parent, ours = multiprocessing.Pipe()
        call = ForkedCall(request, None, Confinement(*readable([str(tmp_path)]), tmp_path), tmp_path)
        call.served(ours, os.pidfd_open(os.getppid()))
        call.end()
        return b"PermissionError" in parent.recv_bytes(), (tmp_path / "imported").exists()

    assert as_a_host(act) == "(True, False)"


def test_what_is_written_is_counted_whether_it_has_a_name_or_not(tmp_path: Path) -> None:
    def act() -> list[int]:
        (tmp_path / "named").write_bytes(b"." * 100_000)
        (tmp_path / "empty").touch()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            kept = [os.open(tmp_path / "gone", os.O_CREAT | os.O_RDWR), os.memfd_create("gone")]
            os.unlink(tmp_path / "gone")
            for descriptor in kept:
                os.write(descriptor, b"." * 50_000)
            os.write(writing, b".")
            time.sleep(20)
        os.read(reading, 1)
        written = _written(tmp_path)
        _end_all(pid, set())
        return [written, _written(tmp_path)]

    both, named = json.loads(as_a_host(act))
    assert 100_000 + 4096 <= named < 120_000
    assert 2 * 50_000 <= both - named < 120_000


def test_whoever_writes_too_much_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_call, "MOST_WRITTEN", 1 << 20)
    fills = NOTES_ITS_IMPORT.replace(
        'Path("imported").touch()', 'Path("a").write_bytes(b"." * 3 * 2**20)\nwhile True: pass'
    )
    (tmp_path / "mine.py").write_text(fills)

    def act() -> bytes:
        request = Request("declare", str(tmp_path / "mine.py"), "nothing", "mine", (str(tmp_path),))
        parent, ours = multiprocessing.Pipe()
        call = ForkedCall(request, None, Confinement(*readable([str(tmp_path)]), tmp_path), tmp_path)
        call.served(ours, os.pidfd_open(os.getppid()))
        call.end()
        return parent.recv_bytes()

    assert "its process had written 0.00 GB, above 0.00 GB" in as_a_host(act)


def test_a_folder_is_removed_whatever_is_in_it(tmp_path: Path) -> None:
    kept = tmp_path / "outside"
    kept.mkdir()
    kept.chmod(0o750)
    scratch = tmp_path / "scratch"
    (scratch / "a" / "b").mkdir(parents=True)
    (scratch / "a" / "b" / "file").touch()
    (scratch / "a" / "b").chmod(0o300)
    (scratch / "a" / "link").symlink_to(kept)
    (scratch / "link").symlink_to(kept)
    _remove(scratch)
    assert not scratch.exists()
    assert kept.stat().st_mode & 0o777 == 0o750
