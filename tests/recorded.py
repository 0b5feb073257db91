"""Verdicts computed again from nothing but a record."""

import dataclasses
from collections.abc import Callable
from typing import Any

from harness.recipe import Condition, Recipe
from harness.rows import Row
from harness.train import Outcome
from harness.verdict import Verdict, judge
from harness.zoo import Zoo, twins


def gaps_of(record: dict[str, Any]) -> Callable[[Recipe], float]:
    """The recorded generalization gap of each model."""
    models = record["zoo"]["models"]
    return lambda recipe: models[recipe.id]["test_error"] - models[recipe.id]["train_error"]


def outcomes_of(record: dict[str, Any]) -> Callable[[Recipe], Outcome]:
    """The recorded outcome of each model."""
    names = [field.name for field in dataclasses.fields(Outcome)]
    models = {
        name: Outcome(**{field: model[field] for field in names}) for name, model in record["zoo"]["models"].items()
    }
    return lambda recipe: models[recipe.id]


def rows_of(entry: dict[str, Any]) -> Callable[[Recipe], Row]:
    """The recorded row of a measure on each model."""
    rows = {}
    for name, (value, seconds) in entry["rows"].items():
        status, reason = entry["reasons"].get(name, ("value", ""))
        rows[name] = Row(
            measure=entry["measure"],
            version=entry["version"],
            source_sha256=entry["source_sha256"],
            recipe=name,
            weights_sha256="",
            status=status,
            value=value,
            reason=reason,
            seconds=seconds,
        )
    return lambda recipe: rows[recipe.id]


def rejudged(record: dict[str, Any], entry: dict[str, Any], zoo: Zoo, condition: Condition) -> Verdict:
    """The verdict on a recorded entry, from its rows and the models' recorded outcomes."""
    return judge(entry["measure"], condition, twins(zoo, condition), rows_of(entry), gaps_of(record))
