"""The network at a flat vector of parameters: by hand, against the network itself, and without changing it."""

import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.nn.utils import parameters_to_vector

from measures import NotApplicable
from measures.quantities.flat_parameters import flat_parameters, initial_parameters, logits_at
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model
from tests.measures.left_as_found import assert_leaves_all_as_found

NETWORKS = ["mlp_2x5", "convnet_bn"]


def test_the_outputs_of_a_linear_network_at_another_vector_are_computed_by_hand():
    trained = linear_model([[2.0], [1.0]], inputs=[[1.0], [3.0]], labels=[0, 0])
    assert flat_parameters(trained.model).tolist() == [2.0, 1.0]
    parameters = torch.tensor([5.0, -1.0], dtype=trained.inputs.dtype)
    assert logits_at(trained.model, parameters, trained.inputs).tolist() == [[5.0, -1.0], [15.0, -3.0]]
    assert trained.model(trained.inputs).tolist() == [[2.0, 1.0], [6.0, 3.0]]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_vector_is_torch_s_and_the_outputs_at_it_are_the_network_s(name):
    trained = random_network(name, seed=0)
    theta = flat_parameters(trained.model)
    assert torch.equal(theta, parameters_to_vector(trained.model.parameters()).detach())
    assert not theta.requires_grad
    assert torch.equal(logits_at(trained.model, theta, trained.inputs), trained.logits)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(NETWORKS))
def test_a_vector_of_another_network_gives_its_outputs_but_for_running_statistics(seed, name):
    one, other = random_network(name, seed), random_network(name, seed + 1)
    other.model.load_state_dict({**other.model.state_dict(), **dict(one.model.named_buffers())})
    assert torch.equal(logits_at(one.model, flat_parameters(other.model), one.inputs), other.model(one.inputs).detach())


def test_gradients_reach_the_vector():
    trained = linear_model([[2.0], [1.0]], inputs=[[3.0]], labels=[0])
    theta = flat_parameters(trained.model).requires_grad_()
    (gradient,) = torch.autograd.grad(logits_at(trained.model, theta, trained.inputs)[0, 1], theta)
    assert gradient.tolist() == [0.0, 3.0]


@pytest.mark.parametrize("name", NETWORKS)
def test_initial_parameters_are_those_of_the_network_before_training(name):
    trained = random_network(name, seed=0)
    assert torch.equal(initial_parameters(trained), parameters_to_vector(trained.init.parameters()).detach())


def test_there_is_no_distance_to_a_network_of_another_size():
    trained = dataclasses.replace(random_network("mlp_1x4", seed=0), init=nn.Linear(2, 2))
    with pytest.raises(NotApplicable, match="had 6 before training: no distance"):
        initial_parameters(trained)


@pytest.mark.parametrize("name", NETWORKS)
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(name):
    def at_zero(trained):
        logits_at(trained.model, 0 * flat_parameters(trained.model), trained.inputs)

    assert_leaves_all_as_found(at_zero, random_network(name, seed=0))


def test_parameters_that_were_registered_in_another_order_are_subtracted_from_their_own():
    """As after prune.remove, which registers the weight behind the bias."""
    trained = random_network("mlp_2x5", 0)
    layer = trained.model[1]
    weight = layer.weight
    del layer.weight
    layer.register_parameter("weight", weight)
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight"]
    moved = dataclasses.replace(trained, init=trained.model)
    plain = random_network("mlp_2x5", 0)
    in_order = dataclasses.replace(plain, init=plain.model)
    assert torch.equal(initial_parameters(moved), flat_parameters(moved.model))
    again = dataclasses.replace(moved, init=in_order.model)
    assert torch.equal(initial_parameters(again), flat_parameters(moved.model))
