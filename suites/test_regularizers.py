"""Does the measure raise a false alarm when training on natural data is regularized?

Weight decay, dropout and random crops barely change the gap (Zhang et al. 2017, arXiv:1611.03530, section 3). How far
do they move the measure on the way from its natural value to that on random labels? At most 15% of it further than
the gap itself, by a bootstrap interval (harness/questions/regularizers.py).
"""

from collections.abc import Callable

import pytest

from harness.questions import regularizers
from measures import Measure

pytestmark = pytest.mark.finding

QUESTION = regularizers.QUESTION


def test_no_regularizer_raises_the_gap(question_premise: Callable[[], None]) -> None:
    question_premise()


def test_is_quiet_under_weight_decay(measure: Measure, answers: Callable[..., None]) -> None:
    answers(measure, regularizers.weight_decay)


def test_is_quiet_under_dropout(measure: Measure, answers: Callable[..., None]) -> None:
    answers(measure, regularizers.dropout)


def test_is_quiet_under_random_crops(measure: Measure, answers: Callable[..., None]) -> None:
    answers(measure, regularizers.random_crop)
