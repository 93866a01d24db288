"""What a file of the built book holds, text by text, whatever its kind.

Everything that a reader can get out of a file is given, whether it is shown or not: attributes and
comments of a page, hidden columns and properties of a workbook, the statistics of a Parquet file.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from evaluation.edition.scan import pdf
from evaluation.errors import BookError


@dataclass(frozen=True, kw_only=True)
class Held:
    """A text of a file and where it stands in it.

    place : in words, ``comment`` or ``column low, row 3``. column : the name of what it is one of:
    of a column, or a key; empty in running text. drawn : whether it is a coordinate.
    """

    place: str
    text: str
    column: str = ""
    drawn: bool = False


NOT_READ = ("script", "style")
LINKS = frozenset(
    {
        "href",
        "src",
        "srcset",
        "class",
        "id",
        "for",
        "style",
        "aria-labelledby",
        "rel",
        "type",
        "tabindex",
        "charset",
        "sizes",
    }
)
"""Attributes that name other files and parts, or say how something looks."""
OUTPUT = "cell_output"


class _Page(HTMLParser):
    """A page's texts, attributes and comments; whether it shows what a notebook printed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Held] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        # How wide a screen is, and the card that a link is shown as.
        if said.get("name") == "viewport" or said.get("property", "").startswith("og:image:"):
            return
        if tag in NOT_READ:
            self._inside.append(tag)
        if OUTPUT in said.get("class", "").split():
            self.found.append(Held(place=OUTPUT, text=""))
        # As they stand: one that is there twice is shown once, and both can be read.
        for name, value in attrs:
            if value and name not in LINKS and re.search(r"\d", value):
                self.found.append(Held(place=f"attribute {name}", text=value))

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            inside = self._inside[-1] if self._inside else ""
            place = f"line {self.getpos()[0]}"
            self.found.append(Held(place=f"{inside}, {place}" if inside else place, text=data))

    def handle_comment(self, data: str) -> None:
        self.found.append(Held(place="comment", text=data))


def _page(path: Path) -> Iterator[Held]:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    yield from page.found


def _text(path: Path) -> Iterator[Held]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        yield Held(place=f"line {number}", text=line)


def _csv(path: Path) -> Iterator[Held]:
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    heads = rows[0] if rows else []
    yield from (Held(place="heading", text=head) for head in heads)
    for number, row in enumerate(rows[1:], start=2):
        for place, cell in enumerate(row):
            name = heads[place] if place < len(heads) else ""
            yield Held(place=f"column {name}, row {number}", text=cell, column=name)


def _json(path: Path) -> Iterator[Held]:
    yield from _walk(json.loads(path.read_text(encoding="utf-8")), "", "")


def _walk(content: Any, place: str, column: str) -> Iterator[Held]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield Held(place=f"{place}: a key", text=key)
            yield from _walk(value, f"{place}.{key}".strip("."), str(key))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _walk(value, f"{place}[{number}]", column)
    elif content is not None and not isinstance(content, bool):
        yield Held(
            place=place, text=content if isinstance(content, str) else repr(content), column=column
        )


_DRAWN = frozenset(
    {
        "d",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "width",
        "height",
        "viewBox",
        "points",
        "transform",
        "dx",
        "dy",
        "offset",
    }
)
_LOOKS = frozenset(
    {"style", "class", "id", "version", "href", "clip-path", "font-size", "stroke-width", "fill"}
)
_AXIS = re.compile(r"[xy]tick_\d+")
AXIS = "a mark of an axis"


def _svg(path: Path) -> Iterator[Held]:
    text = path.read_text(encoding="utf-8")
    for comment in re.findall(r"<!--(.*?)-->", text, re.DOTALL):
        yield Held(place="comment", text=comment)
    root = ElementTree.fromstring(text)
    marks = {
        id(inner)
        for group in root.iter()
        if _AXIS.fullmatch(group.get("id", ""))
        for inner in group.iter()
    }
    for element in root.iter():
        tag = str(element.tag).rpartition("}")[2]
        for name, value in element.attrib.items():
            plain = name.rpartition("}")[2]
            if plain in _LOOKS:
                continue
            yield Held(place=f"{tag} {plain}", text=value, drawn=plain in _DRAWN)
        if tag != "style":
            for said in (element.text, element.tail):
                if said and said.strip():
                    place = AXIS if id(element) in marks else f"text in {tag}"
                    yield Held(place=place, text=said)


_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_DRESS = re.compile(
    r"xl/(?:styles|theme/theme\d+|_rels/.*|worksheets/_rels/.*)(?:\.xml)?(?:\.rels)?"
    r"|\[Content_Types\]\.xml|_rels/\.rels|xl/tables/.*|xl/workbook\.xml"
)
"""Parts of a workbook that say how it looks and what belongs to what."""


def _workbook(path: Path) -> Iterator[Held]:
    with zipfile.ZipFile(path) as held:
        parts = {name: held.read(name) for name in held.namelist()}
    shared = ["".join(one.itertext()) for one in _elements(parts.get("xl/sharedStrings.xml"), "si")]
    yield from (Held(place="words of the workbook", text=said) for said in shared)
    for name, content in parts.items():
        if name == "xl/sharedStrings.xml":
            continue
        if _SHEET.fullmatch(name):
            yield from _sheet(name, content)
        elif not _DRESS.fullmatch(name):
            yield from (
                Held(place=name, text=said) for said in ElementTree.fromstring(content).itertext()
            )
        elif name == "xl/workbook.xml":
            for sheet in _elements(content, "sheet"):
                if sheet.get("state", "visible") != "visible":
                    yield Held(place=f"hidden sheet {sheet.get('name')}", text=HIDDEN)
            for named in _elements(content, "definedName"):
                yield Held(place="a defined name", text=re.sub(r"\$\d+", "", named.text or ""))


HIDDEN = "\0hidden"
"""What stands for a part of a workbook that is there and not shown."""


def _sheet(name: str, content: bytes) -> Iterator[Held]:
    for kind in ("col", "row"):
        for one in _elements(content, kind):
            if one.get("hidden") in ("1", "true"):
                yield Held(place=f"{name}, {kind} {one.get('min') or one.get('r')}", text=HIDDEN)
    for cell in _elements(content, "c"):
        words = cell.get("t") == "s"
        for part in cell:
            if str(part.tag).endswith("}is"):
                yield Held(place=f"{name}, {cell.get('r')}", text="".join(part.itertext()))
            elif part.text and not (words and str(part.tag).endswith("}v")):
                yield Held(place=f"{name}, {cell.get('r')}", text=part.text)


def _elements(content: bytes | None, tag: str) -> Iterator[ElementTree.Element]:
    if content is not None:
        yield from (
            one for one in ElementTree.fromstring(content).iter() if one.tag.endswith(f"}}{tag}")
        )


_SCHEMA = b"ARROW:schema"


def _parquet(path: Path) -> Iterator[Held]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    for key, value in (file.metadata.metadata or {}).items():
        if key != _SCHEMA:
            yield Held(place=f"metadata {key.decode()}", text=value.decode("utf-8", "replace"))
    table = file.read()
    for field in table.schema:
        for key, value in (field.metadata or {}).items():
            if not key.startswith(b"PARQUET:"):
                yield Held(place=f"metadata of {field.name}", text=value.decode("utf-8", "replace"))
        for number, value in enumerate(table[field.name].to_pylist(), start=1):
            if value is not None and not isinstance(value, bool):
                said = value if isinstance(value, str) else repr(value)
                yield Held(place=f"column {field.name}, row {number}", text=said, column=field.name)
    for group in range(file.metadata.num_row_groups):
        for place in range(file.metadata.num_columns):
            one = file.metadata.row_group(group).column(place)
            if one.is_stats_set and one.statistics.has_min_max:
                for end in (one.statistics.min, one.statistics.max):
                    said = end if isinstance(end, str) else repr(end)
                    name = one.path_in_schema
                    yield Held(place=f"statistics of {name}", text=said, column=name)


def _pdf(path: Path) -> Iterator[Held]:
    yield from (Held(place=one.place, text=one.text) for one in pdf.texts(path.read_bytes()))


SEARCH_INDEX = "searchindex.js"
SEARCH_WORDS = re.compile(r"^Search\.setIndex\((.*)\)\s*;?\s*$", re.DOTALL)
INDEXED = "indexed word"


def _index(path: Path) -> Iterator[Held]:
    """Titles and words of the search index; its other numbers are places of pages."""
    found = SEARCH_WORDS.match(path.read_text(encoding="utf-8"))
    if found is None:
        raise BookError("the search index is not as Sphinx writes it.", where=str(path))
    held = json.loads(found[1])
    for name in ("titles", "docnames", "filenames"):
        yield from (Held(place=f"index, {name}", text=said) for said in held.get(name, ()))
    for name in ("alltitles", "indexentries"):
        yield from (Held(place=f"index, {name}", text=said) for said in held.get(name, {}))
    for name in ("terms", "titleterms"):
        yield from (
            Held(place=f"index, {name}", text=said, column=INDEXED) for said in held.get(name, {})
        )


def _inventory(path: Path) -> Iterator[Held]:
    head, rest = path.read_bytes().split(b"zlib.\n", 1)
    text = head.decode() + zlib.decompress(rest).decode()
    for line in text.splitlines()[4:]:
        yield Held(place="a label", text=line.rpartition(" ")[2])


def _notebook(path: Path) -> Iterator[Held]:
    held = json.loads(path.read_text(encoding="utf-8"))
    for number, cell in enumerate(held.get("cells", ())):
        if cell.get("outputs"):
            yield Held(place=OUTPUT, text="")
        yield from _walk(cell, f"cell {number}", "")


READERS: Mapping[str, Callable[[Path], Iterator[Held]]] = {
    ".html": _page,
    ".md": _text,
    ".txt": _text,
    ".cff": _text,
    ".csv": _csv,
    ".json": _json,
    ".svg": _svg,
    ".xlsx": _workbook,
    ".parquet": _parquet,
    ".pdf": _pdf,
    ".ipynb": _notebook,
    ".inv": _inventory,
}
"""Ending -> what reads it; a search index is known by its name."""


def texts(path: Path) -> Iterator[Held]:
    """Every text that a file holds.

    Raises
    ------
    KeyError : nothing reads files of this kind.
    """
    reader = _index if path.name == SEARCH_INDEX else READERS[path.suffix]
    yield from reader(path)
