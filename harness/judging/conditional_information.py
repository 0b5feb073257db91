"""What does a measure tell about the order of two gaps that two hyperparameters do not tell already?

    K = min over S of  Σ_u p(u) d(u) I(V_μ; V_g | u) / Σ_u p(u) H(V_g | u)        S: at most two hyperparameters

Over all ordered pairs of networks on a grid: V_μ and V_g are the signs of the pair's differences in measure and gap, u
the values of the hyperparameters in S in the first and in the second network, p(u) the fraction of pairs that have
them, and d(u) = ±1 the direction of what V_μ tells. K is 1 for a measure that orders the networks as their gaps do, -1
for the reverse, and at most 0 for any function of two of three or more hyperparameters.

Jiang et al. 2020 (arXiv:1912.02178), "Conditional independence test". Differs from the paper:
1. Direction. Information has none: in the paper both orders have K = 1. Here a cell u counts negative where its signs
   go against each other, that is agree in fewer pairs than independent signs as frequent would. (Not "in fewer than
   half": where S decides most pairs nearly all signs agree, whatever the measure tells beyond S.)
2. The least of signed numbers is below 0 for noise: mean -0.035, from -0.24 to 0.13, in 3,000 draws on a grid of
   3 x 3 x 2 x 2; mean -0.075, from -0.49 to 0.25, on 2 x 2 x 2 x 2. Without direction the means are 0.007 and 0.018.
3. A tie in the measure is the toss of a coin, half a pair for each sign, so that a constant knows nothing. A tie in
   the gap has no order to be known: such a pair is left out, and so is an S that leaves nothing open.
4. A network makes no pair with itself. It did in the score of the PGDL competition (Jiang et al. 2020,
   arXiv:2012.07976), which also took the S of exactly two hyperparameters alone.
"""

import itertools
from collections.abc import Iterator

import numpy as np
from scipy.special import xlogy

CONDITIONS = 2  # hyperparameters in S at most


def signed_information(values: np.ndarray, gaps: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """K for each row of `values` (..., networks); ValueError if no two gaps differ.

    `gaps`: (networks,). `levels`: (networks, hyperparameters), the values of each hyperparameter numbered from 0.
    """
    first, second = np.nonzero(gaps[:, None] != gaps[None, :])
    if not len(first):
        raise ValueError(f"all {len(gaps)} gaps are equal; an order to be told needs two that differ")
    rises = (np.sign(values[..., second] - values[..., first]) + 1) / 2
    gap_rises = (gaps[second] > gaps[first]).astype(int)
    cells = cells_of(levels[first], levels[second])
    scores = [score for cell in cells if (score := _normalized(rises, gap_rises, cell)) is not None]
    return np.min(scores, axis=0)


def cells_of(first: np.ndarray, second: np.ndarray) -> Iterator[np.ndarray]:
    """For every S, the number of each pair's cell u; `first` and `second` are its networks' levels."""
    sizes = first.max(axis=0) + 1
    for count in range(CONDITIONS + 1):
        for chosen in itertools.combinations(range(len(sizes)), count):
            cell = np.zeros(len(first), dtype=int)
            for axis in chosen:
                cell = (cell * sizes[axis] + first[:, axis]) * sizes[axis] + second[:, axis]
            yield cell


def _normalized(rises: np.ndarray, gap_rises: np.ndarray, cell: np.ndarray) -> np.ndarray | None:
    """The fraction of one S; None if S leaves nothing open. `rises`: (..., pairs), 1, 0 or, for a tie, 1/2."""
    columns = 2 * cell + gap_rises
    of_column = np.eye(2 * cell.max() + 2)[columns]  # (pairs, cells * 2)
    every = of_column.sum(axis=0).reshape(-1, 2)  # (cells, V_g)
    risen = (rises @ of_column).reshape(*rises.shape[:-1], -1, 2)
    entropy = entropy_of(every).sum()
    if entropy == 0:
        return None
    return told(every, risen).sum(axis=-1) / entropy


def told(every: np.ndarray, risen: np.ndarray) -> np.ndarray:
    """d(u) I(V_μ; V_g | u), times the number of the cell's pairs. `every`: (..., V_g), how many pairs it has; `risen`:
    (..., V_g), in how many of them the measure rises."""
    table = np.stack([every - risen, risen], axis=-1)  # (..., V_g, V_μ), numbers of pairs
    by_measure = table.sum(axis=-2)
    information = entropy_of(every) + entropy_of(by_measure) - entropy_of(table.reshape(*table.shape[:-2], 4))
    together = table[..., 0, 0] * table[..., 1, 1] - table[..., 0, 1] * table[..., 1, 0]  # exact: halves of integers
    signed: np.ndarray = np.sign(together) * information
    return signed


def entropy_of(counts: np.ndarray) -> np.ndarray:
    """Entropy of the last axis, in nats, times the sum of its counts."""
    total = counts.sum(axis=-1)
    result: np.ndarray = xlogy(total, total) - xlogy(counts, counts).sum(axis=-1)
    return result
