"""What the questions about interventions have in common: how far did it go on the way to random labels?"""

from collections.abc import Callable, Sequence

from harness.checklist import Finding
from harness.interventions import Way
from harness.questions.question import Outcomes, Rows, no_answer, numbers_of
from harness.recipe import Recipe
from harness.statistics import count, sign_test
from harness.verdict import SIGNIFICANCE
from harness.way import Fraction, Triples, excess_over_gap, fraction_of_the_way

ALLOWED = 0.15
"""A regularizer may move a measure by so much of the way more than it moves the gap."""

HALF = 0.5
"""A measure of the gap has gone at most so far after a few epochs on random labels."""


def triples(ways: Sequence[Way], value: Callable[[Recipe], float | None]) -> list[Triples]:
    """(natural, changed, randomized) values, a list for every network."""
    networks = dict.fromkeys(way.natural.network for way in ways)
    return [
        [(value(way.natural), value(way.changed), value(way.randomized)) for way in ways if way.natural.network == name]
        for name in networks
    ]


def gap_fraction(ways: Sequence[Way], outcome: Outcomes) -> Fraction | None:
    """How far the intervention moves the gap itself."""
    return fraction_of_the_way(triples(ways, lambda recipe: outcome(recipe).gap))


def excess_finding(ways: Sequence[Way], row: Rows, outcome: Outcomes, what: str) -> Finding:
    """`quiet` if the whole interval lies within what is ALLOWED beyond the gap, `false_alarm` if outside, `unclear`."""
    if (none := _not_judged(ways, row)) is not None:
        return none
    values = triples(ways, lambda recipe: row(recipe).value)
    gaps = triples(ways, lambda recipe: outcome(recipe).gap)
    fraction, excess = fraction_of_the_way(values), excess_over_gap(values, gaps)
    if fraction is None or excess is None:
        return _without_scale(values)
    status, problem = "quiet", ""
    if excess.interval[0] > ALLOWED:
        status, problem = "false_alarm", f"takes {what} for memorizing, though it does not raise the gap"
    elif excess.interval[1] > ALLOWED:
        status, problem = "unclear", f"may take {what} for memorizing, or not"
    gap = gap_fraction(ways, outcome)
    detail = f"{shown(fraction)} of the way to random labels"
    detail += "" if gap is None else f", the gap {shown(gap)}"
    return Finding(
        problem=f"{problem} ({detail}; {ALLOWED:.0%} more than the gap is allowed)" if problem else "",
        numbers=numbers_of(
            fraction=fraction.value,
            fraction_low=fraction.interval[0],
            fraction_high=fraction.interval[1],
            excess=excess.value,
            excess_low=excess.interval[0],
            excess_high=excess.interval[1],
        ),
        status=status,
        detail=detail,
    )


def fraction_finding(ways: Sequence[Way], row: Rows) -> Finding:
    """`gap` if the whole interval lies within HALF of the way, `error` if beyond it, `unclear`."""
    if (none := _not_judged(ways, row)) is not None:
        return none
    values = triples(ways, lambda recipe: row(recipe).value)
    fraction = fraction_of_the_way(values)
    if fraction is None:
        return _without_scale(values)
    status, problem = "gap", ""
    if fraction.interval[0] > HALF:
        status, problem = "error_not_gap", "measures the error, not the gap"
    elif fraction.interval[1] > HALF:
        status, problem = "unclear", "may measure the error, or the gap"
    detail = f"{shown(fraction)} of the way to random labels"
    return Finding(
        problem=f"{problem} ({detail} before anything is fitted; {HALF:.0%} is allowed)" if problem else "",
        numbers=numbers_of(
            fraction=fraction.value, fraction_low=fraction.interval[0], fraction_high=fraction.interval[1]
        ),
        status=status,
        detail=detail,
    )


def _not_judged(ways: Sequence[Way], row: Rows) -> Finding | None:
    """An error; no value after the intervention; or no difference on random labels to be measured by."""
    rows = [row(each) for way in ways for each in (way.natural, way.changed, way.randomized)]
    if (none := no_answer(rows)) is not None:
        return none
    if (none := no_answer([row(way.changed) for way in ways])) is not None:
        return none
    wins, _, _ = count([(row(way.natural).value, row(way.randomized).value) for way in ways])
    if sign_test(wins, len(ways)) < SIGNIFICANCE:
        return None
    return Finding(
        problem=f"has no scale to be judged on: larger on random labels in only {wins} of {len(ways)} twins",
        numbers=numbers_of(wins=wins, pairs=len(ways)),
        status="no_scale",
        detail=f"{wins}/{len(ways)} larger on random labels",
    )


def _without_scale(values: Sequence[Triples]) -> Finding:
    known = sum(None not in triple for stratum in values for triple in stratum)
    return Finding(
        problem=f"has no scale to be judged on: values on all three networks of only {known} seeds", status="no_scale"
    )


def shown(fraction: Fraction | None) -> str:
    """`11% [9%, 12%]`, of the way."""
    if fraction is None:
        return "no part of the way that could be computed"
    low, high = fraction.interval
    return f"{fraction.value:z.0%} [{low:z.0%}, {high:z.0%}]"
