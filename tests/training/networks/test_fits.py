"""Networks of today's kinds fit noise at the rates of their zoo, and learn natural data with the same."""

import dataclasses
from pathlib import Path

import pytest

from harness.training.recipe import Condition, Recipe
from harness.training.train import train
from harness.zoo.zoos import ZOOS

DIGITS = ZOOS["digits"]


@pytest.mark.parametrize("network", ["vit_small", "resnet_small_gn", "resnet_small", "residual_mlp_2x128"])
def test_fifty_random_labels_are_fitted(network: str) -> None:
    recipe = dataclasses.replace(DIGITS.natural(network, 0), condition="random_labels", num_train=50, batch_size=25)
    _, outcome, _ = train(recipe, Path())
    assert outcome.fitted and outcome.train_error == 0
    assert outcome.test_error > 0.7


@pytest.mark.slow
@pytest.mark.parametrize(("condition", "least", "most"), [("true_labels", 0.0, 0.08), ("random_labels", 0.8, 1.0)])
def test_the_cheapest_fits_all_of_the_digits_and_generalizes_where_there_is_something_to_learn(
    condition: Condition, least: float, most: float
) -> None:
    natural: Recipe = DIGITS.natural("residual_mlp_2x128", 15)
    _, outcome, _ = train(dataclasses.replace(natural, condition=condition), Path())
    assert outcome.fitted
    assert least <= outcome.test_error <= most
