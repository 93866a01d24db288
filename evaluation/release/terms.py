"""By which key and policies a programme's figures are released."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluation.disclosure import key as keys
from evaluation.disclosure.counts import Count
from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy, policy_of
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.signatures import PrintedValue
from evaluation.ledger.unreleased import unreleased
from evaluation.programme import Programme
from evaluation.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Before:
    """What earlier editions printed of a programme, from the register.

    hidden : addresses that one of them hid, or that were withdrawn: hidden once, hidden always.
    last : address -> the value printed last. key : what names the key that prints now.
    """

    hidden: frozenset[str] = frozenset()
    last: Mapping[str, PrintedValue] = field(default_factory=dict)
    key: str = ""

    @classmethod
    def read(cls, workspace: Workspace, programme: str, key: Key) -> Before:
        """From the ledger; nothing where there is none."""
        if not workspace.has_ledger:
            return cls(key=key.check_value)
        with Ledger.open(workspace.database, workspace.raw) as ledger:
            lines, signed = ledger.register(programme), ledger.signatures(programme)
        hidden = {one.address for one in lines if one.kind == "count" and one.printed == "null"}
        hidden |= {one.signed.hash for one in signed if one.signed.kind == "cell withdrawn"}
        return cls(
            hidden=frozenset(hidden), last={one.address: one for one in lines}, key=key.check_value
        )

    def count(self, address: str, shown: Count) -> Count:
        """A count as it is printed beside what was printed of it before.

        A count that was printed by another key, which was lost, stays as it was printed: a second
        offset of one count would close in on it. A count that was hidden once stays hidden.
        """
        if address in self.hidden:
            return Count(printed=None, low=0, high=None, atoms=shown.atoms, areas=shown.areas)
        last = self.last.get(address)
        if last is None or last.key in ("", self.key):
            return shown
        low, high = last.low, last.high
        return Count(
            printed=json.loads(last.printed),
            low=0 if low is None else round(low),
            high=None if high is None else round(high),
            atoms=shown.atoms,
            areas=shown.areas,
        )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a programme's figures are printed.

    open_data : every figure is open data, printed as its source prints it: it is rounded to digits
    that can be read, and nothing is hidden. key_is_public : the figures are invented, and the key
    stands in the code, so that whoever likes can try it. before : what was printed already.
    """

    key: Key
    policies: Mapping[str, Policy] = field(default_factory=dict)
    open_data: bool = False
    key_is_public: bool = False
    before: Before = field(default_factory=lambda: Before())

    def policy(self, outcome: str) -> Policy:
        """Of an outcome; the rule of the house where it declares none."""
        return self.policies.get(outcome, Policy())


def public_key(programme: str) -> Key:
    """The key of a synthetic programme: public, since it protects nobody."""
    return Key(secret=hashlib.sha256(f"newstart synthetic {programme}".encode()).digest())


def terms_of(workspace: Workspace, programme: Programme) -> Terms:
    """The terms of a programme.

    Raises
    ------
    DisclosureError : its figures are people's and no disclosure key is named.
    """
    policies = {one.code: policy_of(one) for one in programme.outcomes}
    if programme.synthetic:
        key = public_key(programme.name)
        before = Before.read(workspace, programme.name, key)
        return Terms(key=key, policies=policies, key_is_public=True, before=before)
    if unreleased(workspace, programme) is None:
        return Terms(key=public_key(programme.name), open_data=True, key_is_public=True)
    key = keys.read()
    before = Before.read(workspace, programme.name, key)
    return Terms(key=key, policies=policies, before=before)
