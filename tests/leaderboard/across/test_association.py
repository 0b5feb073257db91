"""Kendall's tau and its permutations against plain references, and on what has nothing to do with winning."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from harness.leaderboard.across.association import associations


def score(x: Sequence[float], y: Sequence[float], groups: Sequence[str] | None = None) -> int:
    """Concordant less discordant pairs, of one group each where there are groups."""
    pairs = itertools.combinations(range(len(x)), 2)
    kept = [(i, j) for i, j in pairs if groups is None or groups[i] == groups[j]]
    return int(sum(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i, j in kept))


def exact_p(x: Sequence[float], y: Sequence[float], groups: Sequence[str] | None = None) -> float:
    """By every permutation of x, within groups where there are some."""
    observed, as_far, every = abs(score(x, y, groups)), 0, 0
    for order in itertools.permutations(range(len(x))):
        if groups is None or all(groups[i] == groups[place] for i, place in enumerate(order)):
            every += 1
            as_far += abs(score([x[place] for place in order], y, groups)) >= observed
    return as_far / every


SMALL = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12)


@given(SMALL)
def test_tau_is_scipys(points: list[tuple[int, int]]) -> None:
    x, y = zip(*points, strict=True)
    found = associations(x, {"all": y}, ["a"] * len(x))["all"]
    expected = kendalltau(x, y).statistic
    assert (found.tau is None) if np.isnan(expected) else (found.tau == pytest.approx(expected))
    assert (found.tau, found.p_value) == (found.tau_within, found.p_within)  # of one data set it is the same question


CASES = [
    ([1, 2, 3, 4, 5, 6, 7], [1, 3, 2, 4, 5, 7, 6]),
    ([1, 2, 3, 4, 5, 6, 7], [0, 1, 0, 1, 1, 0, 1]),
    ([0, 0, 1, 1, 0, 1, 1], [2, 2, 5, 5, 1, 2, 5]),
]


@pytest.mark.parametrize(("x", "y"), CASES)
def test_the_p_value_over_all_units_is_that_of_every_permutation(x: list[float], y: list[float]) -> None:
    found = associations(x, {"all": y}, ["a", "b"] * 3 + ["a"])["all"]
    assert found.p_value == pytest.approx(exact_p(x, y), abs=0.015)


@pytest.mark.parametrize(("x", "y"), CASES)
def test_the_p_value_within_data_sets_is_that_of_permutations_within_them(x: list[float], y: list[float]) -> None:
    groups = ["a", "b", "a", "b", "b", "a", "a"]
    found = associations(x, {"all": y}, groups)["all"]
    assert found.p_within == pytest.approx(exact_p(x, y, groups), abs=0.015)


def test_what_only_distinguishes_data_sets_says_nothing_within_them() -> None:
    groups = ["a"] * 6 + ["b"] * 6
    steps = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]
    winning = [0.2, 0.1, 0.2, 0.1, 0.1, 0.2, 0.9, 0.8, 0.8, 0.9, 0.8, 0.9]
    found = associations(steps, {"all": winning}, groups)["all"]
    assert found.p_value is not None and found.p_within is not None
    assert found.p_value < 0.01 and found.p_within > 0.5


def test_a_property_of_data_sets_is_permuted_among_data_sets() -> None:
    winning = [0.1, 0.2, 0.1, 0.5, 0.6, 0.5, 0.9, 0.9, 0.8]
    two = associations([1] * 3 + [2] * 6, {"all": winning}, ["a"] * 3 + ["b"] * 6)["all"]
    assert (two.p_value, two.tau_within, two.p_within) == (1.0, None, None)  # nine units, and two observations
    three = associations([1] * 3 + [2] * 3 + [3] * 3, {"all": winning}, [*"aaabbbccc"])["all"]
    assert three.p_value == pytest.approx(2 / 6)


def test_what_never_changes_has_no_tau() -> None:
    for x, y in (([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [1, 1, 1]), ([5], [1])):
        found = associations(x, {"all": y}, ["a"] * len(x))["all"]
        assert (found.tau, found.p_value, found.tau_within, found.p_within) == (None,) * 4


def test_units_of_which_one_of_the_two_is_unknown_are_left_out() -> None:
    full = associations([1, 2, 3, 5], {"all": [4, 3, 3, 1]}, ["a"] * 4)["all"]
    some = associations([1, 2, None, 3, 4, 5], {"all": [4, 3, 9, 3, None, 1]}, ["a"] * 6)["all"]
    assert (some.units, some.tau, some.p_value) == (full.units, full.tau, full.p_value)


def test_shares_that_are_known_of_different_units_are_answered_apart() -> None:
    winning = {"all": [1.0, 2.0, 3.0, 0.0], "some": [1.0, 2.0, 3.0, None]}
    found = associations([1, 2, 3, 4], winning, ["a"] * 4)
    assert [*found] == ["all", "some"]
    assert found["some"] == associations([1, 2, 3], {"some": [1.0, 2.0, 3.0]}, ["a"] * 3)["some"]
    with pytest.raises(ValueError, match="short has 2 units, the property 3"):
        associations([1, 2, 3], {"short": [1.0, 2.0]}, ["a"] * 3)


@pytest.mark.slow
def test_a_property_that_has_nothing_to_do_with_winning_gives_uniform_p_values() -> None:
    random = np.random.default_rng(1)
    groups = ["a"] * 8 + ["b"] * 6
    shifted = np.array([0.0] * 8 + [5.0] * 6)  # one data set is easier: within data sets that must not matter
    p_values, within = [], []
    for _ in range(200):
        easier = {"all": [*(shifted + random.normal(size=14))]}
        free = associations([*random.normal(size=14)], {"all": [*random.normal(size=14)]}, groups)["all"]
        p_values.append(free.p_value)
        within.append(associations([*(shifted + random.normal(size=14))], easier, groups)["all"].p_within)
    for found in (p_values, within):
        # There are few scores, so only of p-values that occur is one as small as likely as it says. What is drawn gives
        # one score p-values that differ by four of their standard deviations, 0.015, at most.
        worst = max(abs(sum(p <= level + 0.015 for p in found) / 200 - level) for level in set(found))
        assert worst < 1.63 / 200**0.5  # Kolmogorov's limit at 1%
