"""The folder of the models has a name of its own in every cache, is made once, and takes what was there before."""

import multiprocessing
import os
import re
import stat
from pathlib import Path

import pytest

from harness.store import secret_folder
from harness.store.secret_folder import found_in, made_in
from harness.store.store import Store


def test_it_is_made_once_and_named_otherwise_in_every_cache(tmp_path: Path) -> None:
    one, other = made_in(tmp_path / "one"), made_in(tmp_path / "other")
    assert one.parent == tmp_path / "one" / "store" and re.fullmatch(r"[0-9a-f]{32}", one.name)
    assert one.name != other.name
    assert made_in(tmp_path / "one") == found_in(tmp_path / "one") == one
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["store"]


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert found_in(tmp_path / "none") == tmp_path / "none" and not (tmp_path / "none").exists()
    assert Store(tmp_path / "none", reading=True).models == tmp_path / "none" / "models"
    Store(tmp_path / "own", below=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def fill(cache: Path) -> None:
    (cache / "models" / "ab" / "abc").mkdir(parents=True)
    (cache / "models" / "ab" / "abc" / "entry.json").write_text("{}")
    (cache / "tmp").mkdir()
    (cache / "tmp" / "abc.checkpoint").write_text("half")
    (cache / "rows").mkdir()
    (cache / "rows" / "l2_norm.jsonl").write_text("")


def test_what_an_earlier_version_kept_is_moved_there_and_rows_stay(tmp_path: Path) -> None:
    fill(tmp_path)
    store = Store(tmp_path)
    assert (store.models / "ab" / "abc" / "entry.json").read_text() == "{}"
    assert (store.temporary / "abc.checkpoint").read_text() == "half"
    assert (tmp_path / "rows" / "l2_norm.jsonl").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"rows", "store", "store.lock"}


def test_a_cache_of_an_earlier_version_that_is_only_read_is_read_where_it_is(tmp_path: Path) -> None:
    fill(tmp_path)
    assert Store(tmp_path, reading=True).own_folder("abc") == tmp_path / "models" / "ab" / "abc"
    assert {path.name for path in tmp_path.iterdir()} == {"models", "rows", "tmp"}


def test_what_cannot_be_moved_is_moved_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    rename = os.rename

    def fails(one: Path, other: Path) -> None:
        if Path(other).name == "store":
            raise OSError("no space")
        rename(one, other)

    monkeypatch.setattr(secret_folder.os, "rename", fails)
    assert made_in(tmp_path) == tmp_path
    assert (tmp_path / "models" / "ab" / "abc" / "entry.json").exists()
    assert (tmp_path / "tmp" / "abc.checkpoint").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("store-")]


def test_what_a_killed_process_had_moved_already_is_found(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "store.lock").touch()
    (tmp_path / "store-1" / "2").mkdir(parents=True)
    (tmp_path / "models").rename(tmp_path / "store-1" / "2" / "models")
    store = Store(tmp_path)
    assert store.models == tmp_path / "store" / "2" / "models"
    assert (store.models / "ab" / "abc" / "entry.json").exists() and (store.temporary / "abc.checkpoint").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"rows", "store", "store.lock"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_nothing_can_be_written_the_cache_folder_itself_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert made_in(tmp_path / "cache") == tmp_path / "cache"


def test_where_a_file_is_in_the_way_the_cache_folder_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    assert made_in(tmp_path / "cache") == tmp_path / "cache"


def made(cache: str) -> str:
    return str(made_in(Path(cache)))


@pytest.mark.slow
@pytest.mark.parametrize("before", [True, False], ids=["with models of an earlier version", "empty"])
def test_processes_that_start_at_once_have_one_folder_and_no_model_is_lost(tmp_path: Path, before: bool) -> None:
    with multiprocessing.get_context("forkserver").Pool(4) as pool:
        for number in range(20):
            cache = tmp_path / str(number)
            if before:
                fill(cache)
            (folder,) = {*pool.map(made, [str(cache)] * 8, chunksize=1)}
            assert Path(folder).parent == cache / "store" and len([*(cache / "store").iterdir()]) == 1
            assert (Path(folder) / "models" / "ab" / "abc" / "entry.json").exists() == before
            assert not [path for path in cache.iterdir() if path.name.startswith("store-")]
