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
from measures.spectral.effective_rank import effective_rank
from measures.spectral.nuclear_to_frobenius import nuclear_to_frobenius
from measures.spectral.stable_rank import stable_rank_mean, stable_rank_sum
from tests.equivalent import assert_sees_only
from tests.models import random_network, trained_model
from tests.naive import matrices

RANKS = [stable_rank_sum, stable_rank_mean, effective_rank, nuclear_to_frobenius]


def by_hand():
    """Singular values 4, 3 and then 4, 0."""
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        network[2].weight.fill_(2)
    return trained_model(network, torch.ones(1, 2, dtype=torch.float64), torch.tensor([0]))


def test_worked_out_by_hand():
    trained = by_hand()
    assert stable_rank_sum(trained) == pytest.approx(25 / 16 + 1, rel=1e-9)
    assert stable_rank_mean(trained) == pytest.approx((25 / 16 + 1) / 2, rel=1e-9)
    entropy = -(4 / 7) * math.log(4 / 7) - (3 / 7) * math.log(3 / 7)
    assert effective_rank(trained) == pytest.approx((math.exp(entropy) + 1) / 2, rel=1e-9)
    assert nuclear_to_frobenius(trained) == pytest.approx((7 / 5 + 1) / 2, rel=1e-9)


def test_of_four_equal_singular_values_are_4_and_its_root():
    network = nn.Linear(4, 6, bias=False).double()
    with torch.no_grad():
        network.weight.copy_(7 * torch.eye(6)[:, :4])
    trained = trained_model(network, torch.ones(1, 4, dtype=torch.float64), torch.tensor([0]))
    assert [rank(trained) for rank in RANKS] == pytest.approx([4, 4, 4, 2], rel=1e-9)


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x5", "convnet", "convnet_bn"])
def test_are_those_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    stable, effective, ratios = [], [], []
    for matrix in matrices(trained.model, tuple(trained.inputs.shape[1:])):
        values = np.linalg.svd(matrix, compute_uv=False)
        stable.append(sum(values**2) / max(values) ** 2)
        shares = values[values > 0] / sum(values)
        effective.append(math.exp(-sum(p * math.log(p) for p in shares)))
        ratios.append(sum(values) / math.sqrt((matrix**2).sum()))
    expected = [sum(stable), np.mean(stable), np.mean(effective), np.mean(ratios)]
    assert [rank(trained) for rank in RANKS] == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_lie_between_1_and_the_rank_whatever_the_scale(seed, factor):
    trained = random_network("mlp_2x5", seed)
    scaled = dataclasses.replace(trained, model=copy.deepcopy(trained.model))
    with torch.no_grad():
        scaled.model[1].weight *= factor
    mean_rank = (5 + 5 + 3) / 3
    assert 1 <= stable_rank_mean(trained) <= effective_rank(trained) <= mean_rank
    assert 1 <= nuclear_to_frobenius(trained) <= math.sqrt(mean_rank)
    for rank in RANKS:
        assert rank(scaled) == pytest.approx(rank(trained), rel=1e-7)


@pytest.mark.parametrize("rank", RANKS)
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_see_no_change_that_leaves_the_function_as_it_is(rank, seed):
    assert_sees_only(rank, set(), seed)


@pytest.mark.parametrize("rank", RANKS)
def test_is_not_applicable_to_a_layer_of_zeros(rank):
    trained = by_hand()
    with torch.no_grad():
        trained.model[2].weight.zero_()
    with pytest.raises(NotApplicable, match="all zero"):
        rank(trained)
