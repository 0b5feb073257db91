"""The intervention profiles of a proposal's measures as SVG, beside its report."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.leaderboard.recompute import gaps_of, recorded_zoo, rows_of
from harness.profile import direction, profile, recipes
from harness.profile_figure import write_figure
from harness.recipe import Recipe
from harness.rows import Row


def write_profiles(run: Mapping[str, Any], folder: Path) -> list[Path]:
    """`profile-<measure>.svg` of every measure of which the run has the networks."""
    zoo = recorded_zoo(run["zoo"])
    wanted = [recipe.id for recipe in recipes(zoo)]
    written = []
    for entry in run["entries"]:
        if all(name in entry["rows"] for name in wanted):
            row = rows_of(entry)
            place = folder / f"profile-{entry['measure']}.svg"
            steps = profile(zoo, functools.partial(_value, row), gaps_of(run["zoo"]))
            write_figure(place, steps, entry["measure"], zoo.name, direction(zoo, functools.partial(_value, row)))
            written.append(place)
    return written


def _value(row: Callable[[Recipe], Row], recipe: Recipe) -> float | None:
    return row(recipe).value
