import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.function_space.lipschitz_lower_bound import lipschitz_lower_bound
from measures.spectral.spectral_norm import spectral_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network
from tests.references.input_derivatives import jacobians


@pytest.mark.parametrize("weight", [[[3.0, 0.0], [0.0, 4.0]], [[0.0], [4.0]], [[0.0, 0.0, 4.0], [1.0, 0.0, 0.0]]])
def test_of_a_linear_network_is_its_spectral_norm(weight):
    trained = linear_model(weight, [[1.0] * len(weight[0])], [0])
    assert lipschitz_lower_bound(trained) == pytest.approx(4, rel=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_largest_singular_value_of_jacobians_taken_one_by_one(kind):
    trained = randomly_labelled_network(kind)
    expected = max(float(torch.linalg.svdvals(j)[0]) for j in jacobians(trained))
    assert lipschitz_lower_bound(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(["mlp_3x4", "convnet_bn"]))
def test_is_at_most_the_product_of_the_spectral_norms(seed, name):
    trained = random_network(name, seed, size=4)
    assert lipschitz_lower_bound(trained) <= math.exp(spectral_norm(trained)) * (1 + 1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(lipschitz_lower_bound, set(), seed)
