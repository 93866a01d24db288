"""Quarters as officers write them: by months, by a financial year, by a date.

A return's own notation is ``2026 Q3``. What else can only mean one quarter is read, and whoever
reads it says which quarter that is; what can mean two comes back as both, for a person to choose.
The financial year of English councils and the NHS begins in April: its first quarter is April to
June.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from evaluation.errors import PeriodError
from evaluation.quarters import Frequency, Period
from evaluation.returns.form import INVISIBLE

# Nobody writes a quarter at greater length; a bound keeps the search cheap.
_LONGEST = 80
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_INITIALS = {"jfm": 1, "amj": 4, "jas": 7, "ond": 10}
_ORDINALS = ("first", "second", "third", "fourth", "1st", "2nd", "3rd", "4th")
_ENDS = frozenset({"ending", "ended", "end", "qe", "to", "until"})
_IDLE = _ENDS | {"of", "the", "for", "in", "and", "quarter", "qtr", "year", "months", "month"}
_IDLE |= {"three", "from", "starting", "beginning", "calendar", "st", "nd", "rd", "th"}
_FINANCIAL_WORDS = frozenset({"financial", "fiscal", "fy"})

_DASHES = str.maketrans({"\u2013": "-", "\u2014": "-", "\u2011": "-", "\u2212": "-"})
_ISO = re.compile(r"((?!0000)[0-9]{4})[-/]([0-9]{2})[-/][0-9]{2}(?:[t ][0-9:.]+z?)?")
_DAY_MONTH = re.compile(
    r"([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-]([0-9]{4}|[0-9]{2})(?: 00:00(?::00)?)?"
)
# The number by which a spreadsheet keeps a day, where a column of dates has lost its format: 2000
# to 2099. Excel's day 60 is a 29 February that never was, so that its days count from here.
_DAY_NUMBER = re.compile(r"(3[6-9]|[4-6][0-9]|7[0-2])[0-9]{3}(?:\.0)?")
_BEFORE_DAY_ONE = date(1899, 12, 30)
_MONTH_ALONE = re.compile(r"((?!0000)[0-9]{4})-(0[1-9]|1[0-2])|(0[1-9]|1[0-2])/((?!0000)[0-9]{4})")
_RANGE = re.compile(r"([0-9/.\-]{8,10})(?: ?- ?| to | until |/)([0-9/.\-]{8,10})")
_BRACKETS = re.compile(r"(.+?) ?[(\[]([^()\[\]]+)[)\]]")
_PART = re.compile(
    r"(?:fy ?)?(?P<fy>(?:20)?[0-9]{2} ?[/\-] ?(?:20)?[0-9]{2})(?![0-9])"
    r"|fy ?'?(?P<named>(?:20)?[0-9]{2})(?![0-9])"
    r"|(?P<nth>first|second|third|fourth|1st|2nd|3rd|4th) (?:quarter|qtr)"
    r"|(?:quarter|qtr|q)[ .\-]?0?(?P<mark>[1-4])(?![0-9])"
    r"|(?P<before>[1-4]) ?(?:quarter|qtr|q)(?![a-z])"
    r"|(?P<year>(?:19|20)[0-9]{2})(?![0-9])"
    r"|(?P<short>[0-9]{1,2})(?![0-9])"
    r"|(?P<word>[a-z]+)"
    r"|(?P<rest>[^ ,.\-/_&':])"
)


class Notation(NamedTuple):
    """The periods that a text can mean, the likelier one first.

    None of them: it names no period. More than one: only its sender knows. ``own`` says that it is
    in the form's own notation, ``month`` that it names a single month, which is not all of the
    quarter around it.
    """

    periods: tuple[Period, ...] = ()
    own: bool = False
    month: bool = False


NOTHING = Notation()


class YearMonth(NamedTuple):
    """A year and the number of a month, which may be none that there is."""

    year: int
    month: int


def notation(value: object, of: Frequency = "Q") -> Notation:
    """The periods that a cell's value can mean: a date, or a text in any notation known here.

    Parameters
    ----------
    of : what the programme counts in. Where that is months (``M``), a date or a month is one.
    """
    if of == "M":
        return _of_months(value)
    if isinstance(value, datetime | date):
        return Notation((_quarter_around(value.year, value.month),))
    return _of_text(" ".join(str(value).strip(INVISIBLE).split()))


def _of_months(value: object) -> Notation:
    """A month, or a year, in any notation that can mean only one."""
    if isinstance(value, datetime | date):
        return Notation((_month_of(value.year, value.month),))
    text = " ".join(str(value).strip(INVISIBLE).split())
    try:
        return Notation((Period.parse(text, "M", "A"),), own=True)
    except PeriodError:
        pass  # not the form's own notation: the others are tried
    text = text.casefold().translate(_DASHES)
    if not 4 <= len(text) <= _LONGEST or not text.isascii():
        return NOTHING
    if (found := _MONTH_ALONE.fullmatch(text)) is not None:
        return Notation((_month_of(int(found[1] or found[4]), int(found[2] or found[3])),))
    if (dates := _dates(text)) is not None:
        return Notation(_distinct(_month_of(y, m) for y, m in dates if 1 <= m <= 12))
    parts = _parts(text)
    years = set(parts.years) or ({2000 + parts.after} if parts.after else set())
    if not parts.known or parts.mark or len(years) != 1 or len(parts.months) != 1:
        return NOTHING
    return Notation((_month_of(years.pop(), parts.months[0]),))


def _month_of(year: int, month: int) -> Period:
    return Period.around(date(year, month, 1), "M")


@lru_cache(maxsize=1024)
def _of_text(text: str) -> Notation:
    try:
        return Notation((Period.parse(text, "Q", "A"),), own=True)
    except PeriodError:
        pass  # not the form's own notation: the others are tried
    text = text.casefold().translate(_DASHES).replace("q/e", "ending")
    if not 4 <= len(text) <= _LONGEST or not text.isascii():
        return NOTHING
    if (held := _BRACKETS.fullmatch(text)) is not None:
        return _both(_of_text(held[1].strip().upper()), held[2].strip())
    for read in (_of_date, _of_range, _of_month):
        if (found := read(text)) is not None:
            return found
    return _of_parts(_parts(text))


def _quarter_around(year: int, month: int) -> Period:
    return Period.quarter(year, (month + 2) // 3)


def _both(outside: Notation, inside: str) -> Notation:
    """A quarter with its months in brackets: both must name the same one."""
    if not outside.periods:
        return NOTHING
    beside = _of_text(inside)
    if not beside.periods:  # ``2026 Q2 (April to June)``: the year stands outside
        beside = _of_text(f"{inside} {outside.periods[0].year}")
    if outside.periods == beside.periods and not beside.month:
        return outside
    return Notation(_distinct((*outside.periods, *beside.periods))) if beside.periods else NOTHING


def _of_date(text: str) -> Notation | None:
    if (dates := _dates(text)) is None:
        return None
    known = [_quarter_around(year, month) for year, month in dates if 1 <= month <= 12]
    return Notation(_distinct(known))


def _dates(text: str) -> list[YearMonth] | None:
    """The year and month that a day in digits can mean; None where it is no day."""
    if (found := _ISO.fullmatch(text)) is not None:
        return [YearMonth(int(found[1]), int(found[2]))]
    if _DAY_NUMBER.fullmatch(text) is not None:
        day = _BEFORE_DAY_ONE + timedelta(days=int(float(text)))
        return [YearMonth(day.year, day.month)]
    if (found := _DAY_MONTH.fullmatch(text)) is None:
        return None
    first, second, year = (int(part) for part in found.groups())
    year += 2000 * (year < 100)
    # Day first, as in Britain; month first, as spreadsheets set up in America write it.
    return [YearMonth(year, second), YearMonth(year, first)]


def _of_range(text: str) -> Notation | None:
    """From one date to another: the period that both can lie in."""
    found = _RANGE.fullmatch(text)
    ends = [_of_date(part) for part in found.groups()] if found else []
    if not all(ends) or not ends:
        return None
    first, last = (end.periods if end else () for end in ends)
    return Notation(tuple(period for period in first if period in last))


def _of_month(text: str) -> Notation | None:
    if (found := _MONTH_ALONE.fullmatch(text)) is None:
        return None
    year, month = int(found[1] or found[4]), int(found[2] or found[3])
    return Notation((_quarter_around(year, month),), month=True)


@dataclass(kw_only=True)
class _Parts:
    """What a text is made of; ``known`` is False where a part of it means nothing here.

    ``starts`` is the year in which a financial year that is written as two begins, ``named`` the
    one by which it is called where it is written as one.
    """

    mark: int = 0
    starts: int = 0
    named: int = 0
    years: list[int] = field(default_factory=list)
    months: list[int] = field(default_factory=list)
    days: int = 0
    after: int = 0
    ends: bool = False
    known: bool = True


def _parts(text: str) -> _Parts:
    parts = _Parts()
    financial = False
    for found in _PART.finditer(text):
        kind, held = found.lastgroup, found[found.lastgroup or 0]
        if kind == "fy":
            first, second = (int(year) % 100 for year in re.split(r"[/\-]", held))
            parts.known &= second == (first + 1) % 100 and not parts.starts
            parts.starts = 2000 + first
        elif kind == "named":
            parts.named = 2000 + int(held) % 100
        elif kind == "year":
            parts.years.append(int(held))
        elif kind == "short":
            _short(parts, int(held))
        elif kind == "word":
            financial |= held in _FINANCIAL_WORDS
            _word(parts, held)
        elif kind == "nth":
            parts.mark = _ORDINALS.index(held) % 4 + 1
        elif kind in ("mark", "before"):
            parts.known &= not parts.mark
            parts.mark = int(held)
        else:
            parts.known = False
    if financial and not parts.starts and len(parts.years) == 1:
        parts.named = parts.years.pop()
    return parts


def _short(parts: _Parts, held: int) -> None:
    """One or two digits: a day before its month, a year behind the last one."""
    if parts.months and not parts.years:
        parts.after = held
    else:
        parts.days = held


def _word(parts: _Parts, word: str) -> None:
    if word in _INITIALS:
        parts.months += [_INITIALS[word], _INITIALS[word] + 2]
    elif (place := _month(word)) is not None:
        parts.months.append(place)
        # A number between two months was a day of the second one.
        parts.days, parts.after = parts.days or parts.after, 0
    elif word in _IDLE or word in _FINANCIAL_WORDS:
        parts.ends |= word in _ENDS
    else:
        parts.known = False


def _month(word: str) -> int | None:
    known = word[:3] in _MONTHS and _FULL[_MONTHS.index(word[:3])].startswith(word)
    return _MONTHS.index(word[:3]) + 1 if known or word == "sept" else None


def _of_parts(parts: _Parts) -> Notation:
    if not parts.known:
        return NOTHING
    by_mark, by_months = _by_mark(parts), _by_months(parts)
    if parts.mark and parts.months:
        # Both are there and must agree, or only the sender knows which one is meant.
        if by_mark and by_months.periods:
            return Notation(_distinct((*by_mark, *by_months.periods)))
        return NOTHING
    return by_months if parts.months else Notation(by_mark)


def _by_mark(parts: _Parts) -> tuple[Period, ...]:
    if not parts.mark or parts.days or parts.after or len(set(parts.years)) > 1:
        return ()
    # A financial year's first quarter is the calendar's second, its last the next year's first.
    if parts.starts and not parts.years:
        return (Period.quarter(parts.starts, 1) + parts.mark,)
    if parts.named and not parts.years:
        # FY26 is 2025/26 to some and 2026/27 to others.
        end = Period.quarter(parts.named, 1) + parts.mark
        return end + -4, end
    return (Period.quarter(parts.years[0], parts.mark),) if parts.years else ()


def _by_months(parts: _Parts) -> Notation:
    months, years = parts.months, set(parts.years)
    if parts.after and not years:
        years = {2000 + parts.after}
    if not months or (len(years) != 1 and not parts.starts):
        return NOTHING
    last = months[-1]
    year = next(iter(years)) if years else parts.starts + (last < 4)
    around = _quarter_around(year, last)
    first_of, last_of = last - 2, (last % 3 == 0)
    if len(months) == 1:
        whole = (parts.ends and last_of) or bool(parts.days)
        return Notation((around,), month=not whole)
    whole = last_of and months in ([first_of, last], [first_of, first_of + 1, last])
    return Notation((around,)) if whole else NOTHING


def _distinct(periods: Iterable[Period]) -> tuple[Period, ...]:
    return tuple(dict.fromkeys(periods))
