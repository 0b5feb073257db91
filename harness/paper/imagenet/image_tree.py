"""Which images a tree of class folders holds: names, labels and sizes of files, nothing decoded."""

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from harness.errors import HarnessError

SplitName = Literal["train", "test"]
TEST_FOLDERS = ("val", "test")
"""Where test images are looked for, in this order: ImageNet's are its validation images."""


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """The images of one split, sorted by class, then name.

    `files` (n,) are their paths below `folder` as bytes in one array: a list of a million strings would be copied, page
    by page, into every process that reads it. `sizes` (n,) in bytes, `labels` (n,) int64.
    """

    folder: Path
    files: np.ndarray
    sizes: np.ndarray
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def path(self, index: int) -> str:
        return os.path.join(self.folder, os.fsdecode(self.files[index]))

    def part(self, num_classes: int, per_class: int) -> "Split":
        """The first `per_class` images of each of the first `num_classes` classes."""
        kept = [torch.nonzero(self.labels == label).flatten()[:per_class] for label in range(num_classes)]
        chosen = torch.cat(kept)
        return Split(self.folder, self.files[chosen.numpy()], self.sizes[chosen.numpy()], self.labels[chosen])


@dataclasses.dataclass(frozen=True, eq=False)
class ImageTree:
    """Train and test images under one root; label k is the k-th of `classes`, which are sorted by name."""

    classes: tuple[str, ...]
    train: Split
    test: Split

    def part(self, num_classes: int, train_per_class: int, test_per_class: int) -> "ImageTree":
        """A small tree inside this one, the same every time."""
        classes = self.classes[:num_classes]
        count = len(classes)
        return ImageTree(classes, self.train.part(count, train_per_class), self.test.part(count, test_per_class))

    def sha256(self) -> str:
        """Of the listing: split, path and size in bytes of every file, a line each. No image is opened."""
        digest = hashlib.sha256()
        for line in self._listing():
            digest.update(line)
        return digest.hexdigest()

    def _listing(self) -> Iterator[bytes]:
        for name, split in (("train", self.train), ("test", self.test)):
            for file, size in zip(split.files, split.sizes, strict=True):
                yield b"%s/%s %d\n" % (name.encode(), file, size)


def read_tree(root: Path) -> ImageTree:
    """List `root`/train/<class>/* and `root`/val/<class>/* (or `root`/test/<class>/*).

    Raises HarnessError for a folder that is missing or has no classes, a class without images, a single class, or other
    classes in test than in train.
    """
    found = [name for name in TEST_FOLDERS if (root / name).is_dir()]
    if not (root / "train").is_dir() or not found:
        raise HarnessError(
            f"{root} has no train/ and val/ (or test/) with a folder of images for every class; name the folder that "
            "has them with --data-dir"
        )
    train_classes, train = _read_split(root / "train")
    test_classes, test = _read_split(root / found[0])
    if train_classes != test_classes:
        name = min(set(train_classes) ^ set(test_classes))
        raise HarnessError(
            f"train/ and {found[0]}/ under {root} have different classes ({name} is in one of them); give both the "
            "same class folders"
        )
    if len(train_classes) < 2:
        raise HarnessError(f"{root} has one class only ({train_classes[0]}); a classifier needs two or more")
    return ImageTree(tuple(train_classes), train, test)


def _read_split(folder: Path) -> tuple[list[str], Split]:
    from torchvision.datasets import ImageFolder

    try:
        listed = ImageFolder(str(folder))
    except FileNotFoundError as cause:
        reason = str(cause).splitlines()[0].rstrip(". ")
        raise HarnessError(f"{folder} cannot be used ({reason}); expected {folder}/<class>/<image>") from cause
    paths = [path for path, _ in listed.samples]
    files = np.array([os.fsencode(path.removeprefix(f"{folder}{os.sep}")) for path in paths])
    sizes = np.array([os.stat(path).st_size for path in paths])
    return listed.classes, Split(folder, files, sizes, torch.tensor(listed.targets))
