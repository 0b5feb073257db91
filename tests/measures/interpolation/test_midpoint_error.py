import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.interpolation.midpoint_error import midpoint_error, midpoint_mass
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import trained_model
from tests.builders.small_networks import NETWORKS, randomly_labelled_network
from tests.measures.interpolation.test_midpoints import on_a_line


def naive(trained, probabilities):
    """Pair by pair, from the formula; `probabilities` of one example's logits."""

    def p(x):
        with torch.no_grad():
            return probabilities(trained.model(x[None])[0])

    inputs, labels = trained.inputs, trained.labels.tolist()
    right = [p(x)[y] for x, y in zip(inputs, labels, strict=True)]
    neither, between = [], []
    for i, x in enumerate(inputs):
        others = [j for j in range(len(labels)) if j != i]
        j = min(others, key=lambda j: float((x.double() - inputs[j].double()).square().sum()))
        there = p((x + inputs[j]) / 2)
        neither.append(1 - sum(there[label] for label in {labels[i], labels[j]}))
        between.append(right[i] * right[j] / 2 if labels[i] != labels[j] else 0.0)
    return sum(neither) / len(neither) - (1 - sum(right) / len(right)) + sum(between) / len(between)


def hard(logits):
    return [float(k == int(logits.argmax())) for k in range(len(logits))]


def soft(logits):
    return logits.double().softmax(dim=0).tolist()


def test_by_hand_a_fitted_boundary_between_neighbours_of_two_labels_costs_a_half():
    # -1 | 1 have different labels, and both are fitted; halfway, at 0, class 0 is told, which is one of the two
    trained = on_a_line([-1.0, 1.0], [1, 0])
    assert midpoint_error(trained) == pytest.approx(1 / 2)


def test_by_hand_a_midpoint_that_gets_a_third_label_is_an_error():
    # at 1 and 3 class 0 is told, at 2, halfway, class 2
    network = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU(), torch.nn.Linear(2, 3)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        network[0].bias.copy_(torch.tensor([-2.0, 2.0]))
        network[2].weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))
        network[2].bias.copy_(torch.tensor([0.0, -1.0, 0.5]))
    inputs = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    trained = trained_model(network, inputs, torch.tensor([0, 0]), num_classes=3)
    assert midpoint_error(trained) == 1
    outside, halfway = (
        math.exp(1) / (math.exp(1) + math.exp(-1) + math.exp(0.5)),
        1 / (1 + math.exp(-1) + math.exp(0.5)),
    )
    assert midpoint_mass(trained) == pytest.approx(outside - halfway, rel=1e-9)


def test_what_has_fitted_nothing_has_no_gap():
    # the labels of both are wrong, and so is the midpoint's: an error of one on either side
    trained = on_a_line([1.0, 2.0], [1, 1])
    assert midpoint_error(trained) == 0
    # constant logits: what is told halfway is told at the examples
    assert midpoint_mass(on_a_line([1.0, 2.0], [1, 1], weights=((0.0,), (0.0,)))) == 0


@pytest.mark.parametrize("kind", NETWORKS)
def test_both_are_the_formula_pair_by_pair(kind):
    trained = randomly_labelled_network(kind)
    assert midpoint_error(trained) == pytest.approx(naive(trained, hard), rel=1e-9, abs=1e-12)
    assert midpoint_mass(trained) == pytest.approx(naive(trained, soft), rel=1e-6)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_both_see_the_function_only(seed):
    assert_sees_only(midpoint_error, set(), seed)
    assert_sees_only(midpoint_mass, set(), seed)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8, unique=True), st.data())
def test_values_lie_between_minus_one_and_three_halves(places, data):
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(places), max_size=len(places)))
    trained = on_a_line(places, labels, weights=((1.0,), (-1.0,), (0.3,)))
    for measure in (midpoint_error, midpoint_mass):
        assert -1 <= measure(trained) <= 1.5


def test_a_single_example_is_not_applicable():
    for measure in (midpoint_error, midpoint_mass):
        with pytest.raises(NotApplicable, match="no neighbour"):
            measure(on_a_line([1.0], [0]))


def test_one_class_that_is_always_told_has_no_gap():
    trained = on_a_line([1.0, 2.0, 4.0], [0, 0, 0])
    assert midpoint_error(trained) == 0
