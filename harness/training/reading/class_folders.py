"""Images in class folders, train/<class>/* and test/<class>/*: read as they look, or refused by the file's name."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.errors import HarnessError

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif")
AS_RGB = ("RGB", "L", "1", "P", "YCbCr")  # modes that become RGB without a loss that anybody sees
WITH_ALPHA = ("RGBA", "LA", "PA")
OPAQUE = 255


def read_class_folders(root: Path, expected: Sequence[str] = ()) -> tuple[Tensor, Tensor, int]:
    """Images (n, 3, height, width) uint8, labels (n,) by the order of the classes' names, and how many are to train on.

    Raises HarnessError, which names the folder or file: see raw_data.class_folders.
    """
    classes = {split: _classes(root / split, root, expected) for split in ("train", "test")}
    if classes["train"] != classes["test"]:
        raise HarnessError(
            f"train and test under {root} have different classes: {classes['train']} and {classes['test']}; "
            "give both the same class folders"
        )
    images: list[Tensor] = []
    labels: list[int] = []
    num_train = 0
    for split in ("train", "test"):
        for label, name in enumerate(classes[split]):
            for path in _files(root / split / name, root):
                image = _image(path)
                if images and image.shape != images[0].shape:
                    raise HarnessError(
                        f"{path} is {tuple(image.shape)} but the first image {tuple(images[0].shape)} "
                        "(channels, height, width); bring all images to one size"
                    )
                images.append(image)
                labels.append(label)
        num_train = num_train or len(images)
    return torch.stack(images), torch.tensor(labels), num_train


def _classes(folder: Path, root: Path, expected: Sequence[str]) -> list[str]:
    """The names of the class folders, sorted."""
    if not folder.is_dir():
        raise HarnessError(_no_images(folder, root, "there is no such folder"))
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    for name in names:
        if name.startswith((".", "__")):
            raise HarnessError(f"{folder / name} is not a class but a hidden folder; remove it")
        if expected and name not in expected:
            raise HarnessError(f"{folder / name} is not one of the classes ({', '.join(expected)}); remove it")
        next(_files(folder / name, root))  # there is one, or it says that there is none
    if not names:
        raise HarnessError(_no_images(folder, root, "there is no class folder in it"))
    return names


def _files(folder: Path, root: Path) -> Iterator[Path]:
    """The images below a class folder, in the order of their paths."""
    found = False
    for parent, below, files in sorted(os.walk(folder, followlinks=True)):
        if hidden := [name for name in below if name.startswith((".", "__"))]:
            raise HarnessError(f"{Path(parent) / hidden[0]} is a hidden folder among images of a class; remove it")
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                found = True
                yield Path(parent) / name
    if not found:
        raise HarnessError(_no_images(folder, root, f"none ends in {', '.join(SUFFIXES)}"))


def _no_images(folder: Path, root: Path, why: str) -> str:
    return (
        f"no images in class folders under {folder} ({why}); expected {root}/train/<class>/<image> and "
        f"{root}/test/<class>/<image>"
    )


def _image(path: Path) -> Tensor:
    """One image, (3, height, width) uint8, the way it is looked at."""
    from PIL import Image, ImageOps
    from torchvision.transforms.functional import pil_to_tensor

    try:
        with Image.open(path) as file:
            if problem := _not_read_right(file):
                raise HarnessError(f"{path} {problem}; expected an opaque image of 8 bits a channel, grey or RGB")
            upright = ImageOps.exif_transpose(file)  # a camera may note which side is up
            tensor: Tensor = pil_to_tensor(upright.convert("RGB"))
    except HarnessError:
        raise
    except Exception as cause:  # what a decoder raises for bytes that are no image is not documented
        why = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        raise HarnessError(f"{path} cannot be read as an image ({why}); remove it") from cause
    return tensor


def _not_read_right(image: Any) -> str:
    """What of an image would be lost in RGB of 8 bits, as the end of a sentence; "" if nothing would."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        return f"has {frames} frames"
    if image.mode in WITH_ALPHA or "transparency" in image.info:
        alpha = image.convert("RGBA").getchannel("A")
        return "" if alpha.getextrema() == (OPAQUE, OPAQUE) else "is transparent in places"
    return "" if image.mode in AS_RGB else f"has the mode {image.mode}"
