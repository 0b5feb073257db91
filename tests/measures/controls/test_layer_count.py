import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.controls.layer_count import layer_count
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model


def test_of_a_lone_linear_layer_is_1():
    assert layer_count(trained_model(nn.Linear(2, 2), torch.ones(1, 2), torch.tensor([0]))) == 1


@pytest.mark.parametrize("name, layers", [("mlp_1x4", 2), ("mlp_3x4", 4), ("convnet", 4), ("convnet_bn", 4)])
def test_counts_linear_and_convolutional_layers_but_no_normalization(name, layers):
    assert layer_count(random_network(name, seed=0, size=4)) == layers


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(layer_count, set(), seed)
