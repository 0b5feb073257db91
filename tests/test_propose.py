"""`propose` on real branches of a clone: what a change adds or alters is judged, and decides the exit status."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.digits_records import altered

ROOT = Path(__file__).parent.parent
# The clone's zoo: real networks and real suites, ten twins that train in a second.
SMALL = 'ZOOS["digits"] = Zoo("digits", "digits", {"mlp_1x64": 0.3, "mlp_1x128": 0.3}, num_train=100)\n'
MEASURE = '''"""A measure of this test."""

from harness.trained_model import TrainedModel
from measures import measure


@measure(source="<b>a test</b>")
def NAME(trained: TrainedModel) -> float:
    return FORMULA
'''
SQUARES = "sum(float(each.detach().double().square().sum()) for each in trained.model.parameters())"


class Clone:
    """A checkout with a history of its own: `main`, and a branch for every proposal."""

    def __init__(self, root: Path, cache: Path):
        self.root, self.cache = root, cache

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *arguments, "--cache-dir", str(self.cache), "--workers", "2"]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)

    def branch(self, name: str) -> None:
        self.git("checkout", "-q", "-f", "main")
        self.git("clean", "-q", "-f", "-d")
        self.git("checkout", "-q", "-b", name)

    def write(self, path: str, name: str, formula: str) -> None:
        (self.root / path).write_text(MEASURE.replace("NAME", name).replace("FORMULA", formula))

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a proposal")

    def propose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.commit()
        return self.run("harness", "propose", "--base", "main", *arguments)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """The base: a few measures on the small zoo, two of them recorded by the suites themselves."""
    root = tmp_path_factory.mktemp("clone") / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("harness", "suites", "measures/norms", "measures/controls"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    for name in ("pyproject.toml", ".gitignore", "measures/__init__.py", "measures/_registry.py"):
        shutil.copy(ROOT / name, root / name)
    with (root / "harness" / "zoo.py").open("a") as file:
        file.write("\n\n" + SMALL)
    (root / "baselines" / "digits").mkdir(parents=True)
    made = Clone(root, tmp_path_factory.mktemp("cache"))
    made.git("init", "-q", "-b", "main")
    recorded = made.run("pytest", "suites/", "--measure=l2_norm,constant", "--leaderboard=baselines/digits")
    assert recorded.returncode == 1, recorded.stdout  # the constant fails the gate
    made.commit()
    yield made


pytestmark = pytest.mark.slow


def test_an_added_measure_that_passes_is_reported_and_passes(clone: Clone, tmp_path: Path) -> None:
    clone.branch("good")
    clone.write("measures/norms/my_squares.py", "my_squares", SQUARES)
    result = clone.propose("--report", str(tmp_path / "report.md"))
    assert result.returncode == 0, result.stdout + result.stderr
    report = (tmp_path / "report.md").read_text()
    assert "1 measure added (my\\_squares)" in report
    assert "**It passes.**" in report
    assert "## my\\_squares: passes" in report
    assert re.search(r"\| random labels \| 10/10 \| 0 \| 0\.00098 \| 1\.00 \[0\.\d+, 1\.00\] \| separates \|", report)
    assert re.search(r"Contract: passes\. \S+ s a model\. Rank: none before, \d of 2 after\.", report)
    assert "pytest suites/ --measure=my_squares" in report
    assert "<b>" not in report and "&lt;b&gt;a test&lt;/b&gt;" in report
    assert "my\\_squares is to be recorded" in report


def test_an_added_measure_that_fails_the_gate_fails(clone: Clone) -> None:
    clone.branch("bad")
    clone.write("measures/norms/my_constant.py", "my_constant", "1.0")
    result = clone.propose()
    assert result.returncode == 1
    assert "- my\\_constant fails the gate: overlaps" in result.stdout


def test_an_added_measure_that_breaks_the_contract_fails(clone: Clone) -> None:
    clone.branch("broken")
    clone.write("measures/norms/my_mess.py", "my_mess", f"{SQUARES} + __import__('torch').rand(()).item() * 1e-9")
    result = clone.propose()
    assert result.returncode == 1
    assert "- my\\_mess breaks its contract: " in result.stdout


def test_a_formula_that_changes_an_outcome_wants_another_version(clone: Clone) -> None:
    clone.branch("formula")
    path = clone.root / "measures" / "norms" / "l2_norm.py"
    path.write_text(path.read_text().replace("return math.sqrt(", "return -math.sqrt("))
    result = clone.propose()
    assert result.returncode == 1, result.stdout + result.stderr
    assert "random labels was separates, is inverted, under the same version; raise it" in result.stdout
    path.write_text(path.read_text().replace('eq. 42", ', 'eq. 42", version=2, '))
    result = clone.propose()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "random labels was separates, is inverted; version 1 -&gt; 2" in result.stdout
    assert "l2\\_norm is to be recorded" in result.stdout


def test_a_result_edited_by_hand_fails_whether_or_not_its_digest_was_made_anew(clone: Clone) -> None:
    clone.branch("edited")
    path = clone.root / "baselines" / "digits" / "constant.json"
    before = path.read_text()
    path.write_text(before.replace('"wins": 0', '"wins": 10'))
    result = clone.propose()
    assert result.returncode == 1
    assert "changed after it was written" in result.stdout
    path.write_text(before)
    altered(path, lambda record: [suite.update(wins=10, verdict="separates") for suite in record["suites"].values()])
    (clone.root / "note.txt").write_text("again")
    result = clone.propose()
    assert result.returncode == 1
    assert "wins is 10, but 0 follows from the rows" in result.stdout


def test_values_made_up_with_all_that_follows_from_them_are_not_what_is_measured(clone: Clone) -> None:
    clone.branch("made-up")
    norm, constant = (clone.root / "baselines" / "digits" / f"{name}.json" for name in ("l2_norm", "constant"))
    source = json.loads(constant.read_text())["source_sha256"]
    constant.write_text(norm.read_text())
    altered(constant, lambda record: record.update(measure="constant", source_sha256=source))
    result = clone.propose()
    assert result.returncode == 1
    assert (
        "constant: its record is not what was measured here: random labels was separates, is overlaps" in result.stdout
    )


def test_a_change_that_touches_no_measure_says_so_and_trains_nothing(clone: Clone, tmp_path: Path) -> None:
    clone.branch("nothing")
    (clone.root / "README.md").write_text("words")
    clone.commit()
    command = [sys.executable, "-m", "harness", "propose", "--base", "main", "--cache-dir", str(tmp_path / "none")]
    result = subprocess.run(command, cwd=clone.root, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout.strip()) == (
        0,
        "Against `main` no measure is added or altered, and no record.",
    )
    assert not (tmp_path / "none" / "models").exists()


def test_an_unknown_base_is_one_sentence(clone: Clone) -> None:
    result = clone.run("harness", "propose", "--base", "no/such")
    assert result.returncode == 2
    assert result.stderr.startswith("Error: --base no/such is no commit that HEAD has a history in common with")
    assert len(result.stderr.splitlines()) == 1
