import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.dynamics.training_loss import training_loss_average, training_loss_sum
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, random_network

LOSSES = st.lists(st.floats(0.01, 5), min_size=1, max_size=30)


def with_losses(losses):
    trained = random_network("mlp_1x2", seed=0)
    history = dataclasses.replace(history_of(epochs=len(losses)), train_loss=torch.tensor(losses))
    return dataclasses.replace(trained, history=history)


def test_of_epochs_at_2_and_1_and_a_half():
    trained = with_losses([2.0, 1.0, 0.5])
    assert training_loss_sum(trained) == pytest.approx(3.5, rel=1e-12)
    assert training_loss_average(trained) == pytest.approx(0.5 + 0.999 * 1 + 0.998001 * 2, rel=1e-12)


@settings(deadline=None, max_examples=10)
@given(LOSSES)
def test_are_the_sums_of_the_papers(losses):
    total, moving = 0.0, 0.0
    for loss in torch.tensor(losses).tolist():
        total += loss
        moving = 0.999 * moving + loss  # the paper's exponential moving average, unnormalised, step by step
    assert training_loss_sum(with_losses(losses)) == pytest.approx(total, rel=1e-9)
    assert training_loss_average(with_losses(losses)) == pytest.approx(moving, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(LOSSES, st.floats(0.01, 5))
def test_one_more_epoch_adds_its_loss_and_ages_the_others(losses, loss):
    before, after = with_losses(losses), with_losses([*losses, loss])
    assert training_loss_sum(after) == pytest.approx(training_loss_sum(before) + loss, rel=1e-5)
    assert training_loss_average(after) == pytest.approx(0.999 * training_loss_average(before) + loss, rel=1e-5)


def test_the_average_of_a_hundred_epochs_still_knows_the_first():
    # A decay of 0.9 would leave 0.00003 of it.
    slow, quick = with_losses([5.0] + [0.01] * 99), with_losses([1.0] + [0.01] * 99)
    assert training_loss_average(slow) - training_loss_average(quick) == pytest.approx(4 * 0.999**99, rel=1e-5)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_see_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(training_loss_sum, set(), seed)
    assert_sees_only(training_loss_average, set(), seed)
