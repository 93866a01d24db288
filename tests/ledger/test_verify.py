"""All is recomputed from the raw bytes up, and the first record that does not hold is named."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.ledger.content import fill
from benchmarks.ledger.flips import Drill, flips
from evaluation.errors import LedgerError
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import FIRST, Act, LedgerHead, Receipt, chain_hash, read_receipt
from evaluation.ledger.schema import acts, confirmations, observations, returns
from evaluation.ledger.store import raw_path
from evaluation.ledger.verify import read_witnesses
from tests.ledger.returns_at_hand import DAY, Q3, returned, submit


def test_a_ledger_that_was_left_alone_holds(ledger: Ledger) -> None:
    receipts = fill(ledger)
    found = ledger.verify([*receipts, *ledger.acts()])
    assert found.as_dict() == {"ok": True, "returns": 7, "broken": []}
    assert ledger.verify([]).ok


def test_an_empty_ledger_holds_and_a_receipt_shows_that_it_was_emptied(
    ledger: Ledger, tmp_path: Path
) -> None:
    with Ledger.open(tmp_path / "other.sqlite", tmp_path / "other") as other:
        receipt = submit(other, returned({"E01": 1.0}))
    assert ledger.verify().ok
    assert "cut short or rewritten" in ledger.verify([receipt]).broken[0].what


def test_every_changed_value_is_noticed_and_its_record_named(
    database: Path | str, raw: Path
) -> None:
    """A sample; benchmarks/results/ledger_flips.json records ten thousand."""
    told = flips(database, raw, 59, seed=3)
    assert told["missed"] == {} and told["whole_again_afterwards"]
    assert len(told["by_column"]) == 59, "every column, and the raw files"


def _without_triggers(database: Path | str, raw: Path) -> Drill:
    return Drill(database, raw, seed=1)


def test_a_removed_tail_is_caught_with_any_receipt_of_it(database: Path | str, raw: Path) -> None:
    drill = _without_triggers(database, raw)
    receipts, done = drill.ledger.receipts(), drill.ledger.acts()
    last = receipts[-1]
    with drill.engine.begin() as connection:
        seq = max(drill.owner)
        for table in (observations, confirmations):
            connection.execute(sa.delete(table).where(table.c.return_seq == seq))
        connection.execute(sa.delete(returns).where(returns.c.seq == seq))
    assert drill.ledger.verify().ok, "a shorter chain agrees with itself"
    assert drill.ledger.verify(receipts[:-1]).ok
    assert [one.return_id for one in drill.ledger.verify([last]).broken] == [last.return_id]
    with drill.engine.begin() as connection:
        connection.execute(sa.delete(acts))
    assert {one.return_id for one in drill.ledger.verify(done).broken} >= {a.act_id for a in done}
    drill.ledger.close()


def test_a_record_taken_from_the_middle_is_noticed_without_a_receipt(
    database: Path | str, raw: Path
) -> None:
    drill = _without_triggers(database, raw)
    with drill.engine.begin() as connection:
        connection.execute(sa.delete(observations).where(observations.c.return_seq == 1))
        connection.execute(sa.delete(confirmations).where(confirmations.c.return_seq == 1))
        connection.execute(sa.delete(returns).where(returns.c.seq == 1))
    assert "does not follow" in drill.ledger.verify().broken[0].what
    drill.ledger.close()


def test_a_chain_rewritten_as_a_whole_is_caught_with_any_receipt(
    ledger: Ledger, tmp_path: Path
) -> None:
    first = submit(ledger, returned({"E01": 210.0}))
    second = submit(ledger, returned({"E01": 215.0}), days=1)
    with Ledger.open(tmp_path / "forged.sqlite", tmp_path / "forged") as forged:
        submit(forged, returned({"E01": 10.0}))
        submit(forged, returned({"E01": 215.0}), days=1)
        assert forged.verify().ok
        for receipt in (first, second):
            assert forged.verify([receipt]).broken[0].return_id == receipt.return_id


def test_a_receipt_that_was_changed_itself_differs(ledger: Ledger) -> None:
    receipt = submit(ledger, returned({"E01": 210.0}))
    changed = Receipt.from_dict(receipt.as_dict() | {"changes": ["nothing at all"]})
    assert ledger.verify([changed]).broken[0].what == "the ledger and the receipt differ."


def test_a_missing_and_a_changed_file_are_told_apart(ledger: Ledger, raw: Path) -> None:
    one, other = returned({"E01": 210.0}), returned({"E02": 2.0}, site="S02")
    receipts = [submit(ledger, one), submit(ledger, other)]
    raw_path(raw, one.sha256).unlink()
    raw_path(raw, other.sha256).write_bytes(b"other bytes")
    assert [(b.return_id, b.what) for b in ledger.verify().broken] == [
        (receipts[0].return_id, "its raw file is missing."),
        (receipts[1].return_id, "its raw file is not the one that was accepted (SHA-256)."),
    ]


def test_figures_verify_as_every_database_gives_them_back(ledger: Ledger) -> None:
    """SQLite knows no negative zero, and an integer comes back as a float."""
    submit(ledger, returned({"E01": -0.0, "E02": 7, "E03": 0.1 + 0.2, "E04": 1e300}))
    assert ledger.verify().ok


def test_a_redacted_file_is_gone_and_its_hash_stays(ledger: Ledger, raw: Path) -> None:
    what = returned({"E01": 210.0})
    receipt = submit(ledger, what)
    act = ledger.redact(receipt.return_id, reason="a name in a note", received=DAY)
    assert not raw_path(raw, what.sha256).exists()
    assert ledger.observations("tiny")["numerator"].tolist() == [210.0]
    assert ledger.holds(what.sha256) and ledger.verify([receipt, act]).ok
    submit(ledger, returned({"E01": 211.0}), days=1)
    with pytest.raises(LedgerError, match=r"redacted on 2026-07-01 \(a name in a note\)"):
        submit(ledger, what, days=2)
    assert not raw_path(raw, what.sha256).exists()
    raw_path(raw, what.sha256).write_bytes(b"back again")
    assert "redact it again" in ledger.verify().broken[0].what
    assert ledger.redact(receipt.return_id, reason="again", received=DAY) == act
    assert ledger.verify().ok


def test_a_ledger_of_the_first_version_goes_on(tmp_path: Path) -> None:
    """Its receipts stay comparable, and what is accepted now binds more."""
    database, raw = tmp_path / "ledger.sqlite", tmp_path / "raw"
    old = _first_version(database, raw)
    with Ledger.open(database, raw) as ledger:
        assert ledger.receipts() == [old] and old.chain_version == 1
        new = submit(ledger, returned({"E01": 215.0}), days=1)
        assert new.chain_version == 3 and new.previous_hash == old.chain_hash
        assert ledger.verify([old, new]).ok
        differs = Receipt.from_dict(old.as_dict() | {"changes": ["other"]})
        assert not ledger.verify([differs]).ok
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    connection.close()
    with pytest.raises(LedgerError, match="from_the_future"):
        Ledger.open(database, raw)


def _first_version(database: Path, raw: Path) -> Receipt:
    from alembic import command
    from alembic.config import Config

    import evaluation.ledger.engine as migrate
    from evaluation.ledger import store
    from evaluation.ledger.engine import make_engine, transaction

    config = Config()
    folder = Path(migrate.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    engine, what = make_engine(database), returned({"E01": 210.0})
    facts = {"previous_hash": FIRST, "content_hash": what.content_hash, "programme": "tiny"}
    facts |= {"quarter": "2026 Q2", "received": "2026-07-01T09:30:00.000000Z"}
    chain = chain_hash(file_sha256=what.sha256, submitter=("S01", "nhs"), **facts)
    with transaction(engine, write=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "first_schema")
        connection.exec_driver_sql("DROP TABLE alembic_version")
        stored = facts | {"seq": 1, "return_id": chain[:12], "site": "S01", "agency": "nhs"}
        stored |= {"rows": 1, "file_sha256": what.sha256, "chain_hash": chain}
        stored |= {"changes": '["First."]', "synthetic_clock": 0}
        names = ", ".join(stored)
        marks = ", ".join(f":{name}" for name in stored)
        connection.execute(sa.text(f"INSERT INTO returns ({names}) VALUES ({marks})"), stored)
        connection.exec_driver_sql(
            "INSERT INTO observations VALUES"
            " ('tiny', 'ae_attendances', 'E01', '2026 Q2', 0, 1, 210.0, 5000.0, '', '')"
        )
    engine.dispose()
    store.keep(raw, repr(sorted({"E01": 210.0}.items())).encode())
    told = {"agency": "nhs", "site": "S01", "rows": 1, "changes": ["First."], "confirmations": []}
    told |= {"return_id": chain[:12], "chain_hash": chain, "synthetic_clock": False}
    return Receipt.from_dict(facts | told)


def test_receipts_are_read_from_their_files_and_from_what_submit_prints(
    ledger: Ledger, tmp_path: Path
) -> None:
    receipt = submit(ledger, returned({"E01": 210.0}))
    act = ledger.withdraw(receipt.return_id, reason="sent in error", received=DAY)
    path = tmp_path / "receipt.json"
    for content in (receipt.as_dict(), {"accepted": True, "receipt": receipt.as_dict()}):
        path.write_text(json.dumps(content))
        assert read_receipt(path) == receipt
    path.write_text(json.dumps(act.as_dict()))
    read = read_receipt(path)
    assert isinstance(read, Act) and read == act
    for content in ("[]", "{", '{"receipt": 1}', '{"act_id": 1}'):
        path.write_text(content)
        with pytest.raises(LedgerError, match="this is no re"):
            read_receipt(path)
    with pytest.raises(LedgerError, match="cannot be read"):
        read_receipt(tmp_path / "nowhere.json")


def test_a_withdrawn_return_is_out_from_its_instant_on(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 210.0, "E02": 9.0}))
    wrong = submit(ledger, returned({"E01": 900.0, "E03": 4.0}), days=1)
    later = DAY + timedelta(days=5)
    act = ledger.withdraw(wrong.return_id, reason="the wrong ward", received=later)
    assert act.previous_hash == wrong.chain_hash and act.kind == "withdrawal"
    assert ledger.acts() == [act]
    before = ledger.observations("tiny", as_of=later - timedelta(microseconds=1))
    assert before["numerator"].tolist() == [900.0, 9.0, 4.0]
    assert ledger.observations("tiny", as_of=later)["numerator"].tolist() == [210.0, 9.0]
    changed = ledger.diff("tiny", DAY + timedelta(days=2), later)
    assert [(one["kind"], one["area_code"]) for one in changed] == [
        ("revised", "E01"),
        ("withdrawn", "E03"),
    ]
    assert {one["reason"] for one in changed} == {
        f"return {wrong.return_id} withdrawn: the wrong ward"
    }
    again = submit(ledger, returned({"E01": 900.0, "E03": 4.0}), days=6)
    assert not again.already_held and again.previous_hash == act.chain_hash
    assert again.changes[0] == "1 of 2 figures of S01 nhs for 2026 Q2 changed, 1 new."
    frame = ledger.observations("tiny")
    assert frame["revision"].tolist() == [2, 0, 1] and ledger.verify([wrong, act, again]).ok


def test_what_was_withdrawn_is_neither_held_nor_compared_with(ledger: Ledger) -> None:
    receipt = submit(ledger, returned({"E01": 210.0}))
    first = ledger.withdraw(receipt.return_id, reason="sent in error", received=DAY)
    assert ledger.withdraw(receipt.return_id, reason="twice", received=DAY) == first
    assert ledger.last_accepted("tiny", "S01", "nhs", Q3) == {}
    assert ledger.observations("tiny").empty
    with pytest.raises(LedgerError, match="no return of that id"):
        ledger.withdraw("abcdef012345", reason="sent in error", received=DAY)
    with pytest.raises(LedgerError, match="needs a reason"):
        ledger.withdraw(receipt.return_id, reason=" ", received=DAY)


def test_a_lock_and_an_edition_vouch_for_the_ledger(
    ledger: Ledger, database: Path | str, raw: Path, tmp_path: Path
) -> None:
    assert ledger.head() == LedgerHead(returns=0, chain=FIRST)
    first = submit(ledger, returned({"E01": 210.0}), repeatable=True)
    lock = tmp_path / "study" / "protocol.lock"
    lock.parent.mkdir()
    lock.write_text(json.dumps({"protocol": "x", "ledger_head": ledger.head().as_dict()}))
    second = submit(ledger, returned({"E01": 211.0}), days=1)
    act = ledger.withdraw(second.return_id, reason="wrong", received=DAY)
    assert ledger.head() == LedgerHead(returns=2, chain=act.chain_hash)
    edition = tmp_path / "editions" / "2026-Q3"
    edition.mkdir(parents=True)
    (edition / "manifest.json").write_text(json.dumps({"ledger_head": ledger.head().as_dict()}))
    (edition / "figures.json").write_text("[1, 2]")
    (edition / "notes.json").write_text('{"claim": 1}')
    (edition / "receipt.json").write_text(json.dumps(first.as_dict()))
    (edition / "broken.json").write_text("{")
    kept = [*read_witnesses(lock), *read_witnesses(edition)]
    assert len(kept) == 3 and ledger.verify(kept).ok
    with Ledger.open(tmp_path / "other.sqlite", tmp_path / "other") as other:
        submit(other, returned({"E01": 210.0}), repeatable=True)
        told = other.verify(kept).broken  # the same beginning: its lock holds, the edition does not
        assert [one.return_id for one in told] == [act.act_id]
        assert "manifest.json" in told[0].what and "cut short" in told[0].what
    wrong = LedgerHead(returns=7, chain=first.chain_hash, where="protocol.lock")
    (told_of,) = ledger.verify([wrong]).broken
    assert "says that there were 7 returns then; there were 1" in told_of.what


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        "{}",
        '{"study": 1}',
        '{"ledger_head": 1}',
        '{"ledger_head": {"returns": 1}}',
        '{"ledger_head": {"returns": true, "chain": "' + "0" * 64 + '"}}',
        '{"ledger_head": {"returns": 1, "chain": "abc"}}',
    ],
)
def test_a_file_that_vouches_for_nothing_is_a_sentence(content: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(content)
    with pytest.raises(LedgerError) as told:
        read_witnesses(path)
    assert "ledger_head" in told.value.expected and str(path) in told.value.where


def test_a_folder_without_any_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"study": 1}')
    with pytest.raises(LedgerError, match="no file in this folder vouches"):
        read_witnesses(tmp_path)
    with pytest.raises(LedgerError, match="cannot be read"):
        read_witnesses(tmp_path / "nowhere.lock")
    (tmp_path / "b.json").write_text('{"ledger_head": 1}')
    with pytest.raises(LedgerError, match="ledger_head cannot be read"):
        read_witnesses(tmp_path)
