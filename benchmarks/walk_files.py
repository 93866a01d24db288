"""What the files of a built book say: tables for programs, spreadsheet, charts, PDF.

Used by `benchmarks.walk`. A table is written in several forms; each form is held against the first,
cell by cell, so that a figure that was changed in one of them stands out.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq
from openpyxl import load_workbook
from pypdf import PdfReader

from evaluation import fingerprint

MISSING = "[z]"
Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A table as one file holds it: its name, its columns by their names, its rows as text."""

    where: str
    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Apart:
    """A cell that two files hold otherwise."""

    what: str
    said: str
    where: str
    against: str
    elsewhere: str


def tables(folder: Path) -> list[Sheet]:
    """Every table for download: as CSV, as Parquet, and the sheets of the spreadsheet."""
    held = [*_csv_tables(folder), *_parquets(folder)]
    for path in sorted(folder.glob("*.xlsx")):
        held += _sheets(path)
    return held


def words_of_workbooks(folder: Path) -> Iterator[tuple[str, str]]:
    """Where and what the spreadsheet says around its tables: cover, contents, notes, captions."""
    for path in sorted(folder.glob("*.xlsx")):
        for title, rows in _cells(path):
            head = _head(rows)
            for row in rows if head is None else rows[:head]:
                for cell in row:
                    if cell:
                        yield f"{path.name}, {title}", cell


def forms_apart(held: Sequence[Sheet]) -> Iterator[Apart]:
    """Cells that differ between the forms of one table."""
    first: dict[str, Sheet] = {}
    for sheet in held:
        known = first.setdefault(sheet.name, sheet)
        if known is not sheet:
            yield from _cells_apart(known, sheet)


def twins_apart(html: Path) -> Iterator[Apart]:
    """Numbers of a chart or table in CSV that its JSON does not have, and the other way round."""
    for path in sorted([*html.glob("figures/**/*.csv"), *html.glob("data/**/*.csv")]):
        twin = path.with_suffix(".json")
        if not twin.is_file():
            continue
        where = path.relative_to(html).as_posix()
        other = twin.relative_to(html).as_posix()
        held = json.loads(twin.read_text(encoding="utf-8"))
        # A list within a cell is spelled as the program has it: it is held in the JSON alone.
        cells = [cell for row in _read_csv(path) for cell in row.values()]
        ours = {_figure(cell) for cell in cells if cell and not cell.startswith("[")}
        theirs = {_figure(one) for one in _leaves(held)}
        # What the JSON of a chart holds beside its rows is not in its table.
        rows = held if isinstance(held, list) else _rows_of(held)
        for said in sorted(map(str, ours - theirs)):
            yield Apart(what=path.stem, said=said, where=where, against="", elsewhere=other)
        in_rows = {_figure(one) for one in _leaves(rows)}
        for said in sorted(map(str, in_rows - ours)):
            yield Apart(what=path.stem, said=said, where=other, against="", elsewhere=where)


def not_as_described(folder: Path) -> Iterator[Apart]:
    """Files for download that are not those of which ``datapackage.json`` gives the hash."""
    path = folder / "datapackage.json"
    if not path.is_file():
        return
    for one in json.loads(path.read_text(encoding="utf-8"))["resources"]:
        held = folder / str(one["path"])
        if not held.is_file():
            continue
        made = f"sha256:{fingerprint.of_bytes(held.read_bytes())}"
        if made != one["hash"]:
            yield Apart(
                what=str(one["name"]),
                said=made[:19],
                where=held.name,
                against=str(one["hash"])[:19],
                elsewhere=path.name,
            )


def texts_of_charts(html: Path) -> Iterator[tuple[str, str]]:
    """Where and what: the words that stand in drawn charts."""
    for path in sorted(html.glob("figures/**/*.svg")):
        for one in ElementTree.parse(path).iter():
            if str(one.tag).rpartition("}")[2] in ("text", "title", "desc"):
                yield path.relative_to(html).as_posix(), "".join(one.itertext())


def said_of_charts(html: Path) -> Iterator[tuple[str, str]]:
    """Where and what: what the JSON of a chart says in words."""
    for path in sorted(html.glob("figures/**/*.json")):
        held = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(held, dict) and isinstance(held.get("says"), str):
            yield path.relative_to(html).as_posix(), held["says"]


def text_of_pdf(path: Path) -> str:
    """The words of a PDF, page after page, with lines joined as they are read."""
    return " ".join(page.extract_text() for page in PdfReader(path).pages)


def _csv_tables(folder: Path) -> Iterator[Sheet]:
    for path in sorted(folder.glob("*.csv")):
        yield Sheet(where=path.name, name=path.stem, rows=tuple(_read_csv(path)))


def _parquets(folder: Path) -> Iterator[Sheet]:
    for path in sorted(folder.glob("*.parquet")):
        rows = pq.read_table(path).to_pylist()
        yield Sheet(
            where=path.name,
            name=path.stem,
            rows=tuple({name: _said(cell) for name, cell in row.items()} for row in rows),
        )


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _sheets(path: Path) -> Iterator[Sheet]:
    for title, rows in _cells(path):
        head = _head(rows)
        if head is None:
            continue
        names = [_column(one) for one in rows[head]]
        below = [row for row in rows[head + 1 :] if any(row)]
        yield Sheet(
            where=f"{path.name}, {title}",
            name=_column(title),
            rows=tuple(dict(zip(names, row, strict=False)) for row in below),
        )


def _cells(path: Path) -> Iterator[tuple[str, list[list[str]]]]:
    with contextlib.closing(load_workbook(path, read_only=True, data_only=True)) as book:
        for sheet in book.worksheets:
            yield sheet.title, [[_said(cell) for cell in row] for row in sheet.values]


def _head(rows: Sequence[Sequence[str]]) -> int | None:
    """The row that heads a sheet's table: the first that fills its columns, of at least three."""
    whole = max((len(row) for row in rows), default=0)
    if whole < 3:
        return None
    return next((place for place, row in enumerate(rows) if all(row)), None)


def _column(heading: str) -> str:
    """``effect_percent`` of ``Effect percent (%)``: a column's name from how it is headed."""
    return re.sub(r"\s*\([^)]*\)$", "", heading).strip().lower().replace(" ", "_")


def _said(cell: object) -> str:
    if cell is None or cell == MISSING or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return str(cell)


def _cells_apart(first: Sheet, other: Sheet) -> Iterator[Apart]:
    if len(first.rows) != len(other.rows):
        yield Apart(
            what=first.name,
            said=f"{len(other.rows)} rows",
            where=other.where,
            against=f"{len(first.rows)} rows",
            elsewhere=first.where,
        )
    for ours, theirs in zip(first.rows, other.rows, strict=False):
        names = [name for name in ours if name in theirs]
        what = " ".join(itertools.islice((cell for cell in ours.values() if cell), 3))
        for name in names:
            if _figure(ours[name]) != _figure(theirs[name]):
                yield Apart(
                    what=f"{first.name}: {what}: {name}",
                    said=theirs[name],
                    where=other.where,
                    against=ours[name],
                    elsewhere=first.where,
                )


def _figure(cell: object) -> object:
    """A number as it is compared, whatever spells it; any other cell as text."""
    text = str(cell)
    try:
        value = float(text)
    except ValueError:
        return text
    return float(f"{value:.12g}") if math.isfinite(value) else text


def _leaves(held: Any) -> Iterator[object]:
    """What a JSON file holds at its ends; a list of words also as its words together."""
    if isinstance(held, Mapping):
        for one in held.values():
            yield from _leaves(one)
    elif isinstance(held, (list, tuple)):
        for one in held:
            yield from _leaves(one)
    elif held not in (None, ""):
        yield held


def _rows_of(held: Mapping[str, Any]) -> list[Any]:
    """The rows of a chart's data that are also the rows of its CSV."""
    data = held.get("data")
    values: Iterable[Any] = data.values() if isinstance(data, Mapping) else ()
    return next((v for v in values if isinstance(v, list) and v and isinstance(v[0], dict)), [])
