"""Norm and test error of the Gaussian kernels' interpolants against their bandwidth, as a figure."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.paper.reported import KERNELS
from harness.records.colours import BLUE, ORANGE

ROWS = {
    "mnist-pixels-bandwidth": ("pixels", BLUE, "o", "mnist-pixels"),
    "mnist-gabor-bandwidth": ("Gabor wavelets", ORANGE, "s", "mnist-gabor"),
}
GREY = "0.35"


def draw_bandwidths(by_name: dict[str, dict[str, Any]]) -> Figure:
    """`by_name`: rows of kernels.json; what was solved, what that comes to on all images, and the paper's numbers."""
    figure = Figure(figsize=(7.4, 3.0), layout="constrained")
    norms, errors = figure.subplots(1, 2)
    shown = {name: each for name, each in ROWS.items() if name in by_name}
    for name, (_, color, marker, whole) in shown.items():
        _curves(norms, errors, by_name[name], by_name.get(whole), color, marker)
    _logarithmic(norms, "norm of the interpolant", FuncFormatter(lambda value, _: f"{value:g}"))
    _logarithmic(errors, "test error", FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    solved = next((f"{by_name[name]['num_train']:,} images" for name in shown), "")
    handles = [
        *(Line2D([], [], color=color, marker=marker, markersize=3.5, label=f"MNIST, {label}: {solved}")
          for label, color, marker, _ in shown.values()),
        Line2D([], [], color=GREY, linestyle="--", label="carried on to all images"),
        Line2D([], [], color=GREY, marker="*", markersize=8, linestyle="none", label="solved on all images"),
        Line2D([], [], color=GREY, linestyle=":", label="the paper's"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=7)
    return figure


def _curves(
    norms: Axes, errors: Axes, row: dict[str, Any], whole: dict[str, Any] | None, color: str, marker: str
) -> None:
    curve = row["by_gamma"]
    gammas = [point["gamma"] for point in curve]
    style: dict[str, Any] = {"color": color, "marker": marker, "markersize": 3.5, "linewidth": 1}
    norms.plot(gammas, [point["norm"] for point in curve], **style)
    norms.plot(gammas, [point["norm_of_all_images"] for point in curve], "--", color=color, linewidth=1)
    errors.plot(gammas, [point["test_error"] for point in curve], **style)
    star: dict[str, Any] = {"color": color, "marker": "*", "markersize": 9, "linestyle": "none"}
    if whole is not None:
        norms.plot([whole["gamma"]], [whole["norm"]], **star)
        errors.plot([whole["gamma"]], [whole["test_error"]], **star)
    reported = next(number for number in KERNELS if row["name"] == f"{number.data_set}-{number.features}-bandwidth")
    if reported.norm:
        norms.axhline(reported.norm, color=color, linestyle=":", linewidth=1)
    errors.axhline(reported.test_error / 100, color=color, linestyle=":", linewidth=1)


def _logarithmic(axes: Axes, quantity: str, labels: FuncFormatter) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("γ of exp(−γ|x − x′|²): wide kernels left, narrow right", fontsize=8)
    axes.set_ylabel(quantity)
    axes.yaxis.set_major_formatter(labels)
    axes.yaxis.set_minor_formatter(labels)
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
