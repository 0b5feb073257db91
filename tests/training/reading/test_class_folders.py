"""Class folders: only classes are classes, and images are read as they look or refused by name."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.errors import HarnessError
from harness.training.reading.class_folders import read_class_folders
from harness.training.reading.data_sets import CIFAR10_CLASSES
from harness.training.reading.raw_data import load_raw_data, read_once
from tests.builders.image_folders import COLOURS, write_cifar10, write_images


def refused(root: Path, sentence: str) -> None:
    with pytest.raises(HarnessError) as caught:
        read_class_folders(root)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [".ipynb_checkpoints", "__MACOSX", ".cache"])
def test_a_hidden_folder_is_named_and_is_never_a_class(name: str, tmp_path: Path) -> None:
    write_images(tmp_path, COLOURS | {f"train/{name}/1": (9, 9, 9), f"test/{name}/1": (9, 9, 9)})
    refused(tmp_path, f"train/{name} is not a class but a hidden folder; remove it")


def test_a_hidden_folder_among_the_images_of_a_class_is_named(tmp_path: Path) -> None:
    write_images(tmp_path, COLOURS | {"train/cat/.ipynb_checkpoints/1-checkpoint": (255, 0, 0)})
    refused(tmp_path, "train/cat/.ipynb_checkpoints is a hidden folder among images of a class")


@pytest.mark.parametrize("name", ["zebra", "Airplane", ".ipynb_checkpoints"])
def test_a_folder_beside_cifar10s_ten_is_named_and_shifts_no_label(name: str, tmp_path: Path) -> None:
    write_cifar10(tmp_path, 1, 1, size=4)
    assert load_raw_data("cifar10", tmp_path).num_classes == 10
    read_once.cache_clear()
    write_images(tmp_path, {f"{split}/{name}/1": (9, 9, 9) for split in ("train", "test")}, (4, 4))
    with pytest.raises(HarnessError, match=re.escape(f"train/{name} is not")):
        load_raw_data("cifar10", tmp_path)


def test_cifar10s_labels_are_the_ten_in_their_official_order() -> None:
    assert sorted(CIFAR10_CLASSES) == [*CIFAR10_CLASSES]
    assert CIFAR10_CLASSES[0] == "airplane" and CIFAR10_CLASSES[9] == "truck"


def with_image(root: Path, image: Image.Image, name: str = "train/cat/1.png", **options: object) -> Path:
    """Class folders in which one file is this image."""
    write_images(root, COLOURS)
    (root / "train/cat/1.png").unlink()
    image.save(root / name, **options)
    return root


PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
RGB = np.stack([PIXELS, 255 - PIXELS, PIXELS // 2], axis=-1)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "LA", "RGB"])
def test_images_of_common_modes_are_read_as_they_look(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(RGB).quantize(12) if mode == "P" else Image.fromarray(RGB).convert(mode)
    images, labels, _ = read_class_folders(with_image(tmp_path, image))
    expected = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
    assert torch.equal(images[0], expected) and labels.tolist() == [0, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("image", "name", "problem"),
    [
        (Image.fromarray(PIXELS.astype(np.uint16) * 257), "train/cat/deep.png", "has the mode I;16"),
        (Image.fromarray(PIXELS.astype(np.float32)), "train/cat/deep.tiff", "has the mode F"),
        (Image.fromarray(PIXELS.astype(np.int32)), "train/cat/deep.tiff", "has the mode I"),
        (Image.fromarray(RGB).convert("CMYK"), "train/cat/print.jpg", "has the mode CMYK"),
        (Image.fromarray(np.dstack([RGB, PIXELS])), "train/cat/alpha.png", "is transparent in places"),
    ],
    ids=["16-bit", "float", "32-bit", "cmyk", "transparent"],
)
def test_what_rgb_of_8_bits_would_lose_is_refused_by_the_files_name(
    image: Image.Image, name: str, problem: str, tmp_path: Path
) -> None:
    refused(with_image(tmp_path, image, name), f"{tmp_path / name} {problem}")


def test_an_image_of_several_frames_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    with_image(tmp_path, frames[0], "train/cat/moving.gif", save_all=True, append_images=frames[1:])
    refused(tmp_path, f"{tmp_path / 'train/cat/moving.gif'} has 2 frames")


def test_an_image_that_a_camera_has_noted_as_turned_is_upright(tmp_path: Path) -> None:
    image, exif = Image.fromarray(RGB[::-1, ::-1]), Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    images, _, _ = read_class_folders(with_image(tmp_path, image, "train/cat/0.png", exif=exif))
    assert torch.equal(images[0], torch.from_numpy(RGB.copy()).permute(2, 0, 1))


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_bytes_that_are_no_image_are_refused_by_the_files_name(content: bytes, tmp_path: Path) -> None:
    write_images(tmp_path, COLOURS)
    (tmp_path / "train/cat/1.png").write_bytes(content)
    refused(tmp_path, f"{tmp_path / 'train/cat/1.png'} cannot be read as an image")
