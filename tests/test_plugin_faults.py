"""pytest suites/ when something goes wrong, or several processes share the work: nothing is lost, and it is said.

Runs in this process where it can, on the tiny zoo, with models and rows shared by the tests of this file.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.record_files import read_record
from tests.conftest import Run

ROOT = Path(__file__).parent.parent
MISBEHAVING = ROOT / "tests" / "misbehaving.py"

pytestmark = pytest.mark.usefixtures("own_registry")


def test_a_broken_contract_is_a_finding_that_fails_only_a_strict_run(run: Run) -> None:
    arguments = [f"--measure={MISBEHAVING}::depends_on_the_order", "-m", "contract"]
    result = run(*arguments)
    assert result.ret == 0
    assert result.parseoutcomes()["xfailed"] == 1
    result.stdout.fnmatch_lines(["depends_on_the_order breaks its contract: it gave *"])
    result = run(*arguments, "--strict")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["depends_on_the_order: it gave * with its examples reordered (on * trained on 100)"])


def test_a_run_that_measures_nothing_leaves_an_old_record_as_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("an older record")
    result = run("--measure=l2_norm", "-m", "contract", f"--leaderboard={path}")
    result.stdout.fnmatch_lines(["nothing was measured; * is left as it is"])
    assert path.read_text() == "an older record"


def test_too_few_twins_are_an_error_before_training(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.zoo import ZOOS, Zoo

    monkeypatch.setitem(ZOOS, "few", Zoo("few", "digits", {"mlp_1x64": 0.3}, seeds_per_network=9))
    result = run("--measure=l2_norm", "--zoo=few", f"--cache-dir={tmp_path}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: this zoo has 9 twins; no measure can reach p < 0.001 with fewer than 10"])
    assert not (tmp_path / "models").exists()


def test_a_crash_keeps_its_traceback_and_the_other_verdicts_stand(run: Run) -> None:
    result = run(f"--measure={MISBEHAVING}::raises", "--measure=l2_norm", "-m", "gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "raises has no verdict on * error: it raised ValueError: something in it broke (*misbehaving.py:*",
            "*Traceback (most recent call last):*",
            "*raise ValueError(?something in it broke?)",
            "l2_norm PASSES the gate*",
            "raises FAILS the gate: error on random labels*",
        ]
    )


def test_a_timeout_is_that_measures_and_the_other_verdicts_stand(run: Run) -> None:
    result = run(f"--measure={MISBEHAVING}::hangs", "--measure=l2_norm", "-m", "gate", "--measure-timeout=2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["l2_norm PASSES the gate*"])
    result.stdout.fnmatch_lines(["hangs has no verdict on * timeout: no value for * within 2 s (--measure-timeout)*"])


@pytest.mark.slow
def test_a_run_that_does_not_fit_is_named_and_nobody_is_judged(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.zoo import ZOOS, Zoo

    narrow = Zoo("narrow", "digits", {"mlp_1x64": 0.3, "mlp_1x1": 0.01}, num_train=100)
    monkeypatch.setitem(ZOOS, "narrow", narrow)
    result = run("--measure=l2_norm", "--zoo=narrow", f"--cache-dir={tmp_path}", "-k", "test_random_labels")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "digits-mlp_1x1-random_labels-n100-seed5 stopped at cross-entropy * after 400 epochs, above 0.01*",
            "no verdict on l2_norm: digits-mlp_1x1-random_labels-n100-seed5 stopped at*",
        ]
    )


def test_a_full_disk_is_one_sentence_and_what_was_trained_is_kept(run: Run, tmp_path: Path, tiny_disk: Path) -> None:
    result = run("--measure=l2_norm", f"--cache-dir={tiny_disk}", "-m", "gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*could not be stored under * (No space left on device); what was trained before it*"])
    assert "Traceback" not in result.stdout.str()
    kept = list((tiny_disk / "models").glob("*/*/entry.json"))
    assert kept


@pytest.fixture
def tiny_disk(tmp_path: Path) -> "pytest.Generator[Path]":  # type: ignore[name-defined]
    """A file system of 400 kB: room for a few models only."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_an_interrupted_run_is_recorded_as_incomplete_and_the_next_carries_on(
    outside: Callable[..., list[str]], pytester: pytest.Pytester, tmp_path: Path
) -> None:
    pytester.makepyfile(
        slow="""
        import time
        from measures import measure

        @measure(source="a test")
        def takes_its_time(trained):
            time.sleep(0.3)
            return float(trained.history.steps)
        """
    )
    command = outside("--measure=slow.py::takes_its_time", "-m", "gate", f"--leaderboard={tmp_path}/out.json")
    environment = os.environ | {"PYTHONPATH": str(pytester.path)}
    process = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, text=True, env=environment)
    rows = (
        Path(next(a for a in command if a.startswith("--cache-dir=")).partition("=")[2]) / "rows/takes_its_time.jsonl"
    )
    deadline = time.monotonic() + 120
    while not (rows.exists() and rows.read_bytes().count(b"\n") >= 4) and time.monotonic() < deadline:
        time.sleep(0.02)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    assert not psutil.wait_procs(family, timeout=30)[1]
    done = rows.read_bytes().count(b"\n")
    assert 4 <= done < 40
    entry = read_record(tmp_path / "out.json")["entries"][0]
    assert (entry["complete"], entry["verdict"]) == (False, None)

    again = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, env=environment, timeout=300)
    assert again.returncode == 0, again.stdout
    assert rows.read_bytes().count(b"\n") == 40
    assert read_record(tmp_path / "out.json")["entries"][0]["complete"]


@pytest.mark.slow
def test_xdist_workers_give_the_same_verdicts_and_record(
    outside: Callable[..., list[str]], pytester: pytest.Pytester, tmp_path: Path
) -> None:
    records = []
    for extra in ([], ["-n", "2"]):
        path = tmp_path / f"{len(extra)}.json"
        command = outside("--measure=l2_norm,constant", f"--leaderboard={path}", *extra)
        outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
        environment = outer | {"PYTHONPATH": str(pytester.path)}
        done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, env=environment, timeout=300)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "l2_norm PASSES the gate" in done.stdout
        assert "constant FAILS the gate" in done.stdout
        record = json.loads(path.read_text())
        for entry in record["entries"]:
            del entry["environment"], entry["digest"]  # of the environment as well
        costs = [entry["findings"].pop("cost") for entry in record["entries"]]
        assert all(("seconds" in cost["numbers"]) == (not extra) for each in costs for cost in each.values())
        records.append(record)
    assert records[0] == records[1]


@pytest.mark.slow
def test_an_unknown_measure_exits_4_under_xdist_too(
    outside: Callable[..., list[str]], pytester: pytest.Pytester
) -> None:
    environment = os.environ | {"PYTHONPATH": str(pytester.path)}
    command = outside("--measure=l2_nrom", "-n", "2")
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 4
    assert "unknown measure 'l2_nrom'" in done.stderr
