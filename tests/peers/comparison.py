"""A measure and the same quantity of another package, on several trained networks: how their values compare."""

import copy
import dataclasses
import importlib.metadata
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import kendalltau
from torch import nn

from harness.calling.call import read
from harness.evaluation.measure_lookup import find_measures
from measures.trained_model import TrainedModel

Pair = tuple[float, float]  # this project's value, and the other package's

ROUNDING = (1 - 1e-5, 1 + 1e-5)
ABOVE_CHANCE = 0.35
"""Kendall's τ of two unrelated orders of 16 networks is above it once in 30 times."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared with what, and how near the two are by their definitions.

    `pair` computes both values of one network (None: there is nothing to compare). Every ratio of the first to the
    second lies within `ratio` (None: the definitions give them no common scale), and Kendall's τ of the two orders of
    the networks is `rank` at least. `why` is said in the table. A `costly` comparison is made on fewer networks.
    """

    measure: str
    package: str
    pair: Callable[[TrainedModel], Pair | None]
    ratio: Pair | None
    rank: float
    why: str
    costly: bool = False

    @property
    def version(self) -> str | None:
        """The installed version of the package, None where it is not installed."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None


@dataclasses.dataclass(frozen=True)
class Agreement:
    """The ratios of the first values to the second, one a network, and Kendall's τ of the two orders."""

    ratios: tuple[float, ...]
    rank: float


def agreement(comparison: Comparison, networks: Sequence[TrainedModel]) -> Agreement:
    with warnings.catch_warnings(action="ignore"):  # of other packages, that something will change
        pairs = [comparison.pair(trained) for trained in networks]
    ours, theirs = np.array([pair for pair in pairs if pair is not None]).T
    return Agreement(tuple(map(float, ours / theirs)), float(kendalltau(ours, theirs).statistic))


def value(measure: str, trained: TrainedModel) -> float:
    """This project's measure of one network."""
    reading = read(find_measures([measure])[0], trained)
    assert reading.value is not None, f"{measure}: {reading.reason}"
    return reading.value


def beside(measure: str, theirs: Callable[[TrainedModel], float]) -> Callable[[TrainedModel], Pair]:
    """The pair of a measure and what `theirs` computes."""
    return lambda trained: (value(measure, trained), theirs(trained))


def own_copy(trained: TrainedModel) -> nn.Module:
    """The network to be handed to another package, which may leave gradients behind."""
    return copy.deepcopy(trained.model).eval().requires_grad_(True)
