import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.function_space.geometric_complexity import geometric_complexity
from measures.function_space.jacobian_norm import jacobian_norm, jacobian_norm_train
from measures.quantities.hold_out import hold_out
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.retraining import assert_sees_no_change_of_the_given_network
from tests.builders.small_networks import NETWORKS, linear_model, random_linear_model, randomly_labelled_network


def naive_norm(network, inputs):
    def probabilities(x):
        return torch.softmax(network(x), dim=1)

    norms = [float(torch.autograd.functional.jacobian(probabilities, x[None]).norm()) for x in inputs]
    return sum(norms) / len(norms)


def test_of_two_opposite_logits_at_even_odds_is_theirs_times_a_quarter_for_each_probability():
    # f = (3x, −3x) at x = 0: p = ½ each, ∂p₁/∂x = p₁ p₂ (3 + 3) = 3/2, and ∂p₂/∂x is its negative
    assert jacobian_norm_train(linear_model([[3.0], [-3.0]], [[0.0]], [0])) == pytest.approx(2**0.5 * 3 / 2, rel=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_at_training_inputs_is_the_mean_norm_of_jacobians_of_the_softmax_taken_one_by_one(kind):
    trained = randomly_labelled_network(kind)
    assert jacobian_norm_train(trained) == pytest.approx(naive_norm(trained.model, trained.inputs), rel=1e-9)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_that_of_the_network_trained_without_a_tenth_at_that_tenth(kind):
    trained, other, asked = randomly_labelled_network(kind), randomly_labelled_network(kind, seed=1).model, []

    def retrain(inputs, labels, reseed):
        asked.append(inputs)
        return other

    held_out, kept = hold_out(trained)
    found = jacobian_norm(dataclasses.replace(trained, retrain_function=retrain))
    assert found == pytest.approx(naive_norm(other, trained.inputs[held_out]), rel=1e-9)
    assert len(asked) == 1
    assert torch.equal(asked[0], trained.inputs[kept])


def test_all_of_three_hundred_examples_are_in_the_mean():
    trained = random_linear_model(0, num_train=300)
    assert jacobian_norm_train(trained) == pytest.approx(naive_norm(trained.model, trained.inputs), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(["mlp_2x5", "convnet_bn"]))
def test_is_at_most_half_the_norm_of_the_jacobian_of_the_logits(seed, name):
    trained = random_network(name, seed, size=4)  # diag(p) − p pᵀ has no eigenvalue above ½
    assert jacobian_norm_train(trained) <= 0.5 * geometric_complexity(trained) ** 0.5


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_at_training_inputs_sees_the_function_only_and_held_out_nothing_of_the_given_network(seed):
    assert_sees_only(jacobian_norm_train, set(), seed)
    assert_sees_no_change_of_the_given_network(jacobian_norm, seed)


def test_is_not_applicable_to_networks_that_cannot_be_trained_again():
    with pytest.raises(NotApplicable, match="train them again"):
        jacobian_norm(random_network("mlp_2x5", seed=0))
