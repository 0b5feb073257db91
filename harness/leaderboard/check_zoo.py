"""Do a record's models follow from the definition of its zoo? A stranger's zoo is checked without its code."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.judging.plan import all_recipes
from harness.records.record import digest_of_models
from harness.training.recipe import TRAINING_VERSION
from harness.zoo.zoo import Zoo


def problems_of_zoo(described: Mapping[str, Any], zoo: Zoo) -> list[str]:
    """What is wrong with the models of a zoo, a sentence each; `zoo` is the one that it defines."""
    return list(_problems(described, zoo)) if "definition" in described else []


def _problems(described: Mapping[str, Any], zoo: Zoo) -> Iterator[str]:
    if described["name"] != zoo.name:
        yield f"is named {described['name']!r}, and defined as {zoo.name!r}"
    asked = {recipe.id: recipe for recipe in all_recipes(zoo)}
    for name, model in described["models"].items():
        if name not in asked:
            yield f"has the model {name:.100}, which does not follow from its definition"
            return
        if model["recipe"] != asked[name].canonical():
            yield f"has another recipe of {name} than follows from its definition"
            return
        if described["training_version"] == TRAINING_VERSION and model["key"] != asked[name].key:
            yield f"has a key of {name} that is not its recipe's"
            return
    if described["digest"] != digest_of_models(zoo, described["models"]):
        yield "has a digest that is not that of its models"
