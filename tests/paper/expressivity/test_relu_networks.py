"""The networks in float64: two layers, or deeper with less width."""

import dataclasses
import math
from fractions import Fraction

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import assume, given, settings

from harness.errors import HarnessError
from harness.paper.expressivity.relu_networks import DeepNetwork, TwoLayerNetwork, deep_layers, error_bound
from harness.paper.expressivity.representation import represent
from tests.references.theorem1 import EPSILON, Sample, gaussian, moderate, naive_deep, samples, tensors


@pytest.mark.slow
@settings(max_examples=150)
@given(samples(labels=moderate))
def test_rounded_weights_leave_their_own_rounding_alone(sample: Sample) -> None:
    try:
        rounded = represent(*tensors(sample)).in_float64()
    except HarnessError:  # projections that are one number, or weights beyond float64
        assume(False)
    numbers = [*rounded.knots, *rounded.weights, *rounded.projections]
    assert all(Fraction(float(number)) == number for number in numbers)
    columns = (rounded.projections, rounded.knots, rounded.weights, rounded.labels)
    for z, b, w, y in zip(*columns, strict=True):
        assert abs(rounded.at(z) - y) <= (EPSILON / 2 * abs(w) + Fraction(1, 2**1075)) * (z - b)


@pytest.mark.slow
@settings(max_examples=150)
@given(samples(labels=moderate))
def test_the_networks_err_by_no_more_than_the_bound(sample: Sample) -> None:
    points, labels = tensors(sample)
    represented = represent(points, labels)
    try:
        represented.in_float64()
    except HarnessError:
        assume(False)
    assert ((TwoLayerNetwork(represented)(points) - labels).abs() <= error_bound(represented, points)).all()
    for k in {1, min(2, len(points)), len(points)}:
        error = (DeepNetwork(represented, k)(points) - labels).abs()
        assert (error <= error_bound(represented, points, k)).all()


def test_the_bound_says_something() -> None:
    """Ten thousand roundings of the labels at most where gaps are even; and clusters do not make it meaningless."""
    points, labels = gaussian(50, 100)
    assert error_bound(represent(points, labels), points).max() < 1e4 * 50 * 9 * float(EPSILON)
    pairs = torch.cat([points, points + 1e-9])
    both = torch.cat([labels, labels.flip(0)])
    represented = represent(pairs, both)
    assert error_bound(represented, pairs).max() < 0.1
    assert (TwoLayerNetwork(represented)(pairs) - both).abs().max() < 1e-3


@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 5), (6, 1), (30, 8)])
def test_the_network_has_2n_plus_d_parameters(n: int, d: int) -> None:
    points, labels = gaussian(n, d)
    represented = represent(points, labels)
    network = TwoLayerNetwork(represented)
    assert sum(each.numel() for each in network.parameters()) == represented.num_weights == 2 * n + d
    assert network(points).tolist() == pytest.approx(labels.tolist(), abs=1e-9)


def test_the_first_knot_stays_below_the_first_point_in_float64() -> None:
    """Neighbouring numbers at -1, where those below are twice as far apart as those above."""
    represented = represent(*gaussian(2, 1))
    close = (Fraction(-1), Fraction(-1) + Fraction(1, 2**53))
    rounded = dataclasses.replace(represented, projections=close).in_float64()
    assert rounded.knots[0] < rounded.projections[0]


@pytest.mark.parametrize("large", [5e-324, 1e-310, 1.7e308])
def test_the_smallest_and_the_largest_numbers_are_told_apart(large: float) -> None:
    points = torch.tensor([[0.0, 1.0], [large, 1.0], [-large, 1.0]], dtype=torch.float64)
    labels = torch.tensor([3.0, 4.0, 8.0], dtype=torch.float64)
    represented = represent(points, labels)
    assert represented(points) == [3, 4, 8]
    assert TwoLayerNetwork(represented)(points).tolist() == pytest.approx([3, 4, 8], rel=1e-12)


@settings(max_examples=50)
@given(samples(most=7), st.data())
def test_deep_networks_are_the_same_function_exactly(sample: Sample, data: st.DataObject) -> None:
    represented = represent(*tensors(sample))
    k = data.draw(st.integers(1, len(sample[0])))
    for z, y in zip(represented.projections, represented.labels, strict=True):
        assert naive_deep(represented, k, z) == y
    z = data.draw(st.fractions(-3, 3))
    assert naive_deep(represented, k, z) == represented.at(z)


@pytest.mark.parametrize("n", [1, 2, 7, 24])
def test_k_hidden_layers_are_n_over_k_and_4_wide_with_few_weights(n: int) -> None:
    points, labels = gaussian(n, 5)
    represented = represent(points, labels)
    for k in {1, min(2, n), min(3, n), min(5, n), n}:
        network = DeepNetwork(represented, k)
        assert len(network.hidden) == k
        assert network.width <= math.ceil(n / k) + 4
        assert network.num_nonzero <= 5 * n + 8 * k + 5
        assert network(points).tolist() == pytest.approx(labels.tolist(), abs=1e-9)


def test_the_layers_of_a_small_network_by_hand() -> None:
    """Of 7 points in blocks of 3, 2 and 2: with z, with z and s, with s."""
    represented = represent(gaussian(7, 2)[0], torch.randn(7, generator=torch.Generator().manual_seed(0)))
    hidden, output = deep_layers(represented, 3)
    assert [matrix.shape for matrix, _ in hidden] == [(5, 1), (6, 5), (4, 6)]
    assert output.shape == (1, 4)
    assert DeepNetwork(represented, 3).width == 6
    # direction; blocks with biases; z; what s is made of, twice; output
    assert DeepNetwork(represented, 3).num_nonzero == 2 + (6 + 3 * 4) + (2 + 4) + 2 * (3 + 2 + 2) + 4


@pytest.mark.parametrize("k", [0, 5])
def test_more_layers_than_points_are_refused(k: int) -> None:
    with pytest.raises(HarnessError, match=f"{k} hidden layers for 4 points"):
        DeepNetwork(represent(*gaussian(4, 2)), k)
