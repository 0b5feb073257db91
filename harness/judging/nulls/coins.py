"""Coins: numbers that have nothing to do with a model, and the gap itself with its sign tossed.

A measure may be right about everything but which way it points. The gap wins every seed of every unit of a zoo, so that
with its sign tossed a unit is won or lost by the toss alone: nothing ties, and all seeds, conditions and interventions
of what shares a coin go the same way. That is the most that seeds can depend on each other.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from harness.judging.nulls.null import Material, Null, Values
from harness.training.recipe import Recipe

Shared = Callable[[Recipe], Any]
"""What models have in common that share a coin."""

SHARED: dict[str, Shared] = {
    "a coin a unit": lambda recipe: (recipe.data_set, recipe.network),
    "a coin a network, the same on all data sets": lambda recipe: recipe.network,
    "a coin a data set, the same for all networks": lambda recipe: recipe.data_set,
}
"""Among units that share a coin there is one witness; the sign test takes each unit for one."""


def numbers(material: Material, rng: np.random.Generator) -> Values:
    """A number of its own for every model."""
    return dict(zip(material.outcomes, rng.random(len(material.outcomes)).tolist(), strict=True))


def signed_gap(material: Material, shared: Shared, rng: np.random.Generator) -> Values:
    """The gap times a sign, tossed once for all models that share it."""
    keys = list(dict.fromkeys(map(shared, material.outcomes)))
    signs = dict(zip(keys, rng.choice((-1.0, 1.0), size=len(keys)).tolist(), strict=True))
    return {recipe: signs[shared(recipe)] * outcome.gap for recipe, outcome in material.outcomes.items()}


def coins(material: Material) -> list[Null]:
    """Each model by itself; then ever more of them by one coin."""
    tossed = [Null(name, partial(signed_gap, material, shared)) for name, shared in SHARED.items()]
    return [Null("a coin a model", partial(numbers, material)), *tossed]
