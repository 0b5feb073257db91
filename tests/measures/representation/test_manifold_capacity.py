import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import LinearConstraint, minimize

from measures import NotApplicable
from measures.representation import manifold_capacity as module
from measures.representation.manifold_capacity import (
    coordinates,
    geometry_of,
    inverse_manifold_capacity,
    manifold_dimension,
    manifold_geometry,
    manifold_radius,
)
from tests.builders.features import assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers

MEASURES = [inverse_manifold_capacity, manifold_radius, manifold_dimension]


def draws(count, size, seed=0):
    return np.random.default_rng(seed).standard_normal((count, size))


def test_a_point_has_the_capacity_of_2_that_perceptrons_have():
    inverse, radius, dimension = geometry_of(np.array([[0.0, 1.0]]), draws(5_000, 2))
    assert inverse == pytest.approx(1 / 2, rel=0.06)
    assert radius == dimension == 0


def test_a_segment_much_longer_than_its_distance_costs_one_dimension_more():
    # The readout must be orthogonal to it: E t₁² = 1 added to the 1/2 of a point.
    inverse, radius, dimension = geometry_of(np.array([[1e4, 1.0], [-1e4, 1.0]]), draws(5_000, 2))
    assert inverse == pytest.approx(1 + 1 / 2, rel=0.06)
    assert dimension == pytest.approx(1, rel=0.06)
    assert radius < 1e4


def test_a_short_segment_leans_on_the_end_that_is_worse_off():
    # Both ends are anchors for half of the draws each: radius 0.01, dimension E t₁² = 1.
    _, radius, dimension = geometry_of(np.array([[0.01, 1.0], [-0.01, 1.0]]), draws(5_000, 2))
    assert radius == pytest.approx(0.01, rel=0.01)
    assert dimension == pytest.approx(1, rel=0.06)


def naive_geometry(points, t):
    """The minimum over v by sequential quadratic programming, the anchor from the gap between v and t."""
    points = np.hstack([points, np.ones((len(points), 1))])
    squares, anchors = [], []
    for draw in t:
        found = minimize(
            lambda v, t=draw: ((v - t) ** 2).sum(),
            np.zeros(len(draw)),
            jac=lambda v, t=draw: 2 * (v - t),
            method="SLSQP",
            constraints=LinearConstraint(points, 0, np.inf),
            options={"ftol": 1e-15, "maxiter": 500},
        )
        gap = found.x - draw
        squares.append((gap**2).sum())
        binding = (points @ draw).min() < 0
        anchors.append(gap / gap[-1] if binding else min(points, key=lambda s: s @ draw))
    offsets = np.array(anchors)[:, :-1]
    lengths = np.sqrt((offsets**2).sum(axis=1))
    along = [(a[:-1] @ offset / length) ** 2 for a, offset, length in zip(t, offsets, lengths, strict=True)]
    return np.mean(squares), np.sqrt(np.mean(lengths**2)), np.mean(along)


@pytest.mark.parametrize("seed", [0, 1])
def test_is_what_a_general_solver_finds_for_the_primal_program(seed):
    points, t = draws(6, 3, seed), draws(20, 4, seed + 10)
    hull = np.hstack([points, np.ones((6, 1))])
    assert geometry_of(hull, t) == pytest.approx(naive_geometry(points, t), rel=1e-4)


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet"])
def test_is_the_mean_over_the_classes_scaled_by_their_centres_distance_from_the_middle(name, monkeypatch):
    monkeypatch.setattr(module, "DRAWS", 8)
    trained = labelled_network(name, seed=0)
    found = manifold_geometry(trained)
    order = trained.random_order
    features, labels = naive_layers(trained)[-1][order].numpy(), trained.labels[order].numpy()
    classes = [features[labels == label] for label in range(3)]
    middle = np.mean([members.mean(axis=0) for members in classes], axis=0)
    t = torch.randn(8, module.POINTS + 1, generator=trained.generator(), dtype=torch.float64).numpy()
    values = []
    for members in classes:
        points = (members - members.mean(axis=0)) / np.linalg.norm(members.mean(axis=0) - middle)
        eigenvalues, vectors = np.linalg.eigh(points @ points.T)
        root = vectors @ np.diag(np.sqrt(np.maximum(eigenvalues, 0))) @ vectors.T
        values.append(geometry_of(np.hstack([root, np.ones((len(members), 1))]), t[:, : len(members) + 1]))
    expected = np.mean(values, axis=0)
    assert [found.inverse_capacity, found.radius, found.dimension] == pytest.approx(expected, rel=1e-5)
    assert [measure(trained) for measure in MEASURES] == [found.inverse_capacity, found.radius, found.dimension]


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 9))
def test_coordinates_are_congruent_to_the_points_and_do_not_see_rotations(seed, count, width):
    points = torch.from_numpy(draws(count, width, seed))
    found = coordinates(points)
    assert found.shape == (count, count + 1)
    assert (found[:, -1] == 1).all()
    np.testing.assert_allclose(found[:, :-1] @ found[:, :-1].T, points @ points.T, atol=1e-9)
    rotation = torch.from_numpy(np.linalg.qr(draws(width, width, seed + 1))[0])
    np.testing.assert_allclose(coordinates(points @ rotation), found, atol=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(1.1, 10))
def test_larger_manifolds_have_less_capacity(seed, factor):
    points, t = draws(6, 3, seed), draws(30, 4, seed + 1)
    points -= points.mean(axis=0)
    one, other = (geometry_of(np.hstack([scale * points, np.ones((6, 1))]), t)[0] for scale in (1, factor))
    assert other >= one


def test_classes_of_one_example_are_points():
    trained = model_with_features(torch.eye(3), [0, 1, 2])
    t = torch.randn(module.DRAWS, module.POINTS + 1, generator=trained.generator(), dtype=torch.float64)
    found = manifold_geometry(trained)
    assert found.inverse_capacity == pytest.approx(float(t[:, 1].clamp_max(0).square().mean()), rel=1e-9)
    assert found.radius == found.dimension == 0


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
@settings(deadline=None, max_examples=2)
@given(seed=st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(measure, seed):
    assert_sees_no_change(measure, seed)


def test_is_not_applicable_to_a_class_in_the_middle_of_two_others():
    with pytest.raises(NotApplicable, match="no direction"):
        manifold_radius(model_with_features(torch.tensor([[-1.0], [0.0], [1.0]]), [0, 1, 2]))
