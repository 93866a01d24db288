"""The numbers behind a chart, as a table: what its CSV and JSON hold, at the chart's own address.

A drawing function takes its numbers in one of a few shapes: rows of named figures, rows of a label
with figures, or columns of one length. Each becomes rows under plain names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

Row = dict[str, Any]
SHOWS_SOURCES = ("paths", "spark", "twin_path")
"""Charts that show the figures of a source, and not only what was estimated from them."""


def named(draw: Callable[..., str], data: Sequence[object]) -> dict[str, Any]:
    """The chart's numbers by the names that its drawing function gives them."""
    names = [name for name in inspect.signature(draw).parameters if name != "size"]
    return dict(zip(names, data, strict=False))


def rows(draw: Callable[..., str], data: Sequence[object]) -> list[Row]:
    """The same as a table: the argument that holds rows, or else the columns side by side."""
    held = {name: value for name, value in named(draw, data).items() if _is_list(value)}
    for value in held.values():
        if value and isinstance(value[0], (Mapping, tuple, list)) and not _is_numbers(value[0]):
            return [_row(item) for item in value]
    return _columns(held)


def _row(item: object) -> Row:
    """One row: a mapping as it is, flat; a tuple by what its parts are."""
    if isinstance(item, Mapping):
        return _flat(item)
    assert isinstance(item, (tuple, list))
    found: Row = {}
    texts, values = iter(("label", "as_shown")), (f"value_{k}" if k else "value" for k in count())
    for part in item:
        if isinstance(part, Mapping):
            found |= _flat(part)
        elif isinstance(part, bool):
            found["filled"] = part
        else:
            found[next(texts, "note") if isinstance(part, str) else next(values)] = part
    return found


def _flat(item: Mapping[str, Any]) -> Row:
    found: Row = {}
    for key, value in item.items():
        if isinstance(value, Mapping):
            found |= {f"{key}_{part}": figure for part, figure in value.items()}
        else:
            found[key] = value
    return found


def _columns(held: Mapping[str, Any]) -> list[Row]:
    """Lists of one length as columns, a list of lists as numbered ones; pairs as points."""
    points = next((v for v in held.values() if v and _is_list(v[0]) and len(v[0]) == 2), None)
    if points is not None:
        return [dict(zip(("x", "y"), pair, strict=True)) for pair in points]
    columns: dict[str, Sequence[Any]] = {}
    for name, value in held.items():
        if value and _is_list(value[0]):
            columns |= {f"{name}_{k}": column for k, column in enumerate(value, start=1)}
        else:
            columns[name] = value
    length = len(next(iter(columns.values()), ()))
    alike = {name: column for name, column in columns.items() if len(column) == length}
    return [dict(zip(alike, row, strict=True)) for row in zip(*alike.values(), strict=True)]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_numbers(value: object) -> bool:
    """Whether it is a list of nothing but numbers: a column, or a point."""
    return isinstance(value, Sequence) and all(
        part is None or (isinstance(part, (int, float)) and not isinstance(part, bool))
        for part in value
    )
