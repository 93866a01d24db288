"""What a return changes against the figures accepted before it, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.returns.content import Return

_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class Held:
    """A figure as it stands in the ledger, and how many versions came before it."""

    numerator: float | None
    denominator: float | None
    status: str
    note: str
    revision: int


def changes(returned: Return, held: Mapping[tuple[str, str, str], Held]) -> tuple[str, ...]:
    """One sentence for each figure that changes, the count first.

    ``held`` are the submitter's figures for the same period, by area, period and outcome. A later
    return replaces the figures that it holds; those that it does not hold stand as they were.
    """
    rows = returned.rows
    whose = f"{returned.site} {returned.agency} for {returned.period}"
    if not held:
        missing = sum(row.numerator is None for row in rows)
        without = f", {missing} of them missing with a symbol" if missing else ""
        return (f"First return of {whose}: {len(rows)} figures{without}.",)
    lines = []
    new = 0
    for row in rows:
        before = held.get(row.key)
        if before is None:
            new += 1
            continue
        was, now = (
            shown(one.numerator, one.denominator, one.status, one.note) for one in (before, row)
        )
        if was != now:
            lines.append(f"{row.outcome} in {row.area_code}: {was} became {now}.")
    head = f"{len(lines)} of {len(rows)} figures of {whose} changed"
    told = [head + (f", {new} new." if new else "."), *lines[:_LISTED]]
    if len(lines) > _LISTED:
        told.append(f"... and {len(lines) - _LISTED} more.")
    absent = len(held.keys() - {row.key for row in rows})
    if absent:
        told.append(
            f"Not in this return, and standing as they were: {absent} of the earlier figures."
        )
    return tuple(told)


def shown(numerator: float | None, denominator: float | None, status: str, note: str = "") -> str:
    """A figure in words: ``212 of 5,000 [r]``, or its symbol where there is none."""
    words = [] if numerator is None else [_number(numerator)]
    if numerator is not None and denominator is not None:
        words.append(f"of {_number(denominator)}")
    if status:
        words.append(status)
    return (" ".join(words) or "nothing") + (f" ({note})" if note else "")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.12g}"
