"""A question put to a measure beyond the gate: the models it needs, its premise, and how rows become a finding."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from harness.evaluation.finding import Finding
from harness.evaluation.rows import Row
from harness.judging.units.equivalence import MIN_UNITS
from harness.judging.units.witnesses import unit_of
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from harness.zoo.interventions import Intervention
from harness.zoo.zoo import Zoo

Outcomes = Callable[[Recipe], Outcome]
Rows = Callable[[Recipe], Row]


class Clause(Protocol):
    """A clause of a question: from one measure's rows and the models' outcomes to what they say of the measure."""

    __name__: str

    def __call__(self, zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding: ...


@dataclasses.dataclass(frozen=True)
class Question:
    """`premise` gives a sentence for each thing that is not as the question supposes: then no measure is judged."""

    name: str
    recipes: Callable[[Zoo], list[Recipe]]
    premise: Callable[[Zoo, Outcomes], list[str]]
    clauses: tuple[Clause, ...]


def unfitted(recipes: Iterable[Recipe], outcome: Outcomes) -> list[str]:
    """For each model that did not reach its stopping loss, a sentence that names it."""
    problems = []
    for recipe in dict.fromkeys(recipes):
        found = outcome(recipe)
        if not found.fitted:
            loss = float("inf") if found.train_loss is None else found.train_loss
            problems.append(
                f"{recipe.id} stopped at cross-entropy {loss:.3g} after {found.epochs} epochs, above "
                f"{recipe.stop_loss:g}; widen it, change its rate or raise max_epochs"
            )
    return problems


def too_few(interventions: Sequence[Intervention], what: str) -> Finding | None:
    """Where a zoo has an intervention in fewer units than an answer needs, as its data or networks are of a kind."""
    units = len({unit_of(each.natural) for each in interventions})
    if units >= MIN_UNITS:
        return None
    count = f"only {units}" if units else "no"
    return Finding(skipped=f"{count} units of this zoo can have {what}; {MIN_UNITS} are needed")


def nothing_to_judge(rows: Sequence[Row]) -> Finding | None:
    """What stands in the way of judging: an error or a timeout on any model, or no value on all of them."""
    failures = [row for row in rows if row.status in ("error", "timeout")]
    failures.sort(key=lambda row: row.reason.startswith("not evaluated"))  # what happened, then what was not tried
    if failures:
        first = failures[0]
        return Finding(f"{first.reason} (no value on {len(failures)} of {len(rows)} models)", status=first.status)
    if all(row.status == "not_applicable" for row in rows):
        return Finding(skipped=f"not applicable to any of these models: {rows[0].reason}", status="not_applicable")
    return None


def numbers_of(**values: float | None) -> dict[str, float]:
    """Those that there are, and that a record can hold: an interval may end beyond all numbers."""
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
