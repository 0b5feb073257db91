"""`python -m harness paper midpoints`: what halfway points say of kernel interpolants, as numbers and as a figure.

With the labels held and the width of the kernel varied, only the function changes: a measure that follows the test
error there reads the function. With the width held and labels corrupted, both change.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import torch
from matplotlib.figure import Figure
from scipy.stats import kendalltau

from harness.paper.command import paper_options
from harness.paper.figure_files import write_figure
from harness.paper.kernels.midpoints import CORRUPTED, WIDTHS, Interpolated, interpolate_all, load_problem
from harness.paper.result import write_result
from harness.records.colours import BLUE, GREEN, ORANGE
from harness.settings import make_settings

READ = ("midpoint_error", "midpoint_margin", "midpoint_entropy", "two_labels", "norm")
"""What is compared with the test error; two_labels is the share of neighbours whose labels differ."""
DRAWN = {
    "midpoint_error": "midpoint_error",
    "midpoint_margin": "midpoint_margin",
    "midpoint_entropy": "midpoint_entropy",
    "norm": "norm of the interpolant",
}
COLOURS = (BLUE, ORANGE, GREEN)


@dataclasses.dataclass(frozen=True)
class Follows:
    """Mean Kendall's tau-b of a number with the test error, over the groups in which both vary; None without one."""

    data_set: str
    number: str
    over_widths: float | None
    over_labels: float | None


@click.command("midpoints")
@click.option(
    "--data-sets", metavar="NAMES", default="digits", show_default=True, help="Data sets, separated by commas."
)
@click.option(
    "--num-train", type=int, metavar="N", default=1000, show_default=True, help="Images that are interpolated."
)
@click.option("--workers", type=int, metavar="N", help="Threads [one a core].")
@paper_options
def command(
    data_sets: str,
    num_train: int,
    workers: int | None,
    quick: bool,
    out: Path,
    cache_dir: str | None,
    data_dir: str | None,
) -> None:
    """Kernel interpolants halfway between neighbours: what of a midpoint measure is labels, and what function."""
    settings = make_settings(cache_dir, data_dir, workers=workers)
    torch.set_num_threads(settings.workers)
    widths, shares = (WIDTHS[::2], CORRUPTED[::2]) if quick else (WIDTHS, CORRUPTED)
    rows: list[Interpolated] = []
    for name in data_sets.split(","):
        rows += interpolate_all(load_problem(name, num_train, settings), widths, shares)
    follows = all_follow(rows)
    content = {
        "rows": [dataclasses.asdict(row) for row in rows],
        "follows": [dataclasses.asdict(row) for row in follows],
    }
    path = write_result(out, "midpoints", content, workers=settings.workers)
    figures = write_figure(out, "midpoints", lambda: draw(rows))
    click.echo("\n".join([*table(follows, rows), "", str(path), *map(str, figures)]))


def all_follow(rows: Sequence[Interpolated]) -> list[Follows]:
    names = list(dict.fromkeys(row.data_set for row in rows))
    found = []
    for name in names:
        own = [row for row in rows if row.data_set == name]
        for number in READ:
            widths = _mean_tau(own, number, lambda row: row.corrupted)
            found.append(Follows(name, number, widths, _mean_tau(own, number, lambda row: row.width)))
    return found


def _mean_tau(rows: Sequence[Interpolated], number: str, held: Callable[[Interpolated], float]) -> float | None:
    """The mean over what is held; of groups in which both vary."""
    taus = []
    for value in sorted({held(row) for row in rows}):
        group = [row for row in rows if held(row) == value]
        tau = kendalltau([getattr(row, number) for row in group], [row.test_error for row in group]).statistic
        if tau == tau:  # not a number where one of them is constant
            taus.append(float(tau))
    return sum(taus) / len(taus) if taus else None


def table(follows: Sequence[Follows], rows: Sequence[Interpolated]) -> list[str]:
    """Lines to print."""
    lines = [f"{'data set':10}  {'number':16}  {'tau with the test error, labels held':>36}  {'width held':>10}"]
    for row in follows:
        lines.append(f"{row.data_set:10}  {row.number:16}  {_text(row.over_widths):>36}  {_text(row.over_labels):>10}")
    given = max((1 - row.two_labels) * row.another_label + row.two_labels * row.third_label for row in rows)
    bend = max(row.largest_bend for row in rows)
    return [
        *lines,
        f"of {len(rows)} interpolants: at most {given:.2%} of midpoints get a label of neither end; the largest bend "
        f"is {bend:.2f} of its upper limit",
    ]


def _text(tau: float | None) -> str:
    return "constant" if tau is None else f"{tau:.2f}"


def draw(rows: Sequence[Interpolated]) -> Figure:
    """Each number against the test error; a line joins interpolants of the same labels, from wide kernel to narrow."""
    figure = Figure(figsize=(8.4, 2.4), layout="constrained")
    names = list(dict.fromkeys(row.data_set for row in rows))
    for axes, (number, label) in zip(figure.subplots(1, len(DRAWN)), DRAWN.items(), strict=True):
        for name, colour in zip(names, itertools.cycle(COLOURS)):
            for share in sorted({row.corrupted for row in rows}):
                line = [row for row in rows if row.data_set == name and row.corrupted == share]
                values = [getattr(row, number) for row in line]
                axes.plot(
                    [row.test_error for row in line], values, color=colour, marker="o", markersize=2.5, linewidth=0.9,
                    label=name if share == 0 else None,
                )  # fmt: skip
        axes.set_xlabel("test error")
        axes.set_title(label, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if number == "norm":
            axes.set_yscale("log")
    figure.axes[0].legend(frameon=False, fontsize=6.5)
    return figure
