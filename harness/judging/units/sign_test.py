"""How many units must a measure win, and how few units are too few?"""

import functools

from harness.errors import HarnessError
from harness.judging.twin_statistics import sign_test

SIGNIFICANCE = 0.001
"""Of the one-sided sign test under one condition. All conditions must be passed: that needs no correction."""

MIN_UNITS = 10
"""All of 10 fair coins agree in one case of 1,024; with 9 the best p-value is 1/512."""


@functools.cache
def needed(units: int) -> int | None:
    """The fewest wins that are significant among `units`: 10 of 10, 13 of 14, 15 of 16, 16 of 18. None if too few.

    The test counts a unit that is neither won nor lost as not won. Its null hypothesis: units are independent, and
    each is won with probability 1/2 at most (decision.py has the proof); they need not be alike. Units that share what
    decides them are not independent: where one coin decides all, it passes in half of all zoos.

        units   needed      p           units   needed      p
        10      10          0.00098     16      15          0.00026
        11      11          0.00049     17      16          0.00014
        12      12          0.00024     18      16          0.00066
        13      13          0.00012     20      18          0.00020
        14      13          0.00092     28      23          0.00046
        15      14          0.00049     40      31          0.00034
    """
    return next((wins for wins in range(units + 1) if sign_test(wins, units) < SIGNIFICANCE), None)


def check_units(units: int, who: str = "this zoo") -> None:
    """HarnessError if no measure could ever pass with so few; ask before anything is trained."""
    if units < MIN_UNITS:
        raise HarnessError(
            f"too few units: {who} has {units}, and no measure can reach p < {SIGNIFICANCE} with fewer than "
            f"{MIN_UNITS}; a unit is a data set with one network, whatever its seeds: add networks or data sets"
        )
