"""Verdicts and findings once more, from nothing but a record's rows and the outcomes of its zoo's models."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.finding import Finding
from harness.evaluation.rows import Row
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Clause, Outcomes, Question
from harness.judging.units.witnesses import by_unit
from harness.judging.verdict import Verdict, judge
from harness.records.recorded_outcomes import gaps_of, outcomes_of
from harness.training.recipe import Condition, Recipe
from harness.zoo.definition import definition_of, zoo_of
from harness.zoo.zoo import Zoo, twins
from harness.zoo.zoos import ZOOS


def recorded_zoo(zoo: Mapping[str, Any]) -> Zoo:
    """The zoo that a record is of, as it defines it, or by its name where that is one of this project.

    HarnessError for one that is neither, or is defined otherwise here.
    """
    definition = zoo.get("definition")
    if zoo["name"] not in ZOOS:
        if definition is None:
            raise HarnessError(f"the zoo {zoo['name']!r} is not known here, and its record has no definition of it")
        return zoo_of(definition)
    found = ZOOS[zoo["name"]]
    pinned = {model["recipe"].get("data_sha256", "") for model in zoo["models"].values()} - {""}
    if pinned:
        found = dataclasses.replace(found, training={**found.training, "data_sha256": min(pinned)})
    if definition not in (None, definition_of(found)):
        raise HarnessError(
            f"the zoo {found.name!r} of this record is defined otherwise than here; check it with the version of "
            "shatterproof that wrote it, or give a zoo of your own another name"
        )
    return found


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
            standard_error=record.get("standard_errors", {}).get(name),
        )
    return lambda recipe: rows[recipe.id]


def rejudged(
    record: Mapping[str, Any],
    described: Mapping[str, Any],
    zoo: Zoo,
    condition: Condition,
    row: Callable[[Recipe], Row] | None = None,
) -> Verdict:
    """The verdict on a record, from its rows and the models' recorded outcomes; KeyError where a row is missing.

    `row`: its rows_of, where that is known.
    """
    found = row or rows_of(record)
    return judge(record["measure"], condition, by_unit(twins(zoo, condition)), found, gaps_of(described))


class RecordedZoo:
    """What the records of one zoo are computed again from, each made once, when it is first asked for."""

    def __init__(self, described: Mapping[str, Any]):
        self.described = described

    @functools.cached_property
    def zoo(self) -> Zoo:
        """HarnessError as of recorded_zoo."""
        return recorded_zoo(self.described)

    @functools.cached_property
    def _outcome(self) -> Outcomes:
        return outcomes_of(self.described)

    @functools.cached_property
    def _asked(self) -> dict[str, list[str]]:
        """The models that each question asks for, by their ids."""
        return {question.name: [recipe.id for recipe in question.recipes(self.zoo)] for question in QUESTIONS}

    def answered_again(
        self, record: Mapping[str, Any], row: Callable[[Recipe], Row], question: Question, clause: Clause
    ) -> Finding | None:
        """What a question's clause says of a record's rows; None if it does not have them all."""
        if not all(name in record["rows"] for name in self._asked[question.name]):
            return None
        return clause(self.zoo, row, self._outcome)


def oracle_rows(described: Mapping[str, Any]) -> Callable[[Recipe], Row]:
    """The rows that the gap itself would have, were it a measure."""
    gap = gaps_of(described)
    return lambda recipe: Row("gap", 1, "", recipe.id, "", "value", gap(recipe), "", 0.0)
