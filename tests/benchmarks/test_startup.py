"""What a misspelt name and a list cost: seconds of CPU of the whole process tree, however busy the machine is."""

import os
import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests import ROOT

PYTEST = [sys.executable, "-m", "pytest", "suites/", "-p", "no:cacheprovider"]


def cpu_seconds() -> float:
    """Of this process and of all children that it has waited for, and theirs."""
    return sum(os.times()[:4])


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ([*PYTEST, "--measure=path_nrom"], 4),
        ([*PYTEST, "--list-measures"], 0),
        ([sys.executable, "-m", "harness", "measures"], 0),
    ],
    ids=["a misspelt measure", "--list-measures", "harness measures"],
)
@pytest.mark.benchmark(group="startup, seconds of CPU", timer=cpu_seconds, min_rounds=5, warmup=False)
def test_the_cpu_time_of_an_answer(benchmark: BenchmarkFixture, command: list[str], status: int) -> None:
    benchmark.name = " ".join(command[1:])
    result = benchmark.pedantic(
        subprocess.run, args=(command,), kwargs={"cwd": ROOT, "capture_output": True}, rounds=5, warmup_rounds=1
    )
    assert result.returncode == status
