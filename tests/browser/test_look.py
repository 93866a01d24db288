"""How the main pages lie on a desk, a telephone and paper, in light and in the dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import KINDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import Visit

SHEET = 688
"""Pixels across a sheet of A4 between its margins."""

# What sticks out of the page to the right, and tables that a desk has to scroll.
WIDE = """() => [
  ...(document.documentElement.scrollWidth > document.documentElement.clientWidth ? ['page'] : []),
  ...[...document.querySelectorAll('.table-box')]
    .filter((box) => box.scrollWidth > box.clientWidth + 1)
    .map((box) => box.getAttribute('aria-label')),
]"""
# Cells of one or two words a line over many lines.
TOWERS = """() => [...document.querySelectorAll('.table-box td')].filter((cell) => {
  const { width, height } = cell.getBoundingClientRect();
  return width < 60 && height > 130;
}).map((cell) => cell.innerText.slice(0, 60))"""
SHOWN = """(what) => [...document.querySelectorAll(what)]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .map((one) => one.className || one.tagName)"""
NOT_FOR_PAPER = ".bd-sidebar-primary, .bd-header-article, .search-button, .headerlink, .chart-data"


@pytest.mark.parametrize("width", [1280, 375, 320])
def test_no_main_page_scrolls_sideways(html: Path, browser: Browser, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 900})
    found = {}
    for name in KINDS:
        tab.goto((html / name).as_uri())
        wide = tab.evaluate(WIDE)
        # On a telephone a table of many short cells scrolls inside its box, and says so.
        found[name] = wide if width == 1280 else [one for one in wide if one == "page"]
        found[name] += tab.evaluate(TOWERS) if width == 1280 else []
    tab.close()
    assert {name: wide for name, wide in found.items() if wide} == {}


def test_a_table_wider_than_the_page_would_be_found(html: Path, browser: Browser) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto((html / "sites.html").as_uri())
    tab.add_style_tag(content=".table-box td { min-width: 20rem !important; }")
    assert tab.evaluate(WIDE) != []
    tab.close()


def test_paper_has_what_is_read_and_nothing_that_is_pressed(html: Path, browser: Browser) -> None:
    tab = browser.new_page(viewport={"width": SHEET, "height": 972})
    tab.emulate_media(media="print")
    found = {}
    for name in KINDS:
        tab.goto((html / name).as_uri())
        tab.wait_for_selector(".noprint", state="attached")
        found[name] = tab.evaluate(SHOWN, NOT_FOR_PAPER) + tab.evaluate(WIDE)
        found[name] += tab.evaluate(TOWERS)
    tab.close()
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("name", [kind for kind in KINDS if kind != "index.html"])
def test_axe_finds_nothing_in_the_dark(look_in_the_dark: Callable[[str], Visit], name: str) -> None:
    assert look_in_the_dark(name).violations == []


def test_every_chart_is_named_where_it_stands(html: Path, browser: Browser) -> None:
    """By a caption of its own, above or below it."""
    tab = browser.new_page()
    bare = {}
    for name in KINDS:
        tab.goto((html / name).as_uri())
        bare[name] = tab.eval_on_selector_all(
            "figure.chart:not(:has(figcaption))",
            "all => all.map(one => one.innerHTML.slice(0, 80))",
        )
    tab.close()
    assert {name: what for name, what in bare.items() if what} == {}


@pytest.mark.parametrize(
    ("page", "heading"),
    [("how.html", "A figure and its range"), ("undo.html", "The pilots were going to improve")],
)
def test_a_written_text_keeps_its_first_heading(
    html: Path, browser: Browser, page: str, heading: str
) -> None:
    tab = browser.new_page()
    tab.goto((html / page).as_uri())
    assert tab.locator("h3", has_text=heading).count() == 1
    tab.close()
