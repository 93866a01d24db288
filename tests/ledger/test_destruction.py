"""What was destroyed is nowhere: not in the tables, the files, the log, or a back-up restored."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from benchmarks.postgres import Cluster
from evaluation.check.report import Confirmation
from evaluation.errors import LedgerError
from evaluation.ledger.backup import back_up, restore
from evaluation.ledger.data_keys import VARIABLE, DataKeys, KeyMissing, seal, unseal
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.store import raw_path
from evaluation.ledger.submission import keep_receipt
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart
from tests.ledger.returns_at_hand import DAY, Q3, returned, submit

SECRET, OTHER, NOTED = 730_193.0, 2_604_881.0, "Marigold ward closed"
REASONS = [Confirmation(rule="R060", cell="E2", reason=NOTED, value=f"{SECRET:.0f}")]
WHY = "the agreement ended"


def nhs(outcome: str, area: str) -> bool:
    return outcome == "ae_attendances"


def fill(ledger: Ledger) -> list[str]:
    """Two returns to be destroyed, the later one quoting the earlier, and one that stays."""
    one = submit(ledger, returned({"E01": SECRET}), confirmations=REASONS)
    two = submit(ledger, returned({"E01": SECRET + 1}), days=1)
    assert any(f"{SECRET:,.0f}" in line for line in two.changes)
    kept = replace(returned({"E03": OTHER}, Q3), agency="council")
    rows = tuple(replace(row, outcome="arrears") for row in kept.rows)
    submit(ledger, replace(kept, rows=rows), days=2)
    return [one.return_id, two.return_id]


def found_in(folder: Path) -> list[str]:
    """Files below a folder that hold a destroyed figure in any form in which one is written."""
    import struct

    forms = [NOTED.encode()]
    for number in (SECRET, SECRET + 1):
        forms += [f"{number:.0f}".encode(), f"{number:,.0f}".encode()]
        forms += [struct.pack(order, number) for order in ("<d", ">d")]
    held = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            # Compressed: read as what it holds.
            content += repr(pq.read_table(path).to_pylist()).encode()
        if any(form in content for form in forms):
            held.append(path.name)
    return held


def destroy(ledger: Ledger) -> None:
    assert ledger.destroy("tiny", nhs, reason=WHY, received=DAY, by="Per")
    assert ledger.compact()


def test_what_is_destroyed_is_in_no_file_and_the_chain_holds(
    ledger: Ledger, database: Path | str, raw: Path, tmp_path: Path
) -> None:
    ids = fill(ledger)
    receipts = ledger.receipts()
    sealed = raw.parent
    assert [one for one in found_in(sealed) if one.startswith("ledger.sqlite")] or (
        isinstance(database, str)
    )
    destroy(ledger)
    assert found_in(sealed) == []
    told = ledger.verify(receipts)
    assert told.ok and told.destroyed == tuple(ids), told.broken
    known = ledger.observations("tiny")
    assert known["numerator"].tolist() == [OTHER]
    assert [one.changes for one in ledger.receipts()[:2]] == [(), ()]
    assert ledger.destroy("tiny", nhs, reason=WHY, received=DAY) == []
    again = submit(ledger, returned({"E01": 12.0}), days=9)
    assert ledger.verify([*receipts, again]).ok


def test_a_back_up_of_before_gives_no_figure_after_the_destruction(
    ledger: Ledger, tmp_path: Path
) -> None:
    fill(ledger)
    back_up(ledger, tmp_path / "backup")
    assert found_in(tmp_path / "backup") == [], "sealed before anything is destroyed"
    salt = ledger.salt("tiny")
    destroy(ledger)
    assert found_in(tmp_path / "backup.keys") == []
    with Ledger.open(tmp_path / "new" / "l.sqlite", tmp_path / "new" / "raw") as other:
        restore(other, tmp_path / "backup")
        assert other.compact()
        assert other.observations("tiny")["numerator"].tolist() == [OTHER]
        assert other.verify().ok and len(other.verify().destroyed) == 2
        assert other.salt("tiny") == salt, "hashes that left stay the programme's"
        assert WHY in other.acts()[-1].reason
    assert found_in(tmp_path / "new") == []


def test_figures_that_the_agreement_does_not_cover_stay(ledger: Ledger, tmp_path: Path) -> None:
    mixed = returned({"E01": SECRET, "E02": OTHER})
    submit(ledger, mixed)
    back_up(ledger, tmp_path / "before")

    def covers(outcome: str, area: str) -> bool:
        return area == "E01"

    ledger.destroy("tiny", covers, reason=WHY, received=DAY)
    assert ledger.observations("tiny")["numerator"].tolist() == [OTHER]
    assert ledger.verify().ok
    back_up(ledger, tmp_path / "after")
    for name, left in (("before", []), ("after", [OTHER])):
        with Ledger.open(tmp_path / name / "new.sqlite", tmp_path / name / "new") as other:
            restore(other, tmp_path / name)
            assert other.observations("tiny")["numerator"].tolist() == left
            assert other.verify().ok
    ledger.destroy("tiny", nhs, reason=WHY, received=DAY)
    assert ledger.verify().ok and ledger.observations("tiny").empty
    shutil.rmtree(tmp_path / "after" / "keys", ignore_errors=True)
    with Ledger.open(tmp_path / "last" / "l.sqlite", tmp_path / "last" / "raw") as other:
        restore(other, tmp_path / "after")
        assert other.observations("tiny").empty, "the second key went too"


def test_what_remains_cannot_be_changed_unnoticed(tmp_path: Path) -> None:
    database = tmp_path / "ledger.sqlite"
    with Ledger.open(database, tmp_path / "raw") as ledger:
        fill(ledger)
        destroy(ledger)
    connection = sqlite3.connect(database)
    for statement in (
        "UPDATE returns SET changes = '[\"x\"]' WHERE seq = 1",
        "UPDATE returns SET site = 'S09' WHERE seq = 1",
        "UPDATE returns SET changes = '[]' WHERE seq = 3",
        "DELETE FROM observations",
        "DELETE FROM seals",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.execute("DROP TRIGGER returns_no_update")
    connection.execute("UPDATE returns SET site = 'S09' WHERE seq = 1")
    connection.commit()
    connection.close()
    with Ledger.open(database, tmp_path / "raw") as ledger:
        assert "what is left of it is not" in ledger.verify().broken[0].what


def test_a_figure_that_stayed_cannot_be_changed_unnoticed(tmp_path: Path) -> None:
    """Its return cannot be proved by its own hash any more: what is left of it is bound anew."""
    database = tmp_path / "ledger.sqlite"
    with Ledger.open(database, tmp_path / "raw") as ledger:
        submit(ledger, returned({"E01": SECRET, "E02": OTHER}))
        ledger.destroy("tiny", lambda _, area: area == "E01", reason=WHY, received=DAY)
        assert ledger.verify().ok
    connection = sqlite3.connect(database)
    connection.execute("DROP TRIGGER observations_no_update")
    connection.execute("UPDATE observations SET numerator = numerator + 1")
    connection.commit()
    connection.close()
    with Ledger.open(database, tmp_path / "raw") as ledger:
        assert not ledger.verify().ok


def test_on_postgresql_the_programs_role_destroys_what_is_on_record_and_nothing_else(
    cluster: Cluster, raw: Path
) -> None:
    import psycopg
    import sqlalchemy as sa

    owned = cluster.new_database()
    name = sa.make_url(owned).database or ""
    cluster.run(f"CREATE ROLE app_{name} LOGIN")
    cluster.run(f"CREATE ROLE see_{name} LOGIN")
    with Ledger.open(owned, raw) as ledger:
        ledger.prepare(f"app_{name}", f"see_{name}")
    address = cluster.url(name, f"app_{name}")
    with Ledger.open(address, raw) as ledger:
        fill(ledger)
        with (
            psycopg.connect(address) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="append-only"),
        ):
            connection.execute("SELECT newstart_destroy(3, '[]', 'destroyed.x.')")
        ledger.destroy("tiny", nhs, reason=WHY, received=DAY)
        assert ledger.verify().ok
        assert not ledger.compact(), "the owner's to do, and it is said"
    with psycopg.connect(cluster.url(name, f"see_{name}")) as reader:
        assert reader.execute("SELECT count(*) FROM returns").fetchone() == (3,)
        for refused in ("SELECT * FROM nonces", "SELECT newstart_destroy(1, '[]', 'destroyed.x.')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(refused)
            reader.rollback()
    cluster.drop(owned)


def test_without_its_keys_a_back_up_says_what_was_lost(ledger: Ledger, tmp_path: Path) -> None:
    """The drill of a key's loss: nothing is restored unasked, then all but the figures."""
    fill(ledger)
    back_up(ledger, tmp_path / "backup")
    shutil.rmtree(tmp_path / "backup.keys")
    new = tmp_path / "new"
    with Ledger.open(new / "l.sqlite", new / "raw") as other:
        with pytest.raises(LedgerError, match="data keys of 3 of its returns") as told:
            restore(other, tmp_path / "backup")
        assert "--lost WHY" in str(told.value) and other.receipts() == []
        restore(other, tmp_path / "backup", lost="the safe burned", received=DAY, by="Per")
        assert other.verify(ledger.receipts()).ok and other.observations("tiny").empty
        assert "the safe burned" in other.acts()[-1].reason
        assert [one.return_id for one in other.receipts()] == [
            one.return_id for one in ledger.receipts()
        ]


def test_keys_that_are_named_lie_apart_and_are_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "safe"))
    with Ledger.open(tmp_path / "var" / "l.sqlite", tmp_path / "var" / "raw") as ledger:
        fill(ledger)
        back_up(ledger, tmp_path / "backup")
        assert not (tmp_path / "backup.keys").exists() and not (tmp_path / "var" / "keys").exists()
        keys = [path for path in (tmp_path / "safe").rglob("*") if path.is_file()]
        assert len(keys) == 3 and {path.stat().st_mode & 0o077 for path in keys} == {0}
    with Ledger.open(tmp_path / "n.sqlite", tmp_path / "n") as other:
        restore(other, tmp_path / "backup")
        assert other.verify().ok


def test_a_file_is_sealed_and_one_of_before_is_read_and_sealed(tmp_path: Path) -> None:
    raw, what = tmp_path / "raw", returned({"E01": SECRET})
    with Ledger.open(tmp_path / "l.sqlite", raw) as ledger:
        submit(ledger, what)
        path = raw_path(raw, what.sha256)
        assert found_in(raw) == []
        path.write_bytes(repr(sorted({"E01": SECRET}.items())).encode())
        assert ledger.verify().ok and found_in(raw)
        assert ledger.seal_files() == 1 and found_in(raw) == [] and ledger.verify().ok
        assert ledger.seal_files() == 0
        shutil.rmtree(tmp_path / "keys")
        assert "its data key is not here" in ledger.verify().broken[0].what


def test_what_is_sealed_for_one_return_opens_for_no_other(tmp_path: Path) -> None:
    keys = DataKeys(folder=tmp_path)
    content = seal(keys.make("a" * 12), "a" * 12, b"figures")
    assert unseal(keys, content) == b"figures"
    swapped = content.replace(b"a" * 12, b"b" * 12)
    keys.make("b" * 12)
    assert unseal(keys, swapped) == swapped
    keys.destroy("a" * 12, {"received": "2026-07-01", "reason": WHY})
    with pytest.raises(KeyMissing, match="destroyed on 2026-07-01"):
        unseal(keys, content)
    with pytest.raises(LedgerError, match="was destroyed"):
        keys.make("a" * 12)


AGREEMENTS = {
    "agreements": [
        {
            "name": "nhs-2026",
            "agency": "nhs",
            "arm": "pilot",
            "controllers": ["Alder NHS Trust"],
            "legal_basis": "public task",
            "article_9": "management of health systems",
            "confidentiality": "approved",
            "dpia": "signed",
            "opt_outs": "applied",
            "expires": "2027-12-31",
            "retention": "two years after the last edition",
            "agreed": {"by": "The guardian", "on": "2026-02-01"},
        }
    ]
}


@pytest.fixture
def agreed(tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("NEWSTART_NOW", "2026-10-10T09:00:00Z")
    declared = tiny_workspace.studies / "tiny" / "agreements.yaml"
    declared.write_text(yaml.safe_dump(AGREEMENTS))
    return tiny_workspace


def test_the_verb_destroys_everywhere_and_writes_a_certificate(agreed: Workspace) -> None:
    root = agreed.root
    with Ledger.open(agreed.database, agreed.raw) as ledger:
        fill(ledger)
    results = agreed.results("tiny", "s")
    results.mkdir(parents=True)
    (results / "results.json").write_text(f'{{"synthetic": true, "x": {SECRET:.0f}}}')
    edition = agreed.var / "editions" / "2026-Q2"
    edition.mkdir(parents=True)
    (edition / "headline.json").write_text("released")
    newstart(root, "panel", "-o", str(root / "known.csv"))
    newstart(root, "ledger", "backup", str(root / "backup"))
    assert "known.csv" in found_in(root)

    assert "was destroyed" not in newstart(root, "ledger", "verify")
    shown = newstart(root, "ledger", "destroy", "--agreement", "nhs-2026", "--show", ok=1)
    assert len(shown.splitlines()) == 2 and "known.csv" in found_in(root)
    wrong = newstart(root, "ledger", "destroy", "--agreement", "police", ok=2)
    assert "nhs-2026" in wrong
    said = json.loads(newstart(root, "ledger", "destroy", "--agreement", "nhs-2026", "--json"))
    assert found_in(root) == []
    assert said["figures"] == 2 and "known.csv" in said["removed"]
    assert "var/results/tiny/" in said["removed"] and (edition / "headline.json").is_file()
    page = Path(said["certificate"]).with_suffix(".md").read_text()
    assert "two years after the last edition" in page and "Alder NHS Trust" in page
    told = json.loads(newstart(root, "ledger", "verify", "--json"))
    assert told["ok"] and len(told["destroyed"]) == 2
    nothing = newstart(root, "ledger", "destroy", "--agreement", "nhs/pilot", ok=2)
    assert "nothing was destroyed" in nothing


def test_the_statements_for_the_database_are_printed_for_its_keeper(
    tiny_workspace: Workspace,
) -> None:
    said = newstart(tiny_workspace.root, "ledger", "grants", "--role", "app", "--reader", "see")
    assert "GRANT INSERT, SELECT ON returns TO app;" in said
    assert "GRANT SELECT ON returns TO see;" in said and "ON nonces TO see" not in said
    assert not any(word in said for word in ("UPDATE", "DELETE", "TRUNCATE"))


def test_a_destruction_that_was_interrupted_is_finished_by_the_same_command(
    agreed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the ledger's part: the certificate names everything all the same."""
    root = agreed.root
    with Ledger.open(agreed.database, agreed.raw) as ledger:
        ids = fill(ledger)
        for receipt in ledger.receipts():
            keep_receipt(agreed, receipt)
    known = root / "var" / "known.csv"
    newstart(root, "panel", "-o", str(known))
    assert found_in(known.parent)

    def held(_: Ledger) -> bool:
        raise LedgerError("another program holds the ledger", mend="give the same command again")

    with monkeypatch.context() as busy:
        busy.setattr(Ledger, "compact", held)
        assert "same command" in newstart(root, "ledger", "destroy", "--agreement", "nhs", ok=2)
    assert found_in(agreed.receipts) != []
    said = json.loads(newstart(root, "ledger", "destroy", "--agreement", "nhs", "--json"))
    assert [one["return_id"] for one in said["returns"]] == ids and said["figures"] == 2
    assert all(one["act"] for one in said["returns"])
    assert said["removed"] == ["var/known.csv"], "also beside the ledger, and of the first try"
    assert found_in(root) == []
    left = [path.name for path in Path(said["certificate"]).parent.iterdir()]
    assert not any("unfinished" in name for name in left)
    again = newstart(root, "ledger", "destroy", "--agreement", "nhs", ok=2)
    assert "nothing was destroyed" in again
