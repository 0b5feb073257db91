"""A record's field `blinded`: the measure's values with a part hidden, from which what it reads can be told again."""

from collections.abc import Mapping
from typing import Any

from harness.evaluation.blinding import Part
from harness.evaluation.rows import Row
from harness.judging.reads import BlindedRows
from harness.training.recipe import Recipe


def blinded_field(rows: Mapping[tuple[Part, Recipe], Row]) -> dict[str, Any]:
    """By the part and the model's id a value, or [status, reason]; no field where nothing was hidden."""
    field: dict[str, dict[str, Any]] = {}
    for (part, recipe), row in rows.items():
        field.setdefault(part, {})[recipe.id] = [row.status, row.reason] if row.value is None else row.value
    return {"blinded": field} if field else {}


def blinded_rows_of(record: Mapping[str, Any]) -> BlindedRows:
    """The recorded row of each part and model; KeyError with the model's id where there is none."""
    field = record.get("blinded", {})

    def row(part: Part, recipe: Recipe) -> Row:
        if recipe.id not in field.get(part, {}):
            raise KeyError(recipe.id)
        found = field[part][recipe.id]
        about = (record["measure"], record["version"], record["source_sha256"], recipe.id, "")
        if isinstance(found, list):
            status, reason = found
            return Row(*about, status, None, reason, 0.0)
        return Row(*about, "value", float(found), "", 0.0)

    return row
