"""A random subspace through a network's initial weights: θ₀ + P z, with z alone to be chosen, (d,).

Every row of P has one entry: weights are shared out at random among the d coordinates, with a random sign, so that
P (p, d) has orthonormal columns.
"""

import dataclasses

import torch
from torch import Tensor

from measures.quantities.flat_parameters import flat_parameters
from measures.trained_model import TrainedModel


@dataclasses.dataclass(frozen=True, eq=False)
class Subspace:
    """`start` θ₀ (p,); of each row of P the `column` of its one entry and the `entry`, (p,) each; `d` columns."""

    start: Tensor
    column: Tensor
    entry: Tensor
    d: int

    def at(self, z: Tensor) -> Tensor:
        """θ₀ + P z, (p,)."""
        return self.start + self.entry * z[self.column]

    def along(self, gradient: Tensor) -> Tensor:
        """Pᵀ times a gradient by θ, (d,)."""
        return gradient.new_zeros(self.d).index_add_(0, self.column, self.entry * gradient)


def random_subspace(trained: TrainedModel, d: int) -> Subspace:
    """One of d dimensions, the same for twins."""
    start = flat_parameters(trained.init)
    column, entry = (part.to(start.device) for part in random_basis(len(start), d, trained.generator()))
    return Subspace(start, column, entry.to(start), d)


def random_basis(size: int, d: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """P (size, d) row by row: the column of the one entry, and the entry. Its columns are orthonormal."""
    column = torch.randperm(size, generator=generator) % d
    sign = 2 * torch.randint(2, (size,), generator=generator) - 1
    return column, sign / column.bincount(minlength=d).sqrt()[column]
