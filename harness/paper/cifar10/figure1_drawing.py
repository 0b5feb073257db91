"""Figure 1 as a figure: up to three panels side by side, their legends and a note below them.

Conditions are told apart by colour and by dashes, networks by grey and by marks, so that both can be told in print.
"""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from harness.paper.cifar10.convergence import CONVERGED_ERROR
from harness.paper.cifar10.figure1_result import NUM_CLASSES, Row, label_rows, partial_corruption
from harness.records.colours import BLACK, BLUE, GREEN, ORANGE, PINK, SKY_BLUE

PANEL_WIDTH, PANEL_HEIGHT = 2.75, 2.3  # inches, of the axes
LEFT, RIGHT, TOP = 0.55, 0.15, 0.3
LEGEND, LINE, EDGE = 0.52, 0.14, 0.1  # below an axis and its label; a line of the note
LEGEND_ROWS = 3
NOTE_LETTERS = 62  # in a line of the note, a panel
TITLES = {"a": "learning curves", "b": "convergence slowdown", "c": "test error"}

Dashes = tuple[float, ...]
CONDITIONS: dict[str, tuple[str, str, Dashes]] = {  # label, colour, dashes (on, off, ... in line widths)
    "true_labels": ("true labels", BLACK, ()),
    "corrupted_labels": ("corrupted labels", PINK, (5, 1.5)),
    "random_labels": ("random labels", ORANGE, ()),
    "shuffled_pixels": ("shuffled pixels", SKY_BLUE, (3, 1, 1, 1)),
    "random_pixels": ("random pixels", BLUE, (1, 1)),
    "gaussian": ("gaussian", GREEN, (6, 1.5, 1, 1.5)),
}
NETWORKS: dict[str, tuple[str, str]] = {  # grey, mark
    "inception_small": ("0.0", "o"),
    "inception_small_no_bn": ("0.6", "D"),
    "alexnet_small": ("0.3", "s"),
    "mlp_3x512": ("0.7", "v"),
    "mlp_1x512": ("0.5", "^"),
}
FLAT = 0.02  # of the loss of guessing: where all curves of panel a are below it, nothing is left to see


def draw(rows: Sequence[Row], panels: str, network: str, all_train: int) -> Figure:
    """The panels, of rows that are of the same images; panel a of one network. `all_train`: images of the whole set."""
    text = _note(rows, panels, all_train)
    lines = text.count("\n") + 1
    bottom = EDGE + lines * LINE + LEGEND_ROWS * LINE + LEGEND
    width = len(panels) * (LEFT + PANEL_WIDTH + RIGHT)
    height = bottom + PANEL_HEIGHT + TOP
    figure = Figure(figsize=(width, height))
    for number, panel in enumerate(panels):
        left = number * (LEFT + PANEL_WIDTH + RIGHT) + LEFT
        axes = figure.add_axes((left / width, bottom / height, PANEL_WIDTH / width, PANEL_HEIGHT / height))
        axes.spines[["top", "right"]].set_visible(False)
        handles = _panel(axes, panel, rows, network)
        axes.set_title(f"({panel}) {TITLES[panel]}" + (f", {network}" if panel == "a" else ""), loc="left", fontsize=8)
        if panel == "a" or panel == panels.replace("a", "")[0]:  # b and c share theirs
            _legend(figure, handles, left / width, (bottom - LEGEND + EDGE) / height)
    figure.text(EDGE / width, EDGE / height, text, fontsize=7, color="0.3", linespacing=1.3, va="bottom")
    return figure


def _panel(axes: Axes, panel: str, rows: Sequence[Row], network: str) -> list[Line2D]:
    if panel == "a":
        return _learning_curves(axes, [row for row in rows if row["network"] == network])
    axes.set_xlabel("label corruption")
    axes.set_xlim(-0.03, 1.03)
    return _slowdowns(axes, rows) if panel == "b" else _test_errors(axes, rows)


def _learning_curves(axes: Axes, rows: Sequence[Row]) -> list[Line2D]:
    shown = _one_a_condition(rows)
    handles = []
    for row in shown:
        label, colour, dashes = CONDITIONS[row["condition"]]
        label += f", {row['corruption']:g}" if row["condition"] == "corrupted_labels" else ""
        losses = [math.nan if loss is None else loss for loss in row["curve"]["train_loss"]]
        style: dict[str, Any] = {"color": colour, "dashes": dashes or (None, None), "linewidth": 1.3, "label": label}
        axes.plot(row["curve"]["steps"], losses, **style)
        handles.append(Line2D([], [], **style))
    axes.set_xlim(0, max((_last_to_see(row) for row in shown), default=1))
    axes.set_ylim(0, None)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("steps")
    axes.set_ylabel("training loss (nats)")
    return handles


def _one_a_condition(rows: Sequence[Row]) -> list[Row]:
    partial = partial_corruption(row["corruption"] for row in rows)
    shown = {row["condition"]: row for row in rows if row["corruption"] in (None, 0.0, partial, 1.0)}
    return [shown[condition] for condition in CONDITIONS if condition in shown]


def _last_to_see(row: Row) -> float:
    """The step at which a curve has come down to the axis, or its end."""
    curve = row["curve"]
    low = FLAT * math.log(NUM_CLASSES)
    steps = [s for s, loss in zip(curve["steps"], curve["train_loss"], strict=True) if loss is not None and loss <= low]
    return float(min([*steps, curve["steps"][-1]]))


def _slowdowns(axes: Axes, rows: Sequence[Row]) -> list[Line2D]:
    handles, top = [], 1.0
    for network, own in _by_network(rows).items():
        converged = [row for row in own if row["slowdown"] is not None]
        handles.append(_line(axes, network, [(row["corruption"], row["slowdown"], True) for row in converged]))
        top = max([top, *(row["slowdown"] for row in converged)])
    axes.set_ylim(0, 1.1 * top)
    axes.axhline(1, color="0.8", linewidth=0.8, zorder=0)
    axes.set_ylabel("relative convergence time")
    return handles


def _test_errors(axes: Axes, rows: Sequence[Row]) -> list[Line2D]:
    handles = []
    for network, own in _by_network(rows).items():
        points = [(row["corruption"], row["test_error"]["ours"], row["converged_after"] is not None) for row in own]
        handles.append(_line(axes, network, points))
    chance = 100 * (1 - 1 / NUM_CLASSES)
    axes.axhline(chance, color="0.8", linewidth=0.8, zorder=0)
    axes.text(0, chance + 1, "chance", color="0.4", va="bottom")
    axes.set_ylim(0, 100)
    axes.set_ylabel("test error (%)")
    return handles


def _by_network(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows with corrupted labels; no network of which there are true labels alone."""
    own = {network: label_rows(rows, network) for network in NETWORKS}
    return {network: found for network, found in own.items() if len(found) > 1}


def _line(axes: Axes, network: str, points: Sequence[tuple[float, float, bool]]) -> Line2D:
    """Points joined by lines; hollow where the third of them is False."""
    grey, mark = NETWORKS[network]
    style: dict[str, Any] = {"color": grey, "marker": mark, "markersize": 4.5, "linewidth": 1.0, "label": network}
    axes.plot([x for x, _, _ in points], [y for _, y, _ in points], clip_on=False, **style)
    hollow = [(x, y) for x, y, solid in points if not solid]
    only_marks = {**style, "linestyle": "none", "markerfacecolor": "white", "label": ""}
    axes.plot([x for x, _ in hollow], [y for _, y in hollow], clip_on=False, **only_marks)
    return Line2D([], [], **style)


def _legend(figure: Figure, handles: Sequence[Line2D], left: float, top: float) -> None:
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left, top),
        ncols=math.ceil(len(handles) / LEGEND_ROWS) if handles else 1,
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=2.5,
        columnspacing=1.0,
        labelspacing=0.3,
    )


def _note(rows: Sequence[Row], panels: str, all_train: int) -> str:
    """What was measured, on how many images, and what did not come to converge."""
    parts = []
    if rows:
        epochs = sorted({row["epochs"] for row in rows})
        trained = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
        images = f"{rows[0]['num_train']:,} " + ("" if rows[0]["run"] == "in full" else f"of {all_train:,} ")
        parts.append(f"{rows[0]['data_set']['name']}: {images}training images, {trained} epochs.")
    if set(panels) & set("bc"):
        parts.append(f"Converged: training error {CONVERGED_ERROR:.0%}.")
        missing = [row["row"] for row in rows if row["corruption"] is not None and row["converged_after"] is None]
        parts += [f"Not converged{', hollow' if 'c' in panels else ''}: {', '.join(missing)}."] if missing else []
    return "\n".join(textwrap.wrap(" ".join(parts), NOTE_LETTERS * len(panels))) or " "
