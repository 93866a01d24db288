"""Quarters, years, months, weeks, days and numbered periods as one type, and the one clock.

A period is written ``2026 Q3`` (``2026Q3`` and ``2026-Q3`` are read too), ``2026``, ``2026-07``
(a month), ``2026-W27`` (an ISO week), ``2026-07-01`` (a day) or, where periods are only numbered,
as a whole number; its ``ordinal`` counts periods of its own frequency, so that ``b - a`` is event
time.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import total_ordering
from typing import Literal

from evaluation.errors import PeriodError

Frequency = Literal["Q", "A", "M", "W", "D", "I"]

# The calendar has no year 0.
_QUARTER = re.compile(r"((?!0000)[0-9]{4})\s?-?Q([1-4])")
_YEAR = re.compile(r"(?!0000)[0-9]{4}")
_MONTH = re.compile(r"((?!0000)[0-9]{4})-?(?:M|(?<=-))([0-9]{2})")
_WEEK = re.compile(r"([0-9]{4})-?W([0-9]{2})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"-?[0-9]+")

NAMES: dict[Frequency, str] = {
    "Q": "quarter",
    "A": "year",
    "M": "month",
    "W": "week",
    "D": "day",
    "I": "period",
}
"""What one period of each frequency is called."""
WRITTEN: dict[Frequency, str] = {
    "Q": "2026 Q3",
    "A": "2026 for yearly figures",
    "M": "2026-07 (a month)",
    "W": "2026-W27 (a week)",
    "D": "2026-07-01 (a day)",
    "I": "a whole number",
}
# Those whose written form tells which one it is: a number could be a year.
_TOLD: tuple[Frequency, ...] = ("Q", "A", "M", "W", "D")


@total_ordering
@dataclass(frozen=True)
class Period:
    """A quarter (``frequency="Q"``), year ``A``, month ``M``, week ``W``, day ``D`` or number.

    ``ordinal`` is ``4 * year + quarter - 1`` for quarters, the year itself for years,
    ``12 * year + month - 1`` for months, the count of weeks from Monday and of days from
    0001-01-01 for weeks and days, and the number itself where periods are only numbered.
    """

    frequency: Frequency
    ordinal: int

    @classmethod
    def parse(cls, text: object, *frequencies: Frequency) -> Period:
        """Read ``2026 Q3``, ``2026-Q3``, ``2026``, ``2026-07``, ``2026-W27``, ``2026-07-01``.

        Parameters
        ----------
        text : as written, an integer, or a pandas Period.
        frequencies : what it may be; by default whatever its written form tells: any but ``I``.

        Raises
        ------
        PeriodError : if the text names no period of these frequencies.
        """
        plain, allowed = str(text).strip(), frequencies or _TOLD
        for frequency in allowed:
            found = _read(plain, frequency)
            if found is not None:
                return cls(frequency, found)
        *kinds, last = [NAMES[one] for one in allowed]
        named = f"{', '.join(kinds)} or {last}" if kinds else last
        raise PeriodError(
            f"{plain!r} is no {'number' if named == 'period' else named}.",
            expected=", or ".join(WRITTEN[one] for one in allowed),
        )

    @classmethod
    def quarter(cls, year: int, quarter: int) -> Period:
        """The quarter ``quarter`` (1 to 4) of ``year``."""
        return cls("Q", 4 * year + quarter - 1)

    @classmethod
    def around(cls, day: date, frequency: Frequency) -> Period:
        """The period of that frequency in which a day lies.

        Raises
        ------
        PeriodError : periods that are only numbered hold no days.
        """
        if frequency == "Q":
            return cls("Q", 4 * day.year + (day.month - 1) // 3)
        if frequency == "A":
            return cls("A", day.year)
        if frequency == "M":
            return cls("M", 12 * day.year + day.month - 1)
        if frequency == "I":
            raise PeriodError(f"{day} lies in no numbered period.", expected=WRITTEN["I"])
        # 0001-01-01, the first day that there is, was a Monday.
        return cls(frequency, (day.toordinal() - 1) // 7 if frequency == "W" else day.toordinal())

    @property
    def year(self) -> int:
        """The calendar year; of a week, the one that most of its days lie in (ISO 8601).

        Raises
        ------
        PeriodError : a numbered period has none.
        """
        if self.frequency in ("Q", "M"):
            return self.ordinal // (4 if self.frequency == "Q" else 12)
        return self.ordinal if self.frequency == "A" else self._middle.year

    @property
    def quarter_number(self) -> int | None:
        """1 to 4, or None for what is no quarter."""
        return self.ordinal % 4 + 1 if self.frequency == "Q" else None

    @property
    def label(self) -> str:
        """As written in returns, tables and pages: ``2026 Q3``, ``2026``, ``2026-07`` ..."""
        if self.frequency == "Q":
            return f"{self.year:04d} Q{self.quarter_number}"
        if self.frequency == "M":
            return f"{self.year:04d}-{self.ordinal % 12 + 1:02d}"
        if self.frequency == "W":
            week = self.first_day.isocalendar()
            return f"{week.year:04d}-W{week.week:02d}"
        if self.frequency == "D":
            return self.first_day.isoformat()
        return f"{self.year:04d}" if self.frequency == "A" else str(self.ordinal)

    @property
    def slug(self) -> str:
        """As written in file names: ``2026-Q3``; other periods as they are."""
        return self.label.replace(" ", "-")

    @property
    def months(self) -> str:
        """The months in words, ``July to September 2026``: many count quarters of another year."""
        first, last = self.first_day, self.last_day
        if first.month == last.month:
            return f"{calendar.month_name[first.month]} {first.year}"
        return (
            f"{calendar.month_name[first.month]} to {calendar.month_name[last.month]} {self.year}"
        )

    @property
    def described(self) -> str:
        """As said to people: ``2026 Q3 (July to September 2026)``; a year by itself."""
        return f"{self.label} ({self.months})" if self.frequency in ("Q", "M") else self.label

    @property
    def first_day(self) -> date:
        """The first day of the period.

        Raises
        ------
        PeriodError : a numbered period has no days.
        """
        if self.frequency == "I":
            raise PeriodError(f"period {self.ordinal} is only numbered: it has no date.")
        if self.frequency == "W":
            return date.fromordinal(7 * self.ordinal + 1)
        if self.frequency == "D":
            return date.fromordinal(self.ordinal)
        a_year = {"Q": 4, "A": 1, "M": 12}[self.frequency]
        return date(self.ordinal // a_year, self.ordinal % a_year * (12 // a_year) + 1, 1)

    @property
    def last_day(self) -> date:
        """The last day of the period.

        Raises
        ------
        PeriodError : a numbered period has no days.
        """
        if self.frequency in ("W", "D"):
            return self.first_day + timedelta(days=6 if self.frequency == "W" else 0)
        first = self.first_day
        month = first.month + {"Q": 2, "A": 11, "M": 0}[self.frequency]
        return date(first.year, month, calendar.monthrange(first.year, month)[1])

    def within(self, frequency: Frequency) -> Period:
        """The longer period that this one, or most of it, lies in."""
        return Period.around(self._middle, frequency)

    def share_from(self, day: date) -> float:
        """The share of the period that is left from the beginning of a day in it: 1 on the first.

        Raises
        ------
        PeriodError : the day lies in another period, or the period is only numbered.
        """
        first, last = self.first_day, self.last_day
        if not first <= day <= last:
            raise PeriodError(f"{day} does not lie in {self}.")
        return ((last - day).days + 1) / ((last - first).days + 1)

    @property
    def _middle(self) -> date:
        return self.first_day + (self.last_day - self.first_day) // 2

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
                f"{self} and {other} cannot be compared: one is a {NAMES[self.frequency]}, the "
                f"other a {NAMES[other.frequency]}."
            )


def _read(plain: str, frequency: Frequency) -> int | None:
    """The ordinal of a text as a period of one frequency; None where it is none."""
    if frequency == "Q":
        found = _QUARTER.fullmatch(plain)
        return 4 * int(found[1]) + int(found[2]) - 1 if found else None
    if frequency == "A":
        return int(plain) if _YEAR.fullmatch(plain) else None
    if frequency == "I":
        return int(plain) if _WHOLE.fullmatch(plain) else None
    if frequency == "M":
        found = _MONTH.fullmatch(plain)
        there = found is not None and 1 <= int(found[2]) <= 12
        return 12 * int(found[1]) + int(found[2]) - 1 if found and there else None
    try:
        if frequency == "D":
            return date.fromisoformat(plain).toordinal() if _DAY.fullmatch(plain) else None
        found = _WEEK.fullmatch(plain)
        day = date.fromisocalendar(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:  # 30 February, or a week 53 of a year that has none
        return None
    return (day.toordinal() - 1) // 7 if day else None


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
        instant = datetime.combine(date.fromisoformat(text), time.max, tzinfo=UTC)
    except ValueError:  # no bare date
        try:
            instant = datetime.fromisoformat(text)
            return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the latter where UTC lies before year 1
            raise PeriodError(
                f"{text!r} is no date.", expected="2026-11-24 or 2026-11-24T09:30:00Z"
            ) from None
    return instant


def format_instant(instant: datetime) -> str:
    """An instant as it is stored and printed: UTC, microseconds, ``Z``; sorts as text."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> datetime:
    """The instant now, in UTC. The only place in the package that reads the machine's clock."""
    return datetime.now(UTC)
