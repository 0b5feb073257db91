"""`new-measure` writes files that run as they are, or none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.__main__ import main
from harness.errors import HarnessError
from harness.leaderboard.proposal.new_measure import LONGEST, ROOT, new_measure


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a measure and its test need of this checkout."""
    root = tmp_path / "checkout"
    for folder in ("harness", "measures", "suites"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "conftest.py", "measures/__init__.py", "measures/norms/__init__.py"):
        (root / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / name, root / "tests" / name)
    shutil.copytree(ROOT / "tests" / "builders", root / "tests" / "builders")
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def run(root: Path, *arguments: str) -> str:
    """Python with these arguments in the checkout; its output. AssertionError where it fails."""
    result = subprocess.run([sys.executable, *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_what_is_written_passes_its_test_as_it_is(checkout: Path) -> None:
    said = run(checkout, "-m", "harness", "new-measure", "mean_weight", "--family", "norms")
    assert "measures/norms/mean_weight.py" in said and "tests/measures/norms/test_mean_weight.py" in said
    assert "6 passed" in run(checkout, "-m", "pytest", "-q", "tests/measures/norms/test_mean_weight.py")


@pytest.mark.long
@pytest.mark.slow
def test_what_is_written_passes_the_contract_and_types_as_it_is(checkout: Path) -> None:
    new_measure("mean_weight", "norms", checkout)
    cache = str(checkout.parent / "cache")
    contract = ["-m", "pytest", "-q", "suites/test_contract.py", "--measure=mean_weight", f"--cache-dir={cache}"]
    assert " passed" in run(checkout, *contract, "--workers=2")
    if (ROOT / ".mypy_cache").exists():  # what it knows of torch already
        shutil.copytree(ROOT / ".mypy_cache", checkout / ".mypy_cache")
    run(checkout, "-m", "mypy", "-m", "measures.norms.mean_weight")


@pytest.mark.parametrize("name", ["x", "a" * LONGEST])
def test_names_of_any_length_leave_it_well_formatted(checkout: Path, name: str) -> None:
    new = [str(path) for path in new_measure(name, "representation", checkout)]
    run(checkout, "-m", "ruff", "check", *new)
    run(checkout, "-m", "ruff", "format", "--check", *new)


def empty(tmp_path: Path) -> Path:
    (tmp_path / "tests" / "measures").mkdir(parents=True)
    for family in ("norms", "margins"):
        (tmp_path / "measures" / family).mkdir(parents=True)
        (tmp_path / "measures" / family / "__init__.py").touch()
    return tmp_path


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != "__init__.py"]


def test_both_files_say_what_to_fill_in_and_name_the_measure(tmp_path: Path) -> None:
    measure, test = new_measure("my_norm", "norms", empty(tmp_path))
    assert measure == tmp_path / "measures" / "norms" / "my_norm.py"
    assert test == tmp_path / "tests" / "measures" / "norms" / "test_my_norm.py"
    assert "def my_norm(trained: TrainedModel) -> float:" in measure.read_text()
    assert "from measures.norms.my_norm import my_norm" in test.read_text()
    for path, least in ((measure, 5), (test, 4)):
        assert path.read_text().count("FILL IN") >= least
        assert "$" not in path.read_text()


@pytest.mark.parametrize(
    "name", ["MyNorm", "my-norm", "2norm", "my norm", "", "_norm", "norm_", "../norm", "é", "n" * 41]
)
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HarnessError, match="cannot name a measure; expected lower case and underscores"):
        new_measure(name, "norms", empty(tmp_path))
    assert files(tmp_path) == []


def test_a_name_that_is_registered_is_refused_in_any_family(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"'l2_norm' is registered already, in .*l2_norm\.py"):
        new_measure("l2_norm", "margins", empty(tmp_path))
    assert files(tmp_path) == []


@pytest.mark.parametrize("place", ["measures/norms/my_norm.py", "tests/measures/norms/test_my_norm.py"])
def test_a_file_that_is_there_stays_and_none_is_written_beside_it(tmp_path: Path, place: str) -> None:
    root = empty(tmp_path)
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text("mine")
    with pytest.raises(HarnessError, match="is there already"):
        new_measure("my_norm", "norms", root)
    assert files(root) == [root / place]
    assert (root / place).read_text() == "mine"


def test_an_unknown_family_is_answered_with_the_near_one_and_all(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as problem:
        new_measure("my_norm", "norm", empty(tmp_path))
    assert "unknown family 'norm'; did you mean 'norms'? known: margins, norms; a new one is" in str(problem.value)


def test_outside_a_checkout_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="is not a checkout of shatterproof"):
        new_measure("my_norm", "norms", tmp_path)


def test_where_the_second_file_cannot_be_written_the_first_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def full(self: Path, *arguments: str, **options: str) -> object:
        if self.name.startswith("test_"):
            raise OSError(28, "No space left on device")
        return opened(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(HarnessError, match=r"test_my_norm\.py could not be written \(No space left on device\)"):
        new_measure("my_norm", "norms", empty(tmp_path))
    assert files(tmp_path) == []


def test_the_command_gives_the_sentence_and_status_2() -> None:
    result = CliRunner().invoke(main, ["new-measure", "l2_norm", "--family", "norms"])
    assert (result.exit_code, result.output.startswith("Error: a measure named 'l2_norm'")) == (2, True)


def test_a_keyword_is_refused_as_one(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="'class' cannot name a measure: it is a keyword of Python; choose another"):
        new_measure("class", "norms", empty(tmp_path))
