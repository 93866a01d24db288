"""Receipt: what a submitter gets back, and how its hashes are made.

The chain hash covers the receipt before it, so that nobody who holds a later receipt can be shown
a ledger in which an earlier return was changed or taken out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from evaluation import fingerprint
from evaluation.errors import LedgerError
from evaluation.fingerprint import hash_under

ActKind = Literal["withdrawal", "redaction", "destruction"]
FIRST = "0" * 64
"""What stands for the receipt before the first one."""
CHAIN_VERSION = 3
"""What new receipts bind. Version 1 left out the count of figures, the changes, the confirmations
and whether the clock was set; up to version 2 the hash of the figures was bound bare, so that
whoever saw it could try counts until one fitted."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """An accepted return.

    ``received`` is an instant in UTC as text; ``rows`` counts its figures; ``changes`` says in
    words what differs from the submitter's last return for the same period; ``confirmations`` are
    the reasons given for what was questioned. ``by`` is the person or service that sent it, as
    named then; empty where nobody was. ``history`` tells that it was loaded among others as what
    had been counted before anybody was asked. ``synthetic_clock`` tells that ``received`` was set
    and not read from a clock. ``already_held`` tells that nothing was added: the same content had
    been accepted before, and this is the receipt of that time. ``keyed_hash`` is what may be seen
    of the return outside the workspace, and ``nonce`` the key to it, for the ledger and the
    submitter alone; both are empty before chain version 3, the nonce once it is redacted too.
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
    chain_version: int = 1
    by: str = ""
    history: bool = False
    # Bound by the chain hash; what was accepted before there were any may gain neither.
    keyed_hash: str = field(default="", compare=False)
    nonce: str = field(default="", compare=False)
    # The same receipt whether it came back at once or was asked for again.
    already_held: bool = field(default=False, compare=False)
    head: str = field(default="", compare=False, repr=False)
    """What may be seen outside of the record as the head of a chain; no part of the receipt."""

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
            "chain_version": self.chain_version,
            "by": self.by,
            "history": self.history,
            "keyed_hash": self.keyed_hash,
            "nonce": self.nonce,
        }

    def as_listed(self, heads: Mapping[str, str]) -> dict[str, Any]:
        """As ``ledger log`` lists it: without the nonce and without any hash that could be tried.

        Parameters
        ----------
        heads : chain hash -> what of it may be seen outside, of every record.
        """
        listed = self.as_dict()
        del listed["nonce"], listed["content_hash"]
        for name in ("chain_hash", "previous_hash"):
            listed[name] = heads.get(listed[name], listed[name])
        return listed

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Receipt:
        """Read back what ``as_dict`` gave; one without a chain version is of version 1.

        Raises
        ------
        LedgerError : if a field is missing or unknown.
        """
        # The receipts of version 1 on officers' disks do not name it, and none before this release
        # says who sent the return.
        earlier: dict[str, Any] = {"chain_version": 1, "by": "", "history": False}
        earlier |= {"keyed_hash": "", "nonce": ""}
        content = earlier | content
        known = {one.name for one in fields(cls)} - {"already_held", "head"}
        # Unknown fields are refused too: a receipt that says more than is hashed could say
        # anything.
        if content.keys() != known:
            odd = ", ".join(sorted(content.keys() ^ known))
            raise LedgerError(f"this is no receipt: fields missing or unknown: {odd}.")
        lists = {
            "changes": tuple(content["changes"]),
            "confirmations": tuple(dict(one) for one in content["confirmations"]),
        }
        return cls(**(content | lists))


@dataclass(frozen=True, kw_only=True)
class Act:
    """What was done about an accepted return later: withdrawn, its file redacted, or destroyed.

    It has its place in the same chain as the returns, and the instant from which it holds.
    ``changes`` says in words which figures a withdrawal changes: what stood, and what stands again
    in its place. It follows from the records before it and is no part of what is hashed.
    """

    act_id: str
    kind: ActKind
    return_id: str
    received: str
    reason: str
    previous_hash: str
    chain_hash: str
    synthetic_clock: bool = False
    by: str = ""
    changes: tuple[str, ...] = field(default=(), compare=False)
    chain_version: int = 2
    keyed_hash: str = field(default="", compare=False)
    nonce: str = field(default="", compare=False)
    remains: str = ""
    head: str = field(default="", compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """As printed and kept in files."""
        content = asdict(self) | {"changes": list(self.changes)}
        del content["head"]
        if not self.remains:
            # The receipts of other acts stay as they were.
            del content["remains"]
        return content

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Act:
        """Read back what ``as_dict`` gave.

        Raises
        ------
        LedgerError : if a field is missing or unknown.
        """
        # Records of version 0.1.0 say neither who made them nor what they change.
        earlier: dict[str, Any] = {"by": "", "changes": (), "chain_version": 2}
        earlier |= {"keyed_hash": "", "nonce": "", "remains": ""}
        content = earlier | content
        known = {one.name for one in fields(cls)} - {"head"}
        if content.keys() != known:
            odd = ", ".join(sorted(content.keys() ^ known))
            raise LedgerError(f"this is no record of an act: fields missing or unknown: {odd}.")
        return cls(**(content | {"changes": tuple(content["changes"])}))


@dataclass(frozen=True, kw_only=True)
class LedgerHead:
    """Where the ledger stood: how many returns it held, and its last record.

    ``chain`` is the record's chain hash, or, where that binds figures bare as it did up to chain
    version 2, the same under the record's seal: documents that name a head are published.
    ``where`` names the document that says so. Without a record ``chain`` is ``FIRST``.
    """

    returns: int
    chain: str
    where: str = ""

    def as_dict(self) -> dict[str, Any]:
        """What a document holds under ``ledger_head``."""
        return {"returns": self.returns, "chain": self.chain}


def read_receipt(path: Path) -> Receipt | Act:
    """The receipt, or the record of an act, in a file.

    Raises
    ------
    LedgerError : if the file cannot be read, or holds neither.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError
        content = content.get("receipt") or content  # as `submit --json` prints it
        return Act.from_dict(content) if "act_id" in content else Receipt.from_dict(content)
    except OSError as error:
        raise LedgerError(
            f"the receipt cannot be read ({error.strerror}).",
            where=str(path),
            mend="name a file that is there and that you may read",
        ) from None
    except (ValueError, TypeError, AttributeError):
        raise LedgerError(
            "this is no receipt.",
            where=str(path),
            expected="JSON as `newstart submit --json` prints it",
            mend="name the receipt that came back when the return was accepted",
        ) from None
    except LedgerError as error:
        raise LedgerError(error.what, where=str(path)) from None


def chain_hash(
    *,
    previous_hash: str,
    content_hash: str,
    file_sha256: str,
    programme: str,
    submitter: tuple[str, str],
    quarter: str,
    received: str,
    details: ReceiptDetails | None = None,
    hidden: Hidden | None = None,
) -> str:
    """SHA-256 that binds a return to the one accepted before it in the same ledger.

    ``submitter`` is the site and the agency. ``details`` is what else the receipt says; without it
    the hash is that of chain version 1. ``hidden`` is the keyed hash and the seal, under which from
    version 3 on stands whatever holds a figure; without it the hash is that of version 2.
    """
    site, agency = submitter
    # Names and values are hashed together as canonical data: strings merely joined could be cut
    # elsewhere and give the same text.
    bound: dict[str, Any] = {
        "previous_hash": previous_hash,
        "content_hash": content_hash,
        "file": file_sha256,
        "programme": programme,
        "site": site,
        "agency": agency,
        "quarter": quarter,
        "received": received,
    }
    # Version 1 must hash as it did then, field for field, or old receipts would stop verifying.
    if details is not None:
        bound |= asdict(details) | {"chain_version": 2}
        _bind_name(bound)
        # Likewise: what came by itself hashes as before there was a way to load history.
        if not bound["history"]:
            del bound["history"]
    if details is not None and hidden is not None:
        bound = _under_the_seal(bound, hidden, ("content_hash", "file", "changes", "confirmations"))
    return fingerprint.of_data(bound)


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """How a record of chain version 3 binds its figures: by a keyed hash, and under a seal."""

    keyed_hash: str
    seal: str


def _under_the_seal(
    bound: dict[str, Any], hidden: Hidden, names: tuple[str, ...]
) -> dict[str, Any]:
    """What is bound, with the entries that hold figures hashed under the seal."""
    sealed = hash_under(hidden.seal, {name: bound.pop(name) for name in names})
    return bound | {
        "sealed": sealed,
        "keyed_hash": hidden.keyed_hash,
        "chain_version": CHAIN_VERSION,
    }


@dataclass(frozen=True, kw_only=True)
class ReceiptDetails:
    """What a receipt says beside the figures: bound by the chain from version 2 on."""

    rows: int
    changes: tuple[str, ...]
    confirmations: tuple[dict[str, str], ...]
    synthetic_clock: bool
    by: str = ""
    history: bool = False


def reason_record(held: Mapping[Any, Any]) -> dict[str, str]:
    """A reason as receipts print it and the chain binds it.

    Whose it is and that it is one for a whole rule stand in it only where they were said: what was
    confirmed cell by cell hashes as it always did.
    """
    said = {name: str(held[name]) for name in ("rule", "cell", "value", "reason")}
    return said | {name: held[name] for name in BLANKET if held[name]}


BLANKET = ("scope", "by", "area_code", "outcome")
"""What is said of a reason besides where it was given for a whole rule."""


def _bind_name(bound: dict[str, Any]) -> None:
    """Leave out a name that was not given: records from before there were names hash as they did.

    A name put in, changed or taken out afterwards changes the hash all the same.
    """
    if not bound["by"]:
        del bound["by"]


def act_hash(
    *,
    previous_hash: str,
    kind: str,
    return_id: str,
    received: str,
    reason: str,
    synthetic_clock: bool,
    by: str = "",
    remains: str = "",
    hidden: Hidden | None = None,
) -> str:
    """SHA-256 that binds an act to the record before it in the same ledger; see `chain_hash`."""
    bound: dict[str, Any] = {
        "previous_hash": previous_hash,
        # Under a name that returns do not have: no act can pass for a return, nor the reverse.
        "act": kind,
        "return_id": return_id,
        "received": received,
        "reason": reason,
        "synthetic_clock": synthetic_clock,
        "by": by,
    }
    _bind_name(bound)
    if remains:
        bound["remains"] = remains
    if hidden is not None:
        # A reason may quote figures.
        bound = _under_the_seal(bound, hidden, ("reason",))
    return fingerprint.of_data(bound)


def return_id(chain: str) -> str:
    """The short name of a return or an act: the first twelve digits of its chain hash."""
    # 48 bits: among a million returns the chance that two share a name is below one in 500.
    return chain[:12]
