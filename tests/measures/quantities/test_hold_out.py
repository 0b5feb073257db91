"""The tenth that retraining measures hold out, and what another network predicts."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.hold_out import hold_out, predictions
from tests.builders.models import random_network, trained_model
from tests.builders.retraining import Table


def numbered(labels, seed=0):
    """Example k has the input k."""
    inputs = torch.arange(len(labels), dtype=torch.float64)[:, None]
    return trained_model(Table(labels), inputs, torch.tensor(labels), seed=seed)


@settings(deadline=None)
@given(st.integers(2, 200), st.integers(0, 100))
def test_a_tenth_is_held_out_rounded_up_and_the_rest_is_kept(n, seed):
    held_out, kept = hold_out(numbered([0] * n, seed))
    assert len(held_out) == math.ceil(n / 10)
    assert sorted([*held_out.tolist(), *kept.tolist()]) == list(range(n))


def test_twins_hold_out_the_same_examples_and_other_seeds_others():
    natural, random_labels, other_seed = numbered([0] * 100), numbered([1] * 100), numbered([0] * 100, seed=1)
    assert torch.equal(hold_out(natural)[0], hold_out(random_labels)[0])
    assert not torch.equal(hold_out(natural)[0], hold_out(other_seed)[0])


def test_of_one_example_none_can_be_held_out():
    with pytest.raises(NotApplicable, match="1 training example: there is nothing left to train on"):
        hold_out(numbered([0]))


def test_predictions_are_another_network_s_on_other_inputs():
    trained = numbered([0, 1, 2])
    inputs = torch.tensor([[2.0], [2.0], [0.0]], dtype=torch.float64)
    assert predictions(trained, Table([2, 1, 0]), inputs).tolist() == [0, 0, 2]


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_predictions_are_those_of_the_network_called_one_example_at_a_time(name):
    trained, other = random_network(name, 0), random_network(name, 1)
    expected = [int(other.model(x[None]).argmax()) for x in trained.inputs]
    assert predictions(trained, other.model, trained.inputs).tolist() == expected
