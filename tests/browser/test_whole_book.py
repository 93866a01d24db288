"""The book of the tiny demonstration, whole: from submitted returns to every page in a browser.

``python -m tests.browser.test_whole_book book/_build/html`` walks any book that is built already.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from benchmarks.reading import HIGHEST_GRADE, MOST_WORDS, reading
from benchmarks.walk import walk_workspace
from evaluation.demo import run_demo
from evaluation.edition.shape import MAIN
from evaluation.workspace import Workspace
from tests.browser.conftest import CHROMIUM, REPOSITORY, TELEPHONE, Visit, first_answers_end, look
from tests.browser.reading import reading_age

OWN = {"genindex.html", "search.html"}


def walk(browser: Browser, root: Path) -> list[Visit]:
    """Every page but Sphinx's own, with axe on each, in light colours."""
    found = [p for p in sorted(root.rglob("*.html")) if "_static" not in p.parts]
    return [look(browser, page, root) for page in found if page.name not in OWN]


def faults(visits: list[Visit]) -> dict[str, Mapping[str, object]]:
    """What is wrong, by kind and page; empty where nothing is."""
    kinds: dict[str, Mapping[str, object]] = {
        "axe": {v.name: v.violations for v in visits if v.violations},
        "requests": {v.name: v.asked for v in visits if v.asked},
        "console": {v.name: v.said for v in visits if v.said},
        "wider than 320": {v.name: v.width_at_320 for v in visits if v.width_at_320 > 320},
    }
    return {kind: found for kind, found in kinds.items() if found}


def in_the_dark(browser: Browser, root: Path) -> dict[str, list[str]]:
    """What axe finds on a page of each of the twelve kinds in dark colours."""
    kinds = [*(f"{name}.html" for name in MAIN), "sites/S01.html"]
    found = {name: look(browser, root / name, root, "dark").violations for name in kinds}
    return {name: violations for name, violations in found.items() if violations}


@pytest.mark.slow
def test_every_page_of_the_tiny_demonstration(tmp_path: Path, browser: Browser) -> None:
    shutil.copytree(
        REPOSITORY / "book", tmp_path / "book", ignore=shutil.ignore_patterns("_build", "_edition")
    )
    made = run_demo(Workspace(root=tmp_path), tiny=True, progress=lambda _: None)
    assert made.book is not None
    visits = walk(browser, made.book.parent)
    assert len(visits) > 30
    assert faults(visits) == {}
    assert in_the_dark(browser, made.book.parent) == {}
    ends = first_answers_end(browser, made.book.parent)
    assert max(ends.values()) <= 2 * TELEPHONE[1]
    assert reading_age(made.book) <= 14
    walked = walk_workspace(Workspace(root=tmp_path))
    assert [str(one) for one in walked.contradictions] == []
    read = reading(made.book.parent)
    assert (read.words <= MOST_WORDS, read.grade <= HIGHEST_GRADE) == (True, True)


def main(root: Path) -> None:
    """Print how many pages and charts were seen, and every fault."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        visits = walk(started, root)
        dark, ends = in_the_dark(started, root), first_answers_end(started, root)
        started.close()
    charts = sum(len(visit.images) for visit in visits)
    print(f"In the dark: {dark or 'nothing'}; the three answers begin to end at {ends}")
    age = reading_age(root / "index.html")
    print(f"{len(visits)} pages, {charts} pictures, reading age of the front page {age:.1f}")
    for kind, found in faults(visits).items():
        for page, what in found.items():
            print(kind, page, what)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
