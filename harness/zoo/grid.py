"""Hyperparameters of natural training, each with the values it takes: every combination is trained."""

import dataclasses
import itertools
import numbers
import string
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import HarnessError, check_given, shown
from harness.training.declaring import DeclaredNetwork
from harness.training.recipe import Recipe

GridPoint = tuple[float, ...]
"""A network's hyperparameters: one value of each of Grid.axes."""

OF_TRAINING = ("batch_size", "learning_rate", "momentum", "weight_decay", "dropout", "clip_norm", "warmup_epochs")
"""Fields of a recipe that may be axes."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """`seeds` networks at every combination of the axes' values, trained on `num_train` examples.

    - `network`: a family of networks, as it was declared or by its pattern ("mlp_{depth}x{width}"); or a single one.
    - `axes`: the values of each hyperparameter: the family's sizes, and fields of a recipe (OF_TRAINING).
    - `training`: fields that all its recipes have. The learning rate is here, or an axis.

    Raises HarnessError for what cannot be a grid.

    >>> from harness import Grid
    >>> widths = {"depth": (1, 3), "width": (16, 64), "learning_rate": (0.01, 0.03)}
    >>> len(Grid("mlp_{depth}x{width}", widths, num_train=300).points())
    8
    """

    network: str | DeclaredNetwork
    axes: Mapping[str, tuple[float, ...]]
    num_train: int
    seeds: int = 3
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_given(Grid, vars(self), "the grid's {}".format)
        for field in ("num_train", "seeds"):
            if getattr(self, field) < 1:
                raise HarnessError(f"the grid's {field} is {getattr(self, field)}; expected 1 or more")
        if wrong := [name for name, values in self.axes.items() if not isinstance(values, list | tuple)]:
            raise HarnessError(
                f"the grid's axis {wrong[0]!r} is {shown(self.axes[wrong[0]])}; expected its values, (0.1, 0.2)"
            )
        if "learning_rate" not in {*self.axes, *self.training}:
            raise HarnessError("the grid has no learning_rate, neither among its axes nor in its training")
        sizes = {field for _, field, _, _ in string.Formatter().parse(self.pattern) if field}
        if unlike := sizes ^ {name for name in self.axes if name not in OF_TRAINING}:
            name = min(unlike)
            why = (
                "which is not one of its axes"
                if name in sizes
                else f"which is neither a size of it nor one of {', '.join(OF_TRAINING)}"
            )
            raise HarnessError(f"the grid of {self.pattern} has {name!r}, {why}")
        for name, values in self.axes.items():
            self._check_values(name, values)

    def _check_values(self, axis: str, values: Sequence[Any]) -> None:
        """HarnessError unless they are different numbers, two or more, and whole ones where they are sizes."""
        size = axis not in OF_TRAINING
        for value in values:
            if size and (type(value) is not int or value < 0):
                expected = "a size is a whole number (int), 0 or more"
            elif isinstance(value, bool) or not isinstance(value, numbers.Real):
                expected = "expected numbers"
            else:
                continue
            kind = type(value).__name__
            raise HarnessError(f"the grid's axis {axis!r} has {shown(value)} (of type {kind}); {expected}")
        if len({*values}) < 2:
            raise HarnessError(f"the grid's axis {axis!r} has one value; give it two or more, or leave it out")
        if len({*values}) < len(values):
            raise HarnessError(f"the grid's axis {axis!r} has a value twice: {shown(values)}; leave one out")

    @property
    def pattern(self) -> str:
        """The network's name, with its sizes in braces."""
        return self.network if isinstance(self.network, str) else self.network.name

    def named(self) -> "Grid":
        """The same with the network's name, and the digest of its code, in the place of its declaration."""
        if isinstance(self.network, str):
            return self
        code = {"network_code": self.network.code} if self.network.code else {}
        return dataclasses.replace(self, network=self.pattern, training={**self.training, **code})

    def points(self) -> list[GridPoint]:
        """Every combination."""
        return list(itertools.product(*self.axes.values()))

    def recipe(self, data_set: str, point: GridPoint, seed: int, training: Mapping[str, Any]) -> Recipe:
        """The natural recipe at a point; `training`: the fields that all the zoo's recipes have."""
        given = dict(zip(self.axes, point, strict=True))
        sizes = {name: value for name, value in given.items() if name not in OF_TRAINING}
        of_training = {name: value for name, value in given.items() if name in OF_TRAINING}
        own = {"num_train": self.num_train, **self.training, **of_training}
        return Recipe(data_set=data_set, network=self.pattern.format(**sizes), seed=seed, **{**training, **own})
