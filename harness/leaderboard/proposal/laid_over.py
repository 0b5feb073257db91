"""A proposal's measures and records beside a harness and suites that it has no hand in: those of another checkout.

Of what the proposal changes, the files that the judge runs itself are left as they are in that checkout.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from harness.leaderboard.proposal.unsealed import judge_runs

JUDGED = ("measures", "baselines")
FOLDERS = ("harness", "suites", *JUDGED)
SETTINGS = "pyproject.toml"


@contextlib.contextmanager
def laid_over(judge: Path, proposal: Path, changed: Collection[Path]) -> Iterator[Path]:
    """A copy of the checkout `judge`, with those of the proposal's changed files that are `taken`, for a while."""
    with tempfile.TemporaryDirectory(prefix="judged-") as folder:
        tree = Path(folder) / "tree"
        for name in FOLDERS:
            shutil.copytree(judge / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(judge / SETTINGS, tree)
        for path in taken(proposal, changed):
            (tree / path).unlink(missing_ok=True)
            if (proposal / path).is_file():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(proposal / path, tree / path)
        yield tree


def taken(proposal: Path, changed: Collection[Path]) -> list[Path]:
    """The changed measures and records, removed ones too; not what the judge runs itself, and not what is a link, or
    behind one."""
    found = [path for path in changed if path.parts[0] in JUDGED and not judge_runs(path, proposal)]
    return sorted(path for path in found if (proposal / path).resolve() == proposal.resolve() / path)


def left_out(proposal: Path, changed: Collection[Path]) -> Iterator[str]:
    """A sentence for each changed file that might have had a part in the judgement, and has none."""
    used = {*taken(proposal, changed)}
    for path in sorted(path for path in changed if path not in used):
        if judge_runs(path, proposal):
            yield f"{path} is changed and was not used: the judge is another checkout's"
        elif path.parts[0] in JUDGED:
            yield f"{path} is changed and was not used: it is a link, or lies behind one"
