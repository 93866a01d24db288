"""The names of cells: A1, AZ99 and back to numbers; rows counted from 1, columns from 0."""

from __future__ import annotations

import re
from functools import lru_cache

_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


@lru_cache(maxsize=256)
def column_letter(column: int) -> str:
    """The letter of a column counted from 0: 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def address(row: int, column: int) -> str:
    """The A1 name of a cell: row counted from 1, column from 0."""
    return f"{column_letter(column)}{row}"


@lru_cache(maxsize=256)
def column_number(letters: str) -> int:
    """The position of a column, counted from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1


def corners(reference: str) -> tuple[int, int, int, int] | None:
    """First row and column, last row and column of a range like A1:B2; None if it is none."""
    found = [_REFERENCE.fullmatch(part) for part in reference.replace("$", "").split(":")]
    if not 1 <= len(found) <= 2 or found[0] is None or found[-1] is None:
        return None
    first, last = found[0], found[-1]
    return int(first[2]), column_number(first[1]), int(last[2]), column_number(last[1])
