"""Every chart of the book as Chromium lays it out: nothing overlaps, is cut off or too small."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from evaluation import drawing

TELEPHONE, LEAST = 343, 11.0
"""Pixels across a telephone of 375, and the smallest words that are read on it."""
PLACES = """(svg) => {
  document.body.innerHTML = svg;
  const sheet = document.querySelector('svg').getBoundingClientRect();
  return [...document.querySelectorAll('svg text')].filter((one) => one.textContent.trim())
    .flatMap((one) => {
      // A text of several lines is a box a line, since its own would hold what lies beside them.
      const lines = one.querySelectorAll('tspan[y], tspan[dy]');
      return lines.length ? [...lines] : [one];
    }).map((one) => {
      const box = one.getBoundingClientRect();
      return { words: one.textContent.trim(), left: box.left - sheet.left,
        top: box.top - sheet.top, right: box.right - sheet.left, bottom: box.bottom - sheet.top,
        size: parseFloat(getComputedStyle(one).fontSize), width: sheet.width,
        height: sheet.height };
    });
}"""


def faults(page: Page, svg: str) -> list[str]:
    """Words that lie on each other, reach over the edge, or are under 11 pixels on a telephone."""
    texts: list[dict[str, Any]] = page.evaluate(PLACES, svg)
    found = []
    for place, one in enumerate(texts):
        shown = one["size"] * min(1.0, TELEPHONE / one["width"])
        if one["width"] < 500 and shown < LEAST:
            found.append(f"{one['words']!r} is {shown:.1f} pixels")
        if min(one["left"], one["top"]) < -1 or one["right"] > one["width"] + 1:
            found.append(f"{one['words']!r} is cut off")
        elif one["bottom"] > one["height"] + 1:
            found.append(f"{one['words']!r} is cut off below")
        found += [
            f"{one['words']!r} lies on {other['words']!r}"
            for other in texts[place + 1 :]
            if _apart(one, other, "left", "right") < -2 and _apart(one, other, "top", "bottom") < -4
        ]
    return found


def _apart(one: dict[str, Any], other: dict[str, Any], begin: str, end: str) -> float:
    return float(max(one[begin], other[begin]) - min(one[end], other[end]))


@pytest.fixture
def sheet(browser: Browser) -> Page:
    page: Page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.set_content("<body style='margin: 0'></body>")
    return page


def test_no_words_of_a_chart_overlap_are_cut_off_or_too_small(html: Path, sheet: Page) -> None:
    charts = sorted((html / "figures").rglob("*.svg"))
    assert charts
    found = {
        str(path.relative_to(html)): told
        for path in charts
        if (told := faults(sheet, path.read_text(encoding="utf-8")))
    }
    assert found == {}


def _outcome(name: str, *, group: str = "Main outcomes", **given: Any) -> dict[str, Any]:
    row = {
        "group": group,
        "outcome": name,
        "main": group == "Main outcomes",
        "better_down": True,
        "effect": -3.7,
        "low": -5.9,
        "high": -1.2,
        "hoped": -8.0,
        "worth_having": 6.0,
        "said": "−3.7% (−5.9% to −1.2%)",
    }
    return row | given


LONG = "People whose household could pay an unexpected but necessary expense of several hundred £"
AWKWARD = {
    "one alone": [_outcome("A&E attendances")],
    "nothing known": [_outcome("A&E", effect=None, low=None, high=None, hoped=None)],
    "long names": [_outcome(LONG), _outcome(LONG, group="Also measured", better_down=False)],
    "hope beside margin": [_outcome("A&E", hoped=-6.1)],
    "a range beyond all others": [
        *(_outcome(f"Outcome {k}", group="Also measured") for k in range(5)),
        _outcome("Wild", effect=4.0, low=-300.0, high=900.0, said="+4.0% (−300% to +900%)"),
    ],
    "ranges over all looks": [
        _outcome("A&E", said="−5.9% to −1.2% over all looks (−6.1% by the newest alone)")
    ],
}


@pytest.mark.parametrize("case", AWKWARD)
@pytest.mark.parametrize("size", [drawing.WIDE, drawing.NARROW])
def test_the_chart_of_all_outcomes_bears_awkward_ones(
    case: str, size: drawing.Size, sheet: Page
) -> None:
    assert faults(sheet, drawing.all_outcomes(AWKWARD[case], size)) == []


@pytest.mark.parametrize("size", [drawing.WIDE, drawing.NARROW])
@pytest.mark.parametrize("many", [1, 2, 3])
def test_the_chart_of_all_sites_bears_one_outcome_or_three(
    many: int, size: drawing.Size, sheet: Page
) -> None:
    titles = [f"{name} with help" for name in ("A&E", "Households owed", LONG)][:many]
    rows = [
        _outcome(title, unit="difference, per cent", site=site, said="−3.7%")
        for title in titles
        for site in ("Harrowmere", "Tarn Cross", "Kestrelby")
    ]
    assert faults(sheet, drawing.sites_together(rows, titles, size)) == []


def test_the_better_way_lies_to_the_right_whichever_way_the_figure_goes() -> None:
    def dot(row: dict[str, Any]) -> float:
        drawn = drawing.all_outcomes([row], drawing.WIDE)
        return float(re.findall(r'<use [^>]*x="([\d.]+)"', drawn)[-1])

    falls = _outcome("A&E", effect=-3.0, low=None, high=None, hoped=-8.0)
    rises = _outcome("A&E", better_down=False, effect=3.0, low=None, high=None, hoped=8.0)
    harms = _outcome("A&E", effect=3.0, low=None, high=None, hoped=-8.0)
    assert dot(falls) == dot(rises) > dot(harms)


def test_rows_are_chosen_seen_and_taken_away_without_a_server(html: Path, browser: Browser) -> None:
    page: Page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto((html / "annex" / "explore.html").as_uri())
    page.wait_for_selector(".explore.live")
    every = page.locator(".explore tbody tr:visible").count()
    outcome = str(page.locator(".explore tbody th").first.inner_text())
    page.select_option("select[name=outcome]", outcome)
    page.wait_for_function(
        "(all) => document.querySelectorAll('.explore tbody tr[hidden]').length > 0 || all === 1",
        arg=every,
    )
    shown = page.locator(".explore tbody tr:visible")
    names = set(page.locator(".explore tbody tr:visible th").all_inner_texts())
    assert names == {outcome} and shown.count() < every
    assert page.locator(".slice circle").count() > 0
    below = " ".join(page.locator(".slice .source").all_text_contents())
    assert "invented" in below and "Source: evaluation of" in below, "the picture says what it is"
    inside = page.locator(".slice").evaluate(
        "(drawn) => [...drawn.querySelectorAll('.source')].every((line) => {"
        " const box = line.getBBox(), view = drawn.viewBox.baseVal;"
        " return box.x + box.width <= view.width && box.y + box.height <= view.height; })"
    )
    assert inside, "its words lie within it on a telephone"
    with page.expect_download() as taken:
        page.click("button[type=submit]")
    rows = list(csv.DictReader(taken.value.path().read_text(encoding="utf-8").splitlines()))
    assert len(rows) == shown.count() and {row["outcome"] for row in rows} == {outcome}
    assert all(float(row["effect"]) == float(row["effect"]) for row in rows)


def test_without_a_script_the_whole_table_stands_and_nothing_else(
    html: Path, browser: Browser
) -> None:
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto((html / "annex" / "explore.html").as_uri())
    assert plain.locator(".explore tbody tr:visible").count() > 0
    assert not plain.locator(".explore form").is_visible()
