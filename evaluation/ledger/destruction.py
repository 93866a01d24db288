"""Destroying figures for good: the chain keeps that a return came, and nothing of what it held.

The figures that an agreement covers go out of the tables, and with them whatever quotes them: what
the return changed, what was confirmed, the hashes of its content and file, its nonce, and its seal,
under which alone the chain could be tried. Its raw file goes, and its data key, so that no back-up
of it can be read again. An act in the chain binds what remains: who sent it, when, how many figures
it had, and those of its figures that the agreement does not cover.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from evaluation.errors import LedgerError
from evaluation.fingerprint import hash_under
from evaluation.ledger import keyed
from evaluation.ledger.append import append_act
from evaluation.ledger.receipt import CHAIN_VERSION, FIRST, Act
from evaluation.ledger.schema import (
    EMPTY,
    acts,
    confirmations,
    nonces,
    observations,
    returns,
    seals,
)

Covers = Callable[[str, str], bool]
"""Whether a figure of an outcome and an area is to go."""
_KEY = ("programme", "outcome", "area_code", "quarter", "revision")
_FIGURE = ("numerator", "denominator", "status", "note", "se", "respondents")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A return that holds figures to be destroyed.

    figures : how many of them; left : how many others it holds, which stay. gone : the keys of the
    figures to be destroyed, in the order of ``observations``' primary key.
    """

    seq: int
    return_id: str
    site: str
    agency: str
    quarter: str
    received: str
    file_sha256: str
    figures: int
    left: int
    gone: tuple[tuple[Any, ...], ...]


def find(connection: sa.Connection, programme: str, covers: Covers) -> list[Found]:
    """The returns of a programme that hold figures to be destroyed, in the order of the chain."""
    o, r = observations.c, returns.c
    held: dict[int, list[Any]] = {}
    rows = connection.execute(
        sa.select(o.return_seq, *(o[name] for name in _KEY)).where(o.programme == programme)
    )
    for row in rows:
        held.setdefault(row.return_seq, []).append(tuple(row)[1:])
    found = []
    of_programme = sa.select(returns).where(r.programme == programme).order_by(r.seq)
    for one in connection.execute(of_programme):
        keys = held.get(one.seq, [])
        gone = tuple(sorted(key for key in keys if covers(key[1], key[2])))
        if gone:
            found.append(
                Found(
                    seq=one.seq,
                    return_id=one.return_id,
                    site=one.site,
                    agency=one.agency,
                    quarter=one.quarter,
                    received=one.received,
                    file_sha256=one.file_sha256,
                    figures=len(gone),
                    left=len(keys) - len(gone),
                    gone=gone,
                )
            )
    return found


def destroy(
    connection: sa.Connection,
    found: Found,
    *,
    reason: str,
    received: str,
    by: str,
    synthetic_clock: bool,
) -> Act:
    """Record the destruction in the chain, then take the figures out; the act comes back.

    Raises
    ------
    LedgerError : no reason is given.
    """
    # What stays is bound under a new nonce: a bare hash of few figures could be tried.
    nonce = keyed.secret_for([], repeatable=False) if found.left else ""
    bound = remains(connection, found.seq, nonce, without=frozenset(found.gone))
    act = append_act(
        connection,
        "destruction",
        found.return_id,
        reason=reason,
        received=received,
        synthetic_clock=synthetic_clock,
        by=by,
        remains=bound,
    )
    _empty(connection, found, nonce)
    return act


def _empty(connection: sa.Connection, found: Found, nonce: str) -> None:
    row = connection.execute(sa.select(returns).where(returns.c.seq == found.seq)).one()
    seal = keyed.seal_of(connection, found.seq)
    if keyed.relic(seal) is None:
        bare = row.chain_hash if row.chain_version < CHAIN_VERSION else ""
        seal = keyed.as_relic(seal or FIRST, row.programme, bare)
    if connection.dialect.name == "postgresql":
        # With its owner's rights: the role that the program writes by may change no table.
        gone = json.dumps(found.gone)
        connection.execute(sa.select(sa.func.newstart_destroy(found.seq, gone, seal)))
    else:
        o = observations.c
        match = sa.and_(*(o[name] == sa.bindparam(f"k_{name}") for name in _KEY))
        keys = [
            {f"k_{name}": value for name, value in zip(_KEY, key, strict=True)}
            for key in found.gone
        ]
        connection.execute(observations.delete().where(match), keys)
        connection.execute(confirmations.delete().where(confirmations.c.return_seq == found.seq))
        connection.execute(returns.update().where(returns.c.seq == found.seq).values(EMPTY))
        connection.execute(nonces.delete().where(nonces.c.seq == found.seq))
        connection.execute(seals.update().where(seals.c.seq == found.seq).values(seal=seal))
    if nonce:
        connection.execute(nonces.insert(), {"seq": found.seq, "nonce": nonce})


def remains(
    connection: sa.Connection,
    seq: int,
    nonce: str,
    *,
    without: frozenset[tuple[Any, ...]] = frozenset(),
) -> str:
    """A hash of what is left of a return, under its nonce where that holds figures.

    Parameters
    ----------
    without : keys of figures that are there still and are about to go.
    """
    kept = [column for column in returns.c if column.name not in EMPTY]
    row = connection.execute(sa.select(*kept).where(returns.c.seq == seq)).one()
    o = observations.c
    query = sa.select(*(o[name] for name in (*_KEY, *_FIGURE))).where(o.return_seq == seq)
    figures = sorted(
        [list(one) for one in connection.execute(query) if tuple(one)[: len(_KEY)] not in without],
        key=lambda figure: figure[: len(_KEY)],
    )
    return hash_under(nonce or FIRST, [dict(row._mapping), figures])


def destructions(connection: sa.Connection) -> dict[int, sa.Row[Any]]:
    """Place of a destroyed return -> the last act about it: received, reason, remains, by."""
    rows = connection.execute(
        sa.select(acts.c.return_seq, acts.c.act_id, acts.c.received, acts.c.reason, acts.c.remains)
        .add_columns(acts.c.by)
        .where(acts.c.kind == "destruction")
        .order_by(acts.c.seq)
    )
    return {row.return_seq: row for row in rows}


def destructions_of(connection: sa.Connection, seq: int) -> str | None:
    """What the last destruction of a return bound of it; None where it was not destroyed."""
    bound: str | None = connection.execute(
        sa.select(acts.c.remains)
        .where(acts.c.kind == "destruction", acts.c.return_seq == seq)
        .order_by(acts.c.seq.desc())
        .limit(1)
    ).scalar()
    return bound


def faults_of(connection: sa.Connection, seq: int, bound: str) -> list[str]:
    """What about a destroyed return does not hold."""
    row = connection.execute(sa.select(returns).where(returns.c.seq == seq)).one()
    words = connection.execute(
        sa.select(confirmations.c.number).where(confirmations.c.return_seq == seq)
    ).first()
    if words is not None or any(getattr(row, name) != empty for name, empty in EMPTY.items()):
        return ["it was destroyed, and words or hashes of it are there again."]
    if remains(connection, seq, keyed.nonce_of(connection, seq)) != bound:
        return ["it was destroyed, and what is left of it is not what was left then."]
    return []


def refuse_nothing(found: Sequence[Found], what: str) -> None:
    """Refuse where no figure is held.

    Raises
    ------
    LedgerError : always, where nothing was found.
    """
    if not found:
        raise LedgerError(
            f"the ledger holds no figure of {what}: nothing was destroyed.",
            mend="newstart ledger log lists what was accepted, and what was destroyed already",
        )
