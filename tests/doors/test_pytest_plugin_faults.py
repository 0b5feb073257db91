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

import pytest

from harness.errors import INTERRUPTED
from harness.records.record_files import read_record
from harness.store.secret_folder import found_in
from harness.zoo.zoo import Zoo
from tests import ROOT
from tests.builders.digits_records import record_of
from tests.builders.forked_suites import fork_suites
from tests.conftest import SUITES, Run

MISBEHAVING = ROOT / "tests" / "builders" / "misbehaving_measures.py"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]


@pytest.mark.slow
def test_a_broken_contract_is_a_finding_that_fails_the_run_only_if_asked_to(run: Run) -> None:
    arguments = [f"--measure={MISBEHAVING}::depends_on_the_order", "-m", "contract"]
    result = run(*arguments)
    assert result.ret == 0
    assert result.parseoutcomes()["xfailed"] == 1
    result.stdout.fnmatch_lines(["depends_on_the_order breaks its contract: it gave *"])
    result = run(*arguments, "--findings=fail")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["depends_on_the_order: it gave * with its examples reordered (on * trained on 100)"])


@pytest.mark.slow
def test_a_run_that_measures_nothing_leaves_an_old_record_as_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    run("--measure=constant", "-m", "gate", f"--leaderboard={path}")
    recorded = path.read_bytes()
    result = run("--measure=constant", "-m", "contract", f"--leaderboard={path}")
    result.stdout.fnmatch_lines(["nothing was measured; * is left as it is"])
    assert path.read_bytes() == recorded


def test_a_strangers_measure_of_a_recorded_name_is_a_usage_error_before_training(run: Run, tmp_path: Path) -> None:
    record, mine = record_of("path_norm"), tmp_path / "mine.py"
    mine.write_text("from measures import measure\n@measure(source='a test')\ndef recorded(trained):\n    return 1.0\n")
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "recorded.json").write_text(json.dumps({**record, "measure": "recorded", "origin": "another.py"}))
    result = run(f"--measure={mine}::recorded", f"--leaderboard={folder}", f"--cache-dir={tmp_path}/cache")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: *recorded.json is the record of another measure named recorded (of another.*"])
    assert not (found_in(tmp_path / "cache") / "models").exists()


def test_too_few_units_are_an_error_before_training(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.zoo.zoo import Zoo
    from harness.zoo.zoos import ZOOS

    monkeypatch.setitem(ZOOS, "few", Zoo("few", "digits", {"mlp_1x64": 0.3}, seeds_per_network=30))
    result = run("--measure=l2_norm", "--zoo=few", f"--cache-dir={tmp_path}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: too few units: the few zoo has 1, and no measure can reach p < 0.001 with *"])
    assert not (found_in(tmp_path) / "models").exists()


@pytest.mark.slow
def test_a_crash_is_told_once_with_its_line_and_is_no_verdict_and_the_others_stand(run: Run) -> None:
    result = run(f"--measure={MISBEHAVING}::raises", "--measure=l2_norm", "-m", "gate", "-rN")
    assert result.ret == 1
    result.assert_outcomes(passed=6, skipped=2, errors=1, deselected=76)
    (line,) = (number for number, text in enumerate(MISBEHAVING.read_text().splitlines(), 1) if "it broke" in text)
    result.stdout.fnmatch_lines(
        [
            f"raises has no verdict: it raised ValueError: something in it broke ({MISBEHAVING}:{line}), when it was "
            "tried on one tiny network, before anything was trained",
            "Traceback (most recent call last):",
            f'  File "{MISBEHAVING}", line {line}, in raises',
            "*raise ValueError(?something in it broke?)",
            "l2_norm PASSES the gate*",
        ]
    )
    said = result.stdout.str()
    assert said.count("Traceback") == said.count("it raised ValueError") == 1
    assert "FAILS the gate" not in said and "p = 1" not in said


@pytest.mark.slow
def test_where_every_measure_crashes_nothing_is_trained(run: Run, tmp_path: Path) -> None:
    result = run(f"--measure={MISBEHAVING}::raises", f"--cache-dir={tmp_path}", f"--leaderboard={tmp_path}/out.json")
    assert result.ret == 1
    outcomes = result.parseoutcomes()
    assert (outcomes["errors"], outcomes.keys()) == (1, {"errors", "skipped"})
    assert len([*(found_in(tmp_path) / "models").glob("*/*")]) == 1
    assert not (tmp_path / "out.json").exists()


@pytest.mark.slow
def test_a_measure_that_crashes_on_real_networks_alone_is_told_once_too(run: Run, pytester: pytest.Pytester) -> None:
    path = pytester.makepyfile(
        mine="""
        from measures import measure

        @measure(source="a test")
        def raises_on_real_ones(trained):
            print("I am called")
            if sum(weight.numel() for weight in trained.model.parameters()) > 3500:
                return trained.model.no_such_part
            return 1.0
        """
    )
    result = run(f"--measure={path}::raises_on_real_ones", "-m", "gate", "-rN")
    assert result.ret == 1
    said = result.stdout.str()
    assert said.count("Traceback") == 1 and said.count("I am called") == 1
    result.stdout.fnmatch_lines(
        [
            "tried on one tiny network first: raises_on_real_ones gave 1, in * s",
            f'  File "{path}", line 7, in raises_on_real_ones',
            "raises_on_real_ones has no verdict on * either",
            "raises_on_real_ones  random_labels  -      -         -  -        -                  -      * error",
            "raises_on_real_ones has no verdict: it raised AttributeError: *mine.py:7) (no value on 20 of 20 models)",
        ]
    )
    assert "FAILS the gate" not in said and "p = 1" not in said


@pytest.mark.slow
def test_a_timeout_is_that_measures_and_the_other_verdicts_stand(run: Run) -> None:
    result = run(f"--measure={MISBEHAVING}::hangs", "--measure=l2_norm", "-m", "gate", "--measure-timeout=2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["l2_norm PASSES the gate*"])
    result.stdout.fnmatch_lines(["hangs has no verdict: no value for * within 2 s (--measure-timeout), when it was *"])


@pytest.mark.slow
def test_a_run_that_does_not_fit_is_named_and_nobody_is_judged(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.zoo.zoo import Zoo
    from harness.zoo.zoos import ZOOS

    networks = {"mlp_1x1": 0.01, **{f"mlp_1x{width}": 0.3 for width in range(60, 69)}}
    narrow = Zoo("narrow", "digits", networks, seeds_per_network=1, num_train=100)
    monkeypatch.setitem(ZOOS, "narrow", narrow)
    result = run("--measure=l2_norm", "--zoo=narrow", f"--cache-dir={tmp_path}", "-k", "test_random_labels")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "digits-mlp_1x1-random_labels-n100-seed0 stopped at cross-entropy * after 400 epochs, above 0.01*",
            "no verdict on l2_norm: digits-mlp_1x1-random_labels-n100-seed0 stopped at*",
        ]
    )


def test_a_full_disk_is_one_sentence_and_what_was_trained_is_kept(run: Run, tmp_path: Path, tiny_disk: Path) -> None:
    result = run("--measure=l2_norm", f"--cache-dir={tiny_disk}", "-m", "gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*could not be stored under * (No space left on device); what was trained before it*"])
    assert "Traceback" not in result.stdout.str()
    kept = list((found_in(tiny_disk) / "models").glob("*/*/entry.json"))
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
    run: Run, pytester: pytest.Pytester, shared_cache: Path, tiny_zoo: Zoo, tmp_path: Path
) -> None:
    hurry = tmp_path / "hurry"
    pytester.makepyfile(
        slow=f"""
        import time
        from pathlib import Path
        from measures import measure

        @measure(source="a test")
        def takes_its_time(trained):
            time.sleep(0 if Path({str(hurry)!r}).exists() else 0.5)
            return float(trained.history.epochs)
        """
    )
    arguments = ["--measure=slow.py::takes_its_time", "-m", "gate", f"--leaderboard={tmp_path}/out.json"]
    fixed = [str(SUITES), "--zoo=tiny", f"--cache-dir={shared_cache}", "--workers=2"]
    process = fork_suites(pytester.path, tmp_path / "output", tiny_zoo, *fixed, *arguments)
    rows = shared_cache / "rows/takes_its_time.jsonl"
    deadline = time.monotonic() + 120
    while not (rows.exists() and rows.read_bytes().count(b"\n") >= 4) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join(timeout=60)
    assert process.exitcode == 2, (tmp_path / "output").read_text()
    done = rows.read_bytes().count(b"\n")
    assert 4 <= done < 41
    assert f"{INTERRUPTED} (in {shared_cache})" in (tmp_path / "output").read_text()
    entry = read_record(tmp_path / "out.json")["entries"][0]
    assert (entry["complete"], entry["verdict"]) == (False, None)

    hurry.touch()
    again = run(*arguments)
    assert again.ret == 0
    assert rows.read_bytes().count(b"\n") == 41  # one of them on the network that it was tried on
    assert read_record(tmp_path / "out.json")["entries"][0]["complete"]


@pytest.mark.long
@pytest.mark.slow
def test_xdist_workers_give_the_same_verdicts_and_record(
    outside: Callable[..., list[str]],
    run: Run,
    pytester: pytest.Pytester,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measures = "--measure=l2_norm,constant"
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # else nothing is timed here either
    alone = run(measures, f"--leaderboard={tmp_path}/alone.json")
    command = outside(measures, f"--leaderboard={tmp_path}/shared.json", "-n", "2")
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = outer | {"PYTHONPATH": f"{pytester.path}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, env=environment, timeout=300)
    records = []
    for name, status, said in (
        ("alone", alone.ret, alone.stdout.str()),
        ("shared", done.returncode, done.stdout),
    ):
        assert status == 1, said + done.stderr
        assert "l2_norm PASSES the gate" in said
        assert "constant FAILS the gate" in said
        record = json.loads((tmp_path / f"{name}.json").read_text())
        for entry in record["entries"]:
            del entry["environment"], entry["digest"]  # of the environment as well
        costs = [entry["findings"].pop("cost") for entry in record["entries"]]
        timed = name == "alone"
        assert all(("seconds" in cost["numbers"]) == timed for clauses in costs for cost in clauses.values())
        records.append(record)
    assert records[0] == records[1]


@pytest.mark.slow
def test_an_unknown_measure_exits_4_under_xdist_too(
    outside: Callable[..., list[str]], pytester: pytest.Pytester
) -> None:
    environment = os.environ | {"PYTHONPATH": f"{pytester.path}{os.pathsep}{ROOT}"}
    command = outside("--measure=l2_nrom", "-n", "2")
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 4
    assert "unknown measure 'l2_nrom'" in done.stderr


@pytest.mark.parametrize("option", ["zoo", "twins", "baseline", "leaderboard", "cache-dir", "dask", "measure"])
def test_an_option_with_an_empty_value_is_a_usage_error_and_not_one_that_was_left_out(run: Run, option: str) -> None:
    result = run(f"--{option}=")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --{option} is given without a value; name one, or leave it out *"])
