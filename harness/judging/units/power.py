"""How often must a measure win, a unit or a seed, to pass in most zoos?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.optimize import brentq
from scipy.stats import binom

from harness.judging.units.networks import networks_needed
from harness.judging.units.sign_test import check_units, needed

POWER = 0.8
CONDITIONS = 3

Together = Literal["independent", "worst"]
"""How conditions hang together: passed independently; or in whatever way makes passing all of them rarest."""


@dataclass(frozen=True)
class WinRates:
    """The least win rates with which a measure passes in the share `power` of zoos.

    `unit`: the chance to win a unit. `seed`: the chance of a seed whose neighbours in the unit are independent of it;
    seeds that always agree have to win as often as the unit.
    """

    unit: float
    seed: float


Networks = Sequence[int]
"""How many units each network has: one for each data set that it is trained on."""


def pass_rate(networks: Networks, unit_rate: float) -> float:
    """The chance to pass under one condition for a measure that wins each unit independently at this rate.

    Enough units have to be won, of enough networks.
    """
    least, of = needed(sum(networks)), networks_needed(len(networks))
    ways: Mapping[tuple[int, int], float] = {(0, 0): 1.0}  # (units won so far, networks they are of): how probable
    for units in networks:
        following: dict[tuple[int, int], float] = {}
        for (won, seen), probability in ways.items():
            for more in range(units + 1):
                key = won + more, seen + (more > 0)
                chance = math.comb(units, more) * unit_rate**more * (1 - unit_rate) ** (units - more)
                following[key] = following.get(key, 0.0) + probability * chance
        ways = following
    passing = [chance for (won, seen), chance in ways.items() if least is not None and won >= least and seen >= of]
    return math.fsum(passing)


def unit_win_rate(seed_rate: float, seeds: int = 3) -> float:
    """The chance that most of the seeds win, if each does independently at this rate: 3p² - 2p³ for three."""
    return float(binom.sf(seeds // 2, seeds, seed_rate))


def rates_for_one(networks: Networks, power: float = POWER, seeds: int = 3) -> WinRates:
    """For one condition. Raises HarnessError if no rate suffices, as there are too few units.

    of three seeds                 one condition       all, independent    all, at worst
    units   networks    needed     unit     seed       unit     seed       unit     seed
    10      10          10         0.978    0.912      0.993    0.949      0.993    0.951
    14      14          13         0.941    0.852      0.968    0.893      0.969    0.895
    16      16          15         0.948    0.862      0.972    0.900      0.973    0.902
    18      18          16         0.914    0.819      0.945    0.858      0.947    0.861
    18      10          16         0.937    0.847      0.971    0.898      0.972    0.901
    28      28          23         0.858    0.763      0.893    0.797      0.895    0.799

    (Of the 18 units of ten networks, eight networks have two each.)
    """
    check_units(sum(networks))
    unit = float(brentq(lambda rate: pass_rate(networks, rate) - power, 0, 1, xtol=1e-12))
    return WinRates(unit, float(brentq(lambda rate: unit_win_rate(rate, seeds) - unit, 0, 1, xtol=1e-12)))


def rates_for_all(
    networks: Networks, together: Together, power: float = POWER, seeds: int = 3, conditions: int = CONDITIONS
) -> WinRates:
    """For all conditions, three of them, at the same rate in each.

    Independent conditions must each be passed in power^(1/3) of zoos; in the worst case, where at most one of them
    fails in any zoo, in 1 - (1 - power) / 3. Were they always passed together, the rates for one would do.
    """
    each = power ** (1 / conditions) if together == "independent" else 1 - (1 - power) / conditions
    return rates_for_one(networks, each, seeds)


def power_sentence(networks: Networks, seeds: int = 3, conditions: int = CONDITIONS) -> str:
    """What a measure needs to pass in POWER of all zoos, as a run prints it. `seeds`: the fewest that a unit has.

    >>> print(power_sentence([1] * 14))
    13 of 14 units must be won: to pass in 80% of zoos a measure must win a unit at a rate of 0.94 under one ...
    >>> print(power_sentence([2] * 10))
    18 of 20 units must be won, and one of each network: to pass in 80% of zoos a measure must win a unit at a ...
    """
    units, one = sum(networks), rates_for_one(networks, seeds=seeds)
    free, worst = (
        rates_for_all(networks, together, seeds=seeds, conditions=conditions) for together in ("independent", "worst")
    )
    said = (
        f"{needed(units)} of {units} units must be won{_of_networks(networks)}: to pass in {POWER:.0%} of zoos a "
        f"measure must win a unit at a rate of {one.unit:.2f} under one condition"
    )
    several = conditions > 1
    said += (
        f", {free.unit:.2f} under all {conditions} ({worst.unit:.2f} if they never fail together)" if several else ""
    )
    if seeds == 1:
        return said
    of_seeds = f", {free.seed:.2f} ({worst.seed:.2f})" if several else ""
    return f"{said}; its seeds, if independent within a unit, at {one.seed:.2f}{of_seeds}"


def _of_networks(networks: Networks) -> str:
    """What is asked of networks beside units; nothing where each is one unit."""
    if len(networks) == sum(networks):
        return ""
    least = networks_needed(len(networks))
    return ", and one of each network" if least == len(networks) else f", of {least} of {len(networks)} networks"
