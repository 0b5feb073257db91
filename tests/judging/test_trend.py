"""Page's trend test against all orders, random orders, and the exact null distribution with ties."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from harness.judging.trend import Trend, page_trend

pytestmark = pytest.mark.slow

RISING = (1.0, 2.0, 3.0)
NO_TIES, TIED = [1, 2, 3, 4, 5], [1, 1, 1, 1, 1]
TIES = {
    "the first two": [1, 1, 2, 3, 4],
    "the middle three": [1, 2, 2, 2, 3],
    "two pairs": [1, 1, 2, 2, 3],
    "all but the last": [1, 1, 1, 1, 2],
}

small_tables = st.tuples(st.integers(2, 5), st.integers(3, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.one_of(st.integers(-4, 4), st.none()), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)
Table = list[list[int | None]]


def page_l(tables: np.ndarray) -> np.ndarray:
    """L of each table of (..., blocks, levels), from its definition."""
    return (rankdata(tables, axis=-1) * np.arange(1, tables.shape[-1] + 1)).sum((-1, -2))


def null_tail(patterns: list[list[int]]) -> dict[float, float]:
    """P(L >= l) for each possible l, if every order of the values patterns[i] of block i is equally likely."""
    chances = {0.0: 1.0}
    for pattern in patterns:
        orders = np.array(list(itertools.permutations(pattern)))
        own = list(zip(*np.unique(page_l(orders[:, None]), return_counts=True), strict=True))
        sums: dict[float, float] = {}
        for (total, chance), (value, many) in itertools.product(chances.items(), own):
            sums[total + value] = sums.get(total + value, 0.0) + chance * many / len(orders)
        chances = sums
    totals = sorted(chances, reverse=True)
    return dict(zip(totals, np.cumsum([chances[total] for total in totals]), strict=True))


def tables_from(patterns: list[list[int]], slope: float, draws: int) -> np.ndarray:
    """Tables of the patterns' values in random order, the more likely the more they rise."""
    rng = np.random.default_rng(0)
    keys = slope * np.arange(len(patterns[0])) + rng.normal(size=(draws, len(patterns), len(patterns[0])))
    return np.take_along_axis(np.array([patterns] * draws), keys.argsort(-1).argsort(-1), -1)


def test_three_blocks_that_rise_have_p_1_in_216() -> None:
    trend = page_trend([RISING] * 3)
    assert trend.p_rising == pytest.approx(1 / 216)
    assert trend.p_falling == pytest.approx(1.0)
    assert trend.rho == pytest.approx(1.0)


def test_p_is_the_share_of_all_orders_with_as_large_an_l() -> None:
    tables = np.array(list(itertools.product(itertools.permutations(RISING), repeat=3)))  # (216, 3, 3)
    every = page_l(tables)
    for table, own in zip(tables, every, strict=True):
        trend = page_trend(table.tolist())
        assert trend.p_rising == pytest.approx((every >= own).mean())
        assert trend.p_falling == pytest.approx((every <= own).mean())


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.3])
def test_p_is_that_of_random_orders(slope: float) -> None:
    rng = np.random.default_rng(1)
    table = slope * np.arange(5) + rng.normal(size=(8, 5))
    share = (page_l(rng.permuted(np.array([table] * 20_000), axis=-1)) >= page_l(table)).mean()
    assert page_trend(table.tolist()).p_rising == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / 20_000))


@pytest.mark.parametrize(
    "patterns", [[NO_TIES] * 14, [NO_TIES[:3]] * 14, [NO_TIES[:3]] * 40], ids=["14 x 5", "14 x 3", "40 x 3"]
)
def test_p_without_ties_is_exact_far_into_the_tail(patterns: list[list[int]]) -> None:
    tail = null_tail(patterns)
    tables = tables_from(patterns, slope=0.5, draws=50)
    for table in tables:
        assert page_trend(table.tolist()).p_rising == pytest.approx(tail[page_l(table)])
    assert min(tail[statistic] for statistic in page_l(tables)) < 1e-4


@pytest.mark.parametrize("rest", [NO_TIES, TIED, None], ids=["others without", "others tied", "others alike"])
@pytest.mark.parametrize("pattern", TIES.values(), ids=TIES)
def test_ties_make_no_p_up_to_a_twentieth_smaller_than_its_chance(pattern: list[int], rest: list[int] | None) -> None:
    patterns = [pattern] * 5 + [rest or pattern] * 3
    tail = null_tail(patterns)
    found = 0
    for table in tables_from(patterns, slope=1.0, draws=60):
        p = page_trend(table.tolist()).p_rising
        if p <= 0.05:
            found += 1
            assert tail[page_l(table)] <= p * (1 + 1e-9)
    assert found >= 10


@pytest.mark.parametrize(
    "patterns",
    [
        pytest.param([NO_TIES[:3]] * 14, id="14 x 3"),
        pytest.param([NO_TIES] * 14, id="14 x 5", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("distinct", [True, False], ids=["no ties", "ties"])
def test_noise_is_called_a_trend_as_rarely_as_it_says(patterns: list[list[int]], distinct: bool) -> None:
    rng = np.random.default_rng(2)
    shape = (300, len(patterns), len(patterns[0]))
    tables = rng.normal(size=shape) if distinct else rng.integers(0, 3, size=shape).astype(float)
    trends = [page_trend(table.tolist()) for table in tables]
    for p_values in ([trend.p_rising for trend in trends], [trend.p_falling for trend in trends]):
        rejected = np.mean(np.array(p_values) < 0.05)
        assert (0.011 if distinct else 0.0) < rejected < 0.085  # three standard errors around the exact rates
        assert np.sum(np.array(p_values) < 0.001) <= 3


@pytest.mark.parametrize(("blocks", "levels"), [(14, 5), (14, 3), (40, 3), (2, 3)])
def test_a_constant_measure_has_no_trend(blocks: int, levels: int) -> None:
    trend = page_trend([[7.0] * levels] * blocks)
    assert 0.5 <= trend.p_rising == trend.p_falling <= 1.0
    assert trend.rho == 0.0


def test_a_block_that_misses_a_value_counts_as_tied() -> None:
    missing = [RISING, (1.0, None, 3.0), RISING, RISING]
    assert page_trend(missing) == page_trend([RISING, (5.0, 5.0, 5.0), RISING, RISING])
    assert page_trend(missing).rho == pytest.approx(0.75)


def test_a_missing_block_does_not_help() -> None:
    assert page_trend([RISING] * 3).p_rising < page_trend([RISING] * 3 + [(None, None, None)]).p_rising


def test_no_complete_block_has_no_rho_and_no_trend() -> None:
    trend = page_trend([(1.0, 2.0, None)] * 4)
    assert trend.rho is None
    assert min(trend.p_rising, trend.p_falling) >= 0.5


def test_rho_is_the_mean_of_spearmans_over_blocks() -> None:
    # Of 1, 3, 2: 1 - 6 (0 + 1 + 1) / (3 (9 - 1)) = 1/2.
    trend = page_trend([RISING, (1.0, 3.0, 2.0), (3.0, 2.0, 1.0)])
    assert trend.rhos == pytest.approx((1, 0.5, -1))
    assert trend.rho == pytest.approx((1 + 0.5 - 1) / 3)


def test_a_constant_block_and_one_that_misses_a_value_have_rho_0() -> None:
    assert page_trend([RISING, (2.0, 2.0, 2.0), (1.0, None, 3.0)]).rhos == pytest.approx((1, 0, 0))


@pytest.mark.parametrize(("blocks", "levels"), [(13, 5), (4, 6)])
def test_certainty_is_1_in_spite_of_rounding(blocks: int, levels: int) -> None:
    trend = page_trend([[float(-level) for level in range(levels)]] * blocks)
    assert trend.p_rising == 1.0
    assert trend.rho == pytest.approx(-1.0)


@given(small_tables)
def test_p_values_are_chances_and_the_two_sides_share_at_least_one(table: Table) -> None:
    trend = page_trend(table)
    assert 0 < trend.p_rising <= 1
    assert 0 < trend.p_falling <= 1
    assert trend.p_rising + trend.p_falling >= 1 - 1e-12


@given(small_tables)
def test_reversed_levels_swap_rising_and_falling(table: Table) -> None:
    forth, back = page_trend(table), page_trend([block[::-1] for block in table])
    assert (back.p_rising, back.p_falling) == (forth.p_falling, forth.p_rising)
    assert (back.rho is None) == (forth.rho is None)
    if forth.rho is not None:
        assert back.rho == pytest.approx(-forth.rho)


@given(small_tables, st.data())
def test_a_rising_function_of_a_blocks_values_changes_nothing(table: Table, data: st.DataObject) -> None:
    changed = []
    for block in table:
        scale, shift, power = data.draw(
            st.tuples(st.integers(1, 1000), st.integers(-1000, 1000), st.sampled_from([1, 3]))
        )
        changed.append([None if value is None else scale * value**power + shift for value in block])
    assert_same(page_trend(changed), page_trend(table))


@given(small_tables, st.randoms())
def test_the_order_of_the_blocks_is_immaterial(table: Table, draw: random.Random) -> None:
    reordered = list(table)
    draw.shuffle(reordered)
    assert_same(page_trend(reordered), page_trend(table))


def assert_same(one: Trend, other: Trend) -> None:
    assert (one.p_rising, one.p_falling) == (other.p_rising, other.p_falling)
    assert one.rho == (None if other.rho is None else pytest.approx(other.rho))
