"""Is what a measure does in all units the same as nothing, within bounds? Two one-sided tests on the units' values."""

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

from harness.judging.units.decision import Unit

QUIET = 0.15
"""What is quiet stays within this part of the way to randomized data, either way."""

QUIET_NEIGHBOURS = (0.10, 0.15, 0.20)

GAP = 0.5
"""What measures a gap that is not there yet stays within this part of the way, either way."""

GAP_NEIGHBOURS = (0.40, 0.50, 0.60)

LEVEL = 0.95
MIN_UNITS = 4

Decision = Literal["within", "above", "below", "unclear", "too_few_units"]


@dataclass(frozen=True)
class Equivalence:
    """What the units' values say of bounds from `-limit` to `limit`.

    `decision`: "within", "above" or "below" where the whole interval lies there; else "unclear"; "too_few_units" below
    MIN_UNITS. `interval`: for the mean over units; None of fewer than two. `median` over units, and the `worst_unit`,
    whose `worst_value` is farthest from 0. `neighbours`: the decision at other limits, by limit.
    """

    limit: float
    decision: Decision
    mean: float
    interval: tuple[float, float] | None
    median: float
    worst_unit: Unit
    worst_value: float
    units: int
    neighbours: Mapping[float, Decision]

    def explain(self) -> str:
        """`4% [-2%, 9%], median 3%, worst 22% (convnet on digits): within 15% (unclear at 10%, within 20%)`."""
        interval = "" if self.interval is None else f" [{self.interval[0]:z.0%}, {self.interval[1]:z.0%}]"
        said = f"{self.mean:z.0%}{interval}, median {self.median:z.0%}, "
        said += f"worst {self.worst_value:z.0%} ({self.worst_unit}): {_words(self.decision)} {self.limit:.0%}"
        others = [f"{_words(which)} {at:.0%}" for at, which in self.neighbours.items() if at != self.limit]
        return said + (f" ({', '.join(others)})" if others else "")


def equivalence(values: Mapping[Unit, float], limit: float, neighbours: Sequence[float] = ()) -> Equivalence:
    """The decision on one value a unit (fractions.py), at a limit and its neighbours. Raises ValueError without units.

    Two one-sided tests at 2.5% each (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657): "within" where the 95%
    t-interval for the mean over units lies within the bounds. Assumed: units are independent draws of the networks that
    one might have taken, and their values normal. Noise of the seeds needs nothing else, as it is in the values.

    Measured over 200,000 draws of units whose values have standard deviation 0.05, at limit 0.15: how often the
    interval covers the mean of all units that might be drawn; how often "within" is said where that mean is 0.15
    itself, which should be 0.025; and where it is 0, the power.

                                          covers              within, mean 0.15        within, mean 0
        units                             4     7     14      4      7      14         4     7     14
        normal                            0.95  0.95  0.95    0.025  0.026  0.025      0.94  1.00  1.00
        uniform                           0.93  0.94  0.95    0.036  0.029  0.026      0.99  1.00  1.00
        Student's t, 3 degrees            0.96  0.96  0.96    0.019  0.020  0.020      0.92  0.99  1.00
        exponential, long tail above      0.88  0.89  0.91    0.114  0.106  0.086      0.90  0.99  1.00
        exponential, long tail below      0.88  0.89  0.91    0.005  0.004  0.005      0.90  0.99  1.00
        1 unit in 7 above all others      0.46  0.66  0.88    0.540  0.342  0.116      0.90  1.00  1.00
        the same with a little noise      0.78  0.73  0.88    0.217  0.266  0.116      0.89  1.00  1.00

    With the excess over a gap (fractions.py) of three seeds, noise of a seed's value in parts of the distance to
    randomized data, 2% for the gap, units that differ by 0.05, normal (20,000 draws): it covers 0.95 throughout, and

                      within, excess 0      within, excess 0.15      above, excess 0.5
        noise         4     7     14        4      7      14         4     7     14
        5%            0.72  1.00  1.00      0.024  0.024  0.024      1.00  1.00  1.00
        10%           0.34  0.83  1.00      0.023  0.025  0.026      1.00  1.00  1.00
        20%           0.06  0.18  0.63      0.016  0.019  0.028      0.83  1.00  1.00
        30%           0.02  0.03  0.13      0.006  0.006  0.015      0.54  0.88  0.99

    Few units cannot tell of a rare one that differs if none of them is it: then "within" holds for the units that were
    looked at, no more, and that is why the worst of them is named.
    """
    if not values:
        raise ValueError("no unit has a value; a unit needs a scale, randomized twins that are larger")
    numbers = [*values.values()]
    worst = max(values, key=lambda unit: abs(values[unit]))
    interval = mean_interval(numbers)
    return Equivalence(
        limit=limit,
        decision=decision(numbers, limit),
        mean=_mean(numbers),
        interval=interval,
        median=statistics.median(numbers),
        worst_unit=worst,
        worst_value=values[worst],
        units=len(numbers),
        neighbours={at: decision(numbers, at) for at in neighbours},
    )


def decision(values: Sequence[float], limit: float) -> Decision:
    """What the interval of the units' values says of bounds from `-limit` to `limit`."""
    interval = mean_interval(values)
    if interval is None or len(values) < MIN_UNITS:
        return "too_few_units"
    low, high = interval
    if -limit <= low and high <= limit:
        return "within"
    if low > limit:
        return "above"
    return "below" if high < -limit else "unclear"


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The t-interval at LEVEL for the mean; None of fewer than two values. A point if all values are equal."""
    if len(values) < 2:
        return None
    with np.errstate(over="ignore"):
        error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    reach = _quantile(len(values) - 1) * error
    mean = _mean(values)
    return mean - reach, mean + reach


@functools.cache
def _quantile(degrees: int) -> float:
    """Of Student's t, for an interval at LEVEL."""
    return float(student.ppf((1 + LEVEL) / 2, degrees))


def _mean(values: Sequence[float]) -> float:
    return sum(value / len(values) for value in values)


def _words(which: Decision) -> str:
    return {"too_few_units": "too few units for", "unclear": "unclear at", "below": "below minus"}.get(which, which)
