"""Receipt: what a submitter gets back, and how its hashes are made.

The chain hash covers the receipt before it, so that nobody who holds a later receipt can be shown
a ledger in which an earlier return was changed or taken out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from evaluation import fingerprint
from evaluation.errors import LedgerError

FIRST = "0" * 64
"""What stands for the receipt before the first one."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """An accepted return.

    ``received`` is an instant in UTC as text; ``rows`` counts its figures; ``changes`` says in
    words what differs from the submitter's last return for the same period; ``confirmations`` are
    the reasons given for what was questioned. ``synthetic_clock`` tells that ``received`` was set
    and not read from a clock. ``already_held`` tells that nothing was added: the same content had
    been accepted before, and this is the receipt of that time.
    """

    return_id: str
    programme: str
    site: str
    agency: str
    quarter: str
    received: str
    rows: int
    content_hash: str
    previous_hash: str
    chain_hash: str
    changes: tuple[str, ...] = ()
    confirmations: tuple[dict[str, str], ...] = ()
    synthetic_clock: bool = False
    already_held: bool = field(default=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """As printed and kept in files; whether it was held already is no part of it."""
        return {
            "return_id": self.return_id,
            "programme": self.programme,
            "site": self.site,
            "agency": self.agency,
            "quarter": self.quarter,
            "received": self.received,
            "rows": self.rows,
            "content_hash": self.content_hash,
            "previous_hash": self.previous_hash,
            "chain_hash": self.chain_hash,
            "changes": list(self.changes),
            "confirmations": [dict(one) for one in self.confirmations],
            "synthetic_clock": self.synthetic_clock,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Receipt:
        """Read back what ``as_dict`` gave.

        Raises
        ------
        LedgerError : if a field is missing or unknown.
        """
        known = {one.name for one in fields(cls)} - {"already_held"}
        if content.keys() != known:
            odd = ", ".join(sorted(content.keys() ^ known))
            raise LedgerError(f"this is no receipt: fields missing or unknown: {odd}.")
        lists = {
            "changes": tuple(content["changes"]),
            "confirmations": tuple(dict(one) for one in content["confirmations"]),
        }
        return cls(**(content | lists))


def chain_hash(
    *,
    previous_hash: str,
    content_hash: str,
    file_sha256: str,
    programme: str,
    submitter: tuple[str, str],
    quarter: str,
    received: str,
) -> str:
    """SHA-256 that binds a return to the one accepted before it in the same ledger.

    ``submitter`` is the site and the agency.
    """
    site, agency = submitter
    return fingerprint.of_data(
        {
            "previous_hash": previous_hash,
            "content_hash": content_hash,
            "file": file_sha256,
            "programme": programme,
            "site": site,
            "agency": agency,
            "quarter": quarter,
            "received": received,
        }
    )


def return_id(chain: str) -> str:
    """The short name of a return: the first twelve digits of its chain hash."""
    return chain[:12]
