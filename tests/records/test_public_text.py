"""What a record says of a machine: no folders, no names of hosts or users, and all else as it was."""

import platform

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.records.public_text import private_texts, public


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("it raised OSError: no /home/ann/thesis/data.bin (/home/ann/mine.py:12)", "no data.bin (mine.py:12)"),
        (r"C:\Users\ann\mine.py is gone", "mine.py is gone"),
        ("connect to ann@gpu-7.cluster.example failed", "connect to <host> failed"),
        ("node-3.local does not answer", "<host> does not answer"),
        ("Jiang et al. 2020, https://arxiv.org/abs/1912.02178, eq. 42", "https://arxiv.org/abs/1912.02178, eq. 42"),
        ("16/20 larger and/or 1/2, p = 0.1 s/model", "16/20 larger and/or 1/2, p = 0.1 s/model"),
        ("measures.norms.l2_norm", "measures.norms.l2_norm"),
        ("AMD EPYC", "AMD EPYC"),
    ],
)
def test_folders_and_names_go_and_the_rest_stays(said: str, shown: str) -> None:
    assert public(said).endswith(shown)
    assert list(private_texts(public(said))) == []


def test_this_machines_own_name_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "rosalind")
    assert public({"reason": ["rosalind is out of memory", 3, None]}) == {
        "reason": ["<host> is out of memory", 3, None]
    }


def test_a_name_that_is_a_word_like_others_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "localhost")
    assert public("localhost") == "localhost"


def test_places_are_named() -> None:
    found = list(private_texts({"a": [{"b": "see /srv/x/y"}], "/srv/z/w": 1}))
    assert found == [("$.a[0].b", "/srv/x/y"), ("$", "/srv/z/w")]


@given(st.text(alphabet="/\\:. ab@-C'(", max_size=40))
def test_what_is_public_holds_nothing_private(said: str) -> None:
    assert list(private_texts(public(said))) == []


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(), st.lists, max_leaves=10))
def test_numbers_are_untouched(content: object) -> None:
    assert public(content) == content
