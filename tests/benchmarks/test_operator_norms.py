"""How long a convolution's operator norm takes, beside scipy's svds on the same products, both to a relative 1e-7.

pytest tests/benchmarks/test_operator_norms.py
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, svds
from torch import nn

from measures import layers
from measures.layers import Layer
from measures.weight_layers import weight_layers

pytestmark = pytest.mark.slow

SIZES = {"16 to 32, 14x14": (16, 32, 14), "64 to 64, 32x32": (64, 64, 32), "192 to 192, 16x16": (192, 192, 16)}


def convolution(channels: int, filters: int, size: int) -> Layer:
    network = nn.Sequential(nn.Conv2d(channels, filters, 3, padding=1))
    with torch.no_grad():
        network[0].weight.normal_(generator=torch.Generator().manual_seed(0)).div_(3 * channels**0.5)
    (layer,) = weight_layers(network, network, torch.ones(1, channels, size, size))
    return layer


def by_svds(layer: Layer) -> float:
    """ARPACK's iteration to a relative 1e-6, in float64."""
    products = layers._Products(layer, layer.weight.double())
    shape = (products.nothing.numel(), products.zeros.numel())

    def through(product: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[np.ndarray], np.ndarray]:
        return lambda vector: product(torch.from_numpy(np.ascontiguousarray(vector))).numpy()

    operator = LinearOperator(
        shape, matvec=through(products.forward), rmatvec=through(products.backward), dtype=np.float64
    )
    start = np.random.default_rng(0).standard_normal(min(shape))
    return float(svds(operator, k=1, tol=1e-6, v0=start, return_singular_vectors=False)[0])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("how", ["here", "svds"])
def test_the_operator_norm_of_a_convolution(benchmark: Any, size: str, how: str) -> None:
    layer = convolution(*SIZES[size])
    expected = by_svds(layer)
    run = by_svds if how == "svds" else lambda layer: layers.operator_norm(layer, layer.weight)
    found = benchmark.pedantic(run, args=(layer,), rounds=2, warmup_rounds=1)
    assert found == pytest.approx(expected, rel=1e-7)
