"""The bandwidths of a norm: against plain solves, at the limits of wide and narrow, and where a curve meets a level."""

import math
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

from harness.paper.kernels.bandwidths import row as bandwidths
from harness.paper.kernels.bandwidths.row import TIMES_GAMMA, bandwidth_row, crossings
from harness.paper.kernels.data import Images
from harness.paper.kernels.gaussian_rows import MNIST_PIXELS
from harness.paper.kernels.scale import Scale
from harness.settings import make_settings

TRAIN, TEST = 24, 10


def some_images() -> Images:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(TRAIN + TEST, 1, 6, 6, generator=generator)
    labels = (images.mean(dim=(1, 2, 3)) > 0.5).long()
    return Images(images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:], 2, {"name": "noise"})


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(bandwidths, "load_images", lambda *_: some_images())
    return bandwidth_row(MNIST_PIXELS, Scale(TRAIN, 1), make_settings(str(tmp_path), workers=1))


def naive(images: Images, gamma: float, count: int) -> tuple[float, float]:
    """Norm and test error of the interpolant of the first `count` images."""

    def kernel(left: Tensor, right: Tensor) -> Tensor:
        return torch.tensor([[math.exp(-gamma * float((a - b).square().sum())) for b in right] for a in left]).double()

    train = images.train_images[:count].double()
    targets = torch.eye(2).double()[images.train_labels[:count]]
    solution = torch.linalg.solve(kernel(train, train) + 1e-9 * torch.eye(count).double(), targets)
    outputs = kernel(images.test_images.double(), train) @ solution
    error = float((outputs.argmax(dim=1) != images.test_labels).double().mean())
    return float((solution * targets).sum().sqrt()), error


@pytest.mark.parametrize("place", [0, 4, 8])
def test_every_bandwidth_is_solved(found: dict[str, Any], place: int) -> None:
    each = found["by_gamma"][place]
    assert each["gamma"] == pytest.approx(TIMES_GAMMA[place] * MNIST_PIXELS.gamma)
    norm, error = naive(some_images(), each["gamma"], TRAIN)
    assert each["norm"] == pytest.approx(norm, rel=1e-3)
    assert each["test_error"] == error
    half, _ = naive(some_images(), each["gamma"], TRAIN // 2)
    assert each["power"] == pytest.approx(math.log2(norm / half), rel=1e-2)
    assert each["norm_of_all_images"] == pytest.approx(norm * (60_000 / TRAIN) ** each["power"], rel=1e-6)


def test_the_rows_own_bandwidth_is_the_one_in_the_middle(found: dict[str, Any]) -> None:
    assert found["gamma"] == found["by_gamma"][4]["gamma"] == MNIST_PIXELS.gamma
    assert (found["norm"], found["test_error"]) == (found["by_gamma"][4]["norm"], found["by_gamma"][4]["test_error"])


def test_where_the_norm_is_the_papers_lies_on_the_curve(found: dict[str, Any]) -> None:
    curve = [(each["gamma"], each["norm_of_all_images"]) for each in found["by_gamma"]]
    assert found["gammas_of_the_papers_norm"] == crossings(curve, 220.0)


def test_crossings_by_hand() -> None:
    """From 100 to 1 along two decades of x: 10 is met in the middle, 1 at the end; twice where the curve returns."""
    assert crossings([(1, 100), (100, 1)], 10) == [pytest.approx(10)]
    assert crossings([(1, 100), (100, 1), (10_000, 100)], 10) == [pytest.approx(10), pytest.approx(1000)]
    assert crossings([(1, 100), (100, 1)], 1) == [pytest.approx(100)]
    assert crossings([(1, 100), (100, 1)], 200) == []


@given(st.floats(0.1, 10), st.floats(-3, 3).filter(lambda power: abs(power) > 0.1), st.floats(0.01, 0.99))
def test_on_a_power_law_the_crossing_is_exact(scale: float, power: float, share: float) -> None:
    curve = [(x, scale * x**power) for x in (0.5, 1.0, 3.0, 20.0)]
    at = 0.5 * 40**share
    (found,) = crossings(curve, scale * at**power)
    assert found == pytest.approx(at, rel=1e-6)
