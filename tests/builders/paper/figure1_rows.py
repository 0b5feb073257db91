"""Rows of Figure 1, by hand."""

import dataclasses
from typing import Any

import torch

from harness.paper.cifar10 import figure1
from harness.paper.cifar10.figure1_result import Run, with_slowdowns
from harness.paper.cifar10.recipes import Cifar10
from measures.history import History

IN_FULL = Cifar10(0, "a" * 64, "", "torchvision", 50_000)
A_PART = dataclasses.replace(IN_FULL, num_train=1000)
BATCH = 128


def history(losses: list[float], errors: list[float], steps: int, num_train: int = 256) -> History:
    """Of 256 images: two steps an epoch."""
    return History(
        train_loss=torch.tensor(losses),
        train_error=torch.tensor(errors),
        correct=torch.ones(len(losses), num_train, dtype=torch.bool),
        learning_rates=torch.ones(steps),
        snapshot_epochs=torch.empty(0, dtype=torch.int64),
        snapshots=torch.empty(0, 0),
    )


def row(run: Run, converged: float | None = 100.0, test_error: float = 50.0, begun: float | None = 10.0) -> Any:
    """A row of figure1.json, by hand."""
    curve_end = converged or 300.0
    steps = [curve_end * part for part in (0.1, 0.4, 0.7, 1.0)]
    return {
        "row": run.name,
        **dataclasses.asdict(run),
        "run": "on a subset",
        "data_set": {"name": "CIFAR-10", "sha256": "a", "num_train": 1000},
        "num_train": 1000,
        "epochs": 20,
        "seconds": 60.0,
        "begun_after": begun,
        "converged_after": converged,
        "train_error": 0.0,
        "test_error": {"ours": test_error, "paper": None, "difference": None},
        "curve": {"steps": steps, "train_loss": [2.3, 1.5, 0.5, 0.01], "train_error": [90.0, 60.0, 20.0, 0.0]},
    }


def figure_rows(network: str = "alexnet_small") -> list[Any]:
    """All six conditions of one network, label corruption in three degrees of another; its random labels not fitted."""
    labels = [Run.with_labels_corrupted(network, point) for point in (0.0, 0.4, 1.0)]
    images = [Run(network, condition) for condition in figure1.IMAGES]
    rows = [row(run, 100.0 + 20 * number, 40.0 + 10 * number) for number, run in enumerate(labels + images)]
    rows += [row(Run.with_labels_corrupted("mlp_1x512", point), 50 + 50 * point, 50 + 40 * point) for point in (0, 0.4)]
    return with_slowdowns([*rows, row(Run.with_labels_corrupted("mlp_1x512", 1.0), None, 90.0)])
