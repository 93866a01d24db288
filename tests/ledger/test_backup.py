"""The drill: back up, lose everything, restore on either engine, verify; and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.ledger.content import fill
from benchmarks.postgres import Cluster
from evaluation.errors import LedgerError
from evaluation.ledger.backup import back_up, restore
from evaluation.ledger.ledger import Ledger
from tests.ledger.returns_at_hand import returned, submit


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_what_was_lost_is_restored_and_goes_on(
    ledger: Ledger, raw: Path, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    receipts = fill(ledger)
    known = ledger.observations("drill")
    manifest = back_up(ledger, tmp_path / "backup")
    assert manifest["rows"]["returns"] == 7 and manifest["raw_files"] == 6
    shutil.rmtree(raw)
    place: Path | str = tmp_path / "new" / "ledger.sqlite"
    if engine == "postgresql":
        running: Cluster = request.getfixturevalue("cluster")
        place = running.new_database()
    with Ledger.open(place, tmp_path / "new" / "raw") as other:
        restore(other, tmp_path / "backup")
        assert other.verify(receipts).ok
        assert other.receipts() == ledger.receipts() and other.acts() == ledger.acts()
        assert other.observations("drill").equals(known)
        assert submit(other, returned({"E01": 1.0})).previous_hash == receipts[-1].chain_hash
        with pytest.raises(LedgerError, match="holds records already"):
            restore(other, tmp_path / "backup")


def test_an_empty_ledger_is_backed_up_and_restored(ledger: Ledger, tmp_path: Path) -> None:
    back_up(ledger, tmp_path / "backup")
    restore(ledger, tmp_path / "backup")
    assert ledger.receipts() == []


def test_a_full_folder_and_a_missing_raw_file_are_refused(
    ledger: Ledger, raw: Path, tmp_path: Path
) -> None:
    fill(ledger)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "other.txt").touch()
    with pytest.raises(LedgerError, match="not empty"):
        back_up(ledger, tmp_path / "full")
    next(path for path in raw.rglob("*") if path.is_file()).unlink()
    with pytest.raises(LedgerError, match="a raw file is missing"):
        back_up(ledger, tmp_path / "backup")
    with pytest.raises(LedgerError, match="no whole back-up"):
        restore(ledger, tmp_path / "backup")


@pytest.mark.parametrize("part", ["tables/observations.parquet", "raw"])
def test_a_damaged_back_up_is_told_before_anything_is_taken(
    ledger: Ledger, tmp_path: Path, part: str
) -> None:
    fill(ledger)
    folder = tmp_path / "backup"
    back_up(ledger, folder)
    path = folder / part
    path = path if path.is_file() else next(p for p in path.rglob("*") if p.is_file())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with Ledger.open(tmp_path / "new.sqlite", tmp_path / "new") as other:
        with pytest.raises(LedgerError, match="not the one that was backed up"):
            restore(other, folder)
        assert other.receipts() == [] and not (tmp_path / "new").exists()


def test_a_forged_back_up_does_not_verify_and_leaves_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    fill(ledger)
    folder = tmp_path / "backup"
    manifest = back_up(ledger, folder)
    (folder / "manifest.json").write_text(json.dumps(manifest | {"head": "0" * 64}))
    with Ledger.open(tmp_path / "new.sqlite", tmp_path / "new") as other:
        with pytest.raises(LedgerError, match="last record is another"):
            restore(other, folder)
        assert other.receipts() == []
    (folder / "manifest.json").write_text(json.dumps(manifest | {"tables_at": "the_future"}))
    with (
        Ledger.open(tmp_path / "new.sqlite", tmp_path / "new") as other,
        pytest.raises(LedgerError, match="the_future"),
    ):
        restore(other, folder)
