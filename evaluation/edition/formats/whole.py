"""The whole book as one PDF, printed by Chromium where it is installed.

The articles of all pages, in the order of the table of contents, are put into one page; what is
printed is what the book shows without a fold being opened. Links from page to page lead to their
place in the print; each sheet says whose figures it bears, which edition it is, and its number.
"""

from __future__ import annotations

import functools
import html as markup
import json
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evaluation.edition.shape import ARTICLE
from evaluation.errors import BookError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 300
LEVELS = ("parts", "chapters", "sections")
_BAND = re.compile(r'<div class="bd-header-announcement__content">(.*?)</div>', re.DOTALL)
_HEAD = re.compile(r'<link[^>]+rel="stylesheet"[^>]*>')
_TITLE = re.compile(r"<h1>(.*?)(?:<a class=\"headerlink\".*?)?</h1>", re.DOTALL)
_SOURCE = re.compile(r"<details open>\s*<summary>(Source of .*?)</summary>.*?</details>", re.DOTALL)
_LINK = re.compile(r"""(<a\b[^>]*?)\shref=(["'])(.*?)\2""")
_ID = re.compile(r"""(\s(?:id|for|aria-labelledby|aria-describedby)=)(["'])(.*?)\2""")
_FOLD = re.compile(r"(<details\b[^>]*>|</details>)")
_OPEN = re.compile(r"\bopen\b")
_FIGURE = re.compile(r"<figure\b.*?</figure>", re.DOTALL)
_RELATIVE = re.compile(r"""(\s(?:src|srcset)=)(["'])(?!data:|file:|https?:)([^"']*)\2""")
# The sections of the book say that formulas stand nowhere but where they are marked.
_FORMULAS = (
    "<script>window.MathJax = {options: {processHtmlClass: 'math'}}</script>"
    "<script src='_static/vendor/mathjax/tex-svg.js' defer></script>"
)
# A table is cut between rows only; what names it, and a chart's caption, stay with it.
_STYLE = """
article { break-before: page; } details > summary { list-style: none; }
.table-box { overflow: visible !important; } form, button, .copybtn { display: none; }
.headerlink, .toctree-wrapper, .chart-data, .downloads { display: none; }
details:has(> .downloads) { display: none; }
/* A size for paper, and nothing wider than a sheet: else Chromium shrinks the whole book. */
html { font-size: 10px; } .bd-article h1 { font-size: 1.8rem; }
body, .bd-article p, .bd-article li, .bd-article dd { line-height: 1.36; }
.bd-article p { margin-bottom: .55rem; } .bd-article li { margin: .15rem 0; }
figure.chart img { max-width: min(var(--chart), 470px); }
.front-chart figure.chart img { max-width: 560px; }
:root { --measure: none; --wide: none; }
body { background: white; } figure, tr, li { break-inside: avoid; }
h1, h2, h3, summary, caption, .cell_input, .print-band { break-after: avoid; }
caption, h1 + p, p:has(+ figure) { break-inside: avoid; }
h1 + p, p:has(+ figure) { break-after: avoid; }
/* The first lines of a page stay with its first part, and what leads to a chart with the chart. */
.edition-line, p:has(+ section), h2 + p:has(+ figure) { break-after: avoid; }
figcaption { break-before: avoid; }
/* Two rows stay together at either end; the last one is not tied to what follows the table. */
tr:nth-child(-n+2):not(:last-child) { break-after: avoid; }
tr:nth-last-child(-n+2) { break-before: avoid; }
thead { break-after: avoid; break-inside: avoid; } tbody tr:first-child { break-before: avoid; }
dl > div, dd { break-inside: avoid; } h4, dt { break-after: avoid; }
dl.simple { break-inside: auto; }
/* A page follows on the sheet of the one before it: no sheet is near empty. */
article.follows { break-before: auto; margin-top: 1.6rem; }
.bd-article h2 { margin: .9rem 0 .35rem; padding-top: .4rem; font-size: 1.25rem; }
.bd-article h3 { margin: .7rem 0 .3rem; } .bd-article figure.chart { margin: .4rem 0 .6rem; }
.bd-article .table-box td { white-space: normal; overflow-wrap: break-word; }
.bd-article table.dataframe { border: 0; } .bd-article table.table { margin-bottom: 1rem; }
/* What is empty below the last words of a page would otherwise be a sheet of its own. */
.bd-article, .bd-article > section { padding-bottom: 0; margin-bottom: 0; min-height: 0; }
.bd-article section:last-child, .bd-article section > :last-child { margin-bottom: 0; }
.bd-article .table-box th, .bd-article .table-box td { padding-block: .15rem; font-size: .9rem; }
.bd-article .table-box { margin-block: .5rem .8rem; }
.bd-article details { padding-block: .2rem; margin-block: .2rem; }
.bd-article pre { white-space: pre-wrap; }
.print-band { background: #eef2f3; color: #56626b; padding: 4px 8px; font-size: 12px; }
.print-contents ul { columns: 4; list-style: none; padding: 0; margin: .3rem 0 .8rem; }
.print-contents li { margin: 0; }
.table-box .n .range, .table-box .verdicts .n { white-space: nowrap; }
"""
_SHEET = """
@page {{ size: A4; margin: 14mm 14mm 13mm; font: 8pt sans-serif; color: #56626b;
  @bottom-left {{ content: {title}; }}
  @bottom-right {{ content: counter(page) " of " counter(pages); }} }}
"""


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
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-pdf-header-footer",
                "--allow-file-access-from-files",
                "--virtual-time-budget=30000",
                "--generate-pdf-document-outline",
                f"--print-to-pdf={target}",
                whole.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BookError(
            f"Chromium did not print the book in {SECONDS} seconds.",
            where=str(target),
            mend="print it again once the machine has less to do",
        ) from error
    finally:
        whole.unlink()
    if done.returncode != 0 or not target.is_file():
        said = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise BookError(f"Chromium did not print the book: {said}", where=str(target))
    return target


def one_page(html: Path, toc: Path, title: str) -> str:
    """All articles in one page; what they link to beside them is found from its place."""
    first = (html / "index.html").read_text(encoding="utf-8")
    order = yaml.safe_load(toc.read_text(encoding="utf-8"))
    names, begins = list(_order(order)), _begins(order)
    pages = {name: (html / f"{name}.html").read_text(encoding="utf-8") for name in names}
    bands = {name: _band(text) for name, text in pages.items()}
    kinds = list(dict.fromkeys(bands.values()))
    articles = {name: _article(text, name, names) for name, text in pages.items()}
    articles = _sources_once(articles)
    printed, known = [], bands[names[0]]
    for name, article in articles.items():
        kind = f"bd-article{'' if name in begins else ' follows'}"
        sheet = f"page: band-{kinds.index(bands[name])}"
        # Each sheet says it in its margin, so in the text only where it is another.
        said = (_said(bands[name]) if bands[name] != known else "") + article
        known = bands[name]
        printed.append(
            f"<article class='{kind}' id='{_place(name)}' style='{sheet}'>{said}</article>"
        )
    front = _said(bands[names[0]]) + _contents(order, title, articles)
    links = "\n".join(_HEAD.findall(first))
    return (
        f"<!doctype html><html lang='en' data-theme='light' data-mode='light'><head>"
        f"<meta charset='utf-8'><title>{markup.escape(title)}</title>{links}"
        f"<style>{_STYLE}{_sheets(title, kinds)}</style>{_FORMULAS}</head><body>"
        f"<div class='bd-article' style='page: band-0'>{front}</div>{''.join(printed)}"
        "</body></html>"
    )


def _article(text: str, name: str, names: Collection[str]) -> str:
    found = ARTICLE.search(text)
    if found is None:
        raise BookError("a page has no article.", where=f"{name}.html")
    return _from_root(found[1], name, names)


def _sources_once(articles: Mapping[str, str]) -> dict[str, str]:
    """The articles with each function's source printed once, where it stands first."""
    seen: dict[str, str] = {}

    def kept(name: str, found: re.Match[str]) -> str:
        first = seen.setdefault(found[0], name)
        if first == name:
            return found[0]
        return f"<p>{found[1]}: printed <a href='#{_place(first)}'>above</a>.</p>"

    return {
        name: _SOURCE.sub(functools.partial(kept, name), article)
        for name, article in articles.items()
    }


def _begins(toc: Mapping[str, Any]) -> set[str]:
    """The pages with which the book and its parts begin: each begins a sheet, as charts do."""
    parts = [part["chapters"][0]["file"] for part in _parts(toc)]
    return set(map(str, parts))


def _band(text: str) -> str:
    found = _BAND.search(text)
    return found[1].strip() if found else ""


def _said(band: str) -> str:
    return f"<p class='print-band'>{band}</p>" if band else ""


def _sheets(title: str, bands: Sequence[str]) -> str:
    """The margins of each sheet: whose figures these are stands on every one."""
    told = "".join(
        f"@page band-{k} {{ @top-left {{ content: {_quoted(markup.unescape(band))}; }} }}\n"
        for k, band in enumerate(bands)
        if band
    )
    return _SHEET.format(title=_quoted(title)) + told


def _quoted(text: str) -> str:
    """A string of CSS; none can close the style."""
    return json.dumps(text, ensure_ascii=False).replace("<", "\\3c ")


def _contents(toc: Mapping[str, Any], title: str, articles: Mapping[str, str]) -> str:
    """The parts of the book and their chapters, each a link."""
    parts = []
    for part in _parts(toc):
        items = "".join(
            f"<li><a href='#{_place(chapter['file'])}'>{_title(articles[chapter['file']])}</a></li>"
            for chapter in part["chapters"]
        )
        heading = f"<h2>{markup.escape(part['caption'])}</h2>" if "caption" in part else ""
        parts.append(f"{heading}<ul>{items}</ul>")
    return f"<h1>{markup.escape(title)}</h1><div class='print-contents'>{''.join(parts)}</div>"


def _parts(toc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parts of a book; the whole of one whose chapters stand in no part."""
    return toc.get("parts") or ([toc] if toc.get("chapters") else [])


def _title(article: str) -> str:
    found = _TITLE.search(article)
    return re.sub(r"<[^>]+>", "", found[1]) if found else ""


def _order(toc: Mapping[str, Any]) -> Iterator[str]:
    """The pages of a table of contents, in order."""
    yield from (str(toc[key]) for key in ("root", "file") if key in toc)
    for key in LEVELS:
        for below in toc.get(key, []):
            yield from _order(below)


def _from_root(article: str, name: str, names: Collection[str]) -> str:
    """An article with its pictures found from the book's root, its folds open, and no scripts."""
    folder = Path(name).parent
    article = re.sub(r"<script\b(?!\s+type=['\"]math).*?</script>", "", article, flags=re.DOTALL)
    article = re.sub(r"<div class=.toctree-wrapper[^>]*>\s*</div>", "", article)
    article = _short(article)
    article = _ID.sub(
        lambda found: f"{found[1]}{found[2]}{_place(name, found[3])}{found[2]}", article
    )
    article = _LINK.sub(lambda found: found[1] + _to(found[3], name, names), article)
    return _RELATIVE.sub(
        lambda found: f"{found[1]}{found[2]}{_flat(folder, found[3])}{found[2]}", article
    )


def _short(article: str) -> str:
    """An article with its open folds, and of its outcomes the findings.

    What a reader has to open on the screen, a table behind a chart, the paragraph for an analyst,
    is in the book and in the downloads: on paper it would be half of all sheets. Of an outcome that
    is folded away its finding is printed, without its charts.
    """
    kept, depth, dropped = [], 0, 0
    closed_outcome = 0
    for part in _FOLD.split(article):
        if part.startswith("<details"):
            depth += 1
            closed = _OPEN.search(part) is None
            outcome = 'class="outcome"' in part or "class='outcome'" in part
            if closed and not outcome and not dropped:
                dropped = depth
            if closed and outcome and not closed_outcome:
                closed_outcome = depth
            part = part if not closed else part.replace("<details", "<details open", 1)
        ended = part.startswith("</details")
        if not dropped:
            kept.append(_FIGURE.sub("", part) if closed_outcome else part)
        if ended:
            dropped = 0 if dropped == depth else dropped
            closed_outcome = 0 if closed_outcome == depth else closed_outcome
            depth -= 1
    return "".join(kept)


def _to(address: str, name: str, names: Collection[str]) -> str:
    """Where a link leads in the print; nowhere where that is not printed."""
    if address.startswith(("http:", "https:")):
        return f' href="{address}"'
    page, _, fragment = address.partition("#")
    target = _flat(Path(name).parent, page).removesuffix(".html") if page else name
    return f' href="#{_place(target, fragment)}"' if target in names else ""


def _place(name: str, fragment: str = "") -> str:
    """The id of a page in the print, or of a place on it: ids of two pages may be alike."""
    page = name.replace("/", "-")
    return f"{page}--{fragment}" if fragment else page


def _flat(folder: Path, address: str) -> str:
    parts: list[str] = []
    for part in (folder / address).as_posix().split("/"):
        if part == "..":
            del parts[-1:]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
