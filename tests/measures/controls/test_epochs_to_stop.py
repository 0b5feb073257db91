import dataclasses

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from measures.controls.epochs_to_stop import epochs_to_stop
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import digits_model, history_of, random_network


def with_epochs(epochs, steps, seed=0):
    trained = random_network("mlp_1x2", seed)
    return dataclasses.replace(trained, history=history_of(steps, epochs, len(trained.labels)))


def test_of_seven_epochs_is_7_the_last_of_them_cut_short():
    value = epochs_to_stop(with_epochs(7, steps=61))  # ten steps an epoch
    assert value == 7
    assert isinstance(value, float)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 400), st.integers(1, 1000), st.integers(0, 1000))
def test_counts_epochs_whatever_the_steps_and_the_network(epochs, steps, seed):
    assert epochs_to_stop(with_epochs(epochs, steps, seed)) == epochs


def test_random_labels_take_longer():
    natural, randomized = digits_model("true_labels", 100), digits_model("random_labels", 100)
    assert epochs_to_stop(natural) == len(natural.history.train_loss)
    assert epochs_to_stop(randomized) > 1.5 * epochs_to_stop(natural)


@pytest.mark.parametrize("seed", [0, 1])
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(epochs_to_stop, set(), seed)
