"""The learning log stands in the ledger's chain: what was expected cannot be changed afterwards."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from evaluation.errors import LedgerError
from evaluation.ledger.backup import back_up, restore
from evaluation.ledger.learning_log import (
    Entry,
    LogEntry,
    PublishedQuarter,
    changes_inside,
    late,
    shown,
    ticks,
)
from evaluation.ledger.ledger import Ledger
from evaluation.quarters import Period
from tests.ledger.returns_at_hand import DAY, returned, submit

CHANGE = Entry(
    programme="tiny",
    site="S01",
    kind="change",
    what="letters are followed by a call",
    why="half of the letters were not answered",
    expects="ae_attendances",
    by_when="2027 Q1",
)


def note(ledger: Ledger, entry: Entry = CHANGE, days: int = 0) -> LogEntry:
    return ledger.note(entry, received=DAY + timedelta(days=days), by="Ada")


def filled(ledger: Ledger) -> list[LogEntry]:
    """A return, an entry, a return, an entry."""
    submit(ledger, returned({"E01": 210.0}))
    first = note(ledger, days=1)
    submit(ledger, returned({"E01": 211.0}), days=2)
    last = note(ledger, replace(CHANGE, kind="outcome", about=first.entry_id), days=3)
    return [first, last]


def test_entries_and_returns_are_one_chain(ledger: Ledger) -> None:
    first, last = filled(ledger)
    receipts = ledger.receipts()
    assert first.previous_hash == receipts[0].chain_hash
    assert receipts[1].previous_hash == first.chain_hash
    assert last.previous_hash == receipts[1].chain_hash == ledger.receipts()[-1].chain_hash
    assert ledger.head().chain == last.chain_hash
    assert ledger.verify([*receipts, ledger.head()]).ok
    assert ledger.entries("tiny") == [first, last] and ledger.entries("other") == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("content", "earlier wording"),
        ("received", "2025-01-01T00:00:00.000000Z"),
        ("by", "Somebody else"),
        ("programme", "other"),
        ("synthetic_clock", 1),
        ("entry_id", "0" * 12),
        ("content", "no JSON"),
    ],
)
def test_a_change_of_an_entry_is_found(tmp_path: Path, column: str, value: Any) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path, tmp_path / "raw") as ledger:
        first, _ = filled(ledger)
        if value == "earlier wording":
            stored = json.loads(_content(path, first.entry_id))
            value = json.dumps(stored | {"expects": "crisis_contacts"}, sort_keys=True)
        _by_force(path, f'UPDATE log_entries SET "{column}" = ? WHERE entry_id = ?', value, first)
        broken = ledger.verify().broken
        if value == "no JSON":
            with pytest.raises(LedgerError, match="cannot be read"):
                ledger.entries()
    assert broken
    assert column == "entry_id" or any(one.return_id == first.entry_id for one in broken)


def test_an_entry_taken_out_or_put_in_before_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path, tmp_path / "raw") as ledger:
        first, _ = filled(ledger)
        _by_force(path, "DELETE FROM log_entries WHERE ? <> '' AND entry_id = ?", "x", first)
        assert not ledger.verify().ok
    other = tmp_path / "cut"
    other.mkdir()
    with Ledger.open(other / "ledger.sqlite", other / "raw") as ledger:
        _, last = filled(ledger)
        head = ledger.head()
        _by_force(
            other / "ledger.sqlite",
            "DELETE FROM log_entries WHERE ? <> '' AND entry_id = ?",
            "x",
            last,
        )
        # The end cut off leaves a whole chain: only what was kept elsewhere tells it.
        assert ledger.verify().ok and not ledger.verify([head]).ok


def _content(path: Path, entry_id: str) -> str:
    with closing(sqlite3.connect(path)) as connection, connection:
        query = "SELECT content FROM log_entries WHERE entry_id = ?"
        found = connection.execute(query, (entry_id,)).fetchone()[0]
    connection.close()
    return str(found)


def _by_force(path: Path, statement: str, value: Any, entry: LogEntry) -> None:
    """As somebody would who may write to the file: the triggers go first."""
    connection = sqlite3.connect(path)
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    for (name,) in connection.execute(triggers).fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement, (value, entry.entry_id))
    connection.commit()
    connection.close()


def test_the_database_refuses_a_change(ledger: Ledger) -> None:
    filled(ledger)
    for statement in ("UPDATE log_entries SET content = ''", "DELETE FROM log_entries"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), ledger.engine.begin() as held:
            held.exec_driver_sql(statement)


def test_a_backup_holds_the_log(ledger: Ledger, tmp_path: Path) -> None:
    held = filled(ledger)
    back_up(ledger, tmp_path / "kept")
    with Ledger.open(tmp_path / "again.sqlite", tmp_path / "again") as other:
        restore(other, tmp_path / "kept")
        assert other.entries() == held and other.verify(ledger.receipts()).ok


def test_the_same_entry_again_adds_nothing(ledger: Ledger) -> None:
    assert note(ledger) == note(ledger)
    assert len(ledger.entries()) == 1
    # In another week it is something that happened again.
    assert note(ledger, days=7).entry_id != ledger.entries()[0].entry_id


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"what": " "}, "needs its what"),
        ({"why": ""}, "needs its why"),
        ({"kind": "rumour"}, "no kind of entry"),
        ({"kind": "outcome"}, "names the entry"),
        ({"about": "123456789abc"}, "no entry '123456789abc'"),
    ],
)
def test_what_is_no_entry_is_refused(ledger: Ledger, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        note(ledger, replace(CHANGE, **fields))
    assert not ledger.entries()


PUBLISHED = [PublishedQuarter(quarter="2026 Q2", published="2026-08-01T00:00:00.000000Z")]


@pytest.mark.parametrize(
    ("fields", "days", "is_late"),
    [
        # Explained after its figure was published, and before.
        ({"kind": "explanation"}, 40, True),
        ({"kind": "explanation"}, 10, False),
        ({"kind": "explanation", "period": "2026 Q2"}, 40, True),
        # The edition shows nothing of the quarter that is explained.
        ({"kind": "explanation", "period": "2026 Q3"}, 40, False),
        # A change dated back past what was published; one of now.
        ({"period": "2026 Q1"}, 40, True),
        ({"period": "2026 Q3"}, 40, False),
        ({}, 40, False),
        # Expected by a quarter that was over.
        ({"by_when": "2026 Q2"}, 40, True),
        ({"by_when": "2026 Q3"}, 40, False),
        ({"by_when": "2026"}, 40, False),
        ({"by_when": "2026-07"}, 40, True),
        ({"by_when": "2026-08"}, 40, False),
        ({"kind": "explanation", "period": "2026-05"}, 40, True),
        ({"kind": "explanation", "period": "2026-07"}, 40, False),
    ],
)
def test_what_was_written_afterwards_is_labelled(
    ledger: Ledger, fields: dict[str, Any], days: int, is_late: bool
) -> None:
    held = note(ledger, replace(CHANGE, **fields), days=days)
    assert bool(late(held, PUBLISHED)) is is_late
    assert bool(shown([held], PUBLISHED)[0].late) is is_late


def test_what_came_of_it_stands_with_the_entry(ledger: Ledger) -> None:
    first, last = filled(ledger)
    assert shown(ledger.entries(), [])[0].outcomes == (last,)
    assert shown(ledger.entries(), [])[0].as_dict()["what_came_of_it"][0]["entry_id"] == (
        last.entry_id
    )
    assert first.entry.by_when == "2027 Q1"


def test_changes_are_ticks_and_those_inside_the_window_are_named(ledger: Ledger) -> None:
    held = [note(ledger), note(ledger, replace(CHANGE, site="", period="2026 Q4", what="all"))]
    note(ledger, replace(CHANGE, site="S02"))
    assert [one["period"] for one in ticks(ledger.entries(), "S01")] == ["2026 Q3", "2026 Q4"]
    start = Period.parse("2026 Q1")
    assert changes_inside(ledger.entries(), "S01", start, (0, 7)) == held
    assert changes_inside(ledger.entries(), "S01", start, (0, 1)) == []
    monthly = note(ledger, replace(CHANGE, period="2026-05", what="in May"))
    assert changes_inside(ledger.entries(), "S01", start, (0, 1)) == [monthly]
