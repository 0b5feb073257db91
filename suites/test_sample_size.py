"""Does the measure grow when natural data get scarce?

All images, a third, a tenth of them: the gap grows, and nothing is random. Page's trend test over networks and seeds
(harness/questions/sample_size.py).
"""

from collections.abc import Callable

import pytest

from harness.questions import sample_size
from measures import Measure

pytestmark = pytest.mark.finding

QUESTION = sample_size.QUESTION


def test_the_gap_grows_with_fewer_images(question_premise: Callable[[], None]) -> None:
    question_premise()


def test_grows_with_fewer_images(measure: Measure, answers: Callable[..., None]) -> None:
    answers(measure, sample_size.scarce_images)
