import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.curvature.hessian_soft_rank import hessian_soft_rank, products_of_rows, sampled
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.explicit_gradients import jacobian


def gauss_newton(trained) -> np.ndarray:
    """The (p, p) matrix, example by example."""
    matrix = 0
    outer = jacobian(trained.model, trained.inputs).double().numpy()
    for logits, rows in zip(trained.logits.double(), outer, strict=True):
        p = logits.softmax(dim=0).numpy()
        matrix = matrix + rows.T @ (np.diag(p) - np.outer(p, p)) @ rows / len(trained.labels)
    return matrix


def test_of_two_equal_logits_on_the_input_2_is_two_thirds():
    # p = 1/2, so G = 4 · 1/4 · [[1, -1], [-1, 1]] with the eigenvalue 2; n = 1 and λ = 1.
    assert hessian_soft_rank(linear_model([[0.0], [0.0]], [[2.0]], [0])) == pytest.approx(2 / 3, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_of_few_examples_is_the_trace_with_the_inverse_of_the_explicit_matrix(kind):
    trained = small_network(kind, seed=0)
    matrix = gauss_newton(trained)
    expected = np.trace(matrix @ np.linalg.inv(matrix + np.eye(len(matrix)) / len(trained.labels)))
    assert hessian_soft_rank(trained) == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_lies_between_0_and_the_rank(seed, n):
    trained = random_linear_model(seed, num_train=n, size=3, num_classes=3)
    assert 0 <= hessian_soft_rank(trained) <= min(9, 2 * n)


def test_a_sample_of_rows_has_the_right_trace_and_too_small_a_rank():
    trained = random_linear_model(1, num_train=400, size=20, num_classes=3)
    exact = products_of_rows(trained, 1200)
    traces, ranks = [], []
    for seed in range(20):
        sample = products_of_rows(dataclasses.replace(trained, seed=seed), 40)
        traces.append(float(sample.trace()))
        values = torch.linalg.eigvalsh(sample).clamp_min(0)
        ranks.append(float((values / (values + 1 / 400)).sum()))
    error = np.std(traces) / np.sqrt(20)
    assert np.mean(traces) == pytest.approx(float(exact.trace()), abs=4 * error)
    assert np.mean(ranks) < hessian_soft_rank(trained)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=60), st.integers(1, 50))
def test_the_weights_of_what_is_taken_add_up_to_about_all_that_there_is(sizes, count):
    values = torch.tensor(sizes, dtype=torch.float64)
    chosen, weights = sampled(values, count)
    assert len(chosen) <= max(count, min(count, len(sizes))) + 1 and bool((weights >= 1 - 1e-9).all())
    if len(sizes) > count:  # each of the others counts equally much, up to one of them
        step = values.sum() / count
        assert abs(float((values[chosen] * weights).sum() - values.sum())) <= float(step) + 1e-9


def test_of_a_fully_fitted_network_is_0():
    trained = linear_model([[1000.0], [-1000.0]], [[1.0], [2.0]], [0, 0])
    assert hessian_soft_rank(trained) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2])
def test_sees_every_change_but_a_permutation_and_a_shift_of_the_logits(seed):
    assert_sees_only(hessian_soft_rank, {"layer_rescaling", "batch_norm_folding"}, seed)


def test_is_not_applicable_to_a_network_without_parameters():
    trained = random_network("mlp_1x4", seed=0, size=2)
    with pytest.raises(NotApplicable, match="no parameters"):
        hessian_soft_rank(dataclasses.replace(trained, model=torch.nn.Flatten(), num_classes=4))
