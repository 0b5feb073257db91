"""Theorem 1 as a figure: the function along its direction, and the error that float64 leaves."""

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from harness.paper.expressivity.representation import Representation
from harness.records.colours import BLACK, BLUE, GREEN, ORANGE, PINK

MARGIN = 0.05  # of the projections' range, on either side
BLOCKS = 3  # hidden layers of the deep network that panel a shows
COLORS = (BLACK, BLUE, ORANGE, GREEN, PINK)
MARKERS = ("o", "s", "^", "v", "D")


def draw(represented: Representation, rows: Sequence[dict[str, Any]]) -> Figure:
    """(a) c against ⟨a, x⟩, for a small sample; (b) errors (marks) and their bounds (dashes) of all rows against n."""
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    function, errors = figure.subplots(1, 2, width_ratios=[1.5, 1])
    _function(function, represented)
    _errors(errors, rows)
    for axes in (function, errors):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _function(axes: Axes, represented: Representation) -> None:
    """c is linear between knots; bands are the blocks of points that the deep network's layers take."""
    z, y = ([float(number) for number in numbers] for numbers in (represented.projections, represented.labels))
    margin = MARGIN * (z[-1] - z[0])
    low, high = z[0] - margin, z[-1] + margin
    line = [low, *z, high]
    axes.plot(line, [float(represented.at(Fraction(x))) for x in line], color=BLUE, linewidth=1)
    axes.plot(z, y, "o", color="black", markersize=3.5, zorder=3)
    starts = [block[0] for block in np.array_split(np.arange(len(z)), BLOCKS)]
    edges = [low, *(float(represented.knots[start]) for start in starts[1:]), high]
    for number, (left, right) in enumerate(itertools.pairwise(edges)):
        axes.axvspan(left, right, color="0.95" if number % 2 else "0.88", linewidth=0, zorder=0)
        style: dict[str, Any] = {"ha": "center", "va": "bottom", "color": "0.3"}
        axes.text((left + right) / 2, 1.01, f"hidden layer {number + 1}", transform=axes.get_xaxis_transform(), **style)
    axes.set_xlim(low, high)
    axes.set_ylim(min(y) - 0.8, max(y) + 0.8)
    axes.set_yticks(range(0, 10, 3))
    axes.set_xlabel("⟨a, x⟩")
    axes.set_ylabel("random label (marks), c(x) (line)")
    axes.set_title(f"(a) {len(z)} points, images of digits", loc="left", fontsize=8, pad=14)


def _errors(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(row["sample"] for row in rows))
    for name, color, marker in zip(names, COLORS, MARKERS, strict=False):
        own = [row for row in rows if row["sample"] == name]
        sizes = [row["num_distinct"] for row in own]
        errors = [row["error_in_float64"] or np.nan for row in own]  # 0 has no logarithm
        axes.plot(sizes, errors, marker=marker, color=color, label=name, markersize=3.5, linewidth=1)
        axes.plot(sizes, [row["error_bound_in_float64"] for row in own], color=color, linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("points n")
    axes.set_ylabel("largest |c(x) − y|")
    axes.set_title("(b) rounding in float64 (dashes: bound)", loc="left", fontsize=8, pad=14)
    axes.legend(frameon=False, fontsize=6.5, loc="upper left", borderaxespad=0.1, labelspacing=0.3)
