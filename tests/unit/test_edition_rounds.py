"""What a round says that it changed is what the ledger's own diff says of the same days."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from evaluation.edition.edition import rounds
from evaluation.ledger.ledger import Ledger
from evaluation.quarters import parse_instant
from evaluation.workspace import Workspace
from tests.ledger.returns_at_hand import DAY, Q3, returned, submit


def test_a_round_agrees_with_the_ledgers_diff_of_its_days(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        kept = [
            submit(ledger, returned({"E01": 210.0, "E02": 260.0}), days=-1),
            submit(ledger, returned({"E01": 215.0, "E02": 260.0}), days=20),
            submit(ledger, returned({"E01": 300.0}, Q3), days=92),
            submit(ledger, returned({"E01": 216.0, "E02": 261.0}), days=93),
        ]
        receipts = [one.as_dict() for one in kept]
        before, now = rounds(workspace, "tiny", receipts)[-2:]
        days = parse_instant(now.day_before), parse_instant(now.last_day)
        told = Counter(one["kind"] for one in ledger.diff("tiny", *days))
    assert (now.day_before, now.first_day, now.last_day) == (
        "2026-09-30",
        "2026-10-01",
        "2026-12-31",
    )
    assert now.figures_restated == sum(told.values()) - told["new"]
    assert now.new == told["new"] == 1
    assert {one.received for one in now.restated} == {kept[-1].received}
    assert [(one.figures, one.agency) for one in before.restated] == [(1, kept[1].agency)]


def test_a_change_is_received_on_its_own_day_and_not_on_the_rounds_last(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        kept = [
            submit(ledger, returned({"E01": 210.0}), days=-1),
            submit(ledger, returned({"E01": 215.0}), days=20),
            submit(ledger, returned({"E01": 300.0}, Q3), days=40),
        ]
        now = rounds(workspace, "tiny", [one.as_dict() for one in kept])[-1]
    (change,) = now.restated
    received = parse_instant(change.received)
    assert received == DAY + timedelta(days=20)
