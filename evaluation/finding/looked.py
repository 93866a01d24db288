"""What the look ledger says of one outcome: the verdict over all looks so far, and its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Looked:
    """One outcome after its looks.

    number : looks taken so far. crossed : its null hypothesis is rejected, with every outcome of
    its family and every look counted; it stays so whatever later looks show. crossed_at : the
    period whose look rejected it. low, high : the repeated interval on the estimate's scale, valid
    at every look at once. p : sequential p-value, over looks but not over outcomes. spent, alpha :
    chance of a false finding used up by now, and in all. harmed : the separate one-sided watch for
    harm has crossed.
    """

    number: int
    crossed: bool
    crossed_at: str | None
    low: float
    high: float
    p: float
    spent: float
    alpha: float
    harmed: bool = False
