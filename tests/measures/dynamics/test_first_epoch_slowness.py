import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.dynamics.first_epoch_slowness import first_epoch_slowness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, random_network


def with_losses(*losses, num_classes=3):
    trained = random_network("mlp_1x2", seed=0, num_classes=num_classes)
    history = dataclasses.replace(history_of(epochs=len(losses)), train_loss=torch.tensor(losses, dtype=torch.float64))
    return dataclasses.replace(trained, history=history)


@pytest.mark.parametrize("num_classes", [2, 10])
def test_a_first_epoch_no_better_than_a_guess_is_0(num_classes):
    assert first_epoch_slowness(with_losses(math.log(num_classes), num_classes=num_classes)) == pytest.approx(0)


@settings(deadline=None, max_examples=10)
@given(st.floats(0, 5), st.floats(0, 5), st.floats(0, 5))
def test_is_the_drop_below_log_k_negated_whatever_follows(first, second, third):
    value = first_epoch_slowness(with_losses(first, second, third))
    assert value == pytest.approx(-(math.log(3) - first), abs=1e-12)
    assert value == first_epoch_slowness(with_losses(first, third))


def test_sees_no_change_that_leaves_the_function_as_it_is():
    for seed in range(2):
        assert_sees_only(first_epoch_slowness, set(), seed)
