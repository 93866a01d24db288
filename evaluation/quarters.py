"""Quarters and years as one type, event time as their difference, and the one clock.

A period is written ``2026 Q3`` (``2026Q3`` and ``2026-Q3`` are read too) or ``2026``; its
``ordinal`` counts periods of its own frequency, so that ``b - a`` is event time.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import total_ordering
from typing import Literal

from evaluation.errors import PeriodError

Frequency = Literal["Q", "A"]

_QUARTER = re.compile(r"([0-9]{4})\s?-?Q([1-4])")
_YEAR = re.compile(r"[0-9]{4}")


@total_ordering
@dataclass(frozen=True)
class Period:
    """A quarter (``frequency="Q"``) or a year (``"A"``).

    ``ordinal`` is ``4 * year + quarter - 1`` for quarters and the year itself for years.
    """

    frequency: Frequency
    ordinal: int

    @classmethod
    def parse(cls, text: object) -> Period:
        """Read ``2026 Q3``, ``2026Q3``, ``2026-Q3``, ``2026``, an integer year or a pandas Period.

        Raises
        ------
        PeriodError : if the text names neither a quarter nor a year.
        """
        plain = str(text).strip()
        if found := _QUARTER.fullmatch(plain):
            return cls.quarter(int(found[1]), int(found[2]))
        if _YEAR.fullmatch(plain):
            return cls("A", int(plain))
        raise PeriodError(
            f"{plain!r} is no quarter or year.", expected="2026 Q3, or 2026 for yearly figures"
        )

    @classmethod
    def quarter(cls, year: int, quarter: int) -> Period:
        """The quarter ``quarter`` (1 to 4) of ``year``."""
        return cls("Q", 4 * year + quarter - 1)

    @property
    def year(self) -> int:
        return self.ordinal // 4 if self.frequency == "Q" else self.ordinal

    @property
    def quarter_number(self) -> int | None:
        """1 to 4, or None for a year."""
        return self.ordinal % 4 + 1 if self.frequency == "Q" else None

    @property
    def label(self) -> str:
        """As written in returns and pages: ``2026 Q3`` or ``2026``."""
        return f"{self.year} Q{self.quarter_number}" if self.frequency == "Q" else str(self.year)

    @property
    def slug(self) -> str:
        """As written in file names: ``2026-Q3`` or ``2026``."""
        return self.label.replace(" ", "-")

    @property
    def months(self) -> str:
        """The months in words, ``July to September 2026``: many count quarters of another year."""
        last = 3 * (self.quarter_number or 4)
        first = last - 2 if self.quarter_number else 1
        return f"{calendar.month_name[first]} to {calendar.month_name[last]} {self.year}"

    @property
    def described(self) -> str:
        """As said to people: ``2026 Q3 (July to September 2026)``; a year by itself."""
        return f"{self.label} ({self.months})" if self.frequency == "Q" else self.label

    @property
    def last_day(self) -> date:
        """The last day of the period."""
        month = 3 * (self.quarter_number or 4)
        return date(self.year, month, 31 if month in (3, 12) else 30)

    def __str__(self) -> str:
        return self.label

    def __add__(self, periods: int) -> Period:
        return Period(self.frequency, self.ordinal + periods)

    def __sub__(self, other: Period) -> int:
        """Event time: how many periods ``self`` lies after ``other``."""
        self._same_frequency(other)
        return self.ordinal - other.ordinal

    def __lt__(self, other: Period) -> bool:
        self._same_frequency(other)
        return self.ordinal < other.ordinal

    def _same_frequency(self, other: Period) -> None:
        if self.frequency != other.frequency:
            raise PeriodError(
                f"{self} and {other} cannot be compared: one is a quarter, the other a year."
            )


def period_range(first: Period, last: Period) -> tuple[Period, ...]:
    """Every period from ``first`` to ``last``, both included."""
    return tuple(first + step for step in range(last - first + 1))


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant in UTC; a bare date means the end of that day.

    Raises
    ------
    PeriodError : if the text is no ISO 8601 date or instant.
    """
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59, 999999), tzinfo=UTC)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise PeriodError(
            f"{text!r} is no date.", expected="2026-11-24 or 2026-11-24T09:30:00Z"
        ) from None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def format_instant(instant: datetime) -> str:
    """An instant as it is stored and printed: UTC, microseconds, ``Z``; sorts as text."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> datetime:
    """The instant now, in UTC. The only place in the package that reads the machine's clock."""
    return datetime.now(UTC)
