"""A grid of hyperparameters: what cannot be one is told when it is declared, or when its zoo is opened."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.settings import Settings
from harness.zoo.grid import Grid
from harness.zoo.opening import opened

WIDE = "{'width': (4, 8), 'learning_rate': (0.1, 0.2)}"
FAMILY = """
@network(name="wide_{width}")
def wide(input_shape, num_classes, width):
    assert width < 8
    return nn.Linear(6, num_classes)
"""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((8.0, 16.0), r"has 8.0 (of type float); a size is a whole number (int), 0 or more"),
        ((16, -8), "has -8 (of type int); a size is a whole number"),
        ((8, True), "has True (of type bool); a size is a whole number"),
        (("small", "large"), "has 'small' (of type str); a size is a whole number"),
        (([8], [16]), "has [8] (of type list); a size is a whole number"),
        ((8, 16, 16), "has a value twice: (8, 16, 16); leave one out"),
        ((8,), "has one value; give it two or more, or leave it out"),
    ],
    ids=str,
)
def test_values_of_an_axis_that_name_no_networks_are_refused_when_the_grid_is_declared(
    values: tuple[Any, ...], sentence: str
) -> None:
    with pytest.raises(HarnessError, match="^" + re.escape(f"the grid's axis 'width' {sentence}")):
        Grid("mlp_1x{width}", {"width": values, "learning_rate": (0.1, 0.2)}, num_train=9)
    with pytest.raises(HarnessError, match=r"^the grid's axis 'momentum' has 'a' \(of type str\); expected numbers$"):
        Grid("mlp_1x64", {"momentum": ("a", "b"), "learning_rate": (0.1, 0.2)}, num_train=9)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"more": f", grid=Grid('alien_{{width}}', {WIDE}, 30, training={{'batch_size': 8}})"},
            "unknown network 'alien_4'; known: ",
        ),
        (
            {"more": f", grid=Grid('mlp_1x{{width}}', {WIDE}, 30, training={{'batch_size': 8, 'stop_loss': 2}})"},
            "stop_loss of the grid is 2; equal guesses at every class",
        ),
        (
            {"more": f", grid=Grid('convnet_s{{width}}', {WIDE}, 30, training={{'batch_size': 8}})"},
            "the mine zoo: network 'convnet_s4' of the grid cannot be built for inputs of (6,): inputs of (6,) are no",
        ),
        (
            {"before": FAMILY, "more": f", grid=Grid(wide, {WIDE}, 30, training={{'batch_size': 8}})"},
            "the mine zoo: network 'wide_8' of the grid cannot be built for inputs of (6,) and 3 classes: Assertion",
        ),
        (
            {"before": FAMILY, "more": f", grid=Grid(wide, {WIDE}, 30, training={{'batch_size': 8, 'dropout': 0.1}})"},
            "the mine zoo: network 'wide_4' of the grid is trained with dropout 0.1, and its function has no paramet",
        ),
    ],
)
def test_networks_and_training_of_a_grid_are_tried_when_its_zoo_is_opened(
    parts: dict[str, str], sentence: str, write: Callable[..., Path], settings: Settings
) -> None:
    with pytest.raises(HarnessError, match=re.escape(sentence)):
        opened(f"{write(**parts)}::zoo", settings)
