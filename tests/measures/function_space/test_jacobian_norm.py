import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.function_space.geometric_complexity import geometric_complexity
from measures.function_space.jacobian_norm import jacobian_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network


def test_of_two_opposite_logits_at_even_odds_is_theirs_times_a_quarter_for_each_probability():
    # f = (3x, −3x) at x = 0: p = ½ each, ∂p₁/∂x = p₁ p₂ (3 + 3) = 3/2, and ∂p₂/∂x is its negative
    assert jacobian_norm(linear_model([[3.0], [-3.0]], [[0.0]], [0])) == pytest.approx(2**0.5 * 3 / 2, rel=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_mean_norm_of_jacobians_of_the_softmax_taken_one_by_one(kind):
    trained = randomly_labelled_network(kind)

    def probabilities(x):
        return torch.softmax(trained.model(x), dim=1)

    norms = [float(torch.autograd.functional.jacobian(probabilities, x[None]).norm()) for x in trained.inputs]
    assert jacobian_norm(trained) == pytest.approx(sum(norms) / 12, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(["mlp_2x5", "convnet_bn"]))
def test_is_at_most_half_the_norm_of_the_jacobian_of_the_logits(seed, name):
    trained = random_network(name, seed, size=4)  # diag(p) − p pᵀ has no eigenvalue above ½
    assert jacobian_norm(trained) <= 0.5 * geometric_complexity(trained) ** 0.5


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(jacobian_norm, set(), seed)
