"""A profile as a figure: a row an intervention, the measure's dot and interval over the gap's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from harness.errors import HarnessError
from harness.records.colours import BLUE, GREY
from harness.records.measure_profile import Fraction, Step

WITHOUT_DATE: dict[str, dict[str, Any]] = {  # the same numbers give the same bytes, on any day and version
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "shatterproof",
    "pdf.fonttype": 42,
}
LIMITS = (-0.6, 1.6)
WIDTH, LINE, TOP, BOTTOM = 6.5, 0.165, 0.72, 0.86  # inches
LEFT, RIGHT, EDGE = 2.35, 0.5, 0.1
APART = 0.2  # of a line, from its middle to the measure above and the gap below
NOTE = (
    "Dots: means over units (a data set with one network) of the fraction of the way. Bars: 95% t-intervals. Units:\n"
    "those that random labels move. Networks trained beside wrong images are compared with those trained without, on\n"
    "the same images, by the distance between natural data and random labels. Arrows: beyond the axis."
)


def check_figure(path: Path, option: str = "--out") -> None:
    """HarnessError, before any work, if no figure could be written there. `option`: by which it was given."""
    if path.suffix not in WITHOUT_DATE:
        raise HarnessError(f"{option} {path} is not a figure; its name has to end in {', '.join(WITHOUT_DATE)}")
    if not path.absolute().parent.is_dir():
        raise HarnessError(f"{option} {path} cannot be written; name a file in a folder that exists")


def write_figure(path: Path, steps: Sequence[Step], measure: str, zoo: str, direction: str) -> None:
    """Draw the steps to a file, in the format of its suffix. `direction`: which way random labels move the measure."""
    check_figure(path)
    with matplotlib.style.context(["default", STYLE]):
        figure = draw(steps, measure, zoo, direction)
        try:
            figure.savefig(path, dpi=200, metadata=WITHOUT_DATE[path.suffix])
        except OSError as cause:
            raise HarnessError(f"--out {path} could not be written ({cause.strerror or cause})") from cause


def draw(steps: Sequence[Step], measure: str, zoo: str, direction: str) -> Figure:
    groups = list(dict.fromkeys(step.group for step in steps))
    lines = len(steps) + len(groups)
    height = TOP + lines * LINE + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    box = (LEFT / WIDTH, BOTTOM / height, (WIDTH - LEFT - RIGHT) / WIDTH, lines * LINE / height)
    axes = figure.add_axes(box)
    _frame(axes, lines)
    y = 0
    for group in groups:
        _beside(axes, group, EDGE, y, fontweight="bold")
        for step in [other for other in steps if other.group == group]:
            y += 1
            _row(axes, step, y)
        y += 1
    figure.text(EDGE / WIDTH, 1 - 0.2 / height, f"{measure}, {zoo} zoo", fontsize=9, fontweight="bold")
    figure.text(1 - EDGE / WIDTH, 1 - 0.2 / height, direction, color="0.3", ha="right")
    figure.text(EDGE / WIDTH, 0.08 / height, NOTE, fontsize=7, color="0.3", linespacing=1.3)
    handles = [_mark(BLUE, True, label=measure), _mark(GREY, False, label="generalization gap")]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(EDGE / WIDTH, 1 - 0.25 / height),
        borderaxespad=0,
        borderpad=0,
        frameon=False,
        ncols=2,
        handletextpad=0.2,
        columnspacing=1.5,
    )
    return figure


def _frame(axes: Axes, lines: int) -> None:
    axes.set_xlim(*LIMITS)
    axes.set_ylim(lines - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xticks([-0.5, 0, 0.5, 1, 1.5], ["−0.5", "0", "0.5", "1", "1.5"])
    axes.set_xlabel("fraction of the way", labelpad=2)
    axes.spines[["left", "top", "right"]].set_visible(False)
    above = axes.get_xaxis_transform()
    for x, name in ((0, "natural"), (1, "random labels")):
        axes.axvline(x, color="0.3", linewidth=0.8, zorder=1)
        axes.text(x, 1.01, name, transform=above, ha="center", color="0.3")
    _beside(axes, "units", WIDTH - EDGE, -0.9, ha="right", color="0.3")


def _row(axes: Axes, step: Step, y: int) -> None:
    axes.axhline(y, color="0.9", linewidth=0.5, zorder=0)
    _beside(axes, step.name, 2 * EDGE, y)
    _fraction(axes, step.gap, y + APART, GREY, filled=False)
    _fraction(axes, step.measure, y - APART, BLUE, filled=True)
    _beside(axes, str(step.units), WIDTH - EDGE, y, ha="right", color="0.3")


def _beside(axes: Axes, text: str, inches: float, y: float, **style: Any) -> None:
    """Text on a row, outside of the axes: so far from the figure's left edge."""
    in_inches = blended_transform_factory(axes.figure.dpi_scale_trans, axes.transData)
    axes.text(inches, y, text, transform=in_inches, va="center_baseline", **style)


def _fraction(axes: Axes, fraction: Fraction | None, y: float, color: str, filled: bool) -> None:
    """A dot on its interval; what lies beyond the axis is an arrow at its edge, a dot there with its number."""
    if fraction is None:
        _inside(axes, "no value", 0.5, y, color, ha="center", style="italic")
        return
    low, high = LIMITS
    ends = [min(max(end, low), high) for end in fraction.interval]
    axes.plot(ends, [y, y], color=color, linewidth=1.2, solid_capstyle="butt", zorder=2, clip_on=False)
    for end, edge, arrow in ((fraction.interval[0], low, "<"), (fraction.interval[1], high, ">")):
        if (end - edge) * edge > 0:
            axes.add_line(_mark(color, True, arrow, 3, [edge], [y]))
    if low <= fraction.value <= high:
        axes.add_line(_mark(color, filled, "o", 4, [fraction.value], [y]))
        return
    edge, arrow, side = (low, "<", "left") if fraction.value < low else (high, ">", "right")
    axes.add_line(_mark(color, filled, arrow, 5, [edge], [y]))
    inwards = 0.04 if edge == low else -0.04
    _inside(axes, f"{fraction.value:.2g}", edge + inwards, y, color, ha=side)


def _inside(axes: Axes, text: str, x: float, y: float, color: str, **style: Any) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    axes.text(x, y, text, color=color, fontsize=6.5, va="center_baseline", bbox=box, zorder=4, **style)


def _mark(
    color: str,
    filled: bool,
    marker: str = "o",
    size: float = 4,
    x: Sequence[float] = (),
    y: Sequence[float] = (),
    label: str = "",
) -> Line2D:
    return Line2D(
        x,
        y,
        color=color,
        linestyle="none",
        marker=marker,
        markersize=size,
        markerfacecolor=color if filled else "white",
        markeredgewidth=1.0,
        zorder=3,
        clip_on=False,
        label=label,
    )
