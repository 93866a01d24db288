"""What earlier editions printed, and how it binds what is printed now.

A count that was hidden once stays hidden, and so does one that was withdrawn. A count that was
printed by a key that is lost stays as it was printed; new counts take the second key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evaluation.disclosure.counts import Count
from evaluation.ledger.ledger import Ledger

if TYPE_CHECKING:
    from evaluation.disclosure.key import Key
    from evaluation.ledger.signatures import PrintedValue
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
