"""What the questions about interventions have in common: how far did it go on the way to random labels?"""

from collections.abc import Callable, Sequence

from harness.evaluation.finding import Finding
from harness.judging.fraction import Fraction, Triple, Triples, excess_over_gap, fraction_of_the_way
from harness.judging.questions.question import Outcomes, Rows, nothing_to_judge, numbers_of
from harness.judging.twin_statistics import count, sign_test
from harness.judging.verdict import SIGNIFICANCE
from harness.training.recipe import Recipe
from harness.zoo.interventions import Intervention

ALLOWED = 0.15
"""A regularizer may move a measure by so much of the way more than it moves the gap."""

HALF = 0.5
"""A measure of the gap has gone at most so far after a few epochs on random labels."""


def models_of(interventions: Sequence[Intervention]) -> list[Recipe]:
    """The natural, the changed and the randomized model of every intervention, each once."""
    found = [recipe for some in interventions for recipe in (some.natural, some.changed, some.randomized)]
    return [*dict.fromkeys(found)]


def triples(interventions: Sequence[Intervention], value: Callable[[Recipe], float | None]) -> list[Triples]:
    """(natural, changed, randomized) values, a list for every network."""
    networks: dict[str, list[Triple]] = {}
    for seed in interventions:
        values = (value(seed.natural), value(seed.changed), value(seed.randomized))
        networks.setdefault(seed.natural.network, []).append(values)
    return [*networks.values()]


def gap_fraction(interventions: Sequence[Intervention], outcome: Outcomes) -> Fraction | None:
    """How far the intervention moves the gap itself."""
    return fraction_of_the_way(triples(interventions, lambda recipe: outcome(recipe).gap))


def excess_finding(interventions: Sequence[Intervention], row: Rows, outcome: Outcomes, what: str) -> Finding:
    """`quiet` if the whole interval lies within what is ALLOWED beyond the gap, `false_alarm` if outside, `unclear`."""
    if (none := _not_judged(interventions, row)) is not None:
        return none
    values = triples(interventions, lambda recipe: row(recipe).value)
    gaps = triples(interventions, lambda recipe: outcome(recipe).gap)
    fraction, excess = fraction_of_the_way(values), excess_over_gap(values, gaps)
    if fraction is None or excess is None:
        return _without_scale(values)
    status, problem = "quiet", ""
    if excess.interval[0] > ALLOWED:
        status, problem = "false_alarm", f"takes {what} for memorizing, though it does not raise the gap"
    elif excess.interval[1] > ALLOWED:
        status, problem = "unclear", f"may take {what} for memorizing, or not"
    gap = gap_fraction(interventions, outcome)
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


def fraction_finding(interventions: Sequence[Intervention], row: Rows) -> Finding:
    """`gap` if the whole interval lies within HALF of the way, `error` if beyond it, `unclear`."""
    if (none := _not_judged(interventions, row)) is not None:
        return none
    values = triples(interventions, lambda recipe: row(recipe).value)
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


def _not_judged(interventions: Sequence[Intervention], row: Rows) -> Finding | None:
    """An error; no value after the intervention; or no difference on random labels to be measured by."""
    rows = [row(recipe) for recipe in models_of(interventions)]
    if (none := nothing_to_judge(rows)) is not None:
        return none
    if (none := nothing_to_judge([row(seed.changed) for seed in interventions])) is not None:
        return none
    wins, _, _ = count([(row(seed.natural).value, row(seed.randomized).value) for seed in interventions])
    if sign_test(wins, len(interventions)) < SIGNIFICANCE:
        return None
    return Finding(
        problem=f"has no scale to be judged on: larger on random labels in only {wins} of {len(interventions)} twins",
        numbers=numbers_of(wins=wins, pairs=len(interventions)),
        status="no_scale",
        detail=f"{wins}/{len(interventions)} larger on random labels",
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
