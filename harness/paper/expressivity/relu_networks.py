"""The networks of theorem 1 in torch, in float64: two layers with 2n + d weights, or k hidden layers of width n/k + 4.

The deep network computes the same function with the same weights. Hidden layer ℓ has the units max(z − bⱼ, 0) of the
ℓ-th block of neighbouring knots, and hands on what later layers need: z = z⁺ − z⁻ and the sum so far s = s⁺ − s⁻, two
ReLU units each. Its other weights are 1 and −1; no more than 5n + 8k + d of all are not 0.
Zhang et al. 2017, section 4 and appendix.
"""

from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.paper.expressivity.representation import Representation

Matrix = NDArray[np.object_]
Layer = tuple[Matrix, Matrix]
"""Matrix (units, units below) and bias (units,) of a layer, in Fractions."""


class TwoLayerNetwork(nn.Module):
    """c for points (m, d) in float64; (m,). Its parameters are a (d), b (n) and w (n)."""

    def __init__(self, representation: Representation) -> None:
        super().__init__()
        exact = representation.in_float64()
        self.project = _linear(np.array([exact.direction.tolist()]))
        self.knots = nn.Parameter(_float64(np.array(exact.knots)))
        self.output = _linear(np.array([exact.weights]))

    def forward(self, points: Tensor) -> Tensor:
        return self.output(F.relu(self.project(points) - self.knots)).squeeze(-1)


class DeepNetwork(nn.Module):
    """The same with k hidden layers. HarnessError unless k is from 1 to n."""

    def __init__(self, representation: Representation, num_hidden: int) -> None:
        super().__init__()
        exact = representation.in_float64()
        hidden, output = deep_layers(exact, num_hidden)
        self.project = _linear(np.array([exact.direction.tolist()]))
        self.hidden = nn.ModuleList(_linear(*layer) for layer in hidden)
        self.output = _linear(output)

    @property
    def width(self) -> int:
        """Units of the widest hidden layer."""
        return max(layer.out_features for layer in self.hidden if isinstance(layer, nn.Linear))

    @property
    def num_nonzero(self) -> int:
        """Weights and biases that are not 0."""
        return sum(int(parameter.count_nonzero()) for parameter in self.parameters())

    def forward(self, points: Tensor) -> Tensor:
        units = self.project(points)
        for layer in self.hidden:
            units = F.relu(layer(units))
        return self.output(units).squeeze(-1)


def deep_layers(representation: Representation, num_hidden: int) -> tuple[list[Layer], Matrix]:
    """Hidden layers, from z as the only unit on, and the output's matrix (1, units), all exact.

    A layer's units are its block, then z⁺ and z⁻ (not in the last), then s⁺ and s⁻ (not in the first).
    """
    n = len(representation.knots)
    if not 1 <= num_hidden <= n:
        raise HarnessError(f"{num_hidden} hidden layers for {n} points; expected 1 to {n}: every layer takes a point")
    layers: list[Layer] = []
    z, s = np.array([[Fraction(1)]]), np.array([[Fraction(0)]])  # as rows (1, units below)
    for block in np.array_split(np.arange(n), num_hidden):
        last = block[-1] == n - 1
        rows = [np.repeat(z, len(block), axis=0)]
        rows += [] if last else [z, -z]
        rows += [s, -s] if layers else []
        bias = [-representation.knots[j] for j in block]
        matrix = np.vstack(rows)
        units = len(matrix)
        layers.append((matrix, np.array([*bias, *[Fraction(0)] * (units - len(block))])))
        s = _row(units, {i: representation.weights[j] for i, j in enumerate(block)})
        s += _row(units, {units - 2: Fraction(1), units - 1: Fraction(-1)} if len(layers) > 1 else {})
        z = _row(units, {len(block): Fraction(1), len(block) + 1: Fraction(-1)} if not last else {})
    return layers, s


def error_bound(representation: Representation, points: Tensor, num_hidden: int = 1) -> Tensor:
    """What |network(xᵢ) − yᵢ| cannot exceed in float64, for the sample's points (m, d); (m,).

        ε [(n + 3k + 2) Σⱼ |wⱼ| max(zᵢ − bⱼ, 0) + (d + 1) Λ Σⱼ |aⱼ xᵢⱼ|]     ε = 2⁻⁵², Λ = the steepest slope of c

    in whatever order sums are taken: the first term has the roundings after the projection, the second those of the
    projection. ε is twice a rounding, which covers products of roundings; numbers below 2⁻¹⁰²² add next to nothing.
    """
    exact = representation.in_float64()
    n, d = len(exact.knots), points.shape[1]
    knots, weights = (_float64(np.array(numbers)) for numbers in (exact.knots, exact.weights))
    steepest = float(max(map(abs, exact.slopes)))
    terms = F.relu((points.double() @ exact.direction)[:, None] - knots) @ weights.abs()
    projected = points.double().abs() @ exact.direction.abs()
    epsilon = torch.finfo(torch.float64).eps
    smallest = torch.finfo(torch.float64).smallest_normal * epsilon  # 2⁻¹⁰⁷⁴
    underflow = smallest * (n + d + 2) * (1 + steepest + float(exact.projections[-1] - exact.knots[0]))
    return epsilon * ((n + 3 * num_hidden + 2) * terms + (d + 1) * steepest * projected) + underflow


def _row(units: int, entries: dict[int, Fraction]) -> Matrix:
    return np.array([[entries.get(unit, Fraction(0)) for unit in range(units)]])


def _linear(matrix: Matrix, bias: Matrix | None = None) -> nn.Linear:
    layer = nn.Linear(matrix.shape[1], matrix.shape[0], bias=bias is not None, dtype=torch.float64)
    layer.weight = nn.Parameter(_float64(matrix))
    if bias is not None:
        layer.bias = nn.Parameter(_float64(bias))
    return layer


def _float64(numbers: Matrix) -> Tensor:
    return torch.from_numpy(numbers.astype(np.float64))
