"""2n + d weights represent every sample exactly, however badly it lies."""

import dataclasses
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from harness.errors import HarnessError
from harness.paper.expressivity.relu_networks import TwoLayerNetwork
from harness.paper.expressivity.representation import represent, solve
from tests.references.theorem1 import Sample, gaussian, naive, samples, tensors, triangular


def test_weights_are_differences_of_slopes() -> None:
    """Slopes 1 from -3 to 0, -2 to 1, 2 to 3: from nothing to 3, 1 and 5."""
    found = solve(*([Fraction(each) for each in numbers] for numbers in ([0, 1, 3], [-3, 0, 1], [3, 1, 5])))
    assert found == [1, -3, 4]


@pytest.mark.slow
@settings(max_examples=200)
@given(samples())
def test_every_label_is_represented_exactly(sample: Sample) -> None:
    represented = represent(*tensors(sample))
    for point, label in zip(*sample, strict=True):
        assert naive(represented, point) == Fraction(label)


@settings(max_examples=50)
@given(samples(), samples())
def test_the_fast_evaluation_is_the_sum_of_the_paper(sample: Sample, other: Sample) -> None:
    d = len(sample[0][0])
    represented = represent(*tensors(sample))
    elsewhere = [(point * d)[:d] for point in other[0]]
    assert represented(torch.tensor(elsewhere, dtype=torch.float64)) == [naive(represented, x) for x in elsewhere]


@pytest.mark.slow
@given(samples())
def test_knots_and_projections_are_interleaved(sample: Sample) -> None:
    represented = represent(*tensors(sample))
    z, b = represented.projections, represented.knots
    assert b[0] < z[0]
    assert list(b[1:]) == list(z[:-1])
    assert all(low < high for low, high in itertools.pairwise(z))


@pytest.mark.slow
@given(samples())
def test_no_weight_exceeds_its_bound(sample: Sample) -> None:
    represented = represent(*tensors(sample))
    assert max(map(abs, represented.weights)) <= represented.weight_bound


@pytest.mark.parametrize(("n", "d"), [(2, 1), (7, 2), (12, 20)])
def test_the_smallest_eigenvalue_is_the_smallest_gap_and_bounds_the_inverse(n: int, d: int) -> None:
    represented = represent(*gaussian(n, d))
    matrix = triangular(represented)
    smallest = float(represented.smallest_eigenvalue)
    assert np.allclose(matrix, np.tril(matrix))
    assert np.abs(np.linalg.eigvals(matrix)).min() == pytest.approx(smallest)
    assert np.diff([float(z) for z in represented.projections]).min() == pytest.approx(smallest)
    weights = np.linalg.solve(matrix, [float(y) for y in represented.labels])
    assert [float(w) for w in represented.weights] == pytest.approx(list(weights), rel=1e-6, abs=1e-6)
    for norm in (2, np.inf):
        assert np.linalg.norm(np.linalg.inv(matrix), norm) <= 4 / smallest * (1 + 1e-9)


def test_with_knots_elsewhere_the_eigenvalue_bounds_no_weight() -> None:
    z, b = [Fraction(0), Fraction(1000)], [Fraction(-1), Fraction(999)]
    assert solve(z, b, [Fraction(1), Fraction(0)]) == [1, -1001]


def test_several_hundred_points_in_pairs_are_exact() -> None:
    """At relative distances of 1e-12, and with labels that differ by 18 orders of magnitude."""
    points, labels = gaussian(150, 3)
    pairs = torch.cat([points, points * (1 + 1e-12)])
    both = torch.cat([labels * 1e9, labels.flip(0) * 1e-9])
    represented = represent(pairs, both)
    assert represented(pairs) == [Fraction(y) for y in both.tolist()]


def test_equal_points_with_equal_labels_are_one_point() -> None:
    points = torch.tensor([[1.0, 0.0], [2.0, 5.0], [1.0, -0.0]])
    represented = represent(points, torch.tensor([3, 4, 3]))
    assert represented.num_weights == 2 * 2 + 2
    assert sorted(represented.indices) == [0, 1]
    assert represented(points) == [3, 4, 3]


def test_equal_points_with_different_labels_are_refused_by_name() -> None:
    with pytest.raises(HarnessError, match=r"points 1 and 3 are equal, but their labels are 2 and 4"):
        represent(torch.tensor([[0.0], [1.0], [2.0], [1.0]]), torch.tensor([1.0, 2.0, 3.0, 4.0]))


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (torch.zeros(3), torch.zeros(3), r"points are \(3,\)"),
        (torch.zeros(0, 2), torch.zeros(0), "one point"),
        (torch.zeros(2, 0), torch.zeros(2), "one feature"),
        (torch.zeros(2, 1), torch.zeros(3), r"labels \(3,\)"),
        (torch.tensor([[math.nan]]), torch.zeros(1), "finite"),
        (torch.zeros(1, 1), torch.tensor([math.inf]), "finite"),
    ],
)
def test_what_is_no_sample_is_refused(points: Tensor, labels: Tensor, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        represent(points, labels)


def test_what_float64_cannot_hold_is_refused_and_the_exact_one_holds() -> None:
    points, labels = gaussian(5, 2)
    represented = represent(points, labels * 1e307)
    assert represented(points) == [Fraction(y) for y in (labels * 1e307).tolist()]
    with pytest.raises(HarnessError, match="beyond float64"):
        represented.in_float64()
    z = represented.projections
    close = (z[0], *(z[1] + Fraction(i, 2**80) for i in range(4)))
    i, j = represented.indices[1:3]
    with pytest.raises(HarnessError, match=f"points {i} and {j} have projections that are one number"):
        TwoLayerNetwork(dataclasses.replace(represented, projections=close))
