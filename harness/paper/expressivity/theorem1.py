"""`python -m harness paper expressivity`: theorem 1 on real numbers.

Random labels from ten classes, as the real numbers 0 to 9, on samples of several sizes and dimensions, by two layers of
2n + d weights and by deeper networks. projection.py chooses the direction, representation.py solves for the weights,
relu_networks.py are the networks.
"""

import functools
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from harness.paper.cifar10.recipes import CROP
from harness.paper.command import paper_options
from harness.paper.expressivity.figure import draw
from harness.paper.expressivity.relu_networks import DeepNetwork, TwoLayerNetwork, error_bound
from harness.paper.expressivity.representation import Representation, represent
from harness.paper.figure_files import write_figure
from harness.paper.result import compared, write_result
from harness.settings import Settings, make_settings
from harness.training.data_set import centre_crop, each_standardised
from harness.training.reading.data_sets import in_class_folders
from harness.training.reading.raw_data import as_floats, load_raw_data
from measures.seeding import seeded_generator

SIZES, QUICK_SIZES = (10, 100, 1000), (10, 100)
HIDDEN_LAYERS = (2, 3, 10, 100)  # and n
DRAWN_POINTS = 24  # in the figure's panel a
NUM_CLASSES = 10
SEED = 0


def samples(settings: Settings) -> dict[str, Callable[[int], Tensor]]:
    """By name, what makes n points (n, d). CIFAR-10 only where it is in the data folder already."""
    found: dict[str, Callable[[int], Tensor]] = {
        f"gaussian, d = {d}": functools.partial(_gaussian, d) for d in (1, 10, 3 * CROP**2)
    }
    found["digits"] = lambda n: _images("digits", n, settings).flatten(1)
    if (settings.data_dir / "cifar-10-batches-py").is_dir() or in_class_folders(settings.data_dir):
        found["cifar10"] = lambda n: each_standardised(centre_crop(_images("cifar10", n, settings), CROP)).flatten(1)
    return found


def _gaussian(dimension: int, num_points: int) -> Tensor:
    generator = seeded_generator(SEED, f"points{dimension}")
    return torch.randn(num_points, dimension, generator=generator, dtype=torch.float64)


def _images(name: str, num_images: int, settings: Settings) -> Tensor:
    raw = load_raw_data(name, settings.data_dir, settings.cache_dir)
    order = torch.randperm(len(raw.images), generator=seeded_generator(SEED, "images"))
    return as_floats(raw.images[order[:num_images]])


def random_labels(num_points: int) -> Tensor:
    generator = seeded_generator(SEED, "labels")
    return torch.randint(NUM_CLASSES, (num_points,), generator=generator).double()


def result_row(sample: str, points: Tensor, labels: Tensor) -> dict[str, Any]:
    """What is printed and written of one sample; all errors are the largest absolute ones on it."""
    start = time.perf_counter()
    represented = represent(points, labels)
    seconds = time.perf_counter() - start
    network = TwoLayerNetwork(represented)
    n, d = len(represented.knots), points.shape[1]
    exact = max(abs(c - Fraction(y)) for c, y in zip(represented(points), labels.tolist(), strict=True))
    return {
        "sample": sample,
        "num_points": len(points),
        "num_distinct": n,
        "dimension": d,
        "num_weights": compared(sum(parameter.numel() for parameter in network.parameters()), 2 * n + d),
        "error_in_exact_arithmetic": float(exact),
        "error_in_float64": _error(network, points, labels),
        "error_bound_in_float64": float(error_bound(represented, points).max()),
        "smallest_eigenvalue": float(represented.smallest_eigenvalue),
        "largest_weight": float(max(map(abs, represented.weights))),
        "weight_bound": float(represented.weight_bound),
        "seconds": round(seconds, 3),
        "deep": [_deep_row(represented, k, points, labels) for k in sorted({*HIDDEN_LAYERS, n}) if k <= n],
    }


def _deep_row(represented: Representation, num_hidden: int, points: Tensor, labels: Tensor) -> dict[str, Any]:
    network = DeepNetwork(represented, num_hidden)
    return {
        "hidden_layers": num_hidden,
        "width": network.width,
        "nonzero_weights": network.num_nonzero,
        "error_in_float64": _error(network, points, labels),
        "error_bound_in_float64": float(error_bound(represented, points, num_hidden).max()),
    }


@torch.no_grad()
def _error(network: torch.nn.Module, points: Tensor, labels: Tensor) -> float:
    return float((network(points.double()) - labels).abs().max())


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines to print: a line a sample, then one for each depth on the largest sample of each kind."""
    lines = [
        f"{'sample':18}  {'n':>5}  {'d':>5}  {'weights':>7}  {'2n + d':>6}  {'λ':>8}  {'max |w|':>8}  "
        f"{'4 |y| / λ':>9}  {'exact error':>11}  {'in float64':>10}  {'bound':>8}"
    ]
    for row in rows:
        weights = row["num_weights"]
        lines.append(
            f"{row['sample']:18}  {row['num_distinct']:>5}  {row['dimension']:>5}  {weights['ours']:>7.0f}  "
            f"{weights['paper']:>6}  {row['smallest_eigenvalue']:>8.2g}  {row['largest_weight']:>8.2g}  "
            f"{row['weight_bound']:>9.2g}  {row['error_in_exact_arithmetic']:>11g}  {row['error_in_float64']:>10.2g}  "
            f"{row['error_bound_in_float64']:>8.2g}"
        )
    lines += ["", f"{'sample':18}  {'n':>5}  {'hidden layers':>13}  {'width':>5}  {'not 0':>7}  {'in float64':>10}"]
    for row in {row["sample"]: row for row in rows}.values():
        lines += [
            f"{row['sample']:18}  {row['num_distinct']:>5}  {deep['hidden_layers']:>13}  {deep['width']:>5}  "
            f"{deep['nonzero_weights']:>7}  {deep['error_in_float64']:>10.2g}"
            for deep in row["deep"]
        ]
    return lines


@click.command("expressivity")
@paper_options
def command(quick: bool, out: Path, cache_dir: str | None, data_dir: str | None) -> None:
    """Theorem 1: 2n + d weights represent random labels of n points in d dimensions, exactly; deeper ones, narrower."""
    settings = make_settings(cache_dir, data_dir, workers=1)
    available = samples(settings)
    rows = [
        result_row(name, make(size), random_labels(size))
        for name, make in available.items()
        for size in (QUICK_SIZES if quick else SIZES)
    ]
    drawn = represent(available["digits"](DRAWN_POINTS), random_labels(DRAWN_POINTS))
    path = write_result(out, "expressivity", {"rows": rows})
    figures = write_figure(out, "expressivity", lambda: draw(drawn, rows))
    click.echo("\n".join([*table(rows), "", str(path), *map(str, figures)]))
