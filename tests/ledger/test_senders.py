"""Who sent a return stands in the chain; who may is asked where the programme names people."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evaluation.errors import NotPermitted
from evaluation.ledger.backup import back_up, restore
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import Receipt
from evaluation.ledger.submission import permit
from evaluation.programme import Programme
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart, told
from tests.ledger.returns_at_hand import DAY, returned, submit

PEOPLE = """
people:
  - {name: Ada, roles: [submitter], sites: [S01], agencies: [nhs]}
  - {name: collector, roles: [submitter], sites: [OPEN]}
  - {name: Brunel, roles: [evaluator, publisher]}
"""


def test_a_sender_is_on_the_receipt_and_in_the_chain(ledger: Ledger) -> None:
    named = submit(ledger, returned({"E01": 210.0}), by=" Ada ")
    act = ledger.withdraw(named.return_id, reason="the wrong ward", received=DAY, by="Brunel")
    assert (named.by, act.by) == ("Ada", "Brunel") and named.as_dict()["by"] == "Ada"
    assert Receipt.from_dict(named.as_dict()) == named
    assert ledger.verify([named, act]).ok
    for other in ({"by": ""}, {"by": "Eve"}):
        assert not ledger.verify([Receipt.from_dict(named.as_dict() | other)]).ok


@pytest.mark.parametrize(("before", "after"), [("Ada", "Eve"), ("Ada", ""), ("", "Eve")])
def test_a_name_changed_taken_out_or_put_in_breaks_the_chain(
    tmp_path: Path, before: str, after: str
) -> None:
    database, raw = tmp_path / "ledger.sqlite", tmp_path / "raw"
    with Ledger.open(database, raw) as ledger:
        submit(ledger, returned({"E01": 210.0}), by=before)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TRIGGER returns_no_update")
        connection.execute('UPDATE returns SET "by" = ?', (after,))
    connection.close()
    with Ledger.open(database, raw) as ledger:
        assert not ledger.verify().ok


def test_a_ledger_of_before_there_were_names_goes_on(tmp_path: Path) -> None:
    database, raw = tmp_path / "ledger.sqlite", tmp_path / "raw"
    with Ledger.open(database, raw) as ledger:
        kept = submit(ledger, returned({"E01": 210.0})).as_dict()
        back_up(ledger, tmp_path / "copy")
    del kept["by"], kept["history"]
    with closing(sqlite3.connect(database)) as connection, connection:
        # The guards name columns of today, and stand anew when the ledger is opened.
        guards = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (guard,) in guards.fetchall():
            connection.execute(f"DROP TRIGGER {guard}")
        for table in ("returns", "acts"):
            connection.execute(f'ALTER TABLE {table} DROP COLUMN "by"')
        # What later steps added is not there either.
        connection.execute("ALTER TABLE returns DROP COLUMN history")
        connection.execute("DROP TABLE log_entries")
        for column in ("scope", "by", "area_code", "outcome"):
            connection.execute(f'ALTER TABLE confirmations DROP COLUMN "{column}"')
        for column in ("se", "respondents"):
            connection.execute(f"ALTER TABLE observations DROP COLUMN {column}")
        connection.execute("UPDATE alembic_version SET version_num = 'acts_and_chain_version'")
    connection.close()
    with Ledger.open(database, raw) as ledger:
        old = Receipt.from_dict(kept)
        assert ledger.receipts() == [old] and old.by == ""
        new = submit(ledger, returned({"E01": 215.0}), days=1, by="Ada")
        assert new.previous_hash == old.chain_hash and ledger.verify([old, new]).ok
    with Ledger.open(tmp_path / "other.sqlite", tmp_path / "other") as ledger:
        restore(ledger, tmp_path / "copy")
        assert ledger.receipts() == [old]


def declared(workspace: Workspace, people: str) -> Programme:
    path = workspace.studies / "tiny" / "programme.yaml"
    path.write_text(path.read_text("utf-8") + people, "utf-8")
    return Programme.load(workspace, "tiny")


def test_who_may_send_withdraw_and_redact(tiny_workspace: Workspace, tiny: Programme) -> None:
    permit(tiny, "", "S01", "nhs")  # nobody is named, so anybody may
    tiny = declared(tiny_workspace, PEOPLE)
    permit(tiny, "Ada", "S01", "nhs")
    permit(tiny, "collector", "OPEN", "dwp_open")
    permit(tiny, "Ada", "S01", "nhs", "withdrawal")
    permit(tiny, "Brunel", "S01", "nhs", "redaction")
    for by, site, agency in (
        ("", "S01", "nhs"),
        ("Ada", "S01", "council"),
        ("Ada", "S02", "nhs"),
        ("Brunel", "S01", "nhs"),
        ("Eve", "S01", "nhs"),
        ("collector", "S01", "nhs"),
    ):
        with pytest.raises(NotPermitted):
            permit(tiny, by, site, agency)
    for by in ("", "collector", "Eve"):
        with pytest.raises(NotPermitted, match="withdrawal"):
            permit(tiny, by, "S01", "nhs", "withdrawal")


def test_at_the_command_line(tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tiny_workspace.root
    monkeypatch.setenv("NEWSTART_NOW", "2026-10-20")
    declared(tiny_workspace, PEOPLE)
    path = root / "S01_nhs_2026-Q3.csv"
    rows = [f"E0{k},Area,2026 Q3,{o},30,5000,," for k in (1, 2) for o in ("ae_attendances", "x")]
    header = "area_code,area_name,quarter,outcome,numerator,denominator,status,note"
    text = "\n".join([header, *rows]).replace(",x,", ",crisis_contacts,")
    path.write_text(text.replace("E01,Area", "E01,").replace("E02,Area", "E02,"), "utf-8")
    named = ("--programme", "tiny")
    code, _, err = told(root, *named, "submit", str(path))
    assert code == 2 and "--by Ada" in err
    code, _, err = told(root, *named, "submit", str(path), "--by", "Eve")
    assert code == 2 and "Eve may not send" in err
    sent = newstart(root, *named, "submit", str(path), "--by", "Ada", "--json")
    receipt = json.loads(sent)["receipt"]
    assert receipt["by"] == "Ada"
    gone = ("ledger", "withdraw", receipt["return_id"], "--reason", "the wrong ward")
    assert told(root, *named, *gone, "--by", "Eve")[0] == 2
    assert "Brunel" in newstart(root, *named, *gone, "--by", "Brunel")
    assert "Ada" in newstart(root, *named, "ledger", "log")
    assert newstart(root, *named, "ledger", "verify") == ""
