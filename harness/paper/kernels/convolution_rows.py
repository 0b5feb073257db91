"""Section 5's random convolutional net on CIFAR-10: a linear model of its features, with and without L2.

Its amount is chosen among L2 on the last tenth of the training images, by models of the others; the test set has no
part in it.
"""

import itertools
import time
from typing import Any

import torch

from harness.paper.kernels.convolution_kernel import ConvolutionKernel, convolution_kernel
from harness.paper.kernels.data import Images, error, load_images
from harness.paper.kernels.gaussian_rows import cost
from harness.paper.kernels.interpolants import interpolants
from harness.paper.kernels.interpolation import BLOCK
from harness.paper.kernels.scale import Scale
from harness.settings import Settings

L2 = (1e-2, 1e-1, 1.0)  # on a diagonal of 2 in the mean


def without_l2(scale: Scale, settings: Settings) -> dict[str, Any]:
    started = time.perf_counter()
    images = load_images("cifar10", scale.num_train, settings)
    kernel = convolution_kernel(images, scale.filters, settings.cache_dir)
    return _row(images, kernel, 0.0, settings, started)


def with_l2(scale: Scale, settings: Settings) -> dict[str, Any]:
    started = time.perf_counter()
    images = load_images("cifar10", scale.num_train, settings)
    kernel = convolution_kernel(images, scale.filters, settings.cache_dir)
    held_out = held_out_errors(images, kernel, settings)
    l2 = min(held_out, key=lambda each: held_out[each])
    row = _row(images, kernel, l2, settings, started)
    return {**row, "held_out_error_by_l2": {f"{each:g}": value for each, value in held_out.items()}}


def held_out_errors(images: Images, kernel: ConvolutionKernel, settings: Settings) -> dict[float, float]:
    """The error on the last tenth of the training images, for every L2, of the model of the first nine tenths."""
    total = len(images.train_labels)
    size = total - total // 10
    bounds = [size, *(start for start in range(0, total, BLOCK) if start > size), total]
    errors = {}
    for l2 in L2:
        found = interpolants(kernel, images.targets[:size], [size], kernel.settings, settings.cache_dir, l2)[size]
        solution = found.solution.float()
        parts = [kernel(slice(*rows))[:, :size] @ solution for rows in itertools.pairwise(bounds)]
        errors[l2] = error(torch.cat(parts), images.train_labels[size:])
    return errors


def _row(images: Images, kernel: ConvolutionKernel, l2: float, settings: Settings, started: float) -> dict[str, Any]:
    size = len(images.train_labels)
    found = interpolants(kernel, images.targets, [size], kernel.settings, settings.cache_dir, l2)[size]
    solution = found.solution.float()
    return {
        "data_set": images.description,
        **{name: value for name, value in kernel.settings.items() if name != "data"},
        "l2": l2,
        "num_test": len(images.test_labels),
        "test_error": images.test_error(kernel.test @ solution),
        "norm": found.norm,
        "relative_residual": found.relative_residual,
        "kernel_seconds": kernel.seconds,
        **cost(found, started),
    }
