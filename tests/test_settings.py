"""Where models are kept, and what cannot be used."""

import re
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from harness.errors import HarnessError
from harness.records.environment import environment
from harness.settings import CACHE_VARIABLE, SHARED_CACHE_VARIABLE, cores, in_bytes, make_settings


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


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2 * 10**9), ("1.5GiB", 3 * 2**29), ("800m", 8 * 10**8), ("512 kB", 512_000), ("7", 7)]
)
def test_a_size_is_read_as_bytes(text: str, size: int) -> None:
    assert in_bytes(text) == size


@pytest.mark.parametrize("text", ["0", "0GB", "-1GB", "GB", "2 gigabytes", "1e9", "2ib"])
def test_what_is_no_size_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"--worker-memory is .*; expected a size above 0, such as 2GB or 1\.5GiB"):
        make_settings(cache_dir=str(tmp_path), worker_memory=text)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_limit_of_no_time_is_refused(seconds: float, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"--training-timeout is .*; expected a number of seconds above 0"):
        make_settings(cache_dir=str(tmp_path), training_timeout=seconds)


def test_the_shared_cache_is_the_argument_or_the_variable_and_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = str(tmp_path / "own")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert make_settings(own).shared_cache is None
    monkeypatch.setenv(SHARED_CACHE_VARIABLE, str(tmp_path / "one"))
    assert make_settings(own).shared_cache == tmp_path / "one"
    assert make_settings(own, shared_cache=str(tmp_path / "two")).shared_cache == tmp_path / "two"
    assert make_settings(own, shared_cache=own).shared_cache is None  # under itself
    with pytest.raises(
        HarnessError, match=r"the shared cache folder .* is not there; name another with --shared-cache"
    ):
        make_settings(own, shared_cache=str(tmp_path / "none"))


def test_on_a_cluster_the_device_is_the_workers_and_is_not_looked_for_here(tmp_path: Path) -> None:
    assert make_settings(str(tmp_path), device="cuda:99", dask="tcp://host:8786").device == "cuda:99"
    with pytest.raises(HarnessError, match="--device cuda:99 cannot be used here"):
        make_settings(str(tmp_path), device="cuda:99")


def test_workers_0_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="--workers is 0; expected 1 or more"):
        make_settings(cache_dir=str(tmp_path), workers=0)


@pytest.mark.parametrize("option", ["cache_dir", "data_dir", "shared_cache"])
@pytest.mark.parametrize("path", ["~nosuchuser/x", "a\0b"])
def test_a_folder_that_no_path_leads_to_is_a_sentence(option: str, path: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"--[a-z-]+(, or \w+,)? is .*, which is not a path here \("):
        make_settings(**{"cache_dir": str(tmp_path), option: path})  # type: ignore[arg-type]


def test_a_folder_may_be_a_path(tmp_path: Path) -> None:
    assert make_settings(tmp_path, data_dir=tmp_path / "d") == make_settings(str(tmp_path), str(tmp_path / "d"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"workers": "2"}, "--workers is '2' (of type str); expected a whole number or None"),
        ({"workers": True}, "--workers is True (of type bool); expected a whole number or None"),
        ({"measure_timeout": None}, "--measure-timeout is None (of type NoneType); expected a number"),
        ({"worker_memory": 2 * 10**9}, "--worker-memory is 2000000000 (of type int); expected text or None"),
        ({"cache_dir": 3}, "--cache-dir is 3 (of type int); expected text, a Path or None"),
        ({"dask": ""}, "--dask is given without a value; name one, or leave it out (an unset variable?)"),
        ({"device": "meta"}, "--device meta cannot be used here"),
    ],
)
def test_a_setting_of_another_kind_or_none_is_a_sentence(given: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=re.escape(sentence)):
        make_settings(**{"cache_dir": str(tmp_path), **given})
