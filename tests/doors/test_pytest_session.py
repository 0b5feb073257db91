"""What a suite's markers ask for."""

from pathlib import Path

import pytest

from harness.evaluation.measure_lookup import find_measures
from harness.store.secret_folder import found_in
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS
from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("own_registry")


def suite(pytester: pytest.Pytester, markers: str) -> Path:
    return pytester.makepyfile(
        f"""
        import pytest
        from harness.evaluation import contract
        from harness.judging.questions import same_data

        pytestmark = [{markers}]

        def test_something():
            pass
        """
    )


def test_a_marker_that_asks_for_what_is_not_known_is_a_usage_error_before_training(
    run: Run, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    path = suite(pytester, 'pytest.mark.gate("random_lables")')
    result = run("--measure=l2_norm", f"--cache-dir={tmp_path}", suites=path, plugin=True)
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["ERROR: *::test_something: the marker gate has 'random_lables'; expected a condition of the gate (random_la*"]
    )
    assert not (found_in(tmp_path) / "models").exists()


def test_a_misspelt_marker_is_refused_where_markers_are_strict(run: Run, pytester: pytest.Pytester) -> None:
    path = suite(pytester, "pytest.mark.findings(same_data.QUESTION)")
    result = run("--measure=l2_norm", "--strict-markers", suites=path, plugin=True)
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*'findings' not found in `markers` configuration option"])


def test_markers_that_ask_for_nothing_train_nothing(run: Run, pytester: pytest.Pytester, tmp_path: Path) -> None:
    path = suite(pytester, "pytest.mark.gate, pytest.mark.finding")
    run("--measure=l2_norm", f"--cache-dir={tmp_path}", suites=path, plugin=True).assert_outcomes(passed=1)
    assert not (found_in(tmp_path) / "models").exists()


MANY = {f"mlp_1x{width}": 0.3 for width in range(60, 70)}


def test_data_that_are_not_there_are_one_usage_error_before_anything_is_trained(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ZOOS, "nowhere", Zoo("nowhere", "class_folders", MANY, num_train=20))
    result = run("--measure=l2_norm", "--zoo=nowhere", f"--cache-dir={tmp_path}", f"--data-dir={tmp_path}/none")
    assert result.ret == 4
    (line,) = (line for line in result.stderr.lines if line.startswith("ERROR: "))
    assert f"{tmp_path}/none" in line
    assert not (found_in(tmp_path) / "models").exists()


def test_without_a_measure_it_is_said_how_to_choose(run: Run) -> None:
    premises = ("-m", "gate", "-k", "every_model_fits")  # about no measure: none is evaluated
    (line,) = (line for line in run(*premises).stdout.lines if line.startswith("all "))
    count = len(find_measures(["all"]))
    assert line.startswith(f"all {count} measures, since none was named: --measure=NAME judges one, -m gate asks for ")
    assert "none was named" not in run(*premises, "--measure=l2_norm").stdout.str()


def test_a_project_that_names_its_own_tests_otherwise_finds_the_suites_all_the_same(
    run: Run, pytester: pytest.Pytester
) -> None:
    theirs = pytester.makeini("[pytest]\npython_files = check_*.py\npython_functions = check\n")
    pytester.makepyfile(check_theirs="def check_it(): ...", test_theirs="def test_it(): ...")
    result = run("-c", theirs, "--measure=l2_norm", "-m", "gate", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["*test_random_labels.py::test_separates*l2_norm*"])
    result = run("-c", theirs, pytester.path, "--measure=l2_norm", "-m", "not gate", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["*check_theirs.py::check_it"])
    result.stdout.no_fnmatch_line("*test_theirs*")
