"""Figure 2 as a figure: accuracies against steps, a colour a row; the part of a test curve that lies below its best so
far is shaded: what stopping early could have gained."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator

from harness.paper.cifar10.figure2_result import Row
from harness.records.colours import BLACK, BLUE, GREEN, ORANGE, PINK

WIDTH, PANEL_WIDTH, PANEL_HEIGHT = 4.6, 3.85, 2.6  # inches, of the figure and of its axes
LEFT, TOP, EDGE = 0.55, 0.3, 0.1
LEGEND, LINE = 0.47, 0.155  # the axis' label; a line of legend or note
NOTE_LETTERS = 88
COLOURS = (BLUE, ORANGE, GREEN, PINK, BLACK)
MARKS = ("o", "^", "s", "D", "v")  # told apart without colour
NUM_MARKS = 8  # a curve
TITLES = {"a": "ImageNet, Inception V3", "b": "CIFAR-10"}


def draw(panel: str, rows: Sequence[Row]) -> Figure:
    """One panel as a figure of its own."""
    text = _note(panel, rows)
    keys = _kinds()
    legend_lines = max(len(rows), len(keys))
    bottom = EDGE + LINE * (text.count("\n") + 1 + legend_lines) + LEGEND + EDGE
    height = bottom + PANEL_HEIGHT + TOP
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((LEFT / WIDTH, bottom / height, PANEL_WIDTH / WIDTH, PANEL_HEIGHT / height))
    handles = [_curves(axes, row, number) for number, row in enumerate(rows)]
    _frame(axes, panel, rows)
    top = (bottom - LEGEND) / height
    _legend(figure, handles, LEFT / WIDTH, top)
    _legend(figure, keys, (LEFT + 0.55 * PANEL_WIDTH) / WIDTH, top)
    figure.text(EDGE / WIDTH, EDGE / height, text, fontsize=7, color="0.3", linespacing=1.3, va="bottom")
    return figure


def _curves(axes: Axes, row: Row, number: int) -> Line2D:
    """The row's training and test accuracy; a handle for the legend."""
    colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
    curve = row["curve"]
    steps, test = np.asarray(curve["steps"], float), np.asarray(curve["test_accuracy"], float)
    every = max(1, math.ceil(len(steps) / NUM_MARKS))
    style: dict[str, Any] = {"color": colour, "marker": mark, "markersize": 3.5, "markevery": every}
    axes.fill_between(steps, test, running_best(test), color=colour, alpha=0.3, linewidth=0, zorder=1)
    axes.plot(steps, curve["train_accuracy"], linestyle=(0, (4, 1.5)), linewidth=0.9, **style)
    axes.plot(steps, test, linewidth=1.4, **style)
    return Line2D([], [], color=colour, marker=mark, markersize=3.5, linewidth=1.4, label=_label(row))


def _label(row: Row) -> str:
    """A network's name; on ImageNet, where there is one network, what is switched on."""
    if row["panel"] == "b":
        return str(row["row"])
    return str(row["row"]).removeprefix("inception_v3").strip("-").replace("-", ", ") or "no regularizer"


def running_best(accuracies: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """The best until then (k,), of accuracies (k,) along training."""
    return np.maximum.accumulate(accuracies)


def _frame(axes: Axes, panel: str, rows: Sequence[Row]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"({panel}) {TITLES[panel]}", loc="left", fontsize=8)
    axes.set_xlim(0, max((row["curve"]["steps"][-1] for row in rows if row["curve"]["steps"]), default=1))
    axes.set_ylim(0, 102)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("steps")
    axes.set_ylabel("accuracy (%)" if panel == "b" else "top-1 accuracy (%)")


def _kinds() -> list[Line2D | Patch]:
    grey = "0.35"
    return [
        Line2D([], [], color=grey, linestyle=(0, (4, 1.5)), linewidth=0.9, label="training"),
        Line2D([], [], color=grey, linewidth=1.4, label="test"),
        Patch(facecolor=grey, alpha=0.3, linewidth=0, label="test, up to its best so far"),
    ]


def _legend(figure: Figure, handles: Sequence[Line2D | Patch], left: float, top: float) -> None:
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left, top),
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=2.5,
        labelspacing=0.35,
    )


def _note(panel: str, rows: Sequence[Row]) -> str:
    """What was measured, and on how much of the data."""
    if not rows:
        return " "
    first = rows[0]
    epochs = sorted({row["epochs"] for row in rows})
    trained = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
    if panel == "b":
        part = "" if first["run"] == "in full" else ", a subset"
        text = f"{first['data_set']['name']}: {first['num_train']:,} training images{part}, {trained} epochs. "
        text += "Training accuracy: of an epoch's own steps."
    else:
        images = f"{first['num_train']:,} training images of {first['num_classes']:,} classes"
        text = f"{images}, {first['image_size']} pixels, {trained} epochs. "
        text += f"Comparable with the paper's: {first['comparable']}."
    return "\n".join(textwrap.wrap(text, NOTE_LETTERS))
