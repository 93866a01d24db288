"""Signatures of output checking, and the register of what was printed; both in the ledger.

A signature takes the next place in the one chain: who asked for a release, approved or refused it,
published it, or withdrew a printed cell. The register holds every value that was ever printed, in
the order in which it was; a publication's signature binds its last line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import sqlalchemy as sa

from evaluation import fingerprint
from evaluation.fingerprint import hash_under
from evaluation.ledger import keyed
from evaluation.ledger.append import next_place
from evaluation.ledger.receipt import FIRST, return_id
from evaluation.ledger.schema import printed_values, signatures

SignatureKind = Literal[
    "request", "approval", "changes asked", "refusal", "publication", "cell withdrawn"
]


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What somebody signs: of which bundle, by its hash, with what note.

    bundle : empty for a withdrawn cell, whose address is the note's first line. ``by`` : a person
    of the programme.
    """

    programme: str
    kind: SignatureKind
    by: str
    bundle: str = ""
    hash: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A signature in the ledger, with its place in the chain."""

    signature_id: str
    signed: Signed
    received: str
    synthetic_clock: bool
    previous_hash: str
    chain_hash: str
    head: str = field(default="", compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        return {
            **asdict(self.signed),
            "signature_id": self.signature_id,
            "received": self.received,
            "chain_hash": self.chain_hash,
        }


@dataclass(frozen=True, kw_only=True)
class PrintedValue:
    """A line of the register.

    printed : as printed, canonical JSON; ``null`` where nothing is shown. low, high : what it
    stands for; None without a limit. key : names the key that its offset hangs on, and for a
    count, behind a colon, its people and time.
    """

    edition: str
    address: str
    kind: str
    printed: str
    low: float | None
    high: float | None
    key: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As ``disclosure register --json`` prints it."""
        held = asdict(self)
        return held | {"printed": json.loads(self.printed)}


def signature_hash(
    *, previous_hash: str, content: str, received: str, synthetic_clock: bool, seal: str
) -> str:
    """SHA-256 that binds a signature to the record before it; a note may quote figures."""
    return fingerprint.of_data(
        {
            "previous_hash": previous_hash,
            # Under a name that no other record has.
            "signature": hash_under(seal, {"content": content}),
            "received": received,
            "synthetic_clock": synthetic_clock,
        }
    )


def append_signature(
    connection: sa.Connection, signed: Signed, *, received: str, synthetic_clock: bool
) -> Signature:
    """Add a signature."""
    place = next_place(connection)
    content = fingerprint.canonical(asdict(signed)).decode()
    seal = keyed.seal(connection, place.seq, [place.previous, content], repeatable=synthetic_clock)
    held: dict[str, Any] = {"content": content, "received": received}
    held |= {"previous_hash": place.previous, "synthetic_clock": synthetic_clock}
    chain = signature_hash(**held, seal=seal)
    stored = held | {"seq": place.seq, "signature_id": return_id(chain), "chain_hash": chain}
    connection.execute(signatures.insert(), stored | {"programme": signed.programme})
    return next(one for one in read_signatures(connection) if one.chain_hash == chain)


def of_content(text: str) -> Signed:
    """Read back what was signed.

    Raises
    ------
    ValueError : it is no signature.
    """
    content = json.loads(text)
    if not isinstance(content, dict) or content.keys() != {one.name for one in fields(Signed)}:
        raise ValueError("it is no signature")
    return Signed(**content)


def read_signatures(connection: sa.Connection, programme: str | None = None) -> list[Signature]:
    """Every signature in the order of the chain, of one programme or of all."""
    chosen = sa.true() if programme is None else signatures.c.programme == programme
    rows = connection.execute(sa.select(signatures).where(chosen).order_by(signatures.c.seq))
    return [
        Signature(
            signature_id=row.signature_id,
            signed=of_content(row.content),
            received=row.received,
            synthetic_clock=row.synthetic_clock,
            previous_hash=row.previous_hash,
            chain_hash=row.chain_hash,
            head=row.chain_hash,
        )
        for row in rows
    ]


def append_printed(
    connection: sa.Connection, programme: str, values: Sequence[PrintedValue]
) -> str:
    """Add lines to the register; the hash of the last one comes back."""
    number, previous = _last(connection)
    rows = []
    for one in values:
        number += 1
        content = {"programme": programme, **asdict(one)}
        # As every database gives them back: what is hashed must be what is read.
        content |= {end: _plain(content[end]) for end in ("low", "high")}
        row_hash = line_hash(number, previous, content)
        rows.append(content | {"number": number, "previous_hash": previous, "row_hash": row_hash})
        previous = row_hash
    if rows:
        connection.execute(printed_values.insert(), rows)
    return previous


def _plain(value: float | None) -> float | None:
    return None if value is None else float(value) + 0.0


def line_hash(number: int, previous: str, content: dict[str, Any]) -> str:
    """SHA-256 of a line of the register, which holds printed values alone."""
    return fingerprint.of_data({"number": number, "previous": previous, **content})


def _last(connection: sa.Connection) -> tuple[int, str]:
    c = printed_values.c
    row = connection.execute(
        sa.select(c.number, c.row_hash).order_by(c.number.desc()).limit(1)
    ).first()
    return (row.number, row.row_hash) if row else (0, FIRST)


def read_printed(connection: sa.Connection, programme: str | None = None) -> list[PrintedValue]:
    """Every line of the register in order, of one programme or of all."""
    c = printed_values.c
    chosen = sa.true() if programme is None else c.programme == programme
    names = [one.name for one in fields(PrintedValue)]
    rows = connection.execute(
        sa.select(*(c[name] for name in names)).where(chosen).order_by(c.number)
    )
    return [PrintedValue(**row._mapping) for row in rows]


def register_faults(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """What of the register does not hold: the line, and what is wrong with it."""
    previous = FIRST
    bound = set(_published(connection))
    lines = connection.execute(sa.select(printed_values).order_by(printed_values.c.number))
    for place, row in enumerate(lines, start=1):
        held = dict(row._mapping)
        number, before, hashed = (held.pop(k) for k in ("number", "previous_hash", "row_hash"))
        if number != place or before != previous:
            yield f"printed {place}", "it does not follow the line of the register before it."
        elif line_hash(number, before, held) != hashed:
            yield f"printed {place}", "it is not the line that was printed."
        previous = hashed
        bound.discard(hashed)
    for one in sorted(bound - {FIRST}):
        yield one[:12], "the register does not hold the last line of a publication."


def _published(connection: sa.Connection) -> Iterator[str]:
    """The last line of the register at each publication, as far as its signature can be read."""
    for text in connection.execute(sa.select(signatures.c.content)).scalars():
        try:
            signed = of_content(text)
        except ValueError:
            # The chain names the signature that was changed.
            continue
        if signed.kind == "publication":
            yield signed.hash
