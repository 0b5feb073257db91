import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.interpolation.segment_bend import segment_bend
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import trained_model
from tests.builders.small_networks import NETWORKS, randomly_labelled_network


def rectified(places, weights):
    """Examples on a line, features relu(weight * place), any head."""
    network = torch.nn.Sequential(torch.nn.Linear(1, len(weights)), torch.nn.ReLU(), torch.nn.Linear(len(weights), 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(weights)[:, None])
        network[0].bias.zero_()
    labels = torch.zeros(len(places), dtype=torch.int64)
    return trained_model(network.double(), torch.tensor(places, dtype=torch.float64)[:, None], labels, num_classes=2)


def naive(trained):
    """Pair by pair, from the formula, with the features of single examples."""

    def h(x):
        received = []
        last = [module for module in trained.model.modules() if isinstance(module, torch.nn.Linear)][-1]
        handle = last.register_forward_pre_hook(lambda module, inputs: received.append(inputs[0][0]))
        with torch.no_grad():
            trained.model(x[None])
        handle.remove()
        return received[0].double()

    inputs, bends, firsts = trained.inputs, [], []
    for i, x in enumerate(inputs):
        others = [j for j in range(len(inputs)) if j != i]
        j = min(others, key=lambda j: float((x.double() - inputs[j].double()).square().sum()))
        bends.append(float((h((x + inputs[j]) / 2) - (h(x) + h(inputs[j])) / 2).norm()))
        firsts.append(h(x))
    mean = sum(firsts) / len(firsts)
    return sum(bends) / sum(float((first - mean).norm()) for first in firsts)


def test_by_hand_a_feature_with_a_corner_between_its_examples_bends():
    # relu at -1, 0 and 1 is 0, 0 and 1: halfway it is 1/2 below the mean of both ends, which are 1/2 from their mean
    assert segment_bend(rectified([-1.0, 1.0], [1.0])) == pytest.approx(1)
    assert segment_bend(rectified([1.0, 3.0], [1.0])) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_it_is_the_formula_pair_by_pair(kind):
    trained = randomly_labelled_network(kind)
    assert segment_bend(trained) == pytest.approx(naive(trained), rel=1e-6)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_it_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(segment_bend, set(), seed)


@pytest.mark.parametrize("scale", [0.25, 3.0])
def test_the_scale_of_the_features_does_not_matter(scale):
    places = [-2.0, -0.5, 1.0, 4.0]
    assert segment_bend(rectified(places, [scale, -scale])) == pytest.approx(
        segment_bend(rectified(places, [1.0, -1.0]))
    )


def test_features_that_are_all_equal_are_not_applicable():
    with pytest.raises(NotApplicable, match="features of every example are equal"):
        segment_bend(rectified([-1.0, -2.0], [1.0]))
