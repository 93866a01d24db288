"""A walk through a built book: whether any quantity is told in two ways, on a page or in a file.

Printed figures are typed: an element carries the id of its quantity, its unit and, where it is of
another edition, its period; downloads carry the same ids in their columns, and ``claims.json`` the
text of each id. What carries no id is read as a person reads it: a figure with its range, an amount
of money, a percentage or a chance in running words must be one that some quantity holds.

``python -m benchmarks.walk WORKSPACE`` walks a built book; it is a reader, and reads text as one:
only a test or a benchmark may do so.

A quantity is told in two ways where its text, its unit or its number differs between two places,
where a figure stands in words that no quantity holds, and where an outcome goes by another name.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from openpyxl import load_workbook
from pypdf import PdfReader

from evaluation.edition import shape
from evaluation.errors import BookError
from evaluation.programme import Programme
from evaluation.study.written import Record, read_record
from evaluation.workspace import Workspace

MINUS = "\N{MINUS SIGN}"
_NUMBER = r"[+\-\u2212]?£?\d(?:[\d,]*\d)?(?:\.\d+)?(?:m|bn)?"
_RANGE = re.compile(rf"({_NUMBER})%? \(({_NUMBER})%? to ({_NUMBER})%?\)")
# "From A to B" tells of two quantities, each by itself.
_ENDS = re.compile(
    r"(?<!from )(?<![\w.])([+\-]?£[\d,.]+(?:m|bn)?|[+\-]?[\d,.]+%) to "
    r"([+\-]?£[\d,.]+\d(?:m|bn)?|[+\-]?[\d,.]+%)"
)
_SINGLE = re.compile(
    r"[+\-\u2212]?£\d(?:[\d,]*\d)?(?:\.\d+)?(?:m|bn)?"
    r"|[+\-\u2212]?\d(?:[\d,]*\d)?(?:\.\d+)?%|\d+ in 100"
)
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

    def text_of(self, quantity: str) -> Told | None:
        """How the first place told a quantity of this edition."""
        return next((one for (key, _), one in self.told.items() if key == quantity), None)


def walk(html: Path, claims: Path, names: Mapping[str, str] | None = None) -> Walked:
    """Walk a built book with its downloads.

    Parameters
    ----------
    html : the folder of its pages. claims : ``claims.json`` of the edition. names : what an outcome
        is called in a declaration -> what the book calls it.

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
    for page, article in soups.items():
        for one in _typed(article, page, held):
            state.tell(one)
        state.known.update(*map(figures_in, _in_tables(article)))
    _downloads(html / "downloads", state)
    for key, claim in held.items():
        _parts_agree(key, claim, state)
    for page, article in soups.items():
        if not page.startswith(shape.ANNEX):
            _words(page, _prose(article), state)
            _names(page, article.get_text(" "), names or {}, state)
    for path in sorted((html / "downloads").glob("*.pdf")):
        _words(path.name, [text_of_pdf(path)], state)
    return Walked(
        quantities=len({key for key, _ in state.told}),
        places=state.places,
        contradictions=tuple(dict.fromkeys(state.found)),
    )


def plain(text: str) -> str:
    """A text as it is compared: no joiners, single spaces, one minus sign."""
    text = text.replace("\N{WORD JOINER}", "").replace("\N{NO-BREAK SPACE}", " ")
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return re.sub(r"\s+", " ", text).replace(MINUS, "-").strip()


def figures_in(text: str) -> Iterator[str]:
    """Every figure of a text that words may repeat: ranges, amounts, percentages, chances."""
    said = plain(text)
    for found in _RANGE.finditer(said):
        yield "|".join(_bare(part) for part in found.groups())
    for found in _ENDS.finditer(said):
        yield f"{_bare(found[1])} to {_bare(found[2])}"
    for pattern in (_SINGLE, _COUNT):
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


def _downloads(folder: Path, state: _Walk) -> None:
    """What tables for programs and the spreadsheet say of each quantity."""
    for where, name, rows in _tables(folder):
        for row in rows:
            if name == "headline" and row.get("id") and "text" in row:
                state.tell(_of_claim(row["id"], {**row, "unit": row.get("unit", "")}, where))
                ends = [row.get(end, "") for end in ("value", "low", "high")]
                if row.get("kind") == "people":
                    # A count and its range are two claims: the sentence holds them apart.
                    _same_numbers(f"{row['outcome']}.range", ends[1:], where, state)
                    ends = ends[:1]
                _same_numbers(row["id"], ends, where, state)
            elif name == "findings" and row.get("outcome"):
                ends = [row.get(end, "") for end in ("effect_percent", "low", "high")]
                key = f"{row['outcome']}.effect"
                title = state.text_of(f"{row['outcome']}.title")
                if title is None or plain(title.text) == plain(row.get("title", "")):
                    _same_numbers(key, ends, where, state)
                else:
                    _otherwise(state, "another name", title, row.get("title", ""), where)
                hope, margin = (row.get(f"{one}_percent", "") for one in ("hoped", "margin"))
                _same_numbers(f"{row['outcome']}.hoped", [hope], where, state)
                _same_numbers(f"{row['outcome']}.margin", [margin], where, state)
            elif name == "agencies" and row.get("agency"):
                for key in ("gain", "gain_with_objected"):
                    ends = [row.get(f"{key}_{end}", "") for end in ("mean", "low", "high")]
                    _same_numbers(
                        f"money.{key}.{row['agency']}.{row['budget']}", ends, where, state
                    )


def _tables(folder: Path) -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    """File, table and rows of every table for download, those of the spreadsheet among them."""
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            yield path.name, path.stem, list(csv.DictReader(stream))
    for path in sorted(folder.glob("*.xlsx")):
        yield from _sheets(path)


def _sheets(path: Path) -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    with contextlib.closing(load_workbook(path, read_only=True, data_only=True)) as book:
        for sheet in book.worksheets:
            rows = [["" if c is None else str(c) for c in row] for row in sheet.values]
            for place, head in enumerate(rows):
                if "id" in head and "text" in head:
                    below = [dict(zip(head, row, strict=False)) for row in rows[place + 1 :]]
                    yield f"{path.name}, {sheet.title}", "headline", below


def _same_numbers(key: str, ends: Iterable[str], where: str, state: _Walk) -> None:
    """Whether the numbers of a row are those that the book prints, in the digits that it prints."""
    first = state.text_of(key)
    held = [float(end) for end in ends if end not in ("", "None")]
    if first is None or not held:
        return
    printed = [_value(found) for found in re.findall(rf"({_NUMBER})", plain(first.text))]
    away = " fewer" in first.text or " more" in first.text
    for value in held:
        # A count says in words which way it goes.
        near = [abs(abs(value) - abs(p) if away else value - p) <= half for p, half in printed]
        if printed and not any(near):
            _otherwise(state, "another number", first, f"{value:g}", where)


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
    for image in article.select("img[alt]"):
        yield str(image["alt"])


def _words(where: str, texts: Iterable[str], state: _Walk) -> None:
    """Figures in running words that no quantity holds."""
    for text in texts:
        for one in figures_in(text):
            if one not in state.known:
                state.places += 1
                state.found.append(
                    Contradiction(
                        kind="a figure of no quantity", quantity="", said=one, where=where
                    )
                )


def _names(where: str, text: str, names: Mapping[str, str], state: _Walk) -> None:
    said = plain(text)
    for declared, shown in names.items():
        if declared.lower() not in shown.lower() and re.search(rf"\b{re.escape(declared)}\b", said):
            state.found.append(
                Contradiction(
                    kind="another name", quantity=shown, said=declared, where=where, against=shown
                )
            )


def text_of_pdf(path: Path) -> str:
    """The words of a PDF, page after page, with lines joined as they are read."""
    return plain(" ".join(page.extract_text() for page in PdfReader(path).pages))


def walk_workspace(workspace: Workspace, programme: str = "new_start") -> Walked:
    """Walk the built book of a workspace, its files included."""
    declared = Programme.load(workspace, programme, collecting=False)
    names = {one.title: one.plain_title for one in declared.outcomes}
    built = workspace.book / "_build" / "html"
    return walk(built, workspace.book / "_edition" / "claims.json", names)


def main(folder: str, programme: str = "new_start") -> int:
    """Print what a walk of a workspace's book found; 1 where a quantity is told in two ways."""
    found = walk_workspace(Workspace(root=Path(folder)), programme)
    print(f"{found.quantities} quantities in {found.places} places.")
    print(*found.contradictions or ["None is told in two ways."], sep="\n")
    return int(bool(found.contradictions))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
