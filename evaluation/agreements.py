"""What the controllers of figures agreed to: by agency, outcome and arm.

People of comparison areas belong to someone too. Without an agreement that is live, no true count
under the threshold is taken in, and nothing of the figures is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import DisclosureError

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

FILE = "agreements.yaml"
Arm = Literal["pilot", "comparison"]
Method = Literal["secret_offset", "nhs_2018", "ons_10_5"]
LEAST_AREAS = 3
"""Of fewer pilot areas no effect, no mean and no worth is printed, whatever it is made of."""


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
    when they are destroyed: by newstart ledger destroy. name : what the agreement is called; left
    out, AGENCY/ARM.
    """

    name: str = ""
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

    @property
    def named(self) -> str:
        """What it is called."""
        return self.name or f"{self.agency}/{self.arm}"

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
        """The agreements of a programme; none where there is no file.

        Raises
        ------
        WorkspaceError : the file is no YAML. DisclosureError : it is not as it should be.
        """
        path = workspace.studies / programme / FILE
        if not path.is_file():
            return cls()
        return validated(
            cls,
            read_yaml(path),
            path,
            DisclosureError,
            expected="agreements: a list, of which docs/declarations.md explains each entry",
        )

    def small_counts_allowed(self, figures: Figures, on: date | None) -> bool:
        """Whether a live agreement lets true counts under the threshold be sent.

        Parameters
        ----------
        on : the day; None where no clock counts.
        """
        return any(
            one.small_counts and one.covers(figures) and (on is None or one.live(on))
            for one in self.agreements
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
                    why="agreement",
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
                    why="agreement",
                    where=FILE,
                    mend="renew it with its controllers",
                )
            if other := next((one for one in live if one.method != "secret_offset"), None):
                raise DisclosureError(
                    f"the agreement on {said} asks for the method {other.method}, which leaves "
                    "fewer counts possible than are promised; this version audits it and does not "
                    "print by it.",
                    why="agreement",
                    where=FILE,
                    mend="agree on secret_offset: newstart disclosure methods shows what each "
                    "leaves, to sign",
                )
