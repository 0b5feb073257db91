"""How well does a measure rank natural networks over a grid of hyperparameters?

Three statistics, each blind to what the one before it overlooks: an average over all changes of one hyperparameter, the
worst of these changes, and what the measure tells beyond the hyperparameters themselves. All of them look only at the
order of values and of gaps, and at its direction: larger must mean a larger gap.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping

import numpy as np
from scipy.stats import permutation_test, rankdata

from harness.judging.conditional_information import signed_information
from harness.judging.information_of_orders import information_of
from harness.zoo.grid import GridPoint

PERMUTATIONS = 9999  # the least p-value is one in 10,000
BATCH = 1000


@dataclasses.dataclass(frozen=True)
class Environment:
    """Networks in pairs that differ in one hyperparameter, number `axis` of a grid point, by these two values alone.

    `pairs`: how many have gaps that are told apart.
    """

    axis: int
    low: float
    high: float
    pairs: int


@dataclasses.dataclass(frozen=True)
class Ranking:
    """How one measure ranks the networks of a grid.

    `granulated_tau` (1 is best, 0 is chance, -1 is reversed) and its part for each hyperparameter; `worst_sign_error`
    (0 is best, 1/2 is chance) and where it is made; `information` (1 is best; noise is below 0, see
    conditional_information.py). The p-values are one-sided.
    """

    granulated_tau: float
    tau_by_axis: dict[int, float]
    granulated_p: float
    worst_sign_error: float
    worst_environment: Environment
    information: float
    information_p: float


@dataclasses.dataclass(frozen=True)
class _Grid:
    """The networks in one order: ranks of the values (n,), gaps (n,), hyperparameters' values by number (n, axes)."""

    axes: list[list[float]]
    ranks: np.ndarray
    gaps: np.ndarray
    levels: np.ndarray


def ranking(values: Mapping[GridPoint, float], gaps: Mapping[GridPoint, float], gap_noise: float = 0.0) -> Ranking:
    """All three statistics; `gap_noise` as in worst_sign_error.

    The null hypothesis of both p-values is that the measure's values might as well lie on the grid in any other order.
    Against noise they hold what they say (p <= 0.05 and 0.01 in 4.8% and 1.1% of 3,000 draws on 3 x 3 x 2 x 2 for tau,
    4.8% and 1.2% for the information), but a measure that varies smoothly with the hyperparameters is not noise: if
    measure and gap are sums of unrelated normal effects of the four, one each, the gap with noise of half their size,
    p <= 0.01 comes up in 22% of 1,500 draws for tau and in 7% for the information, p <= 0.001 in 15% and 4%. Networks
    on a grid are not independent witnesses. Both p < 0.001, the rule of questions/hyperparameters.py, on the 3 x 2 x 2
    x 2 points of the digits zoo: 2.4% of 5,000 draws where an effect is a slope, 2.0% of 5,000 where each level of a
    hyperparameter has an effect of its own (tau alone: 10% and 9%).
    """
    grid = _on_grid(values, gaps)
    tau, by_axis = granulated_kendall(values, gaps)
    error, environment = worst_sign_error(values, gaps, gap_noise)
    return Ranking(
        granulated_tau=tau,
        tau_by_axis=by_axis,
        granulated_p=_p_value(lambda ranks: _granulated(ranks, grid), grid.ranks),
        worst_sign_error=error,
        worst_environment=environment,
        information=signed_conditional_information(values, gaps),
        information_p=_p_value(information_of(grid.gaps, grid.levels), grid.ranks),
    )


def is_above_chance(values: Mapping[GridPoint, float], gaps: Mapping[GridPoint, float], level: float) -> bool:
    """Whether both p-values of the ranking are below the level; the second is not computed where the first is not."""
    grid = _on_grid(values, gaps)
    if _p_value(lambda ranks: _granulated(ranks, grid), grid.ranks) >= level:
        return False
    return _p_value(information_of(grid.gaps, grid.levels), grid.ranks) < level


def granulated_kendall(
    values: Mapping[GridPoint, float], gaps: Mapping[GridPoint, float]
) -> tuple[float, dict[int, float]]:
    """Kendall's tau along one hyperparameter, the others fixed: its mean over all lines, and for each hyperparameter.

    Jiang et al. 2020 (arXiv:1912.02178), "Granulated Kendall's coefficient": Ψ, and ψ_i by i. Their tau is the mean
    over pairs of sign(μ - μ') sign(g - g'): a tie in either is 0 and its pair counts. (tau-b, which scipy.stats has,
    would leave it out, and is undefined on a line of equal values.)
    """
    grid = _on_grid(values, gaps)
    by_axis = {axis: float(tau) for axis, tau in _tau_by_axis(grid.ranks, grid).items()}
    return float(np.mean(list(by_axis.values()))), by_axis


def worst_sign_error(
    values: Mapping[GridPoint, float], gaps: Mapping[GridPoint, float], gap_noise: float = 0.0
) -> tuple[float, Environment]:
    """The largest sign-error over all environments, (1 - sign(μ - μ') sign(g - g')) / 2 in the mean, and where it is.

    `gap_noise`: pairs whose gaps differ by no more (the standard error of a difference, say) have no known order and
    are left out, and environments of such pairs alone too; ValueError if none is left. An average forgives coin tosses
    on such pairs, a maximum does not.

    Dziugaite et al. 2020 (arXiv:2010.11924). Differs from the paper: one environment pools all pairs with the same
    change of one hyperparameter, where theirs keeps each setting of the others apart and averages over seeds (values
    and gaps here are averages over seeds already); a pair counts or does not, where theirs weighs it by Hoeffding's
    inequality for the size of the test set, and leaves out environments with fewer than 12 pairs' weight.
    """
    grid = _on_grid(values, gaps)
    errors: dict[Environment, float] = {}
    for axis, (first, second) in _neighbours(grid.levels).items():
        agreement = _agreement(grid.ranks, grid.gaps, first, second)
        known = np.abs(grid.gaps[second] - grid.gaps[first]) > gap_noise
        for low, high in itertools.combinations(range(len(grid.axes[axis])), 2):
            chosen = known & (grid.levels[first, axis] == low) & (grid.levels[second, axis] == high)
            if chosen.any():
                where = Environment(axis, grid.axes[axis][low], grid.axes[axis][high], int(chosen.sum()))
                errors[where] = float((1 - agreement[chosen]).mean() / 2)
    if not errors:
        raise ValueError(
            f"no two networks that differ in one hyperparameter have gaps more than {gap_noise} apart; "
            "a sign-error needs a pair whose order is known"
        )
    worst = max(errors, key=lambda where: errors[where])
    return errors[worst], worst


def any_is_told_apart(gaps: Mapping[GridPoint, float], gap_noise: float) -> bool:
    """Whether two networks that differ in one hyperparameter have gaps more than `gap_noise` apart."""
    grid = _on_grid(gaps, gaps)
    pairs = _neighbours(grid.levels).values()
    return any(bool((np.abs(grid.gaps[second] - grid.gaps[first]) > gap_noise).any()) for first, second in pairs)


def signed_conditional_information(values: Mapping[GridPoint, float], gaps: Mapping[GridPoint, float]) -> float:
    """What the measure tells about the order of the gaps beyond any two hyperparameters: conditional_information.py."""
    grid = _on_grid(values, gaps)
    return float(signed_information(grid.ranks, grid.gaps, grid.levels))


def _on_grid(values: Mapping[GridPoint, float], gaps: Mapping[GridPoint, float]) -> _Grid:
    if different := values.keys() ^ gaps.keys():
        raise ValueError(f"only one of values and gaps has the grid points {sorted(different)}; both need the same")
    axes = [sorted(set(axis)) for axis in zip(*values, strict=False)]
    points = list(itertools.product(*axes))
    if set(points) != values.keys() or len(points) < 2:
        sizes = " x ".join(str(len(axis)) for axis in axes)
        raise ValueError(
            f"{len(values)} grid points do not fill a grid of {sizes}; every combination is needed, two at least"
        )
    for what, numbers in (("value", values), ("gap", gaps)):
        if strange := [point for point in points if not math.isfinite(numbers[point])]:
            raise ValueError(f"the {what} at {strange[0]} is {numbers[strange[0]]}; a finite number is needed")
    return _Grid(
        axes=axes,
        ranks=rankdata([values[point] for point in points], method="dense"),  # differences of huge values overflow
        gaps=np.array([gaps[point] for point in points], dtype=float),
        levels=np.array(list(itertools.product(*(range(len(axis)) for axis in axes)))),
    )


def _neighbours(levels: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """For each hyperparameter that varies: the pairs of networks that differ in it alone, the lower value first."""
    differ = levels[:, None, :] != levels[None, :, :]
    alone = differ.sum(axis=2) == 1
    pairs = {}
    for axis in range(levels.shape[1]):
        first, second = np.nonzero(alone & differ[:, :, axis] & (levels[:, None, axis] < levels[None, :, axis]))
        if len(first):
            pairs[axis] = first, second
    return pairs


def _agreement(ranks: np.ndarray, gaps: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """1, 0 or -1 for each pair of networks, (..., pairs), with `ranks` (..., n)."""
    return np.sign(ranks[..., second] - ranks[..., first]) * np.sign(gaps[second] - gaps[first])


def _tau_by_axis(ranks: np.ndarray, grid: _Grid) -> dict[int, np.ndarray]:
    pairs = _neighbours(grid.levels)
    return {axis: _agreement(ranks, grid.gaps, *pair).mean(axis=-1) for axis, pair in pairs.items()}


def _granulated(ranks: np.ndarray, grid: _Grid) -> np.ndarray:
    return np.asarray(np.mean(list(_tau_by_axis(ranks, grid).values()), axis=0))


def _p_value(statistic: Callable[[np.ndarray], np.ndarray], ranks: np.ndarray) -> float:
    """The chance of so large a statistic if the measure's values lay on the grid in any order, by random orders."""
    result = permutation_test(
        (ranks,),
        lambda orders, axis: np.round(statistic(orders), 9),  # what differs by rounding alone is a tie
        permutation_type="pairings",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        batch=BATCH,
        alternative="greater",
        random_state=np.random.default_rng(0),
    )
    return float(result.pvalue)
