"""Do units differ in how often they are won, by more than one common rate explains?"""

import functools
import math
from collections.abc import Sequence

import numpy as np

LEVEL = 0.01
"""At or below this p-value units differ."""
STATES = 20_000
"""So many (wins, statistic) are counted at most at any unit."""
DRAWS = 99_999


def heterogeneity(wins: Sequence[int], seeds: Sequence[int]) -> float:
    """Exact p-value of the wins of each unit among its seeds, against one common win rate; a tie is not a win.

    Given the number of wins in all, the wins of units with a common rate and independent seeds are multivariate
    hypergeometric, whatever the rate: all ways of choosing the winning seeds among all seeds are equally likely. The
    statistic is Pearson's chi-squared, which given the total orders like the sum over units of wins² / seeds; the
    p-value is the share of ways with a statistic as large or larger. It is counted in whole numbers, without rounding;
    where units have too many different numbers of seeds for that, it is estimated by DRAWS such ways, with a standard
    error of 0.0003 at LEVEL.

    What is found may be a network that differs, or seeds that depend on each other within the unit: both are reasons
    not to speak of the measure on networks in general.

    How often p <= 0.01 with three seeds a unit, computed exactly over all outcomes; and how often the status is
    `depends_on_the_network` (condition.py), which a measure that passes, or passes the wrong way round, never gets:

        all units win a seed at rate                0.5      0.7      0.9
        10 units    p <= 0.01                       0.0031   0.0041   0.0026
                    depends_on_the_network          0.0031   0.0041   0.0026
        14 units    p <= 0.01                       0.0066   0.0044   0.0020
                    depends_on_the_network          0.0066   0.0044   0.0008

        half of the units win a seed at rate        1        0.95     0.9      0.8
        and the others at                           0        0.05     0.1      0.2
        10 units    depends_on_the_network          1        0.96     0.73     0.21
        14 units    depends_on_the_network          1        1.00     0.93     0.42

        others win at 0.95, at 0.05 only units      1        2        3
        10 units    depends_on_the_network          0.54     0.80     0.94
        14 units    depends_on_the_network          0.04     0.84     0.95

    (One unit of 14 that always loses does not keep a measure from passing.)

    Raises ValueError if a unit wins more often than it has seeds.

    >>> heterogeneity([3, 3, 0, 0], [3, 3, 3, 3])  # 6 of the 924 ways to place six wins
    0.006493506493506494
    """
    units = sorted(zip(wins, seeds, strict=True))
    if strange := [(won, of) for won, of in units if not 0 <= won <= of or of < 1]:
        raise ValueError(f"a unit has {strange[0][0]} wins of {strange[0][1]} seeds; wins lie between 0 and its seeds")
    return _p_value(tuple(units))


@functools.lru_cache(maxsize=10_000)
def _p_value(units: tuple[tuple[int, int], ...]) -> float:
    common = math.lcm(*(seeds for _, seeds in units))
    weights = [common // seeds for _, seeds in units]
    total = sum(won for won, _ in units)
    observed = sum(won * won * weight for (won, _), weight in zip(units, weights, strict=True))
    ways = {(0, 0): 1}  # (wins so far, statistic so far): in how many ways
    for (_, seeds), weight in zip(units, weights, strict=True):
        following: dict[tuple[int, int], int] = {}
        for (before, statistic), number in ways.items():
            for won in range(min(seeds, total - before) + 1):
                key = before + won, statistic + won * won * weight
                following[key] = following.get(key, 0) + number * math.comb(seeds, won)
        if len(following) > STATES:
            return _estimated(units)
        ways = following
    extreme = sum(number for (won, statistic), number in ways.items() if won == total and statistic >= observed)
    return extreme / math.comb(sum(seeds for _, seeds in units), total)


def _estimated(units: tuple[tuple[int, int], ...]) -> float:
    """The share among drawn ways and the observed one."""
    wins, seeds = (np.array(column) for column in zip(*units, strict=True))
    generator = np.random.default_rng(0)
    drawn = generator.multivariate_hypergeometric(seeds, int(wins.sum()), size=DRAWS, method="marginals")
    statistics, observed = (drawn**2 / seeds).sum(axis=1), float((wins**2 / seeds).sum())
    return float(1 + (statistics >= observed * (1 - 1e-12)).sum()) / (1 + DRAWS)
