"""How figures are written in the book and on its charts: one spelling for both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from evaluation.wording import Spelling, half_away, percent_digits

MINUS = "\N{MINUS SIGN}"
# A line may break between a minus and a pound sign, which turns a loss into a gain.
JOINED_MINUS = MINUS + "\N{WORD JOINER}"
BILLION_FROM, HUNDREDS = 999.5e6, 100
"""Pounds from which they are told in billions; of a unit, from which no digit follows the point."""


def number(value: float | None, digits: int = 0) -> str:
    """``1,234``; a figure that does not exist is ``not known``."""
    if value is None or not math.isfinite(value):
        return "not known"
    shown = half_away(value, digits)
    text = f"{abs(shown):,.{digits}f}"
    return MINUS + text if shown < 0 else text


def cut(name: str, letters: int) -> str:
    """A long name without its middle: areas of one place often differ at their ends alone."""
    if len(name) <= letters:
        return name
    end = letters // 3
    return f"{name[: letters - end - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}{name[-end:].lstrip()}"


def rounded(value: float) -> float:
    """Two significant figures, and whole below 100: an estimate bears no more."""
    size = abs(value)
    return half_away(value, 0 if size < 100 else 1 - math.floor(math.log10(size)))


def percent(value: float | None, digits: int | None = None) -> str:
    """``−8.1%``; one digit below 10, none above."""
    if value is None:
        return "not known"
    return number(value, digits if digits is not None else percent_digits(value)) + "%"


UNITS = ((BILLION_FROM, 1e9, "bn"), (999_500, 1e6, "m"))


def pounds(value: float | None, *, axis: bool = False, at_most: float = math.inf) -> str:
    """``£8.1m``, ``£420,000``, ``−£4.0m``.

    Parameters
    ----------
    at_most : no unit is larger: that of the amounts that it stands beside.
    """
    if value is None:
        return "not known"
    size, sign = abs(value), JOINED_MINUS if value < 0 else ""
    for above, unit, name in UNITS:
        if size >= above and unit <= at_most:
            shown = half_away(size / unit, 1)
            whole = shown >= HUNDREDS or (axis and shown.is_integer())
            return f"{sign}£{shown:,.{0 if whole else 1}f}{name}"
    amount = rounded(size)
    return f"{sign if amount else ''}£{amount:,.0f}"


def pounds_beside(values: Iterable[float | None]) -> Callable[[float | None], str]:
    """How amounts are written that stand in one range or table, where one of them is in billions.

    In one unit, and so with one decimal place: billions where each is a tenth of one at least, else
    millions.
    """
    sizes = [abs(one) for one in values if one]
    if not sizes or max(sizes) < BILLION_FROM:
        return pounds
    if half_away(min(sizes) / 1e9, 1) == 0:
        return partial(pounds, at_most=1e6)

    def in_billions(value: float | None) -> str:
        if not value:
            return pounds(value)
        return f"{JOINED_MINUS if value < 0 else ''}£{half_away(abs(value) / 1e9, 1):,.1f}bn"

    return in_billions


def round_pounds(value: float) -> str:
    """The same on an axis, where the digit behind the point is left out if zero: ``£5m``."""
    return pounds(value, axis=True)


def borne_pounds(figure: Mapping[str, Any]) -> float | None:
    """A mean without the digits that its range makes idle: £79 of ±£800,000 is £0."""
    mean, low, high = (figure.get(key) for key in ("mean", "low", "high"))
    if mean is None or low is None or high is None or not math.isfinite(high - low) or high <= low:
        return mean
    digits = 2 - math.floor(math.log10((high - low) / 2))
    return half_away(mean, digits) if digits < 0 else float(mean)


def p_value(value: float, digits: int) -> str:
    """``p = 0.317`` without a line break inside; one of zero in its digits is a small one."""
    space = "\N{NO-BREAK SPACE}"
    shown = half_away(value, digits)
    return f"p{space}={space}{shown:.{digits}f}" if shown else f"p{space}<{space}0.001"


BOOK = Spelling(
    percent="%",
    minus=MINUS,
    pounds=lambda value: pounds(half_away(value)),
    p=p_value,
    estimated=percent_digits,
)
"""How the book writes the figures inside sentences that were made before it."""
