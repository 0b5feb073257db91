"""What does the measure read: the network, the history of its training, data? (harness/judging/reads.py)

One part after the other is hidden on the first seed of every unit, and the gate's sign test is asked again. What
separates the twins with the untrained network has not looked at what was learnt. A flag, not a failure: the test
passes with its answer.
"""

from collections.abc import Callable

import pytest

from harness.judging import reads
from measures import Measure

pytestmark = [pytest.mark.finding, pytest.mark.reads(reads.BLINDINGS)]


def test_what_it_reads(measure: Measure, reading: Callable[[Measure], None]) -> None:
    reading(measure)
