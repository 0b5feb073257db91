"""Small data sets in class folders, made by the test that reads them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from harness.sources import CIFAR10_CLASSES

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
    """`colours` maps 'split/class/name' to an RGB colour; images of one colour each, `size` is (width, height)."""
    for place, colour in colours.items():
        path = root / f"{place}.{suffix}"
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
