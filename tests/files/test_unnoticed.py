"""A file can be read without a trace, or else is read all the same."""

import os
from pathlib import Path

import pytest

from harness.files.unnoticed import read_unnoticed


@pytest.mark.skipif(not hasattr(os, "O_NOATIME"), reason="this system sets the time of every reading")
def test_the_time_of_access_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    os.utime(path, ns=(10**18, 2 * 10**18))  # read before it was written: the next reading would set it
    assert read_unnoticed(path) == b"content"
    assert path.stat().st_atime_ns == 10**18


def test_another_users_file_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")

    def refused(*given: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "open", refused)
    assert read_unnoticed(path) == b"content"


def test_a_file_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_unnoticed(tmp_path / "file")
