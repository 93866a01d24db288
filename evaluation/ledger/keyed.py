"""Hashes of returns that cannot be found again by trying counts: keyed, with a nonce each.

A bare hash of a return in which few cells are unknown gives them away: three unknown counts take
seconds to try. From chain version 3 on, what may be seen of a return outside the workspace is a
keyed hash (HMAC-SHA256, RFC 2104) under a nonce of 256 bits, which stays in the ledger and on the
submitter's receipt and is destroyed with the file when the return is redacted. Each record has a
seal besides, which never leaves the ledger: the chain binds the figures under it, so that a ledger
whose nonces were destroyed still verifies, and no hash of the chain can be tried either.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from evaluation import fingerprint
from evaluation.fingerprint import hash_under
from evaluation.ledger.receipt import FIRST
from evaluation.ledger.schema import CHAINED, nonces, returns, seals

LENGTH = 32
"""Bytes of a nonce."""


def secret_for(content: Any, *, repeatable: bool) -> str:
    """A new secret in hexadecimal.

    Parameters
    ----------
    content : what it is for. repeatable : made of the content and not drawn, for invented figures
        alone, so that a demonstration has the same hashes on every run: it hides nothing.
    """
    if repeatable:
        return fingerprint.of_data(["made for invented figures", content])
    return secrets.token_hex(LENGTH)


def keyed_hash(
    nonce: str,
    *,
    content_hash: str,
    file_sha256: str,
    changes: Sequence[str],
    confirmations: Sequence[Mapping[str, str]],
) -> str:
    """What may be seen of a return outside: its figures, file and words, under its nonce.

    The words are under it too: what changed and what was confirmed quote figures.
    """
    return hash_under(
        nonce,
        {
            "content_hash": content_hash,
            "file": file_sha256,
            "changes": list(changes),
            "confirmations": [dict(one) for one in confirmations],
        },
    )


def keyed_reason(nonce: str, reason: str) -> str:
    """What may be seen of an act outside: its reason, which may quote figures, under its nonce."""
    return hash_under(nonce, {"reason": reason})


def seal_of(connection: sa.Connection, seq: int) -> str:
    """The seal of a record; "" where it has none."""
    return str(connection.execute(sa.select(seals.c.seal).where(seals.c.seq == seq)).scalar() or "")


def nonce_of(connection: sa.Connection, seq: int) -> str:
    """The nonce of a record; "" where it was destroyed, or never was one."""
    found = connection.execute(sa.select(nonces.c.nonce).where(nonces.c.seq == seq)).scalar()
    return str(found or "")


def seal(connection: sa.Connection, seq: int, content: Any, *, repeatable: bool) -> str:
    """Keep a seal for a record that has no nonce; it comes back."""
    made = secret_for(["seal", content], repeatable=repeatable)
    connection.execute(seals.insert(), {"seq": seq, "seal": made})
    return made


def keep(connection: sa.Connection, seq: int, nonce: str, seal: str) -> None:
    """Keep a record's nonce and seal."""
    connection.execute(nonces.insert(), {"seq": seq, "nonce": nonce})
    connection.execute(seals.insert(), {"seq": seq, "seal": seal})


def destroy(connection: sa.Connection, seq: int) -> None:
    """Destroy the nonce of a return whose redaction is on record; of any other it is refused."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.newstart_destroy_nonce(seq)))
    else:
        connection.execute(nonces.delete().where(nonces.c.seq == seq))


class Relic(NamedTuple):
    """What stands in the place of a destroyed return's seal: what the seal was still needed for.

    The salt of the programme's hashes, and the head that documents name of a record of before keyed
    hashes. Neither gives the seal back, and without the seal no count can be tried against the
    chain.
    """

    salt: str
    head: str


_RELIC = "destroyed"


def relic(held: str) -> Relic | None:
    """What is left of a seal; None where the seal itself is there."""
    kind, found, rest = held.partition(".")
    if kind != _RELIC or not found:
        return None
    salt, _, head = rest.partition(".")
    return Relic(salt=salt, head=head)


def as_relic(seal: str, programme: str, bare: str) -> str:
    """The text in a destroyed seal's place.

    Parameters
    ----------
    bare : the record's chain hash, where it binds figures bare (up to chain version 2); else "".
    """
    head = hash_under(seal, {"chain_hash": bare}) if bare else ""
    return f"{_RELIC}.{hash_under(seal, ['salt', programme])}.{head}"


def seal_unsealed(connection: sa.Connection) -> None:
    """Give each record of before there were seals one of its own, under which its head is seen."""
    held = set(connection.execute(sa.select(seals.c.seq)).scalars())
    # A step that came later may not have been taken yet.
    there = set(sa.inspect(connection).get_table_names())
    missing = [
        {"seq": seq, "seal": secrets.token_hex(LENGTH)}
        for table in CHAINED
        if table.name in there
        for seq in connection.execute(sa.select(table.c.seq)).scalars()
        if seq not in held
    ]
    if missing:
        connection.execute(seals.insert(), missing)


def salt_of(connection: sa.Connection, programme: str) -> str:
    """The secret under which hashes of a programme's figures leave the workspace.

    It hangs on the seal of the programme's first return, so that it is kept, backed up and verified
    with the chain; without a return there is nothing to hide, nor a secret.
    """
    first = connection.execute(
        sa.select(seals.c.seal)
        .join(returns, returns.c.seq == seals.c.seq)
        .where(returns.c.programme == programme)
        .order_by(seals.c.seq)
        .limit(1)
    ).scalar()
    kept = relic(str(first or FIRST))
    return kept.salt if kept else hash_under(str(first or FIRST), ["salt", programme])
