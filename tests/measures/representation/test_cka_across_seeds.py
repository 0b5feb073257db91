import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.cka_across_seeds import cka_across_seeds
from tests.builders.features import assert_sees_no_change_of_either_network, pair_with_features, random_pair


def test_one_shared_direction_of_two_by_hand():
    # Centred Gram matrices of x = (1, -1, 0, 0) and y = x beside (0, 0, 1, -1): overlap 4, norms 2 and 2√2.
    x = torch.tensor([[1.0], [-1.0], [0.0], [0.0]]) * torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    y = x + torch.tensor([[0.0], [0.0], [1.0], [-1.0]]) * torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    assert cka_across_seeds(pair_with_features(x, y)) == pytest.approx(1 - 4 / (2 * 2 * 2**0.5), rel=1e-9)


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_is_the_cosine_between_centred_kernel_matrices(name):
    trained, first, second = random_pair(name, seed=0)
    n = len(first)
    centring = np.eye(n) - np.ones((n, n)) / n
    kernels = [centring @ (h @ h.T).numpy() @ centring for h in (first, second)]
    cosine = (kernels[0] * kernels[1]).sum() / np.sqrt((kernels[0] ** 2).sum() * (kernels[1] ** 2).sum())
    assert cka_across_seeds(trained) == pytest.approx(1 - cosine, rel=1e-9)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_rotated_and_scaled_features_are_at_distance_0(seed, factor):
    features = torch.from_numpy(np.random.default_rng(seed).standard_normal((6, 6)))
    rotation = torch.from_numpy(np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((6, 6)))[0])
    assert cka_across_seeds(pair_with_features(features, factor * features @ rotation)) == pytest.approx(0, abs=1e-6)


@settings(deadline=None, max_examples=1)
@given(st.integers(0, 400))
def test_sees_no_change_of_either_network_that_leaves_its_function_as_it_is(seed):
    assert_sees_no_change_of_either_network(cka_across_seeds, seed)


def test_is_not_applicable_where_features_never_vary():
    with pytest.raises(NotApplicable, match="all 4 examples"):
        cka_across_seeds(pair_with_features(torch.eye(4), torch.zeros(4, 4)))
