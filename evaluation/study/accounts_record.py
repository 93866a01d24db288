"""The accounts of a study as they are written into its results: what effects are worth.

Every figure is in pounds of the price base, of the same draws (`evaluation.value.report`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from evaluation.study.written import Figure, Written


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


class GrossTotals(Written):
    """The gains to date, each with its range."""

    gross_fiscal: Mean
    # Field names are lower case, the file's keys are older than the model.
    gross_fiscal_ame: Mean = Field(alias="gross_fiscal_AME")
    gross_fiscal_del: Mean = Field(alias="gross_fiscal_DEL")
    gross_economic: Mean
    gross_social: Mean
    cashable: Mean


class Totals(GrossTotals):
    """The accounts to date, each with its range; ``npsv`` is the net present social value."""

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


class Gain(Written):
    """What an agency gained from one kind of budget."""

    agency: str
    name: str
    budget: str
    gain: Mean


class BudgetRow(Gain):
    """What an agency paid and gained from one kind of budget."""

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
    objected: bool = False


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
    """How far one input moves the net value: its ends, around the best figure."""

    what: str
    title: str
    low: float
    high: float
    best: float

    def figures(self) -> dict[str, Any]:
        """As the chart and its table have it: ``of`` is for sentences."""
        return self.model_dump(exclude={"of"})


class WorthKnowing(Written):
    """What it would be worth to know one input, in pounds."""

    what: str
    title: str
    worth: float


class Information(Written):
    """The value of information for one decision, in pounds: of all, and of one input each."""

    decision: str
    perfect: float
    of_one: tuple[WorthKnowing, ...]


class PublicFunds(Written):
    """The marginal value of public funds; shares of draws by quadrant; points (cost, gain)."""

    # Infinite where the programme pays for itself, which JSON cannot say: see `Figure`.
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
    # A word that Python keeps for itself.
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


class SiteCost(Written):
    """What was paid for one site to date, in pounds; ``site`` is empty where it is of none."""

    site: str
    amount: float


class NotStanding(Written):
    """A valued outcome whose finding is objected to, and what it counts for."""

    outcome: str
    title: str
    plain_title: str
    verdict: str
    gross_fiscal: Mean
    cashable: Mean


class WithObjected(Written):
    """The totals and the agencies' accounts with the outcomes that a check objects to."""

    totals: Totals
    by_agency: tuple[BudgetRow, ...]


class GrossWithObjected(Written):
    """The same gains with the outcomes that a check objects to, where no cost is declared."""

    totals: GrossTotals
    by_agency: tuple[Gain, ...]


class TakenOutRow(Written):
    """What was taken out of one line of a budget to date: pounds of the price base, and posts."""

    line: str
    title: str
    agency: str
    amount: float
    posts: float


class GrossAccounts(Written):
    """What the effects are worth to date in a programme that declares no costs: gains alone."""

    price_base: int
    parameters: str
    last: str
    draws: int
    level: float
    totals: GrossTotals
    by_agency: tuple[Gain, ...]
    by_outcome: tuple[PricedRow, ...]
    taken_out: tuple[TakenOutRow, ...] = ()
    with_objected: GrossWithObjected | None = None
    notes: tuple[str, ...]


class Accounts(Written):
    """What the effects are worth to date, by agency, outcome, site and quarter, and how sure.

    taken_out : what finance departments reported as taken out of a budget; where there is none,
    what is cashable is capacity released and no saving. costs_lacking : the returns of money that
    are owed and not in, without which the cost is too low. The headline counts every registered
    outcome with a price whose checks hold; ``with_objected`` is the same with those in
    ``not_standing``, to which a check objects, and None where there are none.
    """

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
    site_costs: tuple[SiteCost, ...] = ()
    taken_out: tuple[TakenOutRow, ...] = ()
    costs_lacking: tuple[str, ...] = ()
    not_standing: tuple[NotStanding, ...] = ()
    with_objected: WithObjected | None = None
    notes: tuple[str, ...]

    @property
    def stands(self) -> bool:
        """Whether any outcome with a price has checks that hold: else the headline is empty."""
        return any(not row.objected for row in self.by_outcome)
