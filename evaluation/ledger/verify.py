"""Recompute the whole ledger from the raw bytes up, and hold it against witnesses from outside."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.ledger import data_keys, destruction, keyed, store
from evaluation.ledger.append import head_of, version_of
from evaluation.ledger.learning_log import entry_hash, of_content
from evaluation.ledger.receipt import (
    CHAIN_VERSION,
    FIRST,
    Act,
    Hidden,
    LedgerHead,
    Receipt,
    ReceiptDetails,
    act_hash,
    chain_hash,
    read_receipt,
    reason_record,
    return_id,
)
from evaluation.ledger.schema import (
    CHAINED,
    acts,
    confirmations,
    log_entries,
    observations,
    returns,
    signatures,
)
from evaluation.ledger.signatures import of_content as signed_of
from evaluation.ledger.signatures import register_faults, signature_hash
from evaluation.returns.form import content_hash

_FIGURE = ("area_code", "quarter", "outcome", "numerator", "denominator", "status", "note")
# Of a figure of a sample, and empty for every other.
_SAMPLED = ("se", "respondents")


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A record that does not hold: its id, and what about it is wrong."""

    return_id: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How many returns were recomputed, and what does not hold, in the order of the chain.

    destroyed : the returns whose figures were destroyed, which hold by what remains of them.
    """

    returns: int
    broken: tuple[Broken, ...]
    destroyed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.broken

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        broken = [{"return_id": one.return_id, "what": one.what} for one in self.broken]
        said = {"ok": self.ok, "returns": self.returns, "broken": broken}
        return said | ({"destroyed": list(self.destroyed)} if self.destroyed else {})


def verify(
    connection: sa.Connection,
    raw: store.Raw,
    against: Iterable[Receipt | Act | LedgerHead] = (),
    keys: data_keys.DataKeys | None = None,
) -> Verification:
    """Recompute every record; ``against`` is what was kept outside the ledger.

    Parameters
    ----------
    keys : the data keys, without which no sealed file can be read.

    Raises
    ------
    SQLAlchemyError : if the tables cannot be read at all.
    """
    with _any_text(connection):
        return _verify(connection, _Files(raw, keys), against)


@contextmanager
def _any_text(connection: sa.Connection) -> Iterator[None]:
    """Let SQLite hand out text that is no UTF-8 any more, so that its record can be named."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    driver.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str


class _Files(NamedTuple):
    """Raw files, and the keys that open them."""

    raw: store.Raw
    keys: data_keys.DataKeys | None


def _verify(
    connection: sa.Connection, raw: _Files, against: Iterable[Receipt | Act | LedgerHead]
) -> Verification:
    # Numbers first and rows one by one: a single damaged row must not keep all others from being
    # checked.
    places = {
        table: list(connection.execute(sa.select(table.c.seq)).scalars()) for table in CHAINED
    }
    redacted = _redacted(connection)
    chain = sorted((seq, table.name) for table, seqs in places.items() for seq in seqs)
    broken: list[Broken] = []
    # A head taken of an empty ledger is a witness too.
    recomputed = {FIRST: 0}  # how many returns there were when this was the last record
    previous, place, counted = {FIRST}, 1, 0
    for seq, kind in chain:
        counted += kind == returns.name
        try:
            record = _CHECKS[kind](connection, seq, raw, redacted)
        except (SQLAlchemyError, ValueError, TypeError, KeyError) as error:
            what = f"record {seq} holds what no accepted record can hold ({_short(error)})."
            broken.append(Broken(return_id=_stored_name(connection, kind, seq), what=what))
            # What cannot be read has no hash to follow, so the next record is not blamed for it.
            previous, place = set(), seq + 1
            continue
        faults = list(record.faults)
        if previous and record.previous not in previous:
            faults.insert(0, "it does not follow the record before it: one was changed or removed.")
        elif seq != place:
            faults.append(f"it stands at place {seq} of the chain and should stand at {place}.")
        broken += [Broken(return_id=record.name, what=what) for what in faults]
        # Either counts: a record that was changed breaks by itself, and the next one, which follows
        # what was stored, is not reported as well.
        previous, place = {record.chain, record.stored}, seq + 1
        recomputed[record.chain] = counted
        # Documents name a record of before keyed hashes by its hash under its seal.
        recomputed[record.head] = counted
    broken += _strays(connection)
    broken += [Broken(return_id=line, what=what) for line, what in register_faults(connection)]
    broken += [one for given in against if (one := _compare(connection, given, recomputed))]
    destroyed = destruction.destructions(connection)
    named = connection.execute(
        sa.select(returns.c.seq, returns.c.return_id).order_by(returns.c.seq)
    )
    return Verification(
        returns=len(places[returns]),
        broken=tuple(broken),
        destroyed=tuple(row.return_id for row in named if row.seq in destroyed),
    )


@dataclass(frozen=True, kw_only=True)
class _Record:
    name: str
    previous: str
    chain: str
    head: str
    stored: str
    faults: tuple[str, ...]


def _check_return(
    connection: sa.Connection, seq: int, raw: _Files, redacted: dict[str, str]
) -> _Record:
    row = _row(connection, returns, seq)
    if (gone := destruction.destructions_of(connection, seq)) is not None:
        return _check_destroyed(connection, row, raw, gone)
    reasons = _confirmations(connection, seq)
    figures = _figures(connection, seq)
    content = content_hash(figures)
    details = ReceiptDetails(
        rows=row["rows"],
        changes=tuple(json.loads(row["changes"])),
        confirmations=tuple(reasons),
        synthetic_clock=_flag(row["synthetic_clock"]),
        by=row["by"],
        history=_flag(row["history"]),
    )
    seal = keyed.seal_of(connection, seq)
    chain = chain_hash(
        previous_hash=row["previous_hash"],
        content_hash=row["content_hash"],
        file_sha256=row["file_sha256"],
        programme=row["programme"],
        submitter=(row["site"], row["agency"]),
        quarter=row["quarter"],
        received=row["received"],
        # Version 1 bound less; a version that is not known is a fault of its own below.
        details=details if row["chain_version"] in (2, CHAIN_VERSION) else None,
        hidden=_hidden(row, seal),
    )
    faults = [*_raw_faults(raw, row["file_sha256"], redacted)]
    if len(figures) != row["rows"]:
        faults.append(f"{len(figures)} figures are stored; the receipt says {row['rows']}.")
    if content != row["content_hash"]:
        faults.append("its figures are not those that were accepted (content hash).")
    if row["chain_version"] not in (1, 2, CHAIN_VERSION):
        faults.append(f"chain version {row['chain_version']} is not known.")
    if row["chain_version"] == CHAIN_VERSION:
        faults += _nonce_faults(connection, row, details)
    faults += _chain_faults(row, chain, row["return_id"])
    return _record(row, chain, row["return_id"], seal, faults)


def _check_destroyed(
    connection: sa.Connection, row: dict[str, Any], files: _Files, bound: str
) -> _Record:
    """A return whose figures are gone: its own hash is bound with the rest of what remains."""
    faults = destruction.faults_of(connection, row["seq"], bound)
    chain = row["chain_hash"]
    if not faults and row["return_id"] != return_id(chain):
        faults = [f"it is stored under another id, {row['return_id']}."]
    if files.keys is not None and files.keys.read(row["return_id"]) is not None:
        left = files.keys.path(row["return_id"])
        faults.append(f"it was destroyed and its data key is there again: remove {left}.")
    seal = keyed.seal_of(connection, row["seq"])
    return _record(row, chain, row["return_id"], seal, faults)


def _hidden(row: dict[str, Any], seal: str) -> Hidden | None:
    if row["chain_version"] != CHAIN_VERSION:
        return None
    if not seal:
        raise ValueError("its seal is missing")
    return Hidden(keyed_hash=row["keyed_hash"], seal=seal)


def _nonce_faults(
    connection: sa.Connection, row: dict[str, Any], details: ReceiptDetails
) -> Iterator[str]:
    nonce = keyed.nonce_of(connection, row["seq"])
    # Of this very return: its file may have come in another one too, which keeps its nonce.
    done = sa.select(acts.c.seq).where(acts.c.kind == "redaction", acts.c.return_seq == row["seq"])
    if connection.execute(done).first() is not None:
        if nonce:
            yield "it was redacted and its nonce is still there: redact it again."
    elif not nonce:
        yield "its nonce is missing, and it was not redacted."
    elif row["keyed_hash"] != keyed.keyed_hash(
        nonce,
        content_hash=row["content_hash"],
        file_sha256=row["file_sha256"],
        changes=details.changes,
        confirmations=details.confirmations,
    ):
        yield "its keyed hash is not that of what was accepted."


def _check_act(
    connection: sa.Connection, seq: int, _raw: _Files, _redacted: dict[str, str]
) -> _Record:
    row = _row(connection, acts, seq)
    about = connection.execute(
        sa.select(returns.c.return_id, returns.c.chain_hash).where(
            returns.c.seq == row["return_seq"]
        )
    ).one_or_none()
    seal = keyed.seal_of(connection, seq)
    chain = act_hash(
        previous_hash=row["previous_hash"],
        kind=row["kind"],
        # From the hash and not as stored: the stored id could have been changed with the act.
        return_id=return_id(about.chain_hash) if about else "",
        received=row["received"],
        reason=row["reason"],
        synthetic_clock=_flag(row["synthetic_clock"]),
        by=row["by"],
        remains=row["remains"],
        hidden=_hidden(row, seal),
    )
    faults = [*_chain_faults(row, chain, row["act_id"])]
    if row["chain_version"] == CHAIN_VERSION:
        nonce = keyed.nonce_of(connection, seq)
        if not nonce or keyed.keyed_reason(nonce, row["reason"]) != row["keyed_hash"]:
            faults.append("its nonce is not that of its reason.")
    return _record(row, chain, row["act_id"], seal, faults)


def _check_entry(
    connection: sa.Connection, seq: int, _raw: _Files, _redacted: dict[str, str]
) -> _Record:
    row = _row(connection, log_entries, seq)
    chain = entry_hash(
        previous_hash=row["previous_hash"],
        content=row["content"],
        received=row["received"],
        by=row["by"],
        synthetic_clock=_flag(row["synthetic_clock"]),
    )
    faults = list(_chain_faults(row, chain, row["entry_id"]))
    # The column only finds an entry; what is bound stands inside.
    if not faults and of_content(row["content"]).programme != row["programme"]:
        faults.append("it is stored under another programme.")
    version = sa.select(version_of(log_entries)).where(log_entries.c.seq == seq)
    row["chain_version"] = connection.execute(version).scalar_one()
    return _record(row, chain, row["entry_id"], keyed.seal_of(connection, seq), faults)


def _check_signature(
    connection: sa.Connection, seq: int, _raw: _Files, _redacted: dict[str, str]
) -> _Record:
    row = _row(connection, signatures, seq)
    seal = keyed.seal_of(connection, seq)
    chain = signature_hash(
        previous_hash=row["previous_hash"],
        content=row["content"],
        received=row["received"],
        synthetic_clock=_flag(row["synthetic_clock"]),
        seal=seal,
    )
    faults = list(_chain_faults(row, chain, row["signature_id"]))
    # The column only finds a signature; what is bound stands inside.
    if not faults and signed_of(row["content"]).programme != row["programme"]:
        faults.append("it is stored under another programme.")
    return _record(row | {"chain_version": CHAIN_VERSION}, chain, row["signature_id"], seal, faults)


_CHECKS = {
    returns.name: _check_return,
    acts.name: _check_act,
    log_entries.name: _check_entry,
    signatures.name: _check_signature,
}
"""How the records of each table are recomputed."""


def _record(
    row: dict[str, Any], chain: str, name: str, seal: str, faults: Iterable[str]
) -> _Record:
    return _Record(
        name=_name(name, row["chain_hash"], chain),
        previous=row["previous_hash"],
        chain=chain,
        head=head_of(chain, row["chain_version"], seal) or chain,
        stored=row["chain_hash"],
        faults=tuple(faults),
    )


def _chain_faults(row: dict[str, Any], chain: str, name: str) -> Iterator[str]:
    if chain != row["chain_hash"]:
        yield "its record is not the one that was accepted (chain hash)."
    # Only where the chain holds: otherwise every tampered record would be reported twice.
    elif name != return_id(chain):
        yield f"it is stored under another id, {name}."


def _raw_faults(files: _Files, sha256: str, redacted: dict[str, str]) -> Iterator[str]:
    content = store.read(files.raw, sha256)
    try:
        content = data_keys.unsealed(files.keys, sha256, content)
    except LedgerError as error:  # one key that is missing or spoilt hides no other record
        yield f"its raw file cannot be opened: {error.what}"
        return
    if sha256 in redacted:
        if content is not None:
            yield f"its file was redacted ({redacted[sha256]}) and is still there: redact it again."
    elif content is None:
        yield "its raw file is missing."
    elif fingerprint.of_bytes(content) != sha256:
        yield "its raw file is not the one that was accepted (SHA-256)."


def _row(connection: sa.Connection, table: sa.Table, seq: int) -> dict[str, Any]:
    """A stored record as it is stored: a flag is not made true or false on the way."""
    columns = [
        # SQLite keeps any number in a flag's column, and SQLAlchemy would read 2 as true.
        sa.type_coerce(column, sa.Integer).label(column.name)
        if isinstance(column.type, sa.Boolean)
        else column
        for column in table.columns
    ]
    found = connection.execute(sa.select(*columns).where(table.c.seq == seq)).one()
    return dict(found._mapping)


def _flag(stored: object) -> bool:
    if stored not in (0, 1):
        raise ValueError(f"{stored!r} is neither true nor false")
    return bool(stored)


def _figures(connection: sa.Connection, seq: int) -> list[list[Any]]:
    columns = [observations.c[name] for name in (*_FIGURE, *_SAMPLED)]
    query = sa.select(*columns).where(observations.c.return_seq == seq)
    figures = [list(row) for row in connection.execute(query)]
    for figure in figures:
        for number in (*figure[3:5], *figure[-2:]):
            # SQLite gives back whatever type was written; a text or an infinity was never accepted.
            if number is not None and not (isinstance(number, float) and math.isfinite(number)):
                raise ValueError(f"{number!r} is no figure")
    return figures


def _confirmations(connection: sa.Connection, seq: int) -> list[dict[str, str]]:
    c = confirmations.c
    query = sa.select(confirmations).where(c.return_seq == seq).order_by(c.number)
    rows = connection.execute(query).all()
    # A confirmation taken out leaves a gap; one at the end shows in the chain hash.
    if [row.number for row in rows] != list(range(1, len(rows) + 1)):
        raise ValueError("its confirmations are not numbered from 1")
    return [reason_record(row._mapping) for row in rows]


def _redacted(connection: sa.Connection) -> dict[str, str]:
    rows = connection.execute(
        sa.select(returns.c.file_sha256, acts.c.reason)
        .join(acts, acts.c.return_seq == returns.c.seq)
        .where(acts.c.kind == "redaction")
    )
    return {row.file_sha256: row.reason for row in rows}


def _strays(connection: sa.Connection) -> Iterator[Broken]:
    """What belongs to no return, to another programme, or to no line of versions."""
    o, r = observations.c, returns.c
    earlier = observations.alias()
    # Earlier versions of a figure may be destroyed: the line then begins after them.
    gone = sa.exists().where(acts.c.kind == "destruction", acts.c.return_seq < o.return_seq)
    same = [earlier.c[key] == o[key] for key in ("programme", "outcome", "area_code", "quarter")]
    one_before = sa.and_(*same, earlier.c.revision == o.revision - 1)
    no_line = sa.or_(
        o.revision < 0,
        sa.and_(
            o.revision > 0,
            # A version must follow one that came with an earlier return.
            sa.or_(
                sa.and_(earlier.c.return_seq.is_(None), ~gone), earlier.c.return_seq >= o.return_seq
            ),
        ),
    )
    queries = {
        "confirmations are stored for a return that is not there.": (
            sa.select(confirmations.c.return_seq, r.return_id)
            .outerjoin(returns, r.seq == confirmations.c.return_seq)
            .where(r.seq.is_(None))
        ),
        "figures are stored under it that are of no return, or of another programme.": (
            sa.select(o.return_seq, r.return_id)
            .outerjoin(returns, r.seq == o.return_seq)
            .where(sa.or_(r.seq.is_(None), r.programme != o.programme))
        ),
        "a figure's versions are not numbered in the order of acceptance.": (
            sa.select(o.return_seq, r.return_id)
            .outerjoin(returns, r.seq == o.return_seq)
            .outerjoin(earlier, one_before)
            .where(no_line)
        ),
    }
    for what, query in queries.items():
        # One query that meets an unreadable row must not hide what the others find.
        try:
            for row in connection.execute(query.distinct()):
                yield Broken(return_id=row.return_id or f"record {row.return_seq}", what=what)
        except SQLAlchemyError as error:
            yield Broken(return_id="", what=f"figures cannot be read ({_short(error)}).")


def _compare(
    connection: sa.Connection, receipt: Receipt | Act | LedgerHead, recomputed: dict[str, int]
) -> Broken | None:
    if isinstance(receipt, LedgerHead):
        return _compare_head(receipt, recomputed)
    name = receipt.act_id if isinstance(receipt, Act) else receipt.return_id
    # Against what was recomputed, never against stored hashes: those could be rewritten together.
    if receipt.chain_hash not in recomputed:
        what = "the receipt's record is not in the ledger: its chain was cut short or rewritten."
        return Broken(return_id=name, what=what)
    stored, vouched = _stored(connection, receipt), _vouched(receipt)
    if isinstance(receipt, Receipt) and stored is not None and not stored["content_hash"]:
        # Of a destroyed return the receipt alone still says what it held.
        for gone in ("content_hash", "changes", "confirmations", "nonce"):
            stored.pop(gone, None)
            vouched.pop(gone, None)
    same = stored == vouched and _opens(receipt)
    return None if same else Broken(return_id=name, what="the ledger and the receipt differ.")


def _opens(receipt: Receipt | Act) -> bool:
    """Whether a receipt's nonce, where it has one, gives its keyed hash.

    Of a return it does so with the file's hash, which is not on the receipt: the chain binds the
    keyed hash, and the ledger's own nonce is held against it.
    """
    if isinstance(receipt, Receipt) or not receipt.nonce:
        return True
    return receipt.keyed_hash == keyed.keyed_reason(receipt.nonce, receipt.reason)


def _compare_head(head: LedgerHead, recomputed: dict[str, int]) -> Broken | None:
    named = return_id(head.chain)
    if head.chain not in recomputed:
        what = f"the record that {head.where} names is not in the ledger: its chain was cut short"
        return Broken(return_id=named, what=f"{what} or rewritten.")
    # The chain alone fixes what came before; the count shows a head that was typed or altered.
    held = recomputed[head.chain]
    if held == head.returns:
        return None
    what = f"{head.where} says that there were {head.returns} returns then; there were {held}."
    return Broken(return_id=named, what=what)


def _stored(connection: sa.Connection, receipt: Receipt | Act) -> dict[str, Any] | None:
    """What the ledger says where the receipt speaks; None where it cannot be read."""
    table = acts if isinstance(receipt, Act) else returns
    seq = connection.execute(
        sa.select(table.c.seq).where(table.c.chain_hash == receipt.chain_hash)
    ).scalar()
    if seq is None:
        return None
    row = _row(connection, table, seq)
    try:
        row["synthetic_clock"] = _flag(row["synthetic_clock"])
        if table is returns:
            row["history"] = _flag(row["history"])
            row |= {"changes": json.loads(row["changes"])}
            row |= {"confirmations": _confirmations(connection, seq)}
    except (ValueError, TypeError):
        return None
    if table is acts:
        about = sa.select(returns.c.return_id).where(returns.c.seq == row["return_seq"])
        row["return_id"] = connection.execute(about).scalar()
    # A nonce that was destroyed stands on the submitter's receipt alone.
    kept = keyed.nonce_of(connection, seq)
    row["nonce"] = kept or receipt.nonce
    return {name: row[name] for name in _vouched(receipt)}


def _vouched(receipt: Receipt | Act) -> dict[str, Any]:
    """What a receipt says that the ledger keeps: what an act changes follows from the figures."""
    said = receipt.as_dict()
    if isinstance(receipt, Act):
        del said["changes"]
    if not receipt.nonce:
        # The copy in the workspace lost it with the redaction; before version 3 there was none.
        del said["nonce"]
    if receipt.chain_version < CHAIN_VERSION:
        del said["keyed_hash"]
    return said


def _name(stored: Any, stored_chain: Any, recomputed: str) -> str:
    """The id that the record had when it was accepted, as far as what is stored still tells."""
    right = return_id(recomputed)
    # The stored id may be what was changed, and then the chain hash tells the right one.
    if right in (stored, return_id(str(stored_chain))):
        return right
    return str(stored)


def _stored_name(connection: sa.Connection, kind: str, seq: int) -> str:
    table = next(one for one in CHAINED if one.name == kind)
    # Each has its name in the second column, whatever that is called.
    column = list(table.c)[1]
    try:
        return str(connection.execute(sa.select(column).where(table.c.seq == seq)).scalar())
    except SQLAlchemyError:
        return f"record {seq}"


def _short(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


Witness = Receipt | Act | LedgerHead
HEAD = "ledger_head"
# Results, editions and receipts are JSON; a protocol's lock has an ending of its own.
_ENDINGS = (".json", ".lock")
_CHAIN = re.compile(r"[0-9a-f]{64}")
_WANTED = 'a receipt, or JSON that holds "ledger_head": {"returns": 12, "chain": "64 digits"}'


def read_witnesses(path: Path) -> list[Witness]:
    """What vouches for the ledger in a file, or in all files of a folder that do.

    Raises
    ------
    LedgerError : if the file cannot be read or vouches for nothing; for a folder, if none does.
    """
    if not path.is_dir():
        return [_read(path)]
    found = [one for file in _files(path) if (one := _read_if_any(file)) is not None]
    if not found:
        raise LedgerError(
            "no file in this folder vouches for a ledger.", where=str(path), expected=_WANTED
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.rglob("*")) if one.suffix in _ENDINGS and one.is_file())


def _read(path: Path) -> Witness:
    content = _content(path)
    if HEAD in content:
        return _head(content[HEAD], path)
    if content.keys() & {"receipt", "return_id", "act_id"}:
        return read_receipt(path)
    raise LedgerError(
        "this vouches for no ledger: it is no receipt and names no ledger_head.",
        where=str(path),
        expected=_WANTED,
    )


def _read_if_any(path: Path) -> Witness | None:
    """Of a folder's files those count that say something of the ledger; what they say must hold."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    says = isinstance(content, dict) and content.keys() & {HEAD, "chain_hash", "receipt"}
    return _read(path) if says else None


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LedgerError(
            f"the file cannot be read ({error.strerror}).",
            where=str(path),
            expected=_WANTED,
            mend="name a file that is there and that you may read",
        ) from None
    except ValueError:
        raise LedgerError(
            "this is no receipt: it is no JSON.", where=str(path), expected=_WANTED
        ) from None
    if not isinstance(content, dict):
        raise LedgerError("this is no receipt.", where=str(path), expected=_WANTED)
    return content


def _head(given: Any, path: Path) -> LedgerHead:
    held = given if isinstance(given, dict) else {}
    count, chain = held.get("returns"), held.get("chain")
    # True is an int to Python, and no count.
    sound = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    if not sound or not isinstance(chain, str) or not _CHAIN.fullmatch(chain):
        raise LedgerError("its ledger_head cannot be read.", where=str(path), expected=_WANTED)
    return LedgerHead(returns=int(count or 0), chain=chain, where=path.name)
