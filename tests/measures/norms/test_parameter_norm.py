import copy
import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.norms.parameter_norm import parameter_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices


def test_layers_with_weights_3_4_and_2_have_29_whatever_their_biases():
    network = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 4.0]]))
        network[2].weight.fill_(2)
    trained = trained_model(network, torch.ones(1, 2), torch.tensor([0]))
    assert parameter_norm(trained) == pytest.approx(25 + 4, rel=1e-12)


def test_a_2x2_kernel_of_ones_counts_at_each_of_its_4_places_in_a_3x3_image():
    network = nn.Sequential(nn.Conv2d(1, 1, 2), nn.Flatten())
    with torch.no_grad():
        network[0].weight.fill_(1)
    assert parameter_norm(trained_model(network, torch.ones(1, 1, 3, 3), torch.tensor([0]))) == pytest.approx(16)


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet", "convnet_bn"])
def test_is_the_sum_of_squares_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    expected = sum((matrix**2).sum() for matrix in matrices(trained.model, (1, 4, 4)))
    assert parameter_norm(trained) == pytest.approx(expected, rel=1e-10)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_grows_with_the_square_of_the_weights(seed, factor):
    trained = random_network("mlp_3x4", seed, size=4)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter *= factor
    expected = factor**2 * parameter_norm(trained)
    assert parameter_norm(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_only_a_rescaling_among_changes_that_leave_the_function_as_it_is(seed):
    assert_sees_only(parameter_norm, {"layer_rescaling"}, seed)
