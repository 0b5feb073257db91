import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.quantities.hold_out import hold_out
from measures.stability.leave_out_stability import leave_out_stability
from measures.stability.seed_disagreement import seed_disagreement
from tests.builders.equivalent_networks import CHANGES
from tests.builders.models import digits_model, random_network, trained_model
from tests.builders.retraining import Table


def numbered(first, second, seed=0):
    """Example k has the input k; retrained with seed 0 the network answers with `first`, with seed 1 with `second`."""
    inputs = torch.arange(len(first), dtype=torch.float64)[:, None]
    return trained_model(
        Table(first),
        inputs,
        torch.zeros(len(first), dtype=torch.int64),
        seed=seed,
        retrain_function=lambda inputs, labels, reseed: Table((first, second)[reseed]),
    )


def test_is_0_where_both_seeds_are_wrong_in_the_same_way():
    assert seed_disagreement(numbered([2] * 30, [2] * 30)) == 0


def test_is_1_where_the_seeds_never_agree():
    assert seed_disagreement(numbered([1] * 30, [2] * 30)) == 1


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.integers(2, 60).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 2)] * 2), min_size=n, max_size=n)),
    st.integers(0, 20),
)
def test_is_the_share_of_held_out_inputs_on_which_they_differ(answers, seed):
    first, second = ([pair[i] for pair in answers] for i in range(2))
    trained = numbered(first, second, seed)
    held_out = hold_out(trained)[0].tolist()
    differing = sum(first[k] != second[k] for k in held_out)
    assert seed_disagreement(trained) == pytest.approx(differing / len(held_out), abs=1e-12)


def test_the_first_retraining_is_the_one_of_leave_out_stability():
    asked = []
    trained = dataclasses.replace(
        random_network("mlp_1x4", seed=0),
        retrain_function=lambda *examples_and_reseed: asked.append(examples_and_reseed) or nn.Sequential(nn.Flatten()),
    )
    leave_out_stability(trained)
    seed_disagreement(trained)
    alone, first, _ = asked
    assert all(torch.equal(a, b) for a, b in zip(alone[:2], first[:2], strict=True))
    assert [arguments[2] for arguments in asked] == [0, 0, 1]


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_does_not_depend_on_the_given_networks_weights_at_all(seed, other_seed):
    assert seed_disagreement.invariant_to == CHANGES.keys()
    networks = [random_network("mlp_1x8", 2000 + i).model for i in range(2)]
    trained = dataclasses.replace(
        random_network("mlp_3x4", seed), retrain_function=lambda inputs, labels, reseed: networks[reseed]
    )
    other = dataclasses.replace(trained, model=random_network("mlp_3x4", other_seed).model)
    assert seed_disagreement(trained) == seed_disagreement(other)


def test_one_example_alone_cannot_be_held_out():
    with pytest.raises(NotApplicable, match="1 training example"):
        seed_disagreement(numbered([0], [0]))


@pytest.mark.slow
def test_is_small_for_digits_and_large_for_digits_with_random_labels():
    values = [seed_disagreement(digits_model(condition)) for condition in ("true_labels", "random_labels")]
    assert values[0] <= 0.25
    assert values[1] >= 0.4
