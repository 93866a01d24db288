"""Explore Education Statistics: neighbourhood or authority figures of the Department for Education.

Ids of filters, indicators and places are opaque and belong to one version of a data set; values are
texts, and symbols stand where there is no figure.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field

from evaluation.connect.door import Request
from evaluation.connect.pulls import Puller, Unusable
from evaluation.connect.readings import (
    Answered,
    Reading,
    Wanted,
    agreed,
    as_code,
    number,
    see_rounding,
)
from evaluation.connect.recipes import EesRecipe
from evaluation.connect.statxplore import read_shape
from evaluation.errors import SourceError

_TERMS = {"Q1": 1, "Q2": 2, "Q3": 3, "Q4": 4}


def read_ees(recipe: EesRecipe, wanted: Wanted, puller: Puller, base: str) -> Answered:
    """Every row of a data set for one period, from all pages.

    Raises
    ------
    SourceError : the version is not there, a page cannot be had, or rows are lost or come twice.
    """
    root = base + recipe.request.format(data_set=recipe.data_set)
    codes = puller.pull(
        Request(url=f"{root}/meta?dataSetVersion={urllib.parse.quote(recipe.version)}"),
        partial(_read_meta, recipe=recipe),
    )
    readings: list[Reading] = []
    seen: set[tuple[str, str]] = set()
    page = total = received = 0
    pages = 1
    while page < pages:
        page += 1
        parameters = f"dataSetVersion={recipe.version}&page={page}&pageSize={recipe.page}"
        query = f"{recipe.query}&{parameters}" if recipe.query else parameters
        request = Request(url=f"{root}/query?{urllib.parse.quote(query, safe='&=|.,-_/')}")
        found = puller.pull(request, partial(_read_page, recipe=recipe, codes=codes, seen=seen))
        if page > 1 and found.total != total:
            raise SourceError(
                f"ees: the data set changed while it was fetched: {total:,} rows, then "
                f"{found.total:,}.",
                where=recipe.name,
                mend="fetch it anew",
            )
        pages, total = found.pages, found.total
        received += found.received
        readings += found.readings
        seen.update((one.code, one.period) for one in found.readings)
        if not found.received:
            # However many pages it says that there are: the rows are counted below.
            break
    if received != total:
        raise SourceError(
            f"ees: {received:,} rows came of {total:,} that there are.",
            where=recipe.name,
            mend="fetch again; if it stays, the source is at fault",
        )
    return _of_period(recipe, wanted, readings, total)


def _of_period(recipe: EesRecipe, wanted: Wanted, readings: list[Reading], total: int) -> Answered:
    own = [one for one in readings if one.period in (str(wanted.period), *wanted.months)]
    if not own:
        held = sorted({one.period for one in readings})
        raise SourceError(
            f"ees: no row for {wanted.period}.",
            where=recipe.name,
            expected=f"one of {', '.join(held[-6:]) or 'no period at all'}",
            mend="it may not be published in this version; a newer one has other ids: see "
            "/versions of the data set",
        )
    remarks = agreed(own, wanted, recipe.vintage, source="ees", where=recipe.name)
    asked = set(wanted.codes)
    kept = [one for one in own if one.code in asked]
    return Answered(kept, total, total, [*remarks, *see_rounding(recipe, kept)])


Id = str | int


class _Level(BaseModel):
    code: str


class _Place(BaseModel):
    id: Id
    code: str | None = None


class _Places(BaseModel):
    level: _Level
    options: tuple[_Place, ...]


class _Indicator(BaseModel):
    id: Id


class _Meta(BaseModel):
    locations: tuple[_Places, ...]
    indicators: tuple[_Indicator, ...] = ()


def _read_meta(path: Path, recipe: EesRecipe) -> dict[str, str]:
    """Opaque id of a place -> its code.

    Raises
    ------
    Unusable : it is no description of a data set, lacks the level, or the indicator is unknown.
    """
    content = read_shape(path, _Meta, "description of a data set")
    known = {str(one.id) for one in content.indicators}
    for name in filter(None, (recipe.indicator, recipe.out_of)):
        if known and name not in known:
            raise Unusable(
                f"version {recipe.version} has no indicator {name!r}",
                mend="ids belong to a version: see /meta of the version that the recipe names",
                again=False,
            )
    for one in content.locations:
        if one.level.code == recipe.level:
            return {str(place.id): as_code(place.code or "") for place in one.options}
    raise Unusable(f"it has no figures by {recipe.level}", again=False)


class _Paging(BaseModel):
    total: int = Field(alias="totalResults", ge=0)
    pages: int = Field(alias="totalPages", ge=0)


class _Time(BaseModel):
    period: Id
    code: str = ""


class _Row(BaseModel):
    time: _Time = Field(alias="timePeriod")
    locations: dict[str, Id]
    values: dict[str, str | float | None]


class _Results(BaseModel):
    paging: _Paging
    results: tuple[_Row, ...]


class _Page(NamedTuple):
    readings: list[Reading]
    received: int
    total: int
    pages: int


def _read_page(
    path: Path, recipe: EesRecipe, codes: Mapping[str, str], seen: set[tuple[str, str]]
) -> _Page:
    content = read_shape(path, _Results, "page of results")
    readings = [one for row in content.results for one in _reading(row, recipe, codes)]
    if repeated := [one for one in readings if (one.code, one.period) in seen]:
        raise Unusable(
            f"a page repeats what came before (the row of {repeated[0].code} for "
            f"{repeated[0].period}), or the query leaves a filter open",
            stale=True,
        )
    paging = content.paging
    return _Page(readings, len(content.results), paging.total, paging.pages)


def _reading(row: _Row, recipe: EesRecipe, codes: Mapping[str, str]) -> list[Reading]:
    place = str(row.locations.get(recipe.level, ""))
    code = codes.get(place, place if place in codes.values() else "")
    if not code:
        return []
    if recipe.indicator not in row.values:
        raise Unusable(f"a row has no value of {recipe.indicator}", again=False)
    figure, status = number(_text(row.values[recipe.indicator]), recipe.symbols)
    out_of = None
    if recipe.out_of:
        out_of, _ = number(_text(row.values.get(recipe.out_of)), recipe.symbols)
    return [Reading(code, _period(row.time, recipe), figure, status, out_of)]


def _text(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _period(given: _Time, recipe: EesRecipe) -> str:
    """A period of theirs as ours: 2024/25 or 202425 is an academic or financial year."""
    text, kind = str(given.period), given.code
    first = text[:4]
    if not first.isdecimal():
        raise Unusable(f"{text[:20]!r} does not read as a period", again=False)
    if kind.startswith("M") and kind[1:].isdecimal():
        return f"{first}-{int(kind[1:]):02d}"
    if kind[-2:] in _TERMS and kind.startswith("CY"):
        return f"{first} {kind[-2:]}"
    two_years = len(text) > len(first)
    return str(int(first) + (two_years and recipe.year == "ends"))
