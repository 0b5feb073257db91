import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.local_intrinsic_dimension import local_intrinsic_dimension
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_three_points_on_a_line_by_hand():
    # Distances 1 and 4, 1 and 3, 3 and 4: k = 2, and the mean of the logarithms is half the first.
    value = np.mean([2 / np.log(4), 2 / np.log(3), 2 / np.log(4 / 3)])
    points = torch.tensor([[0.0], [1.0], [4.0]])
    assert local_intrinsic_dimension(model_with_features(points, [0, 0, 0])) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_is_the_estimate_of_maximum_likelihood_written_as_loops(name):
    trained = labelled_network(name, seed=3, num_train=30)
    features = naive_layers(trained)[-1].numpy()
    estimates = []
    for i in range(30):
        r = sorted(np.linalg.norm(features[i] - features[j]) for j in range(30) if j != i)[:20]
        if r[0] > 1e-9:
            estimates.append(-1 / np.mean([np.log(distance / r[-1]) for distance in r]))
    assert local_intrinsic_dimension(trained) == pytest.approx(np.mean(estimates), rel=1e-7)


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_finds_the_dimension_of_a_torus_in_20_dimensions(dimension):
    angles = 2 * np.pi * np.random.default_rng(0).random((500, dimension))
    flat = np.hstack([np.cos(angles), np.sin(angles), np.zeros((500, 20 - 2 * dimension))])
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((20, 20)))[0]
    trained = model_with_features(torch.from_numpy(flat @ rotation), [0] * 500)
    # The mean of 1/x over Gamma(19, 20 d)-distributed x is 20/18 of the dimension; curvature lowers it again.
    assert local_intrinsic_dimension(trained) == pytest.approx(dimension * 20 / 18, rel=0.12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(local_intrinsic_dimension, seed)


@pytest.mark.parametrize("points", [torch.ones(5, 2), torch.eye(5)], ids=["equal", "a simplex"])
def test_is_not_applicable_where_no_distance_differs(points):
    with pytest.raises(NotApplicable, match="none of 5"):
        local_intrinsic_dimension(model_with_features(points, [0] * 5))
