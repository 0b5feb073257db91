"""Section 5 as a figure: test error and norm against the number of training images, and where SGD goes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.paper.figure_files import write_figure
from harness.paper.kernels.bandwidths.drawing import ROWS as BANDWIDTHS
from harness.paper.kernels.bandwidths.drawing import draw_bandwidths
from harness.paper.reported import KERNELS
from harness.records.colours import BLUE, GREEN, ORANGE

CURVES = {
    "mnist-pixels": ("MNIST, pixels", BLUE, "o"),
    "mnist-gabor": ("MNIST, Gabor wavelets", ORANGE, "s"),
    "cifar10-pixels": ("CIFAR-10, pixels", GREEN, "^"),
}
WHOLE = {"mnist": 60_000, "cifar10": 50_000}
SMALLEST = 1e-17  # of a distance on a logarithmic axis: rounding leaves as much
SGD = {"from_zero": ("from 0", BLUE), "from_random": ("from random w", ORANGE)}


def write_figures(out: Path, rows: Sequence[dict[str, Any]]) -> list[Path]:
    """kernels and kernels_bandwidth, as SVG and PNG, of the last row of each name; none where nothing is to draw."""
    by_name = {row["name"]: row for row in rows}
    paths = []
    if by_name.keys() & {*CURVES, "sgd"}:
        paths += write_figure(out, "kernels", lambda: draw(by_name))
    if by_name.keys() & BANDWIDTHS.keys():
        paths += write_figure(out, "kernels_bandwidth", lambda: draw_bandwidths(by_name))
    return paths


def draw(by_name: dict[str, dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(7.4, 2.5), layout="constrained")
    errors, norms, sgd = figure.subplots(1, 3)
    for name, (label, color, marker) in CURVES.items():
        if name in by_name:
            _curve(errors, norms, by_name[name], label, color, marker)
    _logarithmic(errors, "test error", FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    _logarithmic(norms, "norm of the interpolant", FuncFormatter(lambda value, _: f"{value:g}"))
    handles, labels = errors.get_legend_handles_labels()
    if handles:
        errors.legend(handles, labels, frameon=False, fontsize=6.5, loc="lower left", borderaxespad=0.2)
        errors.set_ylim(bottom=0.001)  # room for the legend
        errors.set_title("Gaussian kernel: test error", fontsize=8)
        norms.set_title("Gaussian kernel: norm", fontsize=8)
    if "sgd" in by_name:
        _sgd(sgd, by_name["sgd"])
    for axes in (errors, norms, sgd):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _curve(errors: Axes, norms: Axes, row: dict[str, Any], label: str, color: str, marker: str) -> None:
    """Ours filled, along smaller training sets; the paper's number hollow, at the whole data set."""
    curve = row["by_num_train"]
    sizes = [point["num_train"] for point in curve]
    style: dict[str, Any] = {"color": color, "marker": marker, "markersize": 3.5, "linewidth": 1}
    errors.plot(sizes, [point["test_error"] for point in curve], label=label, **style)
    norms.plot(sizes, [point["norm"] for point in curve], **style)
    reported = next(number for number in KERNELS if row["name"] == f"{number.data_set}-{number.features}")
    hollow: dict[str, Any] = {"color": color, "marker": marker, "markersize": 6, "markerfacecolor": "none"}
    whole = WHOLE[reported.data_set]
    errors.plot([whole], [reported.test_error / 100], linestyle="none", **hollow)
    if reported.norm:
        norms.plot([whole], [reported.norm], linestyle="none", **hollow)


def _logarithmic(axes: Axes, quantity: str, labels: FuncFormatter) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("training images (hollow: the paper)")
    axes.set_ylabel(quantity)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(labels)
    axes.yaxis.set_minor_formatter(labels)
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _sgd(axes: Axes, row: dict[str, Any]) -> None:
    """Distance to the minimum-norm solution (lines) and to the span of the data (dashes)."""
    for name, (label, color) in SGD.items():
        path = row[name]
        steps = [point["step"] + 1 for point in path]
        axes.plot(steps, [point["distance_to_minimum_norm"] for point in path], color=color, label=f"{label}: to it")
        outside = [max(point["distance_from_span"], SMALLEST) for point in path]
        axes.plot(steps, outside, color=color, linestyle="--", linewidth=1, label=f"{label}: to the span")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("steps of SGD")
    axes.set_ylabel("distance / norm")
    axes.set_title("SGD and the minimum norm", fontsize=8)
    axes.legend(frameon=False, fontsize=6.5, loc="center left", borderaxespad=0.2)
