import copy
import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.norms.frobenius_norm import frobenius_norm, frobenius_over_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices, tenth_percentile_of_margins


def test_layers_with_weights_3_4_and_2_have_product_10():
    network = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 4.0]]))
        network[2].weight.fill_(2)
    trained = trained_model(network, torch.ones(1, 2), torch.tensor([0]))
    assert frobenius_norm(trained) == pytest.approx(math.log(10), rel=1e-12)


def test_a_2x2_kernel_of_ones_counts_at_each_of_its_4_places_in_a_3x3_image():
    network = nn.Sequential(nn.Conv2d(1, 1, 2), nn.Flatten())
    with torch.no_grad():
        network[0].weight.fill_(1)
    trained = trained_model(network, torch.ones(1, 1, 3, 3), torch.tensor([0]))
    assert frobenius_norm(trained) == pytest.approx(math.log(4), rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x5", "convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_sum_of_the_log_norms_of_the_dense_matrices(name, seed):
    trained = random_network(name, seed)
    norms = [np.sqrt((matrix**2).sum()) for matrix in matrices(trained.model, tuple(trained.inputs.shape[1:]))]
    assert frobenius_norm(trained) == pytest.approx(np.log(norms).sum(), rel=1e-10)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_scaling_each_of_4_layers_adds_4_logarithms_of_the_factor(seed, factor):
    trained = random_network("mlp_3x4", seed)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter *= factor
    expected = frobenius_norm(trained) + 4 * math.log(factor)
    assert frobenius_norm(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(frobenius_norm, set(), seed)


def test_is_not_applicable_to_a_layer_of_zeros():
    trained = random_network("mlp_2x5", seed=1)
    with torch.no_grad():
        trained.model[3].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        frobenius_norm(trained)


def test_over_a_margin_of_8_a_product_of_10_is_10_over_8():
    network = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU(), nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 4.0]]))
        network[2].weight.copy_(torch.tensor([[2.0], [0.0]]))
    trained = trained_model(network, torch.tensor([[0.0, 1.0]]), torch.tensor([0]))
    assert frobenius_over_margin(trained) == pytest.approx(math.log(10 / 8), rel=1e-6)


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet", "convnet_bn"])
def test_over_margin_is_the_log_of_the_product_of_norms_over_the_naive_margin(name):
    trained = random_network(name, seed=1, size=4)
    product = np.prod([np.sqrt((matrix**2).sum()) for matrix in matrices(trained.model, (1, 4, 4))])
    expected = math.log(product / tenth_percentile_of_margins(trained))
    assert frobenius_over_margin(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_over_margin_does_not_see_the_scale_of_the_logits(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        scaled[-1].weight *= factor
        scaled[-1].bias *= factor
    expected = frobenius_over_margin(trained)
    assert frobenius_over_margin(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_over_margin_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(frobenius_over_margin, set(), seed)


def test_over_margin_is_not_applicable_to_a_network_that_does_not_fit():
    trained = random_network("mlp_2x5", seed=1)
    with pytest.raises(NotApplicable, match="not above 0"):
        frobenius_over_margin(dataclasses.replace(trained, labels=(trained.labels + 1) % 3))
