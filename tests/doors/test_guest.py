"""A guest: another project's pytest run is as it was without the installation; a run of the suites works from anywhere.

The plugin is named here (-p) and nothing else is loaded by itself, whatever this environment has installed.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.conftest import SUITES

pytestmark = pytest.mark.slow

NAMES = ("measure", "cost", "zoo", "cache-dir", "data-dir", "device", "workers", "dask", "worker-memory", "findings")
NAMES += ("measure-timeout", "training-timeout", "shared-cache", "leaderboard", "baseline", "list-measures")
TAKES_ALL_NAMES = "".join(f"    parser.addoption('--{name}', action='store_true')\n" for name in NAMES)
THEIR_CONFTEST = f"def pytest_addoption(parser):\n{TAKES_ALL_NAMES}"
INSTALLED = ROOT / "harness" / "installed"

THEIR_TEST = """
import sys

def test_theirs(request):
    ours = {"harness", "measures", "suites", "torch"} & {name for name in sys.modules if not from_here(name)}
    assert not ours
    assert not [line for line in request.config.getini("markers") if line.startswith("gate")]

def from_here(name):
    return str(getattr(sys.modules[name], "__file__", "")).startswith(__file__.rpartition("test_theirs")[0])
"""


def pytest_in(
    folder: Path, *arguments: object, guest: bool = True, module: bool = True
) -> subprocess.CompletedProcess[str]:
    """`python -m pytest` in a folder, which is then on the import path; else as the command `pytest` starts it."""
    start = ["-m", "pytest"] if module else ["-P", "-m", "pytest"]
    plugin = ["-p", "shatterproof_guest"] if guest else []
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return subprocess.run(
        [sys.executable, *start, "-p", "no:cacheprovider", *map(str, arguments), *plugin],
        cwd=folder,
        env=outer | {"PYTHONPATH": f"{ROOT}{os.pathsep}{INSTALLED}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Another project: its own options of our options' names, and a test that sees what is imported."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "conftest.py").write_text(THEIR_CONFTEST)
    (folder / "test_theirs.py").write_text(THEIR_TEST)
    return folder


def test_another_projects_run_has_none_of_our_options_markers_and_imports(theirs: Path) -> None:
    result = pytest_in(theirs, "--device", "--measure")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


@pytest.mark.slow
def test_another_project_may_have_modules_and_folders_of_our_names(theirs: Path) -> None:
    (theirs / "harness.py").write_text("")
    (theirs / "measures.py").write_text("")
    (theirs / "suites").mkdir()
    (theirs / "suites" / "test_more.py").write_text("import harness, measures\n\ndef test_more():\n    pass\n")
    result = pytest_in(theirs, "suites", "test_theirs.py", "--zoo")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout
    unknown = pytest_in(theirs, "suites", "--noconftest", "--list-measures")
    assert "unrecognized arguments: --list-measures" in unknown.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "named",
    [pytest.param([SUITES], id="path", marks=pytest.mark.long), pytest.param(["--pyargs", "suites"], id="package")],
)
def test_the_suites_run_in_a_folder_that_has_our_options_in_its_conftest_and_files_of_our_packages_names(
    theirs: Path, named: list[object]
) -> None:
    for name in ("measures", "harness"):
        (theirs / f"{name}.py").write_text("raise AssertionError('not what is asked for')")
    result = pytest_in(theirs, *named, "--measure=l2_norm", "--zoo=digits", "--collect-only", "-q", "-m", "gate")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "test_random_labels.py::test_separates[l2_norm]" in result.stdout


def test_a_module_of_our_packages_name_that_is_imported_already_is_named(theirs: Path) -> None:
    (theirs / "measures.py").write_text("")
    (theirs / "early.py").write_text("import measures")
    result = pytest_in(theirs, "-p", "early", "--pyargs", "suites", "--measure=l2_norm", "--collect-only")
    assert result.returncode == 4
    assert f"{theirs / 'measures.py'} stands in the place of shatterproof's package 'measures'; rename it" in (
        result.stderr
    )


@pytest.mark.slow
def test_where_no_plugin_is_loaded_by_itself_the_suites_bring_their_own(tmp_path: Path) -> None:
    result = pytest_in(tmp_path, SUITES / "test_random_labels.py", "--measure=l2_norm", "--collect-only", guest=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 tests collected" in result.stdout


def test_suites_that_are_reached_through_a_folder_above_them_say_how_they_are_run(tmp_path: Path) -> None:
    home = tmp_path / "above" / "home"
    home.mkdir(parents=True)
    for name in ("suites", "harness", "measures"):
        (home / name).symlink_to(ROOT / name)
    result = pytest_in(tmp_path, "above", "--collect-only", guest=False)
    assert result.returncode == pytest.ExitCode.INTERRUPTED
    assert "no tests collected, 1 error in" in result.stdout
    assert f"the suites' options are known only where they are named: pytest {home / 'suites'}" in result.stdout


def test_a_misspelt_measure_is_told_from_another_folder_too(theirs: Path) -> None:
    result = pytest_in(theirs, "--pyargs", "suites", "--measure", "l2_nrom", module=False)
    assert (result.returncode, result.stdout) == (4, "")
    assert "ERROR: unknown measure 'l2_nrom'; did you mean 'l2_norm'" in result.stderr


def test_the_list_needs_no_conftest_and_no_measure(theirs: Path) -> None:
    result = pytest_in(theirs, "--pyargs", "suites", "--list-measures")
    assert result.returncode == 0
    assert "spectral_norm" in result.stdout
