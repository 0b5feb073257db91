"""The page as text: strangers' words stay words, the same records give the same bytes, no id is there twice."""

import collections
import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness.__main__ import main
from harness.leaderboard import page as page_module
from harness.leaderboard.page import linked, render
from harness.leaderboard.reading import read_runs
from harness.leaderboard.standings import ORACLE, leaderboard
from harness.records.record_files import read_record
from tests.builders.digits_records import GATE_ALONE, some_records

RUN = read_record(GATE_ALONE)
HOSTILE = "<script>alert(1)</script>\"' $x_1$ {{ 7*7 }} --> ]]> &amp;"


class Page(HTMLParser):
    """Tags with their attributes, and the text of the table's cells."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr" and "data-family" in dict(attrs):
            self.rows.append(dict(attrs))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def shown(run: dict[str, Any]) -> str:
    return render(leaderboard({"digits": run}), {"digits": run})


@pytest.fixture(scope="module")
def text() -> str:
    return shown(RUN)


def hostile_run() -> dict[str, Any]:
    """A record that passed no check: every text in it is an attack."""
    run = copy.deepcopy(RUN)
    for field in ("measure", "source", "family", "origin"):
        run["entries"][0][field] = HOSTILE
    run["entries"][0]["contract"] = HOSTILE
    run["entries"][0]["suites"]["gaussian"]["reason"] = HOSTILE
    run["entries"][0]["environment"]["cpu"] = HOSTILE
    run["zoo"]["data_set"] = HOSTILE
    return run


def test_whatever_a_record_says_is_shown_as_text() -> None:
    text = shown(hostile_run())
    page = Page(text)
    assert len(page.of("script")) == 1  # ours
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert text.count("<script>alert") == 0
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "49" not in re.findall(r"alert\(1\)[^<]{0,60}", text)[0]
    assert page.rows[0]["data-family"] == HOSTILE


@given(st.text(max_size=80))
def test_text_is_escaped_around_links_and_only_https_is_one(said: str) -> None:
    page = Page(str(linked(said)))
    assert {tag for tag, _ in page.tags} <= {"a"}
    assert all((attributes["href"] or "").startswith("https://") for attributes in page.of("a"))


def test_links_by_example() -> None:
    said = "see https://arxiv.org/abs/1611.03530, http://a.org javascript:alert(1) https://b.org/x?a=1&b=2)."
    html = str(linked(said))
    links = [each["href"] for each in Page(html).of("a")]
    assert links == ["https://arxiv.org/abs/1611.03530", "https://b.org/x?a=1&b=2"]
    assert "javascript:alert(1)" in html and "http://a.org" in html


@pytest.mark.slow
def test_the_same_records_give_the_same_bytes(text: str) -> None:
    assert shown(copy.deepcopy(RUN)) == text


def test_no_id_is_there_twice_and_every_reference_has_its_own(text: str) -> None:
    page = Page(text)
    counted = collections.Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert counted and max(counted.values()) == 1
    for _, attributes in page.tags:
        for name in ("xlink:href", "href"):
            if (attributes.get(name) or "").startswith("#"):
                assert attributes[name][1:] in counted  # type: ignore[index]
        if described := attributes.get("aria-describedby"):
            assert described in counted
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= counted.keys()


def test_nothing_is_asked_of_a_network_and_no_other_script_may_run(text: str) -> None:
    page = Page(text)
    (policy,) = (each["content"] for each in page.of("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"
    )
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    assert not any("src" in attributes for _, attributes in page.tags)


def test_controls_and_the_oracle_are_beside_the_ranks(text: str) -> None:
    rows = Page(text).rows
    assert [row["class"] for row in rows] == ["measure", "oracle", "control"]
    cells = re.findall(r'<tr class="(\w+)".*?<td data-sort="([^"]+)">([^<]*)</td>', text, re.S)
    assert cells == [("measure", "1", "1"), ("oracle", "1000000000.0", "–"), ("control", "1000000000.0", "–")]
    assert ORACLE in text


def test_numbers_come_with_p_intervals_and_words(text: str) -> None:
    tips = re.findall(r'role="tooltip" id="[^"]+">([^<]+)<', text)
    assert any(
        re.fullmatch(
            r"Passes\. separates: larger on the randomized twin in 20 of 20, 0 ties; sign test p = 9\.5e-07; "
            r"AUC 1\.00 \[0\.\d+, 1\.00\]; tau with the gap 0\.\d+",
            tip,
        )
        for tip in tips
    ), tips
    assert any(tip.startswith("Falls short. overlaps") for tip in tips)


def test_a_zoo_without_findings_shows_no_empty_columns(text: str) -> None:
    assert "findings passed</button>" not in text and "Cost against findings" not in text


@pytest.mark.slow
def test_all_suites_are_columns_and_figures(tmp_path: Path) -> None:
    runs = read_runs(some_records(tmp_path, "l2_norm", "path_norm"))
    text = render(leaderboard(runs), runs)
    assert text.count('<th scope="col"') == 5 + 3 + 1 + 11 + 1
    assert text.count("<svg") == 2 + 2 * 2  # the map and the cost; values and profile of each
    assert "26%" in text and "Falls short. false alarm: 26% [24%, 28%] of the way" in text


@pytest.mark.long
@pytest.mark.slow
def test_the_page_of_several_processes_is_that_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = read_runs(some_records(tmp_path, "l2_norm", "path_norm"))
    text = render(leaderboard(runs), runs)
    monkeypatch.setattr(page_module, "MANY", 2)
    assert render(leaderboard(runs), runs) == text


def test_what_is_written_on_an_axis_is_not_rounded() -> None:
    run = copy.deepcopy(RUN)
    for row in run["entries"][0]["rows"].values():
        row[0] *= 1e-4
    assert re.search(r">0\.00\d\d*<", shown(run))


@pytest.mark.slow
def test_the_command_writes_the_file_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = CliRunner().invoke(main, ["leaderboard", "page", str(GATE_ALONE), "--out", str(out)])
    assert (result.exit_code, result.output) == (0, f"written to {out}\n")
    assert out.read_text().rstrip().endswith("</html>")
    (tmp_path / "torn.json").write_text(json.dumps(RUN)[:-20])
    result = CliRunner().invoke(main, ["leaderboard", "page", str(tmp_path / "torn.json"), "--out", str(out)])
    assert result.exit_code == 2 and "cannot be read as JSON" in result.output
    assert out.read_text().rstrip().endswith("</html>")
    missing = CliRunner().invoke(main, ["leaderboard", "page", str(GATE_ALONE), "--out", str(tmp_path / "no" / "x")])
    assert missing.exit_code == 2 and "could not be written" in missing.output
