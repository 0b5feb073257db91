"""Does the measure raise a false alarm when training on natural data is regularized?

Weight decay, dropout and random crops barely change the gap (Zhang et al. 2017, arXiv:1611.03530, section 3). How far
do they move the measure on the way from its natural value to that on random labels? At most 15% of it further than
the gap itself, up or down, by an interval for the mean over units (a data set with one network); the worst unit is
named, and what 10% and 20% would say. A data set where a regularizer does raise the gap is left out for it
(harness/judging/questions/regularizers.py).
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import regularizers
from measures import Measure

pytestmark = pytest.mark.finding(regularizers.QUESTION)


def test_no_regularizer_raises_the_gap_where_it_is_asked_about(premise_holds: Callable[..., None]) -> None:
    premise_holds(regularizers.QUESTION)


def test_is_quiet_under_weight_decay(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, regularizers.QUESTION, regularizers.weight_decay)


def test_is_quiet_under_dropout(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, regularizers.QUESTION, regularizers.dropout)


def test_is_quiet_under_random_crops(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, regularizers.QUESTION, regularizers.random_crop)
