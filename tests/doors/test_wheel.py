"""What `pip install` gives, without a clone: the command, the suites by their package, and nothing in others' runs.

A wheel is built and installed into an environment of its own, which lies in another project's repository. It has the
packages of this environment, but not its shatterproof. Its digits zoo is the tiny one, whose networks are shared.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import ROOT
from tests.conftest import TINY
from tests.doors.test_guest import THEIR_CONFTEST, THEIR_TEST

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
SMALL = dataclasses.replace(TINY, name="digits")
MEASURE = """
from measures import measure

@measure(source="mine")
def weights_moved(trained):
    pairs = zip(trained.model.parameters(), trained.init.parameters())
    return sum(float((after - before).detach().square().sum()) for after, before in pairs)

@measure(source="mine")
def misspelt(trained):
    return float(len(trained.lables))
"""


def tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if not name.startswith(("tests/", "."))]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what git has of this checkout, which it leaves as it is."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(out), str(source)], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def repository(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another project's repository, with the environment in its folder `.venv`."""
    root = tmp_path_factory.mktemp("theirs")
    venv.create(root / ".venv", symlinks=True)
    ours = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    site = installed_in(root)
    for entry in (entry for folder in ours for entry in folder.iterdir()):
        if not entry.name.startswith(("shatterproof", "__editable__", "__pycache__")) and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    pip = [sys.executable, "-m", "pip", "--python", str(root / ".venv" / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    with (site / "harness" / "zoo" / "zoos.py").open("a") as file:
        file.write(f'\n\nZOOS["digits"] = {SMALL!r}\n')
    (root / "mine.py").write_text(MEASURE)
    (root / "conftest.py").write_text(THEIR_CONFTEST)
    (root / "test_theirs.py").write_text(THEIR_TEST)
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--strict-markers"\n')
    for command in (
        ["init", "-q"],
        ["add", "mine.py"],
        ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def installed_in(root: Path) -> Path:
    return next((root / ".venv" / "lib").glob("python*/site-packages"))


@pytest.fixture
def run(repository: Path, shared_cache: Path) -> Command:
    def command(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command of the environment, in the repository."""
        outer = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "VIRTUAL"))
        }
        return subprocess.run(
            [repository / ".venv" / "bin" / name, *arguments],
            cwd=repository,
            env=outer | {"SHATTERPROOF_CACHE": str(shared_cache)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def test_the_command_is_there_and_says_its_version_and_completes(run: Command, repository: Path) -> None:
    assert run("shatterproof", "--version").stdout == "shatterproof, version 0.1.0\n"
    script = run("shatterproof", _SHATTERPROOF_COMPLETE="bash_source").stdout
    assert "complete" in script and "shatterproof" in script
    assert sorted(path.name for path in installed_in(repository).glob("baselines/digits/zoo.json")) == ["zoo.json"]


@pytest.mark.long
def test_measures_of_a_file_there_are_judged_with_an_exit_status(run: Command) -> None:
    judged = run("shatterproof", "judge", "./mine.py::weights_moved", "parameter_count", "./mine.py::misspelt")
    assert judged.returncode == 1, judged.stdout + judged.stderr
    assert "weights_moved PASSES the gate: it separates in all 3 randomizations" in judged.stdout
    assert "parameter_count FAILS the gate" in judged.stdout
    assert "parameter_count cannot tell gaussian from natural data: it ties on every one of 10 twins" in judged.stdout
    assert "'TrainedModel' object has no attribute 'lables'; did you mean 'labels'?" in judged.stdout
    unknown = run("shatterproof", "judge", "l2_nrom")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "Error: unknown measure 'l2_nrom'; did you mean 'l2_norm'" in unknown.stderr


@pytest.mark.long
def test_the_suites_run_by_their_package_beside_a_conftest_of_the_same_options(run: Command, repository: Path) -> None:
    options = ["--measure=./mine.py::weights_moved", "-m", "gate", "--leaderboard=run.json", "--device", "cpu"]
    result = run("python", "-m", "pytest", "--pyargs", "suites", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "weights_moved PASSES the gate" in result.stdout
    (record,) = json.loads((repository / "run.json").read_text())["entries"]
    assert record["environment"]["commit"] is None  # that of the repository is not ours
    assert record["environment"]["packages"]["shatterproof"] == "0.1.0"


def test_the_projects_own_tests_have_nothing_of_ours(run: Command) -> None:
    result = run("python", "-m", "pytest", "--device", "--measure", "test_theirs.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new-measure", "mine", "--family", "norms"], "is not a checkout of shatterproof: it has no tests/measures"),
        (
            ["propose"],
            "is not a checkout of shatterproof: it has no tests/measures, and propose works in one; clone it",
        ),
        (["leaderboard", "build"], "there are no baselines/ here to be folded; name the folder of records"),
    ],
)
def test_what_needs_a_checkout_says_so(run: Command, arguments: list[str], said: str) -> None:
    result = run("shatterproof", *arguments)
    assert result.returncode == 2
    assert said in result.stderr and "Traceback" not in result.stderr
