"""Rounds of returns: what came in during each calendar quarter, and what it changed.

A round is the span between two editions; what it changed is the ledger's own difference between
its last instant and the last one of the round before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.ledger.changes import shown
from evaluation.ledger.ledger import Ledger
from evaluation.quarters import Period, parse_instant
from evaluation.workspace import Workspace

COMPARED = 4
"""How many rounds are compared with the one before: a year."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """The returns received in one calendar quarter; ``new`` counts figures not known before."""

    period: Period
    receipts: tuple[Mapping[str, Any], ...]
    new: int = 0
    restated: tuple[Mapping[str, Any], ...] = ()

    @property
    def last(self) -> str:
        """The instant of its last return."""
        return max(str(receipt["received"]) for receipt in self.receipts)


def rounds(
    workspace: Workspace, programme: str, receipts: Sequence[Mapping[str, Any]]
) -> tuple[Round, ...]:
    """The programme's rounds, oldest first; the latest are compared with those before them."""
    grouped: dict[Period, list[Mapping[str, Any]]] = {}
    for receipt in receipts:
        day = parse_instant(receipt["received"])
        grouped.setdefault(Period.quarter(day.year, (day.month + 2) // 3), []).append(receipt)
    found = [Round(period=p, receipts=tuple(grouped[p])) for p in sorted(grouped)]
    if not workspace.has_ledger:
        return tuple(found)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        for place in range(max(1, len(found) - COMPARED), len(found)):
            before, now = (parse_instant(found[k].last) for k in (place - 1, place))
            changes = ledger.diff(programme, before, now)
            restated = tuple(one for one in changes if one["kind"] != "new")
            found[place] = Round(
                period=found[place].period, receipts=found[place].receipts,
                new=len(changes) - len(restated), restated=restated,
            )  # fmt: skip
    return tuple(found)


def figure(known: Mapping[str, Any] | None) -> str:
    """A figure as the ledger holds it: ``212 of 5,000``, its symbol, or ``nothing``."""
    if known is None:
        return "nothing"
    return shown(known["numerator"], known["denominator"], known["status"])
