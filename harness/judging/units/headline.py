"""Verdicts as sentences: which conditions a measure tells, in how many units, and which units it loses."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from harness.judging.units.condition import Status
from harness.judging.units.decision import Unit, UnitDecision
from harness.judging.units.sign_test import needed


class Judged(Protocol):
    """What a sentence needs of a verdict under one condition."""

    @property
    def condition(self) -> str: ...
    @property
    def status(self) -> Status: ...
    @property
    def units(self) -> tuple[UnitDecision, ...]: ...
    @property
    def p_inverted(self) -> float: ...
    @property
    def p_heterogeneity(self) -> float: ...
    @property
    def passes(self) -> bool: ...
    @property
    def lost_networks(self) -> list[str]: ...
    @property
    def won(self) -> int: ...
    @property
    def lost(self) -> int: ...


NAMED = 3
"""Where units do not differ by more than chance, so many that are not won are named; of more, their number is said."""


def worst(verdicts: Sequence[Judged]) -> Judged:
    """The condition that says least for the measure: one without a verdict, else one that is not passed, else the one
    with the fewest units won, as counted from those that are needed.

    Among equal counts the one that loses most; then the first.
    """

    def said(verdict: Judged) -> tuple[bool, bool, int, int]:
        missing = verdict.won - (needed(len(verdict.units)) or 0)
        return _has_counts(verdict), verdict.passes, missing, -verdict.lost

    return min(verdicts, key=said)


def headline(verdicts: Sequence[Judged]) -> str:
    """The worst condition with its count: `gaussian: 11 of 14 units (13 needed)`, `gaussian: 17 of 18 units (16 needed,
    and one of vit_small)`."""
    verdict = worst(verdicts)
    if not _has_counts(verdict):
        return f"{_words(verdict.condition)}: {_words(verdict.status)}"
    units = len(verdict.units)
    also = f", and one of {listed(verdict.lost_networks)}" if verdict.lost_networks else ""
    return f"{_words(verdict.condition)}: {verdict.won} of {units} units ({needed(units)} needed{also})"


def explain(verdicts: Sequence[Judged]) -> str:
    """All conditions, those that the measure tells first.

    `tells random labels: 14 of 14 units; gaussian: 11 of 14, loses mlp_1x512, mlp_3x256 and convnet on noisy digits
    (depends on the network: p = 8.2e-07)`.
    """
    ordered = sorted(verdicts, key=lambda verdict: not verdict.passes)
    parts = [part(verdict, "" if place else " units") for place, verdict in enumerate(ordered)]
    return ("tells " if ordered[0].passes else "tells nothing; ") + "; ".join(parts)


def part(verdict: Judged, what: str = " units") -> str:
    """One condition: its count, the units that are not won, and what its status adds to them."""
    name = _words(verdict.condition)
    if not _has_counts(verdict):
        return f"{name}: {_words(verdict.status)}"
    said = f"{name}: {verdict.won} of {len(verdict.units)}{what}{_not_won(verdict)}"
    if verdict.status == "depends_on_the_network":
        lost = listed(verdict.lost_networks) if verdict.lost_networks else ""
        why = f"wins no unit of {lost}" if lost else f"p = {verdict.p_heterogeneity:.2g}"
        said += f" (depends on the network: {why})"
    if verdict.status == "inverted":
        said += f" (inverted: p = {verdict.p_inverted:.2g})"
    return said


def told(verdict: Judged) -> str:
    """`11 of 14 units, loses convnet on digits, undecided on mlp_1x512 on noisy_digits`."""
    return f"{verdict.won} of {len(verdict.units)} units{_not_won(verdict)}"


def named(units: Iterable[Unit]) -> str:
    """`convnet on digits, mlp_1x512 and mlp_3x256 on noisy digits`: networks by data setting."""
    settings: dict[str, list[str]] = {}
    for unit in units:
        settings.setdefault(unit.setting, []).append(unit.network)
    return ", ".join(str(Unit(setting, listed(networks))) for setting, networks in settings.items())


def _not_won(verdict: Judged) -> str:
    """`, loses A and B, undecided on C`; units that differ are named in full."""
    said = ""
    for verb, decision in (("loses", "lost"), ("undecided on", "neither")):
        units = [unit for unit in verdict.units if unit.decision == decision]
        if units:
            everything = verdict.status == "depends_on_the_network" or len(units) <= NAMED
            said += f", {verb} {named(unit.unit for unit in units) if everything else len(units)}"
    return ", ties on every seed" if all(_ties(unit) for unit in verdict.units) else said


def _ties(unit: UnitDecision) -> bool:
    return unit.ties == unit.seeds


def _has_counts(verdict: Judged) -> bool:
    return verdict.status not in ("error", "timeout", "not_applicable")


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _words(name: str) -> str:
    return name.replace("_", " ")
