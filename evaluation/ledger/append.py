"""Writing to the ledger: a return or an act takes the next place in the one chain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import sqlalchemy as sa

from evaluation.check.report import Confirmation
from evaluation.errors import LedgerError
from evaluation.fingerprint import hash_under
from evaluation.ledger import keyed
from evaluation.ledger.receipt import (
    BLANKET,
    CHAIN_VERSION,
    FIRST,
    Act,
    ActKind,
    Hidden,
    LedgerHead,
    ReceiptDetails,
    act_hash,
    chain_hash,
    reason_record,
    return_id,
)
from evaluation.ledger.schema import (
    CHAINED,
    acts,
    confirmations,
    nonces,
    observations,
    returns,
    seals,
    signatures,
)
from evaluation.ledger.vintages import changes, held, last_revisions, withdrawn
from evaluation.returns.form import FigureKey, Observation, Return


def plain(returned: Return) -> Return:
    """The return with its figures as every database gives them back.

    An integer is stored as a float, and SQLite knows no negative zero: what is hashed must be what
    is read back.
    """
    rows = tuple(_plain(row) for row in returned.rows)
    return replace(returned, rows=rows)


def _plain(row: Observation) -> Observation:
    # Adding 0.0 turns -0.0 into 0.0.
    numerator, denominator, se, respondents = (
        None if one is None else float(one) + 0.0
        for one in (row.numerator, row.denominator, row.se, row.respondents)
    )
    return replace(
        row, numerator=numerator, denominator=denominator, se=se, respondents=respondents
    )


def latest_of(connection: sa.Connection, returned: Return) -> sa.Row[Any, Any] | None:
    """The submitter's last return for the period that was not withdrawn, if there is one."""
    r = returns.c
    return connection.execute(
        sa.select(r.seq, r.content_hash)
        .where(
            r.programme == returned.programme,
            r.site == returned.site,
            r.agency == returned.agency,
            r.quarter == returned.period.label,
            # A withdrawn return is no version to compare with: sending its figures again is a new
            # return.
            r.seq.not_in(withdrawn()),
        )
        .order_by(r.seq.desc())
        .limit(1)
    ).first()


def refuse_redacted(connection: sa.Connection, returned: Return) -> None:
    """A file that was taken out for good does not come back by being sent again.

    Raises
    ------
    LedgerError : if the file's content was redacted.
    """
    found = connection.execute(
        sa.select(acts.c.received, acts.c.reason)
        .join(returns, returns.c.seq == acts.c.return_seq)
        # By the file's hash, which the ledger keeps when the bytes are gone.
        .where(acts.c.kind == "redaction", returns.c.file_sha256 == returned.sha256)
    ).first()
    if found is not None:
        raise LedgerError(
            f"this very file was redacted on {found.received[:10]} ({found.reason});"
            " nothing was accepted.",
            where=f"{returned.site} {returned.agency} {returned.period}",
            mend="take out of the file what may not be kept, and submit it as a new one.",
        )


def append_return(
    connection: sa.Connection,
    returned: Return,
    received: str,
    given: Sequence[Confirmation],
    synthetic_clock: bool,
    *,
    by: str = "",
    history: bool = False,
    repeatable: bool = False,
) -> int:
    """Add a return with its confirmations and figures; its place in the chain comes back.

    ``repeatable`` : for invented figures alone, see `keyed.secret_for`.
    """
    # Read inside the writer's transaction, before the insert: afterwards they would hold the return
    # itself.
    standing, numbered = held(connection, returned), last_revisions(connection, returned)
    details = ReceiptDetails(
        rows=len(returned.rows),
        changes=changes(returned, standing),
        confirmations=tuple(reason_record(asdict(one)) for one in given),
        synthetic_clock=synthetic_clock,
        by=by.strip(),
        history=history,
    )
    seq, previous, _ = next_place(connection)
    what = [previous, returned.content_hash, returned.sha256, received]
    nonce, seal = (keyed.secret_for([of, *what], repeatable=repeatable) for of in ("nonce", "seal"))
    stored = _stored(returned, details, previous, received, _Secrets(nonce, seal))
    # The return first: confirmations and figures refer to its number.
    connection.execute(returns.insert(), stored | {"seq": seq})
    keyed.keep(connection, seq, nonce, seal)
    if details.confirmations:
        numbers = enumerate(details.confirmations, start=1)
        # One insert takes rows of one shape.
        empty = dict.fromkeys(BLANKET, "")
        rows = [{"return_seq": seq, "number": number, **empty, **one} for number, one in numbers]
        connection.execute(confirmations.insert(), rows)
    connection.execute(observations.insert(), _observed(seq, returned, numbered))
    return seq


class _Secrets(NamedTuple):
    nonce: str
    seal: str


def _stored(
    returned: Return, details: ReceiptDetails, previous: str, received: str, of: _Secrets
) -> dict[str, Any]:
    seen = keyed.keyed_hash(
        of.nonce,
        content_hash=returned.content_hash,
        file_sha256=returned.sha256,
        changes=details.changes,
        confirmations=details.confirmations,
    )
    chain = chain_hash(
        previous_hash=previous,
        content_hash=returned.content_hash,
        file_sha256=returned.sha256,
        programme=returned.programme,
        submitter=(returned.site, returned.agency),
        quarter=returned.period.label,
        received=received,
        details=details,
        hidden=Hidden(keyed_hash=seen, seal=of.seal),
    )
    return {
        "return_id": return_id(chain),
        "programme": returned.programme,
        "site": returned.site,
        "agency": returned.agency,
        "quarter": returned.period.label,
        "received": received,
        "rows": details.rows,
        "file_sha256": returned.sha256,
        "content_hash": returned.content_hash,
        "previous_hash": previous,
        "chain_hash": chain,
        # Names keep their letters in the stored text, as they do in what is hashed.
        "changes": json.dumps(details.changes, ensure_ascii=False),
        "synthetic_clock": details.synthetic_clock,
        "chain_version": CHAIN_VERSION,
        "by": details.by,
        "history": details.history,
        "keyed_hash": seen,
    }


def place_of(connection: sa.Connection, return_id_: str) -> int:
    """Where a return stands in the chain.

    Raises
    ------
    LedgerError : if the ledger holds no such return.
    """
    found = connection.execute(
        sa.select(returns.c.seq).where(returns.c.return_id == return_id_)
    ).scalar()
    if found is None:
        raise LedgerError(
            "the ledger holds no return of that id.",
            where=return_id_,
            mend="newstart ledger log lists them.",
        )
    return int(found)


def append_act(
    connection: sa.Connection,
    kind: ActKind,
    return_id_: str,
    *,
    reason: str,
    received: str,
    synthetic_clock: bool,
    by: str = "",
    remains: str = "",
) -> Act:
    """Add an act; a withdrawal or a redaction that stands already comes back as it is.

    A redaction destroys the nonce of its return. ``remains`` : see destruction.py.

    Raises
    ------
    LedgerError : if no reason is given, or the ledger holds no such return.
    """
    if not reason.strip():
        raise LedgerError(f"a {kind} needs a reason, which is kept for ever.", where=return_id_)
    found = place_of(connection, return_id_)
    # Asked again, an act comes back as it stands: a retry after a lost connection adds nothing.
    done = [
        one
        for one in read_acts(connection)
        # What was destroyed in part may be destroyed further: that is another act.
        if (one.kind, one.return_id, one.remains) == (kind, return_id_, remains)
    ]
    if done:
        if kind == "redaction":
            keyed.destroy(connection, found)
        return done[0]
    seq, previous, _ = next_place(connection)
    # What is hashed must be what is stored, to the blank.
    content: dict[str, Any] = {"received": received, "reason": reason.strip()}
    content |= {"previous_hash": previous, "synthetic_clock": synthetic_clock, "by": by.strip()}
    nonce, seal = (
        # Only a return of invented figures has a nonce that can be made again.
        keyed.secret_for([of, kind, return_id_, *content.values()], repeatable=synthetic_clock)
        for of in ("nonce", "seal")
    )
    seen = keyed.keyed_reason(nonce, content["reason"])
    hidden = Hidden(keyed_hash=seen, seal=seal)
    content |= {"remains": remains}
    chain = act_hash(kind=kind, return_id=return_id_, hidden=hidden, **content)
    stored = content | {"kind": kind, "act_id": return_id(chain), "chain_hash": chain}
    stored |= {"chain_version": CHAIN_VERSION, "keyed_hash": seen}
    connection.execute(acts.insert(), stored | {"seq": seq, "return_seq": found})
    keyed.keep(connection, seq, nonce, seal)
    if kind == "redaction":
        keyed.destroy(connection, found)
    return Act(return_id=return_id_, **stored, nonce=nonce, head=chain)


def read_acts(connection: sa.Connection) -> list[Act]:
    """Every act in the order of the chain."""
    a = acts.c
    rows = connection.execute(
        sa.select(a.act_id, a.kind, returns.c.return_id, a.received, a.reason)
        .add_columns(a.previous_hash, a.chain_hash, a.synthetic_clock, a.by)
        .add_columns(a.chain_version, a.keyed_hash, a.remains, seals.c.seal, nonces.c.nonce)
        .join(returns, returns.c.seq == a.return_seq)
        .outerjoin(seals, seals.c.seq == a.seq)
        .outerjoin(nonces, nonces.c.seq == a.seq)
        .order_by(a.seq)
    )
    found = []
    for row in rows:
        held = dict(row._mapping)
        seal, nonce = held.pop("seal"), held.pop("nonce")
        head = head_of(held["chain_hash"], held["chain_version"], seal)
        found.append(Act(**held, nonce=nonce or "", head=head))
    return found


def head_of(chain: str, version: int, seal: str | None) -> str:
    """What may be seen outside of a record as the head of a chain.

    A hash of version 2 or before is shown under the record's seal, never bare.
    """
    if version >= CHAIN_VERSION:
        return chain
    if seal and (kept := keyed.relic(seal)) is not None:
        return kept.head
    return hash_under(seal, {"chain_hash": chain}) if seal else ""


def head(connection: sa.Connection) -> LedgerHead:
    """How many returns there are, and the chain hash of the last record."""
    count = connection.execute(sa.select(sa.func.count()).select_from(returns)).scalar_one()
    # Acts are records of the chain too: the last record need not be a return.
    place = next_place(connection)
    if place.previous == FIRST:
        return LedgerHead(returns=count, chain=FIRST)
    seal = keyed.seal_of(connection, place.seq - 1)
    return LedgerHead(returns=count, chain=head_of(place.previous, place.version, seal))


UNVERSIONED = 0


class _Place(NamedTuple):
    """A number of the chain, the hash that the record there must follow, and its version."""

    seq: int
    previous: str
    version: int


def next_place(connection: sa.Connection) -> _Place:
    """The next free number of the chain, and the hash that the record there follows."""
    # Returns, acts and entries number one sequence between them, which no table's own sequence
    # could; the writer's lock keeps it free of doubles.
    last = [
        row
        for table in CHAINED
        for row in connection.execute(
            sa.select(table.c.seq, table.c.chain_hash, version_of(table))
            .order_by(table.c.seq.desc())
            .limit(1)
        )
    ]
    places = (_Place(row.seq + 1, row.chain_hash, row.chain_version) for row in last)
    return max(places, default=_Place(1, FIRST, CHAIN_VERSION))


def version_of(table: sa.Table) -> sa.ColumnElement[int]:
    """The chain version of a table's records.

    An entry of the learning log binds no figure and has none; but after returns whose figures were
    bound bare its hash could be tried as theirs can, and it is shown under its seal.
    """
    if "chain_version" in table.c:
        return table.c.chain_version
    if table is signatures:
        # What is signed is bound under the seal.
        return sa.literal(CHAIN_VERSION).label("chain_version")
    bare = sa.exists().where(returns.c.chain_version < CHAIN_VERSION, returns.c.seq < table.c.seq)
    return sa.case((bare, UNVERSIONED), else_=CHAIN_VERSION).label("chain_version")


def _observed(seq: int, returned: Return, numbered: dict[FigureKey, int]) -> list[dict[str, Any]]:
    return [
        {
            "programme": returned.programme,
            "outcome": row.outcome,
            "area_code": row.area_code,
            "quarter": row.quarter.label,
            # From -1, so that a figure's first version is revision 0.
            "revision": numbered.get(row.key, -1) + 1,
            "return_seq": seq,
            "numerator": row.numerator,
            "denominator": row.denominator,
            "status": row.status,
            "note": row.note,
            "se": row.se,
            "respondents": row.respondents,
        }
        for row in returned.rows
    ]
