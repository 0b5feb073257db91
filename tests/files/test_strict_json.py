"""Strict JSON: an object, or one sentence that names the file."""

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.files.strict_json import parse_json, read_json


def test_an_object_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"α": [1, null, true, 0.5], "b": {}}', encoding="utf-8")
    assert read_json(path) == {"α": [1, None, True, 0.5], "b": {}}


@pytest.mark.parametrize(
    "content, why",
    [
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' twice in one object"),
        (b'{"a": 1', "it ends in the middle, was its writing interrupted"),
        (b'{"a" 1}', "cannot be read as JSON"),
        (b"[1]", "expected an object, got list"),
        (b"\xff", "cannot be read"),
        (b'{"a":' * 100_000, "cannot be read as JSON"),
    ],
)
def test_what_is_not_such_an_object_is_one_sentence_with_the_path(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    for read in (lambda: read_json(path), lambda: parse_json(content, str(path))):
        with pytest.raises(HarnessError) as problem:
            read()
        assert str(problem.value).startswith(f"{path} cannot be read")
        assert why in str(problem.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"none.json cannot be read \(.*No such file"):
        read_json(tmp_path / "none.json")


def test_a_name_that_an_object_has_twice_may_pass_where_a_digest_is_checked() -> None:
    assert parse_json(b'{"a": 1, "a": 2}', "a file", twice=False) == {"a": 2}
