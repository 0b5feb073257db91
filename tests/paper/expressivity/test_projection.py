"""The direction that a sample is projected on: exact, and far apart."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from harness.paper.expressivity import projection
from harness.paper.expressivity.projection import _of_widest_smallest_gap, exact_projections, separation
from harness.paper.expressivity.representation import represent
from tests.references.theorem1 import anything, gaussian, naive_projection


@given(st.lists(st.tuples(anything, anything, anything), min_size=1, max_size=3), st.tuples(*[anything] * 3))
def test_projections_are_exact(points: list[tuple[float, ...]], direction: tuple[float, ...]) -> None:
    found = exact_projections(np.array(points), np.array(direction))
    assert found == [naive_projection(list(direction), list(point)) for point in points]


def test_one_direction_serves_all_labels() -> None:
    points, labels = gaussian(20, 3)
    first, second = represent(points, labels), represent(points, labels.flip(0))
    assert torch.equal(first.direction, second.direction)
    assert first.knots == second.knots
    assert first.weights != second.weights
    assert not torch.equal(represent(points, labels, seed=1).direction, first.direction)


@pytest.mark.parametrize(("n", "d"), [(2, 1), (10, 9), (10, 30)])
def test_in_enough_dimensions_the_gaps_are_equal(n: int, d: int) -> None:
    points, labels = gaussian(n, d)
    z = [float(each) for each in represent(points * 1e-3 + 7, labels).projections]
    assert np.diff(z) == pytest.approx(np.full(n - 1, 1 / (n - 1)), rel=1e-6)


def test_a_sample_too_large_for_the_linear_program_has_equal_gaps_where_dimensions_allow(monkeypatch) -> None:
    monkeypatch.setattr(projection, "LARGEST_PROGRAM", 0)
    points, labels = gaussian(20, 40)
    assert float(represent(points, labels).smallest_eigenvalue) == pytest.approx(1 / 19)


def test_a_direction_on_which_two_points_meet_is_not_taken(monkeypatch) -> None:
    monkeypatch.setattr(projection, "_ranked", lambda points, drawn: [np.array([1.0, 1.0]), np.array([2.0, 1.0])])
    represented = represent(torch.eye(2), torch.tensor([5.0, 7.0]))
    assert represented.direction.tolist() == [2, 1]
    assert represented.indices == (1, 0)


def test_features_that_are_the_same_everywhere_have_no_weight() -> None:
    points, labels = gaussian(5, 2)
    constant = torch.full((5, 1), 1e300, dtype=torch.float64)
    direction = represent(torch.cat([constant, points], dim=1), labels).direction
    assert direction[0] == 0
    assert (direction[1:] != 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_linear_program_finds_the_widest_smallest_gap_of_the_order(seed: int) -> None:
    """Against all directions of the plane that keep it, by angle."""
    points = gaussian(6, 2, seed)[0].numpy()
    points = points[np.argsort(points @ [1.0, 0.3])]
    found = _of_widest_smallest_gap(points)
    assert found is not None
    best = 0.0
    for angle in np.linspace(0, 2 * np.pi, 20_001):
        gaps = np.diff(points @ [np.cos(angle), np.sin(angle)])
        if gaps.min() > 0:
            best = max(best, gaps.min() / gaps.sum())
    assert np.diff(points @ found).min() == pytest.approx(best, rel=1e-2)
    assert np.ptp(points @ found) == pytest.approx(1)


def test_the_direction_separates_better_than_random_ones() -> None:
    points, labels = gaussian(200, 20)
    chosen = represent(points, labels).direction.numpy()
    drawn = np.random.default_rng(0).standard_normal((200, 20))
    assert separation(points.numpy(), chosen) > 2 * max(separation(points.numpy(), each) for each in drawn)
