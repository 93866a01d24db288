"""Cases: the figures of a return that have a history of their own to be compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.check.before import Before, Held, Spread
from evaluation.check.cells import Cells
from evaluation.check.parameters import QuestionParameters, parameters
from evaluation.check.usual import Usual, declared_spread, usual
from evaluation.programme import Outcome, Programme


@dataclass(frozen=True, kw_only=True)
class Case:
    """One figure that was read, beside what its area's history leads one to expect.

    ``entry`` is its row among the cells; ``fixed`` the accepted denominator.
    """

    entry: int
    area: str
    outcome: Outcome
    figure: float
    denominator: float | None
    earlier: tuple[Held, ...]
    spread: Spread
    usual: Usual
    ask: QuestionParameters

    @property
    def fixed(self) -> float | None:
        return next((h.denominator for h in self.earlier[::-1] if h.denominator is not None), None)

    @property
    def last(self) -> float | None:
        """The last accepted figure that is one."""
        return next((h.numerator for h in self.earlier[::-1] if h.numerator is not None), None)

    @property
    def log_change(self) -> float | None:
        """From the usual level to the figure; None where there is no logarithm."""
        half = 0.5 if self.usual.counted else 0.0
        above, below = self.figure + half, self.usual.level + half
        return math.log(above / below) if above > 0 and below > 0 else None


def cases_of(cells: Cells, programme: Programme, before: Before) -> list[Case]:
    """Every figure that can be compared, in the order of the rows.

    A figure that was accepted for this very quarter already is not asked about again.
    """
    found = []
    for entry in cells.once:
        area, code, figure = cells.area_code[entry], cells.outcome[entry], cells.numerator[entry]
        if area is None or code is None or figure is None or not math.isfinite(figure):
            continue
        outcome = programme.outcome_by_code.get(code)
        earlier = before.earlier.get((area, code), ())
        if outcome is None or _is_accepted(before.accepted.get((area, code)), cells, entry):
            continue
        spread = before.spreads.get(code) or declared_spread()
        denominator = cells.denominator[entry]
        expected = usual(outcome, earlier, spread, denominator)
        if expected is not None and (figure >= 0 or not expected.counted):
            found.append(
                Case(
                    entry=entry,
                    area=area,
                    outcome=outcome,
                    figure=figure,
                    denominator=denominator,
                    earlier=earlier,
                    spread=spread,
                    usual=expected,
                    ask=before.ask,
                )
            )
    return found


def _is_accepted(held: Held | None, cells: Cells, entry: int) -> bool:
    return held is not None and (held.numerator, held.denominator) == (
        cells.numerator[entry],
        cells.denominator[entry],
    )


@dataclass(frozen=True, kw_only=True)
class Together:
    """How far an outcome's areas have moved together.

    ``change`` is in log points; ``questionable`` says that it is too far to pass unasked.
    """

    change: float
    questionable: bool


def together(cases: Sequence[Case], before: Before) -> Together:
    """The change of one outcome's cases that is common to them, beside that of other areas."""
    ask = cases[0].ask
    others = before.others.get(cases[0].outcome.code)
    base = others.change if others is not None else None
    changes = sorted(c for case in cases if (c := case.log_change) is not None)
    own = changes[len(changes) // 2] if changes else 0.0
    if len(changes) % 2 == 0 and changes:
        own = (own + changes[len(changes) // 2 - 1]) / 2
    if len(changes) >= ask.column_areas:
        spread = cases[0].spread
        variance = spread.cell**2 + (spread.common**2 if base is None else 0.0)
        variance += sum(_chance(case) for case in cases) / len(cases) ** 2
        apart = abs(own - (base or 0.0))
        if apart > ask.column * math.sqrt(variance) and apart > math.log(ask.column_ratio):
            return Together(change=own, questionable=True)
    if base is None:
        base = own if len(changes) >= 2 * parameters().history.least_areas else 0.0
    return Together(change=base, questionable=False)


def _chance(case: Case) -> float:
    return 1 / (case.usual.level + 0.5) if case.usual.counted else 0.0
