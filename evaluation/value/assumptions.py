"""What a reader may choose before effects become pounds, and the one thing that is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evaluation.errors import ValueChainError

Uncertain = Literal["unit_costs", "lives", "cashability"]
EVERYTHING: tuple[Uncertain, ...] = ("unit_costs", "lives", "cashability")


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """How effects become pounds, beside the parameters.

    Attributes
    ----------
    uncertain : which parameters are drawn; the others stay at their central value.
    jointly : whether outcomes keep the assignment that they share in a draw. Only a study of what
        goes wrong otherwise turns it off.
    capital_bucket : optimism bias added to set-up cost that is planned and not yet paid; none by
        default, since the costs of a programme are what was paid.
    deadweight : must stay None. See the error.
    """

    uncertain: tuple[Uncertain, ...] = EVERYTHING
    jointly: bool = True
    capital_bucket: str | None = None
    deadweight: float | None = None

    def __post_init__(self) -> None:
        if self.deadweight is not None:
            raise ValueChainError(
                f"a deadweight factor of {self.deadweight:g} on a causal effect is refused: the "
                "effect is already what happened less what would have happened anyway, so the "
                "factor would take the same people out twice.",
                expected="deadweight=None",
                mend="leave it out; where an effect may have moved elsewhere, read the displacement"
                " scenario",
            )
