"""What the questions about interventions have in common: how far did it go on the way to random labels?

Each unit has a fraction of the way (units/fractions.py), and all of them together an interval that lies within bounds,
beyond them, or neither (units/equivalence.py). Both ways: what goes far below the natural value is not quiet either.

Asked only of measures that tell random labels (random_labels.py), and over the units in which these move the measure
reliably, MIN_UNITS at least. Where these move it and it has no value after the intervention, or one beyond all numbers,
there is nothing to hold against the bounds, and the other units do not answer for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.evaluation.finding import Finding
from harness.judging.questions import random_labels
from harness.judging.questions.question import Outcomes, Rows, nothing_to_judge, numbers_of
from harness.judging.units.decision import Unit
from harness.judging.units.equivalence import MIN_UNITS, Decision, Equivalence, equivalence
from harness.judging.units.fractions import Triple, Triples, UnitFractions, excess, fractions
from harness.judging.units.headline import named
from harness.judging.units.witnesses import unit_of
from harness.training.recipe import Recipe
from harness.zoo.interventions import Intervention
from harness.zoo.zoo import Zoo


@dataclass(frozen=True)
class Bounds:
    """Limits, and what a finding says of a decision: its status and its problem, "" if nothing is wrong."""

    limit: float
    neighbours: tuple[float, ...]
    said: Mapping[Decision, tuple[str, str]]


def models_of(interventions: Sequence[Intervention]) -> list[Recipe]:
    """The natural, the changed and the randomized model of every intervention, each once."""
    found = [recipe for some in interventions for recipe in (some.natural, some.changed, some.randomized)]
    return [*dict.fromkeys(found)]


def triples(interventions: Sequence[Intervention], value: Callable[[Recipe], float | None]) -> dict[Unit, list[Triple]]:
    """(natural, changed, randomized) values of the seeds of every unit."""
    units: dict[Unit, list[Triple]] = {}
    for seed in interventions:
        values = (value(seed.natural), value(seed.changed), value(seed.randomized))
        units.setdefault(unit_of(seed.natural), []).append(values)
    return units


def gap_fraction(interventions: Sequence[Intervention], outcome: Outcomes, limit: float) -> Equivalence | None:
    """How far the intervention moves the gap itself; None if random labels raise it in no unit."""
    of_unit = fractions(_gaps(interventions, outcome)).of_unit
    return equivalence(of_unit, limit) if of_unit else None


def at_most(found: Equivalence | None) -> bool:
    """Whether the whole interval lies at the limit or below. With fewer than two units there is none, and it is not."""
    return found is not None and found.interval is not None and found.interval[1] <= found.limit


def fraction_finding(zoo: Zoo, interventions: Sequence[Intervention], row: Rows, bounds: Bounds) -> Finding:
    """What the bounds say of the measure's own fraction of the way."""
    if (none := not_applied(interventions, row) or random_labels.without_scale(zoo, row)) is not None:
        return none
    values = triples(interventions, lambda recipe: row(recipe).value)
    own = fractions(values)
    if (none := unanswered(values) or in_too_few(own)) is not None:
        return none
    found = equivalence(own.of_unit, bounds.limit, bounds.neighbours)
    detail = f"{found.explain()}{_left_out(own)}"
    return _finding(found, bounds, detail, _of_interval("fraction", found) | _counted(own))


def excess_finding(
    zoo: Zoo, interventions: Sequence[Intervention], row: Rows, outcome: Outcomes, bounds: Bounds
) -> Finding:
    """What the bounds say of the measure's fraction of the way minus the gap's own."""
    if (none := not_applied(interventions, row) or random_labels.without_scale(zoo, row)) is not None:
        return none
    values, gaps = triples(interventions, lambda recipe: row(recipe).value), _gaps(interventions, outcome)
    beyond = excess(values, [gaps])
    if (none := unanswered(values) or in_too_few(beyond)) is not None:
        return none
    own = {unit: fraction for unit, fraction in fractions(values).of_unit.items() if unit in beyond.of_unit}
    of_gap = {unit: fraction for unit, fraction in fractions(gaps).of_unit.items() if unit in beyond.of_unit}
    found = equivalence(beyond.of_unit, bounds.limit, bounds.neighbours)
    way, gap = equivalence(own, bounds.limit), equivalence(of_gap, bounds.limit)
    detail = f"beyond the gap {found.explain()}{_left_out(beyond)}"
    numbers = _of_interval("fraction", way) | _of_interval("excess", found) | _of_interval("gap_fraction", gap)
    return _finding(found, bounds, detail, numbers | _counted(beyond))


def not_applied(interventions: Sequence[Intervention], row: Rows) -> Finding | None:
    """An error on any model, or no value on any, or none after the intervention."""
    if (none := nothing_to_judge([row(recipe) for recipe in models_of(interventions)])) is not None:
        return none
    return nothing_to_judge([row(seed.changed) for seed in interventions])


def unanswered(values: Mapping[Unit, Triples]) -> Finding | None:
    """The finding of a measure without a finite fraction of the way in a unit where random labels move it."""
    own = fractions(values).of_unit
    twins_alone = {unit: [(natural, natural, randomized) for natural, _, randomized in s] for unit, s in values.items()}
    lost = [unit for unit in fractions(twins_alone).of_unit if unit not in own]
    if not lost:
        return None
    return Finding(
        problem=f"has no finite value after the intervention on {_units(lost)}, where random labels move it",
        numbers=numbers_of(units=len(own), units_without_value=len(lost)),
        status="not_applicable",
        detail=f"no finite value after the intervention on {_units(lost)}",
    )


def in_too_few(found: UnitFractions) -> Finding | None:
    """The finding of a measure that random labels move in too few of the units that are asked; None if in enough."""
    scaled, units = len(found.of_unit), len(found.of_unit) + len(found.without_scale)
    if scaled >= MIN_UNITS:
        return None
    return Finding(
        problem=(
            f"has no scale to be judged on: larger on random labels, with values on all models, in only {scaled} of "
            f"{units} units; {MIN_UNITS} are needed"
        ),
        numbers=_counted(found),
        status="no_scale",
        detail=f"larger on random labels in {scaled} of {units} units",
    )


def shown(found: Equivalence | None) -> str:
    """`11% [9%, 12%]`, of the way: the mean over units and its interval."""
    if found is None:
        return "no part of the way that could be computed"
    return f"{found.mean:z.0%}" + (f" [{found.interval[0]:z.0%}, {found.interval[1]:z.0%}]" if found.interval else "")


def _finding(found: Equivalence, bounds: Bounds, detail: str, numbers: Mapping[str, float]) -> Finding:
    status, problem = bounds.said[found.decision]
    return Finding(
        problem=f"{problem} ({detail})" if problem else "", numbers=dict(numbers), status=status, detail=detail
    )


def _gaps(interventions: Sequence[Intervention], outcome: Outcomes) -> Mapping[Unit, Triples]:
    return triples(interventions, lambda recipe: outcome(recipe).gap)


def _of_interval(name: str, found: Equivalence) -> dict[str, float]:
    low, high = found.interval or (None, None)
    ends = {name: found.mean, f"{name}_low": low, f"{name}_high": high}
    return numbers_of(**ends, **{f"{name}_median": found.median, f"{name}_worst": found.worst_value})


def _counted(found: UnitFractions) -> dict[str, float]:
    return numbers_of(units=len(found.of_unit), units_without_scale=len(found.without_scale))


def _left_out(found: UnitFractions) -> str:
    return f"; no scale on {_units(found.without_scale)}" if found.without_scale else ""


def _units(units: Sequence[Unit]) -> str:
    return named(units) if len(units) == 1 else f"{len(units)} units"
