"""A null: a measure, or a lottery of measures, of which it is known what it sees."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.evaluation.rows import Row
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from harness.zoo.zoo import Zoo

Values = Mapping[Recipe, float]
"""A measure's values; a model that is not among them was not measured."""

Series = Mapping[str, Sequence[float]]
"""Of a training: `losses` and `errors`, one an epoch; `rates`, one a step."""


@dataclass(frozen=True)
class Material:
    """What nulls are made of: a zoo's models as they were trained, and the catalogue's rows on them.

    `outcomes` has the models that are trained, `histories` those of them that were read, `catalogue` by measure what
    was recorded of it, None where it has no value.
    """

    zoo: Zoo
    outcomes: Mapping[Recipe, Outcome]
    histories: Mapping[Recipe, Series]
    catalogue: Mapping[str, Mapping[Recipe, float | None]]


@dataclass(frozen=True)
class Null:
    """`draw` gives the values of one measure. `drawn`: another one each time, so that shares can be counted; else there
    is but one, `name`, of the group."""

    group: str
    draw: Callable[[np.random.Generator], Values]
    name: str = ""

    @property
    def drawn(self) -> bool:
        return not self.name


def row_of(values: Values) -> Callable[[Recipe], Row]:
    """As the judge is given a measure's rows."""

    def row(recipe: Recipe) -> Row:
        return Row("null", 1, "", recipe.key, "", "value", values[recipe], "", 0.0)

    return row


def fixed(group: str, values: Mapping[str, Values]) -> list[Null]:
    """Nulls of which nothing is drawn, by name."""
    return [Null(group, lambda _, found=found: found, name) for name, found in values.items()]  # type: ignore[misc]


def complete(values: Values, recipes: Iterable[Recipe]) -> bool:
    """Whether all of these models were measured."""
    return all(recipe in values for recipe in recipes)
