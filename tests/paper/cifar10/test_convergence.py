"""When a network has begun to converge, and when it has converged."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from harness.paper.cifar10.convergence import first_at_most, middles, steps_to_begin, steps_to_converge
from tests.builders.paper.figure1_rows import BATCH, history


def test_an_epochs_error_stands_for_its_middle_and_five_percent_is_found_between_two() -> None:
    seen = history([2.0, 1.0, 0.1], [0.5, 0.1, 0.0], steps=6)
    assert middles(seen, BATCH).tolist() == [1, 3, 5]
    assert steps_to_converge(seen, BATCH) == pytest.approx(4.0)


def test_the_last_epoch_may_be_cut_short() -> None:
    assert middles(history([1, 1, 1], [1, 1, 1], steps=5), BATCH).tolist() == [1, 3, 4.5]
    assert middles(history([1], [1], steps=1), BATCH).tolist() == [0.5]


def test_training_has_begun_to_converge_at_half_the_loss_of_guessing() -> None:
    guess = math.log(10)
    assert steps_to_begin(history([guess, guess / 4], [0.9, 0.9], steps=4), BATCH, 10) == pytest.approx(1 + 2 / 1.5)
    assert steps_to_begin(history([guess, 0.51 * guess], [0.9, 0.0], steps=4), BATCH, 10) is None


def test_what_was_never_fitted_or_diverged_has_no_convergence_time() -> None:
    assert steps_to_converge(history([2, 1], [0.9, 0.06], steps=4), BATCH) is None
    assert steps_to_begin(history([2.3, math.nan], [0.9, 0.9], steps=4), BATCH, 10) is None
    assert first_at_most(0.5, np.array([1.0, 2.0]), np.array([math.nan, 0.2])) == 2


def naive_first(threshold: float, values: list[float]) -> float | None:
    """Where the values at 0, 1, 2, ... come down to the threshold, looked for in steps of a hundredth."""
    for hundredth in range(100 * (len(values) - 1) + 1):
        index, part = divmod(hundredth, 100)
        beyond = values[min(index + 1, len(values) - 1)]
        if values[index] + (beyond - values[index]) * part / 100 <= threshold + 1e-9:
            return hundredth / 100
    return None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.05, 0.95))
def test_the_crossing_is_the_first_that_a_slow_search_meets(values: list[float], threshold: float) -> None:
    found = first_at_most(threshold, np.arange(float(len(values))), np.array(values))
    slow = naive_first(threshold, values)
    assert (found is None) == (slow is None)
    if found is not None and slow is not None:
        assert found <= slow + 1e-6 and slow <= math.ceil(100 * found + 1e-6) / 100 + 1e-6
