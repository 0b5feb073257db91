"""How long the project's own tests take with two processes: all of them, and the quick part.

pytest tests/benchmarks/test_own_tests.py
"""

import os
import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("chosen", [(), ("-m", "not slow")], ids=["all", "quick"])
def test_tests(benchmark: BenchmarkFixture, chosen: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "pytest", "tests/", "-n", "2", "-q", *chosen]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    result = benchmark.pedantic(
        subprocess.run, args=(command,), kwargs={"cwd": ROOT, "env": environment, "capture_output": True}, rounds=1
    )
    assert result.returncode == 0, result.stdout.decode()
