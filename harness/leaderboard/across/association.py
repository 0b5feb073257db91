"""Does a property of units go with their being won? Kendall's tau, and p-values by permuting the property among units.

Units of one data set share what is of the data alone, so two questions are asked apart:

- over all units: a property that varies within data sets is permuted among all units, which takes them to be
  exchangeable; one that is of the data set (as the input dimension) is permuted among data sets as a whole, and of two
  data sets at most one other way is left: p is 1;
- within data sets: only pairs of units of one data set are compared, and values are permuted within each.

Scores are whole numbers and draws are numpy's frozen RandomState: the same units give the same digits.
"""

import itertools
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

DRAWS = 9_999
SEED = 20_161_110
EVERY = 5_040
"""Up to so many ways of permuting data sets (seven of them) all are counted."""

Values = Sequence[float | None]
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Association:
    """Of `units` of which both are known. tau and p-value are None where one of the two never changes.

    p-values are two-sided: the share of permutations with a score as far from zero, or further.
    """

    units: int
    tau: float | None
    p_value: float | None
    tau_within: float | None
    p_within: float | None


def associations(
    of_property: Values, winning: Mapping[Name, Values], data_sets: Sequence[str]
) -> dict[Name, Association]:
    """A property's association with several shares of winning, by their names, a value a unit each; None is unknown.

    ValueError where they are not of the same units.

    >>> associations([1, 2, 3, 4], {"all": [0.0, 0.2, 0.5, 1.0]}, ["a"] * 4)["all"].tau
    1.0
    """
    for name, shares in winning.items():
        if not len(shares) == len(of_property) == len(data_sets):
            raise ValueError(f"{name} has {len(shares)} units, the property {len(of_property)}, of {len(data_sets)}")
    alike: dict[tuple[int, ...], list[Name]] = {}
    for name, shares in winning.items():
        pairs = enumerate(zip(of_property, shares, strict=True))
        alike.setdefault(tuple(place for place, pair in pairs if None not in pair), []).append(name)
    found: dict[Name, Association] = {}
    for places, names in alike.items():
        x = np.array([of_property[place] for place in places], dtype=float)
        y = np.array([[winning[name][place] for place in places] for name in names], dtype=float)
        groups = np.unique([data_sets[place] for place in places], return_inverse=True)[1]
        found |= dict(zip(names, _associations(x, y, groups), strict=True))
    return {name: found[name] for name in winning}


def _associations(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> list[Association]:
    """`x` (units), `y` (shares, units), `groups` (units): which data set each is of, from 0."""
    if len(x) < 2:
        return [Association(len(x), None, None, None, None) for _ in y]
    one, other = np.triu_indices(len(x), 1)
    inside = groups[one] == groups[other]
    signs = np.sign(y[:, one] - y[:, other])  # (shares, pairs)
    of_data = all(len(np.unique(x[groups == group])) == 1 for group in np.unique(groups))
    free, exact = _of_data_sets(x, groups) if of_data and groups.max() else (_shuffled(x, np.zeros_like(groups)), False)
    over_all = _told(_signs(x, one, other), _signs(free, one, other), signs, exact)
    held = _signs(_shuffled(x, groups), one, other)[:, inside]
    within = _told(_signs(x, one, other)[inside], held, signs[:, inside], False)
    return [Association(len(x), *all_of_them, *some) for all_of_them, some in zip(over_all, within, strict=True)]


def _signs(values: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.sign(values[..., one] - values[..., other])


def _told(x: np.ndarray, permuted: np.ndarray, y: np.ndarray, exact: bool) -> list[tuple[float | None, float | None]]:
    """tau-b and p-value of each share from signs: `x` (pairs), `permuted` (draws, pairs), `y` (shares, pairs)."""
    scores, drawn = y @ x, permuted @ y.T  # whole numbers, far below where floats lose them
    untied = np.sqrt(np.abs(x).sum()) * np.sqrt(np.abs(y).sum(axis=1))
    as_far = (np.abs(drawn) >= np.abs(scores)).sum(axis=0)
    share = as_far / len(drawn) if exact else (as_far + 1) / (len(drawn) + 1)
    told = zip(scores, untied, share, strict=True)
    return [(float(score / scale), float(p)) if scale else (None, None) for score, scale, p in told]


def _shuffled(x: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """`x` in DRAWS random orders, each value within its group. (draws, units)"""
    keys = np.random.RandomState(SEED).random_sample((DRAWS, len(x))) + groups  # sorting them keeps groups together
    places = np.argsort(groups, kind="stable")
    shuffled = np.empty((DRAWS, len(x)))
    shuffled[:, places] = x[np.argsort(keys, axis=1)]
    return shuffled


def _of_data_sets(x: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, bool]:
    """The data sets' values given to the data sets in every order, or in random ones where these are too many."""
    values = np.array([x[groups == group][0] for group in range(groups.max() + 1)])
    if math.factorial(len(values)) <= EVERY:
        orders = np.array([*itertools.permutations(values)])
        return orders[:, groups], True
    return _shuffled(values, np.zeros(len(values), dtype=int))[:, groups], False
