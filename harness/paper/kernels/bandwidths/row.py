"""What the norms that the paper reports need in bandwidth: error and norm of the interpolant against γ.

The paper gives norms of about 220 (pixels) and 390 (Gabor wavelets) for all 60,000 MNIST images, and no bandwidth. Its
interpolants are solved here in float64 on parts of the images, for γ from 1/16 to 16 times the one that the rows of
gaussian_rows.py use, and each norm is carried on to all images along the power of n that its two largest parts have:

    norm(60,000) ≈ norm(n) · (60,000 / n)^p     p = log₂(norm(n) / norm(n/2))

How good that is can be seen at the rows' own γ, where the whole was solved. For γ → ∞ the kernel matrix is the identity
and the norm √n; for γ → 0 it is singular, and the norm grows without bound. In between it has a minimum: most norms
belong to two bandwidths.
"""

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from harness.paper.kernels.data import Images, load_images
from harness.paper.kernels.gaussian_kernel import GaussianKernel
from harness.paper.kernels.gaussian_rows import Problem, centred_features, made_with, point
from harness.paper.kernels.interpolants import interpolants
from harness.paper.kernels.scale import Scale
from harness.paper.reported import KERNELS
from harness.settings import Settings

LARGEST = 5_000
"""Training images, all of them solved in float64 for every γ: seconds each."""
TIMES_GAMMA = tuple(2.0**power for power in range(-4, 5))
WHOLE = 60_000
JITTER = 1e-9
"""On K's diagonal of 1: the smallest eigenvalues of the widest kernels vanish in float64."""


def bandwidth_row(problem: Problem, scale: Scale, settings: Settings) -> dict[str, Any]:
    """Test error and norm for every γ, the norm carried on to all images, and the γ at which that is the paper's."""
    started = time.perf_counter()
    images = load_images(problem.data_set, min(scale.num_train or LARGEST, LARGEST), settings)
    train, test = (features.double() for features in centred_features(problem, images))
    by_gamma = [_of_gamma(problem, images, train, test, times * problem.gamma, settings) for times in TIMES_GAMMA]
    own = by_gamma[TIMES_GAMMA.index(1.0)]
    paper_norm = next(
        row.norm for row in KERNELS if (row.data_set, row.features) == (problem.data_set, made_of(problem))
    )
    carried_on = [(each["gamma"], each["norm_of_all_images"]) for each in by_gamma]
    return {
        "data_set": images.description,
        **problem.feature_settings,
        "jitter": JITTER,
        "num_train": len(images.train_labels),
        "num_test": len(images.test_labels),
        "gamma": problem.gamma,
        "test_error": own["test_error"],
        "norm": own["norm"],
        "gammas_of_the_papers_norm": [] if paper_norm is None else crossings(carried_on, paper_norm),
        "by_gamma": by_gamma,
        "seconds": time.perf_counter() - started,
    }


def made_of(problem: Problem) -> str:
    name: str = problem.feature_settings["features"]
    return name


def _of_gamma(
    problem: Problem, images: Images, train: Tensor, test: Tensor, gamma: float, settings: Settings
) -> dict[str, Any]:
    kernel = GaussianKernel(train, gamma)
    total = len(train)
    determined_by = {**made_with(problem, images), "gamma": gamma, "precision": "float64"}
    sizes = [total // 2, total]
    found = interpolants(kernel, images.targets.double(), sizes, determined_by, settings.cache_dir, JITTER)
    half, whole = (point(kernel, images, test, found[size]) for size in sizes)
    power = math.log(whole["norm"] / half["norm"]) / math.log(total / (total // 2))
    return {"gamma": gamma, **whole, "power": power, "norm_of_all_images": whole["norm"] * (WHOLE / total) ** power}


def crossings(curve: Sequence[tuple[float, float]], level: float) -> list[float]:
    """Where a curve of (x, y), both positive, meets y = level, by straight lines between its points' logarithms."""
    found = []
    for (left, below), (right, above) in itertools.pairwise(curve):
        if (below - level) * (above - level) < 0 or above == level:
            share = math.log(level / below) / math.log(above / below)
            found.append(left * (right / left) ** share)
    return found
