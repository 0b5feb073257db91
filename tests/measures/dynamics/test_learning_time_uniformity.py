import dataclasses
import statistics

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.dynamics.learning_time_uniformity import first_learned, learning_time_uniformity
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, random_network


def learned_in(epochs, total):
    """Example i is first right in epochs[i], and wrong again in the next."""
    correct = torch.zeros(total, len(epochs), dtype=torch.bool)
    for example, epoch in enumerate(epochs):
        if epoch <= total:
            correct[epoch - 1, example] = True
            correct[epoch + 1 :, example] = True
    history = dataclasses.replace(history_of(epochs=total, num_train=len(epochs)), correct=correct)
    return dataclasses.replace(random_network("mlp_1x2", seed=0, num_train=len(epochs)), history=history)


def test_half_in_epoch_1_and_half_in_epoch_3_spread_by_half_the_mean():
    assert learning_time_uniformity(learned_in([1, 3, 3, 1], total=5)) == pytest.approx(-1 / 2)


def test_all_at_once_is_the_most_uniform():
    assert learning_time_uniformity(learned_in([2, 2, 2], total=4)) == 0


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 11), min_size=1, max_size=12))
def test_is_minus_the_coefficient_of_variation_and_the_never_learned_count_one_after_the_last(epochs):
    trained = learned_in(epochs, total=10)
    assert first_learned(trained.history.correct).tolist() == epochs
    expected = -statistics.pstdev(epochs) / statistics.mean(epochs)
    assert learning_time_uniformity(trained) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=5)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=12), st.integers(2, 4))
def test_a_training_slower_by_a_factor_has_the_same_uniformity(epochs, factor):
    slower = learned_in([factor * epoch for epoch in epochs], total=30)
    assert learning_time_uniformity(slower) == pytest.approx(learning_time_uniformity(learned_in(epochs, total=10)))


def test_examples_equally_hard_in_every_epoch_give_about_minus_1():
    correct = torch.rand(400, 5000, generator=torch.Generator().manual_seed(0)) < 0.03
    trained = learned_in([1] * 5000, total=2)
    history = dataclasses.replace(trained.history, correct=correct)
    assert learning_time_uniformity(dataclasses.replace(trained, history=history)) == pytest.approx(-1, abs=0.05)


def test_sees_no_change_that_leaves_the_function_as_it_is():
    for seed in range(2):
        assert_sees_only(learning_time_uniformity, set(), seed)
