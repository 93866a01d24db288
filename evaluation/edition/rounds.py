"""Rounds of returns: what came in during each calendar quarter, and what it changed.

A round is a calendar quarter; what it changed is the ledger's own difference between the end of the
day before it and the end of its last day, as ``newstart ledger diff`` tells it for the same days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from evaluation.ledger.changes import shown
from evaluation.ledger.ledger import Ledger
from evaluation.quarters import Period, parse_instant
from evaluation.workspace import Workspace

COMPARED = 4
"""How many rounds are compared with what was known when they began: a year."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """The returns received in one calendar quarter; ``new`` counts figures not known before."""

    period: Period
    receipts: tuple[Mapping[str, Any], ...]
    new: int = 0
    restated: tuple[Mapping[str, Any], ...] = ()

    @property
    def day_before(self) -> str:
        """The day before the calendar quarter: its end is what the round is compared with."""
        return (self.period + -1).last_day.isoformat()

    @property
    def first_day(self) -> str:
        """The first day of the calendar quarter."""
        return ((self.period + -1).last_day + timedelta(days=1)).isoformat()

    @property
    def last_day(self) -> str:
        """The last day of the calendar quarter."""
        return self.period.last_day.isoformat()

    def received(self, change: Mapping[str, Any]) -> str | None:
        """The instant at which a change's new figure came in; None where a return was withdrawn."""
        new = (change["after"] or {}).get("return_id")
        return next((str(r["received"]) for r in self.receipts if r["return_id"] == new), None)


def rounds(
    workspace: Workspace, programme: str, receipts: Sequence[Mapping[str, Any]]
) -> tuple[Round, ...]:
    """The programme's rounds, oldest first; the latest say what they changed."""
    grouped: dict[Period, list[Mapping[str, Any]]] = {}
    for receipt in receipts:
        day = parse_instant(receipt["received"])
        grouped.setdefault(Period.quarter(day.year, (day.month + 2) // 3), []).append(receipt)
    found = [Round(period=p, receipts=tuple(grouped[p])) for p in sorted(grouped)]
    if not workspace.has_ledger:
        return tuple(found)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        for place in range(max(1, len(found) - COMPARED), len(found)):
            one = found[place]
            changes = ledger.diff(
                programme, parse_instant(one.day_before), parse_instant(one.last_day)
            )
            restated = tuple(change for change in changes if change["kind"] != "new")
            found[place] = replace(one, new=len(changes) - len(restated), restated=restated)
    return tuple(found)


def figure(known: Mapping[str, Any] | None) -> str:
    """A figure as the ledger holds it: ``212 of 5,000``, its symbol, or ``nothing``."""
    if known is None:
        return "nothing"
    return shown(known["numerator"], known["denominator"], known["status"])
