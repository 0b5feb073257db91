import dataclasses
import itertools

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.dynamics.forgetting_events import forgetting_events
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, random_network


def with_correct(rows):
    """One row an epoch, one column an example."""
    correct = torch.tensor(rows, dtype=torch.bool)
    history = dataclasses.replace(history_of(epochs=len(rows), num_train=correct.shape[1]), correct=correct)
    return dataclasses.replace(random_network("mlp_1x2", seed=0, num_train=correct.shape[1]), history=history)


def test_three_examples_forgotten_twice_once_and_never_average_1():
    rows = [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 1], [1, 1, 1]]
    assert forgetting_events(with_correct(rows)) == pytest.approx(1)


@settings(deadline=None, max_examples=20)
@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 1), min_size=n, max_size=n), min_size=2, max_size=12)
    )
)
def test_is_the_papers_count_example_by_example(rows):
    events = 0
    for example in zip(*rows, strict=True):
        for before, after in itertools.pairwise(example):
            events += before > after
    assert forgetting_events(with_correct(rows)) == pytest.approx(events / len(rows[0]))
    # Each example is learned once more, or once less, than it is forgotten, or as often; backwards one is the other.
    learned = forgetting_events(with_correct(rows[::-1]))
    rise = (sum(rows[-1]) - sum(rows[0])) / len(rows[0])
    assert learned - forgetting_events(with_correct(rows)) == pytest.approx(rise)


def test_sees_no_change_that_leaves_the_function_as_it_is():
    trained = with_correct([[1, 0], [0, 1], [1, 1]])
    on_this = dataclasses.replace(
        forgetting_events, function=lambda other: forgetting_events(dataclasses.replace(other, history=trained.history))
    )
    assert_sees_only(on_this, set(), seed=1)


def test_one_epoch_leaves_nothing_to_forget():
    with pytest.raises(NotApplicable, match="1 epoch"):
        forgetting_events(with_correct([[1, 0]]))
