"""The intervention profiles of a proposal's measures as SVG, beside its report."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.evaluation.rows import Row
from harness.leaderboard.recompute import recorded_zoo, rows_of
from harness.records.measure_profile import direction, profile, recipes
from harness.records.profile_figure import write_figure
from harness.records.recorded_outcomes import gaps_of
from harness.training.recipe import Recipe


def write_profiles(run: Mapping[str, Any], folder: Path) -> list[Path]:
    """`profile-<measure>.svg` of every measure of which the run has the networks."""
    zoo = recorded_zoo(run["zoo"])
    wanted = [recipe.id for recipe in recipes(zoo)]
    written = []
    for record in run["entries"]:
        if all(name in record["rows"] for name in wanted):
            row = rows_of(record)
            path = folder / f"profile-{record['measure']}.svg"
            steps = profile(zoo, functools.partial(_value, row), gaps_of(run["zoo"]))
            write_figure(path, steps, record["measure"], zoo.name, direction(zoo, functools.partial(_value, row)))
            written.append(path)
    return written


def _value(row: Callable[[Recipe], Row], recipe: Recipe) -> float | None:
    return row(recipe).value
