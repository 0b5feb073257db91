"""What a record says that training achieved: the outcome of each of its zoo's models, and their generalization gaps."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from harness.training.recipe import Recipe
from harness.training.train import Outcome

OUTCOME = tuple(field.name for field in dataclasses.fields(Outcome))


def outcomes_of(zoo: Mapping[str, Any]) -> Callable[[Recipe], Outcome]:
    """The recorded outcome of each model of a record's zoo; KeyError with the id of one that it does not have."""
    models = {name: Outcome(**{field: model[field] for field in OUTCOME}) for name, model in zoo["models"].items()}
    return lambda recipe: models[recipe.id]


def gaps_of(zoo: Mapping[str, Any]) -> Callable[[Recipe], float]:
    """The recorded generalization gap of each model, as `outcomes_of`."""
    models = zoo["models"]
    return lambda recipe: models[recipe.id]["test_error"] - models[recipe.id]["train_error"]
