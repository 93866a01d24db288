"""Returns made of a few figures, and how tests submit them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from evaluation import fingerprint
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import Receipt
from evaluation.quarters import Period
from evaluation.returns.form import Observation, Return

DAY = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
Q2, Q3 = Period.parse("2026 Q2"), Period.parse("2026 Q3")
Figures = dict[str, float | None]


def returned(figures: Figures, period: Period = Q2, **other: Any) -> Return:
    """A return of A&E attendances by area; None is a withheld figure."""
    rows = tuple(
        Observation(area, period, "ae_attendances", n, 5000.0, "" if n is not None else "[c]", "")
        for area, n in figures.items()
    )
    content = repr(sorted(figures.items())).encode()
    whose = {"programme": "tiny", "site": "S01", "agency": "nhs"} | other
    return Return(period=period, rows=rows, sha256=fingerprint.of_bytes(content), **whose)


def submit(ledger: Ledger, what: Return, days: int = 0, **other: Any) -> Receipt:
    figures = {row.area_code: row.numerator for row in what.rows}
    content = repr(sorted(figures.items())).encode()
    return ledger.submit(what, content, received=DAY + timedelta(days=days), **other)
