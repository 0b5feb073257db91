"""Two interpolants that do not generalize, beside the one of minimum norm on the same images.

- Centres at random points: f = Σⱼ βⱼ k(cⱼ, ·), with K(xᵢ, cⱼ) β = y for centres c that are no data.
- Forced labels: the interpolant of minimum norm of the training set together with the test set under random labels.

Both fit the training set exactly, and so no function with these values is smaller than the one of minimum norm; their
norms, in the same space, are larger. Zhang et al. 2017, section 5, name both, without numbers. On MNIST's pixels, with
up to 10,000 training images: the matrix of the first is not symmetric, and so nearly singular that it takes float64.
"""

import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import HarnessError
from harness.paper.kernels.data import SEED, Images, error, load_images
from harness.paper.kernels.gaussian_kernel import GaussianKernel
from harness.paper.kernels.gaussian_rows import MNIST_PIXELS, centred_features, cost, made_with, pixels
from harness.paper.kernels.interpolants import interpolants, peak_memory
from harness.paper.kernels.scale import Scale
from harness.settings import Settings
from measures.seeding import seeded_generator

MOST_IMAGES = 10_000
INTERPOLATES = 1e-3  # of the largest target


def random_centres(scale: Scale, settings: Settings) -> dict[str, Any]:
    started = time.perf_counter()
    images = _load(scale, settings)
    train, test = pixels(images.train_images).double(), pixels(images.test_images).double()
    train_outputs, test_outputs, norm = through_centres(
        train, images.targets.double(), draw_centres(train), test, MNIST_PIXELS.gamma
    )
    return {
        "data_set": images.description,
        "gamma": MNIST_PIXELS.gamma,
        "num_train": len(train),
        "num_test": len(test),
        "test_error": images.test_error(test_outputs),
        "train_error": error(train_outputs, images.train_labels),
        "norm": norm,
        "relative_residual": float((train_outputs - images.targets).norm() / images.targets.norm()),
        "minimum_norm": _minimum_norm(images, settings),
        "seconds": time.perf_counter() - started,
        "threads": torch.get_num_threads(),
        "peak_memory": peak_memory(),
    }


def draw_centres(features: Tensor) -> Tensor:
    """As many points as there are training images (n, d): each pixel is that of some training image, drawn for every
    pixel again, so that the marginal distributions are the data's."""
    generator = seeded_generator(SEED, "centres")
    return features.gather(0, torch.randint(len(features), features.shape, generator=generator))


def through_centres(
    features: Tensor, targets: Tensor, centres: Tensor, test_features: Tensor, gamma: float
) -> tuple[Tensor, Tensor, float]:
    """f with f(xᵢ) = yᵢ in the span of k(cⱼ, ·): its outputs on both sets, and its norm √tr(βᵀ K(c, c) β).

    float64 throughout. HarnessError where K(x, c) is singular.
    """
    kernel = GaussianKernel(centres, gamma)
    matrix = kernel.between(features, len(centres))
    weights, trouble = torch.linalg.solve_ex(matrix, targets)
    outputs = matrix @ weights
    # Of equal columns some processors' elimination leaves a rounding error in place of a zero, and says nothing.
    if int(trouble) or not bool((outputs - targets).abs().max() <= INTERPOLATES * targets.abs().max()):
        raise HarnessError(
            f"the kernel between {len(features)} images and as many random centres is singular; take fewer images "
            "(--num-train)"
        )
    gram = kernel.between(centres, len(centres))
    norm = float((weights * (gram @ weights)).sum().clamp_min(0).sqrt())
    return outputs, kernel.predict(test_features, weights), norm


def forced_labels(scale: Scale, settings: Settings) -> dict[str, Any]:
    started = time.perf_counter()
    images = _load(scale, settings)
    size = len(images.train_labels)
    features = torch.cat(centred_features(MNIST_PIXELS, images))
    kernel = GaussianKernel(features, MNIST_PIXELS.gamma)
    labels = random_labels(images)
    targets = torch.cat([images.targets, F.one_hot(labels, images.num_classes).float()])
    settings_of = {**made_with(MNIST_PIXELS, images), "forced_labels": "random", "forced_from": size}
    found = interpolants(kernel, targets, [len(targets)], settings_of, settings.cache_dir)[len(targets)]
    outputs = kernel.predict(features, found.solution)
    return {
        "data_set": images.description,
        "gamma": MNIST_PIXELS.gamma,
        "num_train": size,
        "num_test": len(labels),
        "test_error": images.test_error(outputs[size:]),
        "train_error": error(outputs[:size], images.train_labels),
        "error_on_forced_labels": error(outputs[size:], labels),
        "norm": found.norm,
        "relative_residual": found.relative_residual,
        "minimum_norm": _minimum_norm(images, settings),
        **cost(found, started),
    }


def random_labels(images: Images) -> Tensor:
    """For the test images (m,), each class as likely: true for about one in ten."""
    generator = seeded_generator(SEED, "forced labels")
    return torch.randint(images.num_classes, images.test_labels.shape, generator=generator)


def _load(scale: Scale, settings: Settings) -> Images:
    return load_images("mnist", min(scale.num_train or MOST_IMAGES, MOST_IMAGES), settings)


def _minimum_norm(images: Images, settings: Settings) -> dict[str, float]:
    size = len(images.train_labels)
    train_features, test_features = centred_features(MNIST_PIXELS, images)
    kernel = GaussianKernel(train_features, MNIST_PIXELS.gamma)
    settings_of = made_with(MNIST_PIXELS, images)
    found = interpolants(kernel, images.targets, [size], settings_of, settings.cache_dir)[size]
    return {"test_error": images.test_error(kernel.predict(test_features, found.solution)), "norm": found.norm}
