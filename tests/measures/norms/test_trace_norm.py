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
from measures.norms.trace_norm import trace_norm, trace_norm_over_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices, tenth_percentile_of_margins


def test_a_diagonal_of_3_and_minus_4_followed_by_ones_and_zeros_has_product_14():
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 4, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, -4.0]]))
        network[2].weight.copy_(torch.tensor([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))
    trained = trained_model(network, torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    assert trace_norm(trained) == pytest.approx(math.log(7 * 2), rel=1e-12)
    with pytest.raises(NotApplicable, match="γ = 0"):  # two logits are the largest
        trace_norm_over_margin(trained)


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet_bn"])
def test_are_the_log_products_of_the_sums_of_the_dense_matrices_singular_values(name):
    trained = random_network(name, seed=1, size=4)
    sums = [np.linalg.svd(matrix, compute_uv=False).sum() for matrix in matrices(trained.model, (1, 4, 4))]
    assert trace_norm(trained) == pytest.approx(np.log(sums).sum(), rel=1e-9)
    expected = math.log(np.prod(sums) / tenth_percentile_of_margins(trained))
    assert trace_norm_over_margin(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_at_least_the_frobenius_norm_and_at_most_the_root_of_the_ranks_times_it(seed):
    trained = random_network("mlp_3x4", seed, size=4)
    low = frobenius_norm(trained)
    assert low <= trace_norm(trained) <= low + (3 * math.log(4) + math.log(3)) / 2


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_scaling_each_of_4_layers_adds_4_logarithms_of_the_factor(seed, factor):
    trained = random_network("mlp_3x4", seed, size=4)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter *= factor
    expected = trace_norm(trained) + 4 * math.log(factor)
    assert trace_norm(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000), st.sampled_from([trace_norm, trace_norm_over_margin]))
def test_see_no_change_that_leaves_the_function_as_it_is(seed, measure):
    assert_sees_only(measure, set(), seed)


def test_is_not_applicable_to_a_layer_of_zeros():
    trained = random_network("mlp_2x5", seed=1)
    with torch.no_grad():
        trained.model[3].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        trace_norm(trained)
