"""`python -m harness paper kernels`: section 5, the interpolants of smallest norm and others, in numbers.

A row is written to kernels.json as soon as it is there, in the place of one that has as many images and filters; other
rows stay, and the figure shows those with the most. What took long (solutions, and the matrix of the random net) is in
the cache folder, and is not made again.
"""

import functools
from pathlib import Path
from typing import Any

import click
import torch

from harness.errors import HarnessError
from harness.paper.command import paper_options
from harness.paper.kernels import convolution_rows, linear_rows, non_generalizing
from harness.paper.kernels.bandwidths.row import bandwidth_row
from harness.paper.kernels.figure import write_figures
from harness.paper.kernels.gaussian_rows import CIFAR10_PIXELS, MNIST_GABOR, MNIST_PIXELS, gaussian_row
from harness.paper.kernels.scale import Row, Scale
from harness.paper.reported import KERNELS
from harness.paper.result import compared, merge_rows, read_rows, write_result
from harness.records.environment import environment
from harness.settings import make_settings

ROWS: dict[str, Row] = {
    "mnist-pixels": functools.partial(gaussian_row, MNIST_PIXELS),
    "mnist-gabor": functools.partial(gaussian_row, MNIST_GABOR),
    "cifar10-pixels": functools.partial(gaussian_row, CIFAR10_PIXELS),
    "mnist-pixels-bandwidth": functools.partial(bandwidth_row, MNIST_PIXELS),
    "mnist-gabor-bandwidth": functools.partial(bandwidth_row, MNIST_GABOR),
    "cifar10-random_convolution": convolution_rows.without_l2,
    "cifar10-random_convolution-l2": convolution_rows.with_l2,
    "random-centres": non_generalizing.random_centres,
    "forced-labels": non_generalizing.forced_labels,
    "sgd": linear_rows.sgd,
    "hessian": linear_rows.hessian,
}
REPORTED = {f"{number.data_set}-{number.features}{'-l2' if number.l2 else ''}": number for number in KERNELS}
FULL = Scale(num_train=0, filters=32_000)
IDENTITY = ("name", "num_train", "filters")
QUICK = Scale(num_train=2_000, filters=1_000)  # as many features as images would be where interpolants are worst


@click.command("kernels")
@click.option("--rows", metavar="NAMES", help=f"Only these, with commas between [{','.join(ROWS)}].")
@click.option("--num-train", type=int, metavar="N", help="Training images [all; 2000 with --quick].")
@click.option("--filters", type=int, metavar="N", help="Filters of the random net [32000; 1000 with --quick].")
@click.option("--workers", type=int, metavar="N", help="Threads [one a core].")
@paper_options
def command(
    rows: str | None,
    num_train: int | None,
    filters: int | None,
    workers: int | None,
    quick: bool,
    out: Path,
    cache_dir: str | None,
    data_dir: str | None,
) -> None:
    """Section 5: interpolants of minimum norm on pixels, Gabor and random convolutional features; SGD; the Hessian."""
    settings = make_settings(cache_dir, data_dir, workers=workers)
    scale = _scale(QUICK if quick else FULL, num_train, filters)
    wanted = _wanted(rows)
    torch.set_num_threads(settings.workers)
    written = read_rows(out, "kernels")
    for name in wanted:
        row = beside_the_paper({"name": name, **ROWS[name](scale, settings)})
        row["environment"] = environment("cpu", settings.workers)
        written = in_order(merge_rows(written, [row], IDENTITY))
        path = write_result(out, "kernels", {"rows": written}, workers=settings.workers)
    click.echo("\n".join([*table(written), "", str(path), *map(str, write_figures(out, written))]))


def _scale(scale: Scale, num_train: int | None, filters: int | None) -> Scale:
    chosen = Scale(scale.num_train if num_train is None else num_train, scale.filters if filters is None else filters)
    if chosen.num_train < 0 or chosen.filters < 1:
        raise HarnessError(
            f"--num-train is {chosen.num_train}, --filters {chosen.filters}; expected a number of images (0: all), and "
            "1 filter or more"
        )
    return chosen


def _wanted(rows: str | None) -> list[str]:
    names = rows.split(",") if rows else list(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise HarnessError(f"--rows has {unknown[0]!r}; known: {', '.join(ROWS)}")
    return names


def beside_the_paper(row: dict[str, Any]) -> dict[str, Any]:
    """The row, with our test error, in percent as there, and norm beside the paper's, where it reports them."""
    if row["name"] not in REPORTED:
        return row
    reported = REPORTED[row["name"]]
    return {
        **row,
        "test_error_percent_beside_paper": compared(100 * row["test_error"], reported.test_error),
        "norm_beside_paper": compared(row["norm"], reported.norm),
    }


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of ROWS, of one name the smallest first."""
    return sorted(rows, key=lambda row: (list(ROWS).index(row["name"]), row["num_train"], row.get("filters", 0)))


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines to print: a row each, with the paper's numbers where there are any."""
    lines = [f"{'row':30}  {'train':>6}  {'test error':>10}  {'paper':>6}  {'norm':>8}  {'paper':>6}  {'seconds':>8}"]
    for row in rows:
        reported = REPORTED.get(row["name"])
        error = f"{row['test_error']:.2%}" if "test_error" in row else ""
        paper_error = f"{reported.test_error:g}%" if reported else ""
        paper_norm = f"{reported.norm:g}" if reported and reported.norm else ""
        lines.append(
            f"{row['name']:30}  {row['num_train']:>6}  {error:>10}  {paper_error:>6}  {row['norm']:>8.4g}  "
            f"{paper_norm:>6}  {row['seconds']:>8.0f}"
        )
        if "minimum_norm" in row:
            smallest = row["minimum_norm"]
            error = f"{smallest['test_error']:.2%}"
            lines.append(
                f"{'  minimum norm, same images':30}  {row['num_train']:>6}  {error:>10}  {'':>6}  "
                f"{smallest['norm']:>8.4g}"
            )
    return lines
