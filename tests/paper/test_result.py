"""What the paper's systems write: strict JSON, there whole or not at all, rows in the place of older ones."""

import json
import math
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.errors import HarnessError
from harness.paper.result import compared, merge_rows, read_rows, write_result

ROWS = [{"row": "a", "num_train": 10, "value": 1.5}, {"row": "b", "num_train": 10, "value": None}]


@pytest.mark.parametrize(
    ("ours", "paper", "difference"),
    [(99.5, 100.0, -0.5), (12.345678, 10.0, 2.34568), (10.0, None, None), (None, 10.0, None), (None, None, None)],
)
def test_a_difference_is_ours_minus_the_papers_where_both_are_known(ours, paper, difference) -> None:
    found = compared(ours, paper)
    assert found["paper"] == paper
    assert found["difference"] == pytest.approx(difference)
    assert found["ours"] == (None if ours is None else float(f"{ours:.6g}"))


def test_numbers_are_kept_to_six_digits() -> None:
    assert compared(1 / 3, None)["ours"] == 0.333333
    assert compared(123456789.0, 123456780.0) == {"ours": 123457000.0, "paper": 123456780.0, "difference": 9.0}
    assert compared(1.23456789e-12, None)["ours"] == 1.23457e-12


def test_a_result_is_read_back_with_the_system_and_where_it_was_measured(tmp_path: Path) -> None:
    place = write_result(tmp_path / "deep" / "er", "table1", {"rows": ROWS, "note": "ε"}, workers=3)
    assert place == tmp_path / "deep" / "er" / "table1.json"
    text = place.read_text(encoding="utf-8")
    content = json.loads(text)
    assert "ε" in text and text.endswith("}\n")
    assert (content["system"], content["rows"]) == ("table1", ROWS)
    assert content["environment"]["workers"] == 3
    assert "torch" in content["environment"]["packages"]
    assert place.stat().st_mode & 0o777 == 0o644
    assert read_rows(place.parent, "table1") == ROWS


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_json_is_refused_and_the_old_file_stays(number: float, tmp_path: Path) -> None:
    write_result(tmp_path, "table1", {"rows": ROWS})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_result(tmp_path, "table1", {"rows": [{"row": "a", "value": number}]})
    assert read_rows(tmp_path, "table1") == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["table1.json"]


def test_a_result_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    write_result(tmp_path, "table1", {"rows": ROWS, "old": True})
    place = write_result(tmp_path, "table1", {"rows": ROWS[:1]})
    assert "old" not in json.loads(place.read_text())
    assert read_rows(tmp_path, "table1") == ROWS[:1]
    assert [path.name for path in tmp_path.iterdir()] == ["table1.json"]


def test_where_there_is_no_result_there_are_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path, "table1") == read_rows(tmp_path / "nowhere", "table1") == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"system": "table1"}', '{"rows": []}', '{"rows": [], "system": "figure1"}', "\ufeff\udcff"],
    ids=repr,
)
def test_a_file_that_is_no_result_of_this_system_is_refused_and_kept(text: str, tmp_path: Path) -> None:
    place = tmp_path / "table1.json"
    place.write_bytes(text.encode(errors="surrogateescape"))
    before = place.read_bytes()
    with pytest.raises(
        HarnessError, match=r"table1.json is not a result of `paper table1`; move it away, or choose .*--out"
    ):
        read_rows(tmp_path, "table1")
    assert place.read_bytes() == before


def test_a_new_row_takes_the_place_of_the_old_one_with_its_name_and_size() -> None:
    new = [{"row": "b", "num_train": 10, "value": 2.0}, {"row": "a", "num_train": 20, "value": 3.0}]
    assert merge_rows(ROWS, new, ("row", "num_train")) == [ROWS[0], *new]
    assert merge_rows(ROWS, new, ("row",)) == [new[1], new[0]]
    assert merge_rows([], new, ("row",)) == new
    assert merge_rows(ROWS, [], ("row",)) == ROWS


rows = st.lists(st.fixed_dictionaries({"row": st.sampled_from("abc"), "n": st.integers(0, 2), "value": st.integers()}))


@given(rows, rows)
def test_merged_rows_are_the_last_of_every_kind(old: list[dict[str, object]], new: list[dict[str, object]]) -> None:
    merged = merge_rows(old, new, ("row", "n"))
    last = {(row["row"], row["n"]): row["value"] for row in [*old, *new]}
    assert {(row["row"], row["n"]): row["value"] for row in merged} == last
    assert len(merged) == len(last)
    assert merge_rows(merged, new, ("row", "n")) == merged
