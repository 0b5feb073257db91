"""Can the measure tell a network that memorized meaningless inputs from one that learned from real ones?

Zhang et al. 2017 (arXiv:1611.03530), section 2.1: the pixels of every image are permuted independently, or replaced by
gaussian noise of the data's mean and variance. The labels stay, so nothing that could be learned is left; the networks
fit all the same. The measure must be larger on the randomized twin in enough units (a data set with one network,
whose seeds decide it), by the exact sign test over units.
"""

from collections.abc import Callable

import pytest

from measures import Measure

pytestmark = pytest.mark.gate("random_pixels", "gaussian")


@pytest.mark.parametrize("condition", ["random_pixels", "gaussian"])
def test_every_model_fits_its_training_set(condition: str, fits: Callable[..., None]) -> None:
    fits(condition)


def test_separates_random_pixels(measure: Measure, separates: Callable[..., None]) -> None:
    separates(measure, "random_pixels")


def test_separates_gaussian(measure: Measure, separates: Callable[..., None]) -> None:
    separates(measure, "gaussian")
