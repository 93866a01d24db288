"""Before the lock: whether a study can ever find what is hoped for, and whether that would pay.

The share of residents who are reached, times the effect among them, is the effect on everybody,
which is all that a study of areas can see. It stands beside the smallest effect that the planned
looks would find and the effect that would pay for the programme.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.errors import ValueChainError
from evaluation.finance import costs_lacking, with_plan
from evaluation.value.parameters import Parameters
from evaluation.value.pricing import priced_lines
from evaluation.value.worth import Assumptions, delivery_cost
from evaluation.wording import Sentence, percent, signed_percent

if TYPE_CHECKING:
    from evaluation.study.study import Study


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """One primary outcome before the lock; sizes in percent of what is usual in the pilot areas.

    share : of residents reached; None where it is not stated. among : the effect on those reached.
    everybody : the effect on all residents that follows, else the one that is hoped for; None where
    neither is stated. found : what the planned looks would find four times in five; infinite where
    nothing could be found, None where it was not worked out. pays : the effect on all residents
    whose released spending would equal the cost over the window; None where `unpaid` says why.
    """

    outcome: str
    title: str
    share: float | None
    among: float | None
    everybody: float | None
    found: float | None
    pays: float | None
    unpaid: str = ""

    @property
    def can_be_found(self) -> bool | None:
        """Whether the looks would find it; None where one of the two is not known."""
        if self.everybody is None or self.found is None:
            return None
        return abs(self.everybody) >= self.found

    @property
    def would_pay(self) -> bool | None:
        """Whether it would pay for the programme; None where one of the two is not known."""
        if self.everybody is None or self.pays is None:
            return None
        return abs(self.everybody) >= self.pays

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        finite = self.found if self.found is not None and math.isfinite(self.found) else None
        return {
            "outcome": self.outcome,
            "share_reached": self.share,
            "effect_percent_among_reached": self.among,
            "effect_percent": self.everybody,
            "smallest_found_percent": finite,
            "pays_percent": self.pays,
            "can_be_found": self.can_be_found,
            "would_pay": self.would_pay,
            "said": [str(sentence) for sentence in self.sentences],
        }

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The effect on everybody, whether it can be found, and whether it would pay."""
        return (self._effect(), self._found(), self._pays())

    def _effect(self) -> Sentence:
        if self.share is not None and self.among is not None and self.everybody is not None:
            return Sentence.of(
                "{title}: {share} of residents reached, times {among} among them, is {everybody} "
                "on everybody.",
                title=self.title,
                share=percent(100 * self.share),
                among=signed_percent(self.among),
                everybody=signed_percent(round(self.everybody, 2)),
            )
        if self.everybody is not None:
            return Sentence.of(
                "{title}: {everybody} on everybody is hoped for; how many are reached, and by how "
                "much it changes for them, is not stated.",
                title=self.title,
                everybody=signed_percent(self.everybody),
            )
        return Sentence.of(
            "{title}: neither how many are reached nor what is hoped for is stated.",
            title=self.title,
        )

    def _found(self) -> Sentence:
        if self.found is None:
            return Sentence.of("What could be found was not worked out.")
        if not math.isfinite(self.found):
            return Sentence.of("It cannot be found: no effect, however large, could be.")
        smallest = {"smallest": percent(self.found, 1)}
        end = "{smallest} is the smallest effect that would be found four times in five."
        match self.can_be_found:
            case None:
                return Sentence.of(end, **smallest)
            case True:
                return Sentence.of(f"It can be found: {end}", **smallest)
            case _:
                return Sentence.of(f"It cannot be found: {end}", **smallest)

    def _pays(self) -> Sentence:
        if self.pays is None:
            return Sentence.of(
                "What would pay for the programme is not known: {why}.", why=self.unpaid
            )
        needed = {"needed": percent(self.pays, 1)}
        if self.pays > 100:
            return Sentence.of(
                "It cannot pay: even if none were left, it would release less than it costs "
                "({needed} would be needed).",
                **needed,
            )
        end = "{needed} on everybody would release as much as it costs over the window."
        match self.would_pay:
            case None:
                return Sentence.of(end, **needed)
            case True:
                return Sentence.of(f"It would pay: {end}", **needed)
            case _:
                return Sentence.of(f"It would not pay: {end}", **needed)


def prospects(
    study: Study, found: Mapping[str, float] | None = None, *, share: float | None = None
) -> tuple[Prospect, ...]:
    """The prospect of each primary outcome.

    Parameters
    ----------
    found : outcome -> percent that the last planned look would find four times in five. share : of
        residents reached, in place of what the protocol states.
    """
    protocol, known = study.protocol, []
    for code in protocol.primary:
        reach = protocol.reach
        reached = share if share is not None else (reach.share if reach else None)
        among = reach.effect_percent.get(code) if reach else None
        follows = None if reached is None or among is None else reached * among
        pays, unpaid = _paying(study, code)
        known.append(
            Prospect(
                outcome=code,
                title=study.programme.outcome_by_code[code].title,
                share=reached,
                among=among,
                everybody=protocol.hoped_percent.get(code) if follows is None else follows,
                found=None if found is None else found.get(code),
                pays=pays,
                unpaid=unpaid,
            )
        )
    return tuple(known)


def _paying(study: Study, code: str) -> tuple[float | None, str]:
    """The effect in percent that would pay for the programme by this outcome alone, or why not."""
    programme, protocol = with_plan(study.programme), study.protocol
    outcome = programme.outcome_by_code[code]
    if programme.first.frequency != "Q":
        return None, "pounds are reckoned by the quarter"
    if not programme.costs and programme.money is None:
        return None, "no costs are declared"
    if outcome.unit_cost is None:
        return None, "no unit cost is named for the outcome"
    usual = _usual(study, code)
    if usual is None:
        return None, "figures of it are not of a number of people"
    try:
        params = Parameters.load().of(programme)
        lines = priced_lines(outcome, params, protocol.price_base, ())
    except ValueChainError as error:
        return None, error.what.rstrip(".")
    pounds = sum(line.pounds_for_one for line in lines if line.fiscal)
    last = max(site.start for site in programme.sites) + protocol.window[1]
    if lacking := costs_lacking(programme, last):
        return None, (
            f"what it costs is not known for {len(lacking)} returns up to the end of the window "
            f"(first: {lacking[0]}); planned_costs says what is planned"
        )
    costs = delivery_cost(programme, params, protocol.price_base, Assumptions(), last)
    paid, worth = float(costs["amount"].sum()), usual * abs(pounds)
    if not paid:
        return None, "no costs are declared up to the end of the window"
    return (100 * paid / worth, "") if worth else (None, "its unit cost releases no spending")


def _usual(study: Study, code: str) -> float | None:
    """Events (or people at a time, quarter by quarter) over the window, as before the start."""
    panel = study.panel
    if code not in panel.denominators:
        return None
    figures = panel.array(code) * panel.denominators[code] / panel.per.get(code, 1.0)
    first, last = max(study.protocol.window[0], 0), study.protocol.window[1]
    total = 0.0
    planned = panel.areas["start"].notna().to_numpy()
    begun = panel.start_index[panel.treated]
    before = int(begun.min()) if len(begun) else len(panel.periods)
    for row in np.flatnonzero(planned):
        seen = figures[row, :before]
        if np.isfinite(seen).any():
            total += float(np.nanmean(seen)) * (last - first + 1)
    return total
