"""Whether a vintage extends the ledger as it stood at the lock, by the protocol's rule.

Four things are asked. The locked head is one of the chain's records by then. Every record holds
when it is recomputed from the raw bytes up. No record was put in with an instant before the one
that it follows, which would change a past vintage behind an unbroken chain. And, by the due-day
rule, nothing was received after the day on which the last quarter's returns were due.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from evaluation.ledger.receipt import FIRST, Act, Receipt
from evaluation.quarters import Period, format_instant
from evaluation.study.calendar import due

if TYPE_CHECKING:
    from evaluation.ledger.ledger import Ledger
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol
    from evaluation.study.lock import Lock

Record = Receipt | Act
NAMED = 3


def not_by_the_rule(
    what: tuple[Programme, Protocol], ledger: Ledger, lock: Lock, as_of: datetime | None
) -> list[str]:
    """Why a vintage is not one that the lock provides for; nothing if it is."""
    programme, protocol = what
    chain = _in_order(ledger)
    known = [one for one in chain if as_of is None or one.received <= format_instant(as_of)]
    said = [
        found for step in lock.steps if (found := _not_ancestor(step, known, chain)) is not None
    ]
    broken = ledger.verify().broken
    said += [
        f"The ledger does not hold: {'return ' + one.return_id if one.return_id else 'it'}: "
        f"{one.what}"
        for one in broken[:NAMED]
    ]
    said += _backdated(lock, chain)
    if protocol.vintage_rule == "due_day" and not said:
        said += _after_due(programme, known)
    return said


def _in_order(ledger: Ledger) -> list[Record]:
    """Every record of the chain, each after the one that it follows."""
    records: list[Record] = [*ledger.receipts(), *ledger.acts()]
    after = {one.previous_hash: one for one in records}
    chain: list[Record] = []
    head = FIRST
    while head in after and len(chain) < len(records):
        chain.append(after[head])
        head = after[head].chain_hash
    return chain


def _not_ancestor(step: object, known: list[Record], chain: list[Record]) -> str | None:
    assert isinstance(step, dict)
    head, day = step["ledger_head"]["chain"], step["frozen"][:10]
    if head == FIRST or any(one.chain_hash == head for one in known):
        return None
    if any(one.chain_hash == head for one in chain):
        return f"This vintage is older than the lock of {day}: it was known when that was made."
    return f"The ledger is not that of the lock of {day}: it does not hold the record named there."


def _backdated(lock: Lock, chain: list[Record]) -> list[str]:
    """Records after the first lock's head that claim an instant before the one they follow."""
    hashes = [FIRST, *(one.chain_hash for one in chain)]
    head = lock.first["ledger_head"]["chain"]
    if head not in hashes:
        return []
    begin, said = hashes.index(head), []
    latest = max([one.received for one in chain[:begin]] + [lock.first["frozen"]])
    for one in chain[begin:]:
        if one.received < latest:
            name = one.return_id if isinstance(one, Receipt) else one.act_id
            said.append(
                f"Record {name} was put into the ledger as if received on {one.received[:10]}, "
                f"before {latest[:10]}: a past vintage is another than it was."
            )
        latest = max(latest, one.received)
    return said[:NAMED]


def _after_due(programme: Programme, known: list[Record]) -> list[str]:
    own = [one for one in known if isinstance(one, Receipt) and one.programme == programme.name]
    if not own:
        return []
    last = max(Period.parse(one.quarter) for one in own)
    limit = due(last, programme)
    if max(one.received for one in own) <= format_instant(limit):
        return []
    return [
        f"This vintage holds returns of after {limit.date().isoformat()}, on which those "
        f"of {last} were due; the protocol looks at what was known by then."
    ]
