"""What a run of a study leaves in ``results.json`` and an attack in ``challenge.json``, as types.

The files are written from these models and read into them, so no page asks for a key that is not
there. Keys stand in the order of the fields. A field without a default is always written; one with
a default is written only where there is something to say. A figure that does not exist (a NaN of
the arrays that it came from) is None. ``data_schemas/results.schema.json`` says the same to
readers in other languages (``python -m evaluation.study.record data_schemas``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.errors import BookError
from evaluation.protocol import Role

Scale = Literal["log", "level"]
Label = Literal["confirmatory", "exploratory"]
Figure = float | None
Sentences = Mapping[str, Mapping[str, Any]]
"""Text of a sentence -> its template and figures: `evaluation.wording.Sentence.as_data`."""


class Written(BaseModel):
    """A part of a written file: frozen, and a key that the model does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def plain(self) -> dict[str, Any]:
        """As it stands in the file: keys in its order, and only those that were given."""
        return self.model_dump(by_alias=True, exclude_unset=True)

    def as_json(self) -> str:
        """The file: UTF-8, indented by one, a line feed at its end.

        Raises
        ------
        ValueError : a figure is NaN or infinite, which JSON does not know.
        """
        return json.dumps(self.plain(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


Model = TypeVar("Model", bound=Written)


def read_written(model: type[Model], path: Path) -> Model:
    """A file of this kind, which has to be there.

    Raises
    ------
    BookError : it cannot be read, is no JSON, or is not as the model has it: where, and what.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BookError(f"it cannot be read: {error.strerror}.", where=str(path)) from None
    except ValidationError as wrong:
        first = wrong.errors()[0]
        if first["type"] == "json_invalid":
            raise BookError(f"no valid JSON: {first['msg']}", where=str(path)) from None
        place = ".".join(str(part) for part in first["loc"])
        more = f" ({wrong.error_count()} faults in all)" if wrong.error_count() > 1 else ""
        raise BookError(
            f"{place or 'the file'}: {first['msg']}{more}.",
            where=str(path),
            mend="it was written by another version, or by hand: write it anew",
        ) from None


class Effect(Written):
    """An effect with its range, in one unit."""

    effect: Figure
    low: Figure
    high: Figure


class Mean(Written):
    """An estimate with its range, in pounds or in events."""

    mean: float
    low: Figure
    high: Figure


class Ratio(Written):
    """Pounds back for each pound, with the chance that it is more than one."""

    mean: Figure
    low: Figure
    high: Figure
    p_above_one: Figure


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


class FindingResult(Written):
    """A finding in words and figures; ``effect_percent`` is of what would have been without."""

    verdict: str
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


class PlaceboEffects(Written):
    """Effects by event time, the real ones and those of placebo assignments; key ``gaps``."""

    event_times: tuple[int, ...]
    real: tuple[Figure, ...]
    placebo: tuple[tuple[Figure, ...], ...] = Field(alias="gaps")


class NewSite(Written):
    """The prediction interval for one more site, on the estimate's scale."""

    sites: int
    mean: float
    se: float
    tau: float
    low: float
    high: float
    p_alike: float


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
    """One period on the estimate's scale: pilots, and their synthetic control (key ``twin``)."""

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


class DataResult(Written):
    """How many cells the outcome has, and how many are missing, suppressed, revised."""

    cells: int
    missing: int
    suppressed: int
    revised: int


class SuppressedEnds(Written):
    """The overall effect with suppressed counts at either end, on the estimate's scale."""

    cells: int
    low: Figure
    high: Figure


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
    synthetic_unit: SyntheticUnit | None = Field(alias="twin")
    looks: tuple[LookRow, ...]
    diagnostics: tuple[DiagnosticResult, ...]
    data: DataResult
    suppressed: SuppressedEnds | None = Field(alias="withheld")


class Relock(Written):
    """One re-lock: when, why, and by primary outcome the figures ``old`` and ``new``."""

    frozen: str
    reason: str
    figures: Mapping[str, Mapping[str, Mapping[str, Any] | None]]


class LockResult(Written):
    """What a reader has to know of the lock; a re-lock has its reason, old and new figures."""

    hash: str
    frozen: str
    synthetic_clock: bool
    first_frozen: str
    data_seen: Mapping[str, Any]
    vintage_rule: str
    ledger_head: Mapping[str, Any]
    relocks: tuple[Relock, ...]


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


class Totals(Written):
    """The accounts to date, each with its range; ``npsv`` is the net present social value."""

    gross_fiscal: Mean
    gross_fiscal_ame: Mean = Field(alias="gross_fiscal_AME")
    gross_fiscal_del: Mean = Field(alias="gross_fiscal_DEL")
    gross_economic: Mean
    gross_social: Mean
    cashable: Mean
    cost: Mean
    net_fiscal: Mean
    npsv: Mean
    bcr: Ratio
    fiscal_ratio: Ratio
    cashable_ratio: Ratio
    p_npsv_positive: float

    def accounts(self) -> dict[str, Mean | Ratio]:
        """Key in the file -> the account, all but the chance."""
        held = {
            field.alias or name: getattr(self, name)
            for name, field in type(self).model_fields.items()
        }
        return {key: one for key, one in held.items() if isinstance(one, Mean | Ratio)}


class BudgetRow(Written):
    """What an agency paid and gained from one kind of budget."""

    agency: str
    name: str
    budget: str
    gain: Mean
    cost: Mean
    net: Mean


class PricedRow(Written):
    """One priced outcome: quantity, price, share kept, worth, and where the price is from."""

    outcome: str
    title: str
    people: str
    events_avoided: Mean
    unit_cost: float
    cost_per: str
    price_year: str
    confidence: str
    approximate: bool
    kind: str
    agency: str
    agency_name: str
    budget: str
    code: str
    vintage: str
    source: str
    share: float
    given_up: bool
    transfer: bool
    value: Mean
    note: str
    basis: str
    bankable: bool
    red: bool


class SiteValue(Written):
    """What one site's effects are worth."""

    site: str
    mean: float
    low: Figure
    high: Figure


class QuarterValue(Written):
    """One quarter: gain, cost, the balance so far with quantiles, chance of having paid back."""

    quarter: str
    gain: Mean
    cost: float
    cumulative_net: Mean
    fan: Mapping[str, float] = Field(default_factory=dict)
    p_paid_back: float


class Payback(Written):
    """When what was released covers what was spent: estimate, range, and chances."""

    quarter: str
    earliest: str
    latest: str
    p_within: float
    p_not_within: float
    last: str


class Step(Written):
    """One bar of the way from everything gained to what could leave a budget."""

    step: str
    title: str
    total: bool
    mean: float
    low: Figure
    high: Figure


class Swing(Written):
    """How far one input moves the net value: its ends, around the best figure.

    ``of`` is what an effect is on, without the words that name it among other inputs.
    """

    what: str
    title: str
    of: str = ""
    low: float
    high: float
    best: float


class WorthKnowing(Written):
    """What it would be worth to know one input, in pounds; ``of`` as in `Swing`."""

    what: str
    title: str
    of: str = ""
    worth: float


class Information(Written):
    """The value of information for one decision, in pounds: of all, and of one input each."""

    decision: str
    perfect: float
    of_one: tuple[WorthKnowing, ...]


class PublicFunds(Written):
    """The marginal value of public funds; shares of draws by quadrant; points (cost, gain)."""

    mvpf: Figure
    low: Figure
    high: Figure
    finite: float
    infinite: float
    ambiguous: float
    people_lose: float
    best: tuple[float, float]
    willingness_to_pay: Mean
    net_cost: Mean
    points: tuple[tuple[int, int], ...]


class CategoryChance(Written):
    """A category of value for money by its benefit-cost ratio, and the chance of it."""

    category: str
    at_least: Figure = Field(alias="from")
    below: Figure
    p: float
    estimate: bool


class ScenarioResult(Written):
    """The net present value under one assumption on the years ahead."""

    scenario: str
    note: str
    years: int
    npsv: Mean
    p_positive: float
    source: str
    vintage: str
    confidence: str


class BreakEven(Written):
    """The half-life, in years, at which gains would equal costs; chances that none is needed."""

    half_life: Figure
    already: bool
    never: bool
    years: int
    p_already: float
    p_never: float
    low: Figure
    high: Figure


class Gains(Written):
    """Public gains draw by draw: present value to date, and the last year's by schedule."""

    today: tuple[int, ...]
    last: Mapping[str, tuple[int, ...]]


class Cash(Written):
    """What could leave a budget, draw by draw: to date, and the last year's."""

    today: tuple[int, ...]
    last: tuple[int, ...]


class WhatIf(Written):
    """The draws that a scenario needs, the estimate first (`evaluation.value.scenarios`)."""

    draws: int
    of: int
    level: float
    price_base: int
    last: str
    years: int
    cost: int
    share: Figure
    ahead: Mapping[str, tuple[float, ...]]
    gain: Gains
    cash: Cash


class OneOfFour(Written):
    """Economy, efficiency, effectiveness or equity, and what can be said of it."""

    e: str
    said: str


class Weight(Written):
    """What a pound counts in one fifth, at three elasticities."""

    central: float
    low: float
    high: float


class FifthValue(Written):
    """What people and the purse gained in one fifth; no figures where it is not valued."""

    fifth: int
    pilot_areas: int
    comparison_areas: int
    valued: bool
    reason: str
    people: Mean | None = None
    people_weighted: Mean | None = None
    weight: Weight | None = None
    purse: Mean | None = None
    source: str = ""


class NotMonetised(Written):
    """An outcome without a price: its direction, the evidence, why there is none."""

    outcome: str
    title: str
    direction: str
    evidence: str
    why: str


class RedPrice(Written):
    """A price graded red, and its share of all that is valued."""

    outcome: str
    title: str
    code: str
    share: float


class PriceSource(Written):
    """A vintage that figures rest on, with its source and grade."""

    what: str
    vintage: str
    source: str
    confidence: str


class CostRow(Written):
    """What an agency paid of one kind, in pounds."""

    agency: str
    kind: str
    amount: float


class NotStanding(Written):
    """A valued outcome whose finding is objected to, and what it counts for."""

    outcome: str
    title: str
    plain_title: str
    verdict: str
    gross_fiscal: Mean
    cashable: Mean


class NotStandingTogether(Written):
    """What those count for together, and the net value without them."""

    gross_fiscal: Mean
    npsv_without: Mean
    p_npsv_positive_without: float


class Accounts(Written):
    """What the effects are worth to date, by agency, outcome, site and quarter, and how sure."""

    price_base: int
    parameters: str
    to_date: bool
    base_period: str
    last: str
    draws: int
    level: float
    totals: Totals
    by_agency: tuple[BudgetRow, ...]
    by_outcome: tuple[PricedRow, ...]
    by_site: tuple[SiteValue, ...]
    by_quarter: tuple[QuarterValue, ...]
    payback: Payback
    waterfall: tuple[Step, ...]
    tornado: tuple[Swing, ...]
    information: Information
    public_funds: PublicFunds
    red_agencies: tuple[str, ...]
    categories: tuple[CategoryChance, ...]
    scenarios: tuple[ScenarioResult, ...]
    break_even: BreakEven
    what_if: WhatIf
    four_es: tuple[OneOfFour, ...]
    by_fifth: tuple[FifthValue, ...]
    not_monetised: tuple[NotMonetised, ...]
    what_would_change_it: tuple[str, ...]
    red: tuple[RedPrice, ...]
    to_confirm: tuple[str, ...]
    sources: tuple[PriceSource, ...]
    costs: tuple[CostRow, ...]
    not_standing: tuple[NotStanding, ...] = ()
    not_standing_together: NotStandingTogether | None = None
    notes: tuple[str, ...]


class Results(Written):
    """The whole of ``results.json``: one run of one study."""

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
    equity: tuple[FifthResult, ...]
    balance: tuple[BalanceRow, ...]
    published: tuple[PublishedResult, ...]
    text: tuple[str, ...]
    figures_fingerprint: str
    grades: Mapping[str, GradeResult]
    sentences: Sentences = {}

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
    sentences: Sentences = {}


SCHEMAS: Mapping[str, type[Written]] = {"results": Results, "challenge": ChallengeResult}
"""Name of the file in ``data_schemas/`` -> what it is the schema of."""


def json_schema(model: type[Written]) -> str:
    """The JSON schema of a written file, as text."""
    found = model.model_json_schema(mode="serialization")
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(draft | found, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, model in SCHEMAS.items():
        (Path(sys.argv[1]) / f"{name}.schema.json").write_text(json_schema(model), encoding="utf-8")
