"""How well a measure ranks a grid, in plain loops written from the definitions; and grids to try it on."""

import collections
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from harness.zoo.grid import GridPoint

Numbers = Mapping[GridPoint, float]


def grid(*sizes: int) -> list[GridPoint]:
    """All points of a grid with so many levels, 0.0, 1.0, ..., of each hyperparameter."""
    return list(itertools.product(*(tuple(float(level) for level in range(size)) for size in sizes)))


def drawn(points: list[GridPoint], seed: int) -> dict[GridPoint, float]:
    """A standard normal number at every point."""
    return dict(zip(points, np.random.default_rng(seed).normal(size=len(points)).tolist(), strict=True))


def negated(numbers: Numbers) -> dict[GridPoint, float]:
    """The numbers with the other sign: the opposite ranking."""
    return {point: -number for point, number in numbers.items()}


SIXTEEN, THIRTY_SIX = grid(2, 2, 2, 2), grid(3, 3, 2, 2)
SQUARE = grid(2, 2)
SQUARE_GAPS = dict(zip(SQUARE, (0.1, 0.2, 0.3, 0.4), strict=True))


def on_square(*values: float) -> dict[GridPoint, float]:
    """Four values on the grid of two hyperparameters with two levels, (0, 0), (0, 1), (1, 0), (1, 1)."""
    return dict(zip(SQUARE, values, strict=True))


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[GridPoint, float], dict[GridPoint, float]]:
    """A measure and gaps with ties on some grid of up to four hyperparameters."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4).filter(lambda s: 2 <= math.prod(s) <= 18))
    points = grid(*sizes)
    numbers = st.lists(st.integers(0, 12).map(float), min_size=len(points), max_size=len(points))
    values, gaps = (dict(zip(points, draw(numbers), strict=True)) for _ in range(2))
    assume(len(set(gaps.values())) > 1)
    return values, gaps


def sign(number: float) -> int:
    """-1, 0 or 1."""
    return (number > 0) - (number < 0)


def naive_granulated(values: Numbers, gaps: Numbers) -> float:
    """Kendall's τ along each line of the grid, its mean over the lines of a hyperparameter, and the mean of those."""
    points = list(values)
    by_axis = []
    for axis in range(len(points[0])):
        lines = collections.defaultdict(list)
        for point in points:
            lines[point[:axis] + point[axis + 1 :]].append(point)
        taus = []
        for line in lines.values():
            pairs = [(a, b) for a in line for b in line if a != b]
            if pairs:
                taus.append(sum(sign(values[a] - values[b]) * sign(gaps[a] - gaps[b]) for a, b in pairs) / len(pairs))
        if taus:
            by_axis.append(sum(taus) / len(taus))
    return sum(by_axis) / len(by_axis)


def naive_worst(values: Numbers, gaps: Numbers, gap_noise: float) -> float:
    """Of all changes of one hyperparameter the largest share of pairs ranked wrongly, a tie counted as half.

    A change is a hyperparameter and two of its levels; pairs whose gaps differ by no more than the noise are left out.
    """
    errors = collections.defaultdict(list)
    for a, b in itertools.permutations(values, 2):
        changed = [axis for axis in range(len(a)) if a[axis] != b[axis]]
        if len(changed) == 1 and abs(gaps[a] - gaps[b]) > gap_noise:
            change = changed[0], frozenset((a[changed[0]], b[changed[0]]))
            errors[change].append((1 - sign(values[a] - values[b]) * sign(gaps[a] - gaps[b])) / 2)
    return max(sum(some) / len(some) for some in errors.values())


def entropy(draws: Sequence[object]) -> float:
    """In bits, from how often each outcome comes up."""
    chances = [count / len(draws) for count in collections.Counter(draws).values()]
    return -sum(chance * math.log2(chance) for chance in chances)


def naive_information(values: Numbers, gaps: Numbers, signed: bool = True) -> float:
    """Information between the signs of the measure's and the gap's change, over the entropy of the gap's.

    Given the levels of up to two hyperparameters; the smallest over their choices. `signed`: information that is there
    because the measure ranks the wrong way counts against it.
    """
    points = list(values)
    axes = range(len(points[0]))
    scores = []
    for chosen in [
        *itertools.combinations(axes, 0),
        *itertools.combinations(axes, 1),
        *itertools.combinations(axes, 2),
    ]:
        cells = collections.defaultdict(list)
        for a, b in itertools.permutations(points, 2):
            if gaps[a] != gaps[b]:
                u = tuple((a[axis], b[axis]) for axis in chosen)
                rise = sign(values[b] - values[a])
                for coin in (-1, 1):  # a tie falls either way
                    cells[u].append((rise or coin, sign(gaps[b] - gaps[a])))
        known = unknown = 0.0
        for pairs in cells.values():
            by_measure, by_gap = ([pair[side] for pair in pairs] for side in (0, 1))
            covariance = len(pairs) * sum(x * y for x, y in pairs) - sum(by_measure) * sum(by_gap)
            direction = 1.0 if not signed or covariance > 0 else -1.0
            known += direction * len(pairs) * (entropy(by_measure) + entropy(by_gap) - entropy(pairs))
            unknown += len(pairs) * entropy(by_gap)
        if unknown > 1e-9:
            scores.append(known / unknown)
    return min(scores)
