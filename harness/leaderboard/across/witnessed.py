"""What records of several zoos say of units: for each measure, which of all their units it wins, loses, or neither.

A unit is a data set with one network. Where two zoos have the same, it stays one witness: the seeds of both decide it
together, each held to the limit of a tie of its own zoo. Exchanging natural and randomized values in all of them turns
won into lost, so what is proved of a unit (judging/units/decision.py) holds of it.
"""

import collections
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.judging.units.decision import Unit, UnitDecision
from harness.records.schema import CONTROLS, PROTOCOL

COUNTS_PARAMETERS = "parameter_count"
"""The control whose values are wanted, and not its verdict."""

FAILED = ("error", "timeout")

Decisions = Mapping[str, Mapping[Unit, UnitDecision]]
"""By condition."""


@dataclass(frozen=True)
class Witnessed:
    """What one record says: decisions of units by condition, without conditions under which the measure failed itself.

    `values`: of the measure that counts parameters, by the model's id; of all others none.
    """

    zoo: str
    measure: str
    version: int
    origin: str
    family: str
    decisions: Decisions
    values: Mapping[str, float]


@dataclass(frozen=True)
class Measured:
    """What the records of one measure say together, and of which zoos they are."""

    measure: str
    version: int
    family: str
    zoos: tuple[str, ...]
    decisions: Decisions


def witnessed(record: Mapping[str, Any]) -> Witnessed | None:
    """None for a record of another protocol, in which no unit is decided."""
    if record["protocol"] != PROTOCOL:
        return None
    decisions = {
        condition: {unit.unit: unit for unit in map(UnitDecision.from_json, suite["units"])}
        for condition, suite in record["suites"].items()
        if suite["verdict"] not in FAILED  # a measure that is not applicable wins none of the units
    }
    counts = record["measure"] == COUNTS_PARAMETERS and record["family"] == CONTROLS
    values = {name: value for name, (value, _) in record["rows"].items() if value is not None} if counts else {}
    about = {name: record[name] for name in ("measure", "version", "origin", "family")}
    return Witnessed(zoo=record["zoo"]["name"], **about, decisions=decisions, values=values)


def measured(records: Iterable[Witnessed]) -> list[Measured]:
    """Measures by name, controls left out.

    Records of another version, or of another measure of that name, are not added up: those that are of most units
    stand, of the newest version where they are as many.
    """
    alike: dict[str, dict[tuple[int, str], list[Witnessed]]] = {}
    for record in records:
        if record.family != CONTROLS:
            alike.setdefault(record.measure, {}).setdefault((record.version, record.origin), []).append(record)
    chosen = {
        name: max(groups.items(), key=lambda group: (_units(group[1]), group[0])) for name, groups in alike.items()
    }
    return [_joined(found) for _, (_, found) in sorted(chosen.items())]


def _units(records: Sequence[Witnessed]) -> int:
    return len({unit for record in records for decisions in record.decisions.values() for unit in decisions})


def _joined(records: Sequence[Witnessed]) -> Measured:
    ordered = sorted(records, key=lambda record: record.zoo)
    conditions = dict.fromkeys(condition for record in ordered for condition in record.decisions)
    decisions = {
        condition: joined(unit for record in ordered for unit in record.decisions.get(condition, {}).values())
        for condition in conditions
    }
    first = ordered[0]
    return Measured(first.measure, first.version, first.family, tuple(record.zoo for record in ordered), decisions)


def joined(decisions: Iterable[UnitDecision]) -> dict[Unit, UnitDecision]:
    """One decision for each unit, of the seeds of all zoos that have it."""
    counts: dict[Unit, collections.Counter[str]] = {}
    for each in decisions:
        found = {"wins": each.wins, "ties": each.ties, "losses": each.losses, "seeds": each.seeds}
        counts.setdefault(each.unit, collections.Counter()).update(found)
    return {unit: UnitDecision(unit, **{name: found[name] for name in NAMES}) for unit, found in counts.items()}


NAMES = ("wins", "ties", "losses", "seeds")
