"""Two one-sided tests by hand and against scipy's, and how often they err."""

import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from harness.judging.units.decision import Unit
from harness.judging.units.equivalence import (
    GAP,
    GAP_NEIGHBOURS,
    QUIET,
    QUIET_NEIGHBOURS,
    decision,
    equivalence,
    mean_interval,
)
from harness.judging.units.fractions import Triple, excess

numbers = st.lists(st.integers(-100, 100).map(lambda value: value / 100), min_size=4, max_size=14)


def units(*values: float) -> dict[Unit, float]:
    return {Unit("digits", f"network{number}"): value for number, value in enumerate(values)}


def test_the_interval_by_hand() -> None:
    """0, 0.1, 0.2, 0.1: mean 0.1, deviation sqrt(0.02 / 3), t at 3 degrees 3.18245."""
    low, high = mean_interval([0.0, 0.1, 0.2, 0.1]) or (0, 0)
    reach = 3.18245 * (0.02 / 3) ** 0.5 / 2
    assert (low, high) == pytest.approx((0.1 - reach, 0.1 + reach), abs=1e-6)


@given(numbers, st.sampled_from([0.1, 0.15, 0.5]))
def test_within_is_what_two_tests_at_a_fortieth_say(values: list[float], limit: float) -> None:
    if len(set(values)) == 1:
        return
    with np.errstate(all="ignore"):
        below_upper = ttest_1samp(values, limit, alternative="less").pvalue
        above_lower = ttest_1samp(values, -limit, alternative="greater").pvalue
        above_upper = ttest_1samp(values, limit, alternative="greater").pvalue
    found = decision(values, limit)
    if min(abs(p - 0.025) for p in (below_upper, above_lower, above_upper)) > 1e-9:
        assert (found == "within") == (max(below_upper, above_lower) < 0.025)
        assert (found == "above") == (above_upper < 0.025)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.0, 0.01, 0.02, 0.01], "within"),
        ([-1.13, -1.25, -1.03, -1.1], "below"),
        ([0.45, 0.42, 0.49, 0.44], "above"),
        ([0.1, 0.2, 0.1, 0.2], "unclear"),
        ([-0.1, -0.2, -0.1, -0.2], "unclear"),
        ([0.0] * 13 + [1.5], "unclear"),
        ([0.0, 0.0, 0.0], "too_few_units"),
        ([0.0], "too_few_units"),
        ([0.0] * 4, "within"),
        ([0.3] * 4, "above"),
    ],
)
def test_decisions_by_hand(values: list[float], found: str) -> None:
    assert decision(values, QUIET) == found


@given(numbers)
def test_a_measure_that_falls_is_judged_as_one_that_rises(values: list[float]) -> None:
    mirrored = {"above": "below", "below": "above"}
    found = decision(values, QUIET)
    assert decision([-value for value in values], QUIET) == mirrored.get(found, found)


@given(numbers, st.sampled_from([QUIET_NEIGHBOURS, GAP_NEIGHBOURS]))
def test_what_is_within_a_limit_is_within_larger_ones(values: list[float], limits: tuple[float, ...]) -> None:
    within = [decision(values, limit) == "within" for limit in limits]
    assert within == sorted(within)


def test_the_worst_unit_stands_beside_the_median_and_the_neighbours() -> None:
    found = equivalence(units(0.02, 0.03, 0.03, 0.04, -0.22, 0.05), QUIET, QUIET_NEIGHBOURS)
    assert found.median == pytest.approx(0.03)
    assert (found.worst_unit.network, found.worst_value) == ("network4", -0.22)
    assert found.neighbours == {0.10: "unclear", 0.15: "within", 0.20: "within"}
    assert found.explain() == (
        "-1% [-12%, 10%], median 3%, worst -22% (network4 on digits): within 15% (unclear at 10%, within 20%)"
    )


def test_a_gap_is_bounded_below() -> None:
    found = equivalence(units(-1.13, -1.25, -1.03, -1.1), GAP, GAP_NEIGHBOURS)
    assert set(found.neighbours.values()) == {"below"}
    assert found.explain().endswith(": below minus 50% (below minus 40%, below minus 60%)")


@given(numbers, st.randoms())
def test_the_order_of_units_changes_no_decision(values: list[float], random: "object") -> None:
    named = [*units(*values).items()]
    random.shuffle(named)  # type: ignore[attr-defined]
    found, other = equivalence(units(*values), QUIET), equivalence(dict(named), QUIET)
    assert found.mean == pytest.approx(other.mean)
    assert found.median == other.median == statistics.median(values)
    assert abs(found.worst_value) == abs(other.worst_value) == max(map(abs, values))


def test_without_units_there_is_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="no unit has a value"):
        equivalence({}, QUIET)


def test_huge_values_are_unclear() -> None:
    assert decision([1e308, -1e308, 1e308, -1e308], QUIET) == "unclear"


def one_in_seven(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return ((rng.random(shape) < 1 / 7) - 1 / 7) / (6 / 49) ** 0.5


@pytest.mark.parametrize(
    ("draw", "size", "covers", "within"),
    [
        (lambda rng, shape: rng.normal(size=shape), 4, 0.95, 0.025),
        (lambda rng, shape: rng.normal(size=shape), 14, 0.95, 0.025),
        (lambda rng, shape: rng.exponential(size=shape) - 1, 4, 0.88, 0.114),
        (one_in_seven, 4, 0.46, 0.540),
        (one_in_seven, 14, 0.88, 0.116),
    ],
)
def test_it_covers_and_errs_as_often_as_is_said(
    draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray], size: int, covers: float, within: float
) -> None:
    """1,000 draws of units that differ, their mean at the limit; four standard errors."""
    values = QUIET + 0.05 * draw(np.random.default_rng(3), (1000, size))
    intervals = [mean_interval(row) or (0, 0) for row in values.tolist()]
    covered = np.mean([low <= QUIET <= high for low, high in intervals])
    erred = np.mean([decision(row, QUIET) == "within" for row in values.tolist()])
    assert abs(covered - covers) < 4 * (covers * (1 - covers) / 1000) ** 0.5
    assert abs(erred - within) < 4 * (within * (1 - within) / 1000) ** 0.5


def test_seeds_with_noise_are_quiet_as_often_as_is_said() -> None:
    """Ten per cent of noise in three seeds of four units that differ, excess 0 and 0.15."""
    rng, draws = np.random.default_rng(0), 300
    names = [*units(0, 0, 0, 0)]

    def drawn(fraction: float, noise: float) -> list[Triple]:
        return [(a, b, c) for a, b, c in (np.array([0.0, fraction, 1.0]) + noise * rng.normal(size=(3, 3))).tolist()]

    said = {0.0: 0, QUIET: 0}
    for fraction in said:
        for _ in range(draws):
            measure = {name: drawn(rng.normal(fraction, 0.05), 0.1) for name in names}
            found = excess(measure, [{name: drawn(0.0, 0.02) for name in names}])
            said[fraction] += decision([*found.of_unit.values()], QUIET) == "within"
    assert abs(said[0.0] / draws - 0.34) < 0.11
    assert said[QUIET] / draws < 0.06
