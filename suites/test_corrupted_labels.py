"""Does the measure grow with the corrupted fraction of the labels, and with the attack on shared images?

Zhang et al. 2017 (arXiv:1611.03530), figure 1c: the gap does. A ladder for every unit (a data set with one network),
from a fifth of the labels corrupted to all of them, and from no attack set to one as large as the shared images: by the
sign test it has to rise in enough units. Those in which it does not are named (harness/judging/questions/trends.py).
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import corrupted_labels
from measures import Measure

pytestmark = pytest.mark.finding(corrupted_labels.QUESTION)


def test_the_gap_grows_with_both(premise_holds: Callable[..., None]) -> None:
    premise_holds(corrupted_labels.QUESTION)


def test_grows_with_the_corrupted_fraction(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, corrupted_labels.QUESTION, corrupted_labels.corrupted_fraction)


def test_grows_with_the_attack(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, corrupted_labels.QUESTION, corrupted_labels.attack_dose)
