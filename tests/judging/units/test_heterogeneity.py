"""The test of heterogeneity against all placements of the wins, and its rates over all outcomes."""

import functools
import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.judging.units.heterogeneity import LEVEL, _estimated, heterogeneity
from harness.judging.units.sign_test import needed

units = st.lists(st.sampled_from([1, 2, 3, 5]).flatmap(lambda k: st.tuples(st.integers(0, k), st.just(k))), max_size=5)


def chi_squared(wins: tuple[int, ...], seeds: tuple[int, ...]) -> Fraction:
    """Pearson's, of wins and of those that are not, with one common rate."""
    rate = Fraction(sum(wins), sum(seeds))
    found = Fraction(0)
    for won, of in zip(wins, seeds, strict=True):
        found += (won - of * rate) ** 2 / (of * rate) + (of - won - of * (1 - rate)) ** 2 / (of * (1 - rate))
    return found


def naive(wins: tuple[int, ...], seeds: tuple[int, ...]) -> float:
    """Every way of choosing which seeds win."""
    if sum(wins) in (0, sum(seeds)):
        return 1.0
    unit_of = [unit for unit, of in enumerate(seeds) for _ in range(of)]
    observed, extreme, ways = chi_squared(wins, seeds), 0, 0
    for chosen in itertools.combinations(unit_of, sum(wins)):
        placed = tuple(chosen.count(unit) for unit in range(len(seeds)))
        extreme += chi_squared(placed, seeds) >= observed
        ways += 1
    return extreme / ways


@settings(max_examples=60)
@given(units)
def test_the_p_value_is_the_share_of_all_placements(found: list[tuple[int, int]]) -> None:
    assume(found and sum(of for _, of in found) <= 13)
    wins, seeds = zip(*found, strict=True)
    assert heterogeneity(wins, seeds) == pytest.approx(naive(wins, seeds), rel=1e-12)


def test_by_hand() -> None:
    """Six wins among twelve seeds in four units: all in two units in 6 of 924 ways."""
    assert heterogeneity([3, 0, 3, 0], [3] * 4) == 6 / math.comb(12, 6)


@pytest.mark.parametrize("won", [0, 3])
def test_units_that_agree_do_not_differ(won: int) -> None:
    assert heterogeneity([won] * 14, [3] * 14) == 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=14), st.randoms())
def test_the_order_of_units_and_what_counts_as_a_win_change_nothing(wins: list[int], random: "object") -> None:
    shuffled = [*wins]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = heterogeneity(wins, [3] * len(wins))
    assert heterogeneity(shuffled, [3] * len(wins)) == found
    assert heterogeneity([3 - won for won in wins], [3] * len(wins)) == found
    assert 0 < found <= 1


def test_forty_units_are_within_reach() -> None:
    assert heterogeneity([3] * 20 + [0] * 20, [3] * 40) == math.comb(40, 20) / math.comb(120, 60)


@pytest.mark.parametrize(("wins", "seeds"), [([4], [3]), ([-1], [3]), ([0], [0])])
def test_wins_that_cannot_be_are_refused(wins: list[int], seeds: list[int]) -> None:
    with pytest.raises(ValueError, match="wins lie between 0 and its seeds"):
        heterogeneity(wins, seeds)


@functools.cache
def outcomes(units: int, rate: float) -> list[tuple[tuple[int, ...], float]]:
    """How many units have 0, 1, 2 and 3 wins, with its probability."""
    of_unit = [math.comb(3, won) * rate**won * (1 - rate) ** (3 - won) for won in range(4)]
    found = []
    for first in itertools.product(range(units + 1), repeat=3):
        if (rest := units - sum(first)) >= 0:
            counts = (*first, rest)
            ways = math.factorial(units) / math.prod(map(math.factorial, counts))
            chance = ways * math.prod(p**number for p, number in zip(of_unit, counts, strict=True))
            if chance:
                found.append((counts, chance))
    return found


def rates(*groups: tuple[int, float]) -> tuple[float, float]:
    """How often p <= LEVEL, and how often so where neither enough units are won nor enough lost."""
    differ = depends = 0.0
    for combined in itertools.product(*(outcomes(units, rate) for units, rate in groups)):
        counts = [sum(numbers) for numbers in zip(*(counts for counts, _ in combined), strict=True)]
        wins = [won for won, number in enumerate(counts) for _ in range(number)]
        if heterogeneity(wins, [3] * len(wins)) <= LEVEL:
            chance = math.prod(chance for _, chance in combined)
            differ += chance
            least = needed(len(wins))
            depends += chance if least and max(counts[2] + counts[3], counts[0] + counts[1]) < least else 0
    return differ, depends


@pytest.mark.parametrize(
    ("units", "rate", "differ", "depends"),
    [
        (10, 0.5, 0.0031, 0.0031),
        (10, 0.7, 0.0041, 0.0041),
        (10, 0.9, 0.0026, 0.0026),
        (14, 0.5, 0.0066, 0.0066),
        (14, 0.7, 0.0044, 0.0044),
        (14, 0.9, 0.0020, 0.0008),
    ],
)
def test_one_common_rate_is_rarely_taken_for_several(units: int, rate: float, differ: float, depends: float) -> None:
    """The rates that the docstring states, over all outcomes."""
    assert rates((units, rate)) == pytest.approx((differ, depends), abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("groups", "depends"),
    [
        (((5, 1.0), (5, 0.0)), 1),
        (((5, 0.95), (5, 0.05)), 0.96),
        (((5, 0.9), (5, 0.1)), 0.73),
        (((5, 0.8), (5, 0.2)), 0.21),
        (((7, 1.0), (7, 0.0)), 1),
        (((7, 0.95), (7, 0.05)), 1.00),
        (((7, 0.9), (7, 0.1)), 0.93),
        (((7, 0.8), (7, 0.2)), 0.42),
        (((9, 0.95), (1, 0.05)), 0.54),
        (((8, 0.95), (2, 0.05)), 0.80),
        (((7, 0.95), (3, 0.05)), 0.94),
        (((13, 0.95), (1, 0.05)), 0.04),
        (((12, 0.95), (2, 0.05)), 0.84),
        (((11, 0.95), (3, 0.05)), 0.95),
    ],
)
def test_units_that_differ_are_found_as_often_as_is_said(groups: tuple[tuple[int, float], ...], depends: float) -> None:
    assert rates(*groups)[1] == pytest.approx(depends, abs=0.005)


def test_units_with_many_different_numbers_of_seeds_are_answered_by_draws() -> None:
    """The exact count of these took more than a minute. Halves against wholes differ, equal shares do not."""
    seeds = [*range(7, 17)]
    assert heterogeneity([of if of % 2 else of // 2 for of in seeds], seeds) < LEVEL / 10
    assert heterogeneity([of // 2 for of in seeds], seeds) > 0.5


@pytest.mark.parametrize("wins", [[3, 3, 0, 0, 2, 1], [1, 2, 1, 2, 3, 0]])
def test_draws_give_what_counting_gives(wins: list[int]) -> None:
    seeds = [3, 4, 3, 5, 4, 3]
    estimated = _estimated(tuple(sorted(zip(wins, seeds, strict=True))))
    assert estimated == pytest.approx(heterogeneity(wins, seeds), abs=0.006)
