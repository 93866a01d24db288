"""Every page of the built book, as a reader of any kind meets it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag

import pytest

from evaluation.edition.book import REAL_BAND
from evaluation.edition.build import build_book
from evaluation.edition.words import SYNTHETIC
from evaluation.errors import BookError
from evaluation.workspace import Workspace
from tests.browser.conftest import KINDS, look, sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import Visit

METHODS = "annex/methods.html"


def told(visits: list[Visit], what: str) -> dict[str, list[str]]:
    """The pages where a list of findings is not empty."""
    return {visit.name: found for visit in visits if (found := getattr(visit, what))}


def test_every_kind_of_page_is_there(visits: list[Visit]) -> None:
    names = {visit.name for visit in visits}
    assert {
        *KINDS,
        "annex/index.html",
        "annex/outcomes/ae_attendances.html",
        "annex/machinery.html",
        "annex/cases/index.html",
        "annex/cases/enterprise_zones.html",
        "annex/claims/index.html",
        "annex/records/index.html",
        "annex/records/new_start-first_look.html",
        "annex/dictionary.html",
        "annex/rules.html",
        "annex/decisions/index.html",
        "annex/methods.html",
        "annex/glossary.html",
    } <= names


def test_no_request_leaves_the_machine(visits: list[Visit]) -> None:
    assert told(visits, "asked") == {}


def test_no_page_complains(visits: list[Visit]) -> None:
    assert told(visits, "said") == {}


def test_axe_finds_nothing(visits: list[Visit]) -> None:
    """On two pages of each template, and on all pages that have one of their own."""
    assert told(visits, "violations") == {}


@pytest.mark.slow
def test_axe_finds_nothing_on_the_other_pages(
    html: Path, pages: list[Path], browser: Browser
) -> None:
    others = [page for page in pages if page not in sample(pages, html)]
    assert len(others) > 30
    assert told([look(browser, page, html) for page in others], "violations") == {}


@pytest.mark.parametrize("name", ["index.html", "annex/outcomes/ae_attendances.html"])
def test_axe_finds_nothing_in_the_dark(look_in_the_dark: Callable[[str], Visit], name: str) -> None:
    assert look_in_the_dark(name).violations == []


def test_pictures_are_told_in_words(visits: list[Visit]) -> None:
    poor = [
        (visit.name, alt)
        for visit in visits
        for alt in visit.images
        if len(alt) < 20 or re.search(r"\.(png|svg)$", alt)
    ]
    assert poor == []
    assert sum(len(visit.images) for visit in visits) > 20


def test_pages_fit_320_pixels(visits: list[Visit]) -> None:
    assert {v.name: v.width_at_320 for v in visits if v.width_at_320 > 320} == {}


def test_tables_can_be_read_at_320_pixels(visits: list[Visit]) -> None:
    assert told(visits, "towers_at_320") == {}


def test_links_inside_the_book_resolve(html: Path, visits: list[Visit]) -> None:
    anchors = {(html / visit.name).resolve(): visit.anchors for visit in visits}
    broken = []
    for visit in visits:
        for link in visit.links:
            address, anchor = urldefrag(link)
            if not address.startswith("file:"):
                continue
            target = Path(unquote(address.removeprefix("file://")))
            known = anchors.get(target)
            if not target.is_file() or (anchor and known is not None and anchor not in known):
                broken.append((visit.name, link))
    assert broken == []


def test_links_out_of_the_book_are_none(visits: list[Visit]) -> None:
    out = {link for visit in visits for link in visit.links if not link.startswith("file:")}
    assert out == set()


def test_no_page_names_an_address_to_load_from(html: Path, pages: list[Path]) -> None:
    loaded = re.compile(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?(?:https?:)?//""")
    text = {page: page.read_text(encoding="utf-8") for page in pages}
    assert [page.name for page, content in text.items() if loaded.search(content)] == []
    assert [
        page.name
        for page, content in text.items()
        if re.search(r"<script[^>]*thebe|unpkg|cdn\.", content)
    ] == []


def test_the_search_works_from_a_disk(search: Callable[[str], Visit]) -> None:
    found = search("returns calendar")
    assert "Data > Returns calendar" in found.links
    assert (found.asked, found.said) == ([], [])


def test_only_pages_with_formulas_load_mathjax(visits: list[Visit]) -> None:
    assert [v.name for v in visits if any("mathjax" in s for s in v.scripts)] == [METHODS]


def test_every_page_says_what_its_data_are(visits: list[Visit]) -> None:
    real = {v.name for v in visits if v.band == REAL_BAND}
    assert {v.band for v in visits} == {REAL_BAND, SYNTHETIC}
    assert "annex/cases/enterprise_zones.html" in real
    assert {v.name for v in visits if v.band == SYNTHETIC} >= {"index.html", METHODS}


def test_a_printed_page_says_what_its_data_are(html: Path, browser: Browser) -> None:
    tab = browser.new_page()
    tab.emulate_media(media="print")
    tab.goto((html / "index.html").as_uri())
    # The theme's script hides the band from print only once it has run.
    tab.wait_for_selector(".noprint", state="attached")
    band = tab.locator(".bd-header-announcement").first
    assert band.is_visible() and band.inner_text() == SYNTHETIC
    assert [h for h in tab.locator("h1").all() if h.is_visible()] != []
    tab.close()


def test_figures_that_may_not_be_passed_on_are_not(html: Path) -> None:
    assert (html / "data/first_look/ae_attendances-paths.csv").is_file()
    assert not (html / "data/enterprise_zones/claims-paths.csv").exists()


def test_an_unchanged_book_is_not_built_again(html: Path, workspace: Workspace) -> None:
    index = html / "index.html"
    before, said = index.stat().st_mtime_ns, []
    assert build_book(workspace, progress=said.append) == index
    assert said == ["The book is up to date."]
    assert index.stat().st_mtime_ns == before


def test_a_claim_that_no_result_bears_stops_the_build(html: Path, workspace: Workspace) -> None:
    copy = workspace.root.parent / "book-with-a-stale-claim"
    shutil.copytree(workspace.root, copy)
    methods = copy / "book" / "methods.md"
    methods.write_text(methods.read_text() + "\n\nIt fell by {claim}`gone.effect`.\n")
    with pytest.raises(BookError, match=r"methods\.md:\d+.*'gone\.effect'"):
        build_book(Workspace(root=copy), progress=lambda _: None)
