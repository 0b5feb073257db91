"""How well could any measure rank a grid? As well as the expected gap itself, whose measured values have noise."""

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.judging.ranking import granulated_kendall, signed_conditional_information
from harness.zoo.grid import GridPoint

DRAWS = 200


@dataclass(frozen=True)
class Ceiling:
    """What a measure that equals the expected gap reaches in the mean: granulated tau, signed information."""

    granulated_tau: float
    information: float


def standard_error(gaps: Sequence[Sequence[float]]) -> float:
    """Of a grid point's mean gap over its seeds, pooled over the points."""
    return math.sqrt(statistics.fmean(statistics.variance(seeds) / len(seeds) for seeds in gaps))


def ceiling(gaps: Mapping[GridPoint, Sequence[float]]) -> Ceiling:
    """The scores of the expected gap on measured gaps, from the gaps of each point's seeds, two or more.

    The expected gaps are not known: the seeds' means spread more than they do, by the means' error. So the means are
    drawn together until their variance is the difference of the two; each draw adds the error anew, by a generator of
    fixed seed, and the drawn gaps are ranked by what they were drawn from. Where the means differ by no more than their
    error nothing is left to rank, and both scores are 0.

    Simulated on 3 x 2 x 2 x 2 points with three seeds, expected gaps that are sums of a normal effect of each level, by
    the error of a point's mean in parts of the spread of the expected gaps; means of 60 grids:

        error                    0.25     0.5      1
        tau          true        0.80     0.62     0.39
                     estimated   0.81     0.64     0.42
        information  true        0.38     0.16     0.05
                     estimated   0.43     0.25     0.13

    So the estimate of the information is too high: drawn together, the means keep some of their noise, and what no two
    hyperparameters explain of it counts as told. For one grid the estimate is off by 0.08 to 0.14 (standard deviation)
    for tau, by 0.06 to 0.08 for the information.
    """
    return _ceiling(tuple(gaps), tuple(map(tuple, gaps.values())))


@functools.lru_cache(maxsize=16)
def _ceiling(points: tuple[GridPoint, ...], gaps: tuple[tuple[float, ...], ...]) -> Ceiling:
    means, error = np.array([statistics.fmean(seeds) for seeds in gaps]), standard_error(gaps)
    spread = float(np.std(means, ddof=1))
    if spread <= error:
        return Ceiling(0.0, 0.0)
    expected = means.mean() + math.sqrt(1 - (error / spread) ** 2) * (means - means.mean())
    noise = np.random.default_rng(0).normal(scale=error, size=(DRAWS, len(points)))
    values = dict(zip(points, expected.tolist(), strict=True))
    drawn = [dict(zip(points, each.tolist(), strict=True)) for each in expected + noise]
    return Ceiling(
        statistics.fmean(granulated_kendall(values, gaps)[0] for gaps in drawn),
        statistics.fmean(signed_conditional_information(values, gaps) for gaps in drawn),
    )
