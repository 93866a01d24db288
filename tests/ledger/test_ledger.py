"""The ledger: append-only by the database, chained by hash, readable as of any instant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from evaluation import fingerprint
from evaluation.check.report import (
    Checked,
    Confirmation,
    Stage,
    confirmed,
    problem,
    read_confirmations,
)
from evaluation.errors import LedgerError, UserError
from evaluation.ledger.data_keys import unseal
from evaluation.ledger.engine import transaction
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import FIRST, Hidden, Receipt, ReceiptDetails, chain_hash
from evaluation.ledger.store import raw_path
from evaluation.quarters import format_instant
from evaluation.returns.form import Return
from tests.ledger.returns_at_hand import DAY, Q2, Q3, returned, submit


def test_a_return_is_kept_with_its_raw_bytes(ledger: Ledger, tmp_path: Path) -> None:
    what = returned({"E01": 210.0, "E02": None})
    receipt = submit(ledger, what)
    assert receipt.rows == 2 and receipt.received == format_instant(DAY)
    assert not receipt.already_held and receipt.previous_hash == FIRST
    assert receipt.changes == (
        "First return of S01 nhs for 2026 Q2: 2 figures, 1 of them missing with a symbol.",
    )
    kept = raw_path(tmp_path / "var" / "raw", what.sha256)
    assert kept.parent.name == what.sha256[:2]
    # The file lies there sealed, and its return's key opens it.
    content = unseal(ledger.keys, kept.read_bytes())
    assert fingerprint.of_bytes(content) == what.sha256 != fingerprint.of_bytes(kept.read_bytes())
    frame = ledger.observations("tiny")
    assert list(frame.columns) == [
        "area_code",
        "quarter",
        "outcome",
        "numerator",
        "denominator",
        "status",
        "note",
        "received",
        "return_id",
        "revision",
        "se",
        "respondents",
    ]
    assert frame["numerator"].isna().tolist() == [False, True]
    assert frame["status"].tolist() == ["", "[c]"]
    assert set(frame["return_id"]) == {receipt.return_id}


def test_the_chain_binds_each_receipt_to_the_one_before(ledger: Ledger) -> None:
    first = submit(ledger, returned({"E01": 210.0}))
    second = submit(ledger, returned({"E01": 50.0}, programme="other"), days=1)
    third = submit(ledger, returned({"E01": 220.0}, Q3), days=2)
    assert ledger.receipts() == [first, second, third]
    assert ledger.receipts("tiny") == [first, third]
    assert [second.previous_hash, third.previous_hash] == [first.chain_hash, second.chain_hash]
    with transaction(ledger.engine) as connection:
        rows = connection.exec_driver_sql("SELECT return_id, seal FROM returns NATURAL JOIN seals")
        seals = {row[0]: row[1] for row in rows}
    for receipt, what in ((first, returned({"E01": 210.0})), (third, returned({"E01": 220.0}, Q3))):
        assert receipt.chain_hash == chain_hash(
            previous_hash=receipt.previous_hash,
            content_hash=what.content_hash,
            file_sha256=what.sha256,
            programme="tiny",
            submitter=("S01", "nhs"),
            quarter=receipt.quarter,
            received=receipt.received,
            details=ReceiptDetails(
                rows=receipt.rows,
                changes=receipt.changes,
                confirmations=receipt.confirmations,
                synthetic_clock=False,
            ),
            hidden=Hidden(keyed_hash=receipt.keyed_hash, seal=seals[receipt.return_id]),
        )
        assert receipt.return_id == receipt.chain_hash[:12]


def test_the_same_content_again_changes_nothing_and_says_so(ledger: Ledger) -> None:
    first = submit(ledger, returned({"E01": 210.0}))
    again = submit(ledger, returned({"E01": 210.0}), days=5)
    assert again == first and again.already_held and not first.already_held
    assert len(ledger.receipts()) == 1
    submit(ledger, returned({"E01": 211.0}), days=6)
    back = submit(ledger, returned({"E01": 210.0}), days=7)
    assert not back.already_held, "the latest return differs, so this one counts"
    assert ledger.observations("tiny")["revision"].tolist() == [2]


def test_a_restated_quarter_is_read_as_it_was_known(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 210.0, "E02": 260.0}))
    submit(ledger, returned({"E01": 30.0}, Q3), days=10)
    restated = submit(ledger, returned({"E01": 215.0, "E02": 260.0}), days=20)
    early = ledger.observations("tiny", as_of=DAY + timedelta(days=10))
    late = ledger.observations("tiny")
    assert early["numerator"].tolist() == [210.0, 30.0, 260.0]
    assert late["numerator"].tolist() == [215.0, 30.0, 260.0]
    assert late["revision"].tolist() == [1, 0, 1]
    assert early["quarter"].tolist() == ["2026 Q2", "2026 Q3", "2026 Q2"]
    assert restated.changes == (
        "1 of 2 figures of S01 nhs for 2026 Q2 changed.",
        "ae_attendances in E01: 210 of 5,000 became 215 of 5,000.",
    )
    assert ledger.observations("tiny", as_of=DAY - timedelta(seconds=1)).empty
    assert len(ledger.observations("tiny", as_of=DAY)) == 2, "as-of is inclusive"
    assert ledger.observations("tiny", outcomes=["crisis_contacts"]).empty
    assert ledger.observations("nobody").empty


def test_a_later_return_replaces_only_the_figures_it_holds(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 210.0, "E02": 260.0}))
    receipt = submit(ledger, returned({"E01": 215.0, "E09": 4.0}), days=1)
    assert ledger.observations("tiny")["numerator"].tolist() == [215.0, 260.0, 4.0]
    assert receipt.changes[0].endswith("changed, 1 new.")
    assert receipt.changes[-1].endswith("as they were: 1 of the earlier figures.")


def test_a_figure_keeps_its_history_when_another_submitter_takes_over(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 210.0}))
    submit(ledger, returned({"E01": 214.0}, site="OPEN", agency="nhs_england"), days=1)
    frame = ledger.observations("tiny")
    assert frame["numerator"].tolist() == [214.0] and frame["revision"].tolist() == [1]


def test_last_accepted_is_the_nearest_earlier_quarter_in_its_latest_version(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 210.0}))
    submit(ledger, returned({"E01": 215.0}), days=1)
    submit(ledger, returned({"E01": 300.0}, Q3), days=2)
    last = ledger.last_accepted("tiny", "S01", "nhs", Q3)
    assert last == {("E01", "ae_attendances"): (215.0, 5000.0)}
    assert ledger.last_accepted("tiny", "S01", "nhs", Q2) == {}
    assert ledger.last_accepted("tiny", "S01", "council", Q3) == {}


def test_diff_tells_new_revised_and_withdrawn(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 210.0, "E02": 260.0, "E03": 7.0}))
    submit(ledger, returned({"E01": 215.0, "E02": None, "E03": 7.0, "E04": 1.0}), days=1)
    changed = ledger.diff("tiny", DAY, DAY + timedelta(days=1))
    assert [(one["kind"], one["area_code"]) for one in changed] == [
        ("revised", "E01"),
        ("withdrawn", "E02"),
        ("new", "E04"),
    ]
    assert changed[0]["before"]["numerator"] == 210.0
    assert changed[0]["after"]["numerator"] == 215.0
    assert changed[1]["after"]["numerator"] is None and changed[1]["after"]["status"] == "[c]"
    assert changed[2]["before"] is None
    fingerprint.canonical(changed)  # plain data, ready for JSON
    assert ledger.diff("tiny", DAY, DAY) == []


def test_a_failure_in_the_middle_leaves_nothing(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 210.0}))
    broken = returned({"E01": 215.0})
    twice = Return(
        programme="tiny",
        site="S01",
        agency="nhs",
        period=Q2,
        sha256=broken.sha256,
        rows=broken.rows * 2,
    )
    with pytest.raises(LedgerError, match="nothing was accepted"):
        submit(ledger, twice, days=1)
    assert len(ledger.receipts()) == 1
    assert ledger.observations("tiny")["numerator"].tolist() == [210.0]


def test_bytes_that_are_not_the_returns_own_are_refused(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="not those that were checked"):
        ledger.submit(returned({"E01": 210.0}), b"other bytes", received=DAY)
    assert ledger.receipts() == [] and not (tmp_path / "var" / "raw").exists()


def test_returns_submitted_at_once_are_each_accepted_once(
    ledger: Ledger, database: Path | str, raw: Path
) -> None:
    def send(number: int) -> Receipt:
        with Ledger.open(database, raw) as own:
            return submit(own, returned({"E01": float(number // 2)}, site=f"S{number // 2}"))

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(send, range(24)))
    chain = ledger.receipts()
    assert sorted(one.return_id for one in chain) == sorted({one.return_id for one in receipts})
    assert len(chain) == 12 and sum(one.already_held for one in receipts) == 12
    links = [one.previous_hash for one in chain]
    assert links == [FIRST] + [one.chain_hash for one in chain[:-1]]


def test_a_file_that_is_no_ledger_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LedgerError, match="not a database"):
        Ledger.open(tmp_path / "ledger.sqlite", tmp_path / "raw")


def test_a_receipt_reads_back_from_its_file(ledger: Ledger) -> None:
    reasons = [Confirmation(rule="R060", cell="E2", reason="a new ward", value="210.0")]
    receipt = submit(ledger, returned({"E01": 210.0}), confirmations=reasons, synthetic_clock=True)
    assert receipt.confirmations == (
        {"rule": "R060", "cell": "E2", "value": "210.0", "reason": "a new ward"},
    )
    assert receipt.synthetic_clock
    assert Receipt.from_dict(receipt.as_dict()) == receipt == ledger.receipts()[0]
    with pytest.raises(LedgerError, match="chain_hash"):
        Receipt.from_dict({k: v for k, v in receipt.as_dict().items() if k != "chain_hash"})


def test_the_same_invented_returns_give_the_same_hashes(tmp_path: Path) -> None:
    chains = []
    for name in ("one", "other"):
        with Ledger.open(tmp_path / name / "ledger.sqlite", tmp_path / name / "raw") as ledger:
            submit(ledger, returned({"E01": 210.0}), repeatable=True)
            last = submit(ledger, returned({"E01": 215.0}), days=1, repeatable=True)
            chains.append((last.chain_hash, ledger.salt("tiny")))
    assert chains[0] == chains[1]


def test_confirmations_answer_a_rule_in_a_cell(tmp_path: Path) -> None:
    asked = tuple(
        problem("R060", "Ten times as many?", sheet="Return", cell=cell, value=2100.0)
        for cell in ("E2", "E3")
    )
    checked = Checked(
        file="a.xlsx",
        sha256="",
        site="S01",
        agency="nhs",
        quarter="2026 Q2",
        problems=asked,
        stages=(Stage("header", True),),
        returned=returned({"E01": 1.0}),
    )
    path = tmp_path / "why.csv"
    path.write_text("rule,cell,reason\nR060,e2,a new ward\nR046,E3,other\n", encoding="utf-8")
    kept, still_open = confirmed(checked, read_confirmations(path))
    assert [(one.cell, one.value) for one in kept] == [("E2", "2100.0")]
    assert [one.cell for one in still_open] == ["E3"]
    path.write_text("rule,cell,reason\nR060,E2,\n", encoding="utf-8")
    with pytest.raises(UserError, match="needs a rule and a reason"):
        read_confirmations(path)
