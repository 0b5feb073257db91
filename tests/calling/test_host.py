"""A host serves one call after another; where processes cannot be forked, it serves one and ends with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.calling import sealed_measure
from harness.calling.handed_out import handed_out
from harness.calling.host import _forget_where_we_are
from harness.calling.sealed_measure import SealedFunction, declare, end_host
from tests import ROOT
from tests.builders.models import random_network

pytestmark = pytest.mark.slow

FILE = ROOT / "tests" / "builders" / "misbehaving_measures.py"


def sealed(name: str, file: Path = FILE) -> SealedFunction:
    (measure,) = declare(str(file), name, name)
    return SealedFunction(measure)


def test_the_host_goes_on_with_the_same_model() -> None:
    trained = handed_out(random_network("mlp_1x8", 0))
    function = sealed("well_behaved")
    assert function(trained) == trained.history.epochs
    host = sealed_measure._hosts[0]
    assert host.model is trained
    assert function(trained) == trained.history.epochs
    assert sealed_measure._hosts == [host]
    other = handed_out(random_network("mlp_1x8", 1))
    assert function(other) == other.history.epochs
    assert host.model is other


def test_its_folder_is_gone_with_it() -> None:
    sealed("well_behaved")
    scratch = sealed_measure._hosts[0].scratch
    assert scratch.is_dir()
    end_host()
    assert not scratch.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a call has no host")
def test_whoever_hangs_up_during_a_call_leaves_nothing_of_it_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an interrupted run does; what the call has started is not the host's child."""
    (tmp_path / "stays.py").write_text(
        "import os, time\nfrom measures import measure\n@measure(source='a test')\n"
        "def stays(trained):\n    os.fork()\n    time.sleep(60)\n"
    )
    function, seen = sealed("stays", tmp_path / "stays.py"), list[psutil.Process]()

    def interrupt(*alarm: object) -> None:
        seen[:] = psutil.Process(sealed_measure._hosts[0].process.pid).children(recursive=True)
        if len(seen) == 2:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            function(handed_out(random_network("mlp_1x8", 0)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    end_host()
    assert [process for process in seen if process.is_running()] == []


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc here")
def test_nothing_of_the_environment_that_it_was_started_with_is_in_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A measure's process may read all of its own memory, and print it."""
    assert b"=" in Path("/proc/self/environ").read_bytes()
    monkeypatch.setenv("PATH", "/a:/b")
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        _forget_where_we_are(tmp_path)
        path = subprocess.check_output(["/usr/bin/env"])
        os.write(writing, Path("/proc/self/environ").read_bytes().strip(b"\0") + b"|" + path)
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as said:
        left, _, variables = said.read().partition(b"|")
    assert left == b""
    assert b"PATH=/a:/b\n" in variables and f"HOME={tmp_path}\n".encode() in variables


@pytest.mark.long
@pytest.mark.slow
def test_where_processes_cannot_be_forked_each_call_has_one_that_is_started_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "afresh.py").write_text(
        "from measures import measure\n"
        "@measure(source='a test')\n"
        "def retrained(trained):\n"
        "    print('as it says')\n"
        "    network = trained.retrain(trained.inputs[:5], trained.labels[:5])\n"
        "    return float(next(network.parameters()).detach().sum())\n"
    )
    trained = handed_out(random_network("mlp_1x8", 0))
    object.__setattr__(trained, "retrain_function", lambda inputs, labels, reseed: random_network("mlp_1x8", 7).model)
    kills = sealed("kills_its_process")
    end_host()
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(sealed_measure, "ATTEMPTS", 1)
    function = sealed("retrained", tmp_path / "afresh.py")
    called = function.call(trained)
    assert (called.reading.status, called.changes) == ("value", ()), called.reading
    assert called.reading.value == float(next(random_network("mlp_1x8", 7).model.parameters()).detach().sum())
    assert called.printed == "as it says\n"
    assert sealed_measure._hosts == []
    killed = kills.call(trained)
    assert (killed.ended, killed.reading.status) == (True, "error")
