"""Section 5's linear models in numbers: SGD on MNIST's pixels, and the Hessian at two interpolants."""

import dataclasses
import time
from typing import Any

import torch

from harness.paper.kernels import linear
from harness.paper.kernels.data import SEED, load_images
from harness.paper.kernels.scale import Scale
from harness.settings import Settings
from measures.seeding import seeded_generator

SGD_IMAGES, SGD_EPOCHS = 100, 2_000
HESSIAN_EXAMPLES, HESSIAN_FEATURES, HESSIAN_LENGTH = 20, 50, 10.0


def sgd(scale: Scale, settings: Settings) -> dict[str, Any]:
    """From w = 0 and from a random w, which keeps its part outside the span for ever."""
    started = time.perf_counter()
    images = load_images("mnist", SGD_IMAGES, settings)
    inputs, targets = images.train_images.flatten(1).double(), images.targets.double()
    optimum = linear.minimum_norm_solution(inputs, targets)
    drawn = torch.randn(optimum.shape, generator=seeded_generator(SEED, "start"), dtype=torch.float64)
    row: dict[str, Any] = {
        "data_set": images.description,
        "num_train": len(inputs),
        "num_features": inputs.shape[1],
        "epochs": SGD_EPOCHS,
        "norm": float(optimum.norm()),
    }
    for name, start in (("from_zero", None), ("from_random", drawn * (optimum.norm() / drawn.norm()))):
        _, path = linear.sgd_path(inputs, targets, SGD_EPOCHS, seeded_generator(SEED, "sgd"), start=start)
        row[name] = [dataclasses.asdict(step) for step in path]
    return {**row, "seconds": time.perf_counter() - started, "threads": torch.get_num_threads()}


def hessian(scale: Scale, settings: Settings) -> dict[str, Any]:
    """At the minimum-norm interpolant and at one far from it, for two losses, by formula and by automatic
    differentiation."""
    started = time.perf_counter()
    generator = seeded_generator(SEED, "hessian")
    inputs = torch.randn(HESSIAN_EXAMPLES, HESSIAN_FEATURES, generator=generator, dtype=torch.float64)
    labels = torch.where(torch.rand(HESSIAN_EXAMPLES, generator=generator) < 0.5, -1.0, 1.0).double()
    smallest = linear.minimum_norm_solution(inputs, labels)
    other = linear.off_the_span(inputs, smallest, HESSIAN_LENGTH, generator)
    losses: tuple[linear.Loss, ...] = ("squared", "logistic")
    row: dict[str, Any] = {
        "num_train": HESSIAN_EXAMPLES,
        "num_features": HESSIAN_FEATURES,
        "norm": float(smallest.norm()),
        "other_norm": float(other.norm()),
        "train_residual": float((inputs @ other - labels).abs().max()),
    }
    for loss in losses:
        formula = linear.hessian(loss, inputs, labels, smallest)
        there = linear.hessian_by_autograd(loss, inputs, labels, other)
        eigenvalues = torch.linalg.eigvalsh(there)
        row[loss] = {
            "largest_difference_of_hessians": float((formula - there).abs().max()),
            "largest_entry": float(formula.abs().max()),
            "largest_eigenvalue": float(eigenvalues[-1]),
            "zero_eigenvalues": int((eigenvalues.abs() < 1e-12 * eigenvalues[-1]).sum()),
        }
    return {**row, "seconds": time.perf_counter() - started, "threads": torch.get_num_threads()}
