"""Families by units: of each unit the share of a family's measures that win it, a panel a condition."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from harness.errors import HarnessError
from harness.leaderboard.across.families import ALL
from harness.leaderboard.across.properties import BY_CONDITION
from harness.leaderboard.across.tables import mean_share
from harness.records.colours import BLUE, LIGHT_GREY, ORANGE
from harness.records.profile_figure import STYLE, WITHOUT_DATE, check_figure
from harness.zoo.zoo import GATE

WIDTH, LEFT, RIGHT = 6.5, 1.25, 0.12  # inches
ROW, TOP, LABELS, BOTTOM = 0.165, 0.36, 1.6, 0.4
DARK = 0.3  # so far from one half or further, numbers are white
SHADES = LinearSegmentedColormap.from_list("won", [ORANGE, "#FFFFFF", BLUE])
NOTE = (
    "Numbers: the share of the family's measures that win the unit, in percent (blue: most, orange: few; a coin: 50).\n"
    "Units (a network on a data set) stand by ×: steps of training on randomized data, over those on natural data."
)


def write_figure(path: Path, content: Mapping[str, Any]) -> None:
    """Draw what the leaderboard has of all zoos (summary.py) to a file, in the format of its suffix."""
    check_figure(path, "--figure")
    with matplotlib.style.context(["default", STYLE]):
        figure = draw(content)
        try:
            figure.savefig(path, dpi=200, metadata=WITHOUT_DATE[path.suffix])
        except OSError as cause:
            raise HarnessError(f"{path} could not be written ({cause.strerror or cause})") from cause


def draw(content: Mapping[str, Any]) -> Figure:
    families = content["families"]
    names = sorted(families, key=lambda name: (name != ALL, -mean_share(families[name]), name))
    rows = len(names) * ROW
    panel = TOP + rows + LABELS
    height = len(GATE) * panel + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    for number, condition in enumerate(GATE):
        low = BOTTOM + (len(GATE) - 1 - number) * panel + LABELS
        axes = figure.add_axes((LEFT / WIDTH, low / height, (WIDTH - LEFT - RIGHT) / WIDTH, rows / height))
        _panel(axes, content, condition, names)
    figure.text(0.1 / WIDTH, 0.1 / height, NOTE, fontsize=7, color="0.3", linespacing=1.3)
    return figure


def ordered(units: Sequence[Mapping[str, Any]], condition: str) -> list[int]:
    """Places of units by their ratio of steps, the smallest first; those of which it is not known last."""
    ratios = [unit[BY_CONDITION].get(condition) for unit in units]
    return sorted(range(len(units)), key=lambda place: (ratios[place] is None, ratios[place] or 0.0, place))


def _panel(axes: Axes, content: Mapping[str, Any], condition: str, names: Sequence[str]) -> None:
    units = content["units"]
    places = ordered(units, condition)
    shares = [[content["families"][name]["shares"][condition][place] for place in places] for name in names]
    axes.set_facecolor(LIGHT_GREY)  # where nothing is recorded
    table = [[float("nan") if share is None else share for share in row] for row in shares]
    axes.imshow(table, cmap=SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    size = 6.5 if len(places) <= 24 else 5
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            if share is not None:
                colour = "white" if abs(share - 0.5) > DARK else "black"
                axes.text(x, y, f"{100 * share:.0f}", ha="center", va="center_baseline", fontsize=size, color=colour)
    axes.set_yticks(range(len(names)), [_family(content, name) for name in names], fontsize=7)
    axes.set_xticks(range(len(places)), [_unit(units[place], condition) for place in places], rotation=90, fontsize=6)
    axes.tick_params(length=0, pad=2)
    axes.set_title(condition.replace("_", " "), loc="left", fontsize=9, fontweight="bold", pad=14)
    axes.axhline(0.5, color="0.3", linewidth=0.8)  # all measures, then their families
    axes.spines[:].set_visible(False)
    _fitted(axes, [units[place][BY_CONDITION].get(condition) for place in places])


def _fitted(axes: Axes, ratios: Sequence[float | None]) -> None:
    """A line between units whose randomized data were fitted in fewer steps than natural data, and the others."""
    faster = sum(ratio is not None and ratio < 1 for ratio in ratios)
    if 0 < faster < len(ratios):
        axes.axvline(faster - 0.5, color="0.1", linewidth=1.2)
        axes.text(faster - 0.6, -0.7, "fitted in fewer steps", ha="right", fontsize=6.5, color="0.3")
        axes.text(faster - 0.4, -0.7, "in more", ha="left", fontsize=6.5, color="0.3")


def _family(content: Mapping[str, Any], name: str) -> str:
    """With how many measures its shares are of (families.recorded_alike)."""
    zoos = [{*content["measures"][measure]["zoos"]} for measure in content["families"][name]["measures"]]
    alike = sum(set().union(*zoos) <= each for each in zoos)
    return f"{name.replace('_', ' ')} ({alike})"


def _unit(unit: Mapping[str, Any], condition: str) -> str:
    ratio = unit[BY_CONDITION].get(condition)
    known = "" if ratio is None else f"  ×{ratio:.2g}"
    return f"{unit['network']}, {unit['data_set'].replace('_', ' ')}{known}"
