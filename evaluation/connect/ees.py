"""Explore Education Statistics: neighbourhood or authority figures of the Department for Education.

Ids of filters, indicators and places are opaque and belong to one version of a data set; values are
texts, and symbols stand where there is no figure.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from evaluation.connect.door import Request
from evaluation.connect.pulls import Puller, Unusable
from evaluation.connect.readings import (
    Answered,
    Reading,
    Wanted,
    as_code,
    compare_codes,
    number,
    refuse_twice,
    see_rounding,
)
from evaluation.connect.recipes import EesRecipe
from evaluation.connect.statxplore import read_json, said_in
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
    try:
        refuse_twice(own)
        remarks = compare_codes(wanted, recipe.vintage, {one.code for one in own})
    except Unusable as error:
        raise SourceError(f"ees: {error.why}.", where=recipe.name, mend=error.mend) from None
    asked = set(wanted.codes)
    kept = [one for one in own if one.code in asked]
    return Answered(kept, total, total, [*remarks, *see_rounding(recipe, kept)])


def _read_meta(path: Path, recipe: EesRecipe) -> dict[str, str]:
    """Opaque id of a place -> its code.

    Raises
    ------
    Unusable : it is no description of a data set, lacks the level, or the indicator is unknown.
    """
    content = read_json(path)
    levels = content.get("locations")
    if not isinstance(levels, list):
        raise Unusable(f"its answer is no description of a data set ({said_in(content)})")
    known = {str(one.get("id")) for one in content.get("indicators") or ()}
    for name in filter(None, (recipe.indicator, recipe.out_of)):
        if known and name not in known:
            raise Unusable(
                f"version {recipe.version} has no indicator {name!r}",
                mend="ids belong to a version: see /meta of the version that the recipe names",
                again=False,
            )
    for level in levels:
        if (level.get("level") or {}).get("code") == recipe.level:
            options = level.get("options") or ()
            return {str(one.get("id")): as_code(str(one.get("code", ""))) for one in options}
    raise Unusable(f"it has no figures by {recipe.level}", again=False)


class _Page(NamedTuple):
    readings: list[Reading]
    received: int
    total: int
    pages: int


def _read_page(
    path: Path, recipe: EesRecipe, codes: Mapping[str, str], seen: set[tuple[str, str]]
) -> _Page:
    content = read_json(path)
    paging, results = content.get("paging"), content.get("results")
    if not isinstance(paging, dict) or not isinstance(results, list):
        raise Unusable(f"its answer is no page of results ({said_in(content)})")
    readings = [one for row in results for one in _reading(row, recipe, codes)]
    if repeated := [one for one in readings if (one.code, one.period) in seen]:
        raise Unusable(
            f"a page repeats what came before (the row of {repeated[0].code} for "
            f"{repeated[0].period}), or the query leaves a filter open",
            stale=True,
        )
    total, pages = paging.get("totalResults"), paging.get("totalPages")
    if not isinstance(total, int) or not isinstance(pages, int):
        raise Unusable("its page does not say how many rows there are")
    return _Page(readings, len(results), total, pages)


def _reading(row: Mapping[str, Any], recipe: EesRecipe, codes: Mapping[str, str]) -> list[Reading]:
    place = str((row.get("locations") or {}).get(recipe.level, ""))
    code = codes.get(place, place if place in codes.values() else "")
    if not code:
        return []
    values = row.get("values") or {}
    if recipe.indicator not in values:
        raise Unusable(f"a row has no value of {recipe.indicator}", again=False)
    figure, status = number(str(values[recipe.indicator]), recipe.symbols)
    out_of = None
    if recipe.out_of:
        out_of, _ = number(str(values.get(recipe.out_of, "")), recipe.symbols)
    return [Reading(code, _period(row.get("timePeriod") or {}, recipe), figure, status, out_of)]


def _period(given: Mapping[str, Any], recipe: EesRecipe) -> str:
    """A period of theirs as ours: 2024/25 or 202425 is an academic or financial year."""
    text, kind = str(given.get("period", "")), str(given.get("code", ""))
    first = text[:4]
    if not first.isdigit():
        raise Unusable(f"{text[:20]!r} does not read as a period", again=False)
    if kind.startswith("M") and kind[1:].isdigit():
        return f"{first}-{int(kind[1:]):02d}"
    if kind[-2:] in _TERMS and kind.startswith("CY"):
        return f"{first} {kind[-2:]}"
    two_years = len(text) > len(first)
    return str(int(first) + (two_years and recipe.year == "ends"))
