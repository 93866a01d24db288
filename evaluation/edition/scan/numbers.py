"""Numbers as they stand in a text, each with how finely it is told, and what explains one.

A number explains another if it rounds to it: 1,203,000 explains "£1.2m", and 0.0638 explains
"6.4%". So what is told to more digits than any released figure has is explained by none.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
"""The names of months, as one of a pattern."""
_OUT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b(?:1[89]|20)\d\d(?:[ -]?Q[1-4]|-\d\d(?!\d)|/\d\d(?!\d))"
    # A line of a PDF may end inside a day.
    rf"|\b\d{{1,2}}\s+(?:{MONTHS})(?:\s+\d{{4}})?|\b(?:{MONTHS})\s+\d{{4}}"
    r"|\b[0-9a-f]*(?:[a-f]\d|\d[a-f])[0-9a-f]{6,}\b"
    r"|[\w./-]+\.(?:py|yaml|md|csv|svg|xlsx|json)(?::\d+)?"
    r"|(?<![\d,.£])(?:19|20)\d\d(?![\d,%]|\.\d)"
    r"|https?://[^\s'\"<>)]+|\b[\w.+-]+@[\w.-]+"
)
"""Times, hashes and addresses: read, but not as numbers. A count of four figures has its comma."""
_NUMBER = re.compile(
    r"(?<![\w.])(?P<digits>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?P<part>\.\d+)?(?P<power>[eE][+-]?\d{1,2}(?!\d))?"
    r"(?P<unit>\s?%|\s?(?:m|bn|k|million|billion|thousand)\b)?(?!\w)"
)
HASH = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{64}(?![0-9a-zA-Z])")
_UNITS = {"m": 6, "million": 6, "bn": 9, "billion": 9, "k": 3, "thousand": 3}
_EXACT = 1e-12


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number without its sign: its value, and half of the last place that it is told to.

    figures : how many significant figures it has. whole : whether it has no decimal places.
    """

    text: str
    value: float
    half: float
    figures: int
    whole: bool


def numbers(text: str) -> Iterator[Number]:
    """Every number of a text but those of dates, hashes and addresses."""
    for found in _NUMBER.finditer(_OUT.sub(" ", text)):
        digits, part = found["digits"].replace(",", ""), found["part"] or ""
        unit = (found["unit"] or "").strip()
        power = int((found["power"] or "e0")[1:]) + _UNITS.get(unit, 0)
        plain = digits + part
        told = (digits + part.removeprefix(".")).lstrip("0")
        # Zeros at the end of a whole number may be its rounding.
        zeros = len(digits) - len(digits.rstrip("0")) if not part and digits.strip("0") else 0
        yield Number(
            text=found[0].strip(),
            value=float(plain) * 10.0**power,
            half=0.5 * 10.0 ** (power + zeros - max(0, len(part) - 1)),
            figures=len(told.rstrip("0") if not part else told),
            whole=not part and not found["power"] and not _UNITS.get(unit),
        )


@dataclass(frozen=True, eq=False)
class Explained:
    """A set of numbers by which others are explained, whatever their sign."""

    values: frozenset[float]

    @classmethod
    def of(cls, values: Iterable[float]) -> Explained:
        return cls(frozenset(abs(float(one)) for one in values if math.isfinite(one)))

    @cached_property
    def _ordered(self) -> list[float]:
        return sorted(self.values)

    def holds(self, number: Number) -> bool:
        """Whether one of them rounds to the number, as it is or in per cent."""
        return any(
            self._near(number.value * times, number.half * times) for times in (1.0, 0.01, 100.0)
        )

    def _near(self, value: float, half: float) -> bool:
        room = half + _EXACT * max(1.0, abs(value))
        place = bisect_left(self._ordered, value - room)
        return place < len(self._ordered) and self._ordered[place] <= value + room
