import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.quantities.hold_out import hold_out
from measures.stability.held_out_error import held_out_error
from measures.stability.leave_out_stability import leave_out_stability
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.retraining import Table


def numbered(labels, answers_without, seed=0):
    """Example k has the input k; retrained, the network answers with `answers_without`."""
    return trained_model(
        Table(labels),
        torch.arange(len(labels), dtype=torch.float64)[:, None],
        torch.tensor(labels),
        seed=seed,
        retrain_function=lambda inputs, labels, reseed: Table(answers_without),
    )


def test_is_1_where_what_was_not_seen_is_not_known():
    assert held_out_error(numbered([1] * 30, [0] * 30)) == 1


@settings(deadline=None, max_examples=20)
@given(
    st.integers(2, 60).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 2)] * 2), min_size=n, max_size=n)),
    st.integers(0, 20),
)
def test_is_the_count_over_the_held_out_examples_and_the_stability_of_a_network_that_fits(examples, seed):
    labels, answers = ([pair[i] for pair in examples] for i in range(2))
    trained = numbered(labels, answers, seed)
    held_out = hold_out(trained)[0].tolist()
    wrong = sum(answers[k] != labels[k] for k in held_out)
    assert held_out_error(trained) == pytest.approx(wrong / len(held_out), abs=1e-12)
    assert held_out_error(trained) == pytest.approx(leave_out_stability(trained), abs=1e-12)


def test_asks_for_the_retraining_of_leave_out_stability():
    asked = []
    trained = dataclasses.replace(
        random_network("mlp_1x4", seed=0),
        retrain_function=lambda *arguments: asked.append(arguments) or nn.Sequential(nn.Flatten()),
    )
    held_out_error(trained)
    leave_out_stability(trained)
    first, second = asked
    assert all(torch.equal(a, b) for a, b in zip(first[:2], second[:2], strict=True))
    assert first[2] == second[2]


def test_does_not_depend_on_the_given_networks_weights():
    network = random_network("mlp_1x8", 2000, size=4).model
    retrained = dataclasses.replace(
        held_out_error,
        function=lambda trained: held_out_error(
            dataclasses.replace(trained, retrain_function=lambda inputs, labels, reseed: network)
        ),
    )
    for seed in range(2):
        assert_sees_only(retrained, set(), seed)


def test_one_example_alone_cannot_be_held_out():
    with pytest.raises(NotApplicable, match="1 training example"):
        held_out_error(numbered([0], [0]))
