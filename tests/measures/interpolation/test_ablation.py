"""The parts add up to the measures that they are parts of; each by hand on a line."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from harness.evaluation.catalogue import declared
from harness.evaluation.measure_lookup import find_measures
from measures import NotApplicable
from measures.interpolation._midpoints import training_error
from measures.interpolation.midpoint_entropy import midpoint_entropy
from measures.interpolation.midpoint_error import midpoint_error
from measures.interpolation.midpoint_margin import midpoint_margin
from measures.registry import registered
from tests import ROOT
from tests.builders.models import trained_model
from tests.builders.small_networks import randomly_labelled_network
from tests.measures.interpolation.test_midpoints import on_a_line

FILE = ROOT / "measures" / "interpolation" / "_ablation.py"


@pytest.fixture(scope="module")
def parts():
    """By name; they leave the register again, where other tests of this process count the catalogue."""
    before = dict(registered)
    names = ["neither_label", "fitted_boundary", "one_class_error", "one_class_entropy", "one_class_margin"]
    names += ["two_class_entropy", "two_class_share"]
    yield {measure.name: measure.function for measure in find_measures([f"{FILE}::{name}" for name in names])}
    registered.clear()
    registered.update(before)


def test_none_of_them_is_in_the_catalogue(parts):
    assert not {measure.name for measure in declared()} & parts.keys()


@pytest.mark.parametrize("kind", ["mlp", "convnet"])
def test_the_terms_of_midpoint_error_are_its_parts(parts, kind):
    trained = randomly_labelled_network(kind)
    terms = parts["neither_label"](trained) - training_error(trained) + parts["fitted_boundary"](trained)
    assert midpoint_error(trained) == pytest.approx(terms)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-50, 50), min_size=4, max_size=8, unique=True))
def test_the_entropy_is_that_of_pairs_of_one_class_and_of_two(parts, places):
    trained = on_a_line([float(place) for place in places], [0] * len(places))
    share = parts["two_class_share"](trained)
    both = (1 - share) * parts["one_class_entropy"](trained) if share < 1 else 0.0
    both += share * parts["two_class_entropy"](trained) if share else 0.0
    assert midpoint_entropy(trained) == pytest.approx(both)


def test_by_hand_two_sure_classes_meet_halfway(parts):
    # classes 1 | 0 at -50 | 50, both fitted: one pair of two classes, seen from either end
    trained = on_a_line([-50.0, 50.0], [1, 0])
    assert parts["two_class_share"](trained) == 1
    assert parts["two_class_entropy"](trained) == pytest.approx(math.log(2))
    assert parts["fitted_boundary"](trained) == 1 / 2
    assert parts["neither_label"](trained) == 0
    for name in ("one_class_error", "one_class_entropy", "one_class_margin"):
        with pytest.raises(NotApplicable, match="no such pair"):
            parts[name](trained)


def test_by_hand_a_line_loses_no_margin_between_ends_of_one_class(parts):
    # margins are 2x: at 1 and 3 they are 2 and 6, halfway 4
    trained = on_a_line([1.0, 3.0], [0, 0])
    assert parts["one_class_margin"](trained) == pytest.approx(0)
    assert parts["one_class_error"](trained) == 0
    assert parts["two_class_share"](trained) == 0
    with pytest.raises(NotApplicable, match="no such pair"):
        parts["two_class_entropy"](trained)


def test_where_everything_is_fitted_and_of_one_class_the_margin_is_midpoint_margin(parts):
    trained = on_a_line([1.0, 3.0, 7.0], [0, 0, 0], weights=((1.0,), (-1.0,), (0.5,)))
    assert parts["one_class_margin"](trained) == pytest.approx(midpoint_margin(trained))


def between(parts, classes_at_two):
    """Examples at 1 and 3, both told class 0 with margin 2, and the given logits halfway."""
    network = torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.ReLU(), torch.nn.Linear(3, 3)).double()
    hats = torch.tensor([[1.0], [1.0], [1.0]]), torch.tensor([-1.0, -2.0, -3.0])
    with torch.no_grad():  # hat(x) = relu(x - 1) - 2 relu(x - 2) + relu(x - 3): 0 at 1 and 3, 1 at 2
        network[0].weight.copy_(hats[0])
        network[0].bias.copy_(hats[1])
        bump = torch.tensor(classes_at_two, dtype=torch.float64) - torch.tensor([2.0, 0.0, 0.0])
        network[2].weight.copy_(bump[:, None] * torch.tensor([1.0, -2.0, 1.0]))
        network[2].bias.copy_(torch.tensor([2.0, 0.0, 0.0]))
    inputs = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    return trained_model(network, inputs, torch.tensor([0, 0]), num_classes=3)


def test_by_hand_what_is_lost_halfway_between_two_of_one_class(parts):
    # the ends' logits are (2, 0, 0), of centred length sqrt(8/3); halfway the margin falls from 2 to 1/2
    trained = between(parts, [1.5, 1.0, 0.0])
    assert parts["one_class_margin"](trained) == pytest.approx(1.5 / math.sqrt(8 / 3))
    assert parts["one_class_error"](trained) == 0
    other = between(parts, [0.0, 1.0, 0.0])  # another class halfway, of margin 1
    assert parts["one_class_error"](other) == 1
    assert parts["one_class_margin"](other) == pytest.approx(1 / math.sqrt(8 / 3))
    assert parts["neither_label"](other) == 1
