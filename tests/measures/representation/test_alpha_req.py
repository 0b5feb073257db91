import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.alpha_req import alpha_req, decay
from tests.builders.equivalent_networks import CHANGES
from tests.builders.features import model_with_features
from tests.builders.models import random_network


def features_with_eigenvalues(eigenvalues: np.ndarray, seed: int = 0) -> torch.Tensor:
    """Features whose covariance has these eigenvalues, up to a factor."""
    width = len(eigenvalues)
    generator = np.random.default_rng(seed)
    left = np.linalg.qr(np.hstack([np.ones((2 * width, 1)), generator.standard_normal((2 * width, width))]))[0][:, 1:]
    right = np.linalg.qr(generator.standard_normal((width, width)))[0]
    return torch.from_numpy(left * np.sqrt(eigenvalues) @ right.T)


@pytest.mark.parametrize(("power", "expected"), [(1.0, 0.0), (2.5, 1.5), (0.4, 0.6)])
def test_of_an_exact_power_law_is_its_distance_from_1(power, expected):
    points = features_with_eigenvalues(np.arange(1, 61) ** -power)
    trained = model_with_features(points, torch.arange(120) % 3)
    assert alpha_req(trained) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("width", [40, 130])
def test_is_the_weighted_regression_by_its_normal_equations(seed, width):
    generator = np.random.default_rng(seed)
    eigenvalues = np.sort(generator.exponential(size=width) + 1e-3)[::-1] / np.arange(1, width + 1)
    ranks = np.arange(12, min(width, 100) + 1)
    x = np.stack([-np.log(ranks), np.ones(len(ranks))], axis=1)
    y = np.log(np.sort(eigenvalues)[::-1])[ranks - 1]
    w = 1 / ranks[:, None]
    alpha = np.linalg.solve(x.T @ (w * x), (w * x).T @ y)[0]
    points = features_with_eigenvalues(eigenvalues, seed)
    assert alpha_req(model_with_features(points, torch.arange(2 * width) % 3)) == pytest.approx(
        abs(alpha - 1), rel=1e-6
    )


@settings(deadline=None, max_examples=10)
@given(st.floats(0.01, 100), st.integers(0, 1000))
def test_a_factor_does_not_move_the_exponent(factor, seed):
    values = torch.rand(50, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).sort(descending=True)[0]
    assert decay(factor * (values + 0.1)) == pytest.approx(decay(values + 0.1), rel=1e-7, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_sees_no_change_that_leaves_the_function_as_it_is(name):
    network = "convnet_bn" if name == "batch_norm_folding" else "mlp_2x64"
    trained = random_network(network, seed=1, num_train=200, size=8)
    changed = CHANGES[name](trained, 1)
    assert alpha_req(changed) == pytest.approx(alpha_req(trained), rel=1e-7)


@pytest.mark.parametrize("width", [3, 20])
def test_is_not_applicable_to_a_few_directions(width):
    points = features_with_eigenvalues(np.ones(width))
    with pytest.raises(NotApplicable, match=f"{width} directions"):
        alpha_req(model_with_features(points, torch.arange(2 * width) % 2))


def test_is_not_applicable_to_one_example():
    with pytest.raises(NotApplicable, match="0 directions"):
        alpha_req(model_with_features(torch.ones(1, 30), [0]))
