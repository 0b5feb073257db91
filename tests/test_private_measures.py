"""A measure in a package of its own is found by its entry point, listed, and judged like the others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = Path(__file__).parent / "data" / "private_measures"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put the package, as a user's `pip install` would; the build leaves nothing in the checkout."""
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "private_measures")
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True)
    return target


def pytest_with(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    command = [sys.executable, "-m", "pytest", "suites/", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_it_is_listed_as_an_external_one(installed: Path) -> None:
    result = pytest_with(installed, "--list-measures")
    (line,) = (each for each in result.stdout.splitlines() if each.startswith("largest_weight "))
    assert line.split() == ["largest_weight", "external", "fast", "a", "worked", "example"]
    assert result.returncode == 0


@pytest.mark.slow
def test_it_keeps_the_contract_by_its_name_alone_in_worker_processes(installed: Path, tmp_path: Path) -> None:
    result = pytest_with(
        installed, "-m", "contract", "--measure=largest_weight", f"--cache-dir={tmp_path}", "--workers=2"
    )
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout and "failed" not in result.stdout


@pytest.mark.slow
def test_without_its_package_it_is_unknown(tmp_path: Path) -> None:
    result = pytest_with(tmp_path, "--measure=largest_weight", "--collect-only")
    assert result.returncode == 4
    assert "unknown measure 'largest_weight'" in result.stderr
