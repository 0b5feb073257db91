"""How many images a second the paper's Inception trains on, in bfloat16: what was tried to have more of them.

As it is: one thread, the loop's own step. Compiled: by torch.compile. Memory kept: glibc returns no freed memory to the
system, and takes it in large pages, as it does in the workers of a training. Two threads share one training; in the
last row two trainings run in parallel.
"""

import os
import subprocess
import sys
from typing import Any

import pytest

from harness.training.precision import fastest
from tests import ROOT

pytestmark = pytest.mark.slow

BATCH = 128
KEPT = ("hugetlb=1", "mmap_max=0", "trim_threshold=100000000000")
MEMORY_KEPT = {"GLIBC_TUNABLES": ":".join(f"glibc.malloc.{setting}" for setting in KEPT)}
WAYS: dict[str, tuple[int, bool, dict[str, str]]] = {
    "as it is": (1, False, {}),
    "compiled": (1, True, {}),
    "memory kept": (1, False, MEMORY_KEPT),
    "compiled, memory kept": (1, True, MEMORY_KEPT),
    "two threads": (2, False, {}),
}
SCRIPT = """
import time
import torch
from tests.benchmarks.test_throughput import step_of

threads, compiled = {threads}, {compiled}
torch.set_num_threads(threads)
step, _ = step_of("{network}", "bfloat16", torch.compile if compiled else None)
for _ in range(3):
    step()
started, steps = time.perf_counter(), 0
while time.perf_counter() - started < 10:
    step()
    steps += 1
print((time.perf_counter() - started) / steps)
"""


def start(
    threads: int, compiled: bool, more: dict[str, str], network: str = "inception_small"
) -> subprocess.Popen[str]:
    """A process of its own, since threads and allocator are its."""
    script = SCRIPT.format(threads=threads, compiled=compiled, network=network)
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=os.environ | more, stdout=subprocess.PIPE, text=True
    )


def seconds_a_step(process: subprocess.Popen[str]) -> float:
    output, _ = process.communicate()
    assert process.returncode == 0
    return float(output)


@pytest.fixture(autouse=True)
def products() -> None:
    if fastest("cpu") == "float32":
        pytest.skip("this processor has no bfloat16 products")


@pytest.mark.parametrize("way", WAYS)
def test_way_to_train_inception(benchmark: Any, way: str) -> None:
    seconds = benchmark.pedantic(lambda: seconds_a_step(start(*WAYS[way])), rounds=1)
    benchmark.extra_info["images [a second]"] = round(BATCH / seconds, 1)


def test_way_to_train_two_inceptions(benchmark: Any) -> None:
    def both() -> list[float]:
        processes = [start(*WAYS["as it is"]) for _ in range(2)]
        return [seconds_a_step(process) for process in processes]

    each = benchmark.pedantic(both, rounds=1)
    benchmark.extra_info["images [a second]"] = round(sum(BATCH / seconds for seconds in each), 1)
