"""The whole book as one PDF, printed by Chromium where it is installed.

The articles of all pages, in the order of the table of contents, are put into one page with every
fold open; what is printed is what the book shows.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from evaluation.errors import BookError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 300
_ARTICLE = re.compile(r'<article class="bd-article[^>]*>(.*?)</article>', re.DOTALL)
_BAND = re.compile(r'<div class="bd-header-announcement__content">(.*?)</div>', re.DOTALL)
_HEAD = re.compile(r'<link[^>]+rel="stylesheet"[^>]*>')
_RELATIVE = re.compile(r"""(\s(?:src|srcset)=)(["'])(?!data:|file:|https?:)([^"']*)\2""")
# The sections of the book say that formulas stand nowhere but where they are marked.
_FORMULAS = (
    "<script>window.MathJax = {options: {processHtmlClass: 'math'}}</script>"
    "<script src='_static/vendor/mathjax/tex-svg.js' defer></script>"
)
_STYLE = """<style>
article { break-before: page; } details > summary { list-style: none; }
.table-box { overflow: visible !important; } .headerlink, form, button, .copybtn { display: none; }
:root { --measure: none; --wide: none; }
body { background: white; } figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
.print-band { background: #eef2f3; color: #56626b; padding: 4px 8px; font-size: 12px; }
@page { size: A4; margin: 16mm 14mm 18mm; }
</style>"""


def browser() -> str | None:
    """Where Chromium is; None where it is not installed."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def write_pdf(html: Path, toc: Path, target: Path, *, title: str) -> Path:
    """Print the built book in ``html``, in the order of ``toc``, into one file.

    Raises
    ------
    BookError : the book is not built, Chromium is missing, or it did not print.
    """
    if not (html / "index.html").is_file() or not toc.is_file():
        raise BookError("the book is not built yet.", where=str(html), mend="newstart book build")
    program = browser()
    if program is None:
        raise BookError(
            "Chromium is not installed, so the book cannot be printed.",
            mend="install it, or print the pages that you need from a browser",
        )
    whole = html / "whole-book.html"
    whole.write_text(one_page(html, toc, title), encoding="utf-8")
    try:
        done = subprocess.run(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
             "--allow-file-access-from-files", "--virtual-time-budget=30000",
             f"--print-to-pdf={target}", whole.as_uri()],
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    finally:
        whole.unlink()
    if done.returncode != 0 or not target.is_file():
        said = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise BookError(f"Chromium did not print the book: {said}", where=str(target))
    return target


def one_page(html: Path, toc: Path, title: str) -> str:
    """All articles in one page; what they link to beside them is found from its place."""
    first = (html / "index.html").read_text(encoding="utf-8")
    articles = []
    for name in _order(yaml.safe_load(toc.read_text(encoding="utf-8"))):
        text = (html / f"{name}.html").read_text(encoding="utf-8")
        found = _ARTICLE.search(text)
        if found is None:
            raise BookError("a page has no article.", where=f"{name}.html")
        band = _BAND.search(text)
        said = f"<p class='print-band'>{band[1].strip()}</p>" if band else ""
        articles.append(f"<article class='bd-article'>{said}{_from_root(found[1], name)}</article>")
    links = "\n".join(_HEAD.findall(first))
    return (
        f"<!doctype html><html lang='en' data-theme='light' data-mode='light'><head>"
        f"<meta charset='utf-8'><title>{title}</title>{links}{_STYLE}"
        f"{_FORMULAS}</head>"
        f"<body>{''.join(articles)}</body></html>"
    )


def _order(toc: dict[str, Any]) -> Iterator[str]:
    """The pages of a table of contents, in order."""
    if "root" in toc:
        yield str(toc["root"])
    if "file" in toc:
        yield str(toc["file"])
    for key in ("parts", "chapters", "sections"):
        for below in toc.get(key, []):
            yield from _order(below)


def _from_root(article: str, name: str) -> str:
    """An article with its pictures found from the book's root, its folds open, and no scripts."""
    folder = Path(name).parent
    article = re.sub(r"<script\b(?!\s+type=['\"]math).*?</script>", "", article, flags=re.DOTALL)
    article = re.sub(r"<details\b(?![^>]*\bopen\b)", "<details open", article)
    article = re.sub(r"""(<a\b[^>]*?)\shref=(["']).*?\2""", r"\1", article)
    return _RELATIVE.sub(
        lambda found: f"{found[1]}{found[2]}{_flat(folder, found[3])}{found[2]}", article
    )


def _flat(folder: Path, address: str) -> str:
    parts: list[str] = []
    for part in (folder / address).as_posix().split("/"):
        if part == "..":
            parts and parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
