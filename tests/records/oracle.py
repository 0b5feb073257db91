"""The gap itself as a measure, judged on what was recorded of a zoo's models: its verdict is known beforehand."""

from typing import Any

from harness.evaluation.rows import Row
from harness.judging.units.witnesses import by_unit
from harness.judging.verdict import Verdict, judge
from harness.records.recorded_outcomes import gaps_of
from harness.training.recipe import Recipe
from harness.zoo.zoo import Zoo, twins


def oracle_verdict(record: dict[str, Any], zoo: Zoo, condition: Any, sign: int) -> Verdict:
    """Of the gap times `sign` under one condition."""
    gap = gaps_of(record["zoo"])

    def row(recipe: Recipe) -> Row:
        return Row("oracle", 1, "", recipe.key, "", "value", sign * gap(recipe), "", 0.0)

    return judge("oracle", condition, by_unit(twins(zoo, condition)), row, gap)
