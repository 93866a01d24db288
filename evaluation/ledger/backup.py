"""Back-up and restore: every record and every raw file in one folder that either engine can take.

The manifest is written last and names each file with its SHA-256, so an unfinished or damaged
back-up is told before a single record is taken from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.ledger import keyed, store
from evaluation.ledger.engine import HEAD, RESTORED, transaction
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.schema import CHAINED, acts, metadata, returns
from evaluation.ledger.verify import verify

MANIFEST = "manifest.json"
# Rows in memory at once: a national back-up never stands whole in it.
BATCH = 50_000
_TYPES = {
    sa.Integer: pa.int64(),
    sa.Float: pa.float64(),
    sa.Boolean: pa.bool_(),
    sa.Text: pa.string(),
}


def back_up(ledger: Ledger, folder: Path) -> dict[str, Any]:
    """Write the ledger as it is at this instant to an empty folder; the manifest comes back.

    Raises
    ------
    LedgerError : if the folder is not empty or cannot be written, a record cannot be read, or a
        raw file is missing or not the one that was accepted.
    """
    if folder.exists() and any(folder.iterdir()):
        raise LedgerError("the folder is not empty; nothing was written.", where=str(folder))
    try:
        (folder / "tables").mkdir(parents=True, exist_ok=True)
        # One transaction over all tables, so that they are of one instant while others write.
        with transaction(ledger.engine) as connection:
            rows = {table.name: _write(connection, table, folder) for table in _tables()}
            files = _raw_files(connection)
            head = _head(connection)
        # Outside the transaction: raw files are only added, and copying them may take long. One
        # redacted meanwhile makes the back-up refuse.
        for sha256 in files:
            _copy(ledger.raw, folder / "raw", sha256)
        manifest = {"tables_at": HEAD, "rows": rows, "raw_files": len(files), "head": head}
        manifest["files"] = {path: _hash(folder / path) for path in _listed(folder)}
        text = json.dumps(manifest, indent=2) + "\n"
        # Last: without it there is no back-up, so an interrupted one cannot pass for whole.
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        raise LedgerError(
            f"the back-up could not be written ({error.strerror}).", where=str(folder)
        ) from None
    # Read back, so that a write that was lost is told now and not on the day of need.
    read_manifest(folder)
    return manifest


def restore(ledger: Ledger, folder: Path) -> dict[str, Any]:
    """Take a back-up into an empty ledger, whole or not at all; it is verified before it counts.

    Raises
    ------
    LedgerError : if the ledger holds anything, or the back-up is unfinished, damaged, of another
        version or does not verify.
    """
    manifest = read_manifest(folder)
    if manifest["tables_at"] not in RESTORED:
        raise LedgerError(
            f"the back-up is of tables at {manifest['tables_at']!r}, these are at {HEAD!r}.",
            where=str(folder),
            mend="restore it with the version that wrote it, then open it with this one.",
        )
    with transaction(ledger.engine, write=True) as connection:
        # Never merged: two chains cannot be one.
        if any(connection.execute(sa.select(t).limit(1)).first() for t in CHAINED):
            raise LedgerError(
                "this ledger holds records already; nothing was restored.",
                where=str(folder),
                mend="restore into a workspace, or a database, that holds none.",
            )
        # Files before records, as when a return is accepted: a record never points at nothing.
        for path in sorted((folder / "raw").rglob("*")):
            if path.is_file():
                store.keep(ledger.raw, path.read_bytes())
        for table in _tables():
            # A back-up from before the learning log has no file of it.
            if table.name not in manifest["rows"]:
                continue
            for rows in _read(folder, table):
                connection.execute(table.insert(), rows)
        keyed.seal_unsealed(connection)
        # Inside the transaction, so that a back-up that does not verify leaves no record behind.
        found = verify(connection, ledger.raw)
        if not found.ok or _head(connection) != manifest["head"]:
            first = found.broken[0] if found.broken else None
            what = f"{first.return_id}: {first.what}" if first else "its last record is another."
            raise LedgerError(
                f"it does not verify, and was not restored. {what}", where=str(folder)
            )
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a back-up, once each file was found to be the one that was written.

    Raises
    ------
    LedgerError : if the back-up is unfinished or damaged.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        listed = manifest["files"]
        # Every file is hashed before one is read: half a restore would be worse than none.
        damaged = [name for name in listed if _hash(folder / name) != listed[name]]
    except FileNotFoundError as error:
        raise LedgerError(
            f"no whole back-up: {Path(error.filename).name} is missing.", where=str(folder)
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise LedgerError(f"the back-up cannot be read ({error}).", where=str(folder)) from None
    if damaged:
        raise LedgerError(
            "the file is not the one that was backed up (SHA-256).", where=str(folder / damaged[0])
        )
    return manifest


def _tables() -> list[sa.Table]:
    """Every table, those that are referred to first."""
    # SQLAlchemy orders by foreign keys, which both engines check at once on insert.
    return list(metadata.sorted_tables)


def _schema(table: sa.Table) -> pa.Schema:
    kinds = [(c.name, next(t for k, t in _TYPES.items() if isinstance(c.type, k))) for c in table.c]
    return pa.schema(kinds)


def _write(connection: sa.Connection, table: sa.Table, folder: Path) -> int:
    schema, count = _schema(table), 0
    # The primary key orders both engines alike, so the same ledger gives the same rows in the same
    # order.
    query = sa.select(table).order_by(*table.primary_key).execution_options(yield_per=BATCH)
    with pq.ParquetWriter(_path(folder, table), schema, compression="zstd") as writer:
        for rows in connection.execute(query).partitions():
            plain = [dict(row._mapping) for row in rows]
            try:
                writer.write_table(pa.Table.from_pylist(plain, schema=schema))
            # SQLite keeps text in a number's column without a word; Parquet's types do not.
            except pa.ArrowException as error:
                raise LedgerError(
                    f"{table.name} holds what no accepted record can hold ({error}).",
                    mend="newstart ledger verify names the record.",
                ) from None
            count += len(plain)
    return count


def _read(folder: Path, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    if not _path(folder, table).is_file():
        # A back-up of before there was the table; what it holds is named in its manifest.
        return
    for batch in pq.ParquetFile(_path(folder, table)).iter_batches(BATCH):
        if rows := batch.to_pylist():
            yield rows


def _path(folder: Path, table: sa.Table) -> Path:
    return folder / "tables" / f"{table.name}.parquet"


def _raw_files(connection: sa.Connection) -> list[str]:
    redacted = (
        sa.select(returns.c.file_sha256)
        .join(acts, acts.c.return_seq == returns.c.seq)
        .where(acts.c.kind == "redaction")
    )
    # By file and not by return: one file may have been accepted twice, and is gone for both.
    kept = sa.select(returns.c.file_sha256).where(returns.c.file_sha256.not_in(redacted)).distinct()
    return sorted(connection.execute(kept).scalars())


def _copy(raw: store.Raw, to: Path, sha256: str) -> None:
    content = store.read(raw, sha256)
    if content is None or fingerprint.of_bytes(content) != sha256:
        raise LedgerError(
            "a raw file is missing or is not the one that was accepted; the back-up is unfinished.",
            where=store.where(raw, sha256),
            mend="newstart ledger verify names the return.",
        )
    store.keep(to, content)


def _head(connection: sa.Connection) -> str:
    last = [
        tuple(row)
        for table in CHAINED
        for row in connection.execute(
            sa.select(table.c.seq, table.c.chain_hash).order_by(table.c.seq.desc()).limit(1)
        )
    ]
    return str(max(last)[1]) if last else ""


def _listed(folder: Path) -> list[str]:
    # The manifest cannot name its own hash.
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _hash(path: Path) -> str:
    return fingerprint.of_bytes(path.read_bytes())
