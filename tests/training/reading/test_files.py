"""What a user's data set says that it reads: paths that are there, looked at where links lead as well."""

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import HarnessError
from harness.training.declaring import data_set
from harness.training.reading.raw_data import read_once


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (lambda folder: str(folder), "^files of data set 'table' are '/.*'; expected a list of paths"),
        (lambda folder: folder / "table.csv", "^files of data set 'table' are PosixPath.*; expected a list of paths"),
        (lambda folder: [3], r"^files of data set 'table' are \[3\]; expected a list of paths"),
        (lambda folder: 1 / 0, "^files of data set 'table' cannot be listed: ZeroDivisionError: division by zero at /"),
        (lambda folder: [folder / "misspelt.csv"], "^files of data set 'table': /.*/misspelt.csv is not there, now th"),
    ],
)
def test_files_that_are_not_a_list_of_what_is_there_are_a_sentence(files: Any, sentence: str, tmp_path: Path) -> None:
    @data_set(files=files)
    def table(folder: Path) -> Any:
        return torch.eye(9), torch.arange(9) % 3

    with pytest.raises(HarnessError, match=sentence):
        read_once(table, tmp_path, tmp_path / "cache")


def test_a_list_of_files_that_takes_no_folder_is_refused_by_the_line_of_its_data_set() -> None:
    with pytest.raises(
        HarnessError, match=r"/test_files.py:\d+: files of data set 'named' take \(\); expected \(folder\)$"
    ):

        @data_set(files=lambda: [])  # type: ignore[arg-type, misc]
        def named(folder: Path) -> Any: ...


def test_an_origin_that_is_not_a_function_is_a_sentence() -> None:
    with pytest.raises(HarnessError, match=r"^data_set's origin is 'here' .*; expected a function"):
        data_set(origin="here")(lambda folder: None)  # type: ignore[call-overload]


def test_links_are_followed_to_what_they_lead_to_and_one_to_nothing_or_to_above_is_no_fault(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "data"
    elsewhere.mkdir()
    folder.mkdir()
    (elsewhere / "1.txt").write_text("0")
    (folder / "images").symlink_to(elsewhere)
    (folder / "above").symlink_to(folder)
    (folder / "gone").symlink_to(tmp_path / "nothing")

    @data_set(files=lambda folder: folder.glob("*"))
    def linked(folder: Path) -> Any:
        return torch.eye(9) + float((folder / "images" / "1.txt").read_text()), torch.arange(9) % 3

    for number in (0, 12):
        (elsewhere / "1.txt").write_text(str(number))
        read_once.cache_clear()
        assert read_once(linked, folder, tmp_path / "cache").images.min() == number
