"""What was edited, torn or misplaced among records is found, in a sentence each."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.__main__ import main
from harness.leaderboard.check import check
from harness.leaderboard.check_record import differs
from harness.records.record_files import as_text, read_record, write_record
from tests import ROOT
from tests.builders.digits_records import altered, gate_records, some_records

pytestmark = pytest.mark.slow

Record = dict[str, Any]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """With all findings, which take a second to compute again."""
    return some_records(tmp_path, "l2_norm")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two records of the gate alone."""
    return gate_records(tmp_path)


@pytest.mark.slow
def test_what_was_recorded_is_sound(whole: Path) -> None:
    assert check(whole) == []


def test_records_are_found_from_the_folder_above_as_well(folder: Path) -> None:
    began: list[tuple[str, int]] = []
    assert check(folder, lambda *what: began.append(what)) == []
    assert sorted(began) == [("l2_norm", 4), ("parameter_count", 4)]
    assert check(folder.parent) == []  # found from the folder above as well


def first_randomized(record: Record) -> str:
    return min(name for name in record["rows"] if "random_labels" in name)


def lower_a_value(record: Record) -> None:
    record["rows"][first_randomized(record)][0] = 0.0


def set_to(value: Any, *place: str) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        target = record
        for name in place[:-1]:
            target = target[name]
        assert target[place[-1]] != value
        target[place[-1]] = value

    return change


def decide_otherwise(record: Record) -> None:
    lost = next(unit for unit in record["suites"]["gaussian"]["units"] if unit["decision"] == "lost")
    lost["decision"] = "won"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lower_a_value, "suites.random_labels.wins is 54, but 53 follows from the rows"),
        (set_to(18, "suites", "gaussian", "won"), "suites.gaussian.won is 18, but 17 follows from the rows"),
        (decide_otherwise, "suites.gaussian.units is [{'decision': 'won'"),
        (set_to(0.04, "suites", "gaussian", "p_value"), "suites.gaussian.p_value is 0.04, but"),
        (set_to([0.5, 1.0], "suites", "gaussian", "auc_interval"), "suites.gaussian.auc_interval is [0.5, 1.0], but"),
        (set_to(0.123, "suites", "gaussian", "kendall_tau"), "suites.gaussian.kendall_tau is 0.123, but"),
        (set_to("overlaps", "verdict"), "verdict is 'overlaps', but 'separates' follows"),
        (set_to("overlaps", "suites", "random_pixels", "verdict"), "suites.random_pixels.verdict is 'overlaps', but"),
    ],
)
def test_an_edit_with_a_digest_made_anew_contradicts_the_rows(
    folder: Path, change: Callable[[Record], None], where: str
) -> None:
    altered(folder / "l2_norm.json", change)
    problems = check(folder)
    assert any(where in each for each in problems), problems
    assert all(each.startswith(f"{folder}/l2_norm.json: ") for each in problems)


@pytest.mark.slow
def test_many_records_are_checked_in_several_processes_with_the_same_sentences(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered(folder / "l2_norm.json", lower_a_value)
    alone = check(folder)
    monkeypatch.setattr("harness.leaderboard.check.MANY", 1)
    assert alone and check(folder) == alone


@pytest.mark.slow
def test_an_edited_finding_contradicts_the_rows(whole: Path) -> None:
    def change(record: Record) -> None:
        findings = record["findings"]
        findings["sample_size"]["scarce_images"]["status"] = "flat"
        findings["regularizers"]["random_crop"]["problem"] = "somebody says so"
        findings["early_stopping"]["three_epochs"]["numbers"]["fraction"] = 0.1
        del record["rows"][min(name for name in record["rows"] if "attack" in name)]

    altered(whole / "l2_norm.json", change)
    said = "\n".join(check(whole))
    assert "findings.sample_size.scarce_images.status is 'flat', but 'grows' follows from the rows" in said
    assert "findings.regularizers.random_crop.passes is False, but True follows" in said
    assert "findings.early_stopping.three_epochs.numbers.fraction is 0.1, but " in said
    assert "has findings.corrupted_labels.attack_dose but not the rows that it follows from" in said


def test_an_edit_without_a_new_digest_is_found_where_no_number_follows(folder: Path) -> None:
    path = folder / "l2_norm.json"
    path.write_text(path.read_text().replace('"source": "Jiang', '"source": "Somebody'))
    assert check(folder) == [f"{path}: was changed after it was written: its digest is of other content"]


def without_a_row(record: Record) -> None:
    del record["rows"][first_randomized(record)]


def unregistered(record: Record) -> None:
    record.update(measure="no_such_norm", origin="measures.norms.no_such_norm")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (set_to("4.1", "schema_version"), "schema_version is 4.1, which a newer shatterproof wrote"),
        (set_to("soon", "schema_version"), "not a record: schema_version is 'soon'"),
        (set_to(None, "family"), "not a record of schema 4.0: $.family: None is not of type 'string'"),
        (set_to("written in /home/ann/thesis/norms.py", "source"), "$.source has '/home/ann/thesis/norms.py'"),
        (set_to(r"C:\Users\ann\norms.py", "source"), r"$.source has 'C:\\Users\\ann\\norms.py'"),
        (set_to("ann@gpu-7.cluster", "environment", "cpu"), "$.environment.cpu has 'ann@gpu-7.cluster'"),
        (set_to("gpu-7.local", "environment", "system"), "$.environment.system has 'gpu-7.local'"),
        (set_to("0" * 64, "zoo", "digest"), "is of another zoo: digest is '0000"),
        (set_to("0" * 64, "zoo", "models_digest"), "is of models with other weights"),
        (set_to(5, "protocol"), "is of protocol 5, of a newer shatterproof"),
        (without_a_row, "has a verdict on random_labels but no row on digits-"),
        (unregistered, "is of no_such_norm, which is not registered"),
    ],
)
def test_what_no_record_may_be_is_a_sentence_and_the_other_records_are_checked(
    folder: Path, change: Callable[[Record], None], sentence: str
) -> None:
    altered(folder / "l2_norm.json", change)
    altered(folder / "parameter_count.json", set_to("overlaps" * 2, "verdict"))
    problems = check(folder)
    assert any(sentence in each and "l2_norm.json: " in each for each in problems), problems
    assert any("parameter_count.json" in each for each in problems)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: text[:-40], "it ends in the middle, was its writing interrupted?"),
        (lambda text: text.rstrip().rstrip("}"), "it ends in the middle"),
        (lambda text: text.replace('"ties": 0', '"ties": NaN', 1), "NaN is not JSON"),
        (lambda text: text.replace('"ties": 0', '"ties": 0, "ties": 0', 1), "'ties' twice in one object"),
        (lambda text: "[]", "expected an object, got list"),
        (lambda text: "[" * 100_000, "cannot be read as JSON"),
        (lambda text: "\udc80", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(folder: Path, damage: Callable[[str], str], sentence: str) -> None:
    path = folder / "l2_norm.json"
    path.write_bytes(damage(path.read_text()).encode("utf-8", "surrogateescape"))
    (problem,) = check(folder)
    assert problem.startswith(f"{path} cannot be read")
    assert sentence in problem


def test_a_record_under_another_name_is_misplaced_and_there_twice(folder: Path) -> None:
    (folder / "copy.json").write_bytes((folder / "l2_norm.json").read_bytes())
    problems = check(folder)
    assert f"{folder}/copy.json: is of 'l2_norm'; a record is named for its measure" in problems
    assert f"{folder}/l2_norm.json: appears twice" in problems


def test_a_zoo_that_nobody_knows_is_one_sentence(folder: Path) -> None:
    path = folder / "zoo.json"
    content = json.loads(path.read_text())
    content["zoo"]["name"] = "numerals"
    del content["zoo"]["definition"]
    path.write_text(as_text(content))
    (problem,) = check(folder)
    assert problem.startswith(f"{folder}: the zoo 'numerals' is not known here, and its record has no ")


def test_a_leaderboard_that_does_not_follow_is_found(folder: Path) -> None:
    root = folder.parent
    assert CliRunner().invoke(main, ["leaderboard", "build", str(root)]).exit_code == 0
    assert check(root) == []
    place = root / "leaderboard.json"
    place.write_text(place.read_text().replace('"passes_without": 17,', '"passes_without": 16,'))
    assert check(root) == [f"{place} does not follow from the records; run leaderboard build"]


def test_the_command_says_each_problem_and_fails(folder: Path) -> None:
    sound = CliRunner().invoke(main, ["leaderboard", "check", str(folder)])
    assert (sound.exit_code, sound.output) == (
        0,
        "sound: 2 records, whose verdicts and findings follow from their rows\n",
    )
    altered(folder / "l2_norm.json", set_to("overlaps", "verdict"))
    result = CliRunner().invoke(main, ["leaderboard", "check", str(folder)])
    assert result.exit_code == 1
    assert "verdict is 'overlaps'" in result.output
    assert "problems: 1, in records: 2" in result.output


def older(folder: Path, version: str) -> Path:
    """The records of that version in place of what the folder has."""
    run = json.loads((ROOT / "tests" / "data" / "records" / f"{version}.json").read_text())
    for entry in run.pop("entries"):
        (folder / f"{entry['measure']}.json").write_text(as_text(entry))
    (folder / "zoo.json").write_text(as_text(run))
    return folder / "l2_norm.json"


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_records_of_an_older_protocol_are_counted_by_themselves(folder: Path, version: str) -> None:
    older(folder, version)
    result = CliRunner().invoke(main, ["leaderboard", "check", str(folder)])
    assert (result.exit_code, result.output) == (
        0,
        "sound: 0 records, whose verdicts and findings follow from their rows; 2 of protocol 1, whose verdicts are not "
        "computed again\n",
    )


def test_of_an_older_record_the_digest_the_schema_and_the_models_are_checked(folder: Path) -> None:
    path = older(folder, "3.0")
    sound = path.read_text()
    path.write_text(sound.replace('"wins": 20', '"wins": 19'))
    assert check(folder) == [f"{folder}: the record of l2_norm was changed after it was written"]
    path.write_text(sound)
    altered(path, lambda record: record.update(family=None))
    assert "not a record of schema 3.0: $.family" in check(folder)[0]
    path.write_text(sound)
    altered(path, lambda record: record["rows"].update(a_model_of_mine=[1.0, 0.0]))
    assert "has a row on a_model_of_mine, which its zoo does not have" in check(folder)[0]


def test_of_an_older_record_in_this_schema_as_well(folder: Path) -> None:
    path = older(folder, "3.0")
    write_record(read_record(folder), folder)  # as the project's own are: lifted, on disk
    assert json.loads(path.read_text())["schema_version"] == "4.0" and check(folder) == []
    altered(path, set_to("0" * 64, "zoo", "models_digest"))
    assert check(folder) == [f"{path}: is of models with other weights than zoo.json has"]
    path.write_text(path.read_text().replace('"source": "Jiang', '"source": "Somebody'))
    assert f"{path}: was changed after it was written: its digest is of other content" in check(folder)


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        (1.0, 1.0 + 1e-6, False),
        (1.0, 1.001, True),
        (True, 1, True),
        (None, 0, True),
        ([1.0, 2.0], [1.0], True),
        ({"a": 1}, {"b": 1}, True),
        ({"a": [1.0, "x"]}, {"a": [1.0, "x"]}, False),
        (math.inf, math.inf, False),
    ],
)
def test_numbers_may_differ_in_their_last_digits_alone(one: Any, other: Any, answer: bool) -> None:
    assert differs(one, other) is answer


def test_the_file_of_one_measure_is_checked_with_the_zoos_beside_it(tmp_path: Path) -> None:
    folder = some_records(tmp_path, "constant", "l2_norm")
    assert check(folder / "constant.json") == []
    altered(folder / "l2_norm.json", lambda record: record.update(verdict="overlaps"))
    assert len(check(folder / "l2_norm.json")) == 1 and check(folder / "constant.json") == []
