"""A sealed file: what was written comes back, bit for bit, or nothing does."""

import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import harness.files.sealed_tensors
from harness.files.sealed_tensors import digest_tensors, read_sealed, write_sealed

TENSORS = {
    "weight": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
    "flags": torch.tensor([[True, False]]),
    "count": torch.tensor(7),
    "none": torch.empty(0, dtype=torch.float64),
}
ABOUT = {"name": "Kernél", "seconds": 0.1, "sizes": [1, 2], "split": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "some.safetensors"


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def assert_holds(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    kept = read_sealed(path)
    assert kept is not None
    assert kept.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(kept.tensors[name], tensor) and kept.tensors[name].dtype == tensor.dtype
    assert kept.about == about


def test_tensors_and_what_was_said_about_them_come_back(path: Path) -> None:
    write_sealed(path, TENSORS, ABOUT)
    assert_holds(path, TENSORS, ABOUT)
    assert names(path) == [path.name]


def test_what_was_written_last_is_read(path: Path) -> None:
    write_sealed(path, TENSORS, ABOUT)
    write_sealed(path, {"other": torch.zeros(2)})
    assert_holds(path, {"other": torch.zeros(2)}, {})


def test_it_is_a_safetensors_file_that_others_may_read(path: Path) -> None:
    write_sealed(path, TENSORS)
    assert torch.equal(load_file(path)["weight"], TENSORS["weight"])
    assert path.stat().st_mode & 0o777 == 0o644


def test_where_there_is_no_file_there_is_nothing(path: Path) -> None:
    assert read_sealed(path) is None
    path.mkdir(parents=True)
    assert read_sealed(path) is None


@pytest.mark.parametrize("length", [0, 7, 8, 100, -1])
def test_a_file_cut_short_is_nothing(path: Path, length: int) -> None:
    write_sealed(path, TENSORS, ABOUT)
    path.write_bytes(path.read_bytes()[:length])
    assert read_sealed(path) is None


def test_every_altered_bit_is_noticed(path: Path) -> None:
    write_sealed(path, TENSORS, ABOUT)
    intact = path.read_bytes()
    rng = random.Random(0)
    for _ in range(500):
        damaged = bytearray(intact)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(damaged))
        assert read_sealed(path) is None
    path.write_bytes(intact)
    assert_holds(path, TENSORS, ABOUT)


@pytest.mark.parametrize("wrong", ["another seal", "another text", "no text", "no seal", "no metadata"])
def test_metadata_that_were_not_written_with_the_tensors_are_noticed(path: Path, wrong: str) -> None:
    write_sealed(path, TENSORS, ABOUT)
    header = path.read_bytes()[8:]
    metadata = json.JSONDecoder().raw_decode(header[: header.rindex(b"}}") + 2].decode())[0]["__metadata__"]
    changed: dict[str, dict[str, str] | None] = {
        "another seal": metadata | {"sha256": hashlib.sha256(b"").hexdigest()},
        "another text": metadata | {"about": json.dumps(ABOUT | {"seconds": 0.2})},
        "no text": {"sha256": metadata["sha256"]},
        "no seal": {"about": metadata["about"]},
        "no metadata": None,
    }
    save_file(TENSORS, path, metadata=metadata)
    assert_holds(path, TENSORS, ABOUT)
    save_file(TENSORS, path, metadata=changed[wrong])
    assert read_sealed(path) is None


def test_without_room_the_file_of_before_stays_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensors: dict[str, Tensor], place: str, metadata: dict[str, str]) -> None:
        Path(place).write_bytes(b"the beginning")
        raise harness.files.sealed_tensors.SafetensorError("No space left on device")

    write_sealed(path, TENSORS, ABOUT)
    monkeypatch.setattr(harness.files.sealed_tensors, "save_file", full)
    with pytest.raises(OSError, match=r"some.safetensors could not be written: No space left"):
        write_sealed(path, {"other": torch.zeros(2)})
    assert_holds(path, TENSORS, ABOUT)
    assert names(path) == [path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_full_is_an_oserror(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def to_full_disk(tensors: dict[str, Tensor], place: str, metadata: dict[str, str]) -> None:
        os.symlink("/dev/full", place)
        with open(place, "wb", buffering=0) as file:
            file.write(b"0" * 4096)

    monkeypatch.setattr(harness.files.sealed_tensors, "save_file", to_full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_sealed(path, TENSORS)
    assert names(path) == []


def test_a_folder_that_cannot_be_made_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        write_sealed(tmp_path / "file" / "some.safetensors", TENSORS)


def test_the_digest_is_of_types_shapes_and_bytes() -> None:
    ones = torch.ones(2, 3)
    same = [ones, ones.clone(), torch.ones(3, 2).T]
    other = [ones.double(), torch.ones(3, 2), ones * 2, torch.ones(6)]
    assert len({digest_tensors(tensor) for tensor in same}) == 1
    assert len({digest_tensors(tensor) for tensor in [ones, *other]}) == 5
    assert digest_tensors(ones, 2 * ones) != digest_tensors(2 * ones, ones)
