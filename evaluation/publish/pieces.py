"""What the ledger learned between two instants, in pieces that can be put in one by one.

Between two vintages three things can happen: returns of quarters that were known are given again
or come late, returns are withdrawn, and returns of new quarters come in. Each set of these is a
vintage that might have been: the ledger as if only they had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.ledger.receipt import Act, Receipt
from evaluation.quarters import Period

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.ledger.ledger import Ledger

REVISED, WITHDRAWN, NEW = "revised", "withdrawn", "new"
PIECES = (REVISED, WITHDRAWN, NEW)
KEY = ["outcome", "area_code", "quarter"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """The versions of a study's figures, and which returns came, went and when.

    versions : as `Ledger.versions` gives them. before, after : the two instants, inclusive.
    came : return -> its piece, of those received between the two and not withdrawn again by then.
    gone : the returns known before and withdrawn between the two, with the reason.
    standing : the returns known and not withdrawn before.
    last : the last quarter with a figure before; None where nothing was known.
    """

    versions: pd.DataFrame
    before: str
    after: str
    came: dict[str, str]
    gone: dict[str, str]
    standing: frozenset[str]
    last: Period | None

    @classmethod
    def read(
        cls, ledger: Ledger, programme: str, outcomes: Collection[str], before: str, after: str
    ) -> Learned:
        """What was learned of these outcomes after ``before``, up to ``after``."""
        versions = ledger.versions(programme, outcomes=list(outcomes))
        acts = [act for act in ledger.acts() if act.kind == "withdrawal" and act.received <= after]
        receipts = {
            one.return_id: one for one in ledger.receipts(programme) if one.received <= after
        }
        away = {act.return_id: act for act in acts}
        standing = frozenset(
            name
            for name, one in receipts.items()
            if one.received <= before and not _away(away, name, before)
        )
        held = versions.loc[versions["return_id"].isin(standing), "quarter"].unique()
        last = max((Period.parse(label) for label in held), default=None)
        came = {
            name: _piece(one, last)
            for name, one in receipts.items()
            if one.received > before and name not in away
        }
        gone = {name: away[name].reason for name in standing if name in away}
        return cls(
            versions=versions,
            before=before,
            after=after,
            came=came,
            gone=gone,
            standing=standing,
            last=last,
        )

    @property
    def pieces(self) -> tuple[str, ...]:
        """The pieces that hold anything for these outcomes, in the order of `PIECES`."""
        held = set(self.versions["return_id"])
        there = {piece for name, piece in self.came.items() if name in held}
        there |= {WITHDRAWN} if held & set(self.gone) else set()
        return tuple(piece for piece in PIECES if piece in there)

    def known(
        self, pieces: Collection[str], revised: Callable[[pd.DataFrame], pd.Series] | None = None
    ) -> pd.DataFrame:
        """The latest version of each figure with only these pieces learned.

        Parameters
        ----------
        revised : of the rows given again, those that count (a mask); by default all of them.
        """
        chosen = set(self.standing) | {n for n, piece in self.came.items() if piece in pieces}
        if WITHDRAWN in pieces:
            chosen -= set(self.gone)
        rows = self.versions[self.versions["return_id"].isin(chosen)]
        if revised is not None:
            again = rows["return_id"].map(self.came).eq(REVISED)
            rows = rows[~again | revised(rows)]
        return rows[~rows.duplicated(KEY, keep="last")].reset_index(drop=True)


def _away(away: dict[str, Act], name: str, instant: str) -> bool:
    return name in away and away[name].received <= instant


def _piece(receipt: Receipt, last: Period | None) -> str:
    """A return of a quarter after the last one known is new; any other is given again, or late."""
    return (
        NEW if last is None or Period.parse(receipt.quarter).last_day > last.last_day else REVISED
    )
