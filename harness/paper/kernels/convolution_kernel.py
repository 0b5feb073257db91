"""The kernel matrix of the random convolutional net: summed over parts of its features, kept in the cache folder.

    K = Φ Φᵀ / number of features + 1     Φ: every feature less its mean, over its deviation on the training set,
                                          in 8 bits (eight_bits.py)

The 1 is a feature that is constant, without which no model of centred features has a mean, nor K an inverse.

At full size these are n x 256,000 features and hours of matrix products; what has been summed is kept on the way, so
that an interrupted run goes on from there. With it is kept the kernel between test and training images.
"""

import dataclasses
import hashlib
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from harness.files.sealed_tensors import read_sealed, write_sealed
from harness.paper.kernels.data import SEED, Images
from harness.paper.kernels.eight_bits import STEPS, in_steps, products
from harness.paper.kernels.interpolation import BLOCK, LowerTriangle
from harness.paper.kernels.random_convolution import (
    FILTERS_AT_ONCE,
    QUADRANTS,
    SETTINGS,
    SIDES,
    RandomNet,
    fit_whitening,
    random_net,
)
from harness.training.precision import fastest
from harness.training.recipe import canonical_json
from measures.seeding import seeded_generator

SECONDS_BETWEEN_SAVES = 900.0
VARIANCE_FLOOR = 0.01  # of a sum over some 180 places; Coates & Ng's


@dataclasses.dataclass(frozen=True, eq=False)
class ConvolutionKernel:
    """`train`: K among n training images; `test` (m, n): between test and training images; `settings` determine them.

    `seconds`: what it took to make them, over all runs.
    """

    train: LowerTriangle
    test: Tensor
    settings: dict[str, Any]
    seconds: float

    def __call__(self, rows: slice) -> Tensor:
        """K[rows, : rows.stop] for rows inside a block."""
        number = rows.start // BLOCK
        start = number * BLOCK
        return self.train.blocks[number][rows.start - start : rows.stop - start, : rows.stop]


def convolution_kernel(images: Images, num_filters: int, cache_dir: Path) -> ConvolutionKernel:
    """From the cache folder as far as it is there, else summed."""
    settings = {
        "data": images.description,
        "num_train": len(images.train_labels),
        "filters": num_filters,
        "feature_steps": STEPS,
        "precision": fastest("cpu"),
        **SETTINGS,
    }
    folder = cache_dir / "kernel_matrices" / hashlib.sha256(canonical_json(settings).encode()).hexdigest()
    train = LowerTriangle.zeros(len(images.train_labels))
    test = torch.zeros(len(images.test_labels), len(images.train_labels))
    done, seconds = _load(folder, train, test)
    started = saved = time.perf_counter()
    with tqdm(total=num_filters, initial=done, unit=" filters", disable=None, leave=False) as bar:
        for start in range(done, num_filters, FILTERS_AT_ONCE):
            stop = min(start + FILTERS_AT_ONCE, num_filters)
            _add_part(images, start, stop, train, test)
            bar.update(stop - start)
            if stop == num_filters or time.perf_counter() - saved > SECONDS_BETWEEN_SAVES:
                saved = time.perf_counter()
                seconds, started = seconds + saved - started, saved
                _save(folder, train, test, stop, seconds)
    num_features = SIDES * QUADRANTS * num_filters
    for block in (*train.blocks, test):
        block.div_(num_features).add_(1)
    return ConvolutionKernel(train, test, settings, seconds)


def _add_part(images: Images, start: int, stop: int, train: LowerTriangle, test: Tensor) -> None:
    """The features of the filters `start` to `stop`, which are drawn for themselves."""
    whitening = fit_whitening(images.train_images, seeded_generator(SEED, "whitening"))
    generator = seeded_generator(SEED, f"filters {start}")
    net = random_net(whitening, images.train_images, stop - start, generator, fastest("cpu"))
    features, test_features = map(in_steps, standardised(net, images.train_images, images.test_images))
    train.add_products(features, products)
    for rows in map(slice, range(0, len(test), BLOCK), range(BLOCK, len(test) + BLOCK, BLOCK)):
        test[rows].add_(products(test_features[rows], features))


def standardised(net: RandomNet, train_images: Tensor, test_images: Tensor) -> tuple[Tensor, Tensor]:
    """Features of both, less their mean over the training images and over their deviation there."""
    features, test_features = net(train_images), net(test_images)
    mean = features.mean(dim=0)
    deviation = (features.var(dim=0) + VARIANCE_FLOOR).sqrt_()
    return features.sub_(mean).div_(deviation), test_features.sub_(mean).div_(deviation)


def _save(folder: Path, train: LowerTriangle, test: Tensor, done: int, seconds: float) -> None:
    """Written beside what is there and then put in its place: at any time there is a whole one."""
    private = folder.with_suffix(".new")
    shutil.rmtree(private, ignore_errors=True)
    for name, part in _files(train, test):
        write_sealed(private / name, {"rows": part}, {"filters_done": done, "seconds": seconds})
    shutil.rmtree(folder, ignore_errors=True)
    private.rename(folder)


def _load(folder: Path, train: LowerTriangle, test: Tensor) -> tuple[int, float]:
    """How many filters are in the sums and the seconds they took; zeros, and (0, 0), where nothing whole is kept."""
    for path in (folder, folder.with_suffix(".new")):  # a run may have died between the removal and the renaming
        abouts = [_load_part(path / name, part) for name, part in _files(train, test)]
        if abouts[0] is not None and all(about == abouts[0] for about in abouts):
            return abouts[0]["filters_done"], abouts[0]["seconds"]
    for _, part in _files(train, test):
        part.zero_()
    return 0, 0.0


def _load_part(path: Path, part: Tensor) -> dict[str, Any] | None:
    kept = read_sealed(path)
    if kept is None:
        return None
    part.copy_(kept.tensors["rows"])
    return kept.about


def _files(train: LowerTriangle, test: Tensor) -> list[tuple[str, Tensor]]:
    parts = [(f"train-{number:03}.safetensors", block) for number, block in enumerate(train.blocks)]
    return parts + [(f"test-{number:03}.safetensors", part) for number, part in enumerate(test.split(BLOCK))]
