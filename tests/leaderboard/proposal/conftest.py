"""The base of all proposals, and what comes of them: made by the first of all processes that run tests."""

import shutil
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from tests.leaderboard.proposal.clones import Clone, base
from tests.leaderboard.proposal.proposals import of_a_bad_one, of_a_good_one


def once(done: Path, make: Callable[[], object]) -> None:
    """Have it made where `done` is not there yet."""
    with filelock.FileLock(done.with_suffix(".lock")):
        if not done.exists():
            make()


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Clone:
    """The networks are those of the tiny zoo, which all tests share."""
    common = shared_cache / "base_of_proposals"
    unfinished = common.with_suffix(".unfinished") / "checkout"
    once(common, lambda: (base(unfinished, shared_cache), unfinished.parent.rename(common)))
    root = tmp_path_factory.mktemp("clone") / "checkout"
    shutil.copytree(common / "checkout", root)
    return Clone(root, shared_cache)


@pytest.fixture(scope="session")
def good(clone: Clone, shared_cache: Path) -> str:
    """The report of the good proposal."""
    report = shared_cache / "good_proposal.md"
    once(report, lambda: report.write_text(of_a_good_one(clone)))
    return report.read_text()


@pytest.fixture(scope="session")
def marks(shared_cache: Path) -> Path:
    """Where attacks try to write."""
    folder = shared_cache / "marks"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def report_of_bad(clone: Clone, shared_cache: Path, marks: Path) -> str:
    """What is printed of the bad proposal."""
    report = shared_cache / "bad_proposal.md"
    once(report, lambda: report.write_text(of_a_bad_one(clone, marks)))
    return report.read_text()


@pytest.fixture(scope="session")
def bad(report_of_bad: str) -> str:
    """Of it, what is wrong."""
    return report_of_bad[: report_of_bad.index("## ")]
