"""Effects as they are shown: log effects in per cent, all others in the outcome's own unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from evaluation.edition import words
from evaluation.edition.records import Record

_FIGURES = ("effect", "low", "high", "low_band", "high_band")


def shown(estimate: Record, row: Record) -> dict[str, Any]:
    """A row of an estimate with its figures in the unit that readers see."""
    return dict(row) | {key: _figure(estimate, row.get(key)) for key in _FIGURES}


def gap(estimate: Record | None, values: Sequence[float | None]) -> list[float | None]:
    """Gaps on the scale of the estimate, in the unit that readers see."""
    return [_figure(estimate, value) if estimate else value for value in values]


def unit(estimate: Record | None, outcome: Record) -> str:
    """What a figure of this estimate is counted in."""
    if estimate is None or estimate["scale"] == "log":
        return "difference, per cent"
    return f"difference, {outcome['unit']}"


def tick_unit(estimate: Record) -> str:
    """What stands behind the figures of an axis."""
    return "%" if estimate["scale"] == "log" else ""


def say(estimate: Record) -> Callable[[float | None], str]:
    """How a figure of this estimate is written."""
    if estimate["scale"] == "log":
        return words.signed_percent
    return plain


def plain(value: float | None) -> str:
    """A difference in an outcome's own unit: three significant figures."""
    if value is None or not math.isfinite(value):
        return "not known"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = words.number(value, digits)
    return f"+{text}" if value > 0 else text


def level(value: float | None) -> str:
    """A level in an outcome's own unit."""
    return plain(value).removeprefix("+")


def with_range(estimate: Record, row: Record) -> str:
    """``−8.1% (−13% to −3.5%)`` from a row that is already shown."""
    return words.effect_with_range(row, say(estimate))


def _figure(estimate: Record | None, value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    if estimate is not None and estimate["scale"] == "log":
        return 100 * math.expm1(value)
    return value
