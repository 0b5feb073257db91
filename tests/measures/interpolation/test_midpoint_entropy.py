import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.interpolation.midpoint_entropy import entropy, midpoint_entropy
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import NETWORKS, randomly_labelled_network
from tests.measures.interpolation.test_midpoints import on_a_line


def naive(trained):
    """Pair by pair, from the formula."""

    def uncertainty(x):
        with torch.no_grad():
            p = trained.model(x[None])[0].double().softmax(dim=0).tolist()
        return -sum(each * math.log(each) for each in p)

    inputs, risen = trained.inputs, []
    for i, x in enumerate(inputs):
        others = [j for j in range(len(inputs)) if j != i]
        j = min(others, key=lambda j: float((x.double() - inputs[j].double()).square().sum()))
        risen.append(uncertainty((x + inputs[j]) / 2) - (uncertainty(x) + uncertainty(inputs[j])) / 2)
    return sum(risen) / len(risen)


def test_by_hand_between_two_sure_classes_it_rises_to_log_2():
    # logits (x, -x) at -50 and 50 are sure, at 0 they are equal
    assert midpoint_entropy(on_a_line([-50.0, 50.0], [1, 0])) == pytest.approx(math.log(2))
    assert midpoint_entropy(on_a_line([-1.0, 1.0], [0, 0], weights=((0.0,), (0.0,)))) == pytest.approx(0)


@pytest.mark.parametrize("kind", NETWORKS)
def test_it_is_the_formula_pair_by_pair(kind):
    trained = randomly_labelled_network(kind)
    assert midpoint_entropy(trained) == pytest.approx(naive(trained), rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_it_sees_the_function_only(seed):
    assert_sees_only(midpoint_entropy, set(), seed)


def test_no_label_is_read():
    one, other = ([0, 1, 0], [1, 1, 0])
    assert midpoint_entropy(on_a_line([0.0, 1.0, 4.0], one)) == midpoint_entropy(on_a_line([0.0, 1.0, 4.0], other))


def test_a_probability_of_zero_has_no_entropy():
    assert entropy(torch.tensor([[1000.0, 0.0, -1000.0]])).tolist() == [0.0]


def test_a_single_example_is_not_applicable():
    with pytest.raises(NotApplicable, match="no neighbour"):
        midpoint_entropy(on_a_line([1.0], [0]))
