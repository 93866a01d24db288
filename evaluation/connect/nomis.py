"""Nomis: claimant count, population and whatever else it holds by small area.

It cuts an answer at 25,000 rows and says 200; it answers an unknown parameter, a month that is not
out yet and a code of another vintage alike, with nothing. Both show only in what each row carries:
how many rows there are in all, and which of them this one is.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from evaluation.connect.door import Request
from evaluation.connect.pulls import Puller, Unusable
from evaluation.connect.readings import (
    Answered,
    Reading,
    Wanted,
    agreed,
    as_code,
    later,
    month,
    number,
    read_csv,
    see_rounding,
)
from evaluation.connect.recipes import NomisRecipe
from evaluation.errors import SourceError
from evaluation.wording import Sentence, count

# About 500 codes fit an address of 8,000 signs; with room for what else stands in it.
CODES_AT_ONCE = 400
_SAFE = "/:?&=,.+%()*'|~-_;@$!"
_COLUMNS = ("date", "geography_code", "obs_value")
_COUNT = "record_count"


def read_nomis(recipe: NomisRecipe, wanted: Wanted, puller: Puller, base: str) -> Answered:
    """Every row of a series for one period, from all pages.

    Raises
    ------
    SourceError : a page cannot be had, rows are cut off or come twice, or nothing comes at all.
    """
    readings: list[Reading] = []
    expected = received = 0
    for codes in _codes_at_once(recipe, wanted):
        found = _pages(recipe, wanted, puller, base, codes)
        readings += found.readings
        expected += found.expected or 0
        received += found.received
    if not readings:
        raise SourceError(
            f"nomis: no row for {wanted.period}.",
            where=recipe.name,
            expected=f"{', '.join(_dates(recipe, wanted))}, by codes of "
            f"{recipe.vintage or 'the programme'}",
            mend=f"it may not be published yet (usually {later(recipe.lag_quarters)}); "
            "Nomis also answers an unknown parameter or code with nothing: compare the recipe",
        )
    remarks = agreed(readings, wanted, recipe.vintage, source="nomis", where=recipe.name)
    asked = set(wanted.codes)
    others = sum(one.code not in asked for one in readings)
    if others and "{areas}" in recipe.request:
        remarks.append(
            Sentence.of(
                "{rows} rows came for codes that nobody asked for, and are left out.",
                "unasked",
                rows=count(others),
            )
        )
    kept = [one for one in readings if one.code in asked]
    dates = set(_dates(recipe, wanted))
    if other := sorted({one.period for one in kept} - dates):
        remarks.append(
            Sentence.of(
                "Figures came for {others} (first: {first}), which nobody asked for; they are left"
                " out.",
                "other dates",
                others=f"{len(other)} other dates" if len(other) > 1 else "another date",
                first=other[0],
            )
        )
    kept = [one for one in kept if one.period in dates]
    return Answered(kept, expected, received, [*remarks, *see_rounding(recipe, kept)])


def _codes_at_once(recipe: NomisRecipe, wanted: Wanted) -> Iterator[Sequence[str]]:
    if "{areas}" not in recipe.request:
        yield ()
        return
    for start in range(0, len(wanted.codes), CODES_AT_ONCE):
        yield wanted.codes[start : start + CODES_AT_ONCE]


def _dates(recipe: NomisRecipe, wanted: Wanted) -> tuple[str, ...]:
    yearly = recipe.month_to_quarter == "carried"
    return (str(wanted.mid_year),) if yearly else wanted.months


def _pages(
    recipe: NomisRecipe, wanted: Wanted, puller: Puller, base: str, codes: Sequence[str]
) -> Answered:
    """Page after page until there are as many rows as each row says there are."""
    readings: list[Reading] = []
    held: set[tuple[str, str]] = set()
    total: int | None = None
    while total is None or len(readings) < total:
        request = Request(url=base + _asked(recipe, wanted, codes, len(readings)))
        page = puller.pull(request, partial(_read_page, recipe=recipe, held=held, total=total))
        if not page.rows:
            break
        total = page.total
        readings += page.rows
        held.update((one.code, one.period) for one in page.rows)
    if total is not None and len(readings) > total:
        raise SourceError(
            f"nomis: {len(readings):,} rows came of {total:,} that there are.",
            where=recipe.name,
            mend="fetch again; if it stays, the source is at fault",
        )
    return Answered(readings, total, len(readings))


class _Page(NamedTuple):
    """The rows of a page, and how many there are on all pages by what they say."""

    rows: list[Reading]
    total: int


def _read_page(
    path: Path, recipe: NomisRecipe, held: Collection[tuple[str, str]], total: int | None
) -> _Page:
    """A page, seen to be the next one.

    Raises
    ------
    Unusable : it is another page than was asked for, or the series changed between two pages.
    """
    table = read_csv(path.read_bytes(), _COLUMNS)
    if _COUNT not in table.headings:
        raise Unusable(
            "its rows do not say how many there are in all (RECORD_COUNT), so that rows which were "
            "cut off could not be missed",
            mend="keep record_count in the recipe's select; if it is there, fetch again later",
        )
    if not table.rows:
        if total is not None:
            raise Unusable(f"it stops after {len(held):,} of {total:,} rows")
        return _Page([], 0)
    counts = {row[_COUNT].strip() for row in table.rows}
    said = next(iter(counts))
    if len(counts) > 1 or not said.isdecimal():
        raise Unusable("its rows do not say alike how many there are in all")
    if total is not None and int(said) != total:
        raise Unusable(
            f"the series changed while it was fetched: {total:,} rows, then {int(said):,}",
            mend="it was being published; fetch it anew later",
            again=False,
            stale=True,
        )
    rows = [_reading(row, recipe) for row in table.rows]
    repeated = next((one for one in rows if (one.code, one.period) in held), None)
    if repeated is not None:
        raise Unusable(
            f"a page repeats what came before (the row of {repeated.code} for {repeated.period})",
            stale=True,
        )
    return _Page(rows, int(said))


def _reading(row: dict[str, str], recipe: NomisRecipe) -> Reading:
    figure, status = number(row["obs_value"], recipe.symbols)
    return Reading(as_code(row["geography_code"]), month(row["date"]), figure, status)


def _asked(recipe: NomisRecipe, wanted: Wanted, codes: Sequence[str], offset: int) -> str:
    plain = recipe.request.format(
        areas=",".join(codes),
        first=wanted.months[0],
        last=wanted.months[-1],
        year=wanted.mid_year,
        limit=recipe.page,
        offset=offset,
    )
    return urllib.parse.quote(plain, safe=_SAFE)
