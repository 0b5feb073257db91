"""Where data sets come from: digits from scikit-learn, MNIST and its kin through torchvision, class folders.

A source is read once per process. What takes long to read (thousands of image files, archives that are checked) is
decoded once and then kept as tensors in the cache folder.
"""

import dataclasses
import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from harness.errors import HarnessError
from harness.recipe import canonical_json

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
)  # fmt: skip
Origin = Literal["scikit-learn", "torchvision", "class folders"]


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A data set as it is on disk: `images` (N, channels, height, width), `labels` (N,).

    Images are uint8 in 0..255, or float32 in [0, 1] where they never were bytes: `as_floats` makes them one. The first
    `num_official_train` images are the official training split; None where there is no official split, and each seed
    then draws its own. `sha256` is of the images' and labels' types, shapes and bytes.
    """

    images: Tensor
    labels: Tensor
    num_classes: int
    num_official_train: int | None
    sha256: str
    origin: Origin


def as_floats(images: Tensor) -> Tensor:
    """Images in [0, 1], float32."""
    return images.to(torch.float32) / 255 if images.dtype == torch.uint8 else images


def digest_tensors(*tensors: Tensor) -> str:
    """sha256 of the tensors' types, shapes and bytes."""
    digest = hashlib.sha256()
    for tensor in tensors:
        array = np.ascontiguousarray(tensor.cpu().numpy())
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


@functools.lru_cache(maxsize=2)
def load_source(name: str, data_dir: Path, cache_dir: Path | None = None) -> Source:
    """Read a data set by name; `class_folders` reads `data_dir`/train/<class>/* and `data_dir`/test/<class>/*.

    `cifar10` may lie there in class folders as well, where torchvision's files are not: `origin` then says so. With a
    `cache_dir`, what was decoded is kept there.

    Raises HarnessError where the name is unknown, or the data neither there nor to be downloaded.
    """
    if name == "digits":
        return _digits()
    if name == "class_folders" or (name == "cifar10" and in_class_folders(data_dir)):
        folders = [data_dir / "train", data_dir / "test"]
        return _decoded_once(name, folders, cache_dir, lambda: class_folders(data_dir))
    if name in _TORCHVISION:
        read = functools.partial(_torchvision, name, data_dir)
        return _decoded_once(name, [data_dir / _TORCHVISION[name].folder], cache_dir, read)
    known = ", ".join(["digits", *_TORCHVISION, "class_folders"])
    raise HarnessError(f"unknown data set {name!r}; known: {known}")


def in_class_folders(data_dir: Path) -> bool:
    """Whether CIFAR-10 lies in this folder as train/airplane/* and so on, and not as torchvision's files."""
    if (data_dir / _TORCHVISION["cifar10"].folder).is_dir():
        return False
    return all((data_dir / split / name).is_dir() for split in ("train", "test") for name in CIFAR10_CLASSES)


def _decoded_once(name: str, folders: list[Path], cache_dir: Path | None, read: Callable[[], Source]) -> Source:
    """The source from the cache, if it was decoded from the files that are in `folders` now; else read, and kept."""
    listing = _listing(folders)
    if cache_dir is None or not listing:  # not there yet: reading downloads it
        return read()
    place = cache_dir / "decoded" / f"{name}-{hashlib.sha256(listing.encode()).hexdigest()[:16]}.safetensors"
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):  # workers side by side decode once
        source = _read_decoded(place)
        if source is None:
            source = read()
            _write_decoded(place, source)
    return source


def _listing(folders: list[Path]) -> str:
    """Name, size and time of every file: what changes when the data do."""
    lines = []
    for folder in folders:
        for parent, below, files in os.walk(folder):
            below.sort()
            for file in sorted(files):
                status = os.stat(os.path.join(parent, file))
                lines.append(f"{parent}/{file} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(lines)


def _read_decoded(place: Path) -> Source | None:
    """None where there is no such file, or its contents are not what was written."""
    try:
        with safe_open(str(place), framework="pt") as file:
            about, sha256 = json.loads(file.metadata()["source"])
            images, labels = file.get_tensor("images"), file.get_tensor("labels")
        if hashlib.sha256(canonical_json(about).encode()).hexdigest() != sha256:
            return None
        source = Source(images, labels, **about)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return source if digest_tensors(images, labels) == source.sha256 else None


def _write_decoded(place: Path, source: Source) -> None:
    """Keep it, if there is room: what was read serves without."""
    about = {name: getattr(source, name) for name in _ABOUT}
    sealed = [about, hashlib.sha256(canonical_json(about).encode()).hexdigest()]
    handle, private = tempfile.mkstemp(dir=place.parent)
    os.close(handle)
    try:
        save_file({"images": source.images, "labels": source.labels}, private, metadata={"source": json.dumps(sealed)})
        os.chmod(private, 0o644)  # for whoever else may read the cache folder
        os.replace(private, place)
    except (OSError, SafetensorError):
        os.unlink(private)


_ABOUT = ("num_classes", "num_official_train", "sha256", "origin")


def _source(images: Tensor, labels: Tensor, num_official_train: int | None, origin: Origin) -> Source:
    images, labels = images.contiguous(), labels.to(torch.int64).contiguous()
    digest = digest_tensors(images, labels)
    return Source(images, labels, int(labels.max()) + 1, num_official_train, digest, origin)


def _digits() -> Source:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (torch.from_numpy(digits.images)[:, None] / 16).to(torch.float32)
    return _source(images, torch.from_numpy(digits.target), None, "scikit-learn")


def _torchvision(name: str, data_dir: Path) -> Source:
    """MNIST, Fashion-MNIST or CIFAR-10 from `data_dir`, downloaded into it where it is not there yet."""
    splits = []
    for train in (True, False):
        try:
            data = _TORCHVISION[name].read(data_dir, train, False)
        except RuntimeError:  # torchvision's word for "not there"
            try:
                data_dir.mkdir(parents=True, exist_ok=True)
                with FileLock(data_dir / ".download.lock"):  # workers side by side download once
                    data = _TORCHVISION[name].read(data_dir, train, True)
            except Exception as cause:
                raise HarnessError(
                    f"{name} is not in {data_dir} and could not be downloaded ({_first_line(cause)}); put "
                    "torchvision's files there, or name their folder with --data-dir"
                ) from cause
        images = torch.as_tensor(data.data)
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        splits.append((images, torch.as_tensor(data.targets)))
    (train_images, train_labels), (test_images, test_labels) = splits
    images, labels = torch.cat([train_images, test_images]), torch.cat([train_labels, test_labels])
    return _source(images, labels, len(train_labels), "torchvision")


def _torchvision_class(class_name: str) -> Callable[[Path, bool, bool], "_VisionData"]:
    def read(root: Path, train: bool, download: bool) -> "_VisionData":
        import torchvision.datasets

        data: _VisionData = getattr(torchvision.datasets, class_name)(root, train=train, download=download)
        return data

    return read


class _VisionData:
    data: "Tensor | np.ndarray"
    targets: "Tensor | list[int]"


@dataclasses.dataclass(frozen=True)
class _Reader:
    """How torchvision reads a data set, and where in the data folder its files lie."""

    read: Callable[[Path, bool, bool], _VisionData]
    folder: str


_TORCHVISION = {
    "mnist": _Reader(_torchvision_class("MNIST"), "MNIST/raw"),
    "fashion_mnist": _Reader(_torchvision_class("FashionMNIST"), "FashionMNIST/raw"),
    "cifar10": _Reader(_torchvision_class("CIFAR10"), "cifar-10-batches-py"),
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
    return _source(torch.stack(images), torch.tensor(labels), num_train, "class folders")


def _first_line(cause: BaseException) -> str:
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
