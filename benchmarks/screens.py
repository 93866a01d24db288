"""Take the book's pictures to look at: each kind of page, wide and narrow, light, dark and paper.

``python -m benchmarks.screens WORKSPACE FOLDER`` photographs a built book: a page of each of the
twelve kinds and some of the annex at 1280 and 375 pixels, in light and in dark colours, in pieces
that can be read; the main part and the briefing as sheets of paper; the social card beside them.
``--only PAGE``, as in ``--only sites/S01``, takes one page and no paper.

Nothing is judged here. What was seen, by whom and when, and what was mended, stands in
``docs/readings.md``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from evaluation.edition.formats import whole
from evaluation.edition.shape import MAIN

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "/usr/bin/chromium"
WIDTHS = {1280: 1500, 375: 2000}
"""Pixels across, and how many down make a piece that can still be read."""
SCHEMES = ("light", "dark")
ANNEX = (
    "annex/index",
    "annex/explore",
    "annex/feedback",
    "annex/protected",
    "annex/how-sure",
    "annex/all-money",
    "annex/machinery",
    "annex/update-log",
    "annex/returns",
    "annex/records/index",
)
"""Pages of the annex that are photographed: one of each make."""


def kinds(html: Path) -> tuple[str, ...]:
    """A page of each kind of the main part that this book has, and those of the annex."""
    site = next(iter(sorted(path.stem for path in (html / "sites").glob("*.html"))), None)
    named = [*MAIN, *([f"sites/{site}"] if site else []), *ANNEX]
    outcome = next(iter(sorted((html / "annex" / "outcomes").glob("*.html"))), None)
    claim = next(iter(sorted((html / "annex" / "claims").glob("*.verdict.html"))), None)
    named += [
        page.relative_to(html).with_suffix("").as_posix() for page in (outcome, claim) if page
    ]
    return tuple(name for name in named if (html / f"{name}.html").is_file())


def photograph(browser: Browser, html: Path, name: str, folder: Path) -> Iterator[Path]:
    """One page, in both widths and both colours, each in pieces from top to bottom."""
    for width, piece in WIDTHS.items():
        for scheme in SCHEMES:
            tab = browser.new_page(
                viewport={"width": width, "height": 900 if width > 600 else 667},
                color_scheme=scheme,
                reduced_motion="reduce",
            )
            tab.goto((html / f"{name}.html").as_uri())
            tab.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
            stem = f"{name.replace('/', '_')}-{width}-{scheme}"
            tall = tab.evaluate("document.documentElement.scrollHeight")
            for number, top in enumerate(range(0, tall, piece), start=1):
                cut = folder / f"{stem}-{number:02}.png"
                clip = {"x": 0, "y": top, "width": width, "height": min(piece, tall - top)}
                tab.screenshot(path=cut, full_page=True, clip=clip)
                yield cut
            tab.close()


def sheets(printed: Path, folder: Path, stem: str) -> Iterator[Path]:
    """The sheets of a PDF, each as one picture."""
    import pypdfium2

    document = pypdfium2.PdfDocument(printed)
    for number in range(len(document)):
        target = folder / f"{stem}-sheet-{number + 1:02}.png"
        document[number].render(scale=1.5).to_pil().save(target)
        yield target


def papers(workspace: Path, folder: Path) -> Iterator[Path]:
    """The main part and the briefing on paper, sheet by sheet."""
    html = workspace / "book" / "_build" / "html"
    with tempfile.TemporaryDirectory(prefix="newstart-screens-") as scratch:
        printed = Path(scratch) / "book.pdf"
        toc = workspace / "book" / "_edition" / "_toc.yml"
        whole.write_pdf(html, toc, printed, title="The main part")
        yield from sheets(printed, folder, "book")
    yield from sheets(html / "downloads" / "briefing.pdf", folder, "briefing")


def main(workspace: str, target: str, *options: str) -> int:
    """Photograph the book; print what was taken."""
    html, folder = Path(workspace) / "book" / "_build" / "html", Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    only = options[options.index("--only") + 1] if "--only" in options else None
    taken: list[Path] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in kinds(html):
            if only in (None, name):
                taken += photograph(browser, html, name, folder)
        browser.close()
    if only is None:
        copyfile(html / "card.png", folder / "card.png")
        taken += papers(Path(workspace), folder)
    print(f"{len(taken)} pictures in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
