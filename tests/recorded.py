"""Verdicts computed again from nothing but a record."""

from collections.abc import Callable
from typing import Any

from harness.recipe import Condition, Recipe
from harness.rows import Row
from harness.verdict import Verdict, judge
from harness.zoo import Zoo, twins


def gaps_of(record: dict[str, Any]) -> Callable[[Recipe], float]:
    """The recorded generalization gap of each model."""
    models = record["zoo"]["models"]
    return lambda recipe: models[recipe.key]["test_error"] - models[recipe.key]["train_error"]


def rejudged(record: dict[str, Any], entry: dict[str, Any], zoo: Zoo, condition: Condition) -> Verdict:
    """The verdict on a recorded entry, from its rows and the models' recorded outcomes."""
    rows = {
        each["recipe"]: Row(
            measure=entry["measure"],
            version=entry["version"],
            source_sha256=entry["source_sha256"],
            weights_sha256="",
            **each,
        )
        for each in entry["rows"]
    }
    return judge(entry["measure"], condition, twins(zoo, condition), lambda recipe: rows[recipe.key], gaps_of(record))
