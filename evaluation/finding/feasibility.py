"""Feasibility of inference: whether a study's assignments can carry a confirmatory claim.

In randomisation inference no p-value can be smaller than one over the number of different
assignments, and where whole authorities move, a handful of clusters says little however many areas
they hold. Both are known before any result, so they are said before any result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.estimate.interim import ROUNDING

if TYPE_CHECKING:
    from evaluation.estimate.assignments import Assignments
    from evaluation.estimate.interim import LookPlan
    from evaluation.panel import Panel


FEWEST_AUTHORITIES = 20
"""Fewer clusters than this carry no confirmatory claim where whole authorities are re-drawn."""
FEW_AREAS = 4
"""Up to so many treated areas one unusual area can carry the result."""
MANY, COUNTLESS = 10**6, 10**15
RESTS_ON = (
    "It rests on this: without the programme, pilot and comparison areas of the same group would "
    "have moved alike. Pilots were chosen, not drawn, and no data can prove it."
)


@dataclass(frozen=True, kw_only=True)
class Feasibility:
    """Which inference a set of assignments allows.

    said : how many there are, the smallest p-value, what moves together and why, what is fragile.
    refused : why no confirmatory claim can rest on them; empty where one can. needed : for each
    refusal, what would change it.
    """

    said: tuple[str, ...]
    refused: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()

    @property
    def confirmatory(self) -> bool:
        """Whether a confirmatory claim can rest on them."""
        return not self.refused

    @property
    def differences(self) -> tuple[str, ...]:
        """What keeps a run on them from being confirmatory, a sentence each."""
        return tuple(f"The assignments cannot bear a confirmatory claim. {r}" for r in self.refused)


def feasibility_of(assignments: Assignments, panel: Panel, plan: LookPlan) -> Feasibility:
    """Which inference the assignments of a study allow.

    Parameters
    ----------
    panel : the one that they were drawn on. plan : alpha and how the looks spend it.
    """
    smallest, alpha = assignments.smallest_p, plan.alpha
    treated, areas = len(assignments.treated.units), len(panel.areas)
    tried = "all of them tried" if assignments.enumerated else f"{len(assignments) - 1:,} tried"
    said = [
        f"{_areas(treated)} of {areas:,} started. The start dates can be dealt out anew in "
        f"{_many(assignments.distinct)} ways, {tried}; no p-value can be below {smallest:.2g}.",
        f"What moves together: {assignments.block}, since {assignments.reason}.",
    ]
    refused, needed = [], []
    if smallest > alpha + ROUNDING:
        least = math.ceil(1 / alpha - ROUNDING)
        drawn = len(assignments) < assignments.distinct
        refused.append(
            f"{len(assignments) if drawn else assignments.distinct} assignments are "
            f"{'tried' if drawn else 'possible'}, so no p-value is below {smallest:.3f}, and alpha "
            f"is {alpha:.3g}."
        )
        needed.append(
            f"At least {least - 1} drawn assignments (n)."
            if drawn
            else f"At least {least} different assignments: more started areas, or more areas to "
            "compare with."
        )
    authorities = int(panel.areas["authority"].nunique())
    if assignments.block != "area" and authorities < FEWEST_AUTHORITIES:
        refused.append(
            f"Whole authorities are re-drawn, and {authorities} are eligible: too few, since "
            "shocks that an authority's areas share cannot be told from an effect."
        )
        needed.append(f"Areas of at least {FEWEST_AUTHORITIES} authorities.")
    # A look that cannot decide is news only where some look can.
    if not refused and (first := first_decisive_look(assignments, plan)) > 1:
        said.append(
            f"No look before the {_ordinal(first)} of {plan.horizon} can rule out “no effect”: "
            "the chance of a false finding that may be spent until then is less than one "
            "assignment's share."
        )
    if treated <= FEW_AREAS:
        said.append(
            f"With {_areas(treated)} started, one unusual area can carry the result: read it "
            "beside that area's own history."
        )
    return Feasibility(said=tuple(said), refused=tuple(refused), needed=tuple(needed))


def first_decisive_look(assignments: Assignments, plan: LookPlan) -> int:
    """The first planned look that could reject no effect; one past the horizon if none could.

    A look can reject only if the alpha that may be spent until then reaches the smallest p-value.
    """
    smallest = assignments.smallest_p
    looks = range(1, plan.horizon + 1)
    decisive = (k for k in looks if plan.spent(k / plan.horizon) >= smallest - ROUNDING)
    return next(decisive, plan.horizon + 1)


def _areas(count: int) -> str:
    return "1 area" if count == 1 else f"{count} areas"


def _many(count: int) -> str:
    if count < MANY:
        return f"{count:,}"
    # The power of ten below it: more digits would tell a reader nothing.
    return f"more than {10 ** (len(str(count)) - 1):,}" if count < COUNTLESS else "countless"


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if 10 <= number % 100 <= 20 else endings.get(number % 10, "th")
    return f"{number}{ending}"
