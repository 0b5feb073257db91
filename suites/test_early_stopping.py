"""Does the measure see the gap, or the error?

Stopped after three epochs on random labels, a network errs on nine test images of ten and has fitted nothing: there is
hardly a gap. A measure of the gap is then where the gap is, within half of the way to random labels, up or down, by an
interval for the mean over units; the worst unit is named, and what 40% and 60% would say
(harness/judging/questions/early_stopping.py).
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import early_stopping
from measures import Measure

pytestmark = pytest.mark.finding(early_stopping.QUESTION)


def test_the_early_stop_errs_and_has_little_gap(premise_holds: Callable[..., None]) -> None:
    premise_holds(early_stopping.QUESTION)


def test_is_where_the_gap_is_after_three_epochs(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, early_stopping.QUESTION, early_stopping.three_epochs)
