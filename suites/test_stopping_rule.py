"""Does the gate's verdict survive equal steps in place of equal loss?

The natural network of each twin goes on for as many steps as the one on random labels took. A verdict that changes was
about the length of training, or about the loss that is left (harness/questions/stopping_rule.py).
"""

from collections.abc import Callable

import pytest

from harness.questions import stopping_rule
from measures import Measure

pytestmark = pytest.mark.finding

QUESTION = stopping_rule.QUESTION


def test_twins_took_equal_steps_and_differ_in_gap(question_premise: Callable[[], None]) -> None:
    question_premise()


def test_survives_equal_steps(measure: Measure, answers: Callable[..., None]) -> None:
    answers(measure, stopping_rule.equal_steps)
