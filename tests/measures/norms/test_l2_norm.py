import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.norms.l2_norm import l2_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model


def test_weights_3_and_0_with_bias_4_have_norm_5():
    network = nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[3.0, 0.0]]))
        network.bias.fill_(4)
    assert l2_norm(trained_model(network, torch.ones(1, 2), torch.tensor([0]))) == 5


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
def test_is_the_root_of_the_sum_of_squares_of_every_single_parameter(name):
    trained = random_network(name, seed=1)
    squares = [value**2 for p in trained.model.parameters() for value in p.flatten().tolist()]
    assert l2_norm(trained) == pytest.approx(math.sqrt(math.fsum(squares)), rel=1e-12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(-5, 5))
def test_scaling_all_parameters_scales_the_norm(seed, factor):
    trained = random_network("mlp_2x5", seed)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter *= factor
    expected = abs(factor) * l2_norm(trained)
    assert l2_norm(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, rel=1e-9, abs=1e-150)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_every_change_of_the_weights_but_their_order(seed):
    assert_sees_only(l2_norm, {"layer_rescaling", "batch_norm_folding", "logit_shift"}, seed)
