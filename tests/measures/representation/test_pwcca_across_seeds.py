import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.linalg import eigh

from measures import NotApplicable
from measures.representation.pwcca_across_seeds import leading_directions, pwcca_across_seeds
from tests.builders.features import assert_sees_no_change_of_either_network, pair_with_features, random_pair


def test_of_two_directions_weighted_3_to_1_the_shared_one_counts_3_quarters():
    shared, own, other = torch.tensor(
        [[1.0, -1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0], [0, 0, 0, 0, 1, -1]], dtype=torch.float64
    )
    x, y = torch.zeros(2, 6, 6, dtype=torch.float64)
    x[:, 0], x[:, 1] = 3 * shared, own
    y[:, 0], y[:, 1] = shared, other
    assert pwcca_across_seeds(pair_with_features(x, y)) == pytest.approx(1 / 4, rel=1e-6)
    assert pwcca_across_seeds(pair_with_features(y, x)) == pytest.approx(1 / 2, rel=1e-6)  # the given network's weights


def principal(features):
    """Its projection on the fewest principal components with 99% of the variance, as scores."""
    eigenvalues, vectors = np.linalg.eigh(features.T @ features)
    eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1]
    count = next(k for k in range(1, len(eigenvalues) + 1) if eigenvalues[:k].sum() >= 0.99 * eigenvalues.sum())
    return features @ vectors[:, :count]


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_is_the_weighted_mean_of_the_roots_of_the_canonical_eigenvalue_problem(name):
    trained, first, second = random_pair(name, seed=0)
    x, y = principal(first.numpy()), principal(second.numpy())
    assert 1 < x.shape[1] <= first.shape[1]
    explained = x.T @ y @ np.linalg.inv(y.T @ y) @ y.T @ x
    squares, vectors = eigh(explained, x.T @ x)  # x @ vectors is orthonormal
    count = min(x.shape[1], y.shape[1])
    canonical = (x @ vectors)[:, -count:]
    correlations = np.sqrt(np.maximum(squares[-count:], 0))
    weights = [sum(abs(float(h @ column)) for column in first.numpy().T) for h in canonical.T]
    assert pwcca_across_seeds(trained) == pytest.approx(1 - np.average(correlations, weights=weights), rel=1e-6)


def test_is_not_applicable_where_both_networks_have_as_many_components_as_there_are_examples():
    features = torch.diag(torch.tensor([1.0, 2.0, 3.0, 4.0]))  # centred, 3 components
    with pytest.raises(NotApplicable, match=r"6 principal components .* 4 examples"):
        pwcca_across_seeds(pair_with_features(features, features))


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000))
def test_rotated_and_scaled_features_are_at_distance_0(seed):
    features = torch.from_numpy(np.random.default_rng(seed).standard_normal((6, 6)))
    features[:, 2:] = 0
    rotation = torch.from_numpy(np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((6, 6)))[0])
    assert pwcca_across_seeds(pair_with_features(features, 5 * features @ rotation)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("examples", [3, 7], ids=["as many examples as units", "more examples"])
def test_leading_directions_leave_out_what_holds_less_than_a_hundredth_of_the_variance(examples):
    features = torch.zeros(examples, 3, dtype=torch.float64)
    features[:3] = torch.diag(torch.tensor([3.0, 2.0, 0.1]))
    basis = leading_directions(features)
    torch.testing.assert_close(basis.abs(), torch.eye(examples, 2, dtype=torch.float64))


@settings(deadline=None, max_examples=1)
@given(st.integers(0, 400))
def test_sees_no_change_of_either_network_that_leaves_its_function_as_it_is(seed):
    assert_sees_no_change_of_either_network(pwcca_across_seeds, seed)
