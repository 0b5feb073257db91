"""Power by counting all outcomes, and the sentence that a run prints."""

import itertools
import math

import pytest

from harness.errors import HarnessError
from harness.judging.units.networks import networks_needed
from harness.judging.units.power import (
    pass_rate,
    power_sentence,
    rates_for_all,
    rates_for_one,
    unit_win_rate,
)
from harness.judging.units.sign_test import needed


def naive_pass_rate(networks: list[int], rate: float) -> float:
    """Over all outcomes of all units."""
    of = [network for network, units in enumerate(networks) for _ in range(units)]
    total = 0.0
    for won in itertools.product((0, 1), repeat=len(of)):
        seen = {network for network, each in zip(of, won, strict=True) if each}
        if sum(won) >= (needed(len(of)) or len(of) + 1) and len(seen) >= networks_needed(len(networks)):
            total += rate ** sum(won) * (1 - rate) ** (len(of) - sum(won))
    return total


ALONE = [([1] * 10, 0.9), ([1] * 11, 0.97), ([1] * 14, 0.94), ([1] * 9, 0.99)]
SEVERAL = [([2] * 6 + [1] * 2, 0.94), ([7, 7], 0.9), ([14], 0.9), ([1] * 13 + [2], 0.8), ([2, 1, 3] * 2, 0.7)]


@pytest.mark.parametrize(("networks", "rate"), ALONE + SEVERAL)
def test_the_pass_rate_is_that_of_all_outcomes(networks: list[int], rate: float) -> None:
    assert pass_rate(networks, rate) == pytest.approx(naive_pass_rate(networks, rate))


def test_networks_on_two_data_sets_pass_less_often_than_as_many_networks_on_one() -> None:
    assert pass_rate([2] * 8 + [1, 1], 0.9) < pass_rate([1] * 18, 0.9)


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_most_of_three_seeds_by_formula_and_of_five_by_all_outcomes(rate: float) -> None:
    assert unit_win_rate(rate) == pytest.approx(3 * rate**2 - 2 * rate**3)
    five = sum(math.comb(5, wins) * rate**wins * (1 - rate) ** (5 - wins) for wins in (3, 4, 5))
    assert unit_win_rate(rate, seeds=5) == pytest.approx(five)


def test_at_the_rates_that_are_needed_a_measure_passes_in_four_of_five_zoos() -> None:
    for units in ([1] * 10, [1] * 14, [2] * 8 + [1] * 2):
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
    ("networks", "rates"),
    [
        ([1] * 10, (0.978, 0.912, 0.993, 0.949, 0.993, 0.951)),
        ([1] * 14, (0.941, 0.852, 0.968, 0.893, 0.969, 0.895)),
        ([1] * 16, (0.948, 0.862, 0.972, 0.900, 0.973, 0.902)),
        ([1] * 18, (0.914, 0.819, 0.945, 0.858, 0.947, 0.861)),
        ([2] * 8 + [1] * 2, (0.937, 0.847, 0.971, 0.898, 0.972, 0.901)),
        ([1] * 28, (0.858, 0.763, 0.893, 0.797, 0.895, 0.799)),
    ],
)
def test_the_table_holds(networks: list[int], rates: tuple[float, ...]) -> None:
    found = [
        rates_for_one(networks),
        rates_for_all(networks, "independent"),
        rates_for_all(networks, "worst"),
    ]
    assert [rate for each in found for rate in (each.unit, each.seed)] == pytest.approx(rates, abs=5e-4)


def test_too_few_units_have_no_power_at_any_rate() -> None:
    assert pass_rate([1] * 9, 1.0) == 0
    with pytest.raises(HarnessError, match="too few units: this zoo has 9"):
        rates_for_one([1] * 9)


def test_the_sentence_says_what_is_needed() -> None:
    assert power_sentence([1] * 14) == (
        "13 of 14 units must be won: to pass in 80% of zoos a measure must win a unit at a rate of 0.94 under one "
        "condition, 0.97 under all 3 (0.97 if they never fail together); its seeds, if independent within a unit, at "
        "0.85, 0.89 (0.90)"
    )


def test_the_sentence_says_what_is_asked_of_networks_with_several_units() -> None:
    assert power_sentence([2] * 8 + [1] * 2).startswith("16 of 18 units must be won, and one of each network: to pass ")
    assert power_sentence([2] * 14).startswith("23 of 28 units must be won, of 13 of 14 networks: to pass in 80% of ")


def test_with_one_seed_and_two_conditions_the_sentence_says_so() -> None:
    rate = rates_for_all([1] * 14, "independent", seeds=1, conditions=2).unit
    said = power_sentence([1] * 14, 1, 2)
    assert f", {rate:.2f} under all 2 (" in said and "seeds" not in said
    assert power_sentence([1] * 14, 3, 1).endswith(
        "0.94 under one condition; its seeds, if independent within a unit, at 0.85"
    )
