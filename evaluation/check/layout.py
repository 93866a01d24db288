"""What a file holds beside its figures: totals, hidden things, formulas, words, names of people."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from evaluation.check.before import parameters
from evaluation.check.read import Cells, Headed, read_number, runs
from evaluation.check.report import Problem, Read, problem, quoted, shown
from evaluation.programme import Programme
from evaluation.returns.form import Corners, address, corners, form
from evaluation.returns.sheets import Sheet
from evaluation.returns.workbook import OtherSheet, RawReturn, RawRow, heading, plain_text

# Filled in by the template and not read: a formula or a merge there harms nothing.
_FOR_THE_EYE = {"area_name"}
_EMPTY = {"R025", "R027", "R047", "R050"}
"""Rules that tell of an empty cell."""


_TOTAL = re.compile(r"(?:grand |sub-?|overall |site )?totals?\b.*|sum|all areas", re.IGNORECASE)
_KEYS = ("area_code", "area_name", "quarter", "outcome")
_LISTED = 20
# A row with so many of them is no row of figures: exports of several pages repeat them.
_HEADINGS = 4
_SAY_IN_NOTE = "Write what a reader must know in the column note, and take it away here."


def without_totals(headed: Headed, sheet: str | None, programme: Programme) -> Read[Headed]:
    """The table without rows of totals, and without words that stand under or between its rows."""
    problems: list[Problem] = []
    kept: list[RawRow] = []
    since: list[RawRow] = []
    for row in headed.rows:
        texts = [plain_text(row.values[at]) for at in _places_of_keys(headed, row)]
        if any(text in programme.area_by_code for text in texts):
            kept.append(row)
            since.append(row)
        elif sum(heading(value) in form().names for value in row.values) >= _HEADINGS:
            message = "The headings stand here again; this row is not read."
            cell = f"A{row.number}"
            problems.append(problem("R018", message, sheet=sheet, cell=cell))
        elif any(_TOTAL.fullmatch(text) for text in texts):
            problems.append(_total(headed, row, (since, kept), sheet))
            since = []
        elif (at := _alone(row)) is not None:
            words = quoted([row.values[at]])
            message = f"{words} stands here and is not read. Does a figure rest on it?"
            problems.append(
                problem(
                    "R079",
                    message,
                    sheet=sheet,
                    cell=address(row.number, at),
                    value=row.values[at],
                    mend=_SAY_IN_NOTE,
                )
            )
        else:
            kept.append(row)
            since.append(row)
    # A long file of nothing but words is no return: its first rows say so, the rest is left to the
    # stages that count.
    if len(problems) > _LISTED:
        return Read(headed, [])
    return Read(replace(headed, rows=tuple(kept)) if problems else headed, problems)


def _places_of_keys(headed: Headed, row: RawRow) -> list[int]:
    places = (headed.columns.get(name) for name in _KEYS)
    return [at for at in places if at is not None and at < len(row.values)]


def _alone(row: RawRow) -> int | None:
    """The place of the one text of a row that holds nothing else; a code is no sentence."""
    filled = [at for at, value in enumerate(row.values) if value is not None]
    if len(filled) != 1 or not isinstance(row.values[filled[0]], str):
        return None
    return filled[0] if " " in row.values[filled[0]].strip() else None


def _total(
    headed: Headed, row: RawRow, above: tuple[Sequence[RawRow], ...], sheet: str | None
) -> Problem:
    """A row of totals is read past; one that is another sum than the rows make is asked about."""
    at = headed.columns.get("numerator")
    words = quoted(row.values[place] for place in _places_of_keys(headed, row)[:2])
    cell = address(row.number, min(_places_of_keys(headed, row)))
    message, value = f"This is a row of totals ({words}); it is not read.", None
    if at is not None and at < len(row.values):
        value = row.values[at]
        given = read_number(value)
        sums = [total for rows in above if (total := _sum(rows, at)) is not None]
        if isinstance(given, float) and sums and given not in sums:
            message += f" It says {shown(given)}, and the rows above come to {shown(sums[0])}:"
            message += " has a row or a figure gone?"
            return problem("R018", message, sheet=sheet, cell=cell, value=value, severity="confirm")
    return problem("R018", message, sheet=sheet, cell=cell, value=value)


def _sum(rows: Sequence[RawRow], at: int) -> float | None:
    """The sum of a column; None where a figure is missing, so that no total can be held to it."""
    read = [read_number(row.values[at]) if at < len(row.values) else None for row in rows]
    numbers = [one for one in read if isinstance(one, float)]
    return sum(numbers) if numbers and len(numbers) == len(read) else None


def check_wrapping(raw: RawReturn, cells: Cells) -> list[Problem]:
    """What was read past around the figures and in single cells: said, so that nobody wonders."""
    around = [
        problem("R018", one.message, sheet=one.sheet, cell=one.cell, value=one.value)
        for one in raw.wrapping
    ]
    inside = [
        cells.problem(one.rule, one.entry, one.column, one.message, value=one.value)
        for one in cells.asides
    ]
    return around + inside


def check_layout(raw: RawReturn, headed: Headed) -> list[Problem]:
    """What a workbook can hold beside values, and a CSV cannot.

    Formulas, merged cells, hidden rows and columns of the table, comments, text boxes, text that is
    struck through, sheets that are hidden or not read.
    """
    figures = raw.figures
    if figures is None:
        return []
    read = {name: at for name, at in headed.columns.items() if name not in _FOR_THE_EYE}
    problems = _check_formulas(raw, figures, headed, read.values())
    problems += _check_hidden(figures, headed, read)
    problems += _check_merged(raw, figures, headed, read.values())
    problems += _check_remarks(raw)
    problems += _check_struck(figures, headed, read)
    return problems + _check_sheets(raw)


def _check_remarks(raw: RawReturn) -> list[Problem]:
    """Words on and over the sheets that are read, a question each."""
    problems = []
    for sheet in raw.sheets:
        if sheet.title not in (raw.sheet, raw.guide_sheet):
            continue
        for remark in sheet.remarks[:_LISTED]:
            rule = "R076" if remark.kind == "comment" else "R079"
            message = f"A {remark.kind} says {quoted([remark.words])}. Does it change a figure?"
            problems.append(
                problem(
                    rule,
                    message,
                    sheet=sheet.title,
                    cell=remark.cell,
                    value=remark.words,
                    mend=_SAY_IN_NOTE,
                )
            )
    return problems


def _check_struck(figures: Sheet, headed: Headed, read: dict[str, int]) -> list[Problem]:
    """Rows with struck-out cells, a question for each run of neighbours struck alike."""
    if not figures.struck:
        return []
    struck: dict[int, tuple[int, ...]] = {}
    values = {row.number: row.values for row in headed.rows}
    for row in headed.rows:
        places = [at for at in sorted(read.values()) if address(row.number, at) in figures.struck]
        if places:
            struck[row.number] = tuple(places)
    problems = []
    for alike in dict.fromkeys(struck.values()):
        for first, last in runs(number for number, at in struck.items() if at == alike):
            held = values[first]
            words = quoted(held[at] for at in alike if at < len(held))
            to = "" if first == last else f", and so on to row {last}"
            message = f"{words} is struck through here{to}. Should it count?"
            cell = address(first, alike[0])
            value = held[alike[0]] if alike[0] < len(held) else None
            problems.append(problem("R077", message, sheet=figures.title, cell=cell, value=value))
    return problems


def without_echoes(problems: Iterable[Problem], raw: RawReturn) -> list[Problem]:
    """The problems but those that only follow from a formula without a result, or from a merge.

    Such a cell is empty, and the officer has been told why; that it is empty is no second fault.
    """
    figures = raw.figures
    if figures is None:
        return list(problems)
    merged = _merged(figures)

    def explained(cell: str | None) -> bool:
        place = corners(cell) if cell is not None else None
        return place is not None and (
            cell in figures.formulas or any(_is_covered(place, range_) for range_ in merged)
        )

    return [
        p
        for p in problems
        if not (p.sheet == raw.sheet and p.value is None and p.rule in _EMPTY and explained(p.cell))
    ]


def _merged(figures: Sheet) -> list[Corners]:
    return [range_ for one in figures.merged if (range_ := corners(one)) is not None]


def _is_covered(cell: Corners, merged: Corners) -> bool:
    """Whether a cell is one of a merge, and not the first, which holds the value of all."""
    return cell[:2] != merged[:2] and (
        merged.first_row <= cell.first_row <= merged.last_row
        and merged.first_column <= cell.first_column <= merged.last_column
    )


def _check_formulas(
    raw: RawReturn, figures: Sheet, headed: Headed, read: Iterable[int]
) -> list[Problem]:
    problems = []
    for column in read if figures.formulas else ():
        for row in headed.rows:
            cell = address(row.number, column)
            if cell not in figures.formulas or cell in figures.errors:
                continue  # a formula that failed is a problem by itself
            value = row.values[column] if column < len(row.values) else None
            message = "This is a formula, and the file does not hold its result."
            mend = "Write the value in its place."
            if value is not None:
                message = f"This is a formula; its last result is {shown(value)}."
                mend = f"Paste it as a value (Paste Special, Values): {shown(value)}."
            problems.append(
                problem("R070", message, sheet=raw.sheet, cell=cell, value=value, mend=mend)
            )
    return problems


def _check_hidden(figures: Sheet, headed: Headed, read: dict[str, int]) -> list[Problem]:
    problems = []
    hidden = [row.number for row in headed.rows if row.number in figures.hidden_rows]
    for first, last in runs(hidden):
        rows = f"Row {first} is" if first == last else f"Rows {first} to {last} are"
        message = f"{rows} hidden. Should what stands there count?"
        problems.append(problem("R071", message, sheet=figures.title, cell=f"A{first}"))
    for name, column in read.items():
        if any(first <= column <= last for first, last in figures.hidden_columns):
            cell = address(headed.number, column)
            message = f"The column {name} is hidden. Is what stands there right?"
            problems.append(problem("R072", message, sheet=figures.title, cell=cell, value=name))
    return problems


def _check_merged(
    raw: RawReturn, figures: Sheet, headed: Headed, read: Iterable[int]
) -> list[Problem]:
    columns = tuple(read)
    values = {row.number: row.values for row in headed.rows}
    rows = list(values)  # from the first row on
    problems = []
    for merged in _merged(figures):
        first_row, first_column, last_row, last_column = merged
        # A merge may reach over a hundred thousand rows: they are not walked through.
        begins, ends = bisect_left(rows, first_row), bisect_right(rows, last_row)
        if begins < ends and any(first_column <= at <= last_column for at in columns):
            row = values.get(first_row, ())
            value = row[first_column] if first_column < len(row) else None
            cell = address(first_row, first_column)
            reference = f"{cell}:{address(last_row, last_column)}"
            message = f"The cells {reference} are merged; only the first one holds a value."
            problems.append(problem("R074", message, sheet=raw.sheet, cell=cell, value=value))
    return problems


def _check_sheets(raw: RawReturn) -> list[Problem]:
    ours = {raw.sheet, raw.guide_sheet, form().notes_sheet, form().problems_sheet}
    ours |= {form().guide_sheet}
    held = {other.title: other for other in raw.others}
    problems = []
    for sheet in raw.sheets:
        cells = "1 cell" if sheet.filled == 1 else f"{sheet.filled:,} cells"
        other = held.get(sheet.title)
        words = f", which begin {_first_words(other)}" if other and _first_words(other) else ""
        if sheet.hidden and (sheet.first or sheet.title == raw.sheet):
            message = f"The sheet {sheet.title} is hidden and holds {cells}{words}."
            message += " Should it be sent?"
            problems.append(problem("R073", message, sheet=sheet.title, cell=sheet.first))
        elif sheet.title not in ours and sheet.first:
            message = f"The sheet {sheet.title} holds {cells}{words} and is not read."
            rule = "R075"
            if other is not None and _holds_figures(other):
                message = f"{message} It looks like figures of a return. Which ones hold?"
                rule = "R078"
            problems.append(problem(rule, message, sheet=sheet.title, cell=sheet.first))
    return problems


def _first_words(other: OtherSheet) -> str:
    return quoted(_values(other.rows))


def _values(rows: Iterable[RawRow]) -> Iterator[object]:
    return (value for row in rows for value in row.values)


def _holds_figures(other: OtherSheet) -> bool:
    """Whether a sheet has headings of a return, or areas' names or codes beside numbers."""
    names = max((sum(heading(v) in form().names for v in r.values) for r in other.rows), default=0)
    numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in _values(other.rows)]
    # Three headings, or three rows of a word and a number: less is a working or a legend.
    beside = sum(
        any(isinstance(v, str) for v in row.values)
        and any(isinstance(v, int | float) and not isinstance(v, bool) for v in row.values)
        for row in other.rows
    )
    return any(numbers) and (names >= 3 or beside >= 3)


# Letters of any script, with an apostrophe or a hyphen inside: O'Neill and Smith-Jones are one
# word.
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*\.?")
_LEADS = (
    ("an e-mail address", re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")),
    ("a National Insurance number", re.compile(r"\b[A-Z]{2} ?(?:[0-9]{2} ?){3}[A-D]\b")),
    ("a postcode", re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}\b")),
    # Not inside a longer number: counts and dates would be taken for telephones.
    ("a telephone number", re.compile(r"(?<![0-9])(?:\+44 ?|0)[1-9](?:[ -]?[0-9]){8,9}(?![0-9])")),
    ("a date of birth", re.compile(r"\b(?:dob|born)\b.{0,12}[0-9]", re.IGNORECASE)),
)
# An NHS number is written 3-3-4; its check digit tells it from any ten digits.
_TEN_DIGITS = re.compile(r"(?<![0-9])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9])")


def check_notes(cells: Cells, programme: Programme) -> list[Problem]:
    """Every note that seems to name a person, or to hold what leads to one."""
    if not any(cells.note):
        return []
    places = _places(programme)
    problems: list[Problem] = []
    for entry, note in enumerate(cells.note):
        if not note:
            continue
        if (name := name_in(note, places)) is not None:
            message = f"“{name}” looks like the name of a person."
            problems += cells.listed("R055", entry, "note", message, value=note)
        elif (lead := lead_in(note)) is not None:
            message = f"The note seems to hold {lead}."
            problems += cells.listed("R056", entry, "note", message, value=note)
    return problems


def name_in(note: str, places: frozenset[str] = frozenset()) -> str | None:
    """The first words that look like a person's name; ``places`` are words of known names."""
    declared = parameters().notes
    words = [(found[0], found.start()) for found in _WORD.finditer(note)]
    for (first, start), (second, end) in pairwise(words):
        if not second[:1].isupper() or second.casefold().rstrip(".") in places:
            continue
        # A word of a known place is taken as that, though it may be a name as well.
        plain = first.casefold().rstrip(".")
        known = plain in declared.first_names and first[:1].isupper() and plain not in places
        # Only blanks between the two, so that the end of one sentence and the start of the next are
        # no name.
        if (known or plain in declared.titles) and note[start:end].strip(" ") == first:
            return f"{first} {second.rstrip('.')}"
    return None


def lead_in(note: str) -> str | None:
    """What kind of number or address in the note leads to a person; None if there is none."""
    if any(_is_nhs_number(found[0]) for found in _TEN_DIGITS.finditer(note)):
        return "an NHS number"
    return next((what for what, pattern in _LEADS if pattern.search(note)), None)


def _is_nhs_number(text: str) -> bool:
    """Whether the last of ten digits is the check digit of the others."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    # Modulus 11: the first nine digits weigh 10 down to 2.
    weighed = sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False))
    # A remainder of 0 has the check digit 0; one that would be 10 belongs to no number, and no
    # digit equals it.
    return 11 - weighed % 11 == (digits[9] or 11)


@lru_cache(maxsize=8)
def _places_of(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.casefold() for name in names for word in name.split())


def _places(programme: Programme) -> frozenset[str]:
    names = [site.name for site in programme.sites] + [source.name for source in programme.sources]
    names += [name for area in programme.areas for name in (area.name, area.authority)]
    return _places_of(tuple(names))
