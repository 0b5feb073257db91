"""A measure in a package of its own is found by its entry point, listed, and judged like the others."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.evaluation.measure_lookup import describe, list_measures
from tests import ROOT
from tests.conftest import Run

PACKAGE = ROOT / "suites" / "examples" / "private_measures"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put the package, as a user's `pip install` would; the build leaves nothing in the checkout."""
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "private_measures")
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True)
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed stands in sys.path, where entry points are looked for."""
    monkeypatch.syspath_prepend(str(site))


def test_it_is_listed_as_an_external_one(installed: None) -> None:
    (line,) = (line for line in describe(list_measures(["all"])).splitlines() if line.startswith("largest_weight "))
    assert line.split() == ["largest_weight", "external", "fast", "a", "worked", "example"]


def test_it_keeps_the_contract_by_its_name_alone_in_processes_that_import_it(installed: None, run: Run) -> None:
    result = run("-m", "contract", "--measure=largest_weight")
    assert result.ret == 0
    assert {*result.parseoutcomes()} <= {"passed", "skipped", "deselected"}
    assert "largest_weight" not in sys.modules


def test_without_its_package_it_is_unknown(run: Run) -> None:
    result = run("--measure=largest_weight", "--collect-only")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*unknown measure 'largest_weight'*"])
