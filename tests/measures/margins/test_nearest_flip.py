import math

import pytest
import torch

from measures.margins._nearest_flip import smallest_flip


def zeros(*shape):
    return torch.zeros(*shape, dtype=torch.float64)


def test_to_a_plane_is_its_distance():
    w = torch.tensor([3.0, 0.0, 4.0], dtype=torch.float64)
    offsets = torch.tensor([2.0, 10.0, 0.001], dtype=torch.float64)
    radii = smallest_flip(lambda delta: delta @ w + offsets, zeros(3, 3))
    assert radii.tolist() == pytest.approx([0.4, 2.0, 0.0002], rel=2e-3)
    assert bool((radii >= offsets / 5 * (1 - 1e-12)).all())


def test_to_a_circle_around_another_point_is_the_way_along_its_radius():
    center = torch.tensor([-0.3, -0.4], dtype=torch.float64)
    radii = smallest_flip(lambda delta: 1 - (delta - center).square().sum(dim=1), zeros(1, 2))
    assert radii.item() == pytest.approx(0.5, rel=2e-3)


def test_the_first_flip_on_the_line_counts_not_one_behind_it():
    # Below 0 between 0.5 and 0.7, where the linearisation at 0 sees nothing but a plane at 1
    def margins(delta):
        x = delta[:, 0]
        return torch.where((x > 0.5) & (x < 0.7), -torch.ones_like(x), 1 - x)

    assert smallest_flip(margins, zeros(1, 1)).item() == pytest.approx(0.5, rel=2e-3)


def test_of_a_misclassified_row_is_zero_and_of_a_flat_one_infinite():
    slope, offset = torch.tensor([1.0, 0.0]), torch.tensor([-0.1, 1.0])
    assert smallest_flip(lambda delta: slope * delta[:, 0] + offset, zeros(2, 1)).tolist() == [0.0, math.inf]


def test_gradients_are_not_needed_around_it():
    with torch.no_grad():
        assert smallest_flip(lambda delta: 1 - delta[:, 0], zeros(1, 1)).item() == pytest.approx(1, rel=2e-3)
