"""The built book, and a walk through every page of it in headless Chromium, made once in a run.

Where Chromium is missing the tests are skipped, but not where ``CI`` is set.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright

from evaluation.edition.build import build_book
from evaluation.workspace import Workspace, packaged_schemas
from tests.once import once

CHROMIUM = Path("/usr/bin/chromium")
REPOSITORY = Path(__file__).parents[2]
# Without its preloading axe asks for no style sheet, which a page on a disk would refuse.
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "preload": False,
}


# Cells of a few letters a line over many lines, and captions that go on beyond their table's box.
TOWERS = """() => [...document.querySelectorAll('.table-box')].flatMap((box) => {
  const edge = box.getBoundingClientRect().right + 1;
  return [...box.querySelectorAll('td, caption')].filter((part) => {
    const { width, height, right } = part.getBoundingClientRect();
    return part.matches('td') ? width < 100 && height > 200 : right > edge;
  }).map((part) => part.innerText.slice(0, 60));
})"""

KINDS = [
    "index.html",
    "lives.html",
    "people.html",
    "sites.html",
    "sites/S01.html",
    "money.html",
    "for-whom.html",
    "learning.html",
    "undo.html",
    "changes.html",
    "data.html",
    "how.html",
]
"""A page of each kind of the main part."""


@dataclass
class Visit:
    """What one page showed."""

    name: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    width_at_320: int = 0
    towers_at_320: list[str] = field(default_factory=list)
    band: str = ""


def lay_out_and_build(root: Path) -> None:
    """A workspace with invented results, a copy of the book's own pages, and the book of both."""
    made = runpy.run_path(str(Path(__file__).with_name("edition_results.py")))
    made["write_workspace"](root, packaged_schemas())
    shutil.copytree(packaged_schemas(), root / "data_schemas")
    shutil.copytree(
        REPOSITORY / "book", root / "book", ignore=shutil.ignore_patterns("_build", "_edition")
    )
    build_book(Workspace(root=root), progress=lambda _: None)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose book is built."""
    return Workspace(root=once(tmp_path_factory, "book", lay_out_and_build))


@pytest.fixture(scope="session")
def html(workspace: Workspace) -> Path:
    """The folder of the built book."""
    return workspace.book / "_build" / "html"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def pages(html: Path) -> list[Path]:
    """Every page that a reader can reach; what Sphinx adds for itself is left out."""
    own = {"genindex.html", "search.html"}
    found = [p for p in sorted(html.rglob("*.html")) if "_static" not in p.parts]
    return [page for page in found if page.name not in own]


def sample(pages: list[Path], html: Path) -> list[Path]:
    """All pages that stand alone, and two of each folder whose pages are made by one template."""
    seen: Counter[Path] = Counter()
    found = []
    for page in pages:
        seen[page.parent] += 1
        if page.parent in (html, html / "annex") or seen[page.parent] <= 2:
            found.append(page)
    return found


@pytest.fixture(scope="session")
def visits(
    html: Path, pages: list[Path], browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> list[Visit]:
    """All pages, looked at once, in light colours at a desk's width and then at 320 pixels.

    Axe looks at a sample of them; a slow test has it look at the others.
    """

    def walk(folder: Path) -> None:
        axed = set(sample(pages, html))
        found = [asdict(look(browser, page, html, axe=page in axed)) for page in pages]
        (folder / "visits.json").write_text(json.dumps(found, default=sorted), "utf-8")

    walked = once(tmp_path_factory, "visits", walk) / "visits.json"
    found = [Visit(**one) for one in json.loads(walked.read_text("utf-8"))]
    for visit in found:
        visit.anchors = set(visit.anchors)
    return found


@pytest.fixture(scope="session")
def look_in_the_dark(html: Path, browser: Browser) -> Callable[[str], Visit]:
    """One page in dark colours."""
    return lambda name: look(browser, html / name, html, "dark")


@pytest.fixture(scope="session")
def search(html: Path, browser: Browser) -> Callable[[str], Visit]:
    """The search page with a word asked for; its links are the pages found."""

    def asked(word: str) -> Visit:
        visit, tab = Visit(name=word), browser.new_page()
        tab.route("**/*", lambda route: _let_files_in(route, visit))
        tab.on("console", lambda m: visit.said.append(m.text) if m.type == "error" else None)
        tab.goto(f"{(html / 'search.html').as_uri()}?q={word}")
        tab.wait_for_selector("#search-results ul.search li")
        visit.links = tab.eval_on_selector_all(
            "#search-results li a", "all => all.map(a => a.innerText)"
        )
        tab.close()
        return visit

    return asked


def look(
    browser: Browser, page: Path, root: Path, scheme: str = "light", *, axe: bool = True
) -> Visit:
    """Open one page with the network shut and note what it did."""
    visit = Visit(name=str(page.relative_to(root)))
    # Without motion, axe sees the colours that a page settles on, not those on the way there.
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    tab = context.new_page()
    tab.route("**/*", lambda route: _let_files_in(route, visit))
    tab.on("console", lambda m: visit.said.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: visit.said.append(str(error)))
    tab.goto(page.as_uri())
    tab.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
    visit.violations = _violations(tab) if axe else []
    visit.band = tab.locator(".bd-header-announcement").first.inner_text()
    visit.images = tab.eval_on_selector_all("img", "all => all.map(i => i.alt || '')")
    visit.scripts = tab.eval_on_selector_all("script[src]", "all => all.map(s => s.src)")
    visit.links = tab.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    visit.anchors = set(tab.eval_on_selector_all("[id]", "all => all.map(e => e.id)"))
    tab.set_viewport_size({"width": 320, "height": 900})
    visit.width_at_320 = tab.evaluate("document.documentElement.scrollWidth")
    visit.towers_at_320 = tab.evaluate(TOWERS)
    context.close()
    return visit


TELEPHONE = (375, 667)


def first_answers_end(browser: Browser, html: Path) -> dict[str, float]:
    """How far down a telephone's page the first lines of the three answers end, in pixels."""
    wide, high = TELEPHONE
    page = browser.new_page(viewport={"width": wide, "height": high})
    page.goto((html / "index.html").as_uri())
    ends = page.evaluate(
        """() => [...document.querySelectorAll('dl.answer > div')].slice(0, 3).map((one) => {
          const first = one.querySelector('dd li, dd .claim') || one.querySelector('dd');
          const end = first.getBoundingClientRect().bottom + scrollY;
          return [one.querySelector('dt').innerText, end];
        })"""
    )
    page.close()
    return dict(ends)


def _let_files_in(route: Route, visit: Visit) -> None:
    if route.request.url.startswith(("file:", "data:", "blob:")):
        route.continue_()
    else:
        visit.asked.append(route.request.url)
        route.abort()


def _violations(tab: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(tab, options=AXE).response["violations"]
    return [f"{v['id']}: {node['html'][:160]}" for v in found for node in v["nodes"][:3]]
