"""A question put to a measure beyond the gate: the models it needs, its premise, and how rows become an answer."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from harness.checklist import Finding
from harness.recipe import Recipe
from harness.rows import Row
from harness.train import Outcome
from harness.zoo import Zoo

Outcomes = Callable[[Recipe], Outcome]
Rows = Callable[[Recipe], Row]


class Answer(Protocol):
    """A clause of a question: from one measure's rows and the models' outcomes to what they say of the measure."""

    __name__: str

    def __call__(self, zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding: ...


@dataclasses.dataclass(frozen=True)
class Question:
    """`premise` gives a sentence for each thing that is not as the question supposes: then nobody is judged."""

    name: str
    recipes: Callable[[Zoo], list[Recipe]]
    premise: Callable[[Zoo, Outcomes], list[str]]
    answers: tuple[Answer, ...]


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


def no_answer(rows: Sequence[Row]) -> Finding | None:
    """What stands in the way of an answer: an error or a timeout on any model, or no value on all of them."""
    failures = [each for each in rows if each.status in ("error", "timeout")]
    failures.sort(key=lambda each: each.reason.startswith("not evaluated"))  # what happened, then what was not tried
    if failures:
        first = failures[0]
        return Finding(f"{first.reason} (no value on {len(failures)} of {len(rows)} models)", status=first.status)
    if all(each.status == "not_applicable" for each in rows):
        return Finding(skipped=f"not applicable to any of these models: {rows[0].reason}", status="not_applicable")
    return None


def numbers_of(**values: float | None) -> dict[str, float]:
    """Those that there are."""
    return {name: float(value) for name, value in values.items() if value is not None}
