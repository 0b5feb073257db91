"""A process that is held to a Confinement reads and writes what it may, for good; what a platform lacks is said."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.calling import confinement
from harness.calling.confinement import Confinement, lacking
from tests import ROOT
from tests.conftest import Run

FILE = ROOT / "tests" / "builders" / "misbehaving_measures.py"
needs_landlock = pytest.mark.skipif(confinement._landlock_version() == 0, reason="this kernel has no Landlock")


def in_a_fork(confined: Confinement, act: Callable[[], object]) -> str:
    """What comes of the act in a process that is confined: its result as text, or the name of what it raised."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            confined.apply()
            said = str(act())
        except BaseException as raised:
            said = type(raised).__name__
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """One to read, one to list, one to write to, with a file in each of the first two."""
    for name in ("read", "listed", "write"):
        (tmp_path / name).mkdir()
    (tmp_path / "read" / "file").write_text("content")
    (tmp_path / "listed" / "file").write_text("content")
    return tmp_path / "read", tmp_path / "listed", tmp_path / "write"


@needs_landlock
def test_what_may_be_read_is_read_and_nothing_else(folders: tuple[Path, Path, Path]) -> None:
    read, listed, write = folders
    confined = Confinement([read], [listed], write)
    assert in_a_fork(confined, (read / "file").read_text) == "content"
    assert in_a_fork(confined, lambda: os.listdir(listed)) == "['file']"
    assert in_a_fork(confined, (listed / "file").read_text) == "PermissionError"
    assert in_a_fork(confined, lambda: os.listdir(read.parent)) == "PermissionError"


@needs_landlock
def test_one_folder_may_be_written_to(folders: tuple[Path, Path, Path]) -> None:
    read, _, write = folders
    confined = Confinement([read], [], write)
    assert in_a_fork(confined, lambda: (write / "new").write_text("12345")) == "5"
    assert (write / "new").read_text() == "12345"
    assert in_a_fork(confined, lambda: (read / "file").write_text("other")) == "PermissionError"
    assert in_a_fork(confined, lambda: (read / "file").unlink()) == "PermissionError"
    assert in_a_fork(confined, lambda: os.link(read / "file", write / "link")) in ("PermissionError", "OSError")
    assert in_a_fork(confined, lambda: Path("/dev/null").write_text("12345")) == "5"


@needs_landlock
def test_no_process_has_the_rules_by_which_the_next_is_held(folders: tuple[Path, Path, Path]) -> None:
    confined = Confinement([], [], folders[2])
    rules = confined.fileno()
    assert in_a_fork(confined, lambda: os.fstat(rules)) == "OSError"
    assert in_a_fork(confined, lambda: os.fstat(rules)) == "OSError"  # it is held by them all the same
    assert in_a_fork(confined, lambda: os.listdir(folders[0])) == "PermissionError"


@pytest.mark.skipif(not hasattr(os, "mknod"), reason="no devices here")
def test_root_is_nobody_special(folders: tuple[Path, Path, Path]) -> None:
    confined = Confinement([], [], folders[2])
    assert in_a_fork(confined, lambda: os.mknod(folders[2] / "disk", 0o60600, os.makedev(1, 1))) == "PermissionError"
    assert in_a_fork(confined, lambda: os.chroot(folders[2])) == "PermissionError"


@pytest.mark.skipif(not confinement.can_be_forbidden(), reason="no filter of system calls here")
def test_there_is_no_network_but_a_pair_of_sockets(folders: tuple[Path, Path, Path]) -> None:
    confined = Confinement([], [], folders[2])
    assert in_a_fork(confined, lambda: socket.socket().close()) == "PermissionError"
    assert in_a_fork(confined, lambda: [end.close() for end in socket.socketpair()]) == "[None, None]"


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        (0, "read and write files (Landlock is not available here)"),
        (4, "send signals to other processes (this kernel's Landlock is version 4)"),
        (6, ""),
    ],
)
def test_what_the_platform_cannot_forbid_is_said(version: int, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "_landlock_version", lambda: version)
    monkeypatch.setattr(confinement, "can_be_forbidden", lambda: True)
    assert lacking() == missing


def test_without_landlock_and_filter_both_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "_landlock_version", lambda: 0)
    monkeypatch.setattr(confinement, "can_be_forbidden", lambda: False)
    assert lacking() == "read and write files (Landlock is not available here) and use the network"


def test_without_landlock_there_is_nothing_to_apply(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confinement, "_landlock_version", lambda: 0)
    confined = Confinement([], [], folders[2])
    assert confined.fileno() == -1
    assert in_a_fork(confined, (folders[0] / "file").read_text) == "content"


@pytest.mark.slow
def test_a_run_says_what_the_platform_lacks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "_landlock_version", lambda: 0)
    said = "on this platform nothing keeps a measure from what it must not do: read and write files"
    result = run(f"--measure={FILE}::well_behaved", "-m", "gate", "--collect-only")
    result.stdout.fnmatch_lines([f"*{said}*"])
    assert said not in run("--measure=l2_norm", "-m", "gate", "--collect-only").stdout.str()
