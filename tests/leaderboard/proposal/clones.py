"""A clone with a history of its own, in which measures are proposed on branches."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.__main__ import main
from harness.leaderboard.proposal import command, fresh
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS
from tests import ROOT
from tests.builders.forked_suites import fork_suites
from tests.conftest import TINY

# The clone's zoo: real networks and real suites, ten twins that train in a second.
SMALL: Zoo = dataclasses.replace(TINY, name="digits")
SUITES = ("random_labels", "random_inputs", "contract", "noise_floor", "early_stopping")
"""Those of its suites: a proposal's outcomes under all others are treated as these are."""

DRAWN = 7
MEASURE = '''"""A measure of this test."""

from measures.trained_model import TrainedModel
from measures import measure


@measure(source="<b>a test</b>")
def NAME(trained: TrainedModel) -> float:
    return FORMULA
'''


class Clone:
    """A checkout with a history of its own: `main`, and a branch for every proposal."""

    def __init__(self, root: Path, cache: Path):
        self.root, self.cache = root, cache

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True)

    def record(self, *measures: str) -> None:
        """The records of these, by the suites."""
        options = [f"--measure={','.join(measures)}", f"--cache-dir={self.cache}", "--workers=2"]
        output = self.root.parent / "output"
        run = fork_suites(self.root, output, SMALL, "suites/", "--leaderboard=baselines/digits", *options)
        run.join()
        assert run.exitcode == 1, output.read_text()  # one of them fails the gate

    def branch(self, name: str) -> None:
        self.git("checkout", "-q", "-f", "main")
        self.git("clean", "-q", "-f", "-d")
        self.git("checkout", "-q", "-b", name)

    def write(self, path: str, name: str, formula: str) -> None:
        (self.root / path).write_text(MEASURE.replace("NAME", name).replace("FORMULA", formula))

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a proposal")

    def propose(self, *arguments: str) -> Result:
        """What the command says in this process, of the clone in place of this checkout."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(command, "ROOT", self.root)
            patch.setattr(fresh, "draw", lambda: DRAWN)
            patch.setitem(ZOOS, "digits", SMALL)
            fixed = ["--base", "main", "--cache-dir", str(self.cache), "--workers", "2"]
            return CliRunner().invoke(main, ["propose", *fixed, *arguments])


def base(root: Path, cache: Path) -> Clone:
    """A few measures on the small zoo, two of them recorded by the suites themselves."""
    others = {path.name for path in (ROOT / "suites").glob("test_*.py")} - {f"test_{name}.py" for name in SUITES}
    ignored = shutil.ignore_patterns("__pycache__", *others)
    for folder in (
        "harness",
        "suites",
        "measures/norms",
        "measures/controls",
        "measures/networks",
        "measures/quantities",
    ):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    for file in (ROOT / "pyproject.toml", ROOT / ".gitignore", *ROOT.glob("*.py"), *(ROOT / "measures").glob("*.py")):
        shutil.copy(file, root / file.relative_to(ROOT))
    with (root / "harness" / "zoo" / "zoos.py").open("a") as file:
        file.write(f'\n\nZOOS["digits"] = {SMALL!r}\n')
    (root / "baselines" / "digits").mkdir(parents=True)
    (root / "tests" / "measures").mkdir(parents=True)
    (root / "tests" / "measures" / "__init__.py").touch()  # by which a checkout is known
    made = Clone(root, cache)
    made.git("init", "-q", "-b", "main")
    made.record("l2_norm", "constant")
    made.commit()
    return made
