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
from measures.norms.frobenius_norm import frobenius_norm
from measures.norms.group_norm import (
    l1_inf_norm,
    l1_inf_over_margin,
    l3_15_norm,
    l3_15_over_margin,
    log_group_norm,
)
from measures.spectral.spectral_norm import spectral_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices, tenth_percentile_of_margins

NORMS = {(1, math.inf): (l1_inf_norm, l1_inf_over_margin), (3, 1.5): (l3_15_norm, l3_15_over_margin)}
EACH = [measure for pair in NORMS.values() for measure in pair]


def two_layers():
    """Logits of the input (0, 1) are 8 and 0: a margin of 8."""
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[-1.0, 2.0], [3.0, 0.0]]))
        network[2].weight.copy_(torch.tensor([[4.0, 0.0], [0.0, -5.0]]))
    return trained_model(network, torch.tensor([[0.0, 1.0]]), torch.tensor([0]))


def test_l1_inf_of_rows_that_sum_to_3_and_3_and_to_4_and_5_is_15():
    assert l1_inf_norm(two_layers()) == pytest.approx(math.log(3 * 5), rel=1e-12)
    assert l1_inf_over_margin(two_layers()) == pytest.approx(math.log(3 * 5 / 8), rel=1e-6)


def test_l3_15_by_hand():
    # The cubes of the first layer's rows sum to 9 and 27; a row's norm to the power 1.5 is the root of that.
    product = (9**0.5 + 27**0.5) ** (2 / 3) * (64**0.5 + 125**0.5) ** (2 / 3)
    assert l3_15_norm(two_layers()) == pytest.approx(math.log(product), rel=1e-12)
    assert l3_15_over_margin(two_layers()) == pytest.approx(math.log(product / 8), rel=1e-6)


def test_a_kernel_of_1_and_2_sliding_over_3_pixels_has_two_rows():
    network = nn.Sequential(nn.Conv2d(1, 1, (1, 2)), nn.Flatten())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[[[1.0, -2.0]]]]))
    trained = trained_model(network, torch.ones(1, 1, 1, 3), torch.tensor([0]))
    assert l1_inf_norm(trained) == pytest.approx(math.log(3), rel=1e-12)
    assert l3_15_norm(trained) == pytest.approx(math.log((2 * 9**0.5) ** (2 / 3)), rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet", "convnet_bn"])
def test_are_the_log_products_of_the_dense_matrices_group_norms(name):
    trained = random_network(name, seed=1, size=4)
    gamma = tenth_percentile_of_margins(trained)
    for (p, q), (alone, over_margin) in NORMS.items():
        product = 1.0
        for matrix in matrices(trained.model, (1, 4, 4)):
            rows = [sum(abs(row) ** p) ** (1 / p) for row in matrix]
            product *= max(rows) if q == math.inf else sum(row**q for row in rows) ** (1 / q)
        assert alone(trained) == pytest.approx(np.log(product), rel=1e-9)
        assert over_margin(trained) == pytest.approx(np.log(product / gamma), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_with_p_and_q_2_is_the_frobenius_norm(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    assert sum(log_group_norm(layer, 2, 2) for layer in trained.layers) == pytest.approx(frobenius_norm(trained))


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_l1_inf_bounds_the_logits_of_a_network_without_biases(seed):
    trained = random_network("mlp_3x4", seed, size=4)
    with torch.no_grad():
        for module in trained.model[1::2]:
            module.bias.zero_()
    largest = trained.inputs.abs().max() * math.exp(l1_inf_norm(trained))
    assert trained.logits.abs().max() <= largest
    assert spectral_norm(trained) <= frobenius_norm(trained) <= l3_15_norm(trained) + 4 * math.log(16) / 6


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 1000), st.floats(0.01, 100), st.sampled_from([l1_inf_norm, l3_15_norm]))
def test_scaling_each_of_4_layers_adds_4_logarithms_of_the_factor(seed, factor, measure):
    trained = random_network("mlp_3x4", seed, size=4)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter *= factor
    expected = measure(trained) + 4 * math.log(factor)
    assert measure(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("measure", EACH, ids=lambda measure: measure.name)
@settings(deadline=None, max_examples=2)
@given(seed=st.integers(0, 1000))
def test_see_no_change_that_leaves_the_function_as_it_is(measure, seed):
    assert_sees_only(measure, set(), seed)


def test_are_not_applicable_to_a_layer_of_zeros_nor_over_a_margin_that_is_not_above_0():
    trained = random_network("mlp_2x5", seed=1, size=4)
    wrong = dataclasses.replace(trained, labels=(trained.labels + 1) % 3)
    for measure in (l1_inf_over_margin, l3_15_over_margin):
        with pytest.raises(NotApplicable, match="not above 0"):
            measure(wrong)
    with torch.no_grad():
        trained.model[3].weight.zero_()
    for measure in EACH:
        with pytest.raises(NotApplicable, match="layer '3' are all zero"):
            measure(dataclasses.replace(trained))
