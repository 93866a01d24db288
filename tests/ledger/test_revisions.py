"""How figures moved: one figure's story, and revision sizes in pilot against comparison areas."""

from __future__ import annotations

from datetime import timedelta

from evaluation.check.report import Confirmation
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from tests.ledger.returns_at_hand import DAY, Q2, Q3, returned, submit


def test_a_figure_tells_its_story(ledger: Ledger) -> None:
    first = submit(ledger, returned({"E01": 210.0}))
    reason = Confirmation(rule="R060", cell="E2", reason="a ward moved", value="215.0")
    second = submit(ledger, returned({"E01": 215.0}), days=1, confirmations=[reason])
    third = submit(ledger, returned({"E01": 999.0}, site="S02"), days=2)
    later = DAY + timedelta(days=3)
    ledger.withdraw(third.return_id, reason="another site's", received=later)
    told = ledger.history("tiny", "E01", "ae_attendances", Q2)
    ids = [first.return_id, second.return_id, third.return_id]
    assert [one["return_id"] for one in told] == ids
    assert [one["numerator"] for one in told] == [210.0, 215.0, 999.0]
    assert [one["stands"] for one in told] == [False, True, False]
    assert [one["site"] for one in told] == ["S01", "S01", "S02"]
    assert told[1]["confirmations"][0]["reason"] == "a ward moved"
    assert told[2]["withdrawn"] == {
        "received": "2026-07-04T09:30:00.000000Z",
        "reason": "another site's",
    }
    assert ledger.history("tiny", "E01", "ae_attendances", Q3) == []


def test_revisions_are_measured_in_pilot_against_comparison_areas(
    ledger: Ledger, tiny: Programme
) -> None:
    submit(ledger, returned({"E01": 200.0, "E02": 100.0, "E05": 50.0, "E06": 0.0}))
    submit(ledger, returned({"E01": 210.0, "E02": None, "E05": 49.0, "E06": 3.0}), days=1)
    wrong = submit(ledger, returned({"E05": 500.0}), days=2)
    ledger.withdraw(wrong.return_id, reason="ten times", received=DAY + timedelta(days=3))
    submit(ledger, returned({"E01": 7.0, "E05": 8.0}, Q3), days=4)
    comparison, pilot = ledger.revision_sizes(tiny)
    assert (pilot["role"], pilot["figures"], pilot["revised"], pilot["withheld_later"]) == (
        "pilot",
        3,
        2,
        1,
    )
    assert pilot["changed_per_cent"] == pilot["size_per_cent"] == pilot["largest_per_cent"] == 5.0
    assert (comparison["role"], comparison["figures"], comparison["revised"]) == (
        "comparison",
        3,
        2,
    )
    assert (comparison["changed_per_cent"], comparison["size_per_cent"]) == (-2.0, 2.0)


def test_where_nothing_moved_no_size_is_made_up(ledger: Ledger, tiny: Programme) -> None:
    assert ledger.revision_sizes(tiny) == []
    submit(ledger, returned({"E01": 200.0}))
    submit(ledger, returned({"E01": 210.0}), days=1)
    submit(ledger, returned({"E01": 200.0}), days=2)
    told = ledger.revision_sizes(tiny)
    assert [(one["revised"], one["size_per_cent"]) for one in told] == [(0, None)]
