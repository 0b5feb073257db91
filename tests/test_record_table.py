"""Tables of a record: a line a measure, a line a family."""

from typing import Any

import pytest
from click.testing import CliRunner

from harness.__main__ import main
from harness.record_table import families_table, gate_answer, measures_table
from harness.zoo import GATE


def entry(name: str, family: str, verdict: str | None, wins: int) -> dict[str, Any]:
    suites = {condition: {"wins": wins} for condition in GATE} if verdict else {}
    fields = {"measure": name, "family": family, "verdict": verdict, "suites": suites}
    return fields | {"cost": "fast", "seconds_per_model": 0.0123 if verdict else None, "source": "A paper"}


RECORD = {
    "entries": [
        entry("b", "norms", "separates", 20),
        entry("a", "norms", "overlaps", 9),
        entry("c", "margins", None, 0),
    ]
}


def test_measures_stand_by_family_and_name_with_their_wins() -> None:
    assert measures_table(RECORD).splitlines() == [
        "| measure | tier | random labels | random pixels | gaussian | gate | s/model | source |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| **margins** | | | | | | | |",
        "| `c` | fast | - | - | - | no verdict | - | A paper |",
        "| **norms** | | | | | | | |",
        "| `a` | fast | 9 | 9 | 9 | fails | 0.012 | A paper |",
        "| `b` | fast | 20 | 20 | 20 | passes | 0.012 | A paper |",
    ]


def test_families_are_counted() -> None:
    assert families_table(RECORD).splitlines()[2:] == ["| margins | 1 | 0 |", "| norms | 2 | 1 |", "| all | 3 | 1 |"]


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [("separates", "passes"), ("overlaps", "fails"), ("inverted", "inverted"), ("not_applicable", "not applicable")],
)
def test_the_gates_answer_is_a_word(verdict: str, answer: str) -> None:
    assert gate_answer(entry("a", "norms", verdict, 1)) == answer


def test_the_command_refuses_what_is_no_record(tmp_path: Any) -> None:
    (tmp_path / "out.json").write_text("{}")
    result = CliRunner().invoke(main, ["table", str(tmp_path / "out.json")])
    assert result.exit_code == 2
    assert "not a leaderboard record" in result.output
