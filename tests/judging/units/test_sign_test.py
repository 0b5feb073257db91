"""How many units suffice, against counting all outcomes of coins."""

import itertools
import math

import pytest

from harness.errors import HarnessError
from harness.judging.units.sign_test import MIN_UNITS, SIGNIFICANCE, check_units, needed
from harness.judging.verdict import SIGNIFICANCE as OF_TWINS


@pytest.mark.parametrize("units", range(8, 15))
def test_the_fewest_wins_are_those_of_all_outcomes_of_coins(units: int) -> None:
    totals = [sum(coins) for coins in itertools.product((0, 1), repeat=units)]
    enough = [least for least in range(units + 1) if sum(t >= least for t in totals) * 1000 < len(totals)]
    assert needed(units) == (min(enough) if enough else None)


@pytest.mark.parametrize("units", range(8, 41))
def test_the_fewest_wins_in_whole_numbers(units: int) -> None:
    def tail(least: int) -> int:
        return sum(math.comb(units, wins) for wins in range(least, units + 1))

    found = needed(units)
    if units < MIN_UNITS:
        assert found is None
        assert tail(units) * 1000 >= 2**units
    else:
        assert found is not None
        assert tail(found) * 1000 < 2**units <= tail(found - 1) * 1000


def test_the_fewest_wins_by_name() -> None:
    known = {10: 10, 11: 11, 12: 12, 13: 13, 14: 13, 15: 14, 16: 15, 17: 16, 18: 16, 20: 18, 28: 23, 40: 31}
    assert {units: needed(units) for units in known} == known


@pytest.mark.parametrize("units", [0, 1, 9])
def test_too_few_units_is_an_error_that_says_what_to_do(units: int) -> None:
    with pytest.raises(HarnessError, match=f"too few units: this zoo has {units}, .* fewer than 10; .* add networks"):
        check_units(units)


def test_ten_units_are_enough() -> None:
    check_units(MIN_UNITS)


def test_units_and_twins_are_tested_at_the_same_significance() -> None:
    assert SIGNIFICANCE == OF_TWINS
