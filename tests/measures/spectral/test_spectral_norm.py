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
from measures.spectral.spectral_norm import spectral_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices


def test_a_diagonal_of_3_and_4_followed_by_four_ones_has_product_8():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        network[2].weight.fill_(1)
    trained = trained_model(network, torch.ones(1, 2), torch.tensor([0]))
    assert spectral_norm(trained) == pytest.approx(math.log(4 * 2), rel=1e-12)


def test_a_row_of_two_ones_sliding_over_3_pixels_has_norm_root_3():
    network = nn.Sequential(nn.Conv2d(1, 1, (1, 2)), nn.Flatten())
    with torch.no_grad():
        network[0].weight.fill_(1)  # the operator is [[1, 1, 0], [0, 1, 1]]; its Gram matrix [[2, 1], [1, 2]]
    trained = trained_model(network, torch.ones(1, 1, 1, 3), torch.tensor([0]))
    assert spectral_norm(trained) == pytest.approx(math.log(3) / 2, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x5", "convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_sum_of_the_log_singular_values_of_the_dense_matrices(name, seed):
    trained = random_network(name, seed)
    shape = tuple(trained.inputs.shape[1:])
    norms = [np.linalg.svd(matrix, compute_uv=False)[0] for matrix in matrices(trained.model, shape)]
    assert spectral_norm(trained) == pytest.approx(np.log(norms).sum(), rel=1e-8)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from(["mlp_3x4", "convnet_bn"]))
def test_the_network_stretches_no_distance_by_more(seed, name):
    trained = random_network(name, seed, size=4)
    moved = (trained.logits[:, None] - trained.logits[None]).norm(dim=-1)
    apart = (trained.inputs[:, None] - trained.inputs[None]).flatten(2).norm(dim=-1)
    assert bool((moved <= math.exp(spectral_norm(trained)) * apart * (1 + 1e-9)).all())


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_is_at_most_the_product_of_frobenius_norms(seed):
    trained = random_network("mlp_3x4", seed)
    assert spectral_norm(trained) <= frobenius_norm(trained)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_scaling_each_of_4_layers_adds_4_logarithms_of_the_factor(seed, factor):
    trained = random_network("mlp_3x4", seed)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter *= factor
    expected = spectral_norm(trained) + 4 * math.log(factor)
    assert spectral_norm(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(spectral_norm, set(), seed)


def test_is_not_applicable_to_a_layer_of_zeros():
    trained = random_network("mlp_2x5", seed=1)
    with torch.no_grad():
        trained.model[3].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        spectral_norm(trained)
