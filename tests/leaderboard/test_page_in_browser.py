"""The page in a real browser: Chromium of the system, headless, driven by playwright."""

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.leaderboard.page import render
from harness.leaderboard.reading import read_runs
from harness.leaderboard.standings import leaderboard
from tests.builders.digits_records import some_records

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; on Debian: apt-get install chromium"),
]
MEASURES = ("l2_norm", "path_norm", "margin_median", "parameter_count")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    runs = read_runs(some_records(folder, *MEASURES))
    hostile = copy.deepcopy(runs["digits"]["entries"][0])
    hostile.update(measure="<script>alert(1)</script>", source='"><img src=x onerror=alert(2)> https://arxiv.org/abs/1')
    runs["digits"]["entries"].append(hostile)
    (folder / "page.html").write_text(render(leaderboard(runs), runs))
    return folder / "page.html"


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
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    opened = context.new_page()
    noise: list[str] = []
    opened.on("request", lambda request: noise.append(request.url))
    opened.on("console", lambda message: noise.append(message.text))
    opened.on("pageerror", lambda error: noise.append(str(error)))
    opened.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
    opened.goto(place.as_uri())
    yield opened
    assert noise == [place.as_uri()]
    context.close()


def names(page: Any) -> list[str]:
    return list(page.eval_on_selector_all("tbody tr:not([hidden]) th", "cells => cells.map(each => each.textContent)"))


def press(page: Any, title: str) -> str | None:
    """A click on a column's button; how the column is then sorted."""
    head = page.locator("thead th").filter(has=page.get_by_role("button", name=title, exact=True))
    head.get_by_role("button").click()
    found: str | None = head.get_attribute("aria-sort")
    return found


def test_a_column_sorts_one_way_and_then_the_other_and_says_so(page: Any) -> None:
    before = names(page)
    assert press(page, "measure") == "ascending"
    assert names(page) == sorted(before, key=str.lower)
    assert press(page, "measure") == "descending"
    assert names(page) == sorted(before, key=str.lower, reverse=True)
    assert press(page, "random labels") == "descending"  # the most wins first
    wins = page.eval_on_selector_all("tbody tr", "rows => rows.map(each => Number(each.cells[5].dataset.sort))")
    assert wins == sorted(wins, reverse=True)
    assert page.locator("th[aria-sort]").count() == 1
    assert press(page, "rank") == "ascending"
    assert names(page) == before


def test_filters_narrow_together_and_the_count_follows(page: Any) -> None:
    everything = len(names(page))
    page.get_by_label("Name or source").fill("norm")
    assert set(names(page)) == {"l2_norm", "path_norm"}
    page.get_by_label("Gate").select_option("fails")
    assert names(page) == []
    assert page.locator("output").text_content() == f"0 of {everything} shown"
    page.get_by_label("Name or source").fill("")
    page.get_by_label("Family").select_option("controls")
    assert names(page) == ["parameter_count"]


def test_a_number_shows_its_p_and_interval_on_focus_and_the_arrows_move(page: Any) -> None:
    cell = page.locator("tbody tr").first.locator(".cell").first
    assert not cell.locator(".tip").is_visible()
    cell.focus()
    assert cell.locator(".tip").is_visible()
    assert "sign test p = 9.5e-07" in cell.locator(".tip").text_content()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    second = page.locator("tbody tr").nth(1).locator(".cell").nth(1)
    assert second.evaluate("each => each === document.activeElement")
    assert second.locator(".tip").is_visible() and not cell.locator(".tip").is_visible()
    assert page.locator('.cell[tabindex="0"]').count() == 1  # one stop for the tab key


def test_all_of_it_is_reached_by_the_keyboard_in_the_order_of_the_page(page: Any) -> None:
    wanted = {"A ", "INPUT ", "SELECT ", "BUTTON ", "SPAN cell pass", "SUMMARY "}
    reached: list[str] = []
    while len(reached) < 60 and not wanted <= set(reached):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.tagName + ' ' + document.activeElement.className"))
    assert wanted <= set(reached), reached


def test_a_name_leads_to_the_measures_figures(page: Any) -> None:
    page.get_by_role("link", name="path_norm", exact=True).click()
    details = page.locator("details[open]:not(.all)")
    details.locator("svg").first.wait_for(state="visible")  # the browser tells of the new address a moment later
    assert "path_norm" in details.locator("summary").text_content()
    assert details.locator("svg").count() == 2


def test_hostile_names_are_text(page: Any) -> None:
    assert "<script>alert(1)</script>" in names(page)
    assert page.locator("img").count() == 0
    assert page.locator('a[href^="http"]').evaluate_all("links => links.map(each => each.href)") == [
        "https://arxiv.org/abs/1"
    ]


def test_it_reads_without_javascript(browser: Any, place: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(place.as_uri())
    assert opened.locator("tbody tr").count() == len(MEASURES) + 2
    assert opened.locator("tbody tr").first.is_visible()
    assert not opened.get_by_label("Name or source").is_visible()
    opened.locator("summary").first.click()
    assert opened.locator("figure svg").first.is_visible()
    cell = opened.locator(".cell").first
    cell.focus()
    assert cell.locator(".tip").is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground_by_4_5_to_1(browser: Any, place: Path, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme)
    opened = context.new_page()
    opened.goto(place.as_uri())
    measured = opened.evaluate(
        """() => {
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
            return "rgb(255, 255, 255)";
          };
          const texts = "p, li, h1, h2, h3, th, td, td span, caption span, a, label, dd, summary";
          return [...document.querySelectorAll(texts)]
            .filter(each => !each.closest("svg"))
            .map(each => {
              const [a, b] = [light(getComputedStyle(each).color), light(ground(each))].sort((x, y) => y - x);
              return [(a + 0.05) / (b + 0.05), each.tagName + " " + each.className];
            });
        }"""
    )
    assert len(measured) > 100
    assert min(measured) >= [4.5, ""], min(measured)
    context.close()


def test_on_a_narrow_screen_only_the_table_scrolls_sideways(browser: Any, place: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    opened = context.new_page()
    opened.goto(place.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
