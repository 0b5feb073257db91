import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.interpolation.midpoint_margin import midpoint_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import NETWORKS, randomly_labelled_network
from tests.measures.interpolation.test_midpoints import on_a_line


def naive(trained):
    """Pair by pair, from the formula."""

    def f(x):
        with torch.no_grad():
            return trained.model(x[None])[0].double().tolist()

    def margin(logits, y):
        return logits[y] - max(value for k, value in enumerate(logits) if k != y)

    inputs, labels, lost, lengths = trained.inputs, trained.labels.tolist(), [], []
    for i, x in enumerate(inputs):
        others = [j for j in range(len(labels)) if j != i]
        j = min(others, key=lambda j: float((x.double() - inputs[j].double()).square().sum()))
        there = f((x + inputs[j]) / 2)
        better = max((labels[i], labels[j]), key=lambda label: there[label])
        ends = (margin(f(x), labels[i]) + margin(f(inputs[j]), labels[j])) / 2
        lost.append(ends - margin(there, better))
        logits = torch.tensor(f(x), dtype=torch.float64)
        lengths.append(float((logits - logits.mean()).norm()))
    return sum(lost) / len(lost) / (sum(lengths) / len(lengths))


def test_by_hand_a_linear_network_loses_nothing_within_a_class_and_all_between_two():
    # logits (x, -x): the margin of class 0 at x is 2x, which is linear
    assert midpoint_margin(on_a_line([1.0, 2.0], [0, 0])) == pytest.approx(0)
    # at -1 and 1 both margins are 2, halfway 0; the centred logits (1, -1) have the length sqrt 2
    assert midpoint_margin(on_a_line([-1.0, 1.0], [1, 0])) == pytest.approx(2 / 2**0.5)


@pytest.mark.parametrize("kind", NETWORKS)
def test_it_is_the_formula_pair_by_pair(kind):
    trained = randomly_labelled_network(kind)
    assert midpoint_margin(trained) == pytest.approx(naive(trained), rel=1e-6)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_it_sees_the_function_only(seed):
    assert_sees_only(midpoint_margin, set(), seed)


@pytest.mark.parametrize("scale", [0.1, 7.0])
def test_the_scale_of_the_logits_does_not_matter(scale):
    places, labels = [-3.0, -1.0, 0.5, 2.0], [0, 1, 0, 1]
    one = midpoint_margin(on_a_line(places, labels))
    assert midpoint_margin(on_a_line(places, labels, weights=((scale,), (-scale,)))) == pytest.approx(one)


def test_logits_that_are_all_equal_and_a_single_example_are_not_applicable():
    with pytest.raises(NotApplicable, match="all equal"):
        midpoint_margin(on_a_line([1.0, 2.0], [0, 1], weights=((0.0,), (0.0,))))
    with pytest.raises(NotApplicable, match="no neighbour"):
        midpoint_margin(on_a_line([1.0], [0]))
