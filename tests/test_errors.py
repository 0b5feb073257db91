"""What a caller gave is of the kind that is annotated, or a sentence says what was expected."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from harness.errors import HarnessError, check_given, check_not_empty, kind_of, shown


def function(
    count: int = 0,
    size: float | None = None,
    text: str | Path = "",
    how: Literal["a", "b"] = "a",
    fields: Mapping[str, int] | None = None,
    call: Callable[..., object] = print,
    named: "str" = "",
    anything: Any = None,
    free=None,  # type: ignore[no-untyped-def]
) -> None: ...


@pytest.mark.parametrize(
    "given",
    [
        {"count": 3},
        {"count": np.int64(3), "size": np.float32(1.5)},
        {"size": 3, "text": Path("x"), "how": "b", "fields": {}, "call": len},
        {"size": None, "text": "x", "fields": None, "named": 3, "anything": object(), "free": object()},
    ],
)
def test_what_is_of_its_kind_passes(given: dict[str, Any]) -> None:
    check_given(function, given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"count": 1.0}, "count is 1.0 (of type float); expected a whole number"),
        ({"count": True}, "count is True (of type bool); expected a whole number"),
        ({"size": "1"}, "size is '1' (of type str); expected a number or None"),
        ({"text": 3}, "text is 3 (of type int); expected text or a Path"),
        ({"how": "c"}, "how is 'c' (of type str); expected 'a' or 'b'"),
        ({"fields": [1]}, "fields is [1] (of type list); expected a dict or None"),
        ({"call": 3}, "call is 3 (of type int); expected a function"),
    ],
)
def test_what_is_of_another_kind_is_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(HarnessError) as caught:
        check_given(function, given)
    assert str(caught.value) == sentence


class Silent:
    def __repr__(self) -> str:
        raise KeyError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((3, 2)), "array([[0., 0.], [0., 0.], [0., 0.]])"),
        (Silent(), "what cannot be shown (KeyError)"),
        (10**9999, "what cannot be shown (ValueError)"),
        ("a" * 99, "'" + "a" * 59),
    ],
    ids=["of several lines", "that does not say", "of too many digits", "that is long"],
)
def test_whatever_was_given_is_said_on_one_line(value: Any, text: str) -> None:
    assert shown(value) == text
    with pytest.raises(HarnessError) as caught:
        check_given(function, {"how": value})
    assert str(caught.value).startswith(f"how is {text} (of type ")


def test_a_type_has_its_article() -> None:
    assert [kind_of(value) for value in (1, {}, np.uint8(1))] == ["an int", "a dict", "a uint8"]


@pytest.mark.parametrize("value", ["", " ", ["l2_norm", ""]])
def test_an_empty_text_is_not_one_that_was_left_out(value: object) -> None:
    check_not_empty({"zoo": None, "baseline": "x", "measure": ["x"], "workers": 0})
    with pytest.raises(HarnessError, match=r"--zoo is given without a value; name one, or leave it out"):
        check_not_empty({"zoo": value}, "--{}".format)
