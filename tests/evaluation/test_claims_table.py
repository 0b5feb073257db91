"""What the measures' sources claim, printed: a row a measure, and the same as JSON."""

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.catalogue import Declared
from harness.evaluation.claims_table import claims_json, claims_table


def stands(folder: Path, name: str, ends: str, source: str = "a paper, eq. 2", family: str = "norms") -> Declared:
    file = folder / f"{name}.py"
    file.write_text(f'"""A norm.\n\n{ends}"""\n')
    return Declared(name, family, source, 1, "fast", file)


@pytest.fixture
def three(tmp_path: Path) -> list[Declared]:
    """One with a claim, one without, and one from outside."""
    lines = "Claims: larger gap (section 3).\nRandom labels: nothing.\n"
    return [
        stands(tmp_path, "first", lines, source="‖A|B‖, a paper"),
        stands(tmp_path, "second", ""),
        stands(tmp_path, "third", "Claims: whatever", source="", family="external"),
    ]


def test_the_table_has_a_row_for_each_and_a_dash_for_what_is_not_told(three: list[Declared]) -> None:
    assert claims_table(three).splitlines() == [
        "| measure | source | claims | random labels |",
        "| --- | --- | --- | --- |",
        "| `first` | ‖A\\|B‖, a paper | larger gap (section 3) | nothing |",
        "| `second` | a paper, eq. 2 | – | – |",
        "| `third` | – | – | – |",
    ]


def test_the_json_says_the_same(three: list[Declared]) -> None:
    assert json.loads(claims_json(three)) == {
        "first": {
            "source": "‖A|B‖, a paper",
            "claims": {"kind": "larger gap", "place": "section 3"},
            "random_labels": {"kind": "nothing", "place": ""},
        },
        "second": {"source": "a paper, eq. 2", "claims": None, "random_labels": None},
        "third": {"source": "", "claims": None, "random_labels": None},
    }


def test_a_claim_of_another_form_is_a_sentence_with_file_and_line(tmp_path: Path) -> None:
    wrong = [stands(tmp_path, "wrong", "Claims: it is good.\nRandom labels: nothing.\n")]
    for shape in (claims_table, claims_json):
        with pytest.raises(HarnessError, match=r"wrong\.py:3: got 'Claims: it is good\.'; expected"):
            shape(wrong)
