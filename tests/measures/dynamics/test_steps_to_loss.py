import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.dynamics.steps_to_loss import steps_at_low_loss, steps_to_loss
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, trained_model


def ended_at(loss, epoch_losses, steps):
    """A network whose mean loss is `loss` after this many steps, and was these in the epochs."""
    network = torch.nn.Linear(1, 2, dtype=torch.float64)
    margin = -math.log(math.expm1(loss))
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[margin], [0.0]]))
        network.bias.zero_()
    history = dataclasses.replace(history_of(steps, len(epoch_losses), 1), train_loss=torch.tensor(epoch_losses))
    return trained_model(network, torch.ones(1, 1).double(), torch.tensor([0]), history=history)


class Sharpened(torch.nn.Module):
    """A network that is a million times as sure."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return 1e6 * self.network(x)


def low(trained):
    """The network fits with almost no loss, and passed a tenth in its third epoch."""
    losses = torch.tensor([1.0, 0.5, 0.05, 0.02])
    history = dataclasses.replace(history_of(40, 4, len(trained.labels)), train_loss=losses)
    return dataclasses.replace(trained, model=Sharpened(trained.model), history=history)


def test_the_loss_passes_a_tenth_between_the_middles_of_two_epochs():
    # Middles at 5, 15, 25; from 0.3 at step 15 to 0.05 at step 25 the tenth is passed after 8 of 10 steps.
    trained = ended_at(0.01, [1.0, 0.3, 0.05], steps=30)
    assert steps_to_loss(trained) == pytest.approx(15 + 8, rel=1e-6)
    assert steps_at_low_loss(trained) == pytest.approx(30 - 23, rel=1e-6)


def test_an_epoch_cut_short_has_its_middle_earlier():
    # 25 steps in 3 epochs are taken as 9, 9 and 7, with middles at 4.5, 13.5 and 21.5.
    trained = ended_at(0.001, [1.0, 0.2, 0.05], steps=25)
    assert steps_to_loss(trained) == pytest.approx(13.5 + 8 * (0.2 - 0.1) / 0.15, rel=1e-6)


def test_a_tenth_may_be_passed_after_the_last_epochs_middle():
    trained = ended_at(0.01, [1.0, 0.5, 0.4], steps=30)
    assert steps_to_loss(trained) == pytest.approx(25 + 5 * 0.3 / 0.39, rel=1e-6)


def test_the_first_passage_counts():
    there_and_back = ended_at(0.01, [1.0, 0.05, 0.5, 0.02], steps=40)
    assert steps_to_loss(there_and_back) == pytest.approx(5 + 10 * 0.9 / 0.95, rel=1e-6)


@settings(deadline=None, max_examples=10)
@given(st.floats(0.002, 0.0099), st.lists(st.floats(0.11, 3), min_size=2, max_size=8), st.integers(1, 10))
def test_both_together_are_at_most_all_the_steps_and_grow_with_the_length_of_an_epoch(end, losses, factor):
    short, long = ended_at(end, losses, 10 * len(losses)), ended_at(end, losses, 10 * factor * len(losses))
    assert 0 < steps_to_loss(short) + steps_at_low_loss(short) <= 10 * len(losses)
    assert steps_to_loss(long) == pytest.approx(factor * steps_to_loss(short), rel=1e-9)
    assert steps_at_low_loss(long) == pytest.approx(factor * steps_at_low_loss(short), rel=1e-9)


def test_a_stop_within_rounding_of_a_hundredth_has_reached_it():
    assert steps_at_low_loss(ended_at(0.0100001, [1.0, 0.05], steps=20)) > 0


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 1000))
def test_see_no_change_that_leaves_the_function_as_it_is(seed):
    for measure in (steps_to_loss, steps_at_low_loss):
        on_low = dataclasses.replace(measure, function=lambda trained, measure=measure: measure(low(trained)))
        assert_sees_only(on_low, set(), seed)


def test_not_applicable_where_the_loss_was_never_or_always_low():
    with pytest.raises(NotApplicable, match=r"never reached 0\.1"):
        steps_to_loss(ended_at(0.2, [1.0, 0.5], steps=20))
    with pytest.raises(NotApplicable, match=r"never reached 0\.01"):
        steps_at_low_loss(ended_at(0.05, [1.0, 0.5], steps=20))
    with pytest.raises(NotApplicable, match="first epoch"):
        steps_to_loss(ended_at(0.01, [0.09, 0.05], steps=20))
