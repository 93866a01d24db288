"""Lookups of the ONS geography portal: which area lies in which, and which code became which.

The service puts errors into answers with status 200, cuts a table at its own limit and says so with
a flag, gives layers names that carry versions, and has copies that name a column ``F_LSOA11CD``.
"""

from __future__ import annotations

import csv
import io
import urllib.parse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from evaluation.connect.door import Request
from evaluation.connect.pulls import Puller, Unusable
from evaluation.connect.recipes import GeographyRecipe
from evaluation.connect.statxplore import read_json, read_shape, said_in
from evaluation.errors import SourceError

# More pages than any lookup of the United Kingdom has.
_MOST_PAGES = 2_000
_SAFE = "/:?&=,.+()*-_;*"
# How layers call the number of a row.
_NUMBERS = ("objectid", "fid", "objectid_1")


class Lookup(NamedTuple):
    """A table of codes: one row a place, in the order of the recipe's fields."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    expected: int | None

    def as_csv(self) -> str:
        """As a file that spreadsheets and ``newstart programme areas`` read."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([self.columns, *self.rows])
        return out.getvalue()


def read_lookup(recipe: GeographyRecipe, puller: Puller, base: str) -> Lookup:
    """Every row of a lookup, from all pages.

    Raises
    ------
    SourceError : the layer is not there, or rows are lost or come twice.
    """
    root = base + recipe.request.format(layer=recipe.layer)
    expected = puller.pull(_request(root, "returnCountOnly=true&f=json"), _read_count)
    rows: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for _ in range(_MOST_PAGES):
        # Without an order two pages may overlap, and some rows come on none.
        parameters = (
            f"outFields=*&returnGeometry=false&orderByFields=ObjectId&resultOffset={len(rows)}"
            f"&resultRecordCount={recipe.page}&f=json"
        )
        page = puller.pull(
            _request(root, parameters), partial(_read_page, recipe=recipe, seen=seen)
        )
        rows += page.rows
        seen.update(page.marks)
        if not page.more:
            break
        if not page.rows:
            raise SourceError(
                f"geography: after {len(rows):,} rows it says that there are more and sends none.",
                where=recipe.name,
                mend="fetch again later",
            )
    if not rows and not expected:
        raise SourceError(
            "geography: the layer holds no rows.",
            where=recipe.name,
            mend="look the present name of the layer up on the portal, and put it into the recipe",
        )
    if expected is not None and len(rows) != expected:
        raise SourceError(
            f"geography: {len(rows):,} rows came of {expected:,} that there are.",
            where=recipe.name,
            mend="fetch again later: the layer may be being published anew",
        )
    return Lookup(recipe.fields, rows, expected)


def _request(root: str, parameters: str) -> Request:
    return Request(url=urllib.parse.quote(f"{root}&{parameters}", safe=_SAFE + ":?=&"))


class _Count(BaseModel):
    count: int | None = None


def _read_count(path: Path) -> int | None:
    _refuse_error(path)
    return read_shape(path, _Count, "count").count


def _refuse_error(path: Path) -> None:
    content = read_json(path)
    if "error" in content:
        raise Unusable(
            f"it answers with an error in place of rows ({said_in(content)})",
            mend="layers are renamed with each version (..._LU, ..._V2): look the present name up "
            "on the portal, and put it into the recipe",
        )


class _Feature(BaseModel):
    attributes: dict[str, Any] = Field(default_factory=dict)
    properties: dict[str, Any] = Field(default_factory=dict)


class _Flag(BaseModel):
    more: bool = Field(default=False, alias="exceededTransferLimit")


class _Features(_Flag):
    features: tuple[_Feature, ...]
    properties: _Flag = _Flag()


class _Page(NamedTuple):
    """The rows of a page, what tells each from every other one, and whether there are more."""

    rows: list[tuple[str, ...]]
    marks: set[str]
    more: bool


def _read_page(path: Path, recipe: GeographyRecipe, seen: set[str]) -> _Page:
    _refuse_error(path)
    content = read_shape(path, _Features, "page of rows")
    held = [one.attributes or one.properties for one in content.features]
    plain = [{str(name).casefold(): value for name, value in one.items()} for one in held]
    rows = [_row(one, recipe.fields) for one in plain]
    marks = [_mark(one, row) for one, row in zip(plain, rows, strict=True)]
    if seen & set(marks):
        raise Unusable("a page repeats what came before", stale=True)
    if (
        twice := next(
            (row for row, mark in zip(rows, marks, strict=True) if marks.count(mark) > 1), None
        )
        if len(set(marks)) < len(marks)
        else None
    ):
        raise Unusable(f"a row comes twice on one page ({', '.join(twice)})", stale=True)
    # The flag stands at the top, or in GeoJSON under properties.
    return _Page(rows, set(marks), content.more or content.properties.more)


def _mark(held: Mapping[str, Any], row: Sequence[str]) -> str:
    """What a row is known by: its number in the layer, or all that is wanted of it.

    Wards of LSOAs, say, repeat if only the ward is wanted: such rows are no page that came twice.
    """
    number = next((held[name] for name in _NUMBERS if held.get(name) is not None), None)
    return "|".join(row) if number is None else str(number)


def _row(lower: Mapping[str, Any], fields: Sequence[str]) -> tuple[str, ...]:
    cells = []
    for name in fields:
        # Copies of a layer put a letter before the name of a column.
        wanted = (name.casefold(), f"f_{name.casefold()}")
        column = next((one for one in wanted if one in lower), None)
        if column is None:
            raise Unusable(
                f"it has no column {name!r} (there are {', '.join(lower)})",
                mend="compare fields in the recipe with the layer",
                again=False,
            )
        value = lower[column]
        cells.append("" if value is None else str(value).strip())
    return tuple(cells)
