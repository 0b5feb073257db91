"""What cannot be a pair is told where it is written."""

import re
from typing import Any

import pytest
from torch import nn

from harness import Pair
from harness.errors import HarnessError
from tests.builders.own_twins import load


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("random_lables", load, load), "a pair is of 'random_lables'; did you mean 'random_labels'? expected one of"),
        (("true_labels", load, load), "a pair is of 'true_labels'; "),
        ((["random_labels"], load, load), "a pair is of ['random_labels']; did you mean 'random_labels'? expected on"),
        (("gaussian", load(0, False), load), "the natural network of a pair is given as a Checkpoint; expected a func"),
        (("gaussian", load, nn.Linear(2, 2)), "the randomized network of a pair is given as a Linear; expected a func"),
    ],
)
def test_what_cannot_be_a_pair_is_one_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(HarnessError, match=re.escape(sentence)):
        Pair(*given)
