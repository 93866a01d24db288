"""Invented returns for the drills: small, seeded, with figures, symbols, notes and reasons."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

from evaluation import fingerprint
from evaluation.check.report import Confirmation
from evaluation.ledger.learning_log import Entry
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import Receipt
from evaluation.ledger.signatures import PrintedValue, Signed
from evaluation.quarters import Period
from evaluation.returns.form import Observation, Return

START = datetime(2026, 7, 1, 9, tzinfo=UTC)
FIRST = Period.parse("2024 Q1")


def invented(
    seed: int, *, site: str = "S01", period: Period = FIRST, areas: int = 6, outcomes: int = 2
) -> tuple[Return, bytes]:
    """A return and the bytes that it came in; another seed gives other figures."""
    draw = random.Random(f"{seed}{site}{period}")
    rows = []
    for outcome in range(outcomes):
        for area in range(areas):
            missing = draw.random() < 0.15
            rows.append(
                Observation(
                    f"{site}A{area:02}",
                    period,
                    f"outcome_{outcome}",
                    None if missing else round(draw.uniform(1, 900), 3),
                    None if missing else float(draw.randrange(1_000, 9_000)),
                    "[c]" if missing else "",
                    draw.choice(["", "", "a ward opened, été"]),
                )
            )
    content = json.dumps([[*row.key, row.numerator] for row in rows] + [seed]).encode()
    return Return(
        programme="drill",
        site=site,
        agency="nhs",
        period=period,
        rows=tuple(rows),
        sha256=fingerprint.of_bytes(content),
    ), content


def fill(ledger: Ledger, returns: int = 6) -> list[Receipt]:
    """Returns with restatements and reasons, one withdrawn, one redacted; what was learnt."""
    receipts = []
    for number in range(returns):
        returned, content = invented(number, period=FIRST + number % 3)
        reason = Confirmation(rule="R060", cell=f"E{number + 2}", reason="checked", value="1.0")
        receipts.append(
            ledger.submit(
                returned,
                content,
                received=START + timedelta(days=number),
                confirmations=[reason] * (number % 3),
                synthetic_clock=number % 2 == 0,
            )
        )
    later = START + timedelta(days=returns)
    ledger.withdraw(receipts[1].return_id, reason="the wrong ward", received=later)
    ledger.redact(receipts[2].return_id, reason="it named a person", received=later)
    for number, by in enumerate(("", "Ada")):
        ledger.note(
            Entry(programme="drill", site="S01", kind="change", what=f"no {number}", why="asked"),
            received=later,
            by=by,
            synthetic_clock=number == 0,
        )
    _sign_and_print(ledger, later)
    returned, content = invented(99, period=FIRST + 1)
    receipts.append(ledger.submit(returned, content, received=later + timedelta(days=1)))
    return receipts


def _sign_and_print(ledger: Ledger, at: datetime) -> None:
    """An approval, and an edition of two values."""
    signed = Signed(programme="drill", kind="approval", by="Cat", bundle="b1", hash="ab", note="y")
    ledger.sign(signed, received=at, synthetic_clock=False)
    ledger.print_values(
        Signed(programme="drill", kind="publication", by="Per", bundle="b1"),
        [
            PrintedValue(
                edition="2026-Q2",
                address=f"S01.{number}",
                kind="count",
                printed="65",
                low=61.0,
                high=69.0,
                key="k",
            )
            for number in range(2)
        ],
        received=at,
        synthetic_clock=True,
    )
