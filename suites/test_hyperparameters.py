"""On natural data alone, does the measure rank networks by their gap as hyperparameters change?

Width, depth, batch size and learning rate on a grid (Jiang et al. 2020, arXiv:1912.02178): granulated Kendall's tau
and a signed conditional mutual information, both by a permutation test at 0.001, with the worst environment's sign
error, with what a measure equal to the expected gap reaches, and with how often unrelated smooth functions pass
(harness/judging/questions/hyperparameters.py). Skipped where the gaps differ by no more than their error.
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import hyperparameters
from measures import Measure

pytestmark = pytest.mark.finding(hyperparameters.QUESTION)


def test_every_network_fits(premise_holds: Callable[..., None]) -> None:
    premise_holds(hyperparameters.QUESTION)


def test_ranks_the_grid(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, hyperparameters.QUESTION, hyperparameters.grid)
