"""The header: which column is where, and the rows that stand under it."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable
from dataclasses import dataclass

from evaluation.check.problems import Problem, problem
from evaluation.returns.form import form
from evaluation.returns.workbook import RawReturn, RawRow, address, plain_text

_SEARCHED = 10


@dataclass(frozen=True, kw_only=True)
class Headed:
    """Rows under their header: column name -> position (A is 0), and the rows that hold values.

    ``number`` is the row in which the header stands.
    """

    columns: dict[str, int]
    rows: tuple[RawRow, ...]
    number: int


def read_header(raw: RawReturn) -> tuple[Headed, list[Problem]]:
    """Find the header and name every fault in it; a column with a near name is still read."""
    header, below = _find(raw)
    problems: list[Problem] = []
    if header.number != 1:
        problems.append(
            problem(
                "R010",
                f"The header stands in row {header.number}; it belongs in row 1.",
                sheet=raw.sheet,
                cell=f"A{header.number}",
                mend="Delete the rows above it.",
            )
        )
    columns, faults = _place(header, raw.sheet)
    problems += faults
    rows, faults = _filled(header, below, set(columns.values()), raw.sheet)
    problems += faults
    if not rows:
        problems.append(problem("R016", "There is no row of figures.", sheet=raw.sheet))
    return Headed(columns=columns, rows=rows, number=header.number), problems


def _find(raw: RawReturn) -> tuple[RawRow, tuple[RawRow, ...]]:
    """The row that looks most like the header among the first ones, and what is below it."""
    candidates = (raw.header, *raw.rows[:_SEARCHED])
    known = [sum(_name(v) in form().names for v in row.values) for row in candidates]
    best = known.index(max(known))
    return (raw.header, raw.rows) if best == 0 else (candidates[best], raw.rows[best:])


def _name(value: object) -> str:
    return plain_text(value).casefold().replace(" ", "_")


def _ignored(header: RawRow) -> set[int]:
    return {c for c, value in enumerate(header.values) if _name(value) in form().ignored}


def _place(header: RawRow, sheet: str | None) -> tuple[dict[str, int], list[Problem]]:
    problems: list[Problem] = []
    columns: dict[str, int] = {}
    strangers: list[int] = []
    for position, value in enumerate(header.values):
        name, cell = _name(value), address(header.number, position)
        if value is None or name in form().ignored:
            continue
        if name not in form().names:
            strangers.append(position)
        elif name in columns:
            first = address(header.number, columns[name])
            message = f"The column {name} stands twice, here and in {first}."
            problems.append(problem("R013", message, sheet=sheet, cell=cell, value=value))
        else:
            columns[name] = position
    for position in strangers:
        value, cell = header.values[position], address(header.number, position)
        free = [name for name in form().names if name not in columns]
        near = difflib.get_close_matches(_name(value), free, n=1, cutoff=0.6)
        near = near or _by_place(position, header, columns, free)
        message = "A return has no such column."
        mend = f"Did you mean {near[0]}? Correct the heading." if near else ""
        problems.append(problem("R012", message, sheet=sheet, cell=cell, value=value, mend=mend))
        if near:
            columns[near[0]] = position
    for column in form().columns:
        if column.required and column.name not in columns:
            message = f"The column {column.name} is missing: {column.about}."
            problems.append(problem("R011", message, sheet=sheet))
    return columns, problems


def _by_place(position: int, header: RawRow, columns: dict[str, int], free: list[str]) -> list[str]:
    """The template's column at this place, where no other heading could be it.

    So that a renamed column does not hide the faults below it.
    """
    if position >= len(form().names) or form().names[position] not in free:
        return []
    rest = {c: form().names[c] for c in columns.values() if c < len(form().names)}
    in_place = all(columns.get(name) == c for c, name in rest.items())
    return [form().names[position]] if in_place and header.values[position] else []


def _filled(
    header: RawRow, below: tuple[RawRow, ...], headed: set[int], sheet: str | None
) -> tuple[tuple[RawRow, ...], list[Problem]]:
    """The rows that hold values; blank ones between them and values beside them are told."""
    ignored = _ignored(header)
    named = {c for c, value in enumerate(header.values) if value is not None}
    filled = [row for row in below if _holds(row, range(len(row.values)), ignored)]
    kept = {row.number for row in filled}
    last = filled[-1].number if filled else 0
    problems = [
        _blank(first, end, sheet)
        for first, end in runs(
            row.number for row in below if row.number < last and row.number not in kept
        )
    ]
    width = max((len(row.values) for row in filled), default=0)
    for position in sorted(set(range(width)) - named):
        for row in filled:
            value = row.values[position] if position < len(row.values) else None
            if value is not None:
                cell = address(row.number, position)
                message = f"Column {cell.rstrip('0123456789')} is no column of the return."
                problems.append(problem("R014", message, sheet=sheet, cell=cell, value=value))
                break  # the first one names the column; the rest would repeat it
    return tuple(row for row in filled if _holds(row, headed)), problems


def _blank(first: int, last: int, sheet: str | None) -> Problem:
    message = "This row is blank." if first == last else f"Rows {first} to {last} are blank."
    return problem("R015", message, sheet=sheet, cell=f"A{first}", cells=last - first + 1)


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of neighbours in rising numbers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _holds(row: RawRow, columns: Iterable[int], but: Container[int] = ()) -> bool:
    return any(c < len(row.values) and row.values[c] is not None for c in columns if c not in but)
