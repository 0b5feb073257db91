"""Does the gate's verdict survive equal steps in place of equal loss, and equal training errors beside it?

The natural network of each twin takes as many steps as the one on random labels took. A verdict that changes was about
the length of training, or about the loss that is left. And twins that stop at one loss may misclassify different
numbers of training examples: the verdict is asked again on the seeds alone where they misclassify equally many
(harness/judging/questions/stopping_rule.py).
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import stopping_rule
from measures import Measure

pytestmark = pytest.mark.finding(stopping_rule.QUESTION)


def test_twins_took_equal_steps_and_differ_in_gap(premise_holds: Callable[..., None]) -> None:
    premise_holds(stopping_rule.QUESTION)


def test_survives_equal_steps(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, stopping_rule.QUESTION, stopping_rule.equal_steps)


def test_survives_equal_training_errors(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, stopping_rule.QUESTION, stopping_rule.equal_error)
