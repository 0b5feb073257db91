"""How many images a second the paper's networks train on, beside what the processor's matrix products allow.

One thread, batches of 128 of 28x28x3 as in the paper, the loop's own step: float32 is the plain loop, bfloat16 that
with `precision="bfloat16"`. The products' rate is the floating-point operations of the step over the time that as many
would take in a 2048x2048 matrix product of the same type, measured beside it.
"""

import time
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.paper.cifar10.recipes import LEARNING_RATES
from harness.training.networks.building import build
from harness.training.precision import accelerated, fastest, forward
from harness.training.recipe import Precision

BATCH = 128
SIDE = 2048
PASSES = 3  # forward, and backward for inputs and weights


def product_rate(dtype: torch.dtype, rounds: int = 5) -> float:
    """Floating-point operations a second in a large matrix product; the best of several."""
    matrix = torch.randn(SIDE, SIDE).to(dtype)
    matrix @ matrix
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    return 2 * SIDE**3 / min(seconds)


def step_of(
    network: str, precision: Precision, changed: Callable[[nn.Module], Any] | None = None
) -> tuple[Callable[[], None], float]:
    """A training step as harness/training/train.py takes it, of the model or what it is changed to; and the operations
    of its passes."""
    built = accelerated(build(network, (3, 28, 28), 10), precision).train()
    model = built if changed is None else changed(built)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATES[network], momentum=0.9, fused=True)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 3, 28, 28, generator=generator)
    labels = torch.randint(10, (BATCH,), generator=generator)

    def step() -> None:
        loss = F.cross_entropy(forward(model, images, precision), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        built(images)
    return step, PASSES * counter.get_total_flops()


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("network", LEARNING_RATES)
def test_training_throughput(benchmark: Any, network: str, precision: Precision) -> None:
    if precision == "bfloat16" and fastest("cpu") == "float32":
        pytest.skip("this processor has no bfloat16 products")
    step, operations = step_of(network, precision)
    rate = product_rate(torch.float32 if precision == "float32" else torch.bfloat16)
    benchmark.group = network
    benchmark.pedantic(step, rounds=10 if network.startswith("mlp") else 3, warmup_rounds=2)
    images_a_second = BATCH / benchmark.stats.stats.min
    benchmark.extra_info["images [a second]"] = round(images_a_second)
    benchmark.extra_info["matrix products [Gflop/s]"] = round(rate / 1e9)
    benchmark.extra_info["of the products' rate"] = round(operations / BATCH * images_a_second / rate, 2)
