"""Where models are kept, and what cannot be used."""

from pathlib import Path

import platformdirs
import pytest

from harness.environment import environment
from harness.errors import HarnessError
from harness.settings import CACHE_VARIABLE, cores, make_settings


def test_the_argument_comes_before_the_variable_before_the_platforms_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / "platform" / name))
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    assert make_settings().cache_dir == tmp_path / "platform" / "shatterproof"
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "variable"))
    assert make_settings().cache_dir == tmp_path / "variable"
    assert make_settings(cache_dir=str(tmp_path / "argument")).cache_dir == tmp_path / "argument"


def test_a_process_a_core_unless_told_otherwise(tmp_path: Path) -> None:
    assert make_settings(cache_dir=str(tmp_path)).workers == cores() >= 1
    assert make_settings(cache_dir=str(tmp_path), workers=5).workers == 5


def test_data_are_in_the_cache_unless_told_otherwise(tmp_path: Path) -> None:
    assert make_settings(cache_dir=str(tmp_path)).data_dir == tmp_path / "data"
    assert make_settings(cache_dir=str(tmp_path), data_dir=str(tmp_path / "d")).data_dir == tmp_path / "d"


def test_a_cache_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        HarnessError, match=r"cannot be written .*; choose another with --cache-dir or SHATTERPROOF_CACHE"
    ):
        make_settings(cache_dir=str(tmp_path / "file"))


def test_checking_the_cache_folder_leaves_nothing_in_it(tmp_path: Path) -> None:
    make_settings(cache_dir=str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").iterdir())


def test_the_environment_says_versions_processor_and_commit() -> None:
    found = environment("cpu", workers=2)
    assert found["packages"]["torch"]
    assert found["cpu"]
    assert found["gpu"] is None
    assert found["commit"] is None or len(found["commit"]) == 40
