"""What the expected gap itself reaches on gaps that were measured with noise."""

import itertools

import numpy as np
import pytest

from harness.judging.ceiling import Ceiling, ceiling, standard_error
from harness.judging.ranking import granulated_kendall
from harness.zoo.grid import GridPoint

POINTS: list[GridPoint] = [*itertools.product((0.0, 1.0, 2.0), *[(0.0, 1.0)] * 3)]


def grid(noise: float, seed: int = 0) -> tuple[dict[GridPoint, float], dict[GridPoint, list[float]]]:
    """Expected gaps that spread by 1, and those of three seeds whose mean has the `noise` for its standard error."""
    rng = np.random.default_rng(seed)
    expected = np.array(POINTS) @ rng.normal(size=4)
    expected /= np.std(expected, ddof=1)
    seeds = expected[:, None] + noise * np.sqrt(3) * rng.normal(size=(len(POINTS), 3))
    return dict(zip(POINTS, expected.tolist(), strict=True)), dict(zip(POINTS, seeds.tolist(), strict=True))


def test_the_standard_error_is_that_of_a_mean_pooled_over_the_points() -> None:
    """Variances 1 and 0 of three seeds: the root of (1/3 + 0) / 2."""
    assert standard_error([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]]) == pytest.approx((1 / 6) ** 0.5)


def test_gaps_without_noise_leave_nothing_to_be_desired() -> None:
    expected, _ = grid(0.0)
    exact = {point: [gap, gap, gap] for point, gap in expected.items()}
    found = ceiling(exact)
    assert (found.granulated_tau, found.information) == pytest.approx((1.0, 1.0))


def test_gaps_that_differ_by_no_more_than_their_error_leave_nothing_to_rank() -> None:
    assert ceiling({point: [0.0, 1.0, 2.0] for point in POINTS}) == Ceiling(0.0, 0.0)


def test_more_noise_lowers_the_ceiling() -> None:
    taus = [ceiling(grid(noise)[1]).granulated_tau for noise in (0.1, 0.4, 0.8)]
    assert taus == sorted(taus, reverse=True)
    assert taus[2] < taus[0] - 0.2


def test_the_ceiling_is_not_that_of_the_means_with_themselves() -> None:
    _, seeds = grid(0.5)
    means = {point: float(np.mean(gaps)) for point, gaps in seeds.items()}
    assert granulated_kendall(means, means)[0] == 1
    assert ceiling(seeds).granulated_tau < 0.8


@pytest.mark.slow
def test_the_estimated_tau_is_near_the_true_one_in_the_mean_of_grids() -> None:
    rng, differences = np.random.default_rng(9), []
    for seed in range(12):
        expected, seeds = grid(0.4, seed)
        noisy = [{point: gap + rng.normal(scale=0.4) for point, gap in expected.items()} for _ in range(20)]
        true = np.mean([granulated_kendall(expected, gaps)[0] for gaps in noisy])
        differences.append(ceiling(seeds).granulated_tau - true)
    assert abs(np.mean(differences)) < 0.1
