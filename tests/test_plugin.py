"""pytest suites/ --measure=...: ids, options, exit codes, messages, and that nothing is lost.

Runs in this process where it can, on the tiny zoo, with models and rows shared by the tests of this file.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.record import read_record

ROOT = Path(__file__).parent.parent
SUITES = ROOT / "suites"
MISBEHAVING = ROOT / "tests" / "misbehaving.py"

pytestmark = pytest.mark.usefixtures("own_registry")

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, shared_cache: Path) -> Run:
    """pytest SUITES with the given arguments, in this process, on the tiny zoo."""

    def in_process(*arguments: object, suites: object = SUITES) -> pytest.RunResult:
        fixed = ["-p", "no:cacheprovider", "--zoo=tiny", f"--cache-dir={shared_cache}", "--workers=2"]
        return pytester.runpytest_inprocess(suites, *fixed, *arguments)

    return in_process


@pytest.fixture
def outside(pytester: pytest.Pytester, shared_cache: Path) -> Callable[..., list[str]]:
    """The command line of the same in a process of its own, which has to be told of the tiny zoo."""
    pytester.makepyfile(
        tiny="""
        from harness.zoo import ZOOS, Zoo
        ZOOS["tiny"] = Zoo("tiny", "digits", {"mlp_1x64": 0.3, "mlp_1x128": 0.3}, num_train=100)
        """
    )

    def command(*arguments: object) -> list[str]:
        fixed = ["-p", "tiny", "-p", "no:cacheprovider", "--zoo=tiny", f"--cache-dir={shared_cache}", "--workers=2"]
        return [sys.executable, "-m", "pytest", str(SUITES), *fixed, *map(str, arguments)]

    return command


def test_a_measure_that_passes_exits_0_and_says_so(run: Run) -> None:
    result = run("--measure=l2_norm")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*suites/test_contract.py .....s * [[] 50%]",
            "*suites/test_random_inputs.py ....*",
            "*suites/test_random_labels.py ..*",
            "*tiny zoo, 10 twins a condition*",
            "measure  randomized *",
            "l2_norm  random_labels  10/10 * separates",
            "l2_norm  random_pixels  10/10 * separates",
            "l2_norm  gaussian       10/10 * separates",
            "l2_norm PASSES the gate: it separates in all 3 randomizations",
        ]
    )


@pytest.mark.parametrize("name", ["constant", "parameter_count"])
def test_a_measure_that_ties_exits_1_and_says_that_it_ties_on_every_twin(run: Run, name: str) -> None:
    result = run(f"--measure={name}")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            f"{name} cannot tell random labels from natural data: it ties on every one of 10 twins (sign test p = 1, *",
            f"  reproduce: pytest *test_random_labels.py --measure={name} --zoo=tiny",
            f"{name} FAILS the gate: overlaps on random labels, overlaps on random pixels, overlaps on gaussian",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("name", ["coin_flip", "train_loss"])
def test_a_control_that_differs_without_telling_exits_1(run: Run, name: str) -> None:
    result = run(f"--measure={name}", "-m", "gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [f"{name} cannot tell random labels from natural data: larger on the*", f"{name} FAILS*"]
    )


def test_item_ids_read_as_sentences_and_are_stable(run: Run) -> None:
    result = run("--measure=path_norm,l2_norm", "--collect-only", "-q")
    ids = [line.rsplit("suites/", 1)[1] for line in result.outlines if "::" in line]
    assert ids == [
        "test_contract.py::test_returns_one_finite_number[l2_norm]",
        "test_contract.py::test_returns_one_finite_number[path_norm]",
        "test_contract.py::test_repeats[l2_norm]",
        "test_contract.py::test_repeats[path_norm]",
        "test_contract.py::test_leaves_everything_as_it_was[l2_norm]",
        "test_contract.py::test_leaves_everything_as_it_was[path_norm]",
        "test_contract.py::test_draws_only_from_its_generator[l2_norm]",
        "test_contract.py::test_draws_only_from_its_generator[path_norm]",
        "test_contract.py::test_does_not_depend_on_the_order_of_examples[l2_norm]",
        "test_contract.py::test_does_not_depend_on_the_order_of_examples[path_norm]",
        "test_contract.py::test_does_not_depend_on_the_device[l2_norm]",
        "test_contract.py::test_does_not_depend_on_the_device[path_norm]",
        "test_random_inputs.py::test_every_model_fits_its_training_set[random_pixels]",
        "test_random_inputs.py::test_every_model_fits_its_training_set[gaussian]",
        "test_random_inputs.py::test_separates_random_pixels[l2_norm]",
        "test_random_inputs.py::test_separates_random_pixels[path_norm]",
        "test_random_inputs.py::test_separates_gaussian[l2_norm]",
        "test_random_inputs.py::test_separates_gaussian[path_norm]",
        "test_random_labels.py::test_every_model_fits_its_training_set",
        "test_random_labels.py::test_separates[l2_norm]",
        "test_random_labels.py::test_separates[path_norm]",
    ]


def test_collecting_trains_nothing(run: Run, tmp_path: Path) -> None:
    assert run("--measure=l2_norm", f"--cache-dir={tmp_path}", "--collect-only", "-q").ret == 0
    assert not (tmp_path / "models").exists()


def test_the_gate_alone_can_be_selected(run: Run) -> None:
    run("--measure=l2_norm", "-m", "gate").assert_outcomes(passed=6, deselected=6)


def test_the_contract_alone_can_be_selected(run: Run) -> None:
    outcomes = run("--measure=l2_norm", "-m", "contract").parseoutcomes()
    assert (outcomes["passed"] + outcomes.get("skipped", 0), outcomes["deselected"]) == (6, 6)


def test_a_part_of_the_gate_gives_no_overall_verdict(run: Run) -> None:
    result = run("--measure=l2_norm", "-k", "random_labels and separates")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["l2_norm: no overall verdict; the gate is all of it, and only random labels ran"])


def test_x_stops_at_the_first_failure(run: Run) -> None:
    result = run("--measure=constant,parameter_count", "-m", "gate", "-x")
    assert result.ret == 1
    assert result.parseoutcomes()["failed"] == 1


def test_repeated_measures_are_judged_side_by_side(run: Run) -> None:
    result = run("--measure=l2_norm", "--measure=constant", "-m", "gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["constant FAILS the gate*", "l2_norm PASSES the gate*"])


def test_junit_carries_the_measure_and_its_verdict(run: Run, tmp_path: Path) -> None:
    run("--measure=constant", "-m", "gate", f"--junitxml={tmp_path}/junit.xml")
    text = (tmp_path / "junit.xml").read_text()
    assert '<property name="measure" value="constant"' in text
    assert '<property name="verdict" value="overlaps"' in text
    assert '<property name="p_value" value="1.0"' in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measure=l2_nrom"], "unknown measure 'l2_nrom'; did you mean 'l2_norm'"),
        (["--measure=gone.py::f"], "--measure=gone.py::f: there is no file"),
        (["--measure=l2_norm", "--zoo=digit"], "unknown zoo 'digit'; did you mean 'digits'"),
        (["--measure=l2_norm", "--workers=0"], "--workers is 0; expected 1 or more"),
        (["--measure=l2_norm", "--measure-timeout=0"], "--measure-timeout is 0; expected a number of seconds above 0"),
        (["--measure=l2_norm", "--cache-dir=/proc/nowhere"], "the cache folder /proc/nowhere cannot be written"),
        (["--measure=l2_norm", "--device=warp"], "--device warp cannot be used here"),
        (["--measure=l2_norm", "--leaderboard=/no/such/folder/out.json"], "--leaderboard=/no/such/folder/out.json"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors_before_anything_runs(
    run: Run, arguments: list[str], message: str
) -> None:
    result = run(*arguments)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {message}*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "message"), [(["--zoo=digit"], "unknown zoo 'digit'"), (["--workers=0"], "--workers is 0")]
)
def test_they_are_usage_errors_without_a_measure_as_well(run: Run, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {message}*"])


def test_a_broken_contract_is_a_finding_that_fails_only_a_strict_run(run: Run) -> None:
    arguments = [f"--measure={MISBEHAVING}::depends_on_the_order", "-m", "contract"]
    result = run(*arguments)
    assert result.ret == 0
    assert result.parseoutcomes()["xfailed"] == 1
    result.stdout.fnmatch_lines(["depends_on_the_order breaks its contract: it gave *"])
    result = run(*arguments, "--strict")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["depends_on_the_order: it gave * with its examples reordered (on a tiny *)"])


def test_only_the_measures_that_are_selected_are_evaluated(run: Run, shared_cache: Path) -> None:
    run("--measure=distance_from_init,frobenius_norm", "-m", "gate", "-k", "distance_from_init")
    assert (shared_cache / "rows" / "distance_from_init.jsonl").exists()
    assert not (shared_cache / "rows" / "frobenius_norm.jsonl").exists()


def test_a_run_that_measures_nothing_leaves_an_old_record_as_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("an older record")
    result = run("--measure=l2_norm", "-m", "contract", f"--leaderboard={path}")
    result.stdout.fnmatch_lines(["nothing was measured; * is left as it is"])
    assert path.read_text() == "an older record"


def test_without_capture_or_terminal_reporter_it_runs_too(run: Run) -> None:
    run("--measure=l2_norm", "-m", "gate", "-s").assert_outcomes(passed=6, deselected=6)
    assert run("--measure=l2_norm", "-m", "gate", "-p", "no:terminal").ret == 0


def test_too_few_twins_are_an_error_before_training(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.zoo import ZOOS, Zoo

    monkeypatch.setitem(ZOOS, "few", Zoo("few", "digits", {"mlp_1x64": 0.3}, seeds_per_network=9))
    result = run("--measure=l2_norm", "--zoo=few", f"--cache-dir={tmp_path}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: this zoo has 9 twins; no measure can reach p < 0.001 with fewer than 10"])
    assert not (tmp_path / "models").exists()


def test_a_measure_in_a_file_outside_the_project_is_judged(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        mine="""
        from measures import measure

        @measure(source="mine")
        def weights_moved(trained):
            pairs = zip(trained.model.parameters(), trained.init.parameters())
            return sum(float((after - before).detach().square().sum()) for after, before in pairs)
        """
    )
    result = run("--measure=./mine.py::weights_moved")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["weights_moved PASSES the gate*"])


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


def test_the_record_is_valid_complete_and_recomputable(run: Run, tmp_path: Path) -> None:
    result = run("--measure=l2_norm,constant", f"--leaderboard={tmp_path}/out.json")
    result.stdout.fnmatch_lines([f"record written to {tmp_path}/out.json"])
    record = read_record(tmp_path / "out.json")
    constant, norm = record["entries"]
    assert (norm["measure"], norm["verdict"], norm["complete"], norm["contract"]) == (
        "l2_norm",
        "separates",
        True,
        "passes",
    )
    assert (constant["measure"], constant["verdict"]) == ("constant", "overlaps")
    assert len(record["zoo"]["models"]) == len(norm["rows"]) == 40
    by_recipe = {row["recipe"]: row["value"] for row in norm["rows"]}
    ids = {model["id"]: by_recipe[key] for key, model in record["zoo"]["models"].items()}
    wins = sum(
        ids[name.replace("true_labels", "random_labels")] > value
        for name, value in ids.items()
        if "true_labels" in name
    )
    assert wins == norm["suites"]["random_labels"]["wins"]


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
        environment = os.environ | {"PYTHONPATH": str(pytester.path)}
        done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, env=environment, timeout=300)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "l2_norm PASSES the gate" in done.stdout
        assert "constant FAILS the gate" in done.stdout
        record = json.loads(path.read_text())
        del record["environment"]
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


def test_listing_measures_runs_nothing(run: Run) -> None:
    result = run("--list-measures")
    assert result.ret == 0
    assert re.search(r"^spectral_norm +spectral +fast +Bartlett", result.stdout.str(), re.MULTILINE)
    result.stdout.no_fnmatch_line("*test session starts*")


def test_without_measure_every_registered_one_is_judged(run: Run) -> None:
    from harness.measure_lookup import find_measures

    result = run("--collect-only", "-q", "-k", "test_random_labels and separates")
    judged = re.findall(r"test_separates\[(\w+)\]", result.stdout.str())
    assert judged == [measure.name for measure in find_measures(["all"])]


def test_the_cost_limits_all(run: Run) -> None:
    result = run("--collect-only", "-q", "--cost=fast", "-k", "test_random_labels and separates")
    assert "leave_out_stability" not in result.stdout.str()
    assert "[l2_norm]" in result.stdout.str()


def test_any_other_pytest_run_imports_neither_torch_nor_the_measures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_other="""
        import sys

        def test_nothing_heavy_is_imported():
            assert not {"torch", "scipy", "measures", "harness.judging"} & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess("-p", "harness.pytest_plugin")
    result.assert_outcomes(passed=1)
    assert "Plugin already registered" not in result.stderr.str()


def test_a_test_of_someone_elses_may_have_a_measure_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def measure():
            return "a tape"

        def test_it(measure):
            assert measure == "a tape"
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
