"""Samples that lie badly, and Theorem 1 as it stands in the paper, in rational arithmetic."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import torch
from torch import Tensor

from harness.paper.expressivity.relu_networks import deep_layers
from harness.paper.expressivity.representation import Representation

EPSILON = Fraction(1, 2**52)
Sample = tuple[list[list[float]], list[float]]
anything = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e100, 1e100, allow_subnormal=False)


@st.composite
def samples(draw, labels=anything, most=10) -> Sample:
    """Distinct points: of any size, or scaled by feature, in clusters, on a line, on a grid; shuffled by nature."""
    n, d = draw(st.integers(1, most)), draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["any", "scaled", "clustered", "line", "grid"]))
    entry = anything if kind == "any" else st.floats(-1, 1)
    points = draw(st.lists(st.tuples(*[entry] * d), min_size=n, max_size=n))
    if kind == "scaled":
        scales = draw(st.tuples(*[st.sampled_from([1e-300, 1e-12, 1.0, 1e12, 1e300])] * d))
        points = [tuple(x * s for x, s in zip(point, scales, strict=True)) for point in points]
    if kind == "clustered":  # at relative distances of about 1e-12 around a few centres
        centres = draw(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * d), min_size=1, max_size=3))
        near = [(i, point, centres[i % len(centres)]) for i, point in enumerate(points)]
        points = [tuple(c + 1e-9 * (x + i) for x, c in zip(point, centre, strict=True)) for i, point, centre in near]
    if kind == "line":
        way = draw(st.tuples(*[st.floats(-1, 1)] * d))
        points = [tuple(point[0] * w + 0.5 for w in way) for point in points]
    if kind == "grid":
        points = [tuple(float(round(3 * x)) for x in point) for point in points]
    unique = [list(point) for point in dict.fromkeys(points)]
    return unique, draw(st.lists(labels, min_size=len(unique), max_size=len(unique)))


def tensors(sample: Sample) -> tuple[Tensor, Tensor]:
    return torch.tensor(sample[0], dtype=torch.float64), torch.tensor(sample[1], dtype=torch.float64)


def gaussian(n: int, d: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return points, torch.randint(10, (n,), generator=generator).double()


def naive_projection(direction: list[float], point: list[float]) -> Fraction:
    return sum((Fraction(a) * Fraction(x) for a, x in zip(direction, point, strict=True)), Fraction(0))


def naive(represented: Representation, point: list[float]) -> Fraction:
    """c(x) as it stands in the paper, in rational arithmetic."""
    z = naive_projection(represented.direction.tolist(), point)
    terms = zip(represented.weights, represented.knots, strict=True)
    return sum((w * max(z - b, Fraction(0)) for w, b in terms), Fraction(0))


def triangular(represented: Representation) -> np.ndarray:
    """A of the paper in float64."""
    return np.array([[float(max(z - b, 0)) for b in represented.knots] for z in represented.projections])


def naive_deep(represented: Representation, num_hidden: int, z: Fraction) -> Fraction:
    """The deep network layer by layer in rational arithmetic."""
    hidden, output = deep_layers(represented, num_hidden)
    units = [z]
    for matrix, bias in hidden:
        sums = (sum(w * u for w, u in zip(row, units, strict=True)) + b for row, b in zip(matrix, bias, strict=True))
        units = [max(total, Fraction(0)) for total in sums]
    return sum((w * u for w, u in zip(output[0], units, strict=True)), Fraction(0))
