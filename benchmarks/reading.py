"""How long the main part of a built book is, and how hard to read.

``python -m benchmarks.reading WORKSPACE`` prints words and pages of the main part, and the grade
of schooling that its running words ask for (Flesch and Kincaid, by textstat), page by page;
``--pdf`` prints the main part by Chromium too, and counts the pages of that PDF. 1 where a bound
is passed.
"""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import textstat
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader

from evaluation.edition import shape
from evaluation.edition.formats import whole

MOST_WORDS, MOST_PAGES, HIGHEST_GRADE = 9_000, 30, 11.0
_WORD = re.compile(r"[^\W\d_][\w'-]*")
_PROSE = "p, li, dd, figcaption, blockquote"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Words of the main part and its grade; of each page its words and its grade."""

    words: int
    grade: float
    pages: Mapping[str, tuple[int, float]]


def reading(html: Path) -> Reading:
    """Count and grade the main part of a built book.

    Tables are counted and not graded: the formula asks for sentences.
    """
    found, every = {}, []
    for path in sorted(html.rglob("*.html")):
        page = path.relative_to(html).as_posix()
        if page.startswith(("_", shape.ANNEX, "genindex", "search")):
            continue
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        article = soup.find("article") or soup
        text = prose(article)
        every.append(text)
        found[page] = (len(_WORD.findall(article.get_text(" "))), graded(text))
    # The whole as `newstart book build --json` counts it.
    words = shape.measured(html)["main"]["words"]
    return Reading(words=words, grade=graded(" ".join(every)), pages=found)


def prose(article: Tag) -> str:
    """The sentences of a page: blocks of running words, each ended by a stop."""
    said = []
    for block in article.select(_PROSE):
        if block.find(("p", "li", "dd")) is not None or block.find_parent("table") is not None:
            continue
        text = " ".join(block.get_text(" ").split())
        if text:
            said.append(text if text.endswith((".", "?", "!", ":")) else f"{text}.")
    return " ".join(said)


def graded(text: str) -> float:
    """The grade of Flesch and Kincaid; 0 where there is nothing to read.

    A point inside a number is no end of a sentence, and would make every text an easy one.
    """
    whole_numbers = re.sub(r"(\d)[.,](?=\d)", r"\1", text)
    if not text:
        return 0.0
    with warnings.catch_warnings():
        # Its dictionary of syllables is read from a file that it leaves open.
        warnings.simplefilter("ignore", ResourceWarning)
        return round(float(textstat.flesch_kincaid_grade(whole_numbers)), 1)


def main(folder: str, *options: str) -> int:
    """Print what was counted; 1 where a bound is passed."""
    book = Path(folder) / "book"
    html = book / "_build" / "html"
    found = reading(html)
    for page, (words, grade) in found.pages.items():
        print(f"{words:6} words  grade {grade:4}  {page}")
    print(f"{found.words:6} words  grade {found.grade:4}  the main part")
    passed = found.words > MOST_WORDS or found.grade > HIGHEST_GRADE
    if "--pdf" in options:
        with tempfile.TemporaryDirectory(prefix="newstart-reading-") as scratch:
            printed = Path(scratch) / "book.pdf"
            whole.write_pdf(html, book / "_edition" / "_toc.yml", printed, title="The main part")
            pages = len(PdfReader(printed).pages)
        print(f"{pages:6} pages of PDF")
        passed = passed or pages > MOST_PAGES
    return int(passed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
