"""The latest accepted figures in memory, and what a check is handed of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from evaluation.check.before import Before, Held, Key, Others, Spread, parameters
from evaluation.check.history import value_of
from evaluation.check.usual import declared_spread, spread_of
from evaluation.programme import Outcome, Programme
from evaluation.quarters import Period

if TYPE_CHECKING:
    from evaluation.ledger.ledger import Ledger
    from evaluation.returns.form import Return


Submitter = tuple[str, str]


class Entry(NamedTuple):
    """An accepted figure in its latest version, and who gave it."""

    numerator: float | None
    denominator: float | None
    status: str
    submitter: Submitter


@dataclass(frozen=True, kw_only=True)
class _Moves:
    """What is learnt from one outcome before one period: its spread, and each area's newest."""

    spread: Spread
    levels: Mapping[str, float]


class History:
    """The accepted figures of one programme, by outcome, area and period."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self._figures: dict[str, dict[str, dict[int, Entry]]] = {}
        self._moves: dict[tuple[str, int], _Moves] = {}

    @classmethod
    def read(
        cls, ledger: Ledger, programme: Programme, outcomes: Sequence[str] | None = None
    ) -> History:
        """Read the figures that stand in the ledger: of some outcomes, or of all."""
        history = cls(programme)
        submitter = {r.return_id: (r.site, r.agency) for r in ledger.receipts(programme.name)}
        if not submitter:
            return history
        frame = ledger.observations(programme.name, outcomes=outcomes)
        periods = {label: Period.parse(label).ordinal for label in frame["quarter"].unique()}
        figures = frame[["numerator", "denominator"]].astype(object)
        figures = figures.where(figures.notna(), None)
        for outcome, area, quarter, above, below, status, return_id in zip(
            frame["outcome"],
            frame["area_code"],
            frame["quarter"],
            figures["numerator"],
            figures["denominator"],
            frame["status"],
            frame["return_id"],
            strict=True,
        ):
            entry = Entry(above, below, status, submitter[return_id])
            history._keep(outcome, area, periods[quarter], entry)
        return history

    def add(self, returned: Return) -> None:
        """Go on with a return that was accepted."""
        submitter = returned.site, returned.agency
        for row in returned.rows:
            entry = Entry(row.numerator, row.denominator, row.status, submitter)
            self._keep(row.outcome, row.area_code, row.quarter.ordinal, entry)
        given = {row.outcome for row in returned.rows}
        at = returned.period.ordinal
        self._moves = {
            key: moves for key, moves in self._moves.items() if key[0] not in given or key[1] <= at
        }

    def _keep(self, outcome: str, area: str, period: int, entry: Entry) -> None:
        self._figures.setdefault(outcome, {}).setdefault(area, {})[period] = entry

    def before(self, submitter: Submitter, period: Period, *, today: date | None = None) -> Before:
        """What a check of this submitter's return for ``period`` is compared with.

        Raises
        ------
        WorkspaceError : if the programme has no such submitter.
        """
        areas, outcomes = self.programme.expected(*submitter)
        own = {area.code for area in areas}
        asked = [o for o in outcomes if o.period_frequency == period.frequency]
        at = period.ordinal
        earlier: dict[Key, tuple[Held, ...]] = {}
        accepted: dict[Key, Held] = {}
        elsewhere: dict[Key, Held] = {}
        for outcome in asked:
            for area, entries in self._of(outcome.code, own):
                key = area, outcome.code
                if past := self._earlier(entries, at):
                    earlier[key] = past
                if (now := entries.get(at)) is not None:
                    mine = now.submitter == submitter
                    (accepted if mine else elsewhere)[key] = _held(at, now)
        return Before(
            earlier=earlier,
            accepted=accepted,
            elsewhere=elsewhere,
            spreads={o.code: self._moved(o, at).spread for o in asked if o.code in self._figures},
            others=dict(self._others(asked, own, at)),
            today=today,
        )

    def _of(self, outcome: str, own: set[str]) -> Iterator[tuple[str, dict[int, Entry]]]:
        for area, entries in self._figures.get(outcome, {}).items():
            if area in own:
                yield area, entries

    def _earlier(self, entries: Mapping[int, Entry], at: int) -> tuple[Held, ...]:
        first = at - parameters().history.quarters
        return tuple(_held(p, entries[p]) for p in sorted(entries) if first <= p < at)

    def _moved(self, outcome: Outcome, at: int) -> _Moves:
        key = outcome.code, at
        if key not in self._moves:
            self._moves[key] = _learn(outcome, self._figures.get(outcome.code, {}), at)
        return self._moves[key]

    def _others(
        self, outcomes: Sequence[Outcome], own: set[str], at: int
    ) -> Iterator[tuple[str, Others]]:
        """Levels and this period's change in the areas that the submitter does not return."""
        import numpy as np

        least = parameters().history.least_areas
        for outcome in outcomes:
            levels = self._moved(outcome, at).levels
            known, changes = [], []
            for area, entries in self._figures.get(outcome.code, {}).items():
                if area in own:
                    continue
                now = entries.get(at)
                value = value_of(outcome, now.numerator, now.denominator) if now else None
                usual = levels.get(area)
                newest = value if value is not None else usual
                if newest is not None and newest > 0:
                    known.append(np.log(newest))
                if value and usual and value > 0 and usual > 0:
                    changes.append(np.log(value / usual))
            if len(known) >= least:
                middle = float(np.median(known))
                spread = 1.4826 * float(np.median(np.abs(np.array(known) - middle)))
                change = float(np.median(changes)) if len(changes) >= least else None
                yield (
                    outcome.code,
                    Others(areas=len(known), level=middle, spread=spread, change=change),
                )


def _held(period: int, entry: Entry) -> Held:
    return Held(period, entry.numerator, entry.denominator, entry.status)


def _learn(outcome: Outcome, figures: Mapping[str, Mapping[int, Entry]], at: int) -> _Moves:
    """From the quarters before ``at``: how the outcome moves, and each area's usual level."""
    import numpy as np

    declared = parameters().history
    periods = range(at - declared.quarters, at)
    above = np.full((len(figures), len(periods)), np.nan)
    below = np.full((len(figures), len(periods)), np.nan)
    ratio = outcome.form == "ratio"
    for row, entries in enumerate(figures.values()):
        for column, period in enumerate(periods):
            entry = entries.get(period)
            if entry is not None and entry.numerator is not None:
                above[row, column] = entry.numerator
                per = entry.denominator if ratio else 1.0
                below[row, column] = per or np.nan
    if not figures:
        return _Moves(spread=declared_spread(), levels={})
    spread = spread_of(above, below, counted=ratio and outcome.whole)
    latest = slice(len(periods) - declared.level, len(periods))
    known = np.isfinite(above[:, latest]) & np.isfinite(below[:, latest])
    total = np.where(known, above[:, latest], 0.0).sum(axis=1)
    per_total = np.where(known, below[:, latest], 0.0).sum(axis=1)
    scale = outcome.per if ratio else 1.0
    levels = {
        area: float(scale * top / bottom)
        for area, top, bottom in zip(figures, total, per_total, strict=True)
        if bottom > 0
    }
    return _Moves(spread=spread, levels=levels)
