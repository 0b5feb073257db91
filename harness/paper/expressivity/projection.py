"""One direction for a sample: a such that all projections ⟨a, xᵢ⟩ differ, by as much as is cheaply had.

Almost every direction separates distinct points, but n random projections come as close as 1/n² of their range, and
the weights of theorem 1 grow as 1 / (smallest gap). So the best of some random directions is improved in the order in
which it puts the points: with n ≤ d + 1 points in general position least squares makes all gaps equal, and otherwise a
linear program in a makes the smallest gap as large as this order allows. Zhang et al. 2017, section 4.

Directions are ranked in float64; whether all projections differ is decided in exact arithmetic, in which floating-point
numbers are what they are: integers times powers of two.
"""

import operator
from fractions import Fraction

import numpy as np
import scipy.linalg
import scipy.optimize
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 16  # twice: with one scale for all features, and with each feature's own
SMALLEST_SPREAD = 2.0**-1000  # that a feature is taken to have: its weight is about the inverse, which has to be finite
LARGEST_PROGRAM = 500_000  # numbers in the sample; a linear program of that size takes seconds


def choose_direction(points: Floats, generator: torch.Generator) -> tuple[Floats, list[Fraction]]:
    """A direction (d,) that separates the distinct points (n, d), and their exact projections on it.

    Projections have a range of 1, unless the sample is so narrow that no float64 direction gives that. Features that
    are the same in all points have a weight of 0. The labels have no say: one direction serves all labels.
    """
    while True:  # one round, but for an accident in exact arithmetic
        drawn = torch.randn(DRAWS, points.shape[1], generator=generator, dtype=torch.float64).numpy()
        for direction in _ranked(points, drawn):
            projections = exact_projections(points, direction)
            if len(set(projections)) == len(projections):
                return direction, projections


def separation(points: Floats, direction: Floats) -> float:
    """The smallest gap between projections, relative to the largest Σⱼ |aⱼ xᵢⱼ|, whose roundings it has to stand."""
    gaps = np.diff(np.sort(points @ direction))
    scale = float((np.abs(points) @ np.abs(direction)).max())
    return float(gaps.min()) / scale if len(gaps) and scale else 0.0


def exact_projections(points: Floats, direction: Floats) -> list[Fraction]:
    """⟨a, xᵢ⟩ for float64 points (n, d) and a (d,), without rounding."""
    a, a_exponent = _as_integers(direction)
    projections = []
    for point in points:
        x, x_exponent = _as_integers(point)
        projections.append(sum(map(operator.mul, a, x)) * Fraction(2) ** (a_exponent + x_exponent))
    return projections


def _as_integers(numbers: Floats) -> tuple[list[int], int]:
    """Integers, and the exponent of the power of two that makes them the numbers."""
    mantissas, exponents = np.frexp(numbers)
    smallest = int(exponents.min())
    integers: list[int] = np.ldexp(mantissas, 53).astype(np.int64).tolist()
    shifts: list[int] = (exponents - smallest).tolist()
    return list(map(operator.lshift, integers, shifts)), smallest - 53


def _ranked(points: Floats, drawn: Floats) -> list[Floats]:
    """Directions from the best to the worst: the drawn ones, and what becomes of the best of them."""
    low, high = points.min(axis=0), points.max(axis=0)
    varies = high > low
    if not varies.any():  # a single point
        return [np.zeros(points.shape[1])]
    scale = np.maximum(high / 2 - low / 2, SMALLEST_SPREAD)  # halves do not overflow
    candidates = [*np.where(varies, drawn / scale.max(), 0), *np.where(varies, drawn / scale, 0)]
    best = max(candidates, key=lambda direction: separation(points, direction))
    standard = np.where(varies, (points - (high / 2 + low / 2)) / scale, 0)  # every feature from -1 to 1
    order = np.argsort(points @ best)
    improved = _improved(standard[order])
    if improved is not None:
        with np.errstate(over="ignore"):
            candidates.append(np.where(varies, improved / scale, 0))
    finite = [_of_unit_range(points, direction) for direction in candidates if np.isfinite(direction).all()]
    return sorted(finite, key=lambda direction: -separation(points, direction))


def _improved(points: Floats) -> Floats | None:
    """A direction in which the points (n, d) come in this order, their smallest gap wider; None where none is found."""
    n, d = points.shape
    if n <= d + 1:
        return _evenly_spaced(points)
    return _of_widest_smallest_gap(points) if points.size <= LARGEST_PROGRAM else None


def _evenly_spaced(points: Floats) -> Floats:
    """The shortest a whose projections are closest to even spacing, in the least-squares sense."""
    places = np.linspace(-0.5, 0.5, len(points))
    return np.asarray(scipy.linalg.lstsq(points - points.mean(axis=0), places, lapack_driver="gelsy")[0])


def _of_widest_smallest_gap(points: Floats) -> Floats | None:
    """Maximise t over (a, t): ⟨a, xᵢ₊₁ − xᵢ⟩ ≥ t for all i, ⟨a, xₙ − x₁⟩ = 1."""
    n, d = points.shape
    found = scipy.optimize.linprog(
        c=[*[0.0] * d, -1.0],
        A_ub=np.hstack([-np.diff(points, axis=0), np.ones((n - 1, 1))]),
        b_ub=np.zeros(n - 1),
        A_eq=[[*(points[-1] - points[0]), 0.0]],
        b_eq=[1.0],
        bounds=(None, None),
        method="highs",
    )
    return np.asarray(found.x)[:-1] if found.success else None


def _of_unit_range(points: Floats, direction: Floats) -> Floats:
    """The direction times what makes the projections' range 1; as it is where that is not finite."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        scaled: Floats = direction / np.ptp(points @ direction)
    return scaled if np.isfinite(scaled).all() else direction
