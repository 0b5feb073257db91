"""Tables of a record: a line a measure, a line a family."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.__main__ import main
from harness.records import record_files
from harness.records.tables import (
    COLUMNS,
    families_table,
    findings_table,
    findings_totals,
    gate_in_words,
    measures_table,
    seconds_of,
)
from harness.zoo.zoo import GATE


def entry(name: str, family: str, verdict: str | None, wins: int) -> dict[str, Any]:
    suite = {"won": wins, "units": [{}] * 14}
    suites = {condition: suite for condition in GATE} if verdict else {}
    fields = {"measure": name, "family": family, "verdict": verdict, "suites": suites}
    more = {"cost": "fast", "seconds_per_model": 0.0123 if verdict else None, "source": "A paper"}
    return fields | more | {"findings": {}}


RECORD = {
    "entries": [
        entry("b", "norms", "separates", 14),
        entry("a", "norms", "overlaps", 9),
        entry("c", "margins", None, 0),
    ]
}


def test_measures_stand_by_family_and_name_with_the_units_they_win() -> None:
    assert measures_table(RECORD).splitlines() == [
        "| measure | tier | random labels | random pixels | gaussian | gate | source |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| **margins** | | | | | | |",
        "| `c` | fast | - | - | - | no verdict | A paper |",
        "| **norms** | | | | | | |",
        "| `a` | fast | 9/14 | 9/14 | 9/14 | fails | A paper |",
        "| `b` | fast | 14/14 | 14/14 | 14/14 | passes | A paper |",
    ]


def with_findings(name: str, verdict: str, wins: int, **answers: tuple[str, float | None, bool]) -> dict[str, Any]:
    """An entry with all findings: silent and passing, except for the `answers` (status, number, whether it passes)."""
    made = entry(name, "norms", verdict, wins)
    for title, (suite, clause, number, _) in COLUMNS.items():
        status, value, passes = answers.get(title.replace(" ", "_"), ("fine", 0.5, True))
        finding = {"problem": "" if passes else "wrong", "skipped": "", "status": status, "detail": ""}
        made["findings"].setdefault(suite, {})[clause] = finding | {"numbers": {} if value is None else {number: value}}
    return made


FOUND = {
    "entries": [
        with_findings("all", "separates", 14),
        with_findings("fails", "overlaps", 9, same_data=("data_only", 0.0, False), crop=("no_scale", None, False)),
        with_findings("most", "separates", 13, same_data=("overlaps", 12.0, False), grid=("inverted", -0.4, False)),
    ]
}


def test_findings_stand_by_the_gates_worst_condition_bold_where_they_are_passed_and_uncounted() -> None:
    head, _, *lines = findings_table(FOUND).splitlines()
    assert head.startswith("| measure | gate | reads | same data | attack | corrupted | decay | dropout | crop |")
    assert head.endswith("| fewer images | grid |")
    rest = "**0.50** | **0.50** | **50%** | **50%** |"
    end = "**50%** | **50%** | **0** | **0** | **0.50** |"
    assert lines == [
        f"| `all` | **14/14** | - | **0** | {rest} **50%** | {end} **0.50** |",
        f"| `most` | **13/14** | - | 12 | {rest} **50%** | {end} -0.40 |",
        f"| `fails` | 9/14 | - | data only | {rest} no scale | {end} **0.50** |",
    ]
    assert findings_table(FOUND, only=["most"]).splitlines()[2:] == [lines[1]]


def test_of_conditions_the_one_that_wins_the_fewest_units_is_shown() -> None:
    record = with_findings("a", "separates", 14)
    record["suites"] = {**record["suites"], "random_pixels": {"won": 13, "units": [{}] * 14}}
    assert findings_table({"entries": [record]}).splitlines()[2].startswith("| `a` | **13/14** | ")


def test_records_that_counted_twins_say_so() -> None:
    record = entry("a", "norms", "separates", 0)
    record["suites"] = {name: {"won": None, "wins": 20, "pairs": 20, "units": []} for name in GATE}
    assert "| `a` | fast | 20/20 twins | 20/20 twins | 20/20 twins | passes |" in measures_table({"entries": [record]})


@pytest.mark.parametrize("suite", ["reads", "what_it_reads"])
def test_what_it_reads_is_a_word_and_no_pass(suite: str) -> None:
    record = entry("a", "norms", "separates", 14)
    record["findings"] = {suite: {"what_it_reads": {"status": "history_suffices", "problem": "", "skipped": ""}}}
    run = {"entries": [record]}
    assert findings_table(run).splitlines()[2].startswith("| `a` | **14/14** | history suffices | - |")
    assert "history" not in findings_totals(run)


def test_what_was_not_asked_is_a_dash() -> None:
    assert findings_table(RECORD).splitlines()[2].count("| - ") == len(COLUMNS) + 1


def test_totals_count_those_that_pass_and_say_how_the_others_fail() -> None:
    lines = findings_totals(FOUND).splitlines()
    assert "| same data | 1 | 1 of 2 | 1 data only, 1 overlaps |" in lines
    assert "| grid | 2 | 1 of 2 | 1 inverted |" in lines
    assert "| decay | 3 | 2 of 2 |  |" in lines


def test_seconds_are_those_measured_alone_where_there_are_any() -> None:
    timed = entry("a", "norms", "separates", 14)
    timed["findings"]["cost"] = {name: {"numbers": {"seconds": s}} for name, s in (("x", 0.1), ("y", 0.3), ("z", 0.2))}
    assert seconds_of(timed) == 0.2


def test_families_are_counted() -> None:
    assert families_table(RECORD).splitlines()[2:] == [
        "| margins | 1 | 0 |",
        "| norms | 2 | 1 |",
        "| all but the controls | 3 | 1 |",
    ]


def test_controls_are_in_no_count() -> None:
    control = {**FOUND["entries"][0], "family": "controls", "measure": "a_control"}
    more = {**FOUND, "entries": [*FOUND["entries"], control]}
    assert families_table(more).splitlines()[-1] == families_table(FOUND).splitlines()[-1]
    assert findings_totals(more) == findings_totals(FOUND)


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        ("separates", "passes"),
        ("overlaps", "fails"),
        ("inverted", "inverted"),
        ("depends_on_the_network", "depends on the network"),
        ("not_applicable", "not applicable"),
    ],
)
def test_the_gates_answer_is_a_word(verdict: str, answer: str) -> None:
    assert gate_in_words(entry("a", "norms", verdict, 1)) == answer


def test_the_command_refuses_what_is_no_record(tmp_path: Any) -> None:
    (tmp_path / "out.json").write_text("{}")
    result = CliRunner().invoke(main, ["table", str(tmp_path / "out.json")])
    assert result.exit_code == 2
    assert "not a record" in result.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--findings", "--only=l2_nrom"],
            "--only=l2_nrom: the record does not have this measure; did you mean 'l2_norm'?",
        ),
        (["--findings", "--only=x9, l2_norm"], "--only=x9: the record does not have this measure; measures in it: 1"),
        (["--only=l2_norm"], "--only chooses measures of --findings; add --findings, or leave it out"),
        (["--families", "--totals"], "--families, --findings and --totals are a table each; give one"),
    ],
)
def test_the_command_refuses_options_of_which_it_would_show_nothing(
    options: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "out.json").touch()
    monkeypatch.setattr(record_files, "read_record", lambda path: {"entries": [{"measure": "l2_norm"}]})
    result = CliRunner().invoke(main, ["table", str(tmp_path / "out.json"), *options])
    assert (result.exit_code, result.output) == (2, f"Error: {sentence}\n")
