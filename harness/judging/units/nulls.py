"""How often does a measure pass that knows nothing? Coins, alone and in company.

Simulated over 1,000,000 zoos of three conditions by `passing`, in parts per thousand that pass one condition, and all,
every unit being a network of its own:

                                          10 units         14 units         18 units
                                          one     all      one     all      one     all
    a coin a seed                         0.99    0        0.91    0        0.65    0
    a coin a unit                         0.99    0        0.92    0        0.65    0
    correlated 0.47 within a unit         0.97    0        0.92    0        0.64    0
    a coin a unit, alike in conditions    1.00    1.00     0.89    0.89     0.66    0.66
    correlated 0.64, alike in conditions  0.98    0.98     0.93    0.93     0.70    0.70

By the binomial it is 0.98, 0.92 and 0.66 under one condition for all of them, as each wins a unit with probability one
half (standard error of the simulation: 0.03, and 0.02 where conditions differ). All three together are passed in less
than a billionth of zoos or, where conditions are alike, as often as one.

Not covered: a coin that is alike in all units, which passes in half of the zoos; and seeds so arranged that two of
three win more often than their own rate of one half suggests (decision.py), at most in 3/4 of the units: then 13 of 14
come up in 10% of zoos.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from harness.judging.units.power import CONDITIONS
from harness.judging.units.sign_test import check_units, needed

Null = Callable[[np.random.Generator, tuple[int, int, int, int]], np.ndarray]
"""From a generator and (zoos, conditions, units, seeds) to whether each seed's randomized twin is larger."""

BATCH = 20_000


class Passing(NamedTuple):
    """Share of zoos in which a condition is passed, the mean over conditions, and of those that pass all."""

    one: float
    all: float


def coin_a_seed(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Each seed wins by a coin of its own."""
    return rng.random(shape) < 0.5


def coin_a_unit(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """One coin for all seeds of a unit, another for each condition."""
    zoos, conditions, units, _ = shape
    return np.broadcast_to(rng.random((zoos, conditions, units, 1)) < 0.5, shape)


def correlated(correlation: float) -> Null:
    """Seeds win at a rate that is drawn for each unit, so that two of them correlate by this much.

    The rate is Beta(a, a) with a = (1 / correlation - 1) / 2: the wins of a unit are beta-binomial.
    """
    a = (1 / correlation - 1) / 2

    def draw(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
        rates = rng.beta(a, a, size=(*shape[:-1], 1))
        return rng.random(shape) < rates

    return draw


def alike(null: Null) -> Null:
    """The same null with the same outcome in every condition, as a network has its own history in each."""

    def draw(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
        zoos, _, units, seeds = shape
        return np.broadcast_to(null(rng, (zoos, 1, units, seeds)), shape)

    return draw


def passing(
    null: Null, units: int, zoos: int, *, seeds: int = 3, conditions: int = CONDITIONS, generator_seed: int = 0
) -> Passing:
    """In what share of simulated zoos the null passes. Raises HarnessError if the units are too few to pass at all."""
    check_units(units)
    least = needed(units) or units
    rng = np.random.default_rng(generator_seed)
    one = both = 0.0
    for start in range(0, zoos, BATCH):
        wins = null(rng, (min(BATCH, zoos - start), conditions, units, seeds))
        won = (2 * wins.sum(axis=-1) > seeds).sum(axis=-1)  # (zoos, conditions)
        passed = won >= least
        one += float(passed.mean(axis=1).sum())
        both += float(passed.all(axis=1).sum())
    return Passing(one / zoos, both / zoos)
