"""Small data sets in class folders, made by the test that reads them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from harness.training.reading.data_sets import CIFAR10_CLASSES
from harness.training.reading.raw_data import RawData, load_raw_data, read_once

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "train/cat/1": (255, 0, 0),
    "train/cat/2": (254, 1, 0),
    "train/dog/1": (0, 51, 0),
    "test/cat/1": (253, 0, 2),
    "test/dog/7": (0, 102, 0),
}


def write_images(
    root: Path, colours: Mapping[str, Colour], size: tuple[int, int] = (4, 3), suffix: str = "png"
) -> Path:
    """`colours` maps 'split/class/name' to an RGB colour; an image is of one colour, `size` is (width, height)."""
    for name, colour in colours.items():
        path = root / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, colour).save(path)
    return root


def write_cifar10(root: Path, train: int, test: int, size: int = 32) -> Path:
    """So many images of every class of CIFAR-10, `size` pixels each way: a pattern of the class, under noise."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(60, 196, (10, size, size, 3))
    for split, number in (("train", train), ("test", test)):
        for name, pattern in zip(CIFAR10_CLASSES, patterns, strict=True):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(number):
                pixels = (pattern + rng.integers(-60, 60, pattern.shape)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return root


class FakeCifar10:
    """Two training images and one test image in torchvision's form; there once they have been downloaded."""

    def __init__(self, root, train, download):
        marker = root / "downloaded"
        if download:
            marker.touch()
            (root / "cifar-10-batches-py").mkdir(exist_ok=True)
        if not marker.exists():
            raise RuntimeError("Dataset not found or corrupted. You can use download=True to download it")
        numbers = 2 if train else 1
        self.data = np.random.default_rng(numbers).integers(0, 256, (numbers, 4, 5, 3), dtype=np.uint8)
        self.targets = [7, 0] if train else [9]


def class_folders(root) -> RawData:
    """What is read of the images there, as another process would: nothing is kept of what was read before."""
    read_once.cache_clear()
    return load_raw_data("class_folders", root)
