"""Is a unit won, lost, or neither? Its seeds decide, and a difference that means nothing decides nothing."""

import functools
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from harness.judging.twin_statistics import Pairs

TIE = 0.01
"""A difference below this part of the measure's spread over training seeds is a tie."""
ON_THE_WAY = 0.001
"""Beside other twins, so is one below this part of the way from natural to randomized data."""


Decision = Literal["won", "lost", "neither"]


class Unit(NamedTuple):
    """A network in a data setting: the witness that a verdict counts. `setting` is "" where a zoo has but one."""

    setting: str
    network: str

    def __str__(self) -> str:
        return f"{self.network} on {self.setting}" if self.setting else self.network


@dataclass(frozen=True)
class UnitDecision:
    """What the seeds of one unit say.

    `wins`: seeds whose randomized twin is larger by more than a tie; `ties` and `losses` likewise; `seeds`: all of
    them. A seed without both values is none of the three. `decision`: "won" ("lost") where wins (losses) are more than
    half of all seeds, else "neither".
    """

    unit: Unit
    wins: int
    ties: int
    losses: int
    seeds: int

    @property
    def decision(self) -> Decision:
        if 2 * self.wins > self.seeds:
            return "won"
        return "lost" if 2 * self.losses > self.seeds else "neither"

    @property
    def known(self) -> int:
        """Seeds with both values."""
        return self.wins + self.ties + self.losses

    def to_json(self) -> dict[str, Any]:
        """`decision` is in it for those who read it; it follows from the counts."""
        counts = {"wins": self.wins, "ties": self.ties, "losses": self.losses, "seeds": self.seeds}
        return {"setting": self.unit.setting, "network": self.unit.network, **counts, "decision": self.decision}

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> "UnitDecision":
        unit = Unit(fields["setting"], fields["network"])
        return UnitDecision(unit, *(fields[name] for name in ("wins", "ties", "losses", "seeds")))


def decide(unit: Unit, pairs: Pairs, least: float = 0.0) -> UnitDecision:
    """The decision of a unit from the (natural, randomized) values of its seeds. A difference below `least` is a tie,
    too.

    A null wins a unit with probability 1/2 at most. The null hypothesis: exchanging natural and randomized values in
    all seeds of the unit together leaves their joint distribution as it is; a measure that does not know which twin is
    the randomized one cannot tell the two cases apart. Dependence between seeds may be of any kind. Proof: the
    exchange turns each difference into its negative and keeps the limit of a tie, so it turns "won" into "lost";
    hence P(won) = P(lost), and as they exclude each other, P(won) <= 1/2. Ties and missing values only lower it.

    Less would not do: seeds that each win with probability 1/2 need not be exchangeable. If exactly two of three win
    in three quarters of the units and none in the others, each seed wins in half and the unit in 3/4, which is the
    most by Markov's inequality: P(2 wins or more) <= E(wins) / 2. With independent seeds that win with probability
    p <= 1/2 it is 3p² - 2p³ <= 1/2.

    An even number of seeds may split, which is "neither": valid, but an odd one wins more. Raises ValueError without
    seeds.

    >>> decide(Unit("digits", "mlp_1x512"), [(1.0, 2.0), (1.5, 2.5), (2.0, 1.0)]).decision
    'won'
    """
    if not pairs:
        raise ValueError(f"{unit} has no seeds; its decision is that of most of them")
    limit = max(tie_limit(pairs), least)
    differences = [b / 2 - a / 2 for a, b in pairs if a is not None and b is not None]  # halves: no overflow
    wins = sum(difference > 0 and difference >= limit / 2 for difference in differences)
    losses = sum(difference < 0 and -difference >= limit / 2 for difference in differences)
    return UnitDecision(unit, wins, len(differences) - wins - losses, losses, len(pairs))


def tie_limit(pairs: Pairs) -> float:
    """TIE times the spread: the smaller of two standard deviations over seeds, of natural and of randomized values.

    The smaller one, because one diverging model must not turn the wins of the other seeds into ties. A side with
    fewer than two values has no standard deviation and the other side's counts; if neither has one the limit is 0.
    It is 0 too where one side never changes (a constant, a count). At 0 only equal values tie; at more than 0 they do
    as well. From three seeds the spread is known roughly (half of what it is, or double), which matters little at a
    hundredth of it.

    Of the catalogue's twins under the gate's conditions on CIFAR-10 and on an earlier digits zoo, taken three seeds of
    a network at a time, 23 of 61,830 become ties (of three measures) and 3 of 20,610 units change; the pooled standard
    deviation gives 30 and 3.
    """
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    spreads = [_deviation(tuple(value for value in values if value is not None)) for values in sides]
    return TIE * min((spread for spread in spreads if spread is not None), default=0.0)


def scaled_limit(pairs: Pairs) -> float:
    """A tie beside the gate's twins, of which these are the (natural, randomized) values: among networks that share
    their data, or of one network of which a part is hidden.

    At least ON_THE_WAY times the median distance of the gate's twins. A statistic of the data that is rounded, or
    counts, has no spread over seeds; with an epsilon of the network added to it, the spread is the epsilon's, and so
    would be the limit: what the network contributes would count however little it is. Of the 224 records of the digits
    the limit is another in 3 so far that a number changes, and in none an outcome.
    """
    ways = [abs(b / 2 - a / 2) for a, b in pairs if a is not None and b is not None]  # halves: no overflow
    way = statistics.median(ways) if ways else 0.0
    return max(tie_limit(pairs), 2 * ON_THE_WAY * way)


@functools.lru_cache(1024)  # the gate's twins are the scale of every intervention, and exact sums take long
def _deviation(values: tuple[float, ...]) -> float | None:
    """Standard deviation by n - 1, of values of any size; None of fewer than two."""
    if len(values) < 2:
        return None
    exponent = math.frexp(max(map(abs, values)))[1]  # scaled exactly, so that no square overflows or vanishes
    scaled = statistics.stdev(math.ldexp(value, -exponent) for value in values)
    try:
        return math.ldexp(scaled, exponent)
    except OverflowError:
        return math.inf
