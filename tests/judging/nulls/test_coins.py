"""Coins of every kind through the judge: how often they pass is what can be counted by hand."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.judging.nulls.coins import SHARED, coins, signed_gap
from harness.judging.nulls.passing import GATE, passed, statuses, witnesses_of_gate
from harness.judging.units.witnesses import unit_of
from tests.builders.constructed_zoo import DIGITS, gap
from tests.judging.nulls.made import gate, material

NETWORK = "a coin a network, the same on all data sets"
DATA_SET = "a coin a data set, the same for all networks"


class Tosses:
    """A generator whose coins are known."""

    def __init__(self, signs: Sequence[float]):
        self.signs = signs

    def choice(self, sides: Any, size: int) -> np.ndarray:
        assert size == len(self.signs)
        return np.array(self.signs)


def tosses_that_pass(name: str, coins: int) -> int:
    """Of all ways in which so many coins can fall, how many pass the gate; each condition says the same."""
    found, witnesses, through = material(), witnesses_of_gate(DIGITS), 0
    for signs in itertools.product((-1.0, 1.0), repeat=coins):
        values = signed_gap(found, SHARED[name], Tosses(signs))  # type: ignore[arg-type]
        (status,) = {*statuses(values, witnesses).values()}
        through += status == "separates"
    return through


def test_a_coin_a_network_passes_in_1_of_1024_tosses() -> None:
    """All of ten networks must be won. By units alone, of which two may be lost, it would be 12: all ten, nine (10
    ways), or all but the two that have one unit each."""
    assert tosses_that_pass(NETWORK, coins=10) == 1


def test_a_coin_a_data_set_passes_in_1_of_4_tosses() -> None:
    assert tosses_that_pass(DATA_SET, coins=2) == 1


@pytest.mark.parametrize("number", [0, 1])
def test_a_coin_a_model_and_a_coin_a_unit_pass_the_gate_in_none_of_100_draws(number: int) -> None:
    """At 0.00049 a unit's coin comes up in one of twenty runs of another seed; a model's in none."""
    found = passed(material(), [coins(material())[number]], [], draws=100)
    assert found.gate[GATE].passed == 0 and found.gate[GATE].of == 100


def test_one_coin_decides_all_that_shares_it_and_nothing_else() -> None:
    """Values are the gap's but for their sign; units have signs of their own, both of them."""
    values = coins(material())[1].draw(np.random.default_rng(0))
    signs = {unit_of(recipe): set() for recipe in gate()}  # type: ignore[var-annotated]
    for recipe in gate():
        assert abs(values[recipe]) == abs(gap(recipe))
        signs[unit_of(recipe)].add(values[recipe] / gap(recipe))
    assert all(len(found) == 1 for found in signs.values())
    assert {sign for found in signs.values() for sign in found} == {-1.0, 1.0}


def test_a_draw_is_repeatable_and_another_one_is_another() -> None:
    for null in coins(material()):
        one, same, other = (null.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert one == same != other
