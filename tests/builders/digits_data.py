"""The data set of a recipe on digits."""

from pathlib import Path

from harness.training.examples import data_set
from harness.training.recipe import Recipe


def digits(seed=0, **fields):
    recipe = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=seed, **fields)
    return data_set(recipe, Path())


OF_EACH = {"standardisation": "each_image"}
