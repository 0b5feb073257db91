"""Pure functions on numbers: the sign test, and what is reported of twins beside it."""

import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

Pairs = Sequence[tuple[float | None, float | None]]
"""(natural, randomized) value for each twin; None where the measure gave none."""


@functools.cache
def sign_test(wins: int, pairs: int) -> float:
    """Exact one-sided p-value of `wins` or more among `pairs` fair coins, of units say.

    What is neither won nor lost is not a win and still counts: under the null hypothesis a win has probability at most
    one half, so the test stays valid.
    """
    return float(binomtest(wins, pairs, 0.5, alternative="greater").pvalue)


def count(pairs: Pairs) -> tuple[int, int, int]:
    """Wins (randomized larger), ties and losses; a twin without both values is none of the three."""
    wins = ties = losses = 0
    for natural, randomized in pairs:
        if natural is not None and randomized is not None:
            wins += randomized > natural
            ties += randomized == natural
            losses += randomized < natural
    return wins, ties, losses


def auc(pairs: Pairs) -> float | None:
    """The chance that a randomized model's value exceeds a natural one's (ties count half), or None."""
    natural = np.array([value for value, _ in pairs if value is not None])
    randomized = np.array([value for _, value in pairs if value is not None])
    if not len(natural) or not len(randomized):
        return None
    larger, smaller = randomized[:, None] > natural[None, :], randomized[:, None] < natural[None, :]
    return float((larger.astype(float) - smaller + 1).mean() / 2)  # by no difference, which may be beyond all floats


def stratified_auc(strata: Sequence[Pairs], level: float = 0.95) -> tuple[float | None, tuple[float, float] | None]:
    """The mean over strata (units) of the AUC within each, with an interval.

    Scales differ between units, so values are compared within one only. The interval inverts the variance of
    Newcombe 2006 (Statistics in Medicine 25:559, method 5), averaged over strata; unlike a bootstrap's it does
    not shrink to a point when all comparisons agree.
    """
    areas = [auc(pairs) for pairs in strata]
    known = [area for area in areas if area is not None]
    if not known or len(known) < len(areas):
        return None, None
    estimate = float(np.mean(known))
    sizes = [[sum(pair[side] is not None for pair in pairs) for side in (0, 1)] for pairs in strata]

    def deviation(theta: float) -> float:
        variance = 0.0
        for m, n in sizes:
            spread = 1 + ((m + n) / 2 - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
            variance += theta * (1 - theta) * spread / (m * n)
        return math.sqrt(variance) / len(sizes)

    z = float(norm.ppf((1 + level) / 2))
    edge = 1e-9  # at 0 and 1 themselves the deviation vanishes, a root that says nothing
    low = 0.0 if estimate <= edge else brentq(lambda t: estimate - t - z * deviation(t), 0.0, min(estimate, 1 - edge))
    high = 1.0 if estimate >= 1 - edge else brentq(lambda t: t - estimate - z * deviation(t), max(estimate, edge), 1.0)
    return estimate, (float(low), float(high))


def mean_kendall_tau(strata: Sequence[Sequence[tuple[float | None, float | None]]]) -> float | None:
    """The mean over strata of Kendall's tau-b between value and gap; a constant value has tau 0.

    None where a stratum has fewer than two models of which both are known.
    """
    taus = []
    for points in strata:
        known = [(value, gap) for value, gap in points if value is not None and gap is not None]
        if len(known) < 2:
            return None
        taus.append(_tau_b(*map(np.array, zip(*known, strict=True))))
    return float(np.mean(taus)) if taus else None


def _tau_b(x: np.ndarray, y: np.ndarray) -> float:
    """What scipy's kendalltau has, to the last bit, without its p-value, which takes far longer; 0 of a constant."""
    signs_x, signs_y = ((one[:, None] > one).astype(int) - (one[:, None] < one) for one in (x, y))
    untied_x, untied_y = (int(np.abs(signs).sum()) // 2 for signs in (signs_x, signs_y))
    if not untied_x or not untied_y:
        return 0.0
    tau = (int((signs_x * signs_y).sum()) // 2) / math.sqrt(untied_x) / math.sqrt(untied_y)
    return min(1.0, max(-1.0, tau))


def effect_size(pairs: Pairs) -> float | None:
    """Mean difference within twins over its standard deviation (Cohen's d for pairs), or None if undefined."""
    known = [b - a for a, b in pairs if a is not None and b is not None]
    if len(known) < 2:
        return None
    with np.errstate(all="ignore"):  # what overflows is undefined as well
        mean, deviation = np.mean(known), np.std(known, ddof=1)
    return float(mean / deviation) if np.isfinite(mean) and 0 < deviation < np.inf else None
