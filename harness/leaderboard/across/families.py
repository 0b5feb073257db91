"""How many units a family of measures wins: of each unit, the share of its measures; of a data set, of its units."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.judging.units.decision import Unit, UnitDecision
from harness.leaderboard.across.witnessed import Measured

ALL = "all measures"
"""Every measure of every family, as if they were one."""


@dataclass(frozen=True)
class Won:
    """Of one data set's units under one condition: the shares that the family's median measure wins and loses, and the
    mean share won. Where measures of a family fall apart, half of them winning all, the mean tells and the median not.
    """

    measures: int
    units: int
    median_won: float
    median_lost: float
    mean_won: float


def by_family(measures: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Families by name, after ALL."""
    families: dict[str, list[Measured]] = {ALL: list(measures)} if measures else {}
    for measure in sorted(measures, key=lambda measure: measure.family):
        families.setdefault(measure.family, []).append(measure)
    return families


def recorded_alike(family: Sequence[Measured]) -> list[Measured]:
    """Those recorded on every zoo that any of the family is. Units are compared by the shares of these that win them:
    of measures that a zoo has and another has not (those that pass elsewhere, say) the difference would be the choice.
    """
    zoos = {zoo for measure in family for zoo in measure.zoos}
    return [measure for measure in family if zoos <= {*measure.zoos}]


def share_winning(family: Iterable[Measured], unit: Unit, condition: str) -> float | None:
    """The share of the family's measures recorded on the unit that win it; None where there are none.

    A measure without a value on the unit does not win it.
    """
    decided = [each.decisions[condition][unit] for each in family if unit in each.decisions.get(condition, {})]
    return sum(each.decision == "won" for each in decided) / len(decided) if decided else None


def won_on(family: Iterable[Measured], data_set: str, condition: str) -> Won | None:
    """What the family's measures win of a data set's units; None where none is recorded."""
    shares: list[tuple[float, float]] = []
    seen: set[Unit] = set()
    for measure in family:
        units = [each for unit, each in measure.decisions.get(condition, {}).items() if unit.setting == data_set]
        if units:
            shares.append((_share(units, "won"), _share(units, "lost")))
            seen |= {each.unit for each in units}
    if not shares:
        return None
    won, lost = zip(*shares, strict=True)
    return Won(len(shares), len(seen), statistics.median(won), statistics.median(lost), statistics.fmean(won))


def _share(units: Sequence[UnitDecision], decision: str) -> float:
    return sum(unit.decision == decision for unit in units) / len(units)
