import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.interpolation._midpoints import midpoints
from measures.interpolation.displaced_error import displaced_error
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import NETWORKS, randomly_labelled_network
from tests.measures.interpolation.test_midpoints import on_a_line


def naive(trained):
    """Example by example, from the formula."""

    def told(x):
        with torch.no_grad():
            return int(trained.model(x[None])[0].argmax())

    inputs, labels, pairs = trained.inputs, trained.labels.tolist(), midpoints(trained)
    one, other = pairs.one.tolist(), pairs.other.tolist()
    wrong = 0
    for place, i in enumerate(one):
        following = (place + 1) % len(one)
        a, b = one[following], other[following]
        wrong += told(inputs[i] + (inputs[b] - inputs[a]) / 2) != labels[i]
    missed = sum(told(x) != y for x, y in zip(inputs, labels, strict=True))
    return wrong / len(one) - missed / len(labels)


def test_by_hand_two_examples_move_towards_each_other_or_away():
    # class 0 is told of what is positive. The pairs are (0.5, 2.5) and (2.5, 0.5): either example moves by the other's
    # pair, 0.5 by -1 to -0.5, which is told wrong, and 2.5 by 1 to 3.5
    assert displaced_error(on_a_line([0.5, 2.5], [0, 0])) == 1 / 2
    # with both labels wrong, the training error of 1 is taken off
    assert displaced_error(on_a_line([0.5, 2.5], [1, 1])) == 1 / 2 - 1


@pytest.mark.parametrize("kind", NETWORKS)
def test_it_is_the_formula_example_by_example(kind):
    trained = randomly_labelled_network(kind)
    assert displaced_error(trained) == pytest.approx(naive(trained), abs=1e-12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_it_sees_the_function_only(seed):
    assert_sees_only(displaced_error, set(), seed)


def test_labels_of_neighbours_do_not_matter_to_an_example():
    """All logits equal: class 0 is told everywhere, and the labels decide on both sides alike."""
    assert displaced_error(on_a_line([0.0, 1.0, 4.0], [0, 1, 1], weights=((0.0,), (0.0,)))) == 0


def test_a_single_example_is_not_applicable():
    with pytest.raises(NotApplicable, match="no neighbour"):
        displaced_error(on_a_line([1.0], [0]))
