"""How long a step of training takes on 128 images of 28x28, on one thread: strides, layouts, bfloat16.

pytest tests/benchmarks/test_training_step.py
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from harness.training.networks.building import build
from harness.zoo.zoos import ZOOS

pytestmark = pytest.mark.slow

PLAIN = ["convnet", "convnet_bn", "resnet_small", "resnet_small_gn", "vit_small"]
NETWORKS = [*PLAIN, *ZOOS["cifar10-small"].networks]
WAYS = ["as it is", "channels last", "bfloat16"]
IMAGES = 128


def step(name: str, way: str) -> Callable[[], None]:
    """One of SGD, with the forward pass in bfloat16 where that is asked for."""
    network = build(name, (3, 28, 28), 10)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(IMAGES, 3, 28, 28, generator=generator)
    labels = torch.randint(10, (IMAGES,), generator=generator)
    if way == "channels last":
        network, images = (each.to(memory_format=torch.channels_last) for each in (network, images))  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, fused=True)

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=way == "bfloat16"):
            logits = network(images)
        optimizer.zero_grad()
        F.cross_entropy(logits.float(), labels).backward()
        optimizer.step()

    return run


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("way", WAYS)
def test_a_step_of_training(benchmark: Any, network: str, way: str) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        benchmark.pedantic(step(network, way), rounds=5, warmup_rounds=1)
    finally:
        torch.set_num_threads(threads)
