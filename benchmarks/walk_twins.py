"""What is told twice as a whole: a page and its source, a letter and the site's own page.

Used by `benchmarks.walk`. Much of the annex tells what stands nowhere else, so no second place of
the book can contradict it; but each page is built from a source that was written for this edition,
and a letter from the results. Whatever one says and the other does not is told in two ways: another
number, unit, name, direction, verdict, chance or date.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from benchmarks import walk_files

MOST_SHOWN = 8
"""Words that a page says beyond its source and that are listed."""
_TOKEN = re.compile(r"[+\-]?£?\d(?:[\d,.]*\d)?(?:m|bn)?%?|[^\W\d_]+|[<>=]")
# Their outputs are computed while the book is built: no source holds them.
_COMPUTED = "div.cell_output, div.cell, div.output"
# What the theme adds, and figures that carry their own id and are held against it.
_ADDED = ".headerlink, .prev-next-area, .bd-header-article, nav, span.claim, script, style"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter as a reader has it: to which site, in which language, its text line by line."""

    where: str
    site: str
    language: str
    lines: tuple[str, ...]


def pages_apart(html_folder: Path, sources: Path) -> Iterator[walk_files.Apart]:
    """Words and figures of a built page that the source from which it was built does not have."""
    for source in sorted(sources.rglob("*.md")):
        page = source.relative_to(sources).with_suffix(".html")
        built = html_folder / page
        if not built.is_file():
            continue
        article = _article(built)
        if article.select_one(_COMPUTED) is not None:
            continue
        for part in article.select(_ADDED):
            part.decompose()
        # Without its marks and attributes, which would lend their words to whatever is said.
        written = BeautifulSoup(_with_included(source, sources), "html.parser")
        beyond = tokens(_seen(article)) - tokens(_seen(written))
        for said in list(beyond)[:MOST_SHOWN]:
            yield walk_files.Apart(
                what=page.as_posix(),
                said=said,
                where=page.as_posix(),
                against="no such words",
                elsewhere=f"its source {source.name}",
            )


def tokens(text: str) -> Counter[str]:
    """Each word and figure of a text, and how often."""
    return Counter(one.lower() for one in _TOKEN.findall(one_spelling(text)))


def one_spelling(text: str) -> str:
    """A text with one minus sign, one apostrophe and no joiners."""
    text = text.replace("\N{WORD JOINER}", "").replace("\N{NO-BREAK SPACE}", " ")
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{MINUS SIGN}", "-")
    return re.sub(r"\s+", " ", text).strip()


def _article(path: Path) -> Tag:
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return soup.find("article") or soup


def _seen(article: Tag) -> str:
    """The words of a page, and those of its pictures."""
    aside = [str(one["alt"]) for one in article.select("[alt]")]
    return " ".join([article.get_text(" "), *aside])


def _with_included(source: Path, sources: Path) -> str:
    """A source with the texts that it takes in from beside it."""
    text = source.read_text(encoding="utf-8")
    for name in re.findall(r"\{include\} (\S+)", text):
        for place in (source.parent / name, sources / name, sources.parent / name):
            if place.is_file():
                text += place.read_text(encoding="utf-8")
                break
    return text


def looks_apart(html_folder: Path) -> Iterator[walk_files.Apart]:
    """Past looks in per cent that print another effect than the edition of their quarter did."""
    for story in sorted(html_folder.glob("figures/revisions/story-*-percent.csv")):
        code = story.stem.removeprefix("story-").removesuffix("-percent")
        printed = {row["edition"].replace("-", " "): row["effect"] for row in _rows(story)}
        for path in sorted(html_folder.glob(f"figures/*/{code}-looks.csv")):
            for look in _rows(path):
                then = printed.get(look["quarter"])
                if (
                    then is not None
                    and "%" in look["as_shown"]
                    and float(then) != float(look["effect"])
                ):
                    yield walk_files.Apart(
                        what=f"{code}, {look['quarter']}",
                        said=look["effect"],
                        where=path.relative_to(html_folder).as_posix(),
                        against=then,
                        elsewhere=story.relative_to(html_folder).as_posix(),
                    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_letter(path: Path, site: str, language: str) -> Letter:
    """A letter as it was written to a file, HTML or PDF."""
    if path.suffix.lower() == ".pdf":
        lines = [walk_files.text_of_pdf(path)]
    else:
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for part in soup.select("script, style"):
            part.decompose()
        lines = [one.get_text(" ") for one in soup.select("h1, h2, p, li")]
    return Letter(where=path.name, site=site, language=language, lines=tuple(lines))


def letters_apart(letters: Sequence[Letter], anew: Sequence[Letter]) -> Iterator[walk_files.Apart]:
    """Words and figures of letters that the same letter, made anew from the results, has not."""
    known = {(one.site, one.language): one for one in anew}
    for one in letters:
        twin = known[one.site, one.language]
        ours, theirs = (tokens(" ".join(held.lines)) for held in (one, twin))
        for said in [*(ours - theirs), *(theirs - ours)][:MOST_SHOWN]:
            yield walk_files.Apart(
                what=f"letter to {one.site}",
                said=said,
                where=one.where,
                against="otherwise",
                elsewhere="the letter made anew",
            )


_CELL_ENDS = re.compile(r"\(([+\-]?[\d,.]+)% to ([+\-]?[\d,.]+)%\)")
_IN_LETTER = re.compile(r"([\d,.]*\d)%( fewer| more)?")


def letter_against_pages(
    letter: Letter, titles: Mapping[str, str], cells: Mapping[str, str]
) -> Iterator[walk_files.Apart]:
    """Ranges and directions of an English letter that the site's own page tells otherwise.

    Parameters
    ----------
    titles : code of an outcome -> what it is called. cells : the same -> the effect at the site as
        its page prints it.
    """
    for code, title in titles.items():
        cell = one_spelling(cells.get(code, ""))
        ends = _CELL_ENDS.search(cell)
        for line in map(one_spelling, letter.lines):
            if ends is None or not line.startswith(f"{title}:") or "%" not in line:
                continue
            wanted = sorted(_towards(end) for end in ends.groups())
            told = _IN_LETTER.findall(line)
            # "Between 1.0% and 9.6% fewer": the last word is of both.
            last = next((way for _, way in reversed(told) if way), "")
            if sorted((size, (way or last).strip()) for size, way in told) != wanted:
                yield walk_files.Apart(
                    what=f"site.{letter.site}.{code}",
                    said=line,
                    where=letter.where,
                    against=cell,
                    elsewhere=f"sites/{letter.site}.html",
                )


def _towards(end: str) -> tuple[str, str]:
    """An end of a range as a letter says it: its size, and which way."""
    return end.lstrip("+-"), "fewer" if end.startswith("-") else "more"
