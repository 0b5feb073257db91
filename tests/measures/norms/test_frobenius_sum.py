import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.norms.frobenius_sum import frobenius_sum, frobenius_sum_over_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices, tenth_percentile_of_margins


def weights_3_4_and_2(label=0):
    """Logits of the input (1, 1) are 14 and 0: a margin of 14."""
    network = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU(), nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 4.0]]))
        network[2].weight.copy_(torch.tensor([[2.0], [0.0]]))
    return trained_model(network, torch.ones(1, 2), torch.tensor([label]))


def test_layers_with_weights_3_4_and_2_have_twice_the_root_of_their_product():
    assert frobenius_sum(weights_3_4_and_2()) == pytest.approx(2 * math.sqrt(25 * 4), rel=1e-12)
    assert frobenius_sum_over_margin(weights_3_4_and_2()) == pytest.approx(2 * math.sqrt(25 * 4 / 14**2), rel=1e-6)


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet", "convnet_bn"])
def test_are_d_times_the_dth_root_of_the_product_of_squares_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    gamma = tenth_percentile_of_margins(trained)
    product = np.prod([(matrix**2).sum() for matrix in matrices(trained.model, (1, 4, 4))])
    assert frobenius_sum(trained) == pytest.approx(4 * product**0.25, rel=1e-9)
    assert frobenius_sum_over_margin(trained) == pytest.approx(4 * (product / gamma**2) ** 0.25, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_at_most_the_sum_of_squared_norms_by_the_inequality_of_the_means(seed):
    trained = random_network("mlp_3x4", seed, size=4)
    assert frobenius_sum(trained) <= sum((matrix**2).sum() for matrix in matrices(trained.model, (1, 4, 4)))


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000), st.sampled_from([frobenius_sum, frobenius_sum_over_margin]))
def test_see_no_change_that_leaves_the_function_as_it_is(seed, measure):
    assert_sees_only(measure, set(), seed)


def test_are_not_applicable_to_a_layer_of_zeros_nor_over_a_margin_that_is_not_above_0():
    trained = random_network("mlp_2x5", seed=1)
    with torch.no_grad():
        trained.model[3].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        frobenius_sum(trained)
    with pytest.raises(NotApplicable, match="γ = -14"):
        frobenius_sum_over_margin(weights_3_4_and_2(label=1))
