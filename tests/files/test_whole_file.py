"""A file is there whole, or what was there before is."""

import os
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.files.whole_file import write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    for text in ("first", "second ü"):
        write_whole(place, text)
    assert place.read_text(encoding="utf-8") == "second ü"
    assert os.listdir(tmp_path) == ["a.json"]


def test_where_it_cannot_be_put_in_place_what_was_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a.json"
    write_whole(place, "before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(HarnessError, match=r"a\.json could not be written \(No space left on device\)"):
        write_whole(place, "after")
    assert place.read_text() == "before"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"no/a\.json could not be written"):
        write_whole(tmp_path / "no" / "a.json", "text")
