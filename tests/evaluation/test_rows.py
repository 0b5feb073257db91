"""The row cache: what was computed is used again while it holds, and never when it was altered."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.evaluation.rows import Row, RowCache

ROW = Row("m", 1, "a" * 64, "b" * 64, "c" * 64, "value", 0.1, "", 0.5)


def test_a_row_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    cache.append(ROW)
    assert cache.read(["m"]) == ({ROW.validity: ROW}, 0)


@given(value=st.floats(allow_nan=False, allow_infinity=False), reason=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_and_reason_survive(tmp_path: Path, value: float, reason: str) -> None:
    cache = RowCache(tmp_path / "any")
    row = dataclasses.replace(ROW, value=value, reason=reason)
    cache.append(row)
    assert cache.read(["m"])[0][row.validity] == row


def test_a_standard_error_comes_back_and_a_row_without_one_is_the_line_that_it_always_was(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    cache.append(ROW)
    assert b"standard_error" not in (tmp_path / "rows" / "m.jsonl").read_bytes()
    estimate = dataclasses.replace(ROW, version=2, standard_error=0.01)
    cache.append(estimate)
    assert cache.read(["m"]) == ({ROW.validity: ROW, estimate.validity: estimate}, 0)


def test_a_row_with_a_standard_error_that_is_none_is_damage(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    for error in (-1.0, "0.1"):
        cache.append(dataclasses.replace(ROW, standard_error=error))
    cache.append(dataclasses.replace(ROW, status="not_applicable", value=None, reason="why", standard_error=0.1))
    assert cache.read(["m"], usable=False) == ({}, 3)


def test_errors_and_timeouts_are_not_used_again(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    for status in ("error", "timeout"):
        cache.append(dataclasses.replace(ROW, status=status, value=None, reason="why"))
    assert cache.read(["m"]) == ({}, 0)
    assert cache.read(["m"], usable=False)[0][ROW.validity].status == "timeout"


def test_not_applicable_is_used_again(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    cache.append(dataclasses.replace(ROW, status="not_applicable", value=None, reason="why"))
    assert cache.read(["m"])[0][ROW.validity].reason == "why"


def test_an_edited_value_is_damage_and_not_used(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    cache.append(ROW)
    path = cache.folder / "m.jsonl"
    path.write_text(path.read_text().replace("0.1", "0.2"))
    assert cache.read(["m"]) == ({}, 1)


def test_a_torn_last_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    cache.append(ROW)
    path = cache.folder / "m.jsonl"
    path.write_bytes(path.read_bytes() + path.read_bytes()[:40])
    other = dataclasses.replace(ROW, recipe="d" * 64)
    cache.append(other)
    assert cache.read(["m"]) == ({ROW.validity: ROW, other.validity: other}, 1)


def test_rows_of_another_source_version_or_model_are_other_rows(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    cache.append(ROW)
    known, _ = cache.read(["m"])
    for change in ({"version": 2}, {"source_sha256": "e" * 64}, {"recipe": "e" * 64}, {"weights_sha256": "e" * 64}):
        assert dataclasses.replace(ROW, **change).validity not in known  # type: ignore[arg-type]


def test_a_folder_in_the_place_of_values_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "rows" / "l2_norm.jsonl").mkdir(parents=True)
    with pytest.raises(HarnessError, match=r"the values in .*l2_norm.jsonl cannot be read \(Is a directory\); move it"):
        RowCache(tmp_path).read(["l2_norm"])
