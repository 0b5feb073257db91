"""Held to the way it was before: all differences in float64, the first of the nearest."""

import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from sklearn.datasets import load_digits
from torch import Tensor

from measures.quantities import nearest_others as module
from measures.quantities.nearest_others import nearest_examples, nearest_others
from tests.builders.models import trained_model


def by_all_differences(points: Tensor) -> Tensor:
    distances = torch.cdist(points.double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return distances.fill_diagonal_(torch.inf).argmin(dim=1)


def drawn(seed: int, num: int, size: int) -> Tensor:
    return torch.randn(num, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few points fill several blocks, sums and crowds."""
    for name, value in {"BLOCK": 7, "SUMMED": 3, "CROWD": 4, "DIFFERENCES": 50}.items():
        monkeypatch.setattr(module, name, value)


def test_on_a_line_are_told_by_hand() -> None:
    points = torch.tensor([[0.0], [1.0], [3.0], [6.5], [7.5]])
    assert nearest_others(points).tolist() == [1, 0, 1, 4, 3]


def test_of_equally_near_ones_it_is_the_lowest() -> None:
    assert nearest_others(torch.tensor([[1.0], [0.0], [2.0], [3.0]])).tolist() == [1, 0, 0, 2]
    assert nearest_others(torch.zeros(4, 2)).tolist() == [1, 0, 0, 0]


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 8), st.integers(1, 4))
def test_among_many_duplicates_and_ties_are_those_of_all_differences(
    seed: int, num: int, size: int, levels: int
) -> None:
    """Whole coordinates: distances are equal by the dozen, and many points are."""
    points = drawn(seed, num, size).mul(levels / 2).round()
    assert torch.equal(nearest_others(points), by_all_differences(points))


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 8), st.integers(4, 17), st.floats(-8, 8))
def test_among_near_ties_are_those_of_all_differences(
    seed: int, num: int, size: int, digits: int, offset: float
) -> None:
    """Whole coordinates, moved by 1e-4 to 1e-17 and shifted by up to 1e8: no float32 tells the distances apart."""
    points = drawn(seed, num, size).round() + 10.0**-digits * drawn(seed + 1, num, size) + 10.0**offset
    assert torch.equal(nearest_others(points), by_all_differences(points))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 8), st.integers(-280, 140), st.integers(0, 30))
def test_of_points_of_all_sizes_are_those_of_all_differences(
    seed: int, num: int, size: int, decade: int, spread: int
) -> None:
    sizes = 10.0 ** (decade + spread * drawn(seed + 1, num, 1).sigmoid())
    points = drawn(seed, num, size) * sizes
    assert torch.equal(nearest_others(points), by_all_differences(points))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(1, 20))
def test_are_the_same_with_the_products_in_float64(seed: int, num: int, size: int) -> None:
    points = drawn(seed, num, size)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        assert module._dtype(points) == torch.float64
        assert torch.equal(nearest_others(points), by_all_differences(points))
    finally:
        torch.set_float32_matmul_precision(before)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 40), st.floats(0, 3))
def test_the_products_are_off_by_no_more_than_they_are_allowed_to_be(seed: int, size: int, decades: float) -> None:
    """On pairs that nearly cancel, and in the units of the two squares; of what float32 loses of the points as well."""
    near = drawn(seed, 6, size)
    points = torch.cat([near, near + 10.0**-decades * drawn(seed + 1, 6, size)]) / 8
    exact = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square()
    squares = points.square().sum(dim=1)
    rounded = points.float()
    found = module._squared_distances(rounded, squares.float(), 0, 7)
    allowed = module._product_error(size, torch.float32) * (squares[:7, None] + squares[None, 7:])
    assert bool(((found.double() - exact[:7, 7:]).abs() <= allowed).all())


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_is_compared_as_before(value: float) -> None:
    points = drawn(0, 20, 3)
    points[4, 1] = value
    assert torch.equal(nearest_others(points), by_all_differences(points))


def test_without_features_all_are_equally_near() -> None:
    assert nearest_others(torch.empty(3, 0)).tolist() == [1, 0, 0]


def test_of_all_digits_are_those_of_all_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    digits = torch.from_numpy(load_digits().data)
    assert torch.equal(nearest_others(digits), by_all_differences(digits))
    assert torch.equal(nearest_others(digits.float() / 16), by_all_differences(digits.float() / 16))


def test_few_are_left_to_the_differences_in_ordinary_data() -> None:
    """What makes it fast: of 200 points in 50 dimensions, nearly all pairs are told apart by the products."""
    points = drawn(0, 200, 50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CROWD", 100)
        pairs, crowded = module._candidates((points / 8).float())
    assert len(pairs) < 210
    assert not crowded.any()


def test_of_equally_near_examples_the_nearest_is_the_same_however_they_are_stored() -> None:
    """A table of whole numbers: examples are equal, or equally near, and have other labels."""
    inputs, labels = drawn(0, 30, 2).round(), torch.arange(30) % 3
    trained = trained_model(torch.nn.Linear(2, 3).double(), inputs, labels)
    for seed in range(5):
        stored = torch.randperm(30, generator=torch.Generator().manual_seed(seed))
        shuffled = dataclasses.replace(trained, inputs=inputs[stored], labels=labels[stored])
        pairs = [(each.inputs, each.labels, nearest_examples(each)) for each in (trained, shuffled)]
        one, other = (sorted(torch.column_stack([x, y, x[j], y[j]]).tolist()) for x, y, j in pairs)
        assert one == other
    lengths = (inputs - inputs[nearest_examples(trained)]).norm(dim=1)
    assert torch.equal(lengths, (inputs - inputs[by_all_differences(inputs)]).norm(dim=1))
