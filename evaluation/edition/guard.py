"""The guard of the book's prose: no figure and no verdict that no result bears."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING

from evaluation.disclosure.bundle import refuse_unreleased
from evaluation.edition import words
from evaluation.edition.pages.claims import near
from evaluation.edition.scan.numbers import MONTHS
from evaluation.errors import BookError
from evaluation.finding.verdict import Direction, Size
from evaluation.study.record import OutcomeResult, Results

if TYPE_CHECKING:
    from pathlib import Path

    from evaluation.edition.edition import Edition
    from evaluation.edition.pages.claims import Claims
    from evaluation.workspace import Workspace


ROLE = re.compile(r"\{(claim|constant|measured)\}`([^`]*)`")
_NAMED = re.compile(r"^(?P<said>.*?)\s*<(?P<source>[^<>]*)>$", re.DOTALL)
_FENCE = re.compile(
    r"^(?P<ticks>`{3,}|~{3,}|:{3,})[^\n]*\n.*?^(?P=ticks)[^\n]*$", re.MULTILINE | re.DOTALL
)
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_COMMENT = re.compile(r"^%.*$", re.MULTILINE)
_COMMAND = re.compile(r"`((?:\w+=\S+ )*(?:\.venv/bin/)?(?:python -m|newstart|make|du) [^`]*)`")
_OUT = (
    re.compile(r"\$\$.*?\$\$", re.DOTALL),
    re.compile(r"\$[^$\n]+\$"),
    re.compile(r"``[^`]*``"),
    re.compile(r"`[^`\n]*`"),
    re.compile(r"(?<=\])\([^)\n]*\)"),
    re.compile(r"<[^<>\n]*>"),
    re.compile(r"&[#\w]+;"),
    re.compile(r"^\s*\d+\.(?= )", re.MULTILINE),
)
_TEMPLATE = (
    re.compile(r"\{#.*?#\}", re.DOTALL),
    re.compile(r"\{%.*?%\}", re.DOTALL),
    re.compile(r"\{\{.*?\}\}", re.DOTALL),
)
_TEMPLATE_FENCE = re.compile(r"^`{3,}.*$", re.MULTILINE)
_HELD = re.compile(r"^% figures held by (?P<by>\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Named:
    """A role in a page: its kind, what it prints, what stands behind it, where it begins."""

    kind: str
    said: str
    source: str
    place: int


# Shown as it is typed, and no role: how a page says what a claim looks like.
_CODE = re.compile(r"``(?!`).+?``")


@dataclass(frozen=True, kw_only=True, eq=False)
class Prose:
    """A page as the guard reads it.

    name : how messages name it. template : whether it is one, so that what it prints from results
    is taken out.
    """

    name: str
    text: str
    template: bool = False

    def line(self, place: int) -> int:
        """The line of a place in the text, from 1."""
        return bisect_right(self._starts, place)

    @property
    def held_by(self) -> str:
        """The test that computes every figure of the page anew; empty where none is named."""
        found = _HELD.search(self.text)
        return found["by"] if found else ""

    @cached_property
    def roles(self) -> tuple[Named, ...]:
        """The claims, constants and recorded figures that the page names."""
        found = []
        text = self.text if self.template else _blank(_blank(self.text, _FENCE), _CODE)
        for role in ROLE.finditer(text):
            named = _NAMED.match(role[2])
            said, source = (named["said"], named["source"]) if named else (role[2], "")
            found.append(Named(kind=role[1], said=said, source=source, place=role.start()))
        return tuple(found)

    @cached_property
    def plain(self) -> str:
        """The prose alone, place by place as in the text."""
        left = self.text
        first = (*_TEMPLATE, _TEMPLATE_FENCE) if self.template else (_FRONT, _FENCE)
        for pattern in (*first, _COMMENT, ROLE, *_OUT):
            left = _blank(left, pattern)
        return left

    @property
    def blocks(self) -> Iterator[tuple[int, int]]:
        """Where each paragraph, heading, list or table begins and ends."""
        for block in re.finditer(r"(?:^.*\S.*$\n?)+", self.text, re.MULTILINE):
            yield block.start(), block.end()

    def sentences(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where each sentence (up to a semicolon), row or item of a block begins and ends."""
        ends = re.compile(r"[.?!;](?=[\s|]|$)|\n(?=\s*(?:[-*|#]|\d+\.))|\n\s*\n")
        here = start
        for stop in ends.finditer(self.plain, start, end):
            yield here, stop.end()
            here = stop.end()
        if here < end:
            yield here, end

    def command(self, start: int, end: int) -> str:
        """The command that a block names as what printed its figures; empty where none is."""
        found = _COMMAND.search(self.text, start, end)
        return found[1] if found else ""

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(k + 1 for k, letter in enumerate(self.text) if letter == "\n")]


def _blank(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda found: re.sub(r"\S", " ", found[0]), text)


SHOWN = 20
_NUMBER = re.compile(
    r"(?<![\w.\u2011-])[+−-]?[£$]?\d+(?:,\d{3})*(?:\.\d+)?(?:[%×]|(?:m|bn|k)\b)?(?![\w-])"
)
_ALLOWED = re.compile(
    rf"\d{{1,2}} (?:{MONTHS})(?: \d{{4}})?|(?:{MONTHS}) \d{{4}}"
    r"|(?:1[89]|20)\d\d(?: Q[1-4]|/\d\d)?(?!\d|%|,\d|\.\d)"
    r"|(?:Book|MathJax|Apache|Sphinx|WCAG|[Vv]ersion|Proposition|Annex|Table|Step) \d[\d.]*"
    r"|Python \d\.\d+(?:, \d\.\d+)*(?: and \d\.\d+)?"
)
_VERBS = {
    "better": ("improved", "improved", "improve"),
    "worse": ("worsened", "worsened", "worsen"),
    "down": (
        "fell|reduced|cut|decreased|dropped|prevented|lowered",
        "fallen|reduced|cut|decreased|dropped|prevented|lowered",
        "fall|reduce|cut|decrease|drop|prevent|lower",
    ),
    "up": (
        "rose|increased|grew|raised",
        "risen|increased|grown|raised",
        "rise|increase|grow|raise",
    ),
    "money": (
        "saved|saves|paid for itself|pays for itself",
        "saved|paid for itself",
        "save|pay for itself",
    ),
}
_WORDS = {
    kind: re.compile(
        rf"(?i)\b(?:{past}|(?:has|have)(?: not)? (?:{done})|(?:did|does|do) not (?:{bare}))\b"
    )
    for kind, (past, done, bare) in _VERBS.items()
} | {"none": re.compile(r"(?i)\bno effect\b|\bmade no difference\b")}
_OPEN = re.compile(
    r"(?i)\b(?:if|whether|would|could|might|may|when|where|unless|until|cannot|can|should|must)\b"
)
_NOT = re.compile(r"\b(?:not|never|neither|nor|none)\b|n't\b", re.IGNORECASE)
_QUOTED = re.compile('["“][^"“”]*["”]|\\*[^*\\n]+\\*')


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something in prose that no result bears: where, what, what was expected, how to mend it."""

    page: str
    line: int
    what: str
    expected: str
    mend: str

    def __str__(self) -> str:
        return (
            f"{self.page}:{self.line}: {self.what}\n    expected: {self.expected}"
            f"\n    to mend:  {self.mend}"
        )


def guard(workspace: Workspace, edition: Edition, claims: Claims) -> None:
    """Refuse prose that no result bears, and figures that may not be published.

    Raises
    ------
    BookError : with every fault, page by page, and its line.
    NotForPublication : a programme that it shows is closed.
    """
    refuse_unreleased(workspace, edition.programmes)
    faults = [
        fault
        for page, study in pages(workspace, edition)
        for fault in Reader(study, claims, workspace.root).faults(page)
    ]
    if faults:
        more = f"\n... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        told = "\n".join(str(fault) for fault in faults[:SHOWN])
        found = "1 thing" if len(faults) == 1 else f"{len(faults)} things"
        raise BookError(f"{found} in the book's prose that no result bears:\n{told}{more}")


def pages(workspace: Workspace, edition: Edition) -> Iterator[tuple[Prose, Results]]:
    """Every text that a person wrote and the book shows, with the study that it speaks of."""
    book, headline = workspace.book, edition.headline
    for path in [*sorted(book.glob("*.md")), *sorted((book / "decisions").glob("*.md"))]:
        yield _page(path, workspace.root), headline
    for study in edition.studies:
        path = workspace.studies / study.programme / study.study / "study.md"
        if path.is_file():
            yield _page(path, workspace.root), study
    for template in sorted(
        (resources.files("evaluation.edition") / "templates").iterdir(), key=lambda t: t.name
    ):
        if template.name.endswith(".md.j2"):
            text = template.read_text(encoding="utf-8")
            yield Prose(name=f"templates/{template.name}", text=text, template=True), headline


def _page(path: Path, root: Path) -> Prose:
    name = path.relative_to(root).as_posix()
    return Prose(name=name, text=path.read_text(encoding="utf-8"))


class Reader:
    """Reads prose against the findings of a study; ``root`` is where commands and tests lie."""

    def __init__(self, study: Results, claims: Claims, root: Path) -> None:
        self.claims, self.root, self._study = claims, root, study
        self._source = f"{self._study.programme}/{self._study.study}"
        self._outcomes: dict[str, OutcomeResult] = {o.code: o for o in self._study.outcomes}
        self._names = {
            name.lower(): code
            for code, o in self._outcomes.items()
            for name in (o.title, o.plain_title, code, code.replace("_", " "))
        }

    def faults(self, page: Prose) -> Iterator[Fault]:
        """Everything in a page that no result bears."""
        for role in page.roles:
            yield from self._role(page, role)
        if page.held_by:
            yield from self._held(page)
            return
        named = ""
        for start, end in page.blocks:
            # A table's figures were printed by the command of the paragraph above it.
            table = page.text[start:end].lstrip().startswith("|")
            named = page.command(start, end) or (named if table else "")
            if named:
                yield from self._command(page, start, named)
            else:
                yield from self._numbers(page, start, end)
            for sentence in page.sentences(start, end):
                yield from self._verdicts(page, *sentence)

    def _role(self, page: Prose, role: Named) -> Iterator[Fault]:
        at = functools.partial(Fault, page=page.name, line=page.line(role.place))
        if role.kind == "claim":
            # An id that a template puts together is looked up when the page is written.
            if "{{" not in role.said and role.said not in self.claims:
                yield at(
                    what=f"no result of this edition bears the claim {role.said!r}.",
                    expected=near(role.said, self.claims.all()) or "an id of this edition",
                    mend="use an id of book/_edition/claims.json, or take the sentence out",
                )
        elif not role.source.strip():
            what = "a constant" if role.kind == "constant" else "a recorded figure"
            yield at(
                what=f"{role.said!r} is {what} without its source.",
                expected=f"{{{role.kind}}}`{role.said} <source>`",
                mend="say behind it what fixed it, or which command printed it",
            )
        elif role.kind == "measured":
            yield from self._command(page, role.place, f"python -m {role.source.strip()}")

    def _held(self, page: Prose) -> Iterator[Fault]:
        # A workspace away from the project has no tests; there the page is taken at its word.
        if (self.root / "tests").is_dir() and not (self.root / page.held_by).is_file():
            yield Fault(
                page=page.name,
                line=page.line(page.text.index("% figures held by")),
                what=f"the test that is to hold this page's figures, {page.held_by}, is not there.",
                expected="the path of a test that computes them anew",
                mend="name that test",
            )

    def _command(self, page: Prose, place: int, command: str) -> Iterator[Fault]:
        found = re.search(r"python -m ([\w.]+)", command)
        if not found or not (self.root / found[1].split(".")[0]).is_dir():
            return
        path = self.root / found[1].replace(".", "/")
        if not path.with_suffix(".py").is_file() and not (path / "__main__.py").is_file():
            yield Fault(
                page=page.name,
                line=page.line(place),
                what=f"the command that printed these figures is not there: {found[0]}.",
                expected="a module that can be run",
                mend="name the command that prints them now",
            )

    def _numbers(self, page: Prose, start: int, end: int) -> Iterator[Fault]:
        left = _ALLOWED.sub(lambda found: " " * len(found[0]), page.plain[start:end])
        for found in _NUMBER.finditer(left):
            yield Fault(
                page=page.name,
                line=page.line(start + found.start()),
                what=f"the number {found[0]!r} is typed, and names no result that holds it.",
                expected="a claim by its id: {claim}`OUTCOME.effect`",
                mend="look it up by id; a number fixed by something else is {constant}`"
                f"{found[0]} <what fixed it>`, one that a command printed {{measured}}`"
                f"{found[0]} <module>`",
            )

    def _verdicts(self, page: Prose, start: int, end: int) -> Iterator[Fault]:
        said = _QUOTED.sub(lambda found: " " * len(found[0]), page.plain[start:end])
        for kind, pattern in _WORDS.items():
            for word in pattern.finditer(said):
                before = said[: word.start()]
                if _OPEN.search(before):
                    continue
                yield from self._borne(
                    page, (start, end), kind, word, denied=bool(_NOT.search(before[-24:] + word[0]))
                )

    def _borne(
        self,
        page: Prose,
        sentence: tuple[int, int],
        kind: str,
        word: re.Match[str],
        *,
        denied: bool,
    ) -> Iterator[Fault]:
        start, end = sentence
        outcomes = self._about(page, start, end)
        at = functools.partial(Fault, page=page.name, line=page.line(start + word.start()))
        shown = f"not {word[0]}" if denied and not _NOT.search(word[0]) else word[0]
        if kind == "money":
            if (outcomes or self._of_the_programme(page, start, end)) and not self._pays(denied):
                yield at(
                    what=f"{shown!r}: the accounts do not bear it.",
                    expected=self._net(),
                    mend="say the figure by its claim: {claim}`money.net_fiscal`",
                )
            return
        if not outcomes and self._of_the_programme(page, start, end):
            yield at(
                what=f"{shown!r} is said of the programme, and of no outcome.",
                expected="a claim of the outcome in the same sentence",
                mend="name the outcome by {claim}`OUTCOME.effect`, or take the word out",
            )
        for code in outcomes:
            outcome = self._outcomes[code]
            if not _bears(outcome, kind, denied=denied):
                yield at(
                    what=f"{shown!r}: the finding on {outcome.plain_title} does not bear it.",
                    expected=f"its verdict, {outcome.finding.verdict!r}",
                    mend=f"say it by {{claim}}`{code}.verdict` or {{claim}}`{code}.sentence`",
                )

    def _about(self, page: Prose, start: int, end: int) -> list[str]:
        """The outcomes of the headline study that a sentence names, by claim or by title."""
        claimed = [
            self.claims.claim(role.said).outcome
            for role in page.roles
            if role.kind == "claim"
            and start <= role.place < end
            and role.said in self.claims
            and self.claims.claim(role.said).source == self._source
        ]
        text = page.plain[start:end].lower()
        named = [
            code
            for name, code in self._names.items()
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
        ]
        return list(dict.fromkeys(code for code in [*claimed, *named] if code in self._outcomes))

    def _of_the_programme(self, page: Prose, start: int, end: int) -> bool:
        title = re.escape(self._study.programme.replace("_", " "))
        actor = rf"(?i)\b(?:{title}|the (?:programme|reform|pilots|sites)|pilot areas)\b"
        return re.search(actor, page.plain[start:end]) is not None

    def _pays(self, denied: bool) -> bool:
        value = self._study.value
        net = value.totals.net_fiscal if value else None
        if net is None or net.low is None or net.high is None:
            return False
        return bool(net.high < 0) if denied else bool(net.low > 0)

    def _net(self) -> str:
        if self._study.value is None:
            return "nothing: no outcome of this study has a price"
        net = words.money_with_range(self._study.value.totals.net_fiscal)
        return f"public spending released less cost is {net}"


def _bears(outcome: OutcomeResult, kind: str, *, denied: bool) -> bool:
    """Whether a finding bears a verdict word, or its denial."""
    ruling = outcome.finding.ruling
    told, smaller = ruling.verdict.directed, ruling.size is Size.SMALLER
    # That a change worth having is ruled out is "no effect" only where none was found.
    nothing = not told and smaller
    if denied:
        other_way = {
            "better": ruling.better is False,
            "worse": ruling.better is True,
            "down": ruling.direction is Direction.ROSE,
            "up": ruling.direction is Direction.FELL,
            "none": told,
        }
        return (nothing and kind != "none") or other_way[kind]
    return {
        # The bare word claims more than a change that is smaller than worth having.
        "better": ruling.better is True and not smaller,
        "worse": ruling.better is False,
        "down": ruling.direction is Direction.FELL,
        "up": ruling.direction is Direction.ROSE,
        "none": nothing,
    }[kind]
