"""The examples in suites/examples/ run as their READMEs say, on the tiny zoo."""

import ast
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.__main__ import main
from harness.leaderboard.check import check
from harness.training.recipe import TRAINING_VERSION
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS
from tests import ROOT
from tests.conftest import Run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]

EXAMPLES = ROOT / "suites" / "examples"


def test_all_examples_are_known_here() -> None:
    """The private package has its own tests, in tests/doors/test_private_measures.py."""
    assert sorted(path.name for path in EXAMPLES.iterdir() if path.suffix == ".py") == [
        "failing_measure.py",
        "my_measure.py",
        "my_twins.py",
        "my_zoo.py",
        "notebook_cell.py",
        "slurm_cluster.py",
        "table_zoo.py",
    ]


def test_no_example_is_collected_as_a_suite(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(EXAMPLES, "--collect-only", "-q", "-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.slow
def test_my_measure_is_judged(run: Run) -> None:
    result = run("-m", "gate", f"--measure={EXAMPLES / 'my_measure.py'}::my_measure")
    result.stdout.re_match_lines([r"my_measure +random_labels +\d+/10 .*", r"my_measure (PASSES|FAILS) the gate.*"])


@pytest.mark.slow
def test_my_zoo_judges_my_measure(run: Run) -> None:
    """A network of a user's class is sent to the process of a measure that is not of this project either."""
    zoo, measure = f"{EXAMPLES / 'my_zoo.py'}::zoo", f"{EXAMPLES / 'my_measure.py'}::my_measure"
    result = run(f"--zoo={zoo}", f"--measure={measure}", suites=ROOT / "suites" / "test_random_labels.py")
    result.stdout.re_match_lines(
        [r"=+ mine zoo, 15 twins a condition =+", r"my_measure +random_labels +15/15 .*separates"]
    )


@pytest.mark.slow
def test_networks_of_ones_own_loop_are_judged(
    pytester: pytest.Pytester, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As its first lines say, where it may write."""
    file = Path(shutil.copy(EXAMPLES / "my_twins.py", tmp_path))
    runpy.run_path(str(file), run_name="__main__")
    given = ("-m", "gate", f"--twins={file}::twins", "--measure=l2_norm", f"--cache-dir={tmp_path}", "--workers=2")
    result = pytester.runpytest_inprocess(ROOT / "suites", "-p", "no:cacheprovider", *given)
    result.stdout.re_match_lines(
        [r"Sequential +random_labels +10 .*", r"l2_norm PASSES the gate: it separates in its one randomization"]
    )
    assert result.ret == 0


@pytest.mark.slow
def test_a_table_is_asked_what_has_a_meaning_for_it_and_its_record_needs_no_code(run: Run, tmp_path: Path) -> None:
    record = tmp_path / "wines.json"
    chosen = ["-k", "random_inputs or random_labels or regularizers or shuffled or cost", f"--leaderboard={record}"]
    result = run(
        f"--zoo={EXAMPLES / 'table_zoo.py'}::wines", "--measure=l2_norm", "-rs", "--benchmark-disable", *chosen
    )
    assert result.ret == 0
    shown = result.stdout.str()
    for condition in ("random labels", "gaussian"):
        assert re.search(rf"l2_norm +{condition.replace(' ', '_')} +10/10 .* separates", shown)
    assert "l2_norm PASSES the gate: it separates in all 2 randomizations" in shown
    assert "not in the gate of the wines zoo: random pixels has no meaning for wine" in shown
    assert re.search(r"regularizers: weight_decay +quiet", shown) and re.search(r"regularizers: dropout +\w+", shown)
    assert "no units of this zoo can have random cropping; 4 are needed" in shown
    assert re.search(r"shuffled_pixels +silent", shown)
    assert check(record) == []
    content = json.loads(record.read_text())
    (entry,) = content["entries"]
    assert (entry["complete"], entry["verdict"]) == (True, "separates")
    assert sorted(entry["suites"]) == ["gaussian", "random_labels"]
    content["zoo"]["definition"]["networks"].reverse()
    record.write_text(json.dumps(content))
    (problem, *_) = check(record)
    assert "does not follow from its definition" in problem


@pytest.mark.slow
def test_the_failing_measure_fails_by_ties(run: Run) -> None:
    result = run("-m", "gate", f"--measure={EXAMPLES / 'failing_measure.py'}::number_of_weight_tensors")
    assert result.ret == 1
    shown = "number_of_weight_tensors cannot tell random labels from natural data: it ties on every one of "
    assert shown in result.stdout.str()
    assert shown in (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_notebooks_cell_prints_a_verdict(
    tiny_zoo: Zoo, shared_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a script; the zoo that it names is the tiny one here."""
    monkeypatch.setitem(ZOOS, "digits", tiny_zoo)
    monkeypatch.setenv("SHATTERPROOF_CACHE", str(shared_cache))
    runpy.run_path(str(EXAMPLES / "notebook_cell.py"), run_name="__main__")
    assert re.search(r"^largest_weight (PASSES|FAILS) the gate", capsys.readouterr().out, re.M)


def test_the_workflow_pins_its_actions_keeps_the_networks_and_gives_a_command_that_is_one() -> None:
    text = (EXAMPLES / "judge.yml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used and all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in used)
    of_ours = (ROOT / ".github" / "workflows" / "measure.yml").read_text()
    assert all(action in of_ours for action in used)
    assert "permissions:\n  contents: read\n" in text and "secrets." not in text
    (command,) = re.findall(r"run: shatterproof (.+)$", text, re.M)
    name, *arguments = command.split()
    parsed = main.commands[name].make_context(name, arguments).params
    assert (parsed["specs"], parsed["cache_dir"]) == (("./my_measure.py::my_measure",), "store")
    assert f"path: {parsed['cache_dir']}/store/*/models" in text
    (line,) = re.findall(r"run: python -c \"(.+)\" >>", text)
    said = subprocess.run([sys.executable, "-c", line], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == f"key={TRAINING_VERSION}-{torch.__version__}\n"


def test_the_slurm_example_is_python() -> None:
    """dask_jobqueue is not installed here, so it is not run."""
    ast.parse((EXAMPLES / "slurm_cluster.py").read_text())
