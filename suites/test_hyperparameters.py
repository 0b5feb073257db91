"""On natural data alone, does the measure rank networks by their gap as hyperparameters change?

Width, depth, batch size and learning rate on a grid (Jiang et al. 2020, arXiv:1912.02178): granulated Kendall's tau
by a permutation test, with the worst environment's sign error and a signed conditional mutual information beside it
(harness/questions/hyperparameters.py). Skipped where the gaps differ by no more than their error.
"""

from collections.abc import Callable

import pytest

from harness.questions import hyperparameters
from measures import Measure

pytestmark = pytest.mark.finding

QUESTION = hyperparameters.QUESTION


def test_every_network_fits(question_premise: Callable[[], None]) -> None:
    question_premise()


def test_ranks_the_grid(measure: Measure, answers: Callable[..., None]) -> None:
    answers(measure, hyperparameters.grid)
