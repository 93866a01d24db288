"""A walk through a built book: whether any quantity is told in two ways, on a page or in a file.

Printed figures are typed: an element carries the id of its quantity, its unit and, where it is of
another edition, its period; downloads carry the same ids in their columns, and ``claims.json`` the
text of each id. What carries no id is read as a person reads it: a figure with its range, an amount
of money, a percentage or a chance in running words must be one that some quantity holds, and a
range that is told of one outcome one of its own. A table is held against each form in which it is
written (CSV, Parquet, JSON, spreadsheet), and the briefing against the claims that it is made of.

``python -m benchmarks.walk WORKSPACE [PROGRAMME [FOLDER OF LETTERS]]`` walks a built book; it is a
reader, and reads text as one: only a test or a benchmark may do so.

A quantity is told in two ways where its text, its unit or its number differs between two places,
where a figure stands in words that no quantity holds, where an outcome goes by another name, and
where a file holds another figure than its twin. What stands nowhere else, as much of the annex
does, is held against the source from which its page was built, and a letter against the same letter
made anew and against the pages of its site.
"""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from benchmarks import walk_files, walk_twins
from evaluation.edition import shape
from evaluation.edition.edition import Edition
from evaluation.edition.letter import as_html, letter
from evaluation.errors import BookError
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.study.written import Record, read_record
from evaluation.workspace import Workspace

MINUS = "\N{MINUS SIGN}"
_NUMBER = r"[+\-\u2212]?£?\d(?:[\d,]*\d)?(?:\.\d+)?(?:m|bn)?"
_RANGE = re.compile(rf"({_NUMBER})%? \(({_NUMBER})%? to ({_NUMBER})%?\)")
# "From A to B" tells of two quantities, each by itself.
_ENDS = re.compile(
    r"(?<!from )(?<![\w.\-])([+\-]?£[\d,.]+(?:m|bn)?|[+\-]?[\d,.]+%) to "
    r"([+\-]?£[\d,.]+\d(?:m|bn)?|[+\-]?[\d,.]+%)"
)
_SINGLE = re.compile(
    r"[+\-\u2212]?£\d(?:[\d,]*\d)?(?:\.\d+)?(?:m|bn)?"
    r"|[+\-\u2212]?\d(?:[\d,]*\d)?(?:\.\d+)?%|(?<![\d,.])\d+ in (?:10|20|100|1,000)\b"
)
_DAY = re.compile(
    r"\b\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November"
    r"|December) \d{4}\b"
)
_MOVED = re.compile(r":? (fell|rose): (better|worse)")
_COUNT = re.compile(r"[Aa]bout (\d[\d,]*(?:\.\d+)?) (?:fewer|more) ")
_BLOCKS = ("p", "li", "dd", "figcaption", "summary", "blockquote", "h1", "h2", "h3", "h4", "dt")


@dataclass(frozen=True, kw_only=True)
class Told:
    """A quantity as one place tells it: its text or its number, its unit, its period."""

    quantity: str
    text: str
    unit: str
    period: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """What is told in two ways, and where; ``said`` of one place against ``against`` of another."""

    kind: str
    quantity: str
    said: str
    where: str
    against: str = ""
    elsewhere: str = ""

    def __str__(self) -> str:
        other = f", and {self.against!r} in {self.elsewhere}" if self.elsewhere else ""
        return f"{self.quantity or 'words'}: {self.kind}: {self.said!r} in {self.where}{other}"


@dataclass(frozen=True, kw_only=True)
class Walked:
    """A walk: how many quantities were met, in how many places, and what contradicts itself."""

    quantities: int
    places: int
    contradictions: tuple[Contradiction, ...]


@dataclass(kw_only=True)
class _Walk:
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    places: int = 0
    found: list[Contradiction] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    own: dict[str, set[str]] = field(default_factory=dict)
    """Name of an outcome -> the ranges that are told of it."""

    def tell(self, one: Told) -> None:
        """One place more; a contradiction where an earlier one told it otherwise."""
        self.places += 1
        first = self.told.setdefault((one.quantity, one.period), one)
        for kind, said, against in (
            ("another figure", plain(one.text), plain(first.text)),
            ("another unit", one.unit, first.unit),
        ):
            if said != against and (kind == "another figure" or (said and against)):
                self.found.append(
                    Contradiction(
                        kind=kind,
                        quantity=one.quantity,
                        said=said,
                        where=one.where,
                        against=against,
                        elsewhere=first.where,
                    )
                )
        self.known |= set(figures_in(first.text))

    def apart(self, one: walk_files.Apart) -> None:
        """A cell that two files hold otherwise."""
        self.places += 1
        self.found.append(
            Contradiction(
                kind="another cell",
                quantity=one.what,
                said=one.said,
                where=one.where,
                against=one.against,
                elsewhere=one.elsewhere,
            )
        )

    def text_of(self, quantity: str) -> Told | None:
        """How the first place told a quantity of this edition."""
        return next((one for (key, _), one in self.told.items() if key == quantity), None)


def walk(
    html: Path,
    claims: Path,
    names: Mapping[str, str] | None = None,
    *,
    letters: Sequence[walk_twins.Letter] = (),
    made_anew: Sequence[walk_twins.Letter] = (),
) -> Walked:
    """Walk a built book with its downloads.

    Parameters
    ----------
    html : the folder of its pages. claims : ``claims.json`` of the edition, beside which the
        sources of its pages lie. names : what an outcome is called in a declaration -> what the
        book calls it. letters : letters to sites. made_anew : the same as results make them.

    Raises
    ------
    BookError : it is not built, or its claims cannot be read.
    """
    if not (html / "index.html").is_file():
        raise BookError("the book is not built yet.", where=str(html), mend="newstart book build")
    held, state = read_record(claims), _Walk()
    soups = {page: _article(html, page) for page in _pages(html)}
    for key, claim in held.items():
        state.tell(_of_claim(key, claim, "claims.json"))
        _unit_is_said(key, claim, state)
    for page, article in soups.items():
        for one in _typed(article, page, held):
            state.tell(one)
        state.known.update(*map(figures_in, _in_tables(article)))
    files = walk_files.tables(html / "downloads")
    _downloads(files, state)
    for one in (
        *walk_files.forms_apart(files),
        *walk_files.twins_apart(html),
        *walk_files.not_as_described(html / "downloads"),
        *walk_twins.looks_apart(html),
        *walk_twins.pages_apart(html, claims.parent),
        *walk_twins.letters_apart(letters, made_anew),
    ):
        state.apart(one)
    for key, claim in held.items():
        _parts_agree(key, claim, state)
    _own_ranges(held, soups, state)
    for page, article in soups.items():
        source = plain(_source(claims.parent, page))
        state.known.update(figures_in(source) if not _is_read(page) else _DAY.findall(source))
        _words(page, _prose(article), state)
        _verdicts(page, article.get_text(" "), held, state)
        if not page.startswith(shape.ANNEX):
            _names(page, article.get_text(" "), names or {}, state)
    _words_of_files(html, held, state)
    _words_of_letters(letters, held, state)
    return Walked(
        quantities=len({key for key, _ in state.told}),
        places=state.places,
        contradictions=tuple(dict.fromkeys(state.found)),
    )


READ_BEHIND = ("outcomes/", "claims/", "all-money", "how-sure", "returns", "explore")
"""Pages of the annex that tell this edition's figures; others tell of machinery and of cases, whose
figures stand in their source alone."""


def _is_read(page: str) -> bool:
    behind = page.removeprefix(shape.ANNEX)
    return behind == page or behind.startswith(READ_BEHIND)


def _source(sources: Path, page: str) -> str:
    """The text that a page was built from; empty where it is not at hand."""
    path = sources / Path(page).with_suffix(".md")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def plain(text: str) -> str:
    """A text as it is compared: no joiners, single spaces, one minus sign."""
    return walk_twins.one_spelling(text)


def figures_in(text: str) -> Iterator[str]:
    """Every figure of a text that words may repeat: ranges, amounts, percentages, chances."""
    said = plain(text)
    for found in _RANGE.finditer(said):
        yield "|".join(_bare(part) for part in found.groups())
    for found in _ENDS.finditer(said):
        yield f"{_bare(found[1])} to {_bare(found[2])}"
    for pattern in (_SINGLE, _COUNT, _DAY):
        for found in pattern.finditer(said):
            yield _bare(found[(found.re.groups and 1) or 0])


def _bare(number: str) -> str:
    """A number without its sign of percentage and its plus, which a range may leave out."""
    return number.replace(MINUS, "-").lstrip("+").rstrip("%")


def _pages(html: Path) -> Iterator[str]:
    for path in sorted(html.rglob("*.html")):
        name = path.relative_to(html).as_posix()
        if not name.startswith(("_", "genindex", "search")):
            yield name


def _article(html: Path, page: str) -> Tag:
    soup = BeautifulSoup((html / page).read_text(encoding="utf-8"), "html.parser")
    found = soup.find("article") or soup
    for part in found.select("script, style"):
        part.decompose()
    return found


def _of_claim(key: str, claim: Record, where: str) -> Told:
    unit = str(claim.get("unit", ""))
    return Told(quantity=key, text=str(claim["text"]), unit=unit, period="", where=where)


def _typed(article: Tag, page: str, claims: Mapping[str, Record]) -> Iterator[Told]:
    """Every element that carries the id of its quantity."""
    for one in article.select("[data-claim], [data-quantity], span.claim"):
        key = str(one.get("data-claim") or one.get("data-quantity") or _by_class(one, claims))
        if key:
            yield Told(
                quantity=key,
                text=one.get_text(),
                unit=str(one.get("data-unit", "")),
                period=str(one.get("data-period", "")),
                where=page,
            )


def _by_class(one: Tag, claims: Mapping[str, Record]) -> str:
    """The id of a claim in prose, which a text in Markdown can only carry as a class."""
    named = [str(name)[2:] for name in one.get("class") or () if str(name).startswith("q-")]
    # As classes are written: with hyphens alone.
    return next((key for key in claims if named and re.sub(r"[._]", "-", key) == named[0]), "")


def _in_tables(article: Tag) -> Iterator[str]:
    """What tables print, and named constants: words may repeat it.

    A figure and its range in two cells beside each other are read as one.
    """
    for row in article.select("tr"):
        cells = [cell.get_text(" ") for cell in row.select("th, td")]
        yield from cells
        for figure, ends in itertools.pairwise(cells):
            yield f"{figure.strip()} ({ends.strip()})"
    for one in article.select("span.claim"):
        yield one.get_text()


def _downloads(files: Sequence[walk_files.Sheet], state: _Walk) -> None:
    """What tables for programs and the spreadsheet say of each quantity."""
    for sheet in files:
        for row in sheet.rows:
            if sheet.name == "headline":
                _of_headline(row, sheet.where, state)
            elif sheet.name == "findings":
                _of_finding(row, sheet.where, state)
            elif sheet.name == "sites":
                key = f"site.{row['site']}.{row['outcome']}"
                ends = [row.get(end, "") for end in ("effect", "low", "high")]
                _same_numbers(key, ends, sheet.where, state)
                _same_text(key, row["text"], sheet.where, state)
            elif sheet.name == "agencies":
                for key in ("gain", "gain_with_objected"):
                    ends = [row.get(f"{key}_{end}", "") for end in ("mean", "low", "high")]
                    which = f"money.{key}.{row['agency']}.{row['budget']}"
                    _same_numbers(which, ends, sheet.where, state)


def _of_headline(row: walk_files.Row, where: str, state: _Walk) -> None:
    state.tell(_of_claim(row["id"], row, where))
    ends = [row.get(end, "") for end in ("value", "low", "high")]
    if row.get("kind") == "people":
        # A count and its range are two claims: the sentence holds them apart.
        _same_numbers(f"{row['outcome']}.range", ends[1:], where, state)
        ends = ends[:1]
    _same_numbers(row["id"], ends, where, state)


def _of_finding(row: walk_files.Row, where: str, state: _Walk) -> None:
    code = row["outcome"]
    title = state.text_of(f"{code}.title")
    if title is not None and plain(title.text) != plain(row.get("title", "")):
        # Of another study, whose ids begin with its name.
        if row.get("study", "").startswith("real_cases"):
            return
        _otherwise(state, "another name", title, row.get("title", ""), where)
        return
    ends = [row.get(end, "") for end in ("effect_percent", "low", "high")]
    _same_numbers(f"{code}.effect", ends, where, state)
    for one in ("hoped", "margin"):
        _same_numbers(f"{code}.{one}", [row.get(f"{one}_percent", "")], where, state)
    for one in ("verdict", "sentence"):
        _same_text(f"{code}.{one}", row.get(one, ""), where, state)
    undoing = [row.get(f"undoing_{one}", "") for one in ("break", "cause")]
    # A break of 0 is told in words: no break is needed.
    asked = [one for one in undoing if one and float(one)]
    if state.text_of(f"{code}.undo"):
        _same_numbers(f"{code}.undo", asked, where, state)


def _same_text(key: str, said: str, where: str, state: _Walk) -> None:
    first = state.text_of(key)
    if first is None or not said:
        return
    state.places += 1
    if plain(said) != plain(first.text):
        _otherwise(state, "another figure", first, plain(said), where)


def _same_numbers(key: str, ends: Iterable[str], where: str, state: _Walk) -> None:
    """Whether the numbers of a row are those that the book prints, in the digits that it prints."""
    first = state.text_of(key)
    held = [float(end) for end in ends if end not in ("", "None")]
    if first is None or not held:
        return
    state.places += 1
    if not re.search(r"\d", first.text):
        if "about as many" in first.text and not any(round(one) for one in held):
            return
        # As in "not valued", which a zero would tell otherwise.
        _otherwise(state, "a number where none is told", first, f"{held[0]:g}", where)
        return
    printed = [_value(found) for found in re.findall(rf"({_NUMBER})", plain(first.text))]
    away = " fewer" in first.text or " more" in first.text
    for value in held:
        # A count says in words which way it goes.
        near = [abs(abs(value) - abs(p) if away else value - p) <= half for p, half in printed]
        if printed and not any(near):
            _otherwise(state, "another number", first, f"{value:g}", where)


def _unit_is_said(key: str, claim: Record, state: _Walk) -> None:
    """Whether a count says in its text when it is counted as its unit does."""
    text, unit = str(claim["text"]), str(claim.get("unit", ""))
    for when in ("at any one time", "a quarter", "a month", "a year"):
        if key.endswith(".people") and unit and (when in text) != (when in unit):
            first = Told(quantity=key, text=text, unit=unit, period="", where="claims.json")
            _otherwise(state, "another unit", first, unit, "claims.json")
            return


def _value(number: str) -> tuple[float, float]:
    """A printed number, and how far off it its full digits may lie."""
    bare = number.replace(",", "").replace("£", "").replace(MINUS, "-").lstrip("+")
    scale = 1e9 if bare.endswith("bn") else 1e6 if bare.endswith("m") else 1.0
    bare = bare.rstrip("mbn")
    digits = len(bare.partition(".")[2])
    size = abs(float(bare))
    # Counts are printed in two significant figures, and pounds likewise below a million.
    coarse = 10 ** max(0, len(str(int(size))) - 2) if not digits and size >= 100 else 1
    return float(bare) * scale, scale * max(coarse, 1) * 10.0**-digits * 0.5001


def _otherwise(state: _Walk, kind: str, first: Told, said: str, where: str) -> None:
    state.places += 1
    state.found.append(
        Contradiction(
            kind=kind,
            quantity=first.quantity,
            said=said,
            where=where,
            against=plain(first.text),
            elsewhere=first.where,
        )
    )


def _parts_agree(key: str, claim: Record, state: _Walk) -> None:
    """Whether a sentence about an outcome tells the effect that the outcome's own claim tells."""
    code, _, kind = key.rpartition(".")
    whole = state.told.get((f"{code}.effect", ""))
    if whole is None or kind not in ("sentence", "paragraph", "point", "interval"):
        return
    own = set(figures_in(whole.text))
    ranges = {one for one in own if "|" in one}
    said = set(figures_in(str(claim["text"])))
    told = {one for one in said if "|" in one}
    if kind in ("sentence", "paragraph") and ranges and told and not ranges & told:
        _otherwise(state, "another figure", whole, str(claim["text"]), f"claim {key}")
    if kind in ("point", "interval") and said - own:
        _otherwise(state, "another figure", whole, str(claim["text"]), f"claim {key}")


def _prose(article: Tag) -> Iterator[str]:
    """What stands in running words, and the words of pictures."""
    for block in article.select(", ".join(_BLOCKS)):
        if block.find(_BLOCKS) is None and block.find_parent("table") is None:
            yield block.get_text()
    for name in ("alt", "aria-label", "title"):
        for one in article.select(f"[{name}]"):
            yield str(one[name])


_PERCENT_RANGE = re.compile(
    rf"({_NUMBER})% \(({_NUMBER})%? to ({_NUMBER})%?\)"
    rf"|({_NUMBER})%? \(({_NUMBER})% to ({_NUMBER})%\)"
)


def _percent_ranges(text: str) -> set[str]:
    return {
        "|".join(_bare(part) for part in found.groups() if part)
        for found in _PERCENT_RANGE.finditer(plain(text))
    }


def _own_ranges(held: Mapping[str, Record], soups: Mapping[str, Tag], state: _Walk) -> None:
    """Which ranges in per cent are told of each outcome: by its claims, and by tables of it."""
    titles = {
        key.removesuffix(".title"): str(claim["text"])
        for key, claim in held.items()
        if key.endswith(".title") and key.count(".") == 1
    }
    own = {title: set() for title in titles.values()} if titles else {}
    state.own = own
    for key, claim in held.items():
        if (code := key.partition(".")[0]) in titles and key != f"{code}.title":
            own[titles[code]] |= _percent_ranges(str(claim["text"]))
    for article in soups.values():
        for one in article.select("[data-quantity]"):
            code = str(one["data-quantity"]).rpartition(".")[2]
            if code in titles:
                own[titles[code]] |= _percent_ranges(one.get_text())
        for table in article.select("table"):
            caption = table.find("caption")
            named = _named(caption.get_text() if caption else "", own)
            for row in table.select("tr"):
                of = named or _named(row.get_text(" "), own)
                for title in of:
                    own[title] |= _percent_ranges(row.get_text(" "))


def _named(text: str, titles: Iterable[str]) -> list[str]:
    """The outcomes that a text names, by their whole titles."""
    said = plain(text).lower()
    found = [title for title in titles if plain(title).lower() in said]
    # "Households" of one title may be part of another.
    return [one for one in found if not any(one != two and one in two for two in found)]


def _words(where: str, texts: Iterable[str], state: _Walk, *, ticks: bool = False) -> None:
    """Figures in running words that no quantity holds, or that another outcome holds."""
    for text in texts:
        for one in figures_in(text):
            if one not in state.known and not (ticks and _is_tick(one)):
                _in_words(state, "a figure of no quantity", one, where)
        named = _named(text, state.own)
        told = _percent_ranges(text)
        if len(named) == 1 and told:
            for one in sorted(told - state.own[named[0]]):
                _in_words(state, "a range of another quantity", one, where, named[0])


def _verdicts(where: str, text: str, held: Mapping[str, Record], state: _Walk) -> None:
    """Whether an outcome that is said to have moved is said to have moved as its verdict says."""
    said = plain(text)
    for key, claim in held.items():
        code, _, kind = key.rpartition(".")
        if kind != "title" or "." in code or f"{code}.verdict" not in held:
            continue
        verdict = plain(str(held[f"{code}.verdict"]["text"]))
        title = plain(str(claim["text"]))
        for found in re.finditer(rf"{re.escape(title)}{_MOVED.pattern}", said):
            state.places += 1
            if not verdict.startswith(f"{found[1]}: {found[2]}"):
                first = _of_claim(f"{code}.verdict", held[f"{code}.verdict"], "claims.json")
                _otherwise(state, "another verdict", first, found[0], where)


def _words_of_letters(
    letters: Sequence[walk_twins.Letter], held: Mapping[str, Record], state: _Walk
) -> None:
    """Whether letters tell of their sites what the sites' pages tell."""
    titles = {
        key.removesuffix(".title"): plain(str(claim["text"]))
        for key, claim in held.items()
        if key.endswith(".title") and key.count(".") == 1
    }
    for sent in letters:
        told = {code: state.text_of(f"site.{sent.site}.{code}") for code in titles}
        cells = {code: one.text for code, one in told.items() if one is not None}
        if sent.language == "en":
            for apart in walk_twins.letter_against_pages(sent, titles, cells):
                state.apart(apart)
        state.places += len(cells)


def _is_tick(figure: str) -> bool:
    """Whether a figure may be that of an axis: of one digit, or a quarter or a half of one."""
    digits = re.sub(r"[^\d]", "", figure).strip("0")
    whole = digits.removesuffix("25").removesuffix("75").removesuffix("5")
    return len(whole) <= 1


def _in_words(state: _Walk, kind: str, said: str, where: str, quantity: str = "") -> None:
    state.places += 1
    state.found.append(Contradiction(kind=kind, quantity=quantity, said=said, where=where))


def _names(where: str, text: str, names: Mapping[str, str], state: _Walk) -> None:
    said = plain(text)
    for declared, shown in names.items():
        if declared.lower() not in shown.lower() and re.search(rf"\b{re.escape(declared)}\b", said):
            state.found.append(
                Contradiction(
                    kind="another name", quantity=shown, said=declared, where=where, against=shown
                )
            )


LANGUAGES = ("en", "cy")
IN_BRIEFING = ("answer.lives", "answer.money", "answer.how_sure", "edition.next")
"""What the briefing says word for word, beside the effect of each outcome that it names."""


def _words_of_files(html: Path, held: Mapping[str, Record], state: _Walk) -> None:
    """What stands in words outside the pages: PDFs, the spreadsheet, charts."""
    for path in sorted((html / "downloads").glob("*.pdf")):
        text = plain(walk_files.text_of_pdf(path))
        _words(path.name, [text], state)
        if path.stem == "briefing":
            _as_claimed(text, held, path.name, state)
    for where, text in walk_files.words_of_workbooks(html / "downloads"):
        _words(where, [text], state)
    for where, text in walk_files.said_of_charts(html):
        if _of_edition(where):
            _words(where, [text], state)
    for where, text in walk_files.texts_of_charts(html):
        if _of_edition(where):
            _words(where, [text], state, ticks=True)


def _of_edition(where: str) -> bool:
    """Whether a chart is of a study; what is left of the weights of donors stands nowhere else."""
    return where.count("/") == 2 and "-donors" not in where


def _as_claimed(text: str, held: Mapping[str, Record], where: str, state: _Walk) -> None:
    """Whether the briefing says what its claims say; lines may break anywhere in it."""
    said = _letters(text)
    titles = [key for key in held if key.endswith(".title") and key.count(".") == 1]
    shown = [key for key in titles if _letters(str(held[key]["text"])) in said]
    rows = [f"{key.removesuffix('.title')}.effect" for key in shown if key != "study.title"]
    for key in (*IN_BRIEFING, *rows):
        if key in held and _letters(str(held[key]["text"])) not in said:
            first = _of_claim(key, held[key], "claims.json")
            _otherwise(state, "not said so", first, "another text", where)


def _letters(text: str) -> str:
    """A text without spaces and hyphens, which a line's end adds or takes."""
    return re.sub(r"[\s\-\u2010]", "", plain(text))


def walk_workspace(
    workspace: Workspace, programme: str = "new_start", letters: Path | None = None
) -> Walked:
    """Walk the built book of a workspace, its files and its letters included.

    Parameters
    ----------
    letters : a folder of letters that were written, ``S01.html``, ``S01.cy.pdf``; by default those
        that the results would make now are held against the book.
    """
    declared = Programme.load(workspace, programme, collecting=False)
    names = {one.title: one.plain_title for one in declared.outcomes}
    built = workspace.book / "_build" / "html"
    anew = made_now(workspace, programme)
    return walk(
        built,
        workspace.book / "_edition" / "claims.json",
        names,
        letters=anew if letters is None else written(letters),
        made_anew=anew,
    )


def made_now(workspace: Workspace, programme: str) -> list[walk_twins.Letter]:
    """Every site's letter in every language, as the results that there are make it."""
    edition = Edition.read(workspace, programme)
    quarter = Period.parse(edition.headline.sample.last)
    found = []
    for site, language in itertools.product(edition.programme.site_by_code, LANGUAGES):
        made = letter(workspace, edition, site, quarter, language=language)
        with tempfile.TemporaryDirectory(prefix="newstart-letter-") as scratch:
            path = Path(scratch) / f"{site}.{language}.html"
            path.write_text(as_html(made), encoding="utf-8")
            found.append(walk_twins.read_letter(path, site, language))
    return found


def written(folder: Path) -> list[walk_twins.Letter]:
    """The letters of a folder, by their names: the site, and the language where it is not English.

    Raises
    ------
    BookError : a file's name says no language that letters are written in.
    """
    found = []
    for path in sorted([*folder.glob("*.html"), *folder.glob("*.pdf")]):
        site, *of = path.name.split(".")[:-1]
        language = of[0] if of else "en"
        if language not in LANGUAGES:
            raise BookError(
                f"{path.name} is in no language of letters.", expected="S01.html or S01.cy.html"
            )
        found.append(walk_twins.read_letter(path, site, language))
    return found


def main(folder: str, programme: str = "new_start", letters: str = "") -> int:
    """Print what a walk of a workspace's book found; 1 where a quantity is told in two ways."""
    found = walk_workspace(
        Workspace(root=Path(folder)), programme, Path(letters) if letters else None
    )
    print(f"{found.quantities} quantities in {found.places} places.")
    print(*found.contradictions or ["None is told in two ways."], sep="\n")
    return int(bool(found.contradictions))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
