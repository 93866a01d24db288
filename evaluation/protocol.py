"""The protocol: the analysis of a study, fixed before its results are seen.

A frozen model read from ``studies/<programme>/<study>/protocol.yaml``. It knows no panel; what a
protocol asks of a panel is checked where the two meet (`evaluation.study`).
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from evaluation import fingerprint
from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import ProtocolError

Role = Literal["primary", "secondary", "negative_control"]
EstimatorName = Literal[
    "did",
    "imputation",
    "synthetic_control",
    "augmented_synthetic_control",
    "synthetic_did",
    "fixed_effects",
    "first_differences",
]
ESTIMATOR_NAMES: dict[str, str] = {
    "did": "Difference-in-differences",
    "imputation": "Imputation",
    "synthetic_control": "Synthetic control",
    "augmented_synthetic_control": "Ridge-augmented synthetic control",
    "synthetic_did": "Synthetic difference-in-differences",
    "fixed_effects": "Two-way fixed effects",
    "first_differences": "First differences",
}
"""What a reader calls each estimator, in the order in which they are shown."""

ADDED = ("reach", "between_sites", "lives", "partial")
"""Fields that a protocol of 0.1.0 could not have; None where they are not stated."""
Gaps = Literal["as_they_are", "by_population"]


class AssignmentPlan(Frozen):
    """How placebo assignments are drawn (see `evaluation.estimate.assignments.Assignments.draw`).

    gaps : placebo gaps are judged as they are, or brought to scale by the populations of the areas
    (Ferman and Pinto 2019), where there are too few areas for bands of population.
    """

    n: int = Field(9_999, ge=19)
    block: Literal["site", "authority", "area"] | None = None
    strata: tuple[Literal["level", "population", "stratum"], ...] = ("level",)
    gaps: Gaps = "as_they_are"
    seed: int


class DidPlan(Frozen):
    """Settings of the group-time difference-in-differences."""

    comparison: Literal["never", "not_yet"] = "never"
    base: Literal["varying", "universal", "mean"] = "mean"
    anticipation: int = 0


# What `evaluation.estimate.interim` knows how to spend and to weigh; it takes the words from here.
Spending = Literal["obrien_fleming", "pocock", "open_ended"]
Score = Literal["mean", "gls"]


class LooksPlan(Frozen):
    """How often the study is looked at, and how alpha (one minus the level) is spent.

    spending : the shape of alpha spending. horizon : planned looks, one a period from the first
    start on. reserve : alpha kept for looks past the horizon. score : how periods are weighed into
    the statistic of a look. harm_margin : percent of harm that is let pass before harm, watched
    one-sided by Pocock's spending, is said.
    """

    spending: Spending = "obrien_fleming"
    horizon: int = Field(8, ge=1)
    reserve: float = Field(0.01, ge=0, lt=0.5)
    score: Score = "mean"
    harm_margin: float = Field(0.0, ge=0)


class Eligibility(Frozen):
    """Which areas may be compared with.

    rule : in words. buffer_km : no comparison area lies nearer than this to a pilot area.
    shared_authority : whether one may lie in an authority that runs a site. allowed : area -> why
    it stays although another programme reached it.
    """

    rule: str = ""
    buffer_km: float | None = Field(None, ge=0)
    shared_authority: bool = False
    allowed: dict[str, str] = Field(default_factory=dict)


class Reach(Frozen):
    """How far the programme reaches, before the lock: what that makes on everybody.

    share : of the residents of pilot areas, those whom it reaches. effect_percent : the effect
    hoped for on those reached, in percent with its sign, by outcome.
    """

    share: float = Field(gt=0, le=1)
    effect_percent: dict[str, float] = Field(default_factory=dict)


class Published(Frozen):
    """A published figure that the study stands beside, with the settings that reproduce it.

    ``weights`` and ``window`` apply to estimators with more than one entry; ``why`` says why ours
    differs, or that it does not.
    """

    what: str
    outcome: str
    estimator: EstimatorName
    inference: Literal["placebo", "analytic"] = "analytic"
    errors: Literal["unadjusted", "clustered"] = "clustered"
    base: Literal["varying", "universal", "mean"] = "universal"
    effect: float | None = None
    error: float | None = None
    p_value: float | None = None
    tolerance: float = 5e-5
    source: str
    why: str


class Protocol(Frozen):
    """What is estimated, how, and how it will be judged.

    Fields that are empty were not stated. hoped_percent : the effect hoped for, in percent of what
    would have been, with its sign. margin_percent, default_margin_percent : the smallest change
    worth having. lives : what people say in a survey, a family of its own beside the secondary
    outcomes, corrected among themselves and judged by difference-in-differences of its waves.
    partial : what becomes of the first period of a site that began inside it: left out (``drop``,
    also where nothing is stated), or its effect divided by the share of the period in which the
    site ran (``scale``), which is right only where an effect comes at once and in full.
    adjust_for : what the design is meant to hold fixed, by the names of the theory
    of change. between_sites : by outcome, the scale of the half-normal prior of how far sites
    differ, on the outcome's own scale; the lock works it out from errors before the start where
    it is not stated. sites : those that the study is about (all, if none is named);
    one that joins later gets a study of its own, with an alpha of its own. vintage_rule :
    ``extends``, any vintage that only adds to the ledger as it was locked; ``due_day``, only what
    was known when the returns were due.
    """

    study: str
    programme: str
    title: str
    question: str
    registered: str = ""
    contact: str = ""
    data_seen: str = ""
    how_pilots_were_chosen: str
    intervention: str = ""
    estimand: str = ""
    sites: tuple[str, ...] = ()
    eligibility: Eligibility = Eligibility()
    primary: tuple[str, ...] = Field(min_length=1, max_length=3)
    secondary: tuple[str, ...] = ()
    lives: tuple[str, ...] | None = None
    negative_control: tuple[str, ...] = ()
    scale: dict[str, Literal["log", "level"]] = Field(default_factory=dict)
    window: tuple[int, int] = (0, 7)
    partial: Literal["drop", "scale"] | None = None
    hoped_percent: dict[str, float] = Field(default_factory=dict)
    reach: Reach | None = None
    margin_percent: dict[str, float] = Field(default_factory=dict)
    default_margin_percent: float = 5.0
    estimators: tuple[EstimatorName, ...] = ("did", "synthetic_control")
    did: DidPlan = DidPlan()
    synthetic_control: Literal["simplex", "demeaned"] = "simplex"
    assignments: AssignmentPlan
    between_sites: dict[str, Annotated[float, Field(gt=0)]] | None = None
    looks: LooksPlan | None = None
    level: float = Field(0.95, gt=0.5, lt=1)
    ring_km: float | None = None
    adjust_for: tuple[str, ...] = ()
    missing: str = ""
    suppressed: str = ""
    vintage_rule: Literal["extends", "due_day"] = "extends"
    decision_rules: str = ""
    subgroups: tuple[str, ...] = ()
    data_protection: str = ""
    publication: date | None = None
    price_base: int = 2024
    value: bool = False
    published: tuple[Published, ...] = ()
    what_it_can_bear: tuple[str, ...] = ()

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Every outcome, primaries first."""
        return (*self.primary, *self.secondary, *(self.lives or ()), *self.negative_control)

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The outcomes that are looked at every period; a survey is judged once, at its end."""
        return (*self.primary, *self.secondary, *self.negative_control)

    def role_of(self, outcome: str) -> Role:
        """What the outcome is for: primary, negative control, or secondary."""
        if outcome in self.primary:
            return "primary"
        return "negative_control" if outcome in self.negative_control else "secondary"

    def family_of(self, outcome: str) -> int:
        """How many outcomes share the correction of an outcome's p-value."""
        if outcome in (self.lives or ()):
            return len(self.lives or ())
        role = self.role_of(outcome)
        return {"primary": len(self.primary), "secondary": len(self.secondary)}.get(role, 1)

    def scale_of(self, outcome: str) -> Literal["log", "level"]:
        return self.scale.get(outcome, "level" if outcome in (self.lives or ()) else "log")

    def estimators_of(self, outcome: str) -> tuple[EstimatorName, ...]:
        """The estimators of an outcome, the primary one first.

        Of a survey all waves after the start are set against all before, by
        difference-in-differences alone: between waves there is nothing to match on.
        """
        return ("did",) if outcome in (self.lives or ()) else self.estimators

    def margin_of(self, outcome: str) -> float:
        """What is worth having of an outcome, in percent: its size is held against it."""
        return self.margin_percent.get(outcome, self.default_margin_percent)

    @property
    def fingerprint(self) -> str:
        return fingerprint.of_data(as_stated(self))

    @classmethod
    def load(cls, folder: Path) -> Protocol:
        """Read ``protocol.yaml`` from a study's folder.

        Raises
        ------
        ProtocolError : it is missing, a field is unknown or out of range, or an outcome has two
            roles.
        """
        path = folder / "protocol.yaml"
        if not path.is_file():
            raise ProtocolError(
                "the study has no protocol.yaml.",
                where=str(folder),
                mend=f"newstart protocol new {folder.parent.name}/{folder.name}",
            )
        protocol = validated(cls, read_yaml(path), path, ProtocolError)
        counted = Counter(protocol.outcomes)
        if twice := [code for code, times in counted.items() if times > 1]:
            raise ProtocolError(
                f"the outcome {twice[0]} has two roles.",
                where=str(path),
                expected="once, under primary, secondary, lives or negative_control",
                mend="take it out of one of them",
            )
        return protocol


def as_stated(protocol: Protocol) -> dict[str, Any]:
    """Every field of a protocol as it was understood, as plain data.

    What later releases added and a protocol does not state is left out, so that one locked before
    them is the same as it was.
    """
    content = protocol.model_dump(mode="json")
    return {key: held for key, held in content.items() if key not in ADDED or held is not None}
