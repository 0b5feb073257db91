"""Who is dominated by whom: a partial order, as no number says which group weighs more.

One measure dominates another where it wins at least as many units under its worst condition, passes the gate if the
other does, passes at least as many findings of every group, and is better in one of these. Only measures of which the
same was asked are compared.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.leaderboard.gate import WITHOUT_COUNTS
from harness.leaderboard.groups import GROUPS, SUITES

Merits = tuple[int, ...]
"""Units won under the worst condition, whether the gate is passed, then findings passed, group by group."""

Asked = tuple[int, frozenset[tuple[str, str]]]
"""Units under the worst condition, and the findings that were asked, by suite and clause."""


def merits_of(standing: Mapping[str, Any]) -> tuple[Asked, Merits] | None:
    """What was asked of a measure, and what it achieved; None of one that nothing can be compared with."""
    headline, groups = standing["headline"], standing["groups"]
    if headline is None or groups is None or not standing["complete"]:
        return None
    parts = [groups[group] for group in GROUPS]
    clauses = {
        (suite, clause)
        for suite, found in standing["findings"].items()
        for clause, finding in found.items()
        if suite in SUITES and finding["passed"] is not None
    }
    asked = headline["units"], frozenset(clauses)
    won = -1 if headline["verdict"] in WITHOUT_COUNTS else headline["won"]
    return asked, (won, headline["verdict"] == "separates", *(part["passed"] if part else 0 for part in parts))


def dominates(one: Merits, other: Merits) -> bool:
    """At least as good in everything and better in something."""
    return one != other and all(mine >= theirs for mine, theirs in zip(one, other, strict=True))


def dominated_by(standings: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """For each measure that can be compared, those that dominate it, by name."""
    alike: dict[tuple[Asked, Merits], list[str]] = {}
    for standing in standings:
        if (merits := merits_of(standing)) is not None:
            alike.setdefault(merits, []).append(standing["measure"])
    better = {merits: _better(merits, alike) for merits in alike}  # of measures that are alike, once
    return {name: better[merits] for merits, names in alike.items() for name in names}


def _better(of: tuple[Asked, Merits], among: Mapping[tuple[Asked, Merits], Iterable[str]]) -> list[str]:
    asked, merits = of
    found = [names for (same, other), names in among.items() if same == asked and dominates(other, merits)]
    return sorted(name for names in found for name in names)
