"""Plain data as lines that a person can read and a diff can show: one fact, or one row, a line."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

Record = dict[str, list[str]]
"""Name of a section -> its lines."""

DIGITS = 14
"""Significant digits that are kept: rounding moves a number by less than the comparison allows."""
MOST_NUMBERS, MOST_LETTERS, LONGEST = 60, 6_000, 600
"""Of a list on one line, of a table that is written out, of a word."""
NAMES = ("code", "estimator", "site", "what", "name", "kind", "quarter")
"""Keys that name a row, the first that each row has and no two share."""


def written(value: Any) -> str:
    """A value as one line."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    if isinstance(value, dict):
        return "  ".join(f"{key} {written(one)}" for key, one in value.items())
    if isinstance(value, list):
        return f"[{', '.join(written(one) for one in value)}]"
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST or " " in text else f"{text[:24]}... {_hash([text])}"


def sums(numbers: Sequence[float]) -> str:
    """Many numbers as how many there are, and two sums that change when one or their order does.

    All that is added is positive, so that the sums are as certain as the numbers are.
    """
    sizes = [abs(x) if math.isfinite(x) else 0.0 for x in numbers]
    placed = (
        size * (1 + place % 97) * (1 if x >= 0 else 2)
        for place, (x, size) in enumerate(zip(numbers, sizes, strict=True))
    )
    finite = sum(map(math.isfinite, numbers))
    return (
        f"{len(numbers)} numbers, {finite} finite, "
        f"sums {math.fsum(sizes):.{DIGITS}g} {math.fsum(placed):.{DIGITS}g}"
    )


def sections(name: str, content: Any) -> Record:
    """Plain data under the names of its keys; rows that are alike as a table."""
    found: Record = {}
    _gather(name, content, found)
    return found


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines, its heads first; a long one as sums of its columns, a wide one as sums."""
    lines = [" | ".join(row) for row in rows]
    if sum(map(len, lines)) <= MOST_LETTERS:
        return lines
    heads, *body = rows
    columns = zip(heads, zip(*body, strict=True), strict=True)
    long = [f"{len(body)} rows", *(f"{head}: {_column(cells)}" for head, cells in columns)]
    if sum(map(len, long)) <= MOST_LETTERS:
        return long
    return [f"{len(body)} rows, {len(heads)} columns: {_column([c for row in rows for c in row])}"]


def numbers_in(content: Any) -> Iterator[float]:
    """Every number in plain data, in order."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for one in content:
            yield from numbers_in(one)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield float(content)


def _gather(name: str, content: Any, found: Record) -> None:
    if isinstance(content, dict):
        for key, value in content.items():
            if _is_short(value):
                found.setdefault(name, []).append(f"{key}: {written(value)}")
            else:
                _gather(f"{name}/{key}", value, found)
    elif all(isinstance(row, dict) and all(map(_is_short, row.values())) for row in content):
        found[name] = _rows(content)
    elif all(isinstance(row, dict) for row in content):
        for label, row in zip(_labels(content), content, strict=True):
            _gather(f"{name}/{label}", row, found)
    else:
        lines = [written(row) for row in content]
        long = sum(map(len, lines)) > MOST_LETTERS
        found[name] = [sums(list(numbers_in(content)))] if long else lines


def _is_short(value: Any) -> bool:
    """Whether a value is one fact: no container, or one of few things that are none."""
    if isinstance(value, dict):
        value = list(value.values())
        return len(value) <= 8 and not any(isinstance(one, dict | list) for one in value)
    if isinstance(value, list):
        short = len(value) <= MOST_NUMBERS
        return short and not any(isinstance(one, dict | list) for one in value)
    return True


def _rows(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows or any(row.keys() != rows[0].keys() for row in rows):
        return [written(row) for row in rows]
    return table([list(rows[0]), *([written(one) for one in row.values()] for row in rows)])


def _labels(rows: Sequence[dict[str, Any]]) -> list[str]:
    for key in NAMES:
        labels = [str(row.get(key, "")) for row in rows]
        if all(labels) and len(set(labels)) == len(rows):
            return labels
    return [str(place) for place in range(len(rows))]


def _column(cells: Sequence[str]) -> str:
    numbers = [number for cell in cells if (number := _number(cell)) is not None]
    texts = [cell for cell in cells if cell and _number(cell) is None]
    said = [sums(numbers)] if numbers else []
    if texts:
        said.append(f"{len(texts)} texts, {len(set(texts))} of them different, {_hash(texts)}")
    return "; ".join(said) or "empty"


def _hash(texts: Sequence[str]) -> str:
    """The start of the SHA-256 of texts, one a line."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
