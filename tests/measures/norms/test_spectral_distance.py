import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.norms.frobenius_distance import frobenius_distance
from measures.norms.spectral_distance import spectral_distance
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices


def test_moves_by_a_diagonal_of_3_and_4_and_by_four_ones_make_20():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        network[2].weight.fill_(1)
    trained = trained_model(network, torch.ones(1, 2), torch.tensor([0]))  # it began at zero
    assert spectral_distance(trained) == pytest.approx(4**2 + 2**2, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet_bn"])
def test_is_the_sum_of_squared_singular_values_of_the_dense_matrices_differences(name):
    trained = random_network(name, seed=1, size=4)
    pairs = zip(matrices(trained.model, (1, 4, 4)), matrices(trained.init, (1, 4, 4)), strict=True)
    expected = sum(np.linalg.svd(w - w0, compute_uv=False)[0] ** 2 for w, w0 in pairs)
    assert spectral_distance(trained) == pytest.approx(expected, rel=1e-8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_the_same_there_and_back_and_at_most_the_frobenius_distance(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    back = dataclasses.replace(trained, model=trained.init, init=trained.model)
    assert spectral_distance(back) == pytest.approx(spectral_distance(trained), rel=1e-9)
    assert 0 < spectral_distance(trained) <= frobenius_distance(trained)


def test_is_0_before_training():
    trained = random_network("convnet_bn", seed=1, size=4)
    assert spectral_distance(dataclasses.replace(trained, init=trained.model)) == 0


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_rescaling_and_permutation_which_move_the_weights_away_from_where_they_began(seed):
    assert_sees_only(spectral_distance, {"layer_rescaling", "unit_permutation"}, seed)
