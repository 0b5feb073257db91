"""Does a source's claim about random labels hold on a data set?

A measure separates random labels on a data set if it wins so many of its units that a fair coin for each would win as
many in less than LEVEL of cases: 5 of 5, 6 of 6, 7 of 7, 7 of 8, 9 of 10. That is far below the gate, which no zoo of
so few units could pass: of many claims a few hold by chance. A claim that a measure separates holds where it does; a
claim that it does not, where it does not, which few units make easy. Units on which the measure has no value say
nothing of a claim, where the gate counts them as not won; with fewer than five others nothing is said.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.judging.twin_statistics import sign_test
from harness.judging.units.decision import UnitDecision
from harness.leaderboard.across.witnessed import Measured
from harness.leaderboard.claimed.claims_file import Claimed

CONDITION = "random_labels"
LEVEL = 0.05
CLAIMS = ("separates", "does not separate")
"""What a source may claim; `nothing` and `unknown` are not claims."""


def separated(won: int, units: int) -> bool | None:
    """Are so many of a data set's units won that chance hardly does it? None where no count would be."""
    if not units or sign_test(units, units) >= LEVEL:
        return None
    return sign_test(won, units) < LEVEL


def holds(says: str, won: int, units: int) -> bool | None:
    """None for what is not a claim, and where the units are too few."""
    found = separated(won, units)
    return None if says not in CLAIMS or found is None else found == (says == CLAIMS[0])


def claims_found(claims: Mapping[str, Claimed], measures: Iterable[Measured]) -> dict[str, Any]:
    """What the leaderboard has of claims: each with what was found by data set, and how many hold on each.

    Controls have claims and are counted nowhere.
    """
    recorded = {measure.measure: measure for measure in measures}
    told = {
        name: {**vars(claim), "found": _found(claim.says, recorded[name]) if name in recorded else {}}
        for name, claim in sorted(claims.items())
    }
    data_sets = dict.fromkeys(data_set for each in told.values() for data_set in each["found"])
    return {"measures": told, "data_sets": {name: _counted(told.values(), name) for name in sorted(data_sets)}}


def _found(says: str, measure: Measured) -> dict[str, dict[str, Any]]:
    by_data_set: dict[str, list[UnitDecision]] = {}
    for unit, decided in measure.decisions.get(CONDITION, {}).items():
        by_data_set.setdefault(unit.setting, []).append(decided)
    return {data_set: _told(says, units) for data_set, units in by_data_set.items()}


def _told(says: str, units: Sequence[UnitDecision]) -> dict[str, Any]:
    decisions = [unit.decision for unit in units if unit.known]
    won = decisions.count("won")
    counts = {"won": won, "lost": decisions.count("lost"), "units": len(decisions)}
    return {**counts, "without_value": len(units) - len(decisions), "holds": holds(says, won, len(decisions))}


def _counted(told: Iterable[Mapping[str, Any]], data_set: str) -> dict[str, dict[str, int]]:
    """Of each kind of claim whose measure is recorded on the data set: how many, how many hold, how many cannot say."""
    every = [each for each in told if data_set in each["found"]]
    counts = {}
    for kind in CLAIMS:
        answers = [each["found"][data_set]["holds"] for each in every if each["says"] == kind]
        counts[kind] = {"claims": len(answers), "hold": answers.count(True), "too_few_units": answers.count(None)}
    return counts
