import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.norms.frobenius_distance import frobenius_distance
from measures.norms.parameter_norm import parameter_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices


def two_layers(first, second):
    network = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([first]))
        network[2].weight.fill_(second)
    return network


def test_moves_by_3_4_and_by_2_make_29():
    now, start = two_layers((4.0, 4.0), 3.0), two_layers((1.0, 0.0), 5.0)
    trained = trained_model(now, torch.ones(1, 2), torch.tensor([0]), init=start)
    assert frobenius_distance(trained) == pytest.approx(25 + 4, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet", "convnet_bn"])
def test_is_the_sum_of_squares_of_the_dense_matrices_differences(name):
    trained = random_network(name, seed=1, size=4)
    pairs = zip(matrices(trained.model, (1, 4, 4)), matrices(trained.init, (1, 4, 4)), strict=True)
    assert frobenius_distance(trained) == pytest.approx(sum(((w - w0) ** 2).sum() for w, w0 in pairs), rel=1e-10)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_the_same_there_and_back(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    back = dataclasses.replace(trained, model=trained.init, init=trained.model)
    assert frobenius_distance(back) == pytest.approx(frobenius_distance(trained), rel=1e-9)


def test_is_0_before_training_and_the_parameter_norm_from_zero():
    trained = random_network("convnet", seed=1, size=4)
    assert frobenius_distance(dataclasses.replace(trained, init=trained.model)) == 0
    from_zero = trained_model(trained.model, trained.inputs, trained.labels)
    assert frobenius_distance(from_zero) == pytest.approx(parameter_norm(from_zero), rel=1e-12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_rescaling_and_permutation_which_move_the_weights_away_from_where_they_began(seed):
    assert_sees_only(frobenius_distance, {"layer_rescaling", "unit_permutation"}, seed)
