"""Does the measure see the gap, or the error?

Stopped after three epochs on random labels, a network errs on nine test images of ten and has fitted nothing: there is
hardly a gap. A measure of the gap has gone at most half of the way to its value on random labels
(harness/judging/questions/early_stopping.py).
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import early_stopping
from measures import Measure

pytestmark = pytest.mark.finding(early_stopping.QUESTION)


def test_the_early_stop_errs_and_has_little_gap(premise_holds: Callable[..., None]) -> None:
    premise_holds(early_stopping.QUESTION)


def test_has_gone_at_most_half_of_the_way(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, early_stopping.QUESTION, early_stopping.three_epochs)
