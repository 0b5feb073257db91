import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.dynamics._sgd_iterates import STEPS, distances, step_products
from measures.dynamics.tail_index import tail_index
from measures.dynamics.trajectory_dimension import SIZES, dimension, trajectory_dimension, tree_length
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, small_network


def between(points):
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def naive_tree_length(matrix, chosen):
    """Prim's algorithm: again and again the point closest to the tree."""
    outside, total = chosen[1:], 0.0
    closest = {point: matrix[chosen[0]][point] for point in outside}
    while closest:
        nearest = min(closest, key=closest.get)
        total += closest.pop(nearest)
        for point in closest:
            closest[point] = min(closest[point], matrix[nearest][point])
    return total


def test_a_tree_over_a_square_has_three_sides_and_a_point_twice_costs_nothing():
    square = torch.tensor([[0.0, 0], [0, 1], [1, 1], [1, 0], [1, 0]]).double()
    assert tree_length(between(square), torch.arange(5)) == pytest.approx(3)


def test_a_straight_line_has_dimension_1():
    line = torch.arange(STEPS).double()[:, None]
    assert dimension(between(line), generator()) == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_cube_filled_at_random_has_its_dimension(dimensions):
    values = [
        dimension(between(torch.rand(STEPS, dimensions, generator=generator(seed)).double()), generator(seed))
        for seed in range(5)
    ]
    assert sum(values) / 5 == pytest.approx(dimensions, rel=0.15)


def test_is_the_papers_regression_with_trees_grown_point_by_point():
    trained = small_network("mlp", seed=4)
    draw = trained.generator()
    orders = [torch.randperm(STEPS, generator=draw).tolist() for _ in range(10)]
    matrix = distances(step_products(trained)).tolist()
    xs = [math.log(size) for size in SIZES]
    ys = [sum(math.log(naive_tree_length(matrix, order[:size])) for order in orders) / 10 for size in SIZES]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum((x - mean_x) ** 2 for x in xs)
    assert trajectory_dimension(trained) == pytest.approx(1 / (1 - slope), rel=1e-5)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_does_not_depend_on_the_scale(seed, factor):
    points = torch.randn(STEPS, 4, generator=generator(seed)).double()
    once = dimension(between(points), generator())
    assert dimension(between(factor * points), generator()) == pytest.approx(once, rel=1e-9)


@pytest.mark.slow
def test_path_and_tail_see_rescaling_and_folding_but_not_permutation_and_shift():
    assert tail_index.invariant_to == trajectory_dimension.invariant_to
    both = dataclasses.replace(  # together, since descending is what takes time
        trajectory_dimension, function=lambda trained: trajectory_dimension(trained) + tail_index(trained)
    )
    assert_sees_only(both, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_without_gradients_there_is_no_path():
    with pytest.raises(NotApplicable, match="gradients are zero"):
        trajectory_dimension(linear_model([[1e5], [0.0]], [[1.0]], [0]))


def test_points_of_which_most_are_the_same_have_no_dimension():
    """Descent makes one step of 1000 and stands still from there: a tree over some of the points has no length."""
    points = torch.zeros(STEPS, 1, dtype=torch.float64)
    points[0] = 1000.0
    with pytest.raises(NotApplicable, match="descent stands still: 143 of 144 points that it visits are the same"):
        dimension(between(points), generator())
