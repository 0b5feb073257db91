"""Do fresh twins say of a measure what was recorded of it? One that remembers a zoo's own networks passes there alone.

A record and fresh twins have the same units, so that each unit is compared with itself.

How 103 measures of the catalogue fare, those of less than 0.03 s a value, on digits and on its fresh twins 7: 4,135 of
4,326 decisions and 283 of 309 verdicts are the same. Of 16 that pass on the zoo 15 pass there; the other one won 13
units under gaussian, and then 12. The p-value is below 0.05 for one of them, `power_law_alpha` (0.027).
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.judging.units.condition import Status
from harness.judging.units.decision import Unit, UnitDecision

SCORES = {"won": 1, "neither": 0, "lost": -1}


class Judged(Protocol):
    """What is compared of a verdict under one condition."""

    @property
    def status(self) -> Status: ...
    @property
    def units(self) -> tuple[UnitDecision, ...]: ...


@dataclasses.dataclass(frozen=True)
class Recorded:
    """Verdicts on the zoo itself by condition; without any, `missing` says why. `note`: what else is to be known."""

    verdicts: Mapping[str, Judged] = dataclasses.field(default_factory=dict)
    missing: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How the verdicts on fresh twins compare with those recorded, under the conditions that both have.

    - `number`: of the fresh twins. `missing`: why there is nothing to compare with; "" if there is.
    - `statuses`: (recorded, fresh) by condition. `same`: decisions of units that are as recorded, of `decisions`.
    - `fewer`, `more`: of the `units`, those that did worse, and better, than recorded, all conditions together.
    - `p_value`: of their difference (`exchanged`); it decides nothing.

    >>> from harness import judge
    >>> print(judge("parameter_count", fresh=7).agreement)
    parameter_count on fresh twins 7: all 3 verdicts are as recorded, and 54 of 54 decisions of units; ...
    """

    measure: str
    number: int
    missing: str = ""
    statuses: Mapping[str, tuple[Status, Status]] = dataclasses.field(default_factory=dict)
    same: int = 0
    decisions: int = 0
    units: int = 0
    fewer: int = 0
    more: int = 0
    p_value: float = math.nan
    note: str = ""

    @property
    def changed(self) -> tuple[str, ...]:
        """The conditions whose verdict is not as recorded."""
        return tuple(name for name, (recorded, fresh) in self.statuses.items() if recorded != fresh)

    @property
    def lost(self) -> tuple[str, ...]:
        """The conditions under which it is recorded as passing and does not pass: nothing else fails a run."""
        return tuple(name for name in self.changed if self.statuses[name][0] == "separates")

    def __str__(self) -> str:
        begin = f"{self.measure} on fresh twins {self.number}: "
        if self.missing:
            return f"{begin}compared with nothing: {self.missing}"
        count = len(self.statuses)
        every = "its one verdict is" if count == 1 else f"all {count} verdicts are"
        verdicts = f"{count - len(self.changed)} of {count} verdicts are" if self.changed else every
        changed = "".join(f"; {_words(name)} {_change(*self.statuses[name])}" for name in self.changed)
        note = f"; {self.note}" if self.note else ""
        return (
            f"{begin}{verdicts} as recorded, and {self.same} of {self.decisions} decisions of units{changed}; "
            f"worse than recorded in {self.fewer} of {self.units} units, better in {self.more} (exact test p = "
            f"{self.p_value:.2g}){note}"
        )


def agreement_of(measure: str, number: int, recorded: Recorded, fresh: Mapping[str, Judged]) -> Agreement:
    """How verdicts by condition on fresh twins compare with what was recorded."""
    both = [name for name in fresh if name in recorded.verdicts]
    if not both:
        missing = recorded.missing or "its record has no verdict on what was judged"
        return Agreement(measure, number, missing)
    decided = [
        (unit, before, after)
        for name in both
        for unit, (before, after) in _pairs(recorded.verdicts[name], fresh[name]).items()
    ]
    moved: dict[Unit, int] = {}
    for unit, before, after in decided:
        moved[unit] = moved.get(unit, 0) + SCORES[after] - SCORES[before]
    return Agreement(
        measure=measure,
        number=number,
        statuses={name: (recorded.verdicts[name].status, fresh[name].status) for name in both},
        same=sum(before == after for _, before, after in decided),
        decisions=len(decided),
        units=len(moved),
        fewer=sum(change < 0 for change in moved.values()),
        more=sum(change > 0 for change in moved.values()),
        p_value=exchanged([*moved.values()]),
        note=recorded.note,
    )


def exchanged(differences: Sequence[int]) -> float:
    """Exact two-sided p-value of the sum of differences, one a unit: how often it is as far from 0, or farther, if each
    has its sign by chance.

    The null hypothesis: recorded and fresh seeds are draws of one kind, so that to exchange them within a unit, under
    all conditions together, changes no probability. Units have to be independent; conditions, which share natural
    networks, need not be. Where a unit is won or not under a single condition, this is McNemar's exact test.

    A measure that was recorded because it passed is expected to do a little worse on fresh seeds: that is not a draw of
    one kind, and a small p-value may say so. Counted in whole numbers.

    >>> exchanged([-1] * 5), exchanged([0, 0, 1])
    (0.0625, 1.0)
    """
    counts = {0: 1}
    for difference in (size for size in differences if size):
        following: dict[int, int] = {}
        for total, count in counts.items():
            for signed in (difference, -difference):
                following[total + signed] = following.get(total + signed, 0) + count
        counts = following
    observed = abs(sum(differences))
    return sum(count for total, count in counts.items() if abs(total) >= observed) / sum(counts.values())


def _pairs(recorded: Judged, fresh: Judged) -> dict[Unit, tuple[str, str]]:
    """The decisions on the units that both have."""
    before = {unit.unit: unit.decision for unit in recorded.units}
    return {unit.unit: (before[unit.unit], unit.decision) for unit in fresh.units if unit.unit in before}


def _change(recorded: Status, fresh: Status) -> str:
    return f"was recorded as {_words(recorded)}, here {_words(fresh)}"


def _words(name: str) -> str:
    return name.replace("_", " ")
