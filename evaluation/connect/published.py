"""Published files that somebody dropped in: found by what is in them, whatever they are called.

Their names and addresses change with every publication, revised editions replace earlier ones, and
headings move. So a file is looked for by its headings, a row is kept if its code is an area's, and
two files that speak of one period are a question to a person.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evaluation.connect.pulls import Puller, Unusable
from evaluation.connect.readings import (
    Answered,
    Reading,
    Wanted,
    agreed,
    as_code,
    number,
    read_csv,
    see_rounding,
)
from evaluation.connect.recipes import CsvRecipe, OdsRecipe
from evaluation.errors import ReturnFileError, SourceError
from evaluation.quarters import Period
from evaluation.returns import archive
from evaluation.returns.workbook import plain_text
from evaluation.wording import Sentence

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Rows above a heading: titles, notes, a date.
_MOST_ABOVE = 40
_EXAMPLE = "Detailed_LA_202603.ods"


class Dropped(NamedTuple):
    """A file that holds the period asked for, and what was read from it."""

    name: str
    path: Path
    readings: tuple[Reading, ...]


def read_dropped(recipe: CsvRecipe | OdsRecipe, wanted: Wanted, puller: Puller) -> Answered:
    """The figures of one period, from the files that hold its months or all of it.

    Raises
    ------
    SourceError : no file holds the period, two hold one month, or one cannot be read as the recipe
        says.
    """
    found = [
        held
        for name, path in _files(recipe, wanted, puller)
        for held in _held(recipe, wanted, name, path)
    ]
    if not found:
        raise SourceError(
            f"{recipe.name}: no file among {recipe.files} holds {wanted.period}.",
            where=str(wanted.folder),
            expected=f"a published file, under whatever name (such as {_EXAMPLE})",
            mend="download it from the publisher's page and put it there",
        )
    _refuse_two_editions(recipe, wanted, found)
    readings = [one for held in found for one in held.readings]
    path = str(found[0].path)
    remarks = agreed(readings, wanted, recipe.vintage, source=recipe.name, where=path)
    for held in found:
        puller.keep_file(held.name, held.path)
        remarks.append(Sentence.of("Read from {file}.", "file", file=held.name))
    asked = set(wanted.codes)
    kept = [one for one in readings if one.code in asked]
    return Answered(kept, None, len(readings), [*remarks, *see_rounding(recipe, kept)])


def _refuse_two_editions(
    recipe: CsvRecipe | OdsRecipe, wanted: Wanted, found: Sequence[Dropped]
) -> None:
    holds: dict[str, str] = {}
    for held in found:
        for period in {one.period for one in held.readings}:
            if period in holds:
                raise SourceError(
                    f"{recipe.name}: {holds[period]} and {held.name} both hold {period}.",
                    where=str(wanted.folder),
                    mend="one may be a revised edition: move the other out of the folder",
                )
            holds[period] = held.name


def _files(recipe: CsvRecipe | OdsRecipe, wanted: Wanted, puller: Puller) -> list[tuple[str, Path]]:
    """Name and place of each file: what lies in the folder, or in a replay what was kept."""
    if puller.line.transport is None:
        return puller.kept_files()
    endings = {".csv"} if isinstance(recipe, CsvRecipe) else {".ods", ".xlsx"}
    # A spreadsheet that is open leaves a lock file beside it.
    return sorted(
        (path.name, path)
        for path in wanted.folder.glob(recipe.files)
        if path.suffix.lower() in endings and not path.name.startswith((".", "~"))
    )


def _held(
    recipe: CsvRecipe | OdsRecipe, wanted: Wanted, name: str, path: Path
) -> Iterator[Dropped]:
    """What a file says of the period; nothing if it is of another."""
    try:
        if isinstance(recipe, CsvRecipe):
            rows = _csv_rows(recipe, path)
        else:
            rows = _sheet_rows(recipe, path)
        readings = _readings(recipe, rows, wanted)
    except Unusable as error:
        raise SourceError(f"{recipe.name}: {error.why}.", where=name, mend=error.mend) from None
    if readings:
        yield Dropped(name, path, tuple(readings))


Row = dict[str, str]


def _csv_rows(recipe: CsvRecipe, path: Path) -> list[Row]:
    names = [recipe.area_column, recipe.period_column, recipe.numerator, recipe.out_of]
    wanted = [name for name in (*names, *recipe.only) if name]
    # Below a published table stand notes: a row that breaks off has the code of an area in it.
    return read_csv(
        path.read_bytes(),
        wanted,
        what="the file",
        is_row=lambda cells: any(re.fullmatch(recipe.codes, as_code(cell)) for cell in cells),
    ).rows


def _sheet_rows(recipe: OdsRecipe, path: Path) -> list[Row]:
    """The rows below the heading of one sheet, by the heading's text.

    Raises
    ------
    Unusable : the sheet is not there, or no row has the headings that the recipe names.
    """
    sheets = _sheets(path)
    named = [title for title in sheets if title.strip().casefold() == recipe.sheet.casefold()]
    if not named:
        raise Unusable(
            f"it has no sheet {recipe.sheet!r} (there are {', '.join(sheets)})",
            mend="sheets are renamed now and then: see which holds it, and name that in the recipe",
            again=False,
        )
    rows = [[plain_text(value) for value in row] for row in sheets[named[0]]]
    for last in range(min(_MOST_ABOVE, len(rows))):
        first = max(last + 1 - recipe.heading_rows, 0)
        heading = _heading(rows[first : last + 1])
        if all(_find(heading, name) is not None for name in (recipe.area_column, recipe.numerator)):
            above = " ".join(" ".join(row) for row in rows[:first])
            below = rows[last + 1 :]
            return [
                {**dict(zip(heading, cells, strict=False)), "": above}
                for cells in below
                if any(cells)
            ]
    raise Unusable(
        f"no row of {recipe.sheet} has the headings {recipe.area_column!r} and "
        f"{recipe.numerator!r}",
        mend="compare heading_rows and the names in the recipe with the file",
        again=False,
    )


def _sheets(path: Path) -> Mapping[str, Sequence[Sequence[object]]]:
    """Every sheet by its title, from row 1 and column A, whether ODS or XLSX.

    Raises
    ------
    Unusable : it is no sound spreadsheet, or unpacks to more than any is.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        # Unpacked within bounds first, and read from what was unpacked.
        parts = archive.unpack(path.read_bytes(), path.name)
        book = CalamineWorkbook.from_filelike(io.BytesIO(archive.pack(parts)))
        return {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in book.sheet_names
        }
    except (CalamineError, PasswordError, ReturnFileError) as error:
        raise Unusable(f"it is no sound spreadsheet ({error})", again=False) from None


def _heading(rows: Sequence[Sequence[str]]) -> list[str]:
    """The texts of each column from top to bottom; a merged cell counts for those right of it."""
    width = max((len(row) for row in rows), default=0)
    parts: list[list[str]] = [[] for _ in range(width)]
    for depth, row in enumerate(rows):
        spread = ""
        for column in range(width):
            cell = " ".join((row[column] if column < len(row) else "").split())
            # The lowest row names each column by itself.
            spread = cell or (spread if depth + 1 < len(rows) else "")
            if spread:
                parts[column].append(spread)
    return [" ".join(held).casefold() for held in parts]


def _find(heading: Sequence[str], name: str) -> str | None:
    """The heading that is this one, or the only one that ends with it."""
    wanted = " ".join(name.split()).casefold()
    if wanted in heading:
        return wanted
    ending = [one for one in heading if one.endswith(wanted)]
    return ending[0] if len(ending) == 1 else None


def _readings(recipe: CsvRecipe | OdsRecipe, rows: Sequence[Row], wanted: Wanted) -> list[Reading]:
    """The readings of the period asked for; rows of totals and notes have no area's code."""
    found = []
    headings = list(rows[0]) if rows else []
    columns = {name: _find(headings, name) for name in _named(recipe)}
    if lacking := [name for name, column in columns.items() if column is None]:
        raise Unusable(
            f"no column {lacking[0]!r} (there are {', '.join(filter(None, headings[:12]))})",
            mend="compare the recipe with the file",
            again=False,
        )
    for row in rows:
        code = as_code(row[columns[recipe.area_column] or ""])
        kept = all(
            row[columns[name] or ""].strip().casefold() == value.casefold()
            for name, value in recipe.only.items()
        )
        if not kept or not re.fullmatch(recipe.codes, code):
            continue
        # Without a column of its own the period stands above the heading, which a CSV has not.
        period = _period(recipe, row.get(columns.get(recipe.period_column) or "", ""))
        if period not in (*wanted.months, str(wanted.period), str(wanted.period.year)):
            continue
        figure, status = number(row[columns[recipe.numerator] or ""], recipe.symbols)
        out_of = None
        if recipe.out_of:
            out_of, _ = number(row[columns[recipe.out_of] or ""], recipe.symbols)
        found.append(Reading(code, period, figure, status, out_of))
    return found


def _named(recipe: CsvRecipe | OdsRecipe) -> list[str]:
    names = [recipe.area_column, recipe.numerator, recipe.out_of, recipe.period_column]
    return [name for name in (*names, *recipe.only) if name]


def _period(recipe: CsvRecipe | OdsRecipe, text: str) -> str:
    """What a cell, or the rows above the heading, say about the period.

    Raises
    ------
    Unusable : the recipe's expression does not find one.
    """
    found = re.search(recipe.period, text, re.IGNORECASE)
    if not found:
        raise Unusable(
            f"{text[:40]!r} does not read as a period",
            mend=f"the recipe looks for {recipe.period}",
            again=False,
        )
    parts = found.groupdict()
    year = int(parts["year"])
    year += 2_000 if year < 100 else 0
    if parts.get("quarter"):
        return str(Period.quarter(year, int(parts["quarter"])))
    if parts.get("quarter_month"):
        return str(Period.quarter(year, (_month(parts["quarter_month"]) + 2) // 3))
    if parts.get("month"):
        return f"{year}-{_month(parts['month']):02d}"
    return str(year)


def _month(text: str) -> int:
    if text.isdecimal():
        return int(text)
    short = text[:3].lower()
    if short not in _MONTHS:
        raise Unusable(f"{text[:20]!r} is no month", again=False)
    return _MONTHS.index(short) + 1
