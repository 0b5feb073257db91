"""Twins, and the conditions under which they decide whether a measure passes."""

import dataclasses
from typing import Literal, get_args

from harness.training.recipe import Condition, Recipe

Side = Literal["natural", "randomized"]
SIDES: tuple[Side, ...] = get_args(Side)
GATE: tuple[Condition, ...] = ("random_labels", "random_pixels", "gaussian")


@dataclasses.dataclass(frozen=True)
class Twin:
    """Two recipes that are equal in everything but the randomization."""

    natural: Recipe
    randomized: Recipe
