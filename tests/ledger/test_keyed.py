"""Nothing that may be seen outside binds figures in a hash that could be tried."""

from __future__ import annotations

import itertools
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.ledger import keyed
from evaluation.ledger.backup import back_up, restore
from evaluation.ledger.engine import transaction
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import Receipt
from evaluation.ledger.schema import nonces
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart
from tests.ledger.returns_at_hand import DAY, returned, submit


def public(ledger: Ledger) -> str:
    """Everything that the ledger lists or lends to documents that may be published."""
    heads = {one.chain_hash: one.head for one in ledger.receipts()}
    heads |= {one.chain_hash: one.head for one in ledger.acts()}
    listed = [one.as_listed(heads) for one in ledger.receipts()]
    return json.dumps([listed, ledger.head().as_dict()])


def hashes_of(content: Any) -> set[str]:
    """Every text of 64 hexadecimal digits in it."""
    text = json.dumps(content)
    return {word for word in text.replace('"', " ").replace(",", " ").split() if len(word) == 64}


def test_a_receipt_has_a_nonce_of_its_own_and_the_list_has_none(ledger: Ledger) -> None:
    one = submit(ledger, returned({"E01": 3.0}))
    other = submit(ledger, returned({"E01": 3.0}, site="S02"))
    assert len({one.nonce, other.nonce, one.keyed_hash, other.keyed_hash}) == 4
    assert all(len(bytes.fromhex(text)) == 32 for text in (one.nonce, one.keyed_hash))
    assert one.chain_version == 3
    seen = public(ledger)
    assert one.keyed_hash in seen
    for hidden in (one.nonce, one.content_hash, other.nonce, other.content_hash):
        assert hidden not in seen


def test_counts_cannot_be_tried_against_what_is_listed(ledger: Ledger) -> None:
    """The attack that found three unknown counts in nine seconds; here with two, and the truth."""
    what = returned({"E01": 3.0, "E02": 1.0})
    receipt = submit(ledger, what, repeatable=False)
    seen = hashes_of(json.loads(public(ledger)))
    tried = [
        returned({"E01": float(a), "E02": float(b)})
        for a, b in itertools.product(range(8), repeat=2)
    ]
    found = set()
    for one in tried:
        guesses = {one.content_hash, one.sha256}
        # With all of the receipt that is listed, and a nonce of zeros in place of the secret.
        guesses.add(
            keyed.keyed_hash(
                "0" * 64,
                content_hash=one.content_hash,
                file_sha256=one.sha256,
                changes=receipt.changes,
                confirmations=(),
            )
        )
        found |= guesses & seen
    assert found == set()
    assert receipt.keyed_hash == keyed.keyed_hash(
        receipt.nonce,
        content_hash=what.content_hash,
        file_sha256=what.sha256,
        changes=receipt.changes,
        confirmations=(),
    ), "who holds the receipt can show it"


def test_a_redaction_destroys_the_nonce_and_the_chain_still_holds(
    ledger: Ledger, database: Path | str
) -> None:
    receipt = submit(ledger, returned({"E01": 3.0}))
    with transaction(ledger.engine, write=True) as connection:
        seq = connection.execute(sa.select(nonces.c.seq)).scalar_one()
    with (
        pytest.raises(LedgerError, match="append-only"),
        transaction(ledger.engine, write=True) as connection,
    ):
        keyed.destroy(connection, seq)
    ledger.redact(receipt.return_id, reason="a name in a note", received=DAY)
    (now,) = ledger.receipts()
    assert now.nonce == "" and now.keyed_hash == receipt.keyed_hash
    assert ledger.verify([receipt, now]).ok, "the submitter's receipt and the workspace's"
    if not isinstance(database, str):
        for file in Path(database).parent.glob("ledger.sqlite*"):
            assert receipt.nonce.encode() not in file.read_bytes(), file


def test_a_nonce_that_is_gone_without_a_redaction_is_noticed(tmp_path: Path) -> None:
    database = tmp_path / "ledger.sqlite"
    with Ledger.open(database, tmp_path / "raw") as ledger:
        receipt = submit(ledger, returned({"E01": 3.0}))
    connection = sqlite3.connect(database)
    connection.execute("DROP TRIGGER nonces_no_delete")
    connection.execute("DELETE FROM nonces")
    connection.commit()
    connection.close()
    with Ledger.open(database, tmp_path / "raw") as ledger:
        assert ledger.verify().broken[0].what == "its nonce is missing, and it was not redacted."
        assert not ledger.verify([receipt]).broken[1:]


def of_before(database: Path) -> None:
    """Make a ledger one of version 0.1.0: no keyed hashes, and records chained bare."""
    from evaluation.ledger.receipt import ReceiptDetails, chain_hash

    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        if row["name"].startswith(("returns", "nonces", "seals")):
            connection.execute(f"DROP TRIGGER {row['name']}")
    (row,) = connection.execute("SELECT * FROM returns").fetchall()
    chain = chain_hash(
        previous_hash=row["previous_hash"],
        content_hash=row["content_hash"],
        file_sha256=row["file_sha256"],
        programme=row["programme"],
        submitter=(row["site"], row["agency"]),
        quarter=row["quarter"],
        received=row["received"],
        details=ReceiptDetails(
            rows=row["rows"],
            changes=tuple(json.loads(row["changes"])),
            confirmations=(),
            synthetic_clock=False,
        ),
    )
    connection.execute(
        "UPDATE returns SET chain_version = 2, chain_hash = ?, return_id = ?", (chain, chain[:12])
    )
    connection.execute("ALTER TABLE returns DROP COLUMN keyed_hash")
    for column in ("keyed_hash", "chain_version"):
        connection.execute(f"ALTER TABLE acts DROP COLUMN {column}")
    for table in ("nonces", "seals"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("UPDATE alembic_version SET version_num = 'figures_of_samples'")
    connection.commit()
    connection.close()


def test_a_ledger_of_before_goes_on_and_shows_no_bare_hash(tmp_path: Path) -> None:
    database, raw = tmp_path / "ledger.sqlite", tmp_path / "raw"
    with Ledger.open(database, raw) as ledger:
        submit(ledger, returned({"E01": 3.0}))
    of_before(database)
    with Ledger.open(database, raw) as ledger:
        (old,) = ledger.receipts()
        assert old.chain_version == 2 and old.keyed_hash == "" and ledger.verify().ok
        assert old.chain_hash not in public(ledger), "nor as the head of the chain"
        early = replace(ledger.head(), where="protocol.lock")
        kept = Receipt.from_dict(
            {k: v for k, v in old.as_dict().items() if k not in ("keyed_hash", "nonce")}
        )
        new = submit(ledger, returned({"E01": 4.0}), days=1)
        assert new.previous_hash == old.chain_hash
        assert old.chain_hash not in public(ledger), "nor as what the next one follows"
        listed = json.loads(public(ledger))[0]
        assert listed[1]["previous_hash"] == listed[0]["chain_hash"], "one chain all the same"
        act = ledger.withdraw(old.return_id, reason="wrong", received=DAY)
        bare = replace(early, chain=old.chain_hash)
        assert ledger.verify([kept, old, new, act, early, bare]).ok
        back_up(ledger, tmp_path / "copy")
    with Ledger.open(tmp_path / "other.sqlite", tmp_path / "other") as other:
        restore(other, tmp_path / "copy")
        assert other.verify([kept, new, act, early]).ok


def test_the_salt_of_a_programme_is_kept_with_its_chain(ledger: Ledger) -> None:
    submit(ledger, returned({"E01": 3.0}))
    salt = ledger.salt("tiny")
    submit(ledger, returned({"E01": 4.0}), days=1)
    submit(ledger, returned({"E01": 4.0}, programme="other"), days=2)
    assert ledger.salt("tiny") == salt != ledger.salt("other")


def test_a_secret_is_read_as_it_was_written() -> None:
    with pytest.raises(ValueError, match="lower-case"):
        fingerprint.hash_under("AB" * 32, "x")


def test_the_list_at_the_command_line(tiny_workspace: Workspace) -> None:
    with Ledger.open(tiny_workspace.database, tiny_workspace.raw) as ledger:
        receipt = submit(ledger, returned({"E01": 3.0}))
    (seen,) = json.loads(newstart(tiny_workspace.root, "ledger", "log", "--json"))
    assert seen["keyed_hash"] == receipt.keyed_hash
    assert "nonce" not in seen and "content_hash" not in seen
    (inside,) = json.loads(newstart(tiny_workspace.root, "ledger", "log", "--json", "--inside"))
    assert (inside["nonce"], inside["content_hash"]) == (receipt.nonce, receipt.content_hash)
