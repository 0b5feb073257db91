"""The interpolant of minimum norm: K α = y, by a Cholesky factorisation in blocks, in place, in half the memory.

    K = L Lᵀ     L (Lᵀ α) = y     ‖f‖² = Σ over classes of yᵀ K⁻¹ y = tr(αᵀ y)

Only the lower triangle is kept, in blocks of rows: n = 60,000 takes 7.4 GB in float32. Rows are factorised from the top
down, so that whatever has been factorised is the factor of the leading examples alone: every smaller training set is
solved on the way. Zhang et al. 2017, section 5.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from harness.errors import HarnessError

BLOCK = 1000
"""Rows in a block. Triangular solves are slower than products, and smaller blocks have less of them, but slower
products: in between, nine tenths of the time are products at their full rate."""

Rows = Callable[[slice], Tensor]
"""K[rows, : rows.stop] for a block of rows, from the data."""


@dataclasses.dataclass(frozen=True, eq=False)
class LowerTriangle:
    """A symmetric matrix or its Cholesky factor: block i is rows bounds[i] to bounds[i + 1], columns up to the diagonal
    block's last. What is above the diagonal inside a diagonal block counts for nothing."""

    bounds: tuple[int, ...]
    blocks: list[Tensor]

    @classmethod
    def zeros(
        cls, size: int, block: int = BLOCK, at: Sequence[int] = (), dtype: torch.dtype = torch.float32
    ) -> "LowerTriangle":
        """Zeros, with a bound every `block` rows and at each of the sizes `at`, where it can be solved on the way."""
        wrong = [rows for rows in at if not 0 < rows <= size]
        if wrong:
            raise HarnessError(f"a training set of {wrong[0]} is not a part of one of {size}; ask for 1 to {size}")
        bounds = tuple(sorted({*range(0, size, block), size, *at}))
        return cls(bounds, [torch.zeros(stop - start, stop, dtype=dtype) for start, stop in itertools.pairwise(bounds)])

    def rows(self, block: int) -> slice:
        return slice(self.bounds[block], self.bounds[block + 1])

    def fill(self, kernel: Rows) -> None:
        for number, block in enumerate(self.blocks):
            block.copy_(kernel(self.rows(number)))

    def add_products(self, features: Tensor, products: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Add features featuresᵀ, (n, d), as `products` has it: they may come in parts, never all held at once."""
        for number, block in enumerate(self.blocks):
            block.add_(products(features[self.rows(number)], features[: block.shape[1]]))

    def add_to_diagonal(self, amount: float) -> None:
        for block in self.blocks:
            block.diagonal(offset=block.shape[1] - block.shape[0]).add_(amount)


def factorise(triangle: LowerTriangle) -> Iterator[int]:
    """Overwrite K with L, such that L Lᵀ = K, yielding the number of rows that are done after each block.

    HarnessError where K is not positive definite in the precision of its floats; K is lost then.
    """
    for number, block in enumerate(triangle.blocks):
        for earlier in range(number):
            _eliminate(block, triangle, earlier)
        rows = triangle.rows(number)
        left, diagonal = block[:, : rows.start], block[:, rows]
        diagonal.addmm_(left, left.T, alpha=-1)
        factor, trouble = torch.linalg.cholesky_ex(diagonal)
        if int(trouble) or not bool(factor.isfinite().all()):
            raise HarnessError(
                f"the kernel matrix is not positive definite in {str(block.dtype).removeprefix('torch.')}: row "
                f"{rows.start + max(int(trouble), 1)} of {triangle.bounds[-1]} failed; give a larger jitter (L2), a "
                "narrower kernel, or leave out repeated examples"
            )
        diagonal.copy_(factor)
        yield rows.stop


def _eliminate(block: Tensor, triangle: LowerTriangle, earlier: int) -> None:
    """The columns of this block that belong to an earlier block's rows: (K − what lies left of them) L⁻ᵀ, in place."""
    rows, above = triangle.rows(earlier), triangle.blocks[earlier]
    here = block[:, rows]
    here.addmm_(block[:, : rows.start], above[:, : rows.start].T, alpha=-1)
    here.copy_(torch.linalg.solve_triangular(above[:, rows].T, here, upper=True, left=False))


def solve(factor: LowerTriangle, targets: Tensor) -> Tensor:
    """α (n, classes) with L Lᵀ α = targets, for the n leading rows that there are targets for (n a bound)."""
    if len(targets) not in factor.bounds[1:]:
        raise HarnessError(f"{len(targets)} targets end inside a block of rows; a block has to end there")
    last = factor.bounds.index(len(targets))
    solution = targets.clone()
    for number in range(last):
        rows, block = factor.rows(number), factor.blocks[number]
        solution[rows].addmm_(block[:, : rows.start], solution[: rows.start], alpha=-1)
        solution[rows] = torch.linalg.solve_triangular(block[:, rows], solution[rows], upper=False)
    for number in reversed(range(last)):
        rows, block = factor.rows(number), factor.blocks[number]
        solution[rows] = torch.linalg.solve_triangular(block[:, rows].T, solution[rows], upper=True)
        solution[: rows.start].addmm_(block[:, : rows.start].T, solution[rows], alpha=-1)
    return solution


def product(kernel: Rows, solution: Tensor, block: int = BLOCK) -> Tensor:
    """K α (n, classes) in float64, with K made again in blocks of rows; each stands for its columns as well."""
    solution = solution.double()
    result = torch.zeros_like(solution)
    for start in range(0, len(solution), block):
        rows = slice(start, min(start + block, len(solution)))
        part = kernel(rows).double()
        result[rows] += part[:, :start] @ solution[:start]
        result[:start].addmm_(part[:, :start].T, solution[rows])
        lower = part[:, rows].tril()
        result[rows] += lower @ solution[rows] + lower.tril(-1).T @ solution[rows]
    return result


def norm(solution: Tensor, targets: Tensor) -> float:
    """√tr(αᵀ y): the norm of the interpolant in the kernel's space, all classes together."""
    return float((solution.double() * targets.double()).sum().clamp_min(0).sqrt())
