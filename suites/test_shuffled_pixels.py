"""Is the measure silent where nothing changes?

To an MLP, one fixed permutation of the pixels leaves the problem as it was (Zhang et al. 2017, arXiv:1611.03530,
section 2.1). The measure must stay within 15% of the way to random labels, up or down, by an interval for the mean
over units; one without such a way must be the same to the last digit (harness/judging/questions/shuffled_pixels.py).
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import shuffled_pixels
from measures import Measure

pytestmark = pytest.mark.finding(shuffled_pixels.QUESTION)


def test_the_gap_does_not_change(premise_holds: Callable[..., None]) -> None:
    premise_holds(shuffled_pixels.QUESTION)


def test_is_silent(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, shuffled_pixels.QUESTION, shuffled_pixels.shuffled_pixels)
