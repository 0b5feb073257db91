import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.kernels.ntk_spectrum import ntk_condition, ntk_effective_rank
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, small_network
from tests.references.explicit_gradients import jacobian


def test_of_orthogonal_inputs_of_lengths_1_and_2():
    trained = linear_model([[0.0, 0.0]] * 2, [[1.0, 0.0], [0.0, 2.0]], [0, 1])
    assert ntk_condition(trained) == pytest.approx(4, rel=1e-12)
    assert ntk_effective_rank(trained) == pytest.approx((1 + 4) ** 2 / (1 + 16), rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equal_those_of_the_explicit_jacobians_singular_values(kind):
    trained = small_network(kind, seed=0)
    values = torch.linalg.svdvals(jacobian(trained.model, trained.inputs).flatten(1))
    assert ntk_condition(trained) == pytest.approx(float((values[0] / values[-1]) ** 2), rel=1e-6)
    expected = values.square().sum() ** 2 / values.pow(4).sum()
    assert ntk_effective_rank(trained) == pytest.approx(float(expected), rel=1e-8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_are_at_least_1_and_the_rank_at_most_the_number_of_examples(seed):
    trained = random_network("mlp_2x5", seed, size=4, num_train=8)
    assert ntk_condition(trained) >= 1
    assert 1 <= ntk_effective_rank(trained) <= 8


def test_see_only_changes_of_the_scale_of_weights():
    assert_sees_only(ntk_condition, {"layer_rescaling", "batch_norm_folding"}, seed=1)
    assert_sees_only(ntk_effective_rank, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_are_not_applicable_to_singular_kernels():
    with pytest.raises(NotApplicable, match="smallest of 2"):
        ntk_condition(linear_model([[0.0], [1.0]], [[1.0], [2.0]], [0, 1]))
    with pytest.raises(NotApplicable, match="zero"):
        ntk_effective_rank(linear_model([[0.0], [1.0]], [[0.0], [0.0]], [0, 1]))
