"""Raw data: what a declared data set reads from its folder, checked.

They are read once per process. What takes long to read (thousands of image files, archives that are checked) is
decoded once and then kept as tensors in the cache folder.
"""

import contextlib
import dataclasses
import functools
import hashlib
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from harness.errors import HarnessError
from harness.files.sealed_tensors import digest_tensors, read_sealed, write_sealed
from harness.training.declaring import OPENED, OWN_DATA_SETS, PUBLISHED, DeclaredDataSet
from harness.training.reading import data_sets
from harness.training.reading.read_splits import checked_splits

TEST_SHARE = 0.2
"""Of data without an official split: what each seed keeps to test on."""
MODULES = (data_sets,)
"""Each declares its data sets when it is imported."""


@dataclasses.dataclass(frozen=True, eq=False)
class RawData:
    """A data set as it was read: `images` (N, ...), inputs of any shape, and `labels` (N,).

    Images are uint8 in 0..255, or float32: `as_floats` makes them one. The first `num_official_train` are the official
    training split; None where there is no official split, and each seed then draws its own. `sha256` is of the images'
    and labels' types, shapes and bytes; `origin` says where they come from (declaring.PUBLISHED: they are known by
    their name).
    """

    images: Tensor
    labels: Tensor
    num_classes: int
    num_official_train: int | None
    sha256: str
    origin: str


def as_floats(images: Tensor) -> Tensor:
    """Images in [0, 1], float32."""
    return images.to(torch.float32) / 255 if images.dtype == torch.uint8 else images


def data_set_named(name: str) -> DeclaredDataSet:
    """The declared data set of that name: this project's, or of the zoo that was opened. HarnessError for none."""
    known = OWN_DATA_SETS | OPENED.data_sets
    if name not in known:
        raise HarnessError(f"unknown data set {name!r}; known: {', '.join(known)}")
    return known[name]


def load_raw_data(name: str, data_dir: Path, cache_dir: Path | None = None) -> RawData:
    """What the data set of that name reads in `data_dir`. With a `cache_dir`, what was decoded is kept there.

    Raises HarnessError where the name is unknown, the data are neither there nor to be downloaded, or are not what a
    data set gives (read_splits.py).
    """
    return read_once(data_set_named(name), data_dir, cache_dir)


@functools.lru_cache(maxsize=2)
def read_once(declared: DeclaredDataSet, data_dir: Path, cache_dir: Path | None = None) -> RawData:
    """The same of a declared data set; once per process."""
    if declared.files is None:
        return read_anew(declared, data_dir)
    name = f"{declared.name}-{declared.code[:16]}" if declared.code else declared.name
    files = [Path(path) for path in declared.files(data_dir)]
    return _decoded_once(name, files, cache_dir, lambda: read_anew(declared, data_dir))


def is_known_by_name(declared: DeclaredDataSet, data_dir: Path) -> bool:
    """Whether the name alone says what data these are; else their digest does."""
    return declared.is_own and declared.origin(data_dir) in PUBLISHED


def train_size_of(raw: RawData) -> int:
    """How many examples there are to train on."""
    total = len(raw.labels)
    return total - math.ceil(TEST_SHARE * total) if raw.num_official_train is None else raw.num_official_train


def read_anew(declared: DeclaredDataSet, data_dir: Path) -> RawData:
    """What it gives now."""
    splits = declared(data_dir) if declared.is_own else checked_splits(declared, data_dir)
    images, labels = torch.cat(splits[::2]), torch.cat(splits[1::2])
    num_train = len(splits[0]) if len(splits) == 4 else None
    return _raw_data(images, labels, num_train, declared.origin(data_dir))


def _decoded_once(name: str, files: list[Path], cache_dir: Path | None, read: Callable[[], RawData]) -> RawData:
    """The data from the cache, if they were decoded from the files that are there now; else read, and kept."""
    listing = _listing(files)
    if cache_dir is None or not listing:  # not there yet: reading downloads it
        return read()
    path = cache_dir / "decoded" / f"{name}-{hashlib.sha256(listing.encode()).hexdigest()[:16]}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):  # workers side by side decode once
        raw = _read_decoded(path)
        if raw is None:
            raw = read()
            _write_decoded(path, raw)
    return raw


def _listing(paths: Sequence[Path]) -> str:
    """Name, size and time of every file, where a link leads as well: what changes when the data do."""
    lines = []
    for path in paths:
        seen = set()  # real folders: a link may lead to one above
        found = [(str(path.parent), [], [path.name])] if path.is_file() else os.walk(path, followlinks=True)
        for parent, below, files in found:
            if os.path.realpath(parent) in seen:
                below.clear()
                continue
            seen.add(os.path.realpath(parent))
            below.sort()
            lines += [_listed(f"{parent}/{file}") for file in sorted(files)]
    return "\n".join(lines)


def _listed(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:  # a link to nothing, or it has gone meanwhile: whoever reads it says so
        return f"{path} is not there"
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _read_decoded(path: Path) -> RawData | None:
    """None where there is no such file, or its contents are not what was written."""
    kept = read_sealed(path)
    if kept is None or kept.about.keys() != set(_ABOUT) or kept.tensors.keys() != {"images", "labels"}:
        return None
    return RawData(kept.tensors["images"], kept.tensors["labels"], **kept.about)


def _write_decoded(path: Path, raw: RawData) -> None:
    """Keep it, if there is room: what was read serves without."""
    with contextlib.suppress(OSError):
        write_sealed(path, {"images": raw.images, "labels": raw.labels}, {name: getattr(raw, name) for name in _ABOUT})


_ABOUT = ("num_classes", "num_official_train", "sha256", "origin")


def _raw_data(images: Tensor, labels: Tensor, num_official_train: int | None, origin: str) -> RawData:
    images, labels = images.contiguous(), labels.to(torch.int64).contiguous()
    digest = digest_tensors(images, labels)
    return RawData(images, labels, int(labels.max()) + 1, num_official_train, digest, origin)
