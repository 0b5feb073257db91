"""Many orders at once tell, to the last bit, what each of them tells by itself."""

import itertools

import numpy as np
import pytest

import harness.judging.information_of_orders as orders
from harness.judging.conditional_information import signed_information
from harness.judging.information_of_orders import information_of
from harness.judging.ranking import is_above_chance, ranking
from tests.references.grids import SIXTEEN, THIRTY_SIX, drawn, negated

LEVELS = {sizes: np.array(list(itertools.product(*map(range, sizes)))) for sizes in [(3, 2, 2), (4,), (2, 2, 2, 2)]}


@pytest.mark.parametrize("gaps_tie", [False, True])
@pytest.mark.parametrize("sizes", LEVELS)
def test_every_order_has_the_same_bits_as_by_itself(sizes: tuple[int, ...], gaps_tie: bool) -> None:
    levels, draw = LEVELS[sizes], np.random.default_rng(len(sizes))
    gaps = draw.integers(0, 3, len(levels)).astype(float) if gaps_tie else draw.normal(size=len(levels))
    ranks = draw.integers(1, 7, (500, len(levels))).astype(float)
    scores = information_of(gaps, levels)
    assert scores(ranks).tobytes() == signed_information(ranks, gaps, levels).tobytes()
    assert float(scores(ranks[0])) == float(signed_information(ranks[0], gaps, levels))


def test_where_tables_would_be_too_large_the_same_is_computed_without(monkeypatch: pytest.MonkeyPatch) -> None:
    levels, draw = LEVELS[3, 2, 2], np.random.default_rng(0)
    gaps, ranks = draw.normal(size=len(levels)), draw.integers(1, 7, (50, len(levels))).astype(float)
    with_tables = information_of(gaps, levels)
    monkeypatch.setattr(orders, "MOST", 10)
    orders._kept.cache_clear()
    without = information_of(gaps, levels)
    orders._kept.cache_clear()
    assert without is not with_tables
    assert without(ranks).tobytes() == with_tables(ranks).tobytes()


def test_equal_gaps_have_no_order_to_be_told_either() -> None:
    levels = LEVELS[4,]
    with pytest.raises(ValueError, match="all 4 gaps are equal"):
        information_of(np.ones(4), levels)(np.arange(4.0))


@pytest.mark.parametrize("level", [0.001, 0.9])
@pytest.mark.parametrize("points", [SIXTEEN, THIRTY_SIX])
def test_what_is_above_chance_has_both_p_values_below_the_level(points: list[tuple[float, ...]], level: float) -> None:
    gaps = drawn(points, 0)
    seen = set()
    for values in (gaps, negated(gaps), drawn(points, 1), drawn(points, 2)):
        found = ranking(values, gaps)
        expected = max(found.granulated_p, found.information_p) < level
        assert is_above_chance(values, gaps, level) == expected
        seen.add(expected)
    assert seen == {True, False}
