"""What was agreed of people's counts: by programme, and by agency, outcome and arm.

``threshold`` means *fewer than* everywhere here: counts below it may not be printed. NHS England
says "1 to 7 hidden", which is ``threshold: 8``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field, ValidationInfo, field_validator

from evaluation.agreements import FILE, LEAST_AREAS, Agreements, Arm, Figures
from evaluation.declared import Frozen
from evaluation.programme import SITE_SOURCE

if TYPE_CHECKING:
    from evaluation.programme import Outcome, Programme
NHS_HIDDEN, ONS_HIDDEN = 7, 9
"""The largest counts that others hide, who say so and not from which count on they show."""
__all__ = ["FILE", "Agreements", "Figures", "Policy", "needed", "policy_of", "threshold_warnings"]


class Policy(Frozen):
    """How figures of one outcome are printed.

    base : of the rounding of counts. k : how many counts must stay possible, to whoever holds every
    edition. threshold : counts below it may not be printed. least_areas : of an estimate that is
    printed. step_people : an estimate is printed at a step worth at least so many people.
    """

    base: int = Field(5, ge=2)
    k: int = Field(5, ge=2)
    threshold: int = Field(5, ge=1)
    least_areas: int = Field(LEAST_AREAS, ge=1)
    step_people: int = Field(5, ge=1)

    @field_validator("k")
    @classmethod
    def _at_most_base(cls, k: int, info: ValidationInfo) -> int:
        # Through known revisions a secret offset keeps `base` counts possible and no more.
        if k > info.data.get("base", k):
            raise ValueError(f"more than the base of {info.data['base']} cannot be kept possible")
        return k

    @property
    def shown_from(self) -> int:
        """The smallest rounded count that may be printed.

        A printed R stands for R - b + 1 to R + b - 1, so that none below the threshold is ever
        printed if R - b + 1 >= threshold. And R >= 3 b: from there on b counts stay possible
        through known revisions, where below it zero, as the least count, rules some out.
        """
        b = self.base
        return max(b * math.ceil((self.threshold + b - 1) / b), 3 * b)


def policy_of(outcome: Outcome) -> Policy:
    """The policy of an outcome's declaration, never weaker than the rule of the house."""
    house = Policy()
    return Policy(threshold=max(outcome.disclosure.threshold, house.threshold))


def needed(programme: Programme) -> tuple[Figures, ...]:
    """Everything of which a release needs an agreement: all figures but those of open sources."""
    found: dict[Figures, None] = {}
    for outcome in programme.outcomes:
        for arm, declared in (("pilot", outcome.source), ("comparison", outcome.comparison_source)):
            sources = (declared,) if isinstance(declared, str) else tuple(declared or ())
            if any(not _is_open(programme, one) for one in sources):
                side: Arm = "pilot" if arm == "pilot" else "comparison"
                found[Figures(agency=outcome.agency, outcome=outcome.code, arm=side)] = None
    return tuple(found)


def _is_open(programme: Programme, source: str) -> bool:
    if source == SITE_SOURCE:
        return False
    held = programme.source_by_code.get(source)
    return held is not None and (held.open or bool(held.licence.strip()))


def threshold_warnings(programme: Programme) -> list[str]:
    """A sentence for each outcome whose threshold reads as the other convention's."""
    return [
        f"{one.code}: threshold {one.disclosure.threshold} means fewer than "
        f"{one.disclosure.threshold}; where {one.disclosure.threshold} itself may not be printed, "
        f"as NHS England says it, write {one.disclosure.threshold + 1}."
        for one in programme.outcomes
        if one.disclosure.threshold in (NHS_HIDDEN, ONS_HIDDEN)
    ]
