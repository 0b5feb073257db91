"""Records on disk: a file, or a folder that gathers measures judged on the same models."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.evaluation.measure_lookup import NOT_NAMES
from harness.records.record_files import RESERVED, as_text, check_path, read_record, write_record
from harness.records.schema import SCHEMA_VERSION, sealed

MODEL = {
    "key": "a" * 64,
    "recipe": {},
    "train_loss": 0.01,
    "train_error": 0.0,
    "test_loss": 0.1,
    "test_error": 0.02,
    "epochs": 7,
    "steps": 84,
    "seconds": 0.2,
    "fitted": True,
    "weights_sha256": "b" * 64,
    "data_sha256": "c" * 64,
}
ENVIRONMENT = {
    "python": "3.11.7",
    "packages": {},
    "system": "Linux",
    "cpu": "a processor",
    "gpu": None,
    "threads_per_worker": 1,
    "workers": 2,
    "commit": None,
    "dirty": None,
}


def entry(name: str) -> dict[str, Any]:
    return {
        "measure": name,
        "version": 1,
        "family": "norms",
        "cost": "fast",
        "origin": "measures.norms",
        "source": "a paper",
        "source_sha256": "d" * 64,
        "invariant_to": [],
        "verdict": None,
        "complete": False,
        "seconds_per_model": 0.01,
        "contract": None,
        "findings": {},
        "suites": {},
        "rows": {"model": [1.5, 0.01]},
        "reasons": {},
        "environment": ENVIRONMENT,
    }


def record(*names: str, models: tuple[str, ...] = ("model",)) -> dict[str, Any]:
    zoo = {
        "name": "tiny",
        "digest": "e" * 64,
        "training_version": 2,
        "data_set": "digits",
        "data_sha256": "f" * 64,
        "models": {name: MODEL for name in models},
    }
    return {"schema_version": SCHEMA_VERSION, "zoo": zoo, "entries": [sealed(entry(name), zoo) for name in names]}


def test_a_folder_holds_the_same_record_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for place in ("file.json", "folder"):
        write_record(record("a", "b"), tmp_path / place)
    assert read_record(tmp_path / "folder") == read_record(tmp_path / "file.json") == record("a", "b")
    assert sorted(file.name for file in (tmp_path / "folder").iterdir()) == ["a.json", "b.json", "zoo.json"]


def test_a_measure_judged_later_joins_the_folder_and_leaves_the_others(tmp_path: Path) -> None:
    write_record(record("a", "b", models=("model", "other")), tmp_path)
    before = (tmp_path / "a.json").read_bytes()
    write_record(record("b", "c"), tmp_path)
    joined = read_record(tmp_path)
    assert [entry["measure"] for entry in joined["entries"]] == ["a", "b", "c"]
    assert joined["zoo"]["models"].keys() == {"model", "other"}
    assert (tmp_path / "a.json").read_bytes() == before


def test_results_of_other_models_are_not_mixed_and_nothing_is_written(tmp_path: Path) -> None:
    write_record(record("a"), tmp_path)
    other = copy.deepcopy(record("b"))
    other["zoo"]["models"]["model"]["weights_sha256"] = "f" * 64
    with pytest.raises(HarnessError, match="another training of model, which are not to be mixed"):
        write_record(other, tmp_path)
    assert not (tmp_path / "b.json").exists()


def test_a_measure_may_not_take_the_place_of_the_zoos_file(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"would take the place of the folder's zoo\.json"):
        write_record(record("zoo"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_its_zoo_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"there is no zoo\.json in it"):
        read_record(tmp_path)


def test_what_is_no_object_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(HarnessError, match="expected an object, got list"):
        read_record(tmp_path / "list.json")


def test_the_place_is_a_file_in_a_folder_or_a_folder(tmp_path: Path) -> None:
    check_path(tmp_path)
    check_path(tmp_path / "new.json")
    with pytest.raises(HarnessError, match="cannot be written"):
        check_path(tmp_path / "missing" / "new.json")
    with pytest.raises(HarnessError, match="cannot be written"):
        check_path(f"{tmp_path}/missing/new/")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that nobody can write in, whatever its rights")
def test_a_folder_whose_rights_say_too_much_is_tried_before_the_run() -> None:
    with pytest.raises(
        HarnessError, match=r"^--leaderboard=/proc/record\.json cannot be written; name a file in a folder"
    ):
        check_path("/proc/record.json")


def test_a_folder_that_is_written_as_one_is_made(tmp_path: Path) -> None:
    check_path(f"{tmp_path}/mine/")
    assert (tmp_path / "mine").is_dir()
    check_path(f"{tmp_path}/mine/")
    check_path(f"{tmp_path}/other")
    assert not (tmp_path / "other").exists()


def test_a_row_stands_on_one_line(tmp_path: Path) -> None:
    assert ' "model": [1.5, 0.01]\n' in as_text(entry("a"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_the_layout_changes_nothing_of_what_is_read(content: dict[str, Any]) -> None:
    assert json.loads(as_text(content)) == content


def test_the_file_of_one_measure_is_read_with_the_zoos_beside_it(tmp_path: Path) -> None:
    write_record(record("a", "b"), tmp_path)
    assert read_record(tmp_path / "b.json") == record("b")
    (tmp_path / "zoo.json").unlink()
    with pytest.raises(HarnessError, match=r"b\.json is the record of one measure, and the file of its zoo, zoo\.json"):
        read_record(tmp_path / "b.json")


def test_no_measure_is_found_by_the_name_of_another_file_of_records() -> None:
    assert RESERVED == tuple(f"{name}.json" for name in NOT_NAMES)
