"""What the leaderboard's page costs: seconds of CPU of the command and all its children, and bytes.

pytest tests/benchmarks/test_page.py
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.records.record_files import LEADERBOARD_FILE
from tests import ROOT

MOST_SECONDS, MOST_BYTES = 10, 3_000_000


def cpu_seconds() -> float:
    """Of this process and of all children that it has waited for, and theirs."""
    return sum(os.times()[:4])


@pytest.mark.benchmark(timer=cpu_seconds)
def test_the_page_of_the_baselines_in_cpu_seconds(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """With the leaderboard.json that stands beside the records."""
    command = [sys.executable, "-m", "harness", "leaderboard", "page", "--out", tmp_path / "page.html"]
    benchmark.pedantic(subprocess.run, args=(command,), kwargs={"cwd": ROOT, "check": True}, rounds=3, warmup_rounds=1)
    size = (tmp_path / "page.html").stat().st_size
    benchmark.extra_info["size [kB]"] = size // 1000
    assert size < MOST_BYTES
    assert benchmark.stats.stats.median < MOST_SECONDS


@pytest.mark.benchmark(timer=cpu_seconds)
def test_the_page_of_records_that_were_not_folded_in_cpu_seconds(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    records = tmp_path / "records"
    shutil.copytree(ROOT / "baselines", records, ignore=shutil.ignore_patterns(LEADERBOARD_FILE, "paper", "figures"))
    command = [sys.executable, "-m", "harness", "leaderboard", "page", str(records), "--out", tmp_path / "page.html"]
    benchmark.pedantic(subprocess.run, args=(command,), kwargs={"cwd": ROOT, "check": True}, rounds=1)
