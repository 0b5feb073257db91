"""Does a measure rise along levels whose order is known? Page's trend test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import page_trend_test, spearmanr

Blocks = Sequence[Sequence[float | None]]
"""Values of one unit and seed each, in the order of the expected rise; None where the measure gave none."""


@dataclass(frozen=True)
class Trend:
    """One-sided p-values that the values rise, and that they fall, along the levels.

    `rhos`: Spearman's correlation of value with level in each block, 0 of a constant, and of a block that misses a
    value; `rho`: their mean; None if every block misses a value.
    """

    p_rising: float
    p_falling: float
    rho: float | None
    rhos: tuple[float, ...]


def page_trend(blocks: Blocks) -> Trend:
    """Page's test on two or more blocks of equally many levels, three or more.

    L is the sum over blocks and levels of the level times the value's rank within its block (Page 1963, J. Am. Stat.
    Assoc. 58:216). Under the null hypothesis any order of a block's values is equally likely; the p-value is exact for
    values without ties (Odeh 1977, Commun. Stat. B 6:49), because the normal approximation rejects too often in some
    designs (0.0525 at 0.05 for 40 blocks of 3 levels).

    Tied values share their mean rank, which draws L to its mean. A block that misses a value counts as tied
    throughout, with rho 0. How often the null hypothesis is rejected, exactly:

        blocks x levels                        14 x 5             14 x 3             10 x 5             10 x 3
        at                                 0.05    0.001      0.05    0.001      0.05    0.001      0.05    0.001
        no ties                            0.046   0.0009     0.036   0.0006     0.047   0.0008     0.047   0.0007
        values drawn from {1, 2, 3}        0.029   0.0002     0.019   0.0001     0.030   0.0002     0.028   0.0001
        half of the blocks tied            0.008   2e-7       0.004   0          0.008   8e-10      0.007   0

    Whatever pattern of ties was tried, alike in all blocks or mixed, p <= a with probability at most a for every a up
    to 0.05. Near one half that fails: if all blocks are tied, p is 0.51 (14 x 5), always.
    """
    table = np.array([_tied_if_incomplete(block) for block in blocks])  # (blocks, levels)
    nowhere = all(None in block for block in blocks)
    rhos = _rhos(table)
    return Trend(_p_rising(table), _p_rising(table[:, ::-1]), None if nowhere else float(np.mean(rhos)), rhos)


def rhos_of(blocks: Blocks) -> tuple[float, ...]:
    """Only the correlations."""
    return _rhos(np.array([_tied_if_incomplete(block) for block in blocks]))


def _tied_if_incomplete(block: Sequence[float | None]) -> list[float]:
    known = [value for value in block if value is not None]
    return known if len(known) == len(block) else [0.0] * len(block)


def _p_rising(table: np.ndarray) -> float:
    # A sum of probabilities: rounding may carry it past 1.
    return min(1.0, float(page_trend_test(table, method="exact").pvalue))


def _rhos(table: np.ndarray) -> tuple[float, ...]:
    """Spearman's correlation is undefined for a constant, which shows no trend: 0."""
    levels = np.arange(table.shape[1])
    return tuple(0.0 if (block == block[0]).all() else float(spearmanr(levels, block).statistic) for block in table)
