"""What a run of a study leaves in ``results.json`` and an attack in ``challenge.json``, as types.

No page asks for a key that is not there. ``data_schemas/results.schema.json`` says the same to
readers in other languages (``python -m evaluation.study.record data_schemas``).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from evaluation.errors import BookError
from evaluation.finding.verdict import Direction, Ruling, Size, Unclear, Verdict
from evaluation.protocol import Role
from evaluation.quarters import NAMES, Frequency, Period
from evaluation.study.accounts_record import Accounts, GrossAccounts
from evaluation.study.lives_record import Lives
from evaluation.study.written import Figure, Written, json_schema

Scale = Literal["log", "level"]
Label = Literal["confirmatory", "exploratory"]
Sentences = Mapping[str, Mapping[str, Any]]
"""Text of a sentence -> its template and figures: `evaluation.wording.Sentence.as_data`."""


class Effect(Written):
    """An effect with its range, in one unit."""

    effect: Figure
    low: Figure
    high: Figure


class People(Written):
    """An effect in people: a quarter, and over all quarters to date where it adds up."""

    per_quarter: Effect
    to_date: Effect | None


class Looked(Written):
    """What all looks so far say: ends on the estimate's scale, alpha spent, whether crossed."""

    number: int
    crossed: bool
    crossed_at: str | None
    low: Figure
    high: Figure
    p: Figure
    spent: Figure
    alpha: Figure
    harmed: bool


class UndoResult(Written):
    """What would undo a finding: see `evaluation.finding.undo.Undo`.

    ``breaks`` is empty where no break that was tried undoes it, or none could be; the sentence
    says which.
    """

    breaks: Figure
    cause: Figure
    sentence: str


class FindingResult(Written):
    """A finding in words and figures; ``effect_percent`` is of what would have been without.

    ``verdict`` says both parts in a phrase; ``direction`` and ``size`` are what it follows from,
    ``better`` whether the direction is the better one, ``unclear`` why none is told. Results that
    were written before the verdict had two parts lack them.
    """

    verdict: str
    direction: Direction | None = None
    size: Size | None = None
    better: bool | None = None
    unclear: Unclear | None = None
    hoped_percent: Figure = None
    undo: UndoResult | None = None
    sentence: str
    paragraph: str
    analyst: str
    reasons: tuple[str, ...]
    effect_percent: Effect
    people: People | None
    p_value: Figure
    adjusted_p: Figure
    margin_percent: Figure
    detectable_percent: Figure
    looked: Looked | None

    @property
    def ruling(self) -> Ruling:
        """Both parts with what was hoped for and worth having.

        Raises
        ------
        BookError : an earlier version wrote it, whose verdict had one part.
        """
        if self.direction is None or self.size is None:
            raise BookError(
                f"the verdict {self.verdict!r} was written by an earlier version, which did not "
                "tell direction and size apart.",
                mend="newstart study run PROGRAMME/STUDY writes the results anew",
            )
        return Ruling(
            verdict=Verdict((self.direction, self.size)),
            better=self.better,
            unclear=self.unclear,
            margin_percent=math.nan if self.margin_percent is None else self.margin_percent,
            hoped_percent=self.hoped_percent,
        )


class EffectRow(Written):
    """An effect on its estimate's scale: pointwise range, simultaneous band, p value, areas.

    Of the first five fields a row has the one that its table is by, and the overall row none.
    ``event_time`` counts periods since the start; a cohort is named by the period of its start.
    Periods of a year are numbers.
    """

    event_time: int = 0
    site: str = ""
    cohort: str | int = ""
    quarter: str | int = ""
    area: str = ""
    effect: Figure
    se: Figure
    low: Figure
    high: Figure
    low_band: Figure
    high_band: Figure
    p_value: Figure
    n_areas: int | None

    def figures(self) -> dict[str, Any]:
        """The row without what it is by."""
        return self.model_dump(exclude={"event_time", "site", "cohort", "quarter", "area"})


class EstimateResult(Written):
    """One estimator's effects on one outcome; the first of an outcome is what its finding rests on.

    ``unit`` and ``scale`` say what the effects are counted in: log points, or the outcome's unit.
    base_weight : the most that one period before a start weighs in the level that effects are
    measured from; None in released results, and in those of before it was kept.
    """

    estimator: str
    label: str
    primary: bool
    unit: str
    scale: Scale
    inference: str
    estimand: str
    warnings: tuple[str, ...]
    diagnostics: Mapping[str, Any]
    overall: EffectRow
    event_time: tuple[EffectRow, ...]
    site: tuple[EffectRow, ...]
    cohort: tuple[EffectRow, ...]
    quarter: tuple[EffectRow, ...]
    area: tuple[EffectRow, ...]
    base_weight: Figure = None

    def entries(self) -> Iterator[tuple[str, str | int, EffectRow]]:
        """Overall, then every row by event time, site, cohort and quarter: by what, which, row."""
        yield "overall", "", self.overall
        for by in ("event_time", "site", "cohort", "quarter"):
            for row in getattr(self, by):
                yield by, getattr(row, by), row


class PathRow(Written):
    """One period in the outcome's unit: pilots, comparisons, and pilots had none started."""

    period: str
    pilot: Figure
    comparison: Figure
    counterfactual: Figure
    low: Figure
    high: Figure


class SiteCount(Written):
    """The count of a site's areas in one period, as it is known inside; never printed as it is.

    areas : the codes of those that have a figure, which are all that the sums run over.
    """

    site: str
    period: str
    numerator: float
    denominator: float
    areas: tuple[str, ...]


class PlaceboEffects(Written):
    """Effects by event time, the real ones and those of placebo assignments; key ``gaps``."""

    event_times: tuple[int, ...]
    real: tuple[Figure, ...]
    # The key is older than the word; files and their readers keep it.
    placebo: tuple[tuple[Figure, ...], ...] = Field(alias="gaps")


class PooledRow(Written):
    """The range of the mean or of the next site, with another scale, or without a prior (REML)."""

    of: Literal["mean", "next_site"]
    effect: float
    se: float
    low: float
    high: float
    scale: Figure = None
    tau: Figure = None


class PooledSite(Written):
    """A site's effect given all sites, and alone; ``above_mean`` where it is told apart."""

    site: str
    effect: float
    se: float
    low: float
    high: float
    alone: float
    alone_se: float
    above_mean: Figure


class NewSite(Written):
    """What the sites say together, on the estimate's scale (`evaluation.estimate.between_sites`).

    mean, se : of the effects' distribution over sites. tau : the standard deviation between sites,
    the middle of what is likely. low, high : where one more site may lie. p_alike : that sites
    differ by chance alone. scale : of the prior for tau, and who fixed it. The fields with a
    default came with the grid over tau; results of before lack them.
    """

    sites: int
    mean: float
    se: float
    tau: float
    low: float
    high: float
    p_alike: float
    mean_low: Figure = None
    mean_high: Figure = None
    tau_low: Figure = None
    tau_high: Figure = None
    scale: Figure = None
    scale_fixed_by: str = ""
    by_scale: tuple[PooledRow, ...] = ()
    reml: tuple[PooledRow, ...] = ()
    by_site: tuple[PooledSite, ...] = ()
    sentence: str = ""


class BoundRow(Written):
    """The effect's range under violations of parallel trends up to ``bound`` times the largest."""

    bound: float
    low: Figure
    high: Figure


class HonestRange(Written):
    """Ranges by relative magnitude (Rambachan and Roth 2023); the largest that leaves zero out."""

    breakdown: Figure
    rows: tuple[BoundRow, ...]


class SyntheticRow(Written):
    """One period on the estimate's scale: pilots, and their synthetic control."""

    period: str
    observed: float
    synthetic: float = Field(alias="twin")
    low: Figure
    high: Figure


class DonorWeight(Written):
    """What an area weighs in the synthetic control, as a mean over pilot areas."""

    name: str
    weight: float


class SyntheticUnit(Written):
    """The synthetic control of all pilots, the areas that make it up, and how well it fits."""

    estimator: str
    rows: tuple[SyntheticRow, ...]
    donors: tuple[DonorWeight, ...]
    scale: Scale
    pre_period_rmspe: Figure = None
    effective_donors: Figure = None


class LookRow(Written):
    """What was known at one look, with the interval of all looks until then."""

    quarter: str
    vintage: str
    effect: Figure
    low: Figure
    high: Figure
    spent: Figure
    crossed: bool


class DiagnosticFigures(Written):
    """What a check's words are made from; see `evaluation.diagnose.diagnostic.Diagnostic`."""

    size: Figure
    unit: str
    seen: Figure
    n: int | None
    threshold: Figure
    names: tuple[str, ...]


class DiagnosticResult(Written):
    """One check of an outcome: what it found, in words, and its figures.

    ``brief`` is the sentence without what the check could have seen.
    """

    code: str
    title: str
    result: str
    statistic: str
    sentence: str
    p_value: Figure
    brief: str = ""
    figures: DiagnosticFigures | None = None


class LineageResult(Written):
    """How figures came about: the source's own, sums of its areas, or shared out of older ones.

    most_apportioned : the largest share of a figure that was shared out, 0 to 1.
    """

    exact: int
    summed: int
    apportioned: int
    most_apportioned: float


class DataResult(Written):
    """How many cells the outcome has, and how many are missing, suppressed, revised, rounded.

    A figure that was sent again as it was is not revised. As released, a number of suppressed or
    revised cells that is too small to be told is None.
    """

    cells: int
    missing: int
    suppressed: int | None
    revised: int | None
    rounded: int = 0
    lineage: LineageResult | None = None


class SuppressedEnds(Written):
    """The overall effect with suppressed counts at either end, on the estimate's scale."""

    cells: int
    low: Figure
    high: Figure


class BlanketResult(Written):
    """Figures accepted by one reason for a whole rule; the effect, and that without them."""

    cells: int
    effect: Figure
    without: Figure


class TouchedRow(Written):
    """The effect without the areas to which something else happened; the first row: without none.

    without : what happened. areas : how many were left out, pilots among them. effect, se, low,
    high : on the estimate's scale; none where too few areas are left. change : from the first row.
    """

    without: str
    areas: int
    areas_left: int
    effect: Figure
    se: Figure
    low: Figure
    high: Figure
    p_value: Figure
    change: Figure


class OutcomeResult(Written):
    """One outcome of a study: as it is declared, found, estimated and checked."""

    code: str
    title: str
    plain_title: str
    people: str
    domain: str
    unit: str
    per: float
    numerator: str
    denominator: str | None
    kind: str
    polarity: str
    agency: str
    instrument: str
    measured_in: str
    role: Role
    finding: FindingResult
    estimates: tuple[EstimateResult, ...]
    paths: tuple[PathRow, ...]
    placebo_effects: PlaceboEffects = Field(alias="placebo_gaps")
    equally_likely: tuple[Figure, ...]
    new_site: NewSite | None
    honest_range: HonestRange | None = Field(alias="breaks")
    # Keys of files stay as the first edition wrote them.
    synthetic_unit: SyntheticUnit | None = Field(alias="twin")
    looks: tuple[LookRow, ...]
    diagnostics: tuple[DiagnosticResult, ...]
    data: DataResult
    suppressed: SuppressedEnds | None = Field(alias="withheld")
    blanket: BlanketResult | None = None
    # Of results that an earlier version wrote there are none, and their paths are not released.
    counts: tuple[SiteCount, ...] = ()
    touched: tuple[TouchedRow, ...] = ()

    @property
    def estimate(self) -> EstimateResult:
        """The one that the finding rests on: by the first estimator of the protocol."""
        return self.estimates[0]


class Relock(Written):
    """One re-lock: when, why, and by primary outcome the figures ``old`` and ``new``."""

    frozen: str
    reason: str
    figures: Mapping[str, Mapping[str, Mapping[str, Any] | None]]


class LockResult(Written):
    """What a reader has to know of the lock; a re-lock has its reason, old and new figures.

    exploratory, registration, needed : see `evaluation.study.lock.Lock`.
    """

    hash: str
    frozen: str
    synthetic_clock: bool
    first_frozen: str
    data_seen: Mapping[str, Any]
    vintage_rule: str
    ledger_head: Mapping[str, Any]
    relocks: tuple[Relock, ...]
    exploratory: bool = False
    registration: str = ""
    needed: tuple[str, ...] = ()


class Sample(Written):
    """The areas and periods of the panel."""

    pilot_areas: int
    comparison_areas: int
    excluded_areas: int
    authorities: int
    sites: int
    first: str
    last: str
    periods: tuple[str, ...]


class AssignmentsResult(Written):
    """The placebo assignments, and what may be inferred from so many."""

    drawn: int
    distinct: int
    smallest_p: float
    block: str
    reason: str
    enumerated: bool
    strata: tuple[str, ...]
    said: tuple[str, ...]
    refused: tuple[str, ...]
    needed: tuple[str, ...]
    rests_on: str


class SiteResult(Written):
    """A site of the study with the number of its pilot areas."""

    code: str
    name: str
    start: str
    areas: int
    about: str


class FifthEffect(Written):
    """A primary outcome's effect within one deprivation fifth, on the estimate's scale."""

    outcome: str
    scale: Scale
    effect: Figure
    low: Figure
    high: Figure
    p_value: Figure


Scaled = EstimateResult | SyntheticUnit | FifthEffect
"""What says on which scale its figures are."""


class FifthResult(Written):
    """One deprivation fifth, 1 the most deprived: effects, or the reason why there are none."""

    fifth: int
    pilot_areas: int
    comparison_areas: int
    reason: str
    effects: tuple[FifthEffect, ...]


class BalanceRow(Written):
    """How pilots differ from comparison areas before the first start, standardised."""

    outcome: str
    characteristic: str
    pilots: Figure
    comparisons: Figure
    difference: Figure
    p_value: Figure


class PublishedFigure(Written):
    """A published effect with its error and p value, as far as they are printed."""

    effect: Figure
    error: Figure
    p_value: Figure


class OwnFigure(PublishedFigure):
    """The same figure computed here."""

    low: Figure
    high: Figure


class PublishedResult(Written):
    """A published figure beside ours, their difference, and why there is one."""

    what: str
    outcome: str
    source: str
    published: PublishedFigure
    ours: OwnFigure
    difference: Figure
    tolerance: float
    inference: str
    why: str


class ConditionResult(Written):
    """One condition of a level of evidence: met or not, why, and what would meet it."""

    code: str
    title: str
    met: str
    reason: str
    mend: str


class JudgementResult(Written):
    """What a person signed of the evidence, if anybody did."""

    comparison_argued: str
    signed: Mapping[str, str] | None
    robins_i: Mapping[str, Mapping[str, str]]
    grade: Mapping[str, str] | None


class GradeResult(Written):
    """The evidence on one primary outcome, on the Maryland scale."""

    level: int
    sentence: str
    raises: tuple[str, ...]
    conditions: tuple[ConditionResult, ...]
    robins_i: Mapping[str, str]
    certainty: Mapping[str, str]
    judgement: JudgementResult


class Results(Written):
    """The whole of ``results.json``: one run of one study.

    value : the accounts, where pounds were asked for; gross : gains alone, where no costs are
    declared to set them against.
    """

    programme: str
    study: str
    title: str
    question: str
    label: Label
    differences: tuple[str, ...]
    deviations: tuple[str, ...]
    lock: LockResult | None
    vintage: str
    protocol_fingerprint: str
    panel_fingerprint: str
    code_fingerprint: str
    synthetic: bool
    how_pilots_were_chosen: str
    window: tuple[int, int]
    level: float
    sample: Sample
    assignments: AssignmentsResult
    sites: tuple[SiteResult, ...]
    outcomes: tuple[OutcomeResult, ...]
    value: Accounts | None
    gross: GrossAccounts | None = None
    equity: tuple[FifthResult, ...]
    balance: tuple[BalanceRow, ...]
    published: tuple[PublishedResult, ...]
    text: tuple[str, ...]
    figures_fingerprint: str
    # What keeps a hash of the whole file from being tried; it is shown nowhere.
    nonce: str = ""
    grades: Mapping[str, GradeResult]
    # With a default, so that results of before sentences were kept as data can still be read.
    sentences: Sentences = Field(default_factory=dict)
    # As are those of before people were asked.
    lives: Lives | None = None

    @property
    def starts(self) -> list[str]:
        """The periods in which sites start, earliest first."""
        # By calendar: labels do not sort as text where years and quarters mix.
        return sorted({site.start for site in self.sites}, key=Period.parse)

    @property
    def period_word(self) -> str:
        """What a period of the study is called: ``quarter``, ``month`` or ``year``."""
        kinds = {Period.parse(label).frequency for label in self.sample.periods}
        others: tuple[Frequency, ...] = ("A", "M")
        return next((NAMES[kind] for kind in others if kind in kinds), NAMES["Q"])

    def with_role(self, *roles: Role) -> list[OutcomeResult]:
        """The outcomes of these roles, in the order of the results."""
        return [outcome for outcome in self.outcomes if outcome.role in roles]

    def fingerprints(self) -> dict[str, str]:
        """Of the protocol, the panel and the code that the figures rest on."""
        return {
            "protocol": self.protocol_fingerprint,
            "panel": self.panel_fingerprint,
            "code": self.code_fingerprint,
        }


class AdjustmentResult(Written):
    """What has to be held fixed for one outcome, what is, and whether that closes back doors."""

    adjustment_set: tuple[str, ...] | None
    held_fixed: tuple[str, ...]
    bad_controls: Mapping[str, str]
    closed: bool


class RefutationResult(Written):
    """One attack: what it tests, the estimate, the mean estimate under it, what that says."""

    code: str
    kind: str
    title: str
    result: str
    effect: Figure
    under: Figure
    p_value: Figure
    sentence: str


class UnobservedResult(Written):
    """How strong an unmeasured cause would have to be to explain one effect."""

    e_value: Figure
    e_value_limit: Figure
    partial_r2: Figure
    robustness: Figure
    sentence: str


class ChallengeResult(Written):
    """The whole of ``challenge.json``: what attacks on one study found; by outcome code."""

    study: str
    panel: str
    simulations: int
    recorded: str
    theory: Mapping[str, AdjustmentResult] | None
    implications: tuple[str, ...]
    refuted: Mapping[str, tuple[RefutationResult, ...]]
    unobserved: Mapping[str, UnobservedResult]
    sentences: Sentences = Field(default_factory=dict)


SCHEMAS: Mapping[str, type[Written]] = {"results": Results, "challenge": ChallengeResult}
"""Name of the file in ``data_schemas/`` -> what it is the schema of."""


if __name__ == "__main__":
    for name, model in SCHEMAS.items():
        (Path(sys.argv[1]) / f"{name}.schema.json").write_text(json_schema(model), encoding="utf-8")
