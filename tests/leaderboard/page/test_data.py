"""The data of the page: strict JSON in a script element, whatever text is in it."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.page.data import as_script

TEXTS = st.text() | st.text("</script><!-->&\u2028\u2029\\\"'u003c", max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


class Scripts(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)


@given(VALUES)
def test_it_is_read_as_it_was_and_ends_no_element(value: Any) -> None:
    text = str(as_script(value))
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")
    assert Scripts(f"<script>{text}</script>").tags == ["script"]


def test_what_json_has_no_number_for_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_script({"value": float("inf")})
