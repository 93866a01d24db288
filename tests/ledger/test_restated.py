"""What is restated: a figure that stands otherwise, and none that was sent again as it was."""

from __future__ import annotations

from evaluation.ledger.ledger import Ledger
from tests.ledger.returns_at_hand import DAY, returned, submit


def test_only_what_changed_is_restated(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 210.0, "E02": 30.0, "E03": None, "E04": None}))
    assert ledger.restated("tiny").empty
    receipt = submit(ledger, returned({"E01": 211.0, "E02": 30.0, "E03": None, "E04": 9.0}), days=1)
    found = ledger.restated("tiny")
    assert found["area_code"].tolist() == ["E01", "E04"]
    assert found.columns.tolist() == ["outcome", "area_code", "quarter"]
    assert ledger.restated("tiny", as_of=DAY).empty
    assert ledger.restated("tiny", outcomes=["arrears"]).empty
    submit(ledger, returned({"E01": 210.0, "E02": 30.0, "E03": None, "E04": 9.0}), days=2)
    assert ledger.restated("tiny")["area_code"].tolist() == ["E04"], "as first sent again"
    ledger.withdraw(receipt.return_id, reason="in error", received=DAY)
    assert ledger.restated("tiny")["area_code"].tolist() == ["E04"]
