"""Measures that know nothing, at small size, and the judge itself on some of them."""

import numpy as np
import pytest
from scipy.stats import binom

from harness.errors import HarnessError
from harness.judging.units.condition import judge_condition
from harness.judging.units.decision import Unit, decide
from harness.judging.units.nulls import Null, alike, coin_a_seed, coin_a_unit, correlated, passing
from harness.judging.units.sign_test import needed

NULLS: dict[str, Null] = {
    "a coin a seed": coin_a_seed,
    "a coin a unit": coin_a_unit,
    "a coin a unit, alike in conditions": alike(coin_a_unit),
    "correlated within units": correlated(0.47),
    "correlated within units, alike in conditions": alike(correlated(0.64)),
}


@pytest.mark.parametrize("name", NULLS)
def test_no_null_passes_a_condition_in_more_than_one_zoo_of_a_thousand(name: str) -> None:
    """Of 20,000 zoos about 18; at 20 with four standard errors more a null would pass too often."""
    found = passing(NULLS[name], units=14, zoos=20_000)
    assert found.one <= 0.001 + 4 * (0.001 / 20_000) ** 0.5
    assert found.all == (pytest.approx(found.one) if "alike" in name else 0)


def test_coins_pass_the_gate_in_none_of_a_thousand_zoos() -> None:
    assert passing(coin_a_seed, units=14, zoos=1000).all == 0


@pytest.mark.parametrize("name", NULLS)
def test_seeds_win_half_of_the_time_and_agree_as_much_as_they_should(name: str) -> None:
    wins = NULLS[name](np.random.default_rng(0), (2000, 3, 10, 3))
    assert wins.shape == (2000, 3, 10, 3)
    assert abs(wins.mean() - 0.5) < 0.02
    within = np.corrcoef(wins[..., 0].ravel(), wins[..., 1].ravel())[0, 1]
    expected = {
        "a coin a seed": 0,
        "correlated within units": 0.47,
        "correlated within units, alike in conditions": 0.64,
    }
    assert abs(within - expected.get(name, 1)) < 0.03
    between_conditions = np.corrcoef(wins[:, 0].ravel(), wins[:, 1].ravel())[0, 1]
    assert abs(between_conditions - ("alike" in name)) < 0.03


def test_what_wins_more_often_than_a_coin_passes_as_the_binomial_says() -> None:
    """So that the simulation can count what does pass."""

    def good(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
        return rng.random(shape) < 0.85

    found = passing(good, units=14, zoos=5000)
    expected = binom.sf((needed(14) or 0) - 1, 14, 3 * 0.85**2 - 2 * 0.85**3)
    assert abs(found.one - expected) < 0.02
    assert abs(found.all - expected**3) < 0.03


@pytest.mark.parametrize("name", NULLS)
def test_the_simulation_counts_what_the_judge_says(name: str) -> None:
    """With ten units and coins that are bent enough for both outcomes."""

    def bent(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
        return NULLS[name](rng, shape) | (rng.random(shape) < 0.9)

    wins = bent(np.random.default_rng(0), (100, 1, 10, 3))
    judged = []
    for zoo in wins[:, 0]:
        units = [decide(Unit("", str(n)), [(0.0, 1.0 if won else -1.0) for won in unit]) for n, unit in enumerate(zoo)]
        judged.append(judge_condition("gaussian", units).passes)
    assert 0 < sum(judged) < 100
    assert passing(bent, units=10, zoos=100, conditions=1).one == np.mean(judged)


def test_one_coin_for_all_units_passes_in_half_of_the_zoos() -> None:
    """Units have to be independent: this is what the test cannot hold."""

    def one_coin(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
        return np.broadcast_to(rng.random((shape[0], 1, 1, 1)) < 0.5, shape)

    assert abs(passing(one_coin, units=14, zoos=2000).all - 0.5) < 0.05


def test_too_few_units_are_refused() -> None:
    with pytest.raises(HarnessError, match="too few units: this zoo has 9"):
        passing(coin_a_seed, units=9, zoos=10)
