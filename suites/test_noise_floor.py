"""Do a stochastic measure's own draws drown what it is to tell? (harness/evaluation/noise_floor.py)

Its spread over generator seeds on one natural model, beside its spread over training seeds and beside what random
labels do to it. Nothing is drawn by most measures; their noise floor is 0.
"""

from collections.abc import Callable

import pytest

from harness.evaluation import noise_floor
from harness.judging.results import Results
from measures import Measure

pytestmark = [pytest.mark.finding, pytest.mark.noise_floor(noise_floor.PROBE, "random_labels")]


def test_its_draws_leave_the_signal_standing(measure: Measure, results: Results, keeps: Callable[..., None]) -> None:
    keeps(
        measure,
        noise_floor.PROBE,
        noise_floor.spread_over_draws,
        lambda finding: noise_floor.with_signal(finding, results.zoo, results.values(measure, "random_labels")),
    )
