"""The calendar of returns: when they are due, what is received, late or missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from evaluation.finance import money_owed
from evaluation.programme import Programme
from evaluation.quarters import Period, parse_instant, period_range
from evaluation.returns.monthly import months_of, owed_by_month

State = Literal["due", "received", "late", "missing"]


@dataclass(frozen=True, kw_only=True)
class Due:
    """One return that a submitter owes.

    ``due`` is the last day on which it is in time and ``received`` the day on which it first came,
    None where it has not. ``state``: ``received`` in time or as history, ``late`` but received,
    ``missing`` beyond the day, or ``due`` before it.
    """

    site: str
    agency: str
    quarter: Period
    due: date
    received: date | None
    versions: int
    state: State

    def as_dict(self) -> dict[str, Any]:
        """The shape that ``newstart ledger calendar --json`` prints."""
        return {
            "site": self.site,
            "agency": self.agency,
            "quarter": self.quarter.label,
            "due": self.due.isoformat(),
            "received": self.received.isoformat() if self.received else None,
            "versions": self.versions,
            "state": self.state,
        }


def calendar(
    programme: Programme, receipts: Iterable[Mapping[str, Any]], today: date
) -> tuple[Due, ...]:
    """Every return of a period that is over by ``today``, by period, sources first.

    Parameters
    ----------
    receipts : records with site, agency, quarter, received and, where they were loaded as history,
        history; those that were withdrawn left out. What was due before anything of its submitter
        had come is no late return if it came as history: nobody had been asked for it then.
    """
    days: dict[tuple[str, str, str], list[date]] = {}
    began: dict[tuple[str, str], date] = {}
    loaded: set[tuple[str, str, str]] = set()
    for one in receipts:
        key = str(one["site"]), str(one["agency"]), str(one["quarter"])
        # The day in UTC, in which instants are kept; near midnight in summer it is the day before
        # London's.
        day = parse_instant(str(one["received"])).date()
        days.setdefault(key, []).append(day)
        began[key[:2]] = min(day, began.get(key[:2], day))
        if one.get("history"):
            loaded.add(key)
    found = []
    for period, site, agency in _owed(programme, today):
        key = site, agency, period.label
        came = sorted(days.get(key, []))
        # Days run from the end of the period, not from its start.
        due = period.last_day + timedelta(days=programme.due_days)
        first = came[0] if came else None
        backfill = key in loaded and due < began[site, agency]
        found.append(
            Due(
                site=site,
                agency=agency,
                quarter=period,
                due=due,
                received=first,
                versions=len(came),
                state="received" if backfill else _state(first, due, today),
            )
        )
    return tuple(found)


def _state(received: date | None, due: date, today: date) -> State:
    if received is not None:
        return "received" if received <= due else "late"
    return "due" if today <= due else "missing"


def _owed(programme: Programme, today: date) -> Iterator[tuple[Period, str, str]]:
    for period in _periods(programme):
        # A period is owed once it is over: its last day is still part of it.
        if period.last_day >= today:
            continue
        by_month = period.frequency == "M" != programme.first.frequency
        for site, agency in programme.submitters:
            owes = owed_by_month if by_month else Programme.asked_in
            if owes(programme, site, agency, period):
                yield period, site, agency
        for site, _, sender in money_owed(programme, period):
            yield period, site, sender


def _periods(programme: Programme) -> list[Period]:
    """The programme's periods; where it counts in quarters, also its months and the whole years.

    Months only where something is returned by month.
    """
    periods = [*programme.periods, *months_of(programme)]
    if programme.first.frequency == "Q":
        years = period_range(Period("A", programme.first.year), Period("A", programme.last.year))
        # Only years that are wholly inside the programme.
        periods += [year for year in years if year.last_day <= programme.last.last_day]
    # A year ends on the day of its last quarter: the frequency breaks the tie, so that the order is
    # one.
    return sorted(periods, key=lambda period: (period.last_day, period.frequency))


def due(quarter: Period, programme: Programme) -> datetime:
    """The last instant of the day on which the returns of a quarter are due."""
    day = quarter.last_day + timedelta(days=programme.due_days)
    # To the last microsecond, so that a return of that day is in time.
    return datetime.combine(day, time.max, tzinfo=UTC)


def passed(first: Period, programme: Programme, now: datetime) -> list[Period]:
    """The quarters from ``first`` on whose due day has passed."""
    quarters, quarter = [], first
    while due(quarter, programme) <= now and quarter <= programme.last:
        quarters.append(quarter)
        quarter += 1
    return quarters
