"""Is the measure silent where nothing changes?

To an MLP, one fixed permutation of the pixels leaves the problem as it was (Zhang et al. 2017, arXiv:1611.03530,
section 2.1). The measure must not tell the twins apart, either way (harness/questions/shuffled_pixels.py).
"""

from collections.abc import Callable

import pytest

from harness.questions import shuffled_pixels
from measures import Measure

pytestmark = pytest.mark.finding

QUESTION = shuffled_pixels.QUESTION


def test_the_gap_does_not_change(question_premise: Callable[[], None]) -> None:
    question_premise()


def test_is_silent(measure: Measure, answers: Callable[..., None]) -> None:
    answers(measure, shuffled_pixels.shuffled_pixels)
