"""The leaderboard has an order and no rank: what passes the gate first, by its worst condition; older records last."""

import contextlib
import json
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.__main__ import main
from harness.errors import HarnessError
from harness.leaderboard import standings as ranking
from harness.leaderboard.check_record import differs
from harness.leaderboard.reading import read_runs
from harness.leaderboard.standing import ORACLE
from harness.records.record_files import as_text, read_record, write_record
from harness.records.schema import CONTROLS, LEADERBOARD_VERSION, PROTOCOL, digest_of, sealed, validate_part
from harness.workers.process_a_core import process_a_core
from tests import ROOT
from tests.builders.digits_records import GATE_ALONE, OLDER, altered, gate_records, some_records

pytestmark = pytest.mark.slow

BASELINES = ROOT / "baselines"
GATE_RUN = read_record(GATE_ALONE)


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with process_a_core() as pool:
        yield pool


@pytest.fixture
def same_processes(processes: ProcessPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every zoo and test is folded in the same processes, each of which takes seconds to start."""
    monkeypatch.setattr(ranking, "process_a_core", lambda: contextlib.nullcontext(processes))


def made_up(name: str, won: int, family: str = "norms", complete: bool = True, protocol: int = PROTOCOL) -> Any:
    """With so many units won under one condition, all under the others."""
    like = GATE_RUN["entries"][0]
    units = [{**unit, "decision": "won", "wins": 3, "losses": 0} for unit in like["suites"]["gaussian"]["units"]]
    few = [unit if place < won else {**unit, "decision": "lost", "wins": 0} for place, unit in enumerate(units)]
    passes = won >= 16  # of 18; the last two units are of networks that win on digits
    suites = {
        name: {**suite, "verdict": "separates", "units": units, "won": 18} for name, suite in like["suites"].items()
    }
    suites["random_pixels"] |= {"verdict": "separates" if passes else "overlaps", "units": few, "won": won}
    return {
        **like,
        "measure": name,
        "verdict": ("separates" if passes else "overlaps") if complete else None,
        "complete": complete,
        "family": family,
        "protocol": protocol,
        "suites": suites,
    }


def entries(*records: Any) -> dict[str, dict[str, Any]]:
    """In their order, by name."""
    found = ranking.standings(records, {**GATE_RUN["zoo"], "models": {}})["entries"]
    return {entry["measure"]: entry for entry in found}


def test_what_passes_the_gate_is_first_by_its_worst_condition_then_by_name() -> None:
    some = [made_up("b", 16), made_up("loses", 2), made_up("a", 16), made_up("nearly", 15), made_up("all", 18)]
    assert [*entries(*some)] == ["all", "a", "b", "nearly", "loses"]


def test_controls_what_is_incomplete_and_what_is_older_stand_after_them() -> None:
    found = entries(
        made_up("older", 18, protocol=1),
        made_up("control", 18, CONTROLS),
        made_up("interrupted", 18, complete=False),
        made_up("measure", 0),
    )
    assert [*found] == ["measure", "control", "interrupted", "older"]


def test_there_is_no_rank_and_no_sum_of_findings() -> None:
    text = as_text(ranking.standings(GATE_RUN["entries"], GATE_RUN["zoo"]))
    assert "rank" not in text and "findings_passed" not in text


def test_a_headline_is_the_worst_condition_with_its_count() -> None:
    headline = entries(made_up("measure", 11))["measure"]["headline"]
    assert (headline["condition"], headline["won"], headline["units"], headline["verdict"]) == (
        *("random_pixels", 11, 18, "overlaps"),
    )


def test_an_older_record_says_what_it_said_and_is_compared_with_nothing() -> None:
    old = read_record(OLDER)
    found = ranking.standings(old["entries"], old["zoo"])
    assert (found["protocol"], found["units"], found["twins_per_condition"]) == (1, None, 20)
    assert {entry["role"] for entry in found["entries"]} == {"measure", "control"}  # and no oracle
    for entry in found["entries"]:
        assert (entry["protocol"], entry["headline"], entry["groups"], entry["dominated_by"]) == (1, None, None, None)
    norm = next(entry for entry in found["entries"] if entry["measure"] == "l2_norm")
    assert (norm["verdict"], norm["gate"]["gaussian"]["wins"], norm["gate"]["gaussian"]["won"]) == (
        "separates",
        20,
        None,
    )
    folded = {"schema_version": LEADERBOARD_VERSION, "zoos": {"digits": found}, "across": None, "claims": None}
    validate_part(folded, "leaderboard")


def test_older_records_in_a_zoo_of_newer_ones_are_dominated_by_none_and_dominate_none() -> None:
    found = entries(made_up("older", 18, protocol=1), made_up("measure", 3), made_up("better", 18))
    assert (found["measure"]["dominated_by"], found["older"]["dominated_by"]) == (["better"], None)


@given(st.lists(st.integers(0, 18), min_size=1, max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_whatever_the_order_of_the_records_that_of_the_leaderboard_is_the_same(
    wins: list[int], shuffled: random.Random
) -> None:
    records = [made_up(f"m{number}", won) for number, won in enumerate(wins)]
    first = entries(*records)
    shuffled.shuffle(records)
    again = entries(*records)
    assert [*again.items()] == [*first.items()]
    assert [entry["headline"]["won"] for entry in first.values()] == sorted(wins, reverse=True)


@pytest.mark.slow
def test_the_gap_itself_is_the_oracle_that_passes_everything(tmp_path: Path) -> None:
    content = ranking.leaderboard(read_runs(some_records(tmp_path, "l2_norm", "path_norm")))
    validate_part(content, "leaderboard")
    found = {entry["measure"]: entry for entry in content["zoos"]["digits"]["entries"]}
    oracle = found[ORACLE]
    assert (oracle["role"], oracle["dominated_by"], oracle["verdict"]) == ("oracle", None, "separates")
    assert [each["won"] for each in oracle["gate"].values()] == [18, 18, 18]
    for name, group in oracle["groups"].items():
        assert (group is None) if name == "reads" else (group["passed"] == group["asked"]), name
    assert found["l2_norm"]["dominated_by"] == ["path_norm"] and found["path_norm"]["dominated_by"] == []
    assert found["l2_norm"]["groups"]["dose"] == {"passed": 3, "asked": 3, "interval": [0, 3]}


def test_a_zoo_without_the_findings_models_has_an_oracle_of_the_gate_alone() -> None:
    (oracle,) = (
        each for each in ranking.standings(GATE_RUN["entries"], GATE_RUN["zoo"])["entries"] if each["role"] == "oracle"
    )
    assert (oracle["verdict"], oracle["findings"], {*oracle["groups"].values()}) == ("separates", {}, {None})


def build(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["leaderboard", "build", *map(str, arguments)])


def test_build_writes_what_its_schema_says_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    folder = gate_records(tmp_path)
    assert build(tmp_path).exit_code == 0
    first = (tmp_path / "leaderboard.json").read_bytes()
    content = json.loads(first)
    validate_part(content, "leaderboard")
    found = content["zoos"]["digits"]["entries"]
    assert [each["measure"] for each in found] == ["l2_norm", ORACLE, "parameter_count"]
    assert found[0]["record"] == json.loads((folder / "l2_norm.json").read_text())["digest"]
    for path in sorted(folder.glob("*.json"), reverse=True):  # files in another order, written anew
        text = path.read_bytes()
        path.unlink()
        path.write_bytes(text)
    assert build(tmp_path, "--out", tmp_path / "again.json").exit_code == 0
    assert (tmp_path / "again.json").read_bytes() == first


@pytest.mark.slow
@pytest.mark.long  # and `leaderboard check` says it of every record
@pytest.mark.usefixtures("same_processes")
def test_the_recorded_leaderboard_follows_from_the_records() -> None:
    recorded = (BASELINES / "leaderboard.json").read_text()
    assert recorded == as_text(json.loads(recorded))
    assert not differs(json.loads(recorded), ranking.build(BASELINES))


def test_the_command_says_how_many_of_which_protocol_and_how_many_pass(tmp_path: Path) -> None:
    gate_records(tmp_path)
    assert build(tmp_path).output.startswith("digits: 3 entries of protocol 4; 1 of 1 measures pass the gate\n")
    result = build(OLDER, "--out", tmp_path / "old.json")
    assert result.output.startswith("digits: 2 entries of protocol 1\n")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.write_text(path.read_text().replace('"wins": 51', '"wins": 50')), "was changed after it"),
        (lambda path: path.write_text(path.read_text()[:-30]), "it ends in the middle"),
        (lambda path: path.with_name("copy.json").write_text(path.read_text()), "a record is named for its measure"),
        (lambda path: altered(path, lambda record: record.pop("suites")), "run leaderboard check"),
        (lambda path: altered(path, lambda record: record.update(schema_version="9.0")), "is of schema '9.0'"),
        (lambda path: altered(path, lambda record: record.update(cost="cheap")), "is not as its schema says"),
        (lambda path: (path.parent / "zoo.json").write_text("{}"), "schema_version is None"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_the_leaderboard_stays_as_it_was(
    tmp_path: Path, damage: Any, sentence: str
) -> None:
    folder = gate_records(tmp_path)
    (tmp_path / "leaderboard.json").write_text("before")
    damage(folder / "l2_norm.json")
    result = build(tmp_path)
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert sentence in result.output
    assert (tmp_path / "leaderboard.json").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits", "leaderboard.json"]


def test_one_zoo_in_two_places_is_refused(tmp_path: Path) -> None:
    gate_records(tmp_path / "a")
    (tmp_path / "a" / "digits").rename(tmp_path / "one")
    gate_records(tmp_path)
    (tmp_path / "a").rmdir()
    result = build(tmp_path)
    assert result.exit_code == 2
    assert "has the zoo digits in two places" in result.output


def test_the_leaderboard_of_one_zoos_folder_is_no_record_of_it(tmp_path: Path) -> None:
    folder = gate_records(tmp_path)
    assert build(folder).exit_code == 0
    first = (folder / "leaderboard.json").read_bytes()
    assert build(folder).exit_code == 0
    assert (folder / "leaderboard.json").read_bytes() == first
    assert len(read_record(folder)["entries"]) == 2


def test_a_leaderboard_is_not_taken_for_records(tmp_path: Path) -> None:
    result = build(BASELINES / "leaderboard.json", "--out", tmp_path / "again.json")
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert "is a leaderboard, folded from records; name the folder of the records" in result.output


def test_a_runs_file_is_folded_as_well(tmp_path: Path) -> None:
    write_record(GATE_RUN, tmp_path / "run.json")
    assert "name the leaderboard's with --out" in build(tmp_path / "run.json").output
    assert build(tmp_path / "run.json", "--out", tmp_path / "board.json").exit_code == 0
    assert json.loads((tmp_path / "board.json").read_text())["zoos"]["digits"]["entries"][0]["measure"] == "l2_norm"


@pytest.mark.slow
@pytest.mark.usefixtures("same_processes")
def test_what_is_skimmed_is_what_is_read_in_one_process_and_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = gate_records(tmp_path)
    expected = ranking.leaderboard(read_runs(folder))
    assert ranking.build(folder) == expected
    monkeypatch.setattr(ranking, "MANY", 2)
    assert ranking.build(folder) == expected
    (folder / "l2_norm.json").write_text("{}")
    with pytest.raises(HarnessError, match=r"l2_norm\.json is of schema None"):
        ranking.build(folder)


def test_a_digest_is_of_all_that_a_record_says(tmp_path: Path) -> None:
    entry = read_runs(gate_records(tmp_path))["digits"]["entries"][0]
    assert entry["digest"] == digest_of(entry) == sealed(entry, GATE_RUN["zoo"])["digest"]
