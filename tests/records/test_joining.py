"""A record never loses what it had: a smaller run is joined to it where that can be, else refused with a sentence."""

import copy
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.leaderboard.check import check
from harness.records.record_files import check_names, check_path, check_zoo, read_record, write_record
from harness.records.schema import sealed
from harness.zoo.definition import definition_of
from harness.zoo.opening import find_zoo
from harness.zoo.zoo import GATE, recipes
from tests.builders.digits_records import some_records

pytestmark = pytest.mark.slow

NOT_MEASURED = ("digest", "schema_version", "zoo", "protocol")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What baselines/digits has of one measure, as a run."""
    return read_record(some_records(tmp_path_factory.mktemp("whole"), "path_norm"))


def part(run: dict[str, Any], change: Callable[[dict[str, Any]], object] = lambda record: None) -> dict[str, Any]:
    """What `-m gate` alone would have recorded; changed."""
    run = copy.deepcopy(run)
    (record,) = run["entries"]
    of_gate = [name for name in record["rows"] if is_of_the_gate(name)]
    record.update(findings={}, contract=None, rows={name: record["rows"][name] for name in of_gate})
    record["reasons"] = {name: reason for name, reason in record["reasons"].items() if name in of_gate}
    change(record)
    run["zoo"]["models"] = {name: run["zoo"]["models"][name] for name in of_gate}
    run["entries"] = [sealed({name: record[name] for name in record if name not in NOT_MEASURED}, run["zoo"])]
    return run


def is_of_the_gate(name: str) -> bool:
    return name in ids_of_the_gate()


@functools.cache
def ids_of_the_gate() -> frozenset[str]:
    return frozenset(recipe.id for recipe in recipes(find_zoo("digits"), GATE))


@pytest.fixture(params=["folder", "file.json"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    if not path.suffix:
        path.mkdir()
    return path


def of_another_formula(record: dict[str, Any]) -> None:
    record.update(source_sha256="0" * 64)


def test_standard_errors_are_joined_row_by_row(whole: dict[str, Any], place: Path) -> None:
    old = copy.deepcopy(whole)
    (record,) = old["entries"]
    old["entries"] = [
        sealed(
            {name: record[name] for name in record if name not in NOT_MEASURED}
            | {"standard_errors": dict.fromkeys(record["rows"], 0.5)},
            old["zoo"],
        )
    ]
    write_record(old, place)
    of_gate = [name for name in record["rows"] if is_of_the_gate(name)]
    write_record(part(whole, lambda record: record.update(standard_errors={of_gate[0]: 0.25})), place)
    (joined,) = read_record(place)["entries"]
    expected = {name: 0.5 for name in record["rows"] if not is_of_the_gate(name)} | {of_gate[0]: 0.25}
    assert joined["standard_errors"] == expected


def test_values_with_a_part_hidden_are_kept_and_those_of_another_part_join_them(
    whole: dict[str, Any], place: Path
) -> None:
    one = of_gate(whole)[0]
    hidden = {"network": {one: 1.0}, "history": {one: 2.0}}
    write_record(part(whole, lambda record: record.update(blinded=hidden)), place)
    write_record(part(whole), place)
    (kept,) = read_record(place)["entries"]
    assert kept["blinded"] == hidden
    write_record(part(whole, lambda record: record.update(blinded={"history": {one: 3.0}})), place)
    (joined,) = read_record(place)["entries"]
    assert joined["blinded"] == hidden | {"history": {one: 3.0}}


def of_gate(run: dict[str, Any]) -> list[str]:
    (record,) = run["entries"]
    return [name for name in record["rows"] if is_of_the_gate(name)]


def test_the_gate_alone_over_a_full_record_leaves_all_that_it_had(whole: dict[str, Any], place: Path) -> None:
    write_record(whole, place)
    write_record(part(whole), place)
    (record,) = read_record(place)["entries"]
    (before,) = whole["entries"]
    assert len(record["rows"]) == 771 and record["rows"] == before["rows"]
    assert (record["findings"], record["contract"]) == (before["findings"], before["contract"])
    assert check(place) == []


def test_parts_that_are_measured_one_after_the_other_become_the_whole(whole: dict[str, Any], place: Path) -> None:
    def without_gaussian(record: dict[str, Any]) -> None:
        del record["suites"]["gaussian"]
        record.update(verdict=None, complete=False)
        record["rows"] = {name: row for name, row in record["rows"].items() if "gaussian" not in name}

    write_record(part(whole, without_gaussian), place)
    assert not read_record(place)["entries"][0]["complete"]
    write_record(part(whole), place)
    assert read_record(place)["entries"][0]["complete"]
    write_record(whole, place)
    assert read_record(place)["entries"][0]["rows"] == whole["entries"][0]["rows"]


def test_what_is_measured_again_replaces_the_same_part(whole: dict[str, Any], place: Path) -> None:
    write_record(whole, place)
    name = min(name for name in whole["entries"][0]["rows"] if is_of_the_gate(name))
    write_record(part(whole, lambda record: record["rows"][name].__setitem__(1, 77.0)), place)
    assert read_record(place)["entries"][0]["rows"][name][1] == 77.0


@pytest.mark.parametrize(
    "change",
    [
        of_another_formula,
        lambda record: record.update(version=7),
        lambda record: record["environment"].update(cpu="another processor"),
    ],
    ids=["formula", "version", "machine"],
)
def test_a_smaller_run_of_something_else_is_refused_and_nothing_is_written(
    whole: dict[str, Any], place: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    write_record(whole, place)
    before = content(place)
    with pytest.raises(HarnessError, match=r"has more than this run: rows on 555 of 771 networks, \d+ of \d+ findings"):
        write_record(part(whole, change), place)
    assert content(place) == before


def test_a_run_that_has_all_that_the_record_had_takes_its_place(whole: dict[str, Any], place: Path) -> None:
    write_record(part(whole), place)
    write_record(part(whole, of_another_formula), place)
    assert read_record(place)["entries"][0]["source_sha256"] == "0" * 64


def test_a_strangers_function_of_a_recorded_measures_name_is_refused(whole: dict[str, Any], place: Path) -> None:
    write_record(part(whole), place)
    before = content(place)
    with pytest.raises(
        HarnessError, match=r"another measure named path_norm \(of measures\.norms\.\w+; this one is of"
    ):
        write_record(part(whole, lambda record: record.update(family="external", origin="mine.py")), place)
    assert content(place) == before


def test_it_is_refused_before_anything_is_trained(whole: dict[str, Any], tmp_path: Path) -> None:
    write_record(part(whole), tmp_path)
    check_names([("path_norm", whole["entries"][0]["origin"]), ("new_one", "mine.py")], tmp_path)
    with pytest.raises(HarnessError, match="rename the function, or write its record to another folder"):
        check_names([("path_norm", "mine.py")], tmp_path)


def test_a_file_keeps_the_records_of_other_measures(whole: dict[str, Any], tmp_path: Path) -> None:
    other = read_record(some_records(tmp_path / "other", "constant"))
    write_record(other, tmp_path / "run.json")
    write_record(whole, tmp_path / "run.json")
    assert [record["measure"] for record in read_record(tmp_path / "run.json")["entries"]] == ["constant", "path_norm"]


@pytest.mark.parametrize("text", ["# My notes\n", '{"measure": "l2_norm"}'])
def test_a_file_that_is_no_run_is_not_overwritten(whole: dict[str, Any], tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.md"
    path.write_text(text)
    for refused in (lambda: check_path(path), lambda: write_record(part(whole), path)):
        with pytest.raises(HarnessError, match=r"notes\.md is there and is not "):
            refused()
    assert path.read_text() == text


def content(place: Path) -> dict[str, Any]:
    files = [place] if place.is_file() else sorted(place.iterdir())
    return {file.name: json.loads(file.read_text()) for file in files}


def defined(run: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The run with the definition of its zoo, changed, as those have that are written now."""
    definition = {**definition_of(find_zoo("digits")), **changes}
    return {**run, "zoo": {**run["zoo"], "name": definition["name"], "definition": definition}}


def test_a_zoo_that_is_defined_otherwise_is_refused_and_the_definition_is_kept(
    whole: dict[str, Any], place: Path
) -> None:
    write_record(whole, place)
    write_record(defined(whole), place)  # records of before have none
    assert read_record(place)["zoo"]["definition"] == defined(whole)["zoo"]["definition"]
    write_record(whole, place)
    before = read_record(place)
    assert "definition" in before["zoo"]
    other = {**defined(whole)["zoo"]["definition"], "seeds_per_network": 99}
    check_zoo(defined(whole)["zoo"]["definition"], place)
    with pytest.raises(HarnessError, match="has records on another zoo named 'digits': its seeds_per_network are not"):
        check_zoo(other, place)  # before anything is trained
    with pytest.raises(HarnessError, match="has records on the digits zoo; name another place for this run's"):
        check_zoo({**other, "name": "mine"}, place)
    with pytest.raises(HarnessError, match="has records on another zoo named 'digits': its seeds_per_network are not"):
        write_record(defined(whole, seeds_per_network=6), place)
    with pytest.raises(HarnessError, match="has records on the digits zoo; name another place for this run's"):
        write_record(defined(whole, name="figures"), place)
    assert read_record(place) == before
