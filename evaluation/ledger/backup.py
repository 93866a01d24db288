"""Back-up and restore: every record and every raw file in one folder that either engine can take.

Whatever holds a figure is sealed under its return's data key, which is not in the folder: a back-up
of a return whose key was destroyed says that it came, and no more. The manifest is written last and
names each file with its SHA-256, so an unfinished or damaged back-up is told before a single record
is taken from it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.ledger import destruction, keyed, store
from evaluation.ledger.append import append_act
from evaluation.ledger.data_keys import VARIABLE, DataKeys, seal, sealed_for, unseal, unsealed
from evaluation.ledger.engine import HEAD, RESTORED, transaction
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import CHAIN_VERSION
from evaluation.ledger.schema import (
    CHAINED,
    EMPTY,
    acts,
    confirmations,
    metadata,
    nonces,
    observations,
    returns,
    seals,
)
from evaluation.ledger.verify import verify
from evaluation.quarters import format_instant
from evaluation.workspace import sync_all, write_whole

MANIFEST = "manifest.json"
SEALED = "sealed.parquet"
# Rows in memory at once: a national back-up never stands whole in it.
BATCH = 50_000
# Sealed returns in memory at once: each holds up to some thousands of figures.
FEW = 200
_SEALED_SCHEMA = pa.schema(
    [("seq", pa.int64()), ("return_id", pa.string()), ("key", pa.string()), ("sealed", pa.binary())]
)
_TYPES = {
    sa.Integer: pa.int64(),
    sa.Float: pa.float64(),
    sa.Boolean: pa.bool_(),
    sa.Text: pa.string(),
}


def back_up(ledger: Ledger, folder: Path) -> dict[str, Any]:
    """Write the ledger as it is at this instant to an empty folder; the manifest comes back.

    Where no folder is named for the data keys, a copy of them is laid beside the back-up, in a
    folder of its name with ``.keys`` behind it: to be kept apart from it.

    Raises
    ------
    LedgerError : if the folder is not empty or cannot be written, a record cannot be read, or a
        raw file is missing or not the one that was accepted.
    """
    # Whole: "." has no name for the keys to be laid beside.
    folder = folder.resolve()
    beside = keys_beside(folder)
    for one in (folder, beside):
        if one.exists() and (not one.is_dir() or any(one.iterdir())):
            said = "the folder is not empty" if one.is_dir() else "a file lies there"
            raise LedgerError(f"{said}; nothing was written.", where=str(one))
    try:
        (folder / "tables").mkdir(parents=True, exist_ok=True)
        # One transaction over all tables, so that they are of one instant while others write.
        with transaction(ledger.engine) as connection:
            rows = {table.name: _write(connection, table, folder) for table in _tables()}
            _seal_returns(connection, ledger.keys, folder / SEALED)
            files = _raw_files(connection)
            head = _head(connection)
        # Outside the transaction: raw files are only added, and copying them may take long. One
        # redacted meanwhile makes the back-up refuse.
        for file in files:
            _copy(ledger, folder / "raw", file)
        if not ledger.keys.named and rows[returns.name]:
            ledger.keys.copy_to(beside)
        manifest = {"tables_at": HEAD, "rows": rows, "raw_files": len(files), "head": head}
        manifest["files"] = {path: _hash(folder / path) for path in _listed(folder)}
        text = json.dumps(manifest, indent=2) + "\n"
        # The tables are on the disk before the manifest vouches for them.
        sync_all()
        # Last: without it there is no back-up, so an interrupted one cannot pass for whole.
        write_whole(folder / MANIFEST, text)
    except OSError as error:
        raise LedgerError(
            f"the back-up could not be written ({error.strerror}).", where=str(folder)
        ) from None
    # Read back, so that a write that was lost is told now and not on the day of need.
    read_manifest(folder)
    return manifest


def keys_beside(folder: Path) -> Path:
    """Where a back-up lays its copy of the data keys."""
    folder = folder.resolve()
    return folder.with_name(f"{folder.name}.keys")


def restore(
    ledger: Ledger, folder: Path, *, lost: str = "", received: datetime | None = None, by: str = ""
) -> dict[str, Any]:
    """Take a back-up into an empty ledger, whole or not at all; it is verified before it counts.

    A return whose data key was destroyed comes back as a destroyed one, with an act that says so.

    Parameters
    ----------
    lost : why data keys are missing that nobody destroyed; without it such a back-up is refused.
        Their returns come back as destroyed, and this stands in the chain as the reason.
    received, by : the instant and the person of that act.

    Raises
    ------
    LedgerError : if the ledger holds anything, a data key is missing, or the back-up is unfinished,
        damaged, of another version or does not verify.
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
        gone = _keys_taken(ledger.keys, folder, lost)
        # Files before records, as when a return is accepted: a record never points at nothing.
        _take_files(ledger, folder)
        _take_tables(connection, ledger.keys, folder, manifest, gone)
        keyed.seal_unsealed(connection)
        # Inside the transaction, so that a back-up that does not verify leaves no record behind.
        head = _head(connection)
        at = format_instant(received) if received else _last(connection)
        for one in gone:
            _record_gone(connection, one, at, by)
        found = verify(connection, ledger.raw, keys=ledger.keys)
        if not found.ok or head != manifest["head"]:
            first = found.broken[0] if found.broken else None
            what = f"{first.return_id}: {first.what}" if first else "its last record is another."
            raise LedgerError(
                f"it does not verify, and was not restored. {what}", where=str(folder)
            )
    return manifest


class _Gone(NamedTuple):
    """A return that cannot be opened any more, and why."""

    seq: int
    return_id: str
    why: str


def _keys_taken(keys: DataKeys, folder: Path, lost: str) -> list[_Gone]:
    """Take over the keys that lie beside a back-up; the returns whose keys are gone come back.

    Raises
    ------
    LedgerError : keys are missing, and nothing says why.
    """
    beside = DataKeys(folder=keys_beside(folder))
    gone, missing = [], []
    for batch in _sealed(folder, ["seq", "return_id", "key"]):
        for seq, return_id, name in batch:
            for one in {return_id, name}:
                said = beside.note(one)
                if said is not None and keys.note(one) is None:
                    keys.destroy(one, said)
            note, held = keys.note(name), keys.read(name) or beside.read(name)
            if note is not None:
                gone.append(_Gone(seq, return_id, str(note["reason"])))
            elif held is None:
                missing.append(_Gone(seq, return_id, f"its data key was lost: {lost}"))
            elif keys.read(name) is None:
                keys.put(name, held)
    if missing and not lost.strip():
        raise LedgerError(
            f"the data keys of {len(missing)} of its returns are neither in {keys.folder} nor in "
            f"{beside.folder}; nothing was restored.",
            where=str(folder),
            mend=f"bring the copy of the data keys there, or name their folder by {VARIABLE}. "
            "Where they are lost for good, so are the figures: newstart ledger restore DIR "
            "--lost WHY takes the rest, and the chain says so",
        )
    return sorted([*gone, *missing])


def _take_files(ledger: Ledger, folder: Path) -> None:
    for path in sorted((folder / "raw").rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        name = sealed_for(content)
        if not name:
            # Of before files were sealed.
            store.keep(ledger.raw, content)
        elif ledger.keys.read(name) is not None:
            store.keep(ledger.raw, content, fingerprint.of_bytes(unseal(ledger.keys, content)))


def _take_tables(
    connection: sa.Connection,
    keys: DataKeys,
    folder: Path,
    manifest: dict[str, Any],
    gone: Sequence[_Gone],
) -> None:
    closed = {one.seq for one in gone}
    opened: list[dict[str, Any]] = []
    content: dict[int, dict[str, Any]] = {}
    for batch in _sealed(folder, ["seq", "sealed"]):
        for seq, sealed in batch:
            if seq not in closed:
                held = _opened(keys, sealed, folder)
                content[seq] = held.pop("return")
                opened.append(held)
    for table in _tables():
        # A back-up from before the learning log has no file of it.
        if table.name not in manifest["rows"]:
            continue
        for rows in _read(folder, table):
            if table is returns:
                rows = [row | content.get(row["seq"], {}) for row in rows]
            if table is seals:
                # Those that opened come with what was sealed.
                rows = [row for row in rows if row["seq"] not in content]
            if rows:
                connection.execute(table.insert(), rows)
        if table in (observations, confirmations, nonces, seals):
            rows = [row for held in opened for row in held[table.name]]
            for at in range(0, len(rows), BATCH):
                connection.execute(table.insert(), rows[at : at + BATCH])


def _record_gone(connection: sa.Connection, one: _Gone, received: str, by: str) -> None:
    clock = connection.execute(
        sa.select(returns.c.synthetic_clock).where(returns.c.seq == one.seq)
    ).scalar_one()
    # Its seal was sealed with the rest; what remains has none of its own.
    kept = destruction.destructions_of(connection, one.seq)
    if kept is None or destruction.faults_of(connection, one.seq, kept):
        append_act(
            connection,
            "destruction",
            one.return_id,
            reason=one.why,
            received=received,
            synthetic_clock=bool(clock),
            by=by,
            remains=destruction.remains(connection, one.seq, ""),
        )


def _last(connection: sa.Connection) -> str:
    """The instant of the newest record: an act cannot be older than what it follows."""
    held = [connection.execute(sa.select(sa.func.max(t.c.received))).scalar() for t in CHAINED]
    return max((one for one in held if one), default="")


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
    except (OSError, ValueError, KeyError, TypeError) as error:
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
    if table is nonces:
        # Those of acts and signatures; a return's is sealed with it.
        query = query.where(table.c.seq.not_in(_sealed_ones()))
    with pq.ParquetWriter(_path(folder, table), schema, compression="zstd") as writer:
        for rows in connection.execute(query).partitions():
            plain = [dict(row._mapping) for row in rows]
            if table in (observations, confirmations):
                # Sealed; counted here, and looked at for what Parquet's types refuse.
                try:
                    pa.Table.from_pylist(plain, schema=schema)
                except pa.ArrowException as error:
                    raise _unheard_of(table, error) from None
                count += len(plain)
                continue
            if table is returns:
                plain = [row | EMPTY for row in plain]
            if table is seals:
                plain = _without_seals(connection, plain)
            try:
                writer.write_table(pa.Table.from_pylist(plain, schema=schema))
            # SQLite keeps text in a number's column without a word; Parquet's types do not.
            except pa.ArrowException as error:
                raise _unheard_of(table, error) from None
            count += len(plain)
    return count


def _without_seals(connection: sa.Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The seals of returns as what is left when they are destroyed: the seal itself is sealed."""
    chosen = sa.select(returns).where(returns.c.seq.in_([row["seq"] for row in rows]))
    of = {one.seq: one for one in connection.execute(chosen)}
    kept = []
    for row in rows:
        one = of.get(row["seq"])
        if one is not None and keyed.relic(row["seal"]) is None:
            bare = one.chain_hash if one.chain_version < CHAIN_VERSION else ""
            row = row | {"seal": keyed.as_relic(row["seal"], one.programme, bare)}
        kept.append(row)
    return kept


def _unheard_of(table: sa.Table, error: Exception) -> LedgerError:
    return LedgerError(
        f"{table.name} holds what no accepted record can hold ({error}).",
        mend="newstart ledger verify names the record.",
    )


def _sealed_ones() -> sa.Select[tuple[int]]:
    """The places of the returns that have something to be sealed: all but those destroyed whole."""
    held = sa.exists().where(observations.c.return_seq == returns.c.seq)
    return sa.select(returns.c.seq).where(sa.or_(returns.c.content_hash != "", held))


def _seal_returns(connection: sa.Connection, keys: DataKeys, path: Path) -> None:
    places = connection.execute(
        sa.select(returns.c.seq, returns.c.return_id, *(returns.c[name] for name in EMPTY))
        .where(returns.c.seq.in_(_sealed_ones()))
        .order_by(returns.c.seq)
    ).all()
    with pq.ParquetWriter(path, _SEALED_SCHEMA, compression="zstd") as writer:
        for at in range(0, len(places), FEW):
            rows = [_sealed_row(connection, keys, one) for one in places[at : at + FEW]]
            writer.write_table(pa.Table.from_pylist(rows, schema=_SEALED_SCHEMA))


def _sealed_row(connection: sa.Connection, keys: DataKeys, one: sa.Row[Any]) -> dict[str, Any]:
    held: dict[str, Any] = {"return": {name: getattr(one, name) for name in EMPTY}}
    for table, column in (
        (observations, "return_seq"),
        (confirmations, "return_seq"),
        (nonces, "seq"),
        (seals, "seq"),
    ):
        query = sa.select(table).where(table.c[column] == one.seq).order_by(*table.primary_key)
        held[table.name] = [dict(row._mapping) for row in connection.execute(query)]
    name = keys.current(one.return_id)
    content = zlib.compress(json.dumps(held, ensure_ascii=False).encode())
    sealed = seal(keys.make(name), name, content)
    return {"seq": one.seq, "return_id": one.return_id, "key": name, "sealed": sealed}


def _opened(keys: DataKeys, sealed: bytes, folder: Path) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(zlib.decompress(unseal(keys, sealed)))
    except (zlib.error, ValueError):
        raise LedgerError(
            "a return of the back-up does not open with its data key; nothing was restored.",
            where=str(folder / SEALED),
            mend="bring the data keys back that belong to this back-up",
        ) from None
    return held


def _sealed(folder: Path, columns: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    path = folder / SEALED
    if not path.is_file():
        # A back-up of before there were data keys.
        return
    for batch in pq.ParquetFile(path).iter_batches(FEW, columns=columns):
        yield list(zip(*(batch.column(name).to_pylist() for name in columns), strict=True))


def _read(folder: Path, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    if not _path(folder, table).is_file():
        # A back-up of before there was the table; what it holds is named in its manifest.
        return
    for batch in pq.ParquetFile(_path(folder, table)).iter_batches(BATCH):
        if rows := batch.to_pylist():
            yield rows


def _path(folder: Path, table: sa.Table) -> Path:
    return folder / "tables" / f"{table.name}.parquet"


class _File(NamedTuple):
    """A raw file, and the return whose key seals it."""

    sha256: str
    return_id: str


def _raw_files(connection: sa.Connection) -> list[_File]:
    redacted = (
        sa.select(returns.c.file_sha256)
        .join(acts, acts.c.return_seq == returns.c.seq)
        .where(acts.c.kind == "redaction")
    )
    # By file and not by return: one file may have been accepted twice, and is gone for both.
    kept = sa.select(returns.c.file_sha256, returns.c.return_id).where(
        returns.c.file_sha256.not_in(redacted), returns.c.file_sha256 != ""
    )
    first: dict[str, str] = {}
    for row in connection.execute(kept.order_by(returns.c.seq)):
        first.setdefault(row.file_sha256, row.return_id)
    return [_File(*one) for one in sorted(first.items())]


def _copy(ledger: Ledger, to: Path, file: _File) -> None:
    held = store.read(ledger.raw, file.sha256)
    content = unsealed(ledger.keys, file.sha256, held)
    if held is None or content is None or fingerprint.of_bytes(content) != file.sha256:
        raise LedgerError(
            "a raw file is missing or is not the one that was accepted; the back-up is unfinished.",
            where=store.where(ledger.raw, file.sha256),
            mend="newstart ledger verify names the return.",
        )
    if not sealed_for(held):
        held = seal(ledger.keys.make(file.return_id), file.return_id, content)
    # Not under the file's hash: where few cells are unknown, that could be tried.
    store.keep(to, held, fingerprint.of_bytes(held))


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
