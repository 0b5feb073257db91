"""A proposal judged by another checkout: its measures and records are taken, and nothing that the judge runs."""

from pathlib import Path

import pytest

from harness.leaderboard.proposal.laid_over import laid_over, left_out, taken
from tests import ROOT
from tests.leaderboard.proposal.proposals import RUN_BY_A_JUDGE

RAISES = 'raise RuntimeError("of the proposal")\n'


def write(root: Path, *paths: str, text: str = '"""Of the proposal."""\n') -> frozenset[Path]:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return frozenset(map(Path, paths))


def test_measures_and_records_are_taken_new_changed_and_removed(tmp_path: Path) -> None:
    new = write(tmp_path, "measures/mine/__init__.py", "measures/mine/my_norm.py", "baselines/digits/my_norm.json")
    changed = write(tmp_path, "measures/norms/path_norm.py")
    removed = frozenset({Path("measures/norms/l1_norm.py"), Path("baselines/digits/l1_norm.json")})
    assert {*taken(tmp_path, new | changed | removed)} == new | changed | removed
    with laid_over(ROOT, tmp_path, new | changed | removed) as tree:
        assert all((tree / path).read_text() == '"""Of the proposal."""\n' for path in new | changed)
        assert not any((tree / path).exists() for path in removed)
        for path in ("harness/pytest_plugin.py", "suites/conftest.py", "measures/norms/l2_norm.py", "pyproject.toml"):
            assert (tree / path).read_bytes() == (ROOT / path).read_bytes()
    assert not tree.exists()
    assert list(left_out(tmp_path, new | changed | removed)) == []


@pytest.mark.parametrize(
    "path",
    [
        "harness/judging/mine.py",
        "suites/conftest.py",
        "pyproject.toml",
        "mine.pth",
        "measures/trained_model.py",
        "measures/registry.py",
        "measures/norms/__pycache__/path_norm.pyc",
        "measures/norms/path_norm.so",
        "measures/norms/__init__.py",  # with a statement in it
    ],
)
def test_what_the_judge_runs_is_left_out_and_named(tmp_path: Path, path: str) -> None:
    changed = write(tmp_path, path, text=RAISES)
    assert taken(tmp_path, changed) == []
    assert list(left_out(tmp_path, changed)) == [f"{path} is changed and was not used: the judge is another checkout's"]


def test_a_file_that_the_judge_runs_is_not_removed(tmp_path: Path) -> None:
    removed = {Path("measures/registry.py"), Path("harness/__init__.py")}
    with laid_over(ROOT, tmp_path, removed) as tree:
        assert all((tree / path).exists() for path in removed)


def test_documents_tests_and_workflows_have_no_part_and_are_not_named(tmp_path: Path) -> None:
    changed = write(tmp_path, "README.md", "tests/measures/test_mine.py", ".github/workflows/measure.yml")
    assert taken(tmp_path, changed) == list(left_out(tmp_path, changed)) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, "secret.py", "folder/secret.py", text="SECRET = 1\n")
    proposal = tmp_path / "proposal"
    (proposal / "measures/norms").mkdir(parents=True)
    (proposal / "measures/norms/mine.py").symlink_to(elsewhere / "secret.py")
    (proposal / "measures/other").symlink_to(elsewhere / "folder")
    changed = {Path("measures/norms/mine.py"), Path("measures/other"), Path("measures/other/secret.py")}
    with laid_over(ROOT, proposal, changed) as tree:
        assert not any((tree / path).exists() for path in changed)
    said = list(left_out(proposal, changed))
    assert len(said) == 3 and all("was not used: it is a link, or lies behind one" in each for each in said)


@pytest.mark.slow
def test_a_proposal_has_no_hand_in_the_judge_of_another_checkout(good: str) -> None:
    assert "1 measure added (my\\_squares)" in good
    assert "## my\\_squares: passes" in good
    assert "harness and suites are those of the judge's checkout" in good
    for path in RUN_BY_A_JUDGE:
        assert f"- {path} is changed and was not used".replace("_", "\\_") in good
    assert "--base origin/main --of FOLDER --fresh 7" in good
