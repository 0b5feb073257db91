"""What a measure was found to be beyond the gate, in six groups: they ask for different things and are never added up.

Questions of one group move together (the two doses, say), so a sum over all of them counts one thing several times.
"""

from collections.abc import Mapping
from typing import Any

from harness.records.tables import READS

NEEDS_THE_NETWORK = ("needs_the_network", "needs_network_and_history")
"""What the suite says of a measure that cannot separate twins without what was learnt."""

ROLES = ("measure", "oracle", "control")
"""Of what stands on a leaderboard, in the order in which it does."""

GROUPS: dict[str, tuple[str, ...]] = {
    "reads": READS,
    "dose": ("same_data", "corrupted_labels"),
    "nuisances": ("regularizers", "shuffled_pixels"),
    "time": ("early_stopping", "stopping_rule"),
    "scarcity": ("sample_size",),
    "grid": ("hyperparameters",),
}
"""The suites of each group, all clauses of a suite in it."""

SUITES = {suite: group for group, suites in GROUPS.items() for suite in suites}
"""The group of each suite."""

Findings = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By suite and clause: `status`, `passed` (None where it was not judged), `detail`."""

Without = Mapping[tuple[str, str], Mapping[str, bool]]
"""By suite and clause, and by the unit that is left out: is it passed without that unit?"""


def finding_of(suite: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded finding as the leaderboard has it. What it reads is no failure, and its group counts who needs the
    network."""
    passed = None if recorded["skipped"] else not recorded["problem"]
    if suite in READS and passed is not None:
        passed = recorded["status"] in NEEDS_THE_NETWORK
    return {"status": recorded["status"], "passed": passed, "detail": recorded["detail"] or recorded["skipped"]}


def counted(findings: Findings, without: Without) -> dict[str, dict[str, Any] | None]:
    """How many findings of each group are passed, of those asked; None for a group of which nothing was.

    `interval`: the fewest and the most that are passed when one unit is left out; None where that is not known of a
    finding that rests on units, or where none does.
    """
    return {group: _counted(suites, findings, without) for group, suites in GROUPS.items()}


def what_it_reads(findings: Findings) -> str | None:
    """What suffices for the measure to tell twins apart, in a word; None if it was not asked."""
    asked = [finding for suite in READS for finding in findings.get(suite, {}).values()]
    return next((finding["status"] for finding in asked if finding["passed"] is not None), None)


def _counted(suites: tuple[str, ...], findings: Findings, without: Without) -> dict[str, Any] | None:
    asked = {
        (suite, clause): finding["passed"]
        for suite in suites
        for clause, finding in findings.get(suite, {}).items()
        if finding["passed"] is not None
    }
    if not asked:
        return None
    return {"passed": sum(asked.values()), "asked": len(asked), "interval": _interval(asked, without)}


def _interval(asked: Mapping[tuple[str, str], bool], without: Without) -> list[int] | None:
    if not all(clause in without for clause in asked):
        return None
    units = {unit for clause in asked for unit in without[clause]}
    totals = [sum(without[clause].get(unit, passed) for clause, passed in asked.items()) for unit in units]
    return [min(totals), max(totals)] if totals else None
