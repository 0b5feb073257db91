"""Does the measure grow when natural data get scarce?

All images, a third, a tenth of them: the gap grows, and nothing is random. A ladder for every unit (a data set with one
network), which has to rise in enough of them; those in which it does not are named
(harness/judging/questions/sample_size.py).
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import sample_size
from measures import Measure

pytestmark = pytest.mark.finding(sample_size.QUESTION)


def test_the_gap_grows_with_fewer_images(premise_holds: Callable[..., None]) -> None:
    premise_holds(sample_size.QUESTION)


def test_grows_with_fewer_images(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, sample_size.QUESTION, sample_size.scarce_images)
