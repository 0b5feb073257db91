"""Examples with equal inputs, as a data set of few values has them: put in the order of their labels."""

import torch
from torch import Tensor

ROUNDING = 1e-12  # relative: what the projections of two equal points may differ by, each summed in its own order


def equal_by_label(points: Tensor, labels: Tensor, projected: Tensor, ranked: Tensor) -> Tensor:
    """The order `ranked` (n,), with equal points in the order of their labels.

    `points` (n, d) float64, ranked by what they are `projected` to, (n,): so equal ones are side by side, in an order
    that is that of storage, or of rounding. Where no two are equal it is `ranked`.
    """
    along, size = projected[ranked], float(projected.abs().max()) if len(projected) else 0.0
    near = ((along[1:] - along[:-1]) <= ROUNDING * size).nonzero()[:, 0]
    equal = near[(points[ranked[near]] == points[ranked[near + 1]]).all(dim=1)]
    if not len(equal):
        return ranked
    starts = torch.ones_like(ranked)
    starts[equal + 1] = 0
    by_label = labels[ranked].argsort(stable=True)
    return ranked[by_label[starts.cumsum(dim=0)[by_label].argsort(stable=True)]]
