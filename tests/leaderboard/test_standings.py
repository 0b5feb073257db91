"""Ranks: the gate first, then findings, then cost; ties share one; controls, oracle and incomplete runs have none."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from harness.__main__ import main
from harness.errors import HarnessError
from harness.judging.verdict import Verdict
from harness.leaderboard import standings as ranking
from harness.leaderboard.check_record import differs
from harness.leaderboard.reading import read_runs
from harness.leaderboard.standings import CONTROLS, ORACLE
from harness.records.record_files import as_text, read_record, write_record
from harness.records.schema import digest_of, sealed, validate_part
from tests.builders.digits_records import DIGITS, GATE_ALONE, altered, gate_records, some_records

GATE_RUN = read_record(GATE_ALONE)


def made_up(name: str, passes: bool, found: int, cost: str, family: str = "norms", complete: bool = True) -> Any:
    answer = {"problem": "", "skipped": "", "numbers": {}, "status": "s", "detail": ""}
    clauses = ["weight_decay", "dropout", "random_crop"]
    findings = {clause: {**answer, "problem": "" if place < found else "why"} for place, clause in enumerate(clauses)}
    return {
        **GATE_RUN["entries"][0],
        "measure": name,
        "verdict": ("separates" if passes else "overlaps") if complete else None,
        "complete": complete,
        "cost": cost,
        "family": family,
        "findings": {"regularizers": findings},
    }


def ranks(*records: Any) -> dict[str, int | None]:
    entries = ranking.standings(records, {**GATE_RUN["zoo"], "models": {}})["entries"]
    return {entry["measure"]: entry["rank"] for entry in entries}


def test_the_gate_is_first_then_the_findings_then_the_cost() -> None:
    assert ranks(
        made_up("failing", False, 3, "fast"),
        made_up("dear", True, 2, "retrain"),
        made_up("few", True, 1, "fast"),
        made_up("slow", True, 2, "slow"),
    ) == {"slow": 1, "dear": 2, "few": 3, "failing": 4}


def test_ties_share_a_rank_and_the_next_is_counted_on() -> None:
    some = [made_up(name, True, 2, "fast") for name in ("b", "a")] + [made_up("c", True, 1, "fast")]
    assert ranks(*some) == {"a": 1, "b": 1, "c": 3}


def test_controls_and_what_is_incomplete_have_no_rank_and_take_none() -> None:
    found = ranks(
        made_up("control", True, 3, "fast", CONTROLS),
        made_up("interrupted", True, 3, "fast", complete=False),
        made_up("measure", False, 0, "retrain"),
    )
    assert found == {"measure": 1, "control": None, "interrupted": None}


MADE_UP = st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from(["fast", "slow", "retrain"]))


@given(st.lists(MADE_UP, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_ranks_are_one_more_than_how_many_are_better_whatever_the_order(
    merits: list[tuple[bool, int, str]], shuffled: random.Random
) -> None:
    records = {f"m{number}": made_up(f"m{number}", *merit) for number, merit in enumerate(merits)}
    order = ["fast", "slow", "retrain"]
    keys = {f"m{n}": (not gate, -found, order.index(cost)) for n, (gate, found, cost) in enumerate(merits)}
    names = list(records)
    shuffled.shuffle(names)
    found = ranks(*(records[name] for name in names))
    assert found == {name: 1 + sum(other < key for other in keys.values()) for name, key in keys.items()}
    assert list(found) == sorted(found, key=lambda name: (found[name], name))


@pytest.mark.slow
def test_the_gap_itself_is_the_oracle_that_passes_everything(tmp_path: Path) -> None:
    content = ranking.leaderboard(read_runs(some_records(tmp_path, "l2_norm")))
    entries = {entry["measure"]: entry for entry in content["zoos"]["digits"]["entries"]}
    oracle = entries[ORACLE]
    assert (oracle["role"], oracle["rank"], oracle["verdict"]) == ("oracle", None, "separates")
    assert oracle["findings_passed"] == oracle["findings_asked"] == 11
    assert [each["wins"] for each in oracle["gate"].values()] == [20, 20, 20]
    assert {name for name in oracle["gate"]["gaussian"]} < {*Verdict.__dataclass_fields__, "verdict"}


def test_a_zoo_without_the_findings_models_has_an_oracle_of_the_gate_alone() -> None:
    (oracle,) = (
        each for each in ranking.standings(GATE_RUN["entries"], GATE_RUN["zoo"])["entries"] if each["role"] == "oracle"
    )
    assert (oracle["verdict"], oracle["findings"], oracle["findings_asked"]) == ("separates", {}, 0)


def build(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["leaderboard", "build", *map(str, arguments)])


def test_build_writes_what_its_schema_says_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    folder = gate_records(tmp_path)
    assert build(tmp_path).exit_code == 0
    first = (tmp_path / "leaderboard.json").read_bytes()
    content = json.loads(first)
    validate_part(content, "leaderboard")
    entries = content["zoos"]["digits"]["entries"]
    assert [(each["measure"], each["rank"]) for each in entries] == [
        ("l2_norm", 1),
        (ORACLE, None),
        ("parameter_count", None),
    ]
    assert entries[0]["record"] == json.loads((folder / "l2_norm.json").read_text())["digest"]
    for path in sorted(folder.glob("*.json"), reverse=True):  # files in another order, written anew
        text = path.read_bytes()
        path.unlink()
        path.write_bytes(text)
    assert build(tmp_path, "--out", tmp_path / "again.json").exit_code == 0
    assert (tmp_path / "again.json").read_bytes() == first


@pytest.mark.slow
def test_the_recorded_leaderboard_follows_from_the_records() -> None:
    recorded = (DIGITS.parent / "leaderboard.json").read_text()
    assert recorded == as_text(json.loads(recorded))
    assert not differs(json.loads(recorded), ranking.build(DIGITS.parent))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.write_text(path.read_text().replace('"wins": 20', '"wins": 19')), "was changed after it"),
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
    result = build(DIGITS.parent / "leaderboard.json", "--out", tmp_path / "again.json")
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert "is a leaderboard, folded from records; name the folder of the records" in result.output


def test_a_runs_file_is_ranked_as_well(tmp_path: Path) -> None:
    write_record(GATE_RUN, tmp_path / "run.json")
    assert "name the leaderboard's with --out" in build(tmp_path / "run.json").output
    assert build(tmp_path / "run.json", "--out", tmp_path / "board.json").exit_code == 0
    assert json.loads((tmp_path / "board.json").read_text())["zoos"]["digits"]["entries"][0]["measure"] == "l2_norm"


@pytest.mark.slow
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
