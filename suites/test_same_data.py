"""Does the measure look at the network, or only at the data? (harness/judging/questions/same_data.py)

One network is trained on half of the images; its twin on the same images beside an attack set, as many others with
wrong labels (Wu, Zhu & E 2017, arXiv:1706.10239). The measure is handed the shared images, with their true labels,
for both. By the exact sign test over units, a data set with one network each, it must be larger on the attacked twin;
what ties on every twin has read data only.
"""

from collections.abc import Callable

import pytest

from harness.judging.questions import same_data
from measures import Measure

pytestmark = pytest.mark.finding(same_data.QUESTION)


def test_the_attacked_networks_fit_the_shared_images_and_err_more(premise_holds: Callable[..., None]) -> None:
    premise_holds(same_data.QUESTION)


def test_separates_the_same_data(measure: Measure, holds: Callable[..., None]) -> None:
    holds(measure, same_data.QUESTION, same_data.same_data)
