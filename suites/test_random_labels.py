"""Can the measure tell a network that memorized random labels from one that learned the true ones?

Zhang et al. 2017 (arXiv:1611.03530), section 2.1: each network is trained twice with the same settings, once on the
true labels and once on labels redrawn uniformly. Both fit their training set; only one generalizes. The measure must
be larger on the randomized twin in enough units (a data set with one network, whose seeds decide it), by the exact sign
test over units, and in a unit of each network.
"""

from collections.abc import Callable

import pytest

from measures import Measure

pytestmark = pytest.mark.gate("random_labels")


def test_every_model_fits_its_training_set(fits: Callable[..., None]) -> None:
    fits("random_labels")


def test_separates(measure: Measure, separates: Callable[..., None]) -> None:
    separates(measure, "random_labels")
