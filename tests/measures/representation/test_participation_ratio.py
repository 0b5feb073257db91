import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.participation_ratio import participation_ratio
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_variances_of_1_and_3_have_ratio_1_point_6():
    root = 3**0.5
    points = torch.tensor([[1.0, root], [-1.0, root], [1.0, -root], [-1.0, -root]], dtype=torch.float64) + 7
    assert participation_ratio(model_with_features(points, [0, 0, 0, 0])) == pytest.approx(4**2 / (1 + 9), rel=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_ratio_of_the_eigenvalues_of_the_covariance(name, seed):
    trained = labelled_network(name, seed)
    eigenvalues = np.linalg.eigvalsh(np.cov(naive_layers(trained)[-1].numpy().T))
    assert participation_ratio(trained) == pytest.approx(sum(eigenvalues) ** 2 / sum(eigenvalues**2), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.integers(1, 8))
def test_lies_between_1_and_the_width(seed, width):
    points = torch.randn(20, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert 1 - 1e-9 <= participation_ratio(model_with_features(points, [0] * 20)) <= width + 1e-9


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(participation_ratio, seed)


@pytest.mark.parametrize("difference", [0, 1e-9], ids=["equal", "too close for float32"])
def test_is_not_applicable_where_all_features_are_the_same(difference):
    with pytest.raises(NotApplicable, match="all 5 examples"):
        participation_ratio(model_with_features(1 + difference * torch.eye(5, dtype=torch.float64), [0] * 5))
