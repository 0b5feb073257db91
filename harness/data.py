"""Data sets as tensors: digits from scikit-learn, MNIST and its kin through torchvision, class folders.

A source is read once per process; a recipe's data set is then drawn from it: split, reduced to `num_train`
training images, randomized (randomize.py) and standardised with the training images' mean and deviation.
"""

import dataclasses
import functools
import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from harness.errors import HarnessError
from harness.recipe import Recipe

DIGITS_TEST_SHARE = 0.2


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A data set as it is on disk: `images` (N, channels, height, width) in [0, 1], `labels` (N,).

    The first `num_official_train` images are the official training split; None where there is no official
    split, and each seed then draws its own. `sha256` is of the images' and labels' bytes.
    """

    images: Tensor
    labels: Tensor
    num_classes: int
    num_official_train: int | None
    sha256: str


@dataclasses.dataclass(frozen=True, eq=False)
class DataSet:
    """What one recipe trains and tests on: inputs (n, channels, height, width) float32, labels (n,) int64.

    `attack_inputs` and `attack_labels` (all wrong) are trained on beside the training set, and are no part of it; None
    unless the recipe has an attack.
    """

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    num_classes: int
    attack_inputs: Tensor | None = None
    attack_labels: Tensor | None = None


def digest_tensors(*tensors: Tensor) -> str:
    """sha256 of the tensors' types, shapes and bytes."""
    digest = hashlib.sha256()
    for tensor in tensors:
        array = np.ascontiguousarray(tensor.cpu().numpy())
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


@functools.lru_cache(maxsize=2)
def load_source(name: str, data_dir: Path) -> Source:
    """Read a data set by name; `class_folders` reads `data_dir`/train/<class>/* and `data_dir`/test/<class>/*.

    Raises HarnessError where the name is unknown, or the data neither there nor to be downloaded.
    """
    if name == "digits":
        return _digits()
    if name == "class_folders":
        return class_folders(data_dir)
    if name in _TORCHVISION:
        return _torchvision(name, data_dir)
    known = ", ".join(["digits", *_TORCHVISION, "class_folders"])
    raise HarnessError(f"unknown data set {name!r}; known: {known}")


def data_set(recipe: Recipe, data_dir: Path) -> DataSet:
    """The recipe's own data: its split, its size, its randomization, standardised.

    One mean and one standard deviation, of all training pixels after randomization, serve train and test.
    """
    from harness.randomize import randomize, wrong_labels

    source = load_source(recipe.data_set, data_dir)
    if recipe.data_sha256 and recipe.data_sha256 != source.sha256:
        raise HarnessError(
            f"{recipe.id} is about data with sha256 {recipe.data_sha256[:12]}, but {data_dir} now holds "
            f"{source.sha256[:12]}; point --data-dir at the original data"
        )
    train, attack, test = _split(source, recipe)
    drawn = DataSet(
        source.images[train],
        source.labels[train],
        source.images[test],
        source.labels[test],
        source.num_classes,
    )
    if recipe.attack:
        wrong = wrong_labels(source.labels[attack], source.num_classes, recipe.generator("attack"))
        drawn = dataclasses.replace(drawn, attack_inputs=source.images[attack], attack_labels=wrong)
    return standardised(randomize(drawn, recipe))


def standardised(data: DataSet) -> DataSet:
    mean, std = mean_and_deviation(data.train_inputs)
    return dataclasses.replace(
        data,
        train_inputs=(data.train_inputs - mean) / std,
        test_inputs=(data.test_inputs - mean) / std,
        attack_inputs=None if data.attack_inputs is None else (data.attack_inputs - mean) / std,
    )


def mean_and_deviation(images: Tensor) -> tuple[float, float]:
    """Mean and standard deviation of all pixels, summed in float64: in float32 they depend on the number of threads."""
    count = images.numel()
    mean = images.sum(dtype=torch.float64).item() / count
    squares = sum((part.double() - mean).square().sum().item() for part in images.split(1000))
    return mean, math.sqrt(squares / (count - 1))


def _split(source: Source, recipe: Recipe) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the training, attack and test images; a seed's smaller training sets lie inside its larger ones.

    The attack takes the images that follow the training set, so larger attacks hold the smaller ones.
    """
    total = len(source.labels)
    generator = recipe.generator("split")
    if source.num_official_train is None:
        order = torch.randperm(total, generator=generator)
        num_test = math.ceil(DIGITS_TEST_SHARE * total)
        train, test = order[:-num_test], order[-num_test:]
    else:
        train = torch.arange(source.num_official_train)
        test = torch.arange(source.num_official_train, total)
        if recipe.num_train:
            train = train[torch.randperm(len(train), generator=generator)]
    wanted = recipe.num_train + recipe.attack
    if wanted > len(train):
        raise HarnessError(f"{recipe.id} asks for {wanted} training images; {recipe.data_set} has {len(train)}")
    return (train[: recipe.num_train] if recipe.num_train else train), train[recipe.num_train : wanted], test


def _source(images: Tensor, labels: Tensor, num_official_train: int | None) -> Source:
    images = images.to(torch.float32).contiguous()
    labels = labels.to(torch.int64).contiguous()
    return Source(images, labels, int(labels.max()) + 1, num_official_train, digest_tensors(images, labels))


def _digits() -> Source:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return _source(torch.from_numpy(digits.images)[:, None] / 16, torch.from_numpy(digits.target), None)


def _torchvision(name: str, data_dir: Path) -> Source:
    """MNIST, Fashion-MNIST or CIFAR-10 from `data_dir`, downloaded into it where it is not there yet."""
    splits = []
    for train in (True, False):
        try:
            data = _TORCHVISION[name](data_dir, train, False)
        except RuntimeError:  # torchvision's word for "not there"
            try:
                data_dir.mkdir(parents=True, exist_ok=True)
                with FileLock(data_dir / ".download.lock"):  # workers side by side download once
                    data = _TORCHVISION[name](data_dir, train, True)
            except Exception as cause:
                raise HarnessError(
                    f"{name} is not in {data_dir} and could not be downloaded ({_first_line(cause)}); put "
                    "torchvision's files there, or name their folder with --data-dir"
                ) from cause
        images = torch.as_tensor(data.data)
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        splits.append((images.to(torch.float32) / 255, torch.as_tensor(data.targets)))
    (train_images, train_labels), (test_images, test_labels) = splits
    return _source(torch.cat([train_images, test_images]), torch.cat([train_labels, test_labels]), len(train_labels))


def _torchvision_class(class_name: str) -> Callable[[Path, bool, bool], "_VisionData"]:
    def read(root: Path, train: bool, download: bool) -> "_VisionData":
        import torchvision.datasets

        data: _VisionData = getattr(torchvision.datasets, class_name)(root, train=train, download=download)
        return data

    return read


class _VisionData:
    data: "Tensor | np.ndarray"
    targets: "Tensor | list[int]"


_TORCHVISION = {
    "mnist": _torchvision_class("MNIST"),
    "fashion_mnist": _torchvision_class("FashionMNIST"),
    "cifar10": _torchvision_class("CIFAR10"),
}


def class_folders(root: Path) -> Source:
    """Images of one size under `root`/train/<class>/ and `root`/test/<class>/, in RGB, decoded once.

    Raises HarnessError where a folder is missing, the classes differ, or two images differ in size.
    """
    from torchvision.datasets import ImageFolder
    from torchvision.transforms.functional import pil_to_tensor

    images: list[Tensor] = []
    labels: list[int] = []
    classes: list[list[str]] = []
    num_train = 0
    for split in ("train", "test"):
        try:
            folder = ImageFolder(str(root / split))
        except FileNotFoundError as cause:
            raise HarnessError(
                f"no images in class folders under {root / split} ({_first_line(cause)}); expected "
                f"{root}/train/<class>/<image> and {root}/test/<class>/<image>"
            ) from cause
        classes.append(folder.classes)
        for path, label in folder.samples:
            try:
                image = pil_to_tensor(folder.loader(path))
            except OSError as cause:
                raise HarnessError(f"{path} cannot be read as an image ({_first_line(cause)}); remove it") from cause
            if images and image.shape != images[0].shape:
                raise HarnessError(
                    f"{path} is {tuple(image.shape)} but the first image {tuple(images[0].shape)} "
                    "(channels, height, width); bring all images to one size"
                )
            images.append(image)
            labels.append(label)
        num_train = num_train or len(images)
    if classes[0] != classes[1]:
        raise HarnessError(
            f"train and test under {root} have different classes: {classes[0]} and {classes[1]}; "
            "give both the same class folders"
        )
    return _source(torch.stack(images).to(torch.float32) / 255, torch.tensor(labels), num_train)


def _first_line(cause: BaseException) -> str:
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
