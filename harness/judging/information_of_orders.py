"""The signed information of thousands of orders of a measure's values, from tables: the same numbers, to the last bit.

What a measure tells in a cell (conditional_information.py) depends on two counts: in how many of the cell's pairs it
rises where the gap falls, and where the gap rises. So each cell has a table of what any two counts tell, and one matrix
product says where in all of these tables an order stands.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.judging.conditional_information import cells_of, entropy_of, signed_information, told

MOST = 8_000_000
"""Entries of all tables together; with more, none are made. (Below 2^24 single precision has every whole number.)"""

Scores = Callable[[np.ndarray], np.ndarray]
"""From ranks, whole numbers (..., networks), to their signed information (...)."""


def information_of(gaps: np.ndarray, levels: np.ndarray) -> Scores:
    """`signed_information` on these gaps and levels, to be asked of many ranks."""
    return _kept(gaps.tobytes(), gaps.dtype.str, levels.tobytes(), levels.dtype.str, levels.shape)


@functools.lru_cache(maxsize=2)  # a zoo has one grid, on which all measures are ranked
def _kept(gaps: bytes, of_gaps: str, levels: bytes, of_levels: str, shape: tuple[int, ...]) -> Scores:
    return _scores(np.frombuffer(gaps, of_gaps), np.frombuffer(levels, of_levels).reshape(shape))


@dataclass(frozen=True)
class _Condition:
    """One S: the cell of each pair of networks, and how many pairs of a cell have a falling and a rising gap."""

    cell: np.ndarray
    every: np.ndarray  # (cells, 2)

    @property
    def sizes(self) -> np.ndarray:
        """Entries of the table of each cell: counts go up by halves."""
        return np.asarray((2 * self.every + 1).prod(axis=1))

    def tables(self) -> np.ndarray:
        """What each cell tells for any two counts, one table after the other."""
        return np.concatenate([told(every, _counts(every)).ravel() for every in self.every])


def _counts(every: np.ndarray) -> np.ndarray:
    """All that a cell's two counts can be, (2 falling + 1, 2 rising + 1, 2)."""
    return np.stack(np.meshgrid(*(np.arange(2 * number + 1) / 2 for number in every), indexing="ij"), axis=-1)


def _scores(gaps: np.ndarray, levels: np.ndarray) -> Scores:
    first, second = np.nonzero(gaps[:, None] != gaps[None, :])
    if not len(first):
        return functools.partial(signed_information, gaps=gaps, levels=levels)  # which says why there is none
    rises = (gaps[second] > gaps[first]).astype(int)
    found = [_condition(cell, rises) for cell in cells_of(levels[first], levels[second])]
    open_ones = [each for each in found if entropy_of(each.every.astype(float)).sum() != 0]
    if sum(int(each.sizes.sum()) for each in open_ones) > MOST:
        return functools.partial(signed_information, gaps=gaps, levels=levels)
    return _from_tables(open_ones, first, second, rises)


def _condition(cell: np.ndarray, rises: np.ndarray) -> _Condition:
    return _Condition(cell, np.bincount(2 * cell + rises, minlength=2 * cell.max() + 2).reshape(-1, 2))


def _from_tables(conditions: list[_Condition], first: np.ndarray, second: np.ndarray, rises: np.ndarray) -> Scores:
    entropies = [entropy_of(each.every.astype(float)).sum() for each in conditions]
    table = np.concatenate([each.tables() for each in conditions])
    sizes = np.concatenate([each.sizes for each in conditions])
    ends = np.cumsum([len(each.every) for each in conditions])
    begins = ends - [len(each.every) for each in conditions]
    once = first < second  # the other way round the same pair has the other sign
    number = np.zeros((max(second) + 1,) * 2, dtype=int)
    number[first[once], second[once]] = np.arange(once.sum())
    number = number + number.T
    weights = np.zeros((once.sum(), len(sizes)))
    starts = np.cumsum(sizes) - sizes
    for each, begin in zip(conditions, begins, strict=True):
        step = np.where(rises == 1, 1, 2 * each.every[each.cell, 1] + 1)  # of half a pair, in the cell's table
        np.add.at(weights, (number[first, second], begin + each.cell), np.where(once, step, -step))
        np.add.at(starts, begin + each.cell, step)  # from where all signs are -1 to where they are 0
    low, high, single = first[once], second[once], weights.astype(np.float32)

    def scores(ranks: np.ndarray) -> np.ndarray:
        whole = ranks.astype(np.float32)
        signs = np.sign(whole[..., high] - whole[..., low])
        signed = table[(signs @ single).astype(np.intp) + starts]
        parts = [signed[..., begin:end].sum(axis=-1) for begin, end in zip(begins, ends, strict=True)]
        return np.asarray(np.min([part / entropy for part, entropy in zip(parts, entropies, strict=True)], axis=0))

    return scores
