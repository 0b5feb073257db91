"""The nearest other of each of many points, by matrix products: as exact as by all the differences, and much faster.

    ‖x − y‖² = ‖x‖² + ‖y‖² − 2 ⟨x, y⟩

In float32 this is off by at most ε (‖x‖² + ‖y‖²), with ε as in `_product_error`, whatever the order of its sums. So
the products only tell which others cannot be the nearest. Between those that are left the differences decide, in
float64, and where these are equal the lowest index.
"""

import math

import torch
from torch import Tensor

from measures.fixed_modes import under_fixed_modes
from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel

BLOCK = 1000  # points whose products with as many others are held at a time
SUMMED = 512  # features in a product; longer sums round more
CROWD = 100  # a point with more candidates than that is compared with all others
DIFFERENCES = 2**21  # numbers whose differences are held at a time
UNIT = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}  # relative error of rounding


@once_per_model
def nearest_examples(trained: TrainedModel) -> Tensor:
    """Of each training example the nearest other, in the inputs, whatever its label: indices (n,); n > 1.

    Of several that are equally near, the first of `random_order`: the same one however the examples are stored.
    """
    order = trained.random_order
    nearest = torch.empty_like(order)
    nearest[order] = order[nearest_others(trained.inputs[order].flatten(1))]
    return nearest


@under_fixed_modes
def nearest_others(points: Tensor) -> Tensor:
    """Of each of the points (n, d) the nearest other in Euclidean distance, the lowest of several, (n,); n > 1."""
    points = points.double()
    crowded = torch.ones(len(points), dtype=torch.bool, device=points.device)
    nearest = torch.zeros(len(points), dtype=torch.int64, device=points.device)
    centred = points - points.mean(dim=0)
    largest = max(map(abs, map(float, centred.aminmax()))) if centred.numel() else 0.0
    if 2.0**-300 < largest < 2.0**300:  # else all are equal, or squares vanish or overflow, or some are not finite
        # Times a power of two, which is exact but for what vanishes, so that no product overflows.
        scaled = centred.mul_(2.0 ** -math.frexp(largest)[1]).to(_dtype(points))
        pairs, crowded = _candidates(scaled)
        nearest = _nearest_of_pairs(points, pairs)
    for rows in crowded.nonzero()[:, 0].split(max(1, DIFFERENCES // len(points))):
        nearest[rows] = _nearest_of_all(points, rows)
    return nearest


def _dtype(points: Tensor) -> torch.dtype:
    """Of the products: float32 only where nothing makes them of shorter numbers."""
    whole = points.device.type == "cpu" and torch.get_float32_matmul_precision() == "highest"
    return torch.float32 if whole else torch.float64


def _product_error(features: int, dtype: torch.dtype) -> float:
    """ε: an upper limit on the error of a computed ‖x − y‖², as a share of ‖x‖² + ‖y‖².

    In units u of rounding: m = SUMMED for a sum of products, with 2 |⟨x, y⟩| ≤ ‖x‖² + ‖y‖²; 4 for each of the d / m
    subtractions from what is at most 2 (‖x‖² + ‖y‖²) but for rounding; 12 for the rounding of the points to this
    dtype, of the squares and of their sum, and of the differences that decide. All this u is far below 1, and a
    hundredth covers its powers.
    """
    subtractions = -(-features // SUMMED)
    return 1.01 * (min(features, SUMMED) + 4 * subtractions + 12) * UNIT[dtype]


def _candidates(points: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs (i, j), (pairs, 2) in ascending order: every j that may be the nearest to i; and which points are crowded.

    Crowded points, (n,), have more than CROWD candidates, and no pairs.
    """
    squares = torch.linalg.vector_norm(points, dim=1, dtype=torch.float64).square()
    underflow = 4 * points.shape[1] * torch.finfo(points.dtype).tiny
    error = _product_error(points.shape[1], points.dtype) * (squares + squares.max()) + underflow
    squares, slack = squares.to(points.dtype), (2.1 * error).to(points.dtype)  # one error each way, and its rounding
    best = torch.full_like(squares, torch.inf)
    crowded = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    kept = torch.empty(0, 2, dtype=torch.int64, device=points.device)
    squared = torch.empty(0)
    starts = range(0, len(points), BLOCK)
    for first in starts:
        for second in starts[first // BLOCK :]:
            block = _squared_distances(points, squares, first, second)
            found = [_below(block, best, slack, first, second)]
            if second > first:
                found.append(_below(block.T, best, slack, second, first))
            kept = torch.cat([kept, *(pairs for pairs, _ in found)])
            squared = torch.cat([squared.to(block), *(values for _, values in found)])
        still = (squared <= (best + slack)[kept[:, 0]]) & ~crowded[kept[:, 0]]
        crowded |= kept[still, 0].bincount(minlength=len(points)) > CROWD
        still &= ~crowded[kept[:, 0]]
        kept, squared = kept[still], squared[still]
    return kept[(kept[:, 0] * len(points) + kept[:, 1]).argsort()], crowded


def _squared_distances(points: Tensor, squares: Tensor, first: int, second: int) -> Tensor:
    """Of the block of points from `first` to that from `second`, (block, block); infinite from each to itself."""
    ones, others = points[first : first + BLOCK], points[second : second + BLOCK]
    block = squares[first : first + BLOCK, None] + squares[None, second : second + BLOCK]
    for one, other in zip(ones.split(SUMMED, dim=1), others.split(SUMMED, dim=1), strict=True):
        block.addmm_(one, other.T, alpha=-2)
    if first == second:
        block.fill_diagonal_(torch.inf)
    return block


def _below(block: Tensor, best: Tensor, slack: Tensor, first: int, second: int) -> tuple[Tensor, Tensor]:
    """The pairs of a block that may be nearest so far, and their squared distances; `best` is brought up to date."""
    rows = slice(first, first + len(block))
    best[rows] = torch.minimum(best[rows], block.amin(dim=1))
    pairs = (block <= (best[rows] + slack[rows])[:, None]).nonzero()
    values = block[pairs[:, 0], pairs[:, 1]]
    finite = values < torch.inf
    return (pairs + pairs.new_tensor([first, second]))[finite], values[finite]


def _nearest_of_pairs(points: Tensor, pairs: Tensor) -> Tensor:
    """Of each point the nearest among those that it is paired with, (n,); 0 without a pair."""
    some = max(1, DIFFERENCES // max(1, points.shape[1]))
    found = [_distances(points[part[:, :1]], points[part[:, 1:]]).flatten() for part in pairs.split(some)]
    distances, (ones, others) = torch.cat(found), pairs.unbind(dim=1)
    least = distances.new_full((len(points),), torch.inf).scatter_reduce_(0, ones, distances, "amin")
    at_it = distances == least[ones]
    lowest = torch.full_like(points[:, 0], len(points), dtype=torch.int64)
    lowest = lowest.scatter_reduce_(0, ones[at_it], others[at_it], "amin")
    return lowest.where(lowest < len(points), 0)


def _nearest_of_all(points: Tensor, rows: Tensor) -> Tensor:
    """The nearest other of the points at these rows, each compared with every other."""
    distances = _distances(points[rows], points)
    distances[torch.arange(len(rows), device=rows.device), rows] = torch.inf
    return distances.argmin(dim=1)


def _distances(ones: Tensor, others: Tensor) -> Tensor:
    """By differences: what torch gives for two points does not depend on what else it is given."""
    return torch.cdist(ones, others, compute_mode="donot_use_mm_for_euclid_dist")
