"""When looks are due: at the end of the day by which the returns of a quarter are to be in."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.programme import Programme
    from evaluation.quarters import Period


def due(quarter: Period, programme: Programme) -> datetime:
    """The last instant of the day on which the returns of a quarter are due."""
    day = quarter.last_day + timedelta(days=programme.due_days)
    return datetime.combine(day, time.max, tzinfo=UTC)


def passed(first: Period, programme: Programme, now: datetime) -> list[Period]:
    """The quarters from ``first`` on whose due day has passed."""
    quarters, quarter = [], first
    while due(quarter, programme) <= now and quarter <= programme.last:
        quarters.append(quarter)
        quarter += 1
    return quarters
