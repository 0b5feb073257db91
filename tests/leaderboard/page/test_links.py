"""Which text becomes a link, and what it leads to."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.page.links import link, linked


class Tags(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(max_size=80) | st.text("<>\"'&:/.htpsarXivdo0 1", max_size=60))
def test_text_is_escaped_around_links_and_only_https_is_one(said: str) -> None:
    found = Tags(str(linked(said)))
    assert set(found.tags) <= {"a"}
    assert all(address.startswith("https://") for address in found.links)


def test_links_by_example() -> None:
    said = "see https://arxiv.org/abs/1611.03530, http://a.org javascript:alert(1) https://b.org/x?a=1&b=2)."
    found = Tags(str(linked(said)))
    assert found.links == ["https://arxiv.org/abs/1611.03530", "https://b.org/x?a=1&b=2"]
    assert found.text == said


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("Neyshabur et al. 2015 (arXiv:1503.00036), eq. 2", "https://arxiv.org/abs/1503.00036"),
        ("arXiv:cs/0703125.", "https://arxiv.org/abs/cs/0703125"),
        ("doi:10.1162/neco.1997.9.1.1.", "https://doi.org/10.1162/neco.1997.9.1.1"),
    ],
)
def test_numbers_of_papers_lead_to_them(said: str, address: str) -> None:
    found = Tags(str(linked(said)))
    assert (found.links, found.text) == ([address], said)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "http://a.org", 'https://a.org/" onclick="x', "", "//a.org"]
)
def test_what_is_not_an_address_of_https_is_no_link(address: str) -> None:
    found = Tags(str(link(address, "its <code>")))
    assert (found.tags, found.text) == ([], "its <code>")


def test_an_address_of_https_is_one() -> None:
    assert Tags(str(link("https://a.org/b", "<b>"))).links == ["https://a.org/b"]
