"""The data sets of this project: digits from scikit-learn, MNIST and its kin through torchvision, class folders.

Each is a function of the folder that data lie in, as a user's own is (declaring.py); raw_data.py calls it.
"""

import dataclasses
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from filelock import FileLock
from torch import Tensor

from harness.errors import HarnessError
from harness.training.declaring import data_set
from harness.training.reading.class_folders import read_class_folders

if TYPE_CHECKING:
    import numpy as np

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
)  # fmt: skip
DIGITS = "datasets/data/digits.csv.gz"  # in scikit-learn's folder
NOISE = 0.75  # two standard deviations of the digits' pixels, which lie in [0, 1]
NOISE_SEED = 20261129
ENLARGED = 12  # pixels each way
GRID = 256  # pixels are multiples of 1/GRID
Split = tuple[Tensor, Tensor, Tensor, Tensor]


@data_set(origin=lambda folder: "scikit-learn", train_size=1437)
def digits(folder: Path) -> tuple[Tensor, Tensor]:
    """1,797 digits of 8x8 pixels; each seed draws its own split."""
    table = torch.from_numpy(_digits_table())  # 64 pixels in 0..16, and the digit
    return (table[:, :-1].reshape(-1, 1, 8, 8) / 16).to(torch.float32), table[:, -1].long()


@data_set(origin=lambda folder: "scikit-learn", train_size=1437)
def noisy_digits(folder: Path) -> tuple[Tensor, Tensor]:
    """The digits with independent normal noise on every pixel, then enlarged bilinearly from 8x8.

    Natural images span the 64 dimensions of the small ones, noise of the large size all of its dimensions: a network
    fits noise in fewer steps than nature, of which it generalizes about half. The images are one fixed tensor: all is
    computed in float64 and rounded to a grid, on which the last bits of another machine or version of torch are lost.
    """
    images, labels = digits(folder)
    noise = torch.randn(images.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(NOISE_SEED))
    large = F.interpolate(images + NOISE * noise, size=(ENLARGED, ENLARGED), mode="bilinear", align_corners=False)
    return ((large * GRID).round() / GRID).to(torch.float32), labels


def _digits_table() -> "np.ndarray":
    """What scikit-learn's load_digits reads, from its file: to import scikit-learn takes most of a second."""
    import numpy as np

    package = importlib.util.find_spec("sklearn")
    for folder in package.submodule_search_locations or () if package else ():
        if (file := Path(folder, DIGITS)).exists():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits  # where a version of it has the file elsewhere

    found = load_digits()
    return np.column_stack([found.data, found.target])


@data_set(origin=lambda folder: "torchvision", train_size=60_000, files=lambda folder: [folder / "MNIST/raw"])
def mnist(folder: Path) -> Split:
    """From torchvision's files in the folder, downloaded into it where they are not there yet."""
    return _torchvision("mnist", folder)


@data_set(origin=lambda folder: "torchvision", train_size=60_000, files=lambda folder: [folder / "FashionMNIST/raw"])
def fashion_mnist(folder: Path) -> Split:
    """The same."""
    return _torchvision("fashion_mnist", folder)


def in_class_folders(folder: Path) -> bool:
    """Whether CIFAR-10 lies in this folder as train/airplane/* and so on, and not as torchvision's files."""
    if _archive(folder).is_dir():
        return False
    return all((folder / split / name).is_dir() for split in ("train", "test") for name in CIFAR10_CLASSES)


def _archive(folder: Path) -> Path:
    return folder / "cifar-10-batches-py"


def _origin_of_cifar10(folder: Path) -> str:
    return "class folders" if in_class_folders(folder) else "torchvision"


def _files_of_cifar10(folder: Path) -> Sequence[Path]:
    return _folders(folder) if in_class_folders(folder) else [_archive(folder)]


@data_set(origin=_origin_of_cifar10, train_size=50_000, files=_files_of_cifar10)
def cifar10(folder: Path) -> Split:
    """As mnist; or from class folders, where torchvision's files are not there: these may have other pixels (JPEG)."""
    if in_class_folders(folder):
        return _of_folders(folder, CIFAR10_CLASSES)
    return _torchvision("cifar10", folder)


def _folders(folder: Path) -> Sequence[Path]:
    return [folder / "train", folder / "test"]


@data_set(origin=lambda folder: "class folders", files=_folders)
def class_folders(folder: Path) -> Split:
    """Images of one size under train/<class>/ and test/<class>/, in RGB.

    Raises HarnessError, which names the folder or the file, where one is missing, is not a class, cannot be read right,
    or differs from the others.
    """
    return _of_folders(folder)


def _of_folders(folder: Path, expected: Sequence[str] = ()) -> Split:
    """With `expected` names of classes, no other folder may be there."""
    images, labels, num_train = read_class_folders(folder, expected)
    return images[:num_train], labels[:num_train], images[num_train:], labels[num_train:]


def _torchvision(name: str, folder: Path) -> Split:
    splits: list[Tensor] = []
    for train in (True, False):
        try:
            data = _READ[name](folder, train, False)
        except RuntimeError:  # torchvision's word for "not there"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with FileLock(folder / ".download.lock"):  # workers side by side download once
                    data = _READ[name](folder, train, True)
            except Exception as cause:
                why = (str(cause).strip() or type(cause).__name__).splitlines()[0]
                raise HarnessError(
                    f"{name} is not in {folder} and could not be downloaded ({why}); put "
                    "torchvision's files there, or name their folder with --data-dir"
                ) from cause
        images = torch.as_tensor(data.data)
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        splits += [images, torch.as_tensor(data.targets)]
    train_images, train_labels, test_images, test_labels = splits
    return train_images, train_labels, test_images, test_labels


@dataclasses.dataclass
class _VisionData:
    data: "Tensor | np.ndarray"
    targets: "Tensor | list[int]"


def _torchvision_class(class_name: str) -> Callable[[Path, bool, bool], _VisionData]:
    def read(root: Path, train: bool, download: bool) -> _VisionData:
        import torchvision.datasets

        data: _VisionData = getattr(torchvision.datasets, class_name)(root, train=train, download=download)
        return data

    return read


_READ = {
    "mnist": _torchvision_class("MNIST"),
    "fashion_mnist": _torchvision_class("FashionMNIST"),
    "cifar10": _torchvision_class("CIFAR10"),
}
