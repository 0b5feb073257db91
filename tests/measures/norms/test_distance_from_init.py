import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.norms.distance_from_init import distance_from_init
from tests.builders.equivalent_networks import CHANGES, assert_sees_only
from tests.builders.models import random_network, trained_model


def line(weights, bias):
    network = nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([weights]))
        network.bias.fill_(bias)
    return network


def test_from_weights_1_1_and_bias_1_to_weights_3_2_and_bias_minus_1_is_3():
    trained = trained_model(line([3.0, 2.0], -1), torch.ones(1, 2), torch.tensor([0]), init=line([1.0, 1.0], 1))
    assert distance_from_init(trained) == 3


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
def test_is_the_root_of_the_sum_of_squared_moves_of_every_single_parameter(name):
    trained = random_network(name, seed=1)
    pairs = zip(trained.model.parameters(), trained.init.parameters(), strict=True)
    moves = [now - was for p, q in pairs for now, was in zip(p.flatten().tolist(), q.flatten().tolist(), strict=True)]
    assert distance_from_init(trained) == pytest.approx(math.sqrt(math.fsum(m**2 for m in moves)), rel=1e-12)


def test_a_network_that_was_not_trained_is_at_distance_0():
    trained = random_network("convnet_bn", seed=1)
    assert distance_from_init(dataclasses.replace(trained, init=copy.deepcopy(trained.model))) == 0


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(-5, 5))
def test_stepping_further_on_the_same_line_scales_the_distance(seed, factor):
    trained = random_network("mlp_2x5", seed)
    further = copy.deepcopy(trained.model)
    with torch.no_grad():
        for now, start in zip(further.parameters(), trained.init.parameters(), strict=True):
            now.copy_(start + factor * (now - start))
    expected = abs(factor) * distance_from_init(trained)
    found = distance_from_init(dataclasses.replace(trained, model=further))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_every_change_of_the_trained_weights(seed):
    assert_sees_only(distance_from_init, set(CHANGES), seed)


def test_is_not_applicable_when_the_initialization_has_other_parameters():
    trained = random_network("mlp_2x5", seed=1)
    with pytest.raises(NotApplicable, match="not those of its initialization"):
        distance_from_init(dataclasses.replace(trained, init=random_network("mlp_3x5", seed=1).model))
