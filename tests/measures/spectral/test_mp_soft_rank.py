import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.spectral.mp_soft_rank import mp_soft_rank
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model


def linear(matrix):
    network = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.weight.copy_(torch.as_tensor(matrix))
    return trained_model(network, torch.ones(1, matrix.shape[1]).double(), torch.tensor([0]))


@pytest.mark.parametrize("shape", [(100, 300), (300, 100), (200, 200)])
@pytest.mark.parametrize("noise_std", [0.01, 5.0])
def test_of_independent_gaussian_entries_is_1(shape, noise_std):
    matrix = noise_std * np.random.default_rng(0).normal(size=shape)
    assert mp_soft_rank(linear(matrix)) == pytest.approx(1, abs=0.08)


def test_of_one_strong_direction_is_the_edge_over_its_square():
    noise = np.random.default_rng(0).normal(size=(100, 200))
    direction = 100 * np.outer(np.ones(100) / 10, np.ones(200) / 200**0.5)
    largest = np.linalg.svd(noise + direction, compute_uv=False)[0] ** 2
    expected = (100**0.5 + 200**0.5) ** 2 / largest  # variance 1
    assert mp_soft_rank(linear(noise + direction)) == pytest.approx(expected, rel=0.03)
    assert expected < 0.1


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(1, 10))
def test_a_stronger_direction_lowers_it(seed, factor):
    noise = np.random.default_rng(seed).normal(size=(60, 80))
    direction = np.outer(np.ones(60), np.ones(80))
    assert mp_soft_rank(linear(noise + 1.1 * factor * direction)) < mp_soft_rank(linear(noise + direction))


@settings(deadline=None, max_examples=2)
@given(st.sampled_from([4, 8, 16, 20, 28]))  # convnet_bn: the only one with a matrix that is large enough
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(mp_soft_rank, set(), seed)


def test_is_not_applicable_to_small_matrices():
    with pytest.raises(NotApplicable, match="needs 50"):
        mp_soft_rank(random_network("mlp_2x5", seed=0))
