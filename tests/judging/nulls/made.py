"""What nulls are made of, without any training: the constructed zoo's gate, and a catalogue that is given."""

import functools
from collections.abc import Mapping

from harness.judging.nulls.null import Material, Values
from harness.training.recipe import Recipe
from harness.zoo.zoo import recipes
from tests.builders.constructed_zoo import DIGITS, gap, outcome


@functools.cache
def gate() -> tuple[Recipe, ...]:
    return tuple(recipes(DIGITS, DIGITS.gate))


def material(catalogue: Mapping[str, Mapping[Recipe, float | None]] | None = None) -> Material:
    """The gate's models with their constructed outcomes, and trainings of two epochs."""
    histories = {recipe: {"losses": [2.0, 1.0], "errors": [0.5, 0.25], "rates": [0.1, 0.1, 0.05]} for recipe in gate()}
    return Material(DIGITS, {recipe: outcome(recipe) for recipe in gate()}, histories, catalogue or {})


def gaps() -> Values:
    return {recipe: gap(recipe) for recipe in gate()}
