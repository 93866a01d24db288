"""What was agreed of people's counts: by programme, and by agency, outcome and arm.

``threshold`` means *fewer than* everywhere here: counts below it may not be printed. NHS England
says "1 to 7 hidden", which is ``threshold: 8``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationInfo, field_validator

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import DisclosureError

if TYPE_CHECKING:
    from evaluation.programme import Outcome
    from evaluation.workspace import Workspace

FILE = "agreements.yaml"
Arm = Literal["pilot", "comparison"]
Method = Literal["secret_offset", "nhs_2018", "ons_10_5"]


class Policy(Frozen):
    """How figures of one outcome are printed.

    base : of the rounding of counts. k : how many counts must stay possible, to whoever holds every
    edition. threshold : counts below it may not be printed. least_areas : of an estimate that is
    printed. step_people : an estimate is printed at a step worth at least so many people.
    """

    base: int = Field(5, ge=2)
    k: int = Field(5, ge=2)
    threshold: int = Field(5, ge=1)
    least_areas: int = Field(3, ge=1)
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


class Figures(Frozen):
    """Figures that somebody decides about: of an agency, an outcome and an arm."""

    agency: str
    outcome: str
    arm: Arm

    def __str__(self) -> str:
        return f"{self.outcome} of {self.agency} in {self.arm} areas"


class Agreed(Frozen):
    """Who agreed, and when."""

    by: str
    on: date


class Agreement(Frozen):
    """What the controllers of some figures allow.

    outcomes : codes; empty means every outcome of the agency. controllers : who decide about the
    figures. small_counts : whether true counts under the threshold may be sent; no without a word.
    method : by which figures are printed. onward_use : what readers may do with them. retention :
    when they are destroyed.
    """

    agency: str
    outcomes: tuple[str, ...] = ()
    arm: Arm
    controllers: tuple[str, ...] = Field(min_length=1)
    legal_basis: str = Field(min_length=1)
    article_9: str = Field(min_length=1)
    confidentiality: str = Field(min_length=1)
    dpia: str = Field(min_length=1)
    opt_outs: str = Field(min_length=1)
    small_counts: bool = False
    onward_use: str = ""
    expires: date
    retention: str = Field(min_length=1)
    method: Method = "secret_offset"
    agreed: Agreed

    def covers(self, figures: Figures) -> bool:
        """Whether it is about these figures."""
        return (self.agency, self.arm) == (figures.agency, figures.arm) and (
            not self.outcomes or figures.outcome in self.outcomes
        )

    def live(self, on: date) -> bool:
        """Whether it holds on a day: from the day of its signature to that of its end."""
        return self.agreed.on <= on <= self.expires


class Agreements(Frozen):
    """Every agreement of a programme, from ``studies/<programme>/agreements.yaml``."""

    agreements: tuple[Agreement, ...] = ()

    @classmethod
    def load(cls, workspace: Workspace, programme: str) -> Agreements:
        """The agreements; none where there is no file.

        Raises
        ------
        DisclosureError : the file is not as it should be.
        """
        path = workspace.studies / programme / FILE
        if not path.is_file():
            return cls()
        return validated(cls, read_yaml(path), path, DisclosureError)

    def small_counts_allowed(self, figures: Figures, on: date) -> bool:
        """Whether a live agreement lets true counts under the threshold be sent."""
        return any(
            one.small_counts and one.covers(figures) and one.live(on) for one in self.agreements
        )

    def refuse_release(self, needed: Sequence[Figures], on: date) -> None:
        """Refuse to print figures that no live agreement covers.

        Parameters
        ----------
        needed : everything of which figures would be printed.

        Raises
        ------
        DisclosureError : for the first that has no agreement, one that ended, or another method.
        """
        for said in needed:
            held = [one for one in self.agreements if one.covers(said)]
            live = [one for one in held if one.live(on)]
            if not held:
                raise DisclosureError(
                    f"no agreement covers {said}.",
                    where=FILE,
                    mend="have its controllers sign one, and write it down there",
                )
            if not live:
                last = max(held, key=lambda one: one.expires)
                raise DisclosureError(
                    f"the agreement on {said} ended on {last.expires.isoformat()}, and nothing of "
                    "it is printed after that."
                    if last.expires < on
                    else f"the agreement on {said} begins on {last.agreed.on.isoformat()}.",
                    where=FILE,
                    mend="renew it with its controllers",
                )
            if other := next((one for one in live if one.method != "secret_offset"), None):
                raise DisclosureError(
                    f"the agreement on {said} asks for the method {other.method}, which this "
                    "version cannot print by.",
                    where=FILE,
                    mend="agree on secret_offset: it keeps more counts possible than either",
                )
