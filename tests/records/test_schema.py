"""A record of every past version is read as one of this version, with the same verdicts."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.leaderboard.check import check
from harness.records.record_files import read_record, write_record
from harness.records.schema import (
    FIRST_PROTOCOL,
    FOLDER,
    LEADERBOARD_VERSION,
    OF_PARTS,
    PROTOCOL,
    SCHEMA_VERSION,
    WHOLE_RUNS,
    lifted,
    validate,
)
from tests import ROOT

GOLDEN = ROOT / "tests" / "data" / "records"


def written(version: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / f"{version}.json").read_text())
    return content


EVERY = [*WHOLE_RUNS, *OF_PARTS, SCHEMA_VERSION]


def test_there_is_a_file_and_a_schema_of_every_version() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == {*EVERY}
    schemas = {path.stem.rpartition("-")[2] for path in FOLDER.glob("*.json")}
    assert schemas == {*EVERY, LEADERBOARD_VERSION}


@pytest.mark.parametrize("version", EVERY)
def test_a_record_of_that_version_says_the_same_today(version: str) -> None:
    old, run = written(version), read_record(GOLDEN / f"{version}.json")
    assert run["schema_version"] == SCHEMA_VERSION
    assert len(run["entries"]) == 2
    kept = ("verdict", "wins", "ties", "losses", "pairs", "p_value", "auc", "auc_interval", "kendall_tau", "reason")
    for before, entry in zip(old["entries"], run["entries"], strict=True):
        assert (entry["measure"], entry["verdict"]) == (before["measure"], before["verdict"])
        assert entry["suites"].keys() == before["suites"].keys()
        for condition, suite in entry["suites"].items():
            assert {name: suite[name] for name in kept} == {name: before["suites"][condition][name] for name in kept}
        assert len(entry["rows"]) == len(before["rows"]) == (216 if version == SCHEMA_VERSION else 80)
        assert entry["environment"]["cpu"]
    assert check(GOLDEN / f"{version}.json") == []


@pytest.mark.parametrize("version", [*WHOLE_RUNS, *OF_PARTS])
def test_of_an_older_record_nothing_was_decided_of_units_and_its_protocol_stays(version: str) -> None:
    for entry in read_record(GOLDEN / f"{version}.json")["entries"]:
        assert entry["protocol"] == FIRST_PROTOCOL
        for suite in entry["suites"].values():
            assert [suite[name] for name in ("won", "lost", "p_inverted", "p_heterogeneity")] == [None] * 4
            assert {unit["decision"] for unit in suite["units"]} == {None}
            assert sum(unit["wins"] for unit in suite["units"]) == suite["wins"]
            assert sum(unit["seeds"] for unit in suite["units"]) == suite["pairs"]


def test_a_record_of_this_version_has_what_was_decided_of_every_unit() -> None:
    for entry in read_record(GOLDEN / f"{SCHEMA_VERSION}.json")["entries"]:
        assert entry["protocol"] == PROTOCOL
        for suite in entry["suites"].values():
            assert suite["won"] == sum(unit["decision"] == "won" for unit in suite["units"])
            assert len({(unit["setting"], unit["network"]) for unit in suite["units"]}) == 18


def test_a_record_of_3_0_that_was_edited_is_not_lifted() -> None:
    old = written("3.0")
    old["entries"][0]["suites"]["gaussian"]["wins"] = 19
    with pytest.raises(HarnessError, match="the record of l2_norm was changed after it was written"):
        lifted(old)


@pytest.mark.parametrize("entries", [None, 0, "a", {"a": 1}])
def test_entries_that_are_no_list_are_a_sentence(entries: object) -> None:
    run = written("3.0")
    with pytest.raises(HarnessError, match=r"its entries are .*; expected a list"):
        lifted(run | {"entries": entries})


def test_lifting_invents_nothing_and_what_is_of_this_version_stays(tmp_path: Path) -> None:
    run = lifted(written("1.1"))
    assert run["zoo"]["data_sha256"] is None
    assert {name: model["weights_sha256"] for name, model in run["zoo"]["models"].items()} == {
        model["id"]: model["weights_sha256"] for model in written("1.1")["zoo"]["models"].values()
    }
    assert lifted(run) == run
    write_record(run, tmp_path / "run.json")
    assert read_record(tmp_path / "run.json") == json.loads(json.dumps(run))


def test_an_older_record_is_held_to_its_own_schema() -> None:
    old = written("1.0")
    old["entries"][0]["findings"] = {}
    with pytest.raises(HarnessError, match=r"not a leaderboard of schema 1\.0.*findings"):
        lifted(old)


def test_results_written_into_a_folder_of_an_older_version_make_it_one_of_this(tmp_path: Path) -> None:
    old = written("2.0")
    other = read_record(GOLDEN / "2.0.json")
    for entry in old.pop("entries"):
        (tmp_path / f"{entry['measure']}.json").write_text(json.dumps(entry))
    (tmp_path / "zoo.json").write_text(json.dumps(old))
    write_record({**other, "entries": other["entries"][:1]}, tmp_path)
    found = read_record(tmp_path)
    assert found["entries"] == other["entries"]
    validate(found)
