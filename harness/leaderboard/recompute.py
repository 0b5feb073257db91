"""Verdicts and findings once more, from nothing but a record's rows and the outcomes of its zoo's models."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from harness.checklist import Finding
from harness.errors import HarnessError
from harness.questions.question import Answer, Question
from harness.recipe import Condition, Recipe
from harness.rows import Row
from harness.train import Outcome
from harness.verdict import Verdict, judge
from harness.zoo import ZOOS, Zoo, twins

OUTCOME = tuple(field.name for field in dataclasses.fields(Outcome))


def recorded_zoo(zoo: Mapping[str, Any]) -> Zoo:
    """The zoo that a record names, on the data that its recipes pin. HarnessError for one that is not known here."""
    if zoo["name"] not in ZOOS:
        raise HarnessError(f"the zoo {zoo['name']!r} is not known here; known: {', '.join(ZOOS)}")
    found = ZOOS[zoo["name"]]
    pinned = {model["recipe"].get("data_sha256", "") for model in zoo["models"].values()} - {""}
    if pinned:
        found = dataclasses.replace(found, training={**found.training, "data_sha256": min(pinned)})
    return found


def gaps_of(zoo: Mapping[str, Any]) -> Callable[[Recipe], float]:
    """The recorded generalization gap of each model."""
    models = zoo["models"]
    return lambda recipe: models[recipe.id]["test_error"] - models[recipe.id]["train_error"]


def outcomes_of(zoo: Mapping[str, Any]) -> Callable[[Recipe], Outcome]:
    """The recorded outcome of each model."""
    models = {name: Outcome(**{field: model[field] for field in OUTCOME}) for name, model in zoo["models"].items()}
    return lambda recipe: models[recipe.id]


def rows_of(record: Mapping[str, Any]) -> Callable[[Recipe], Row]:
    """The recorded row of a measure on each model."""
    rows = {}
    for name, (value, seconds) in record["rows"].items():
        status, reason = record["reasons"].get(name, ("value", ""))
        rows[name] = Row(
            measure=record["measure"],
            version=record["version"],
            source_sha256=record["source_sha256"],
            recipe=name,
            weights_sha256="",
            status=status,
            value=value,
            reason=reason,
            seconds=seconds,
        )
    return lambda recipe: rows[recipe.id]


def rejudged(record: Mapping[str, Any], described: Mapping[str, Any], zoo: Zoo, condition: Condition) -> Verdict:
    """The verdict on a record, from its rows and the models' recorded outcomes; KeyError where a row is missing."""
    return judge(record["measure"], condition, twins(zoo, condition), rows_of(record), gaps_of(described))


def answered_again(
    record: Mapping[str, Any], described: Mapping[str, Any], zoo: Zoo, question: Question, answer: Answer
) -> Finding | None:
    """What a question's answer says of the rows; None if the record does not have them all."""
    if not all(recipe.id in record["rows"] for recipe in question.recipes(zoo)):
        return None
    return answer(zoo, rows_of(record), outcomes_of(described))


def oracle_rows(described: Mapping[str, Any]) -> Callable[[Recipe], Row]:
    """The rows that the gap itself would have, were it a measure."""
    gap = gaps_of(described)
    return lambda recipe: Row("gap", 1, "", recipe.id, "", "value", gap(recipe), "", 0.0)
