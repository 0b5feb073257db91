"""Power by counting all outcomes, and the sentence that a run prints."""

import itertools
import math

import pytest

from harness.errors import HarnessError
from harness.judging.units.power import (
    pass_rate,
    power_sentence,
    rates_for_all,
    rates_for_one,
    unit_win_rate,
)
from harness.judging.units.sign_test import needed


def naive_pass_rate(units: int, rate: float) -> float:
    """Over all outcomes of all units."""
    return sum(
        rate ** sum(won) * (1 - rate) ** (units - sum(won))
        for won in itertools.product((0, 1), repeat=units)
        if sum(won) >= (needed(units) or units + 1)
    )


@pytest.mark.parametrize(("units", "rate"), [(10, 0.9), (11, 0.97), (14, 0.94), (9, 0.99)])
def test_the_pass_rate_is_that_of_all_outcomes(units: int, rate: float) -> None:
    assert pass_rate(units, rate) == pytest.approx(naive_pass_rate(units, rate))


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_most_of_three_seeds_by_formula_and_of_five_by_all_outcomes(rate: float) -> None:
    assert unit_win_rate(rate) == pytest.approx(3 * rate**2 - 2 * rate**3)
    five = sum(math.comb(5, wins) * rate**wins * (1 - rate) ** (5 - wins) for wins in (3, 4, 5))
    assert unit_win_rate(rate, seeds=5) == pytest.approx(five)


def test_at_the_rates_that_are_needed_a_measure_passes_in_four_of_five_zoos() -> None:
    for units in (10, 14, 18):
        one, independent, worst = (
            rates_for_one(units),
            rates_for_all(units, "independent"),
            rates_for_all(units, "worst"),
        )
        assert pass_rate(units, one.unit) == pytest.approx(0.8)
        assert pass_rate(units, independent.unit) ** 3 == pytest.approx(0.8)
        assert 1 - 3 * (1 - pass_rate(units, worst.unit)) == pytest.approx(0.8)
        for rates in (one, independent, worst):
            assert unit_win_rate(rates.seed) == pytest.approx(rates.unit)
            assert rates.seed < rates.unit
        assert one.unit < independent.unit < worst.unit


@pytest.mark.parametrize(
    ("units", "rates"),
    [
        (10, (0.978, 0.912, 0.993, 0.949, 0.993, 0.951)),
        (14, (0.941, 0.852, 0.968, 0.893, 0.969, 0.895)),
        (16, (0.948, 0.862, 0.972, 0.900, 0.973, 0.902)),
        (18, (0.914, 0.819, 0.945, 0.858, 0.947, 0.861)),
        (28, (0.858, 0.763, 0.893, 0.797, 0.895, 0.799)),
    ],
)
def test_the_table_holds(units: int, rates: tuple[float, ...]) -> None:
    found = [rates_for_one(units), rates_for_all(units, "independent"), rates_for_all(units, "worst")]
    assert [rate for each in found for rate in (each.unit, each.seed)] == pytest.approx(rates, abs=5e-4)


def test_too_few_units_have_no_power_at_any_rate() -> None:
    assert pass_rate(9, 1.0) == 0
    with pytest.raises(HarnessError, match="too few units: this zoo has 9"):
        rates_for_one(9)


def test_the_sentence_says_what_is_needed() -> None:
    assert power_sentence(14) == (
        "13 of 14 units must be won: to pass in 80% of zoos a measure must win a unit at a rate of 0.94 under one "
        "condition, 0.97 under all 3 (0.97 if they never fail together); its seeds, if independent within a unit, at "
        "0.85, 0.89 (0.90)"
    )


def test_with_one_seed_and_two_conditions_the_sentence_says_so() -> None:
    rate = rates_for_all(14, "independent", seeds=1, conditions=2).unit
    said = power_sentence(14, 1, 2)
    assert f", {rate:.2f} under all 2 (" in said and "seeds" not in said
    assert power_sentence(14, 3, 1).endswith(
        "0.94 under one condition; its seeds, if independent within a unit, at 0.85"
    )
