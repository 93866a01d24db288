"""Before: what had been accepted when a return came, handed in by whoever holds the ledger.

A check opens no ledger. Everything that it compares a return with is in this one frozen object,
so that the same return with the same past gives the same questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from evaluation.check.parameters import QuestionParameters, parameters
from evaluation.returns.content import Figures

Key = tuple[str, str]
"""(area code, outcome code)."""


class Held(NamedTuple):
    """An accepted figure; ``period`` is the ordinal of the period that it is about."""

    period: int
    numerator: float | None
    denominator: float | None
    status: str = ""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How an outcome's figures usually move from quarter to quarter, over all areas.

    ``cell`` is the standard deviation of one area's change beyond what chance gives a count, and
    ``common`` that of the change of all areas together, both robust and in log points. ``repeats``
    is the share of figures, and ``fixed`` that of denominators, that stay as they were. ``changes``
    counts the changes that it rests on.
    """

    cell: float
    common: float
    repeats: float = 0.0
    fixed: float = 0.0
    changes: int = 0


@dataclass(frozen=True, kw_only=True)
class Others:
    """The same outcome in other submitters' areas.

    ``level`` and ``spread`` are median and robust standard deviation of their log values, newest
    figure of each. ``change`` is how far those already known for the return's own period lie from
    their usual level, in log points; None where too few are known.
    """

    areas: int
    level: float
    spread: float
    change: float | None = None


@dataclass(frozen=True, kw_only=True)
class Before:
    """What was known before a return was checked.

    Parameters
    ----------
    earlier : the submitter's accepted figures of earlier periods, oldest first.
    accepted : the submitter's accepted figures of the return's own period.
    elsewhere : figures of the return's own period that somebody else has given for its areas.
    spreads, others : by outcome.
    today : the day of the check; None where no clock counts.
    ask : how far is too far; as declared, unless what it does is being measured.
    """

    earlier: Mapping[Key, tuple[Held, ...]] = field(default_factory=dict)
    accepted: Mapping[Key, Held] = field(default_factory=dict)
    elsewhere: Mapping[Key, Held] = field(default_factory=dict)
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    others: Mapping[str, Others] = field(default_factory=dict)
    today: date | None = None
    ask: QuestionParameters = field(default_factory=lambda: parameters().questions)

    @classmethod
    def of_last(cls, last: Figures) -> Before:
        """What a single earlier return tells."""
        held = {key: (Held(0, above, below),) for key, (above, below) in last.items()}
        return cls(earlier=held)
