"""Data sets as they are on disk: read right, decoded once, never taken for what they are not."""

import os
import shutil
import tarfile
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_digits

from harness.errors import HarnessError
from harness.files.sealed_tensors import digest_tensors
from harness.training.reading.data_sets import CIFAR10_CLASSES, in_class_folders
from harness.training.reading.raw_data import as_floats, load_raw_data, read_once
from tests import ROOT
from tests.builders.image_folders import COLOURS, FakeCifar10, class_folders, write_cifar10, write_images

REAL_DATA = Path(os.environ.get("SHATTERPROOF_TEST_DATA", str(ROOT / ".." / "shared" / "data")))


@pytest.fixture(autouse=True)
def _each_test_reads_for_itself():
    read_once.cache_clear()


@pytest.mark.parametrize(
    "other",
    [
        (torch.zeros(2, 3),),
        (torch.zeros(3, 2), torch.zeros(1)),
        (torch.zeros(3, 2, dtype=torch.float64),),
        (torch.zeros(6),),
        (torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 1e-30]]),),
    ],
)
def test_a_digest_tells_shapes_types_and_values_apart(other):
    assert digest_tensors(torch.zeros(3, 2)) == digest_tensors(torch.zeros(2, 3).T)
    assert digest_tensors(*other) != digest_tensors(torch.zeros(3, 2))


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(
        HarnessError, match=r"unknown data set 'mnits'; known: digits, noisy_digits, mnist, .*class_folders"
    ):
        load_raw_data("mnits", Path())


# Class folders


def test_class_folders_are_read_in_the_order_of_their_names_pixel_for_pixel(tmp_path):
    source = class_folders(write_images(tmp_path, COLOURS))
    assert source.images.shape == (5, 3, 3, 4)
    assert source.images.dtype == torch.uint8
    assert source.labels.tolist() == [0, 0, 1, 0, 1]
    assert source.num_classes == 2
    assert source.num_official_train == 3
    assert source.origin == "class folders"
    for image, colour in zip(source.images, COLOURS.values(), strict=True):
        assert torch.equal(image, torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, 3, 4))


def test_height_and_width_and_the_place_of_each_pixel_are_kept(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    for split in ("train", "test"):
        folder = tmp_path / split / "a"
        folder.mkdir(parents=True)
        Image.fromarray(pixels).save(folder / "1.png")
    image = class_folders(tmp_path).images[0]
    assert torch.equal(image, torch.from_numpy(pixels).permute(2, 0, 1))


def test_jpegs_are_read_up_to_their_own_loss(tmp_path):
    source = class_folders(write_images(tmp_path, COLOURS, size=(16, 16), suffix="jpg"))
    expected = torch.tensor(list(COLOURS.values()))[:, :, None, None].expand(5, 3, 16, 16)
    assert (source.images.int() - expected).abs().max() < 5


def test_grey_images_become_three_equal_channels(tmp_path):
    write_images(tmp_path, COLOURS)
    Image.new("L", (4, 3), 77).save(tmp_path / "test/dog/7.png")
    assert torch.equal(class_folders(tmp_path).images[-1], torch.full((3, 3, 4), 77, dtype=torch.uint8))


def test_the_digest_of_class_folders_is_that_of_their_contents(tmp_path):
    first = class_folders(write_images(tmp_path / "a", COLOURS)).sha256
    assert class_folders(write_images(tmp_path / "b", COLOURS)).sha256 == first
    other_pixel = {**COLOURS, "train/dog/1": (0, 51, 1)}
    assert class_folders(write_images(tmp_path / "c", other_pixel)).sha256 != first
    other_label = {name.replace("train/cat/2", "train/dog/0"): colour for name, colour in COLOURS.items()}
    assert class_folders(write_images(tmp_path / "d", other_label)).sha256 != first


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_missing_split_is_refused_with_the_folder_that_was_expected(missing, tmp_path):
    write_images(tmp_path, {name: colour for name, colour in COLOURS.items() if not name.startswith(missing)})
    with pytest.raises(HarnessError, match=rf"no images in class folders under {tmp_path}/{missing} .*<class>/<image>"):
        class_folders(tmp_path)


def test_a_class_folder_without_images_is_refused(tmp_path):
    write_images(tmp_path, COLOURS)
    (tmp_path / "train/emu").mkdir()
    with pytest.raises(HarnessError, match=r"no images in class folders under .*train.*emu"):
        class_folders(tmp_path)


def test_splits_with_different_classes_are_refused(tmp_path):
    write_images(tmp_path, {**COLOURS, "test/emu/1": (0, 0, 0)})
    with pytest.raises(HarnessError, match=r"different classes: \['cat', 'dog'\] and \['cat', 'dog', 'emu'\]"):
        class_folders(tmp_path)


def test_images_of_different_sizes_are_refused_with_the_file_that_differs(tmp_path):
    write_images(tmp_path, COLOURS)
    write_images(tmp_path, {"train/dog/9": (0, 0, 0)}, size=(5, 3))
    with pytest.raises(HarnessError, match=r"dog/9.png is \(3, 3, 5\) but the first image \(3, 3, 4\)"):
        class_folders(tmp_path)


# torchvision's data sets


@pytest.mark.parametrize("name, module", [("mnist", "mnist"), ("fashion_mnist", "mnist"), ("cifar10", "cifar")])
def test_data_that_is_not_there_and_cannot_be_downloaded_is_one_clear_error(name, module, tmp_path, monkeypatch):
    def no_network(*arguments, **keywords):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(f"torchvision.datasets.{module}.download_and_extract_archive", no_network)
    with pytest.raises(
        HarnessError, match=rf"{name} is not in {tmp_path} and could not be downloaded \(.+\).*--data-dir"
    ):
        load_raw_data(name, tmp_path)


def test_torchvisions_images_are_downloaded_once_and_have_their_channels_first(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.CIFAR10", FakeCifar10)
    folder = tmp_path / "not" / "there" / "yet"
    source = load_raw_data("cifar10", folder)
    expected = np.concatenate([FakeCifar10(folder, train, False).data for train in (True, False)])
    assert source.images.shape == (3, 3, 4, 5)
    assert torch.equal(source.images, torch.from_numpy(expected).permute(0, 3, 1, 2))
    assert source.origin == "torchvision"
    assert source.labels.tolist() == [7, 0, 9]
    assert source.num_classes == 10
    assert source.num_official_train == 2


# Floats and bytes


def test_bytes_become_floats_between_0_and_1_and_floats_stay_as_they_are():
    values = torch.tensor([0, 1, 51, 255], dtype=torch.uint8)
    assert torch.equal(as_floats(values), torch.tensor([0.0, 1 / 255, 0.2, 1.0]))
    floats = torch.rand(3, generator=torch.Generator().manual_seed(0))
    assert as_floats(floats) is floats


def test_digits_are_sixteenths_from_0_to_1_of_scikit_learn():
    source = load_raw_data("digits", Path())
    assert source.images.dtype == torch.float32
    assert torch.equal(source.images * 16, (source.images * 16).round())
    assert (source.images.min(), source.images.max()) == (0, 1)
    assert (source.origin, source.num_official_train) == ("scikit-learn", None)
    public = load_digits()
    assert torch.equal(source.images * 16, torch.from_numpy(public.images)[:, None])
    assert torch.equal(source.labels, torch.from_numpy(public.target))


NOISY_DIGITS = "8e294ca8d7e50e82dcf6c95d4232bbd0e398d8364aead08690f6c9028ebd59d4"


def test_noisy_digits_are_one_fixed_tensor():
    noisy = load_raw_data("noisy_digits", Path())
    assert noisy.images.shape == (1797, 1, 12, 12)
    assert torch.equal(noisy.images * 256, (noisy.images * 256).round())
    assert noisy.sha256 == NOISY_DIGITS, "noise of another stream: models of this zoo are others on this machine"


def test_noisy_digits_are_those_of_scikit_learn_with_noise_of_two_deviations_enlarged():
    plain, noisy = load_raw_data("digits", Path()), load_raw_data("noisy_digits", Path())
    assert torch.equal(noisy.labels, plain.labels)
    enlarged = F.interpolate(plain.images, size=(12, 12), mode="bilinear", align_corners=False)
    assert (noisy.images - enlarged).mean().abs() < 0.01
    small = noisy.images.double().flatten(1)
    solved = torch.linalg.lstsq(enlarging(), small.T).solution.T  # the noisy images before they were enlarged
    assert (solved @ enlarging().T - small).abs().max() < 2 / 256
    noise = solved.view(-1, 1, 8, 8) - plain.images
    assert noise.std() / plain.images.std() == pytest.approx(2, rel=0.02)
    assert not torch.equal(noise[0], noise[1])


def enlarging() -> torch.Tensor:
    """(144, 64): what bilinear enlargement does to the pixels of one image."""
    pixels = torch.eye(64, dtype=torch.float64).view(64, 1, 8, 8)
    return F.interpolate(pixels, size=(12, 12), mode="bilinear", align_corners=False).flatten(1).T


# CIFAR-10 in class folders


def test_cifar10_in_class_folders_is_these_folders_and_says_so(tmp_path):
    source = load_raw_data("cifar10", write_cifar10(tmp_path, train=2, test=1, size=5))
    assert source.origin == "class folders"
    assert source.num_classes == 10
    assert source.labels.tolist() == [i for i in range(10) for _ in range(2)] + list(range(10))
    folders = class_folders(tmp_path)
    assert source.sha256 == folders.sha256
    assert torch.equal(source.images, folders.images)


def test_torchvisions_files_are_read_where_class_folders_lie_beside_them(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.CIFAR10", FakeCifar10)
    write_cifar10(tmp_path, train=2, test=1, size=5)
    assert in_class_folders(tmp_path)
    FakeCifar10(tmp_path, train=True, download=True)
    assert not in_class_folders(tmp_path)
    source = load_raw_data("cifar10", tmp_path)
    assert source.origin == "torchvision"
    assert len(source.labels) == 3


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("missing", [CIFAR10_CLASSES[0], CIFAR10_CLASSES[-1]])
def test_folders_without_a_class_of_cifar10_are_not_taken_for_it(split, missing, tmp_path):
    write_cifar10(tmp_path, train=1, test=1, size=2)
    shutil.rmtree(tmp_path / split / missing)
    assert not in_class_folders(tmp_path)


# The real ones


def real(name, *parts):
    place = REAL_DATA.joinpath(*parts)
    if not place.exists():
        pytest.skip(f"{name} is not at {place}; set SHATTERPROOF_TEST_DATA to the folder that holds it")
    return place


def test_mnist_is_60000_training_and_10000_test_digits():
    real("MNIST", "MNIST", "raw")
    source = load_raw_data("mnist", REAL_DATA)
    assert source.images.shape == (70_000, 1, 28, 28)
    assert source.num_classes == 10
    assert source.num_official_train == 60_000
    train, labels = as_floats(source.images[:60_000]), source.labels[:60_000]
    assert train.min() == 0 and train.max() == 1
    assert train.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert train.std().item() == pytest.approx(0.3081, abs=1e-4)
    assert labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert source.labels[60_000:60_010].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


@pytest.mark.long  # small folders of JPEGs are read above; these are 60,000
def test_cifar10_as_class_folders_of_jpegs(tmp_path):
    with tarfile.open(real("CIFAR-10", "cifar10-jpg.tar.xz")) as archive:
        how = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11.4 and later
        archive.extractall(tmp_path, **how)
    source = class_folders(tmp_path)
    assert source.images.shape == (60_000, 3, 32, 32)
    assert source.num_official_train == 50_000
    assert source.labels[:50_000].bincount().tolist() == [5000] * 10
    assert source.labels[50_000:].bincount().tolist() == [1000] * 10
    means = [(source.images[:50_000, channel].to(torch.float64).mean() / 255).item() for channel in range(3)]
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)  # of the original; these went through JPEG
