import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.controls.parameter_count import parameter_count
from measures.controls.vc_dimension import vc_dimension
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model


def test_two_layers_with_6_weights_and_3_biases_by_hand():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    trained = trained_model(network, torch.ones(1, 2), torch.tensor([0]))
    assert vc_dimension(trained) == pytest.approx(2 * 9 * math.log(9), rel=1e-12)


def test_a_layer_without_bias_counts_its_weights_only():
    trained = trained_model(nn.Linear(3, 2, bias=False), torch.ones(1, 3), torch.tensor([0]))
    assert vc_dimension(trained) == pytest.approx(6 * math.log(6), rel=1e-12)


@settings(deadline=None, max_examples=5)
@given(st.integers(1, 4), st.integers(1, 20))
def test_of_an_mlp_follows_from_its_depth_and_parameter_count(depth, width):
    trained = random_network(f"mlp_{depth}x{width}", seed=0, size=4)
    p = parameter_count(trained)
    assert vc_dimension(trained) == pytest.approx((depth + 1) * p * math.log(p), rel=1e-12)


def test_batch_normalization_adds_nothing():
    assert vc_dimension(random_network("convnet_bn", seed=0)) == vc_dimension(random_network("convnet", seed=0))


def test_knows_the_architecture_only():
    assert vc_dimension(random_network("mlp_2x5", seed=0)) == vc_dimension(random_network("mlp_2x5", seed=1))


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(vc_dimension, set(), seed)
