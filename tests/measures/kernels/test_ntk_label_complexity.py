import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.kernels.ntk_label_complexity import ntk_label_complexity, ntk_label_complexity_trained
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.explicit_gradients import jacobian


def naive_complexity(network, trained):
    rows = jacobian(network, trained.inputs)
    kernel = torch.einsum("ikp,jkp->ij", rows, rows) / rows.shape[1]
    count = len(kernel)
    inverse = torch.linalg.inv(kernel + 1e-4 * kernel.trace() / count * torch.eye(count, dtype=kernel.dtype))
    total = 0.0
    for k in range(trained.num_classes):
        y = (trained.labels == k).double()
        total += float(y @ inverse @ y)
    return math.sqrt(2 * total / count)


def test_of_orthogonal_inputs_is_the_root_of_twice_the_mean_inverse_square_of_their_lengths():
    trained = linear_model([[0.0, 0.0]] * 2, [[2.0, 0.0], [0.0, 4.0]], [0, 1])
    jitter = 1e-4 * (4 + 16) / 2
    expected = math.sqrt(1 / (4 + jitter) + 1 / (16 + jitter))
    assert ntk_label_complexity(trained) == pytest.approx(expected, rel=1e-12)
    assert ntk_label_complexity_trained(trained) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equal_the_explicit_quadratic_form_before_and_after_training(kind):
    trained = dataclasses.replace(small_network(kind, seed=0), init=small_network(kind, seed=1).model)
    assert ntk_label_complexity(trained) == pytest.approx(naive_complexity(trained.init, trained), rel=1e-6)
    assert ntk_label_complexity_trained(trained) == pytest.approx(naive_complexity(trained.model, trained), rel=1e-6)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_inputs_of_a_linear_layer_that_are_longer_by_a_factor_divide_it_by_that(seed, factor):
    trained = random_linear_model(seed)
    stretched = dataclasses.replace(trained, inputs=factor * trained.inputs)
    expected = ntk_label_complexity_trained(trained) / factor
    assert ntk_label_complexity_trained(stretched) == pytest.approx(expected, rel=1e-6)


def test_see_only_changes_of_the_weights_that_they_are_about():
    assert_sees_only(ntk_label_complexity, set(), seed=1)
    assert_sees_only(ntk_label_complexity_trained, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_is_not_applicable_to_a_kernel_of_zero():
    with pytest.raises(NotApplicable, match="zero"):
        ntk_label_complexity(linear_model([[0.0]] * 2, [[0.0], [0.0]], [0, 1]))
