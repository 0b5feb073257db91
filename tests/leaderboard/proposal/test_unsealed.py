"""Proposed measures are a stranger's: what they try reaches nobody, and the judge imports none of them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.calling.handed_out import handed_out
from harness.errors import HarnessError
from harness.evaluation.evaluate_job import EvaluateJob
from harness.evaluation.measure_lookup import find_measures, spec_of
from harness.evaluation.measure_reference import reference_to, sealed
from harness.evaluation.source_digest import digest_as_called
from harness.leaderboard.proposal import unsealed
from harness.leaderboard.proposal.changed import Changes, changed_files, merge_base, registered_in
from harness.leaderboard.proposal.registered import Registered
from harness.leaderboard.proposal.review import review
from harness.leaderboard.proposal.unsealed import Asked, asked_for, run_by_the_judge
from harness.settings import make_settings
from harness.training.recipe import Recipe
from tests import ROOT
from tests.builders.models import random_network
from tests.leaderboard.proposal.clones import Clone
from tests.leaderboard.proposal.proposals import LEAVES_A_MARK, READS_THE_RECIPE, SQUARES


@pytest.mark.slow
def test_a_proposed_measure_writes_nothing_when_it_is_imported_or_called(report_of_bad: str, marks: Path) -> None:
    assert "## my\\_mark: passes" in report_of_bad
    assert [*marks.iterdir()] == []


@pytest.mark.slow
def test_a_proposed_measure_that_changes_torch_at_its_import_has_no_outcome(report_of_bad: str) -> None:
    assert "my\\_dtype fails the gate: error" in report_of_bad or "my\\_dtype has no verdict" in report_of_bad
    assert "changes torch's default dtype from torch.float32 to torch.float64" in report_of_bad


@pytest.mark.slow
def test_a_proposed_measure_finds_no_recipe_in_its_process(report_of_bad: str) -> None:
    assert "- my\\_frames fails the gate: overlaps" in report_of_bad


def test_that_attack_finds_a_recipe_where_the_process_has_one_and_none_in_a_process_of_its_own(tmp_path: Path) -> None:
    recipe = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=0, condition="random_labels")
    job = EvaluateJob(recipe, (), False, make_settings())
    trained = handed_out(random_network("mlp_1x8", 0))
    (tmp_path / "attack.py").write_text(READS_THE_RECIPE)
    (attack,) = find_measures([f"{tmp_path}/attack.py::my_frames"])
    assert sealed(attack).function(trained) == 0.0
    here: dict[str, Any] = {"__name__": "attack_here"}
    exec(READS_THE_RECIPE.replace('@measure(source="red team")', ""), here)
    assert here["my_frames"](trained) == 1.0 == float(job.recipe.condition != "true_labels")


@pytest.mark.slow
def test_an_honest_measure_beside_attacks_has_the_outcome_that_it_has_alone(report_of_bad: str) -> None:
    own = report_of_bad[report_of_bad.index("## my\\_squares") :]
    assert own.startswith("## my\\_squares: passes")
    assert "family norms" in own[: own.index("Contract")]
    assert "my\\_squares breaks" not in report_of_bad and "my\\_squares fails" not in report_of_bad


def test_a_measure_of_this_project_that_is_asked_for_sealed_is_not_imported() -> None:
    script = (
        "import sys\n"
        "from harness.evaluation.measure_lookup import find_measures, spec_of\n"
        "if __name__ == '__main__':\n"
        "    (found,) = find_measures(['sealed:path_norm'])\n"
        "    print(found.family, spec_of(found), 'measures.norms.path_norm' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["external", "sealed:path_norm", "False"]


def test_a_name_imports_the_file_that_declares_it_and_no_other_measure() -> None:
    script = (
        "import sys\n"
        "from harness.evaluation.measure_lookup import find_measures\n"
        "find_measures(['l2_norm'])\n"
        "print(*sorted(name for name in sys.modules if name.startswith('measures.norms.')))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["measures.norms.l2_norm"]


def test_values_of_a_sealed_measure_are_not_kept_as_those_of_the_project() -> None:
    own, other = find_measures(["l2_norm"])[0], find_measures(["sealed:l2_norm"])[0]
    assert (spec_of(own), spec_of(other)) == ("l2_norm", "sealed:l2_norm")
    assert (own.file, own.version) == (other.file, other.version)
    assert digest_as_called(own) != digest_as_called(other)
    assert (reference_to(own).stranger is None, reference_to(other).stranger is None) == (True, False)


def test_an_unknown_name_is_answered_sealed_or_not() -> None:
    for spec in ("l2_nrom", "sealed:l2_nrom"):
        with pytest.raises(HarnessError, match="unknown measure 'l2_nrom'; did you mean 'l2_norm'"):
            find_measures([spec])


def test_a_measure_is_sealed_if_any_file_that_it_depends_on_changed(tmp_path: Path) -> None:
    measures = {
        "one": Registered("one", 1, "norms", "a", ("measures/norms/one.py", "measures/quantities/helper.py")),
        "other": Registered("other", 1, "norms", "b", ("measures/norms/other.py",)),
    }
    asked = asked_for(measures, measures, {Path("measures/quantities/helper.py"), Path("README.md")}, tmp_path)
    assert asked.specs == {"one": "sealed:one", "other": "other"}
    assert asked.sources == {"one": "a", "other": "b"}
    assert asked_for(["one"], measures, {Path("tests/x.py")}, tmp_path).specs == {"one": "one"}


def test_the_files_of_a_measure_are_its_own_what_it_shares_and_the_packages_around_it() -> None:
    files = registered_in(ROOT, by_literals=True)["path_norm"].files
    assert {"measures/norms/path_norm.py", "measures/trained_model.py", "measures/norms/__init__.py"} <= {*files}
    assert not any("l2_norm" in file for file in files)


def test_what_the_judge_imports_for_itself_is_told_from_what_measures_alone_import(tmp_path: Path) -> None:
    contents = {
        "harness/judging/verdict.py": "",
        "suites/conftest.py": "",
        "pyproject.toml": "",
        "torch.py": "",  # beside the suites, where imports are looked for first
        "measures/trained_model.py": "",
        "measures/registry.py": "",
        "measures/norms/__init__.py": "from measures.norms import mine",
        "measures/norms/__pycache__/l2_norm.cpython-312.pyc": "",
        "measures/quantities/__init__.py": '"""It documents."""',
        "measures/quantities/mine.py": "",
        "measures/norms/mine.py": "",
        "tests/measures/norms/test_mine.py": "",
        "baselines/digits/mine.json": "",
        "README.md": "",
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    gone = Path("harness/removed.py")
    found = run_by_the_judge([gone, *map(Path, contents)], tmp_path)
    assert {*map(str, found)} == {*list(contents)[:8]}


def test_who_adds_a_measure_may_not_change_the_judge_with_it_and_who_adds_none_is_noted() -> None:
    asked = Asked(warnings=("harness/x.py is changed and runs in the judge itself",))
    adding = review(Changes(("new",), (), (), ()), None, None, None, {}, {}, None, asked)
    assert adding.failures == ("harness/x.py is changed and runs in the judge itself; propose it on its own",)
    altering = review(Changes((), ("old",), (), ()), None, None, None, {}, {}, None, asked)
    assert (altering.failures, altering.notes) == ((), asked.warnings)


@pytest.mark.slow
def test_a_proposed_file_that_only_an_import_could_list_is_refused_and_not_imported(clone: Clone, marks: Path) -> None:
    clone.branch("unlisted")
    text = LEAVES_A_MARK.replace("FOLDER", repr(str(marks))).replace('source="red team"', 'source="red" + str(1)')
    (clone.root / "measures" / "norms" / "my_mark.py").write_text(text)
    clone.commit()
    before = {path.name for path in marks.iterdir()}
    result = clone.propose()
    assert result.exit_code == 2
    assert "my_mark.py:" in result.stderr and "@measure takes literals here" in result.stderr
    assert {path.name for path in marks.iterdir()} == before


@pytest.mark.slow
def test_changed_files_are_those_of_the_branch_and_those_that_are_not_committed(clone: Clone) -> None:
    clone.branch("files")
    clone.write("measures/norms/mine.py", "mine", SQUARES)
    clone.commit()
    clone.write("measures/norms/other.py", "other", SQUARES)
    found = changed_files(clone.root, merge_base(clone.root, "main"))
    assert {*map(str, found)} == {"measures/norms/mine.py", "measures/norms/other.py"}


def test_the_judge_of_this_project_is_followed_through_its_imports() -> None:
    followed = {str(path) for path in unsealed._of_the_judge()}
    assert {"measures/trained_model.py", "measures/layers.py", "harness/pytest_plugin.py"} <= followed
    assert "measures/norms/l2_norm.py" not in followed
