"""The page in a real browser: Chromium of the system, headless, driven by playwright."""

import copy
import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.leaderboard.page.about import about_measures
from harness.leaderboard.page.render import render
from harness.leaderboard.standings import leaderboard
from tests.builders.digits_records import AGAINST, another_zoo, run_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; on Debian: apt-get install chromium"),
]
MEASURES = ("l2_norm", "path_norm", "margin_median", "parameter_count")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two zoos, with one measure whose every text is an attack."""
    runs = {"digits": run_of(*MEASURES)}
    runs["both"] = another_zoo(runs["digits"], "l2_norm", "path_norm")
    hostile = copy.deepcopy(runs["digits"]["entries"][0])
    hostile.update(measure=HOSTILE, source='"><img src=x onerror=alert(2)> https://arxiv.org/abs/1')
    hostile.update(family="=1+1", origin="javascript:alert(3)")
    runs["digits"]["entries"].append(hostile)
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render(leaderboard(runs), runs, about_measures()))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, place: Path) -> Iterator[Any]:
    """The page, opened; whatever is asked of a network, said on the console or shown in a dialog fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    opened = context.new_page()
    noise: list[str] = []
    opened.on("request", lambda request: request.url.startswith("blob:") or noise.append(request.url))
    opened.on("console", lambda message: noise.append(message.text))
    opened.on("pageerror", lambda error: noise.append(str(error)))
    opened.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
    opened.goto(place.as_uri())
    yield opened
    assert noise == [place.as_uri()]
    context.close()


def names(page: Any) -> list[str]:
    return list(
        page.eval_on_selector_all(".measures tbody tr:not([hidden])", "rows => rows.map(row => row.dataset.measure)")
    )


def press(page: Any, question: str) -> str | None:
    """A click on a column's button; how the column is then sorted."""
    head = page.locator(".heads th").filter(has_text=question).first
    head.get_by_role("button").click()
    found: str | None = head.get_attribute("aria-sort")
    return found


def column(page: Any, question: str) -> list[str]:
    """The texts of a column, from the first row to the last."""
    place = page.locator(".heads th").filter(has_text=question).first.evaluate("head => head.cellIndex")
    rows = page.eval_on_selector_all(
        ".measures tbody tr", "(rows, at) => rows.map(row => row.cells[at].innerText)", place
    )
    return [text.strip() for text in rows]


def test_the_first_click_sorts_the_best_first_and_the_second_turns_it_round(page: Any) -> None:
    before = names(page)
    assert press(page, "Which measure?") == "ascending"
    assert names(page) == sorted(before, key=str.lower)
    assert press(page, "Which measure?") == "descending"
    assert names(page) == sorted(before, key=str.lower, reverse=True)
    assert press(page, "Does it tell noise, at worst?") == "descending"
    won = [int(text) for text in column(page, "Does it tell noise, at worst?")]
    assert won == sorted(won, reverse=True) and won[0] > won[-1]
    assert press(page, "Does it tell noise, at worst?") == "ascending"
    won = [int(text) for text in column(page, "Does it tell noise, at worst?")]
    assert won == sorted(won)
    assert page.locator("th[aria-sort]").count() == 1


def test_where_fewer_is_better_the_fewest_are_first_and_what_is_not_known_is_last_both_ways(page: Any) -> None:
    assert press(page, "How many are better?") == "ascending"
    better = column(page, "How many are better?")
    known = [int(text) for text in better if text.isdigit()]
    assert known == sorted(known) and better[-1] == "–"
    assert press(page, "How many are better?") == "descending"
    better = column(page, "How many are better?")
    known = [int(text) for text in better if text.isdigit()]
    assert known == sorted(known, reverse=True) and better[-1] == "–"


def test_all_columns_fit_1200_pixels_until_one_is_opened(page: Any) -> None:
    wide = page.locator(".wide")
    assert wide.evaluate("box => box.scrollWidth <= box.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200
    shown = page.locator(".heads th:visible").count()
    button = page.get_by_role("button", name="dose", exact=True)
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator(".heads th:visible").count() == shown + 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200
    spans = page.eval_on_selector_all(".zoos > *", "cells => cells.reduce((sum, cell) => sum + cell.colSpan, 0)")
    assert spans == shown + 3


def test_filters_narrow_together_and_the_count_and_the_chart_follow(page: Any) -> None:
    everything = len(names(page))
    page.get_by_label("Search").fill("norm")
    assert set(names(page)) == {"l2_norm", "path_norm"}
    assert page.locator("svg.counts a:not(.dim)").count() == 2 * 3 * 2  # conditions, zoos
    assert set(page.locator("svg.cost .few").all_text_contents()) <= {"l2_norm", "path_norm"}
    page.get_by_label("Gate").select_option("passes")
    assert set(names(page)) <= {"l2_norm", "path_norm"}
    page.get_by_label("Gate").select_option("no verdict")
    assert names(page) == []
    assert page.locator("output").text_content() == f"0 of {everything} shown"
    page.get_by_label("Gate").select_option("")
    page.get_by_label("Search").fill("")
    page.get_by_label("Family").select_option("controls")
    assert names(page) == ["parameter_count"]


def test_a_number_says_its_p_and_interval_on_focus_and_the_arrows_move(page: Any) -> None:
    cell = page.locator(".measures tbody tr").first.locator("td").first
    tip = page.locator("#tip")
    assert not tip.is_visible()
    cell.focus()
    assert "18 of 18 units; with one left out 17 of 17" in tip.text_content()
    assert cell.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    second = page.locator(".measures tbody tr").nth(1).locator("td").nth(1)
    assert second.evaluate("each => each === document.activeElement")
    assert "on digits" in tip.text_content()
    assert page.locator('.measures tbody td[tabindex="0"]').count() == 1  # one stop for the tab key
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_all_of_it_is_reached_by_the_keyboard_and_the_focus_is_seen(page: Any) -> None:
    wanted = {"A", "INPUT", "SELECT", "BUTTON", "TD", "SUMMARY", "DIV"}
    reached: list[str] = []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the table"
    while len(reached) < 90 and not wanted <= set(reached):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.tagName"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", reached
    assert wanted <= set(reached), reached


def test_the_skip_link_leads_to_the_table(page: Any) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#table'")
    assert 0 <= page.locator("#table").bounding_box()["y"] < 200


def test_a_name_leads_to_the_measures_own_view_which_can_be_shared(page: Any, place: Path) -> None:
    page.get_by_role("link", name="path_norm", exact=True).first.click()
    page.wait_for_url("**#measure=path_norm")
    article = page.locator("article:visible")
    article.wait_for()  # the only one
    assert not page.locator("#overview").is_visible()
    assert article.locator("pre.formula").text_content().count("path_norm") == 3
    assert article.locator("svg").count() > 14  # a panel a unit, the profile, the time
    assert article.locator(".strip td.won").count() > 0
    assert page.evaluate("document.activeElement.tagName") == "H3"
    assert "path_norm" in page.title()
    page.go_back()
    assert page.locator("#overview").is_visible()


def test_two_measures_are_compared_by_an_address(page: Any) -> None:
    page.evaluate("location.hash = 'compare=path_norm,l2_norm'")
    view = page.locator("#compare")
    view.wait_for(state="visible")
    assert view.locator("h3").all_text_contents() == ["On digits", "On both"]
    first = view.locator("table.lines").first
    assert first.locator("thead a").all_text_contents() == ["path_norm", "l2_norm"]
    assert "path_norm alone wins mlp_1x512 on noisy_digits" in view.locator("li").first.text_content()
    page.evaluate("location.hash = 'compare=path_norm,nothing_like_it'")
    page.locator("#overview").wait_for(state="visible")


@pytest.mark.parametrize(
    "hash", ["measure=%E0%A4%A", "measure=", "compare=,", "compare=%3Cimg%20src=x%3E,l2_norm", "nothing"]
)
def test_an_address_that_names_nothing_shows_all_measures(page: Any, hash: str) -> None:
    page.evaluate("hash => { location.hash = hash; }", hash)
    page.wait_for_timeout(50)
    assert page.locator("#overview").is_visible() and page.locator("img").count() == 0


def downloaded(page: Any, name: str) -> str:
    with page.expect_download() as found:
        page.locator(f'[data-download="{name}"]').click()
    return Path(found.value.path()).read_text(encoding="utf-8")


def test_the_data_are_downloaded_and_no_cell_is_a_formula_to_a_spreadsheet(page: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "table.csv"))))
    assert len(rows) == len(MEASURES) + 2 + 3  # the hostile one and the oracle; two and the oracle on the other zoo
    (row,) = (row for row in rows if (row["measure"], row["zoo"]) == ("l2_norm", "digits"))
    assert (row["units won at worst"], row["units"], row["random_pixels: units won"]) == ("16", "18", "16")
    assert {row["family"] for row in rows if row["measure"] == HOSTILE} == {"'=1+1"}
    assert {each["measure"] for each in json.loads(downloaded(page, "leaderboard.json"))["measures"]} >= set(MEASURES)
    units = list(csv.DictReader(io.StringIO(downloaded(page, "units.csv"))))
    lost = [each for each in units if (each["measure"], each["zoo"], each["decision"]) == ("l2_norm", "digits", "lost")]
    assert {(each["data set"], each["network"]) for each in lost} == {*AGAINST}
    values = list(csv.DictReader(io.StringIO(downloaded(page, "values.csv"))))
    own = [each for each in values if (each["measure"], each["zoo"]) == ("l2_norm", "digits")]
    assert len(own) == 18 * 3
    known = run_of("l2_norm")["entries"][0]["rows"].values()  # of four digits the last may be off by one
    assert all(min(abs(float(each["natural"]) / value - 1) for value, _ in known) < 1e-3 for each in own)


def test_hostile_names_are_text_in_every_view(page: Any) -> None:
    assert HOSTILE in names(page)
    for hash in ("measure={}", "compare={},l2_norm"):
        page.evaluate("hash => { location.hash = hash; }", hash.format("%3Cscript%3Ealert(1)%3C%2Fscript%3E"))
        page.get_by_text(HOSTILE).locator("visible=true").first.wait_for()
        assert page.locator("img").count() == 0 and page.locator("script").count() == 2
    links = page.locator("a").evaluate_all("links => links.map(each => each.getAttribute('href'))")
    assert all(link.startswith(("#", "https://")) for link in links)


def test_it_reads_without_javascript(browser: Any, place: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(place.as_uri())
    rows = opened.locator(".measures tbody tr")
    assert rows.count() == len(MEASURES) + 2
    assert (
        rows.first.is_visible() and opened.locator(".heads th:visible").count() == opened.locator(".heads th").count()
    )
    assert opened.locator("svg.counts").first.is_visible() and opened.locator("svg.cost").first.is_visible()
    assert not opened.get_by_label("Search").is_visible() and not opened.locator("#download").is_visible()
    opened.get_by_role("link", name="path_norm", exact=True).first.click()
    article = opened.locator('[id="measure=path_norm"]')
    assert article.is_visible() and 0 <= article.bounding_box()["y"] < 200
    assert "p = " in article.text_content()
    context.close()


CONTRAST = """() => {
  const light = text => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(each => each / 255)
      .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = each => {
    for (; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  const texts = "p, li, h1, h2, h3, h4, h5, th, td, td span, th span, caption, a, label, dt, dd, pre, summary, button, "
    + "input, select, figcaption, output, svg text, #tip";
  const shown = [...document.querySelectorAll(texts)].filter(each => each.checkVisibility() && !each.matches("svg a"));
  return shown.map(each => {
    const style = getComputedStyle(each), ink = each.closest("svg") ? style.fill : style.color;
    if (ink === "none") return [21, ""];
    const [a, b] = [light(ink), light(ground(each))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), `${each.tagName} ${each.getAttribute("class")} ${each.textContent.slice(0, 30)}`];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["", "#measure=path_norm", "#compare=path_norm,l2_norm"])
def test_words_stand_out_from_their_ground_by_4_5_to_1(browser: Any, place: Path, scheme: Any, view: str) -> None:
    context = browser.new_context(color_scheme=scheme)
    opened = context.new_page()
    opened.goto(place.as_uri() + view)
    if not view:
        opened.locator(".measures tbody td").first.focus()
    measured = opened.evaluate(CONTRAST)
    assert len(measured) > 100
    assert min(measured) >= [4.5, ""], min(measured)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_of_measures_stand_out_by_3_to_1_where_it_was_asked_what_they_read(
    browser: Any, place: Path, scheme: Any
) -> None:
    """WCAG 2.1, 1.4.11; those of which nothing is known stand back."""
    context = browser.new_context(color_scheme=scheme)
    opened = context.new_page()
    opened.goto(place.as_uri())
    found = opened.evaluate(
        """() => {
          const probe = document.body.appendChild(document.createElement("p"));
          const colours = ["k0", "k1", "k2", "k3", "k4", "k5", "kx"].map(name => {
            probe.style.color = `var(--${name})`;
            return getComputedStyle(probe).color;
          });
          return [getComputedStyle(document.body).backgroundColor, ...colours];
        }"""
    )
    ground, *marks = [luminance(colour) for colour in found]
    contrast = [(max(mark, ground) + 0.05) / (min(mark, ground) + 0.05) for mark in marks]
    assert min(contrast[:-1]) >= 3 and contrast[-1] >= 1.5, contrast
    context.close()


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.strip("rgb()").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("width", [390, 800, 1400])
@pytest.mark.parametrize("view", ["", "#measure=path_norm", "#compare=path_norm,l2_norm"])
def test_the_page_itself_never_scrolls_sideways(browser: Any, place: Path, width: int, view: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    opened = context.new_page()
    opened.goto(place.as_uri() + view)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    told = opened.eval_on_selector_all("#compare .said", "cells => cells.map(cell => cell.clientWidth)")
    assert min(told, default=120) >= 120, "a column of a few letters"
    context.close()
