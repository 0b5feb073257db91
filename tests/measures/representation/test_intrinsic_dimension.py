import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.intrinsic_dimension import intrinsic_dimension
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_ratios_of_4_and_5_are_fitted_by_hand():
    points = torch.tensor([[0.0], [1.0], [5.0], [6.0]])  # nearest 1, 1, 1, 1; second nearest 5, 4, 4, 5
    x, y = np.log([4, 4, 5]), -np.log([3 / 4, 2 / 4, 1 / 4])
    assert intrinsic_dimension(model_with_features(points, [0, 0, 1, 1])) == pytest.approx(x @ y / (x @ x), rel=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_is_the_slope_of_a_line_through_the_origin_by_least_squares(name):
    trained = labelled_network(name, seed=3)
    features = naive_layers(trained)[-1].numpy()
    ratios = []
    for i in range(len(features)):
        distances = sorted(np.linalg.norm(features[i] - features[j]) for j in range(len(features)) if j != i)
        if distances[0] > 1e-9:
            ratios.append(distances[1] / distances[0])
    kept = int(0.9 * len(ratios))
    x = np.log(sorted(ratios))[:kept]
    y = [-np.log(1 - (i + 1) / len(ratios)) for i in range(kept)]
    assert intrinsic_dimension(trained) == pytest.approx(np.linalg.lstsq(x[:, None], y, rcond=None)[0][0], rel=1e-7)


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_finds_the_dimension_of_a_torus_in_20_dimensions(dimension):
    angles = 2 * np.pi * np.random.default_rng(0).random((400, dimension))
    flat = np.hstack([np.cos(angles), np.sin(angles), np.zeros((400, 20 - 2 * dimension))])
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((20, 20)))[0]
    trained = model_with_features(torch.from_numpy(flat @ rotation), [0] * 400)
    assert intrinsic_dimension(trained) == pytest.approx(dimension, rel=0.12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(intrinsic_dimension, seed)


def test_a_duplicate_and_its_original_are_left_out():
    points = torch.tensor([[0.0], [1.0], [5.0], [6.0], [40.0], [40.0]])
    with_duplicates = intrinsic_dimension(model_with_features(points, [0] * 6))
    assert with_duplicates == pytest.approx(intrinsic_dimension(model_with_features(points[:4], [0] * 4)), rel=1e-12)


@pytest.mark.parametrize("points", [torch.ones(5, 2), torch.eye(5), torch.eye(2)], ids=["equal", "a simplex", "two"])
def test_is_not_applicable_without_ratios(points):
    with pytest.raises(NotApplicable, match=r"too few|two neighbours"):
        intrinsic_dimension(model_with_features(points, [0] * len(points)))


@pytest.mark.parametrize("copies", [3, 9])
def test_ratios_of_one_as_beside_copies_are_left_out(copies):
    """As the authors do: both neighbours of a copied pair's neighbour may be as far away as each other."""
    torch.manual_seed(0)
    points = torch.rand(60, 2, dtype=torch.float64)
    points = torch.cat([points, points[:copies]])
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    distances.fill_diagonal_(torch.inf)
    first, second = distances.sort(dim=1).values[:, :2].unbind(dim=1)
    ratios = (second / first)[(first > 0) & (second > first)].sort().values
    m = len(ratios)
    x = ratios.log()[: int(0.9 * m)]
    y = -torch.log1p(-torch.arange(1, len(x) + 1, dtype=x.dtype) / m)
    found = intrinsic_dimension(model_with_features(points, torch.arange(len(points)) % 2))
    assert found == pytest.approx(float((x @ y) / (x @ x)), rel=1e-6)
