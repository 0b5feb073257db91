"""Theorem 1 of the paper: two layers and 2n + d weights represent any labels of any n points in d dimensions.

    c(x) = Σⱼ wⱼ max(⟨a, x⟩ − bⱼ, 0)     zᵢ = ⟨a, xᵢ⟩ ascending     A w = y, Aᵢⱼ = max(zᵢ − bⱼ, 0)

With bⱼ < zⱼ ≤ bⱼ₊₁ the matrix A is lower triangular with a positive diagonal: w exists for every y. Zhang et al. 2017,
section 4.

Differs from the paper: the knots are at the points, bⱼ₊₁ = zⱼ and b₁ = z₁ − (zₙ − z₁); there they are anywhere between
neighbours.
- The diagonal, with it the smallest eigenvalue λ of A, is as large as knots can make it: λ is the smallest gap.
- wⱼ is the difference of two slopes (yᵢ − yᵢ₋₁) / (zᵢ − zᵢ₋₁), so that |w| ≤ 4 |y| / λ, in the Euclidean and in the
  maximum norm. For knots elsewhere λ alone bounds nothing: z = (0, m) and b = (−1, m − 1) have λ = 1 and
  w₂ = y₂ − (m + 1) y₁.
- In exact arithmetic, in which w is solved for, all numbers stay short.
"""

import bisect
import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.paper.expressivity.projection import Floats, choose_direction, exact_projections
from measures.seeding import seeded_generator


@dataclasses.dataclass(frozen=True, eq=False)
class Representation:
    """c, by its weights, and the sample that it represents. Numbers are exact: rationals, and float64 in `direction`.

    `direction` a (d,); `knots` b and `weights` w (n,). `projections` z (n,) ascend, with their `labels` y (n,);
    `indices` say which point of the sample each is.
    """

    direction: Tensor
    knots: tuple[Fraction, ...]
    weights: tuple[Fraction, ...]
    projections: tuple[Fraction, ...]
    labels: tuple[Fraction, ...]
    indices: tuple[int, ...]

    @property
    def num_weights(self) -> int:
        """2n + d."""
        return len(self.knots) + len(self.weights) + len(self.direction)

    @property
    def smallest_eigenvalue(self) -> Fraction:
        """Of A: its smallest diagonal entry, in units of the projections."""
        return min(z - b for z, b in zip(self.projections, self.knots, strict=True))

    @property
    def weight_bound(self) -> Fraction:
        """4 max |y| / λ, which no |wⱼ| exceeds."""
        return 4 * max(map(abs, self.labels)) / self.smallest_eigenvalue

    @functools.cached_property
    def slopes(self) -> list[Fraction]:
        """Of c between bⱼ and bⱼ₊₁, (n,)."""
        return list(itertools.accumulate(self.weights))

    @functools.cached_property
    def _offsets(self) -> list[Fraction]:
        return list(itertools.accumulate(w * b for w, b in zip(self.weights, self.knots, strict=True)))

    def at(self, projection: Fraction) -> Fraction:
        """c where ⟨a, x⟩ is `projection`, without rounding."""
        active = bisect.bisect_left(self.knots, projection)
        return self.slopes[active - 1] * projection - self._offsets[active - 1] if active else Fraction(0)

    def __call__(self, points: Tensor) -> list[Fraction]:
        """c at points (m, d), taken as float64, without rounding."""
        return [self.at(z) for z in exact_projections(_numpy(points), self.direction.numpy())]

    def in_float64(self) -> "Representation":
        """The same labels by weights that are float64 numbers.

        Projections are rounded to the nearest, with knots at them, and w is solved for these. Each wⱼ is rounded
        before the next is solved for, which makes up for it, so that at zᵢ all that is left is wᵢ's own rounding:
        |c(zᵢ) − yᵢ| ≤ ε/2 |wᵢ| (zᵢ − bᵢ), with ε = 2⁻⁵²; where wᵢ is subnormal, 2⁻¹⁰⁷⁵ (zᵢ − bᵢ).

        HarnessError where two projections are one float64 number, or the weights too large for it.
        """
        rounded = [_nearest(z) for z in self.projections]
        for (z, i), (next_z, j) in itertools.pairwise(zip(rounded, self.indices, strict=True)):
            if z == next_z:
                raise HarnessError(
                    f"points {i} and {j} have projections that are one number in float64; expected distinct ones: use "
                    "the exact representation, or leave one of the points out"
                )
        first, *others = knots_for(rounded)
        below = math.nextafter(float(rounded[0]), -math.inf)  # rounding may not bring the knot to the point
        knots = [min(_nearest(first), Fraction(below)), *others]
        try:
            weights = solve(rounded, knots, self.labels, _nearest)
            float(sum(map(abs, weights)) * (rounded[-1] - knots[0]))  # no partial sum of c is more
        except OverflowError as cause:
            raise HarnessError(
                f"weights for labels of up to {float(max(map(abs, self.labels))):.3g} and gaps of down to "
                f"{float(self.smallest_eigenvalue):.3g} are beyond float64; use the exact representation, or scale the "
                "labels down"
            ) from cause
        return dataclasses.replace(self, knots=tuple(knots), weights=tuple(weights), projections=tuple(rounded))


def represent(points: Tensor, labels: Tensor, seed: int = 0) -> Representation:
    """The exact representation of labels (n,) of points (n, d), both taken as float64; `seed` is for the direction.

    Points that are equal, with equal labels, are one point and count once in n. HarnessError where their labels differ,
    for no points, for shapes that do not fit, and for numbers that are not finite.
    """
    _check(points, labels)
    x, y = _numpy(points), labels.double().tolist()
    distinct = _distinct(x, y)
    direction, projections = choose_direction(x[distinct], seeded_generator(seed, "direction"))
    z, indices = zip(*sorted(zip(projections, distinct, strict=True)), strict=True)
    knots = knots_for(z)
    targets = [Fraction(y[index]) for index in indices]
    weights = solve(z, knots, targets)
    return Representation(torch.from_numpy(direction), tuple(knots), tuple(weights), z, tuple(targets), indices)


def knots_for(projections: Sequence[Fraction]) -> list[Fraction]:
    """b (n,): each at the point before, the first as far below the first point as the last is above it; 1 if n = 1."""
    first, last = projections[0], projections[-1]
    return [first - (last - first or 1), *projections[:-1]]


def solve(
    projections: Sequence[Fraction],
    knots: Sequence[Fraction],
    labels: Sequence[Fraction],
    rounding: Callable[[Fraction], Fraction] = lambda weight: weight,
) -> list[Fraction]:
    """w (n,) with A w = y, by forward substitution in O(n): left of the next knot c is a line, slope · z − offset."""
    weights = []
    slope = offset = Fraction(0)
    for z, b, y in zip(projections, knots, labels, strict=True):
        weight = rounding((y - (slope * z - offset)) / (z - b))
        slope += weight
        offset += weight * b
        weights.append(weight)
    return weights


def _nearest(number: Fraction) -> Fraction:
    return Fraction(float(number))


def _numpy(points: Tensor) -> Floats:
    return points.detach().cpu().double().numpy()


def _distinct(points: Floats, labels: list[float]) -> list[int]:
    """The index of the first of each set of equal points. HarnessError where equal points have different labels."""
    first: dict[bytes, int] = {}
    for index, point in enumerate(points + 0.0):  # -0 is 0
        earlier = first.setdefault(point.tobytes(), index)
        if labels[earlier] != labels[index]:
            raise HarnessError(
                f"points {earlier} and {index} are equal, but their labels are {labels[earlier]:g} and "
                f"{labels[index]:g}; no function has both: give them one label, or leave one of them out"
            )
    return list(first.values())


def _check(points: Tensor, labels: Tensor) -> None:
    if points.ndim != 2 or not points.numel() or labels.shape != points.shape[:1]:
        raise HarnessError(
            f"points are {tuple(points.shape)} and labels {tuple(labels.shape)}; expected (n, d) and (n,), with one "
            "point and one feature at least"
        )
    if not (points.double().isfinite().all() and labels.double().isfinite().all()):
        raise HarnessError("points or labels are infinite or nan; expected finite numbers: leave these points out")
