"""Raw data are decoded once and kept, and decoded again when a file or the cache is altered."""

import dataclasses
import os

import numpy as np
import pytest
import torch

import harness.training.reading.data_sets
from harness.training.reading.raw_data import RawData, load_raw_data, read_once
from tests.builders.image_folders import COLOURS, FakeCifar10, class_folders, write_images


class Counted:
    """Class folders in `root`, counting how often they are decoded."""

    def __init__(self, root, cache, monkeypatch):
        self.root, self.cache, self.times = write_images(root, COLOURS), cache, 0
        original = harness.training.reading.data_sets.read_class_folders

        def read(folder, expected=()):
            self.times += 1
            return original(folder, expected)

        monkeypatch.setattr(harness.training.reading.data_sets, "read_class_folders", read)

    def load(self, root=None):
        """As another process would: nothing is left of earlier calls but the cache folder."""
        read_once.cache_clear()
        return load_raw_data("class_folders", root or self.root, self.cache)

    @property
    def files(self):
        return sorted((self.cache / "decoded").glob("*.safetensors"))


@pytest.fixture
def counted(tmp_path, monkeypatch):
    return Counted(tmp_path / "images", tmp_path / "cache", monkeypatch)


def same_source(a: RawData, b: RawData) -> bool:
    for field in dataclasses.fields(RawData):
        ours, theirs = getattr(a, field.name), getattr(b, field.name)
        equal = torch.equal(ours, theirs) and ours.dtype == theirs.dtype if torch.is_tensor(ours) else ours == theirs
        if not equal:
            return False
    return True


def test_what_was_decoded_is_taken_from_the_cache_the_second_time(counted):
    first, second = counted.load(), counted.load()
    assert counted.times == 1
    assert same_source(first, second)
    assert same_source(first, class_folders(counted.root))
    assert len(counted.files) == 1


def test_without_a_cache_folder_nothing_is_kept(counted):
    for _ in range(2):
        read_once.cache_clear()
        load_raw_data("class_folders", counted.root)
    assert counted.times == 2
    assert not counted.cache.exists()


def touched(counted):
    path = counted.root / "train/cat/1.png"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def renamed(counted):
    (counted.root / "train/cat/1.png").rename(counted.root / "train/cat/0.png")


def removed(counted):
    (counted.root / "train/cat/1.png").unlink()


def added(counted):
    write_images(counted.root, {"test/cat/9": (1, 2, 3)})


@pytest.mark.parametrize("change", [touched, renamed, removed, added], ids=lambda change: change.__name__)
def test_when_a_file_changes_it_is_decoded_anew(change, counted):
    counted.load()
    change(counted)
    again = counted.load()
    assert counted.times == 2
    assert same_source(again, class_folders(counted.root))


def test_another_image_in_a_files_place_is_seen(counted):
    before = counted.load()
    write_images(counted.root, {"train/cat/1": (0, 0, 255)})
    after = counted.load()
    assert not torch.equal(before.images[0], after.images[0])
    assert after.images[0, :, 0, 0].tolist() == [0, 0, 255]


@pytest.mark.slow
def test_every_flipped_bit_of_the_cache_is_noticed_and_made_good(counted):
    first = counted.load()
    (file,) = counted.files
    intact = file.read_bytes()
    rng = np.random.default_rng(0)
    header = int.from_bytes(intact[:8], "little")
    places = [*rng.integers(0, 8 + header, 150), *rng.integers(8 + header, len(intact), 50)]
    for place in places:
        damaged = bytearray(intact)
        damaged[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(bytes(damaged))
        before = counted.times
        assert same_source(counted.load(), first)
        assert counted.times == before + 1
        assert same_source(counted.load(), first)
        assert counted.times == before + 1


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_cache_that_was_cut_short_is_written_again(length, counted):
    first = counted.load()
    (file,) = counted.files
    intact = file.read_bytes()
    file.write_bytes(intact[:length])
    assert same_source(counted.load(), first)
    assert counted.times == 2
    assert same_source(counted.load(), first)
    assert counted.times == 2


def test_two_folders_do_not_share_what_was_decoded(counted, tmp_path):
    one = write_images(tmp_path / "one", COLOURS, suffix="bmp")
    other = write_images(tmp_path / "other", {name: (9, 9, 9) for name in COLOURS}, suffix="bmp")
    for path in one.rglob("*.bmp"):  # sizes and times alike: only the place tells them apart
        twin, status = other / path.relative_to(one), path.stat()
        os.utime(twin, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert twin.stat().st_size == status.st_size
    ours, theirs = counted.load(one), counted.load(other)
    assert counted.times == 2
    assert ours.sha256 != theirs.sha256
    assert (theirs.images == 9).all()
    assert same_source(counted.load(one), ours)
    assert counted.times == 2


def test_torchvisions_files_are_decoded_once_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.CIFAR10", FakeCifar10)
    cache = tmp_path / "cache"
    load_raw_data("cifar10", tmp_path, cache)  # which downloads
    (tmp_path / "cifar-10-batches-py/data_batch_1").touch()
    read_once.cache_clear()
    first = load_raw_data("cifar10", tmp_path, cache)
    read_once.cache_clear()
    monkeypatch.setattr("torchvision.datasets.CIFAR10", None)
    assert same_source(load_raw_data("cifar10", tmp_path, cache), first)
    assert first.origin == "torchvision"
