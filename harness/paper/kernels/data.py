"""The images that section 5 interpolates.

The training set is in a fixed random order, so that each of its leading parts is a smaller training set; the test set
is the official one.
"""

import dataclasses
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import HarnessError
from harness.settings import Settings
from harness.training.reading.raw_data import as_floats, load_raw_data
from measures.seeding import seeded_generator

SEED = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """Images (n, channels, height, width) float32 in [0, 1] and labels (n,); `description` says of what data."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    num_classes: int
    description: dict[str, Any]

    @property
    def targets(self) -> Tensor:
        """The training labels one-hot, (n, classes) float32: 1 for the class, 0 for others."""
        return F.one_hot(self.train_labels, self.num_classes).float()

    def test_error(self, outputs: Tensor) -> float:
        """The fraction of test images whose largest output (m, classes) is not their label's."""
        return error(outputs, self.test_labels)


def error(outputs: Tensor, labels: Tensor) -> float:
    return float((outputs.argmax(dim=1) != labels).double().mean())


def load_images(name: str, num_train: int, settings: Settings) -> Images:
    """The first `num_train` training images (0: all) in an order drawn with a fixed seed, and all test images."""
    raw = load_raw_data(name, settings.data_dir, settings.cache_dir)
    official = raw.num_official_train
    if official is None:
        raise HarnessError(f"{name} has no official test set; use mnist or cifar10")
    if num_train > official:
        raise HarnessError(f"--num-train is {num_train}; {name} has {official} training images")
    order = torch.randperm(official, generator=seeded_generator(SEED, "kernels"))[: num_train or official]
    origin = {"class folders": "JPEG class folders"}.get(raw.origin, raw.origin)
    return Images(
        as_floats(raw.images[order]),
        raw.labels[order],
        as_floats(raw.images[official:]),
        raw.labels[official:],
        raw.num_classes,
        {"name": f"{NAMES.get(name, name)}, {origin}", "sha256": raw.sha256},
    )


NAMES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
