"""How long the gate takes for one fast measure, and all suites, as a user runs them, start-up included.

    pytest tests/benchmarks/test_gate.py

The peak resident memory of the largest process stands in the benchmark's extra info.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import ROOT

pytestmark = pytest.mark.slow


def run_suites(cache: Path, *chosen: str, measure: str = "l2_norm") -> float:
    """Run the suites in a process of its own; the peak resident memory of any of its processes, in MB."""
    command = [sys.executable, "-m", "pytest", "suites/", *chosen, f"--measure={measure}", f"--cache-dir={cache}"]
    # Compiled modules are kept, as they are by default, whatever this process was told.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [*command, "-q"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0
    while True:
        try:
            process.wait(timeout=0.1)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, *map(resident, family(process.pid)), 0)
    assert process.returncode in (0, 1)  # a verdict, whichever
    return peak / 2**20


def family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


GATE = ("-m", "gate")
OUTSIDE = str(ROOT / "suites" / "examples" / "my_measure.py")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All models of the digits zoo, and their rows of one measure."""
    cache = tmp_path_factory.mktemp("store")
    run_suites(cache)
    return cache


def forget_rows(cache: Path) -> None:
    shutil.rmtree(cache / "rows")


@pytest.mark.parametrize("chosen", [GATE, ()], ids=["gate", "all_suites"])
def test_from_an_empty_store(benchmark: Any, tmp_path: Path, chosen: tuple[str, ...]) -> None:
    benchmark.extra_info["peak memory [MB]"] = benchmark.pedantic(run_suites, args=(tmp_path, *chosen), rounds=1)


def test_from_an_empty_store_and_a_released_archive(benchmark: Any, tmp_path: Path, store: Path) -> None:
    """A newcomer's first verdict without training: `zoo import`, then the gate."""
    zoo, released = [sys.executable, "-m", "harness", "zoo"], tmp_path / "released"
    subprocess.run([*zoo, "release", "digits", released, "--cache-dir", store], cwd=ROOT, check=True)
    (archive,), sha256 = released.glob("*.zip"), (released / "SHA256SUMS").read_text().split()[0]

    def emptied() -> None:
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)

    def first_verdict() -> float:
        options = ["--sha256", sha256, "--cache-dir", tmp_path / "cache"]
        subprocess.run([*zoo, "import", archive, *options], cwd=ROOT, check=True)
        return run_suites(tmp_path / "cache", *GATE)

    benchmark.extra_info["peak memory [MB]"] = benchmark.pedantic(first_verdict, setup=emptied, rounds=3)


@pytest.mark.parametrize("chosen", [GATE, ()], ids=["gate", "all_suites"])
def test_with_models_and_values_there(benchmark: Any, store: Path, chosen: tuple[str, ...]) -> None:
    run_suites(store, *chosen)
    benchmark.extra_info["peak memory [MB]"] = benchmark.pedantic(run_suites, args=(store, *chosen), rounds=3)


@pytest.mark.parametrize("chosen", [GATE, ()], ids=["gate", "all_suites"])
def test_with_models_there(benchmark: Any, store: Path, chosen: tuple[str, ...]) -> None:
    """Models there, rows not: what a new measure costs."""
    judge = functools.partial(run_suites, store, *chosen)
    benchmark.extra_info["peak memory [MB]"] = benchmark.pedantic(judge, setup=lambda: forget_rows(store), rounds=3)


def test_the_gate_of_an_outside_measure_with_models_there(benchmark: Any, store: Path) -> None:
    """Each of its calls is sealed."""
    judge = functools.partial(run_suites, store, *GATE, measure=OUTSIDE)
    benchmark.extra_info["peak memory [MB]"] = benchmark.pedantic(judge, setup=lambda: forget_rows(store), rounds=3)
