"""The gate of a record: its verdicts as the judge has them, the worst of them, and what they are without one unit."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.judging.units.condition import ConditionVerdict
from harness.judging.units.decision import UnitDecision
from harness.judging.units.headline import worst
from harness.judging.units.networks import enough
from harness.zoo.zoo import GATE

WITHOUT_COUNTS = ("error", "timeout", "not_applicable")
"""Statuses of which no count of units says anything."""

NUMBERS = (
    *("verdict", "won", "lost", "p_value", "p_inverted", "p_heterogeneity"),
    *("wins", "ties", "losses", "pairs", "auc", "auc_interval", "kendall_tau"),
)


def verdicts_of(suites: Mapping[str, Mapping[str, Any]]) -> list[ConditionVerdict]:
    """The verdicts under each condition of a record of this protocol, in the order of the gate."""
    return [
        ConditionVerdict(
            condition,
            suites[condition]["verdict"],
            tuple(UnitDecision.from_json(unit) for unit in suites[condition]["units"]),
            suites[condition]["p_value"],
            suites[condition]["p_inverted"],
            suites[condition]["p_heterogeneity"],
        )
        for condition in GATE
        if condition in suites
    ]


def gate_of(suites: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the leaderboard has of each condition: the numbers, and how many units there are (None where twins were the
    witnesses)."""
    return {
        condition: {name: suite[name] for name in NUMBERS}
        | {"units": len(suite["units"]) if suite["won"] is not None else None}
        for condition, suite in suites.items()
    }


def headline_of(verdicts: Sequence[ConditionVerdict]) -> dict[str, Any] | None:
    """The worst condition with its count, and how it depends on single units; None without verdicts.

    `interval`: the fewest and the most units won under that condition, when one is left out. `passes_without`: so many
    units can be left out, one at a time, and the gate is passed by those that remain, at the same significance. (Of 13
    units all must be won, where of 14 one may be lost: with a unit lost no other can be left out.)
    """
    if not verdicts:
        return None
    low = worst(verdicts)
    won = [low.won - (unit.decision == "won") for unit in low.units]
    counts = low.status not in WITHOUT_COUNTS
    return {
        "condition": low.condition,
        "verdict": low.status,
        "won": low.won if counts else None,
        "lost": low.lost if counts else None,
        "units": len(low.units),
        "interval": [min(won), max(won)] if counts else None,
        "passes_without": len(passes_without(verdicts)),
    }


def passes_without(verdicts: Sequence[ConditionVerdict]) -> list[str]:
    """The units without which all conditions are passed."""
    kept = [unit.unit for unit in verdicts[0].units]
    return [str(unit) for unit in kept if all(_passes_without(verdict, unit) for verdict in verdicts)]


def _passes_without(verdict: ConditionVerdict, unit: Any) -> bool:
    others = [each for each in verdict.units if each.unit != unit]
    return verdict.status not in WITHOUT_COUNTS and enough(others)
