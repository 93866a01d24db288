"""What better lives are worth: life satisfaction to WELLBYs to pounds, as a sum of its own.

One WELLBY is one point of life satisfaction (0 to 10) for one person for one year (HM Treasury,
Wellbeing Guidance for Appraisal, July 2021). Satisfaction moves with health, safety, housing and
income already, so this sum is an alternative to the social parts of unit costs, and is in one total
neither with them nor with fiscal figures. It enters only from a survey in both arms, and only as a
labelled sensitivity where the survey's own finding does not stand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from evaluation.errors import ValueChainError
from evaluation.quarters import Period
from evaluation.value.parameters import Parameters
from evaluation.value.pricing import (
    QUARTERS_A_YEAR,
    discount_factors,
    factor_to_price_base,
    triangular,
)
from evaluation.value.tally import net_effects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.units import NetEffects
    from evaluation.programme import Outcome, Programme
    from evaluation.value.parameters import UnitCost

    Floats = NDArray[np.float64]

POINT_YEAR = "point_year"
Label = Literal["stands", "sensitivity"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Wellbeing:
    """WELLBYs of a survey's effect to its last wave, and what they are worth.

    ``points`` : (D + 1, K) effect at each site and quarter, the estimate first. ``adults`` : (K)
    who lives there. ``price`` : (D + 1) pounds of the price base for one WELLBY, the central one
    first. ``prices`` : the low, central and high one. ``label`` : ``sensitivity`` where the
    survey's finding does not stand.
    """

    outcome: str
    index: pd.DataFrame
    points: Floats
    adults: Floats
    price: Floats
    prices: dict[str, float]
    price_base: int
    source: str
    level: float
    label: Label
    parameters: Parameters
    schedule: Any

    def wellbys(self) -> Floats:
        """(D + 1) points times adults times a quarter of a year, summed."""
        summed: Floats = self.points @ (self.adults / QUARTERS_A_YEAR)
        return summed

    def pounds(self, *, present: bool = False) -> Floats:
        """(D + 1) their worth with the price as uncertain as it is; ``present`` : discounted.

        The schedule is that of health, as the guidance has it for wellbeing, from the first quarter
        with an effect on.
        """
        weight = self.adults / QUARTERS_A_YEAR
        if present:
            quarters = [str(quarter) for quarter in self.index["quarter"]]
            base = min(map(Period.parse, quarters))
            weight = weight * discount_factors(self.parameters, quarters, base, self.schedule)
        worth: Floats = (self.points @ weight) * self.price
        return worth

    @property
    def quarters(self) -> tuple[str, str]:
        """The first and the last quarter that it covers: from wave to wave, and no further."""
        ordered = sorted(map(str, self.index["quarter"]), key=lambda q: Period.parse(q).ordinal)
        return ordered[0], ordered[-1]

    def totals(self) -> pd.DataFrame:
        """One row each: WELLBYs, pounds at the low, central and high price, and with all drawn."""
        held = self.wellbys()
        rows = {"wellbys": held}
        rows |= {f"pounds_{name}": held * price for name, price in self.prices.items()}
        rows |= {"pounds": self.pounds(), "present_value": self.pounds(present=True)}
        table = pd.DataFrame({name: self._summary(vector) for name, vector in rows.items()}).T
        table.index.name = "account"
        return table

    def by_site(self) -> pd.DataFrame:
        """WELLBYs by site."""
        rows = {}
        for site in dict.fromkeys(self.index["site"].astype(str)):
            own = (self.index["site"].astype(str) == site).to_numpy()
            held = self.points[:, own] @ (self.adults[own] / QUARTERS_A_YEAR)
            rows[site] = self._summary(held)
        return pd.DataFrame(rows).T

    def _summary(self, vector: Floats) -> dict[str, float]:
        tail = (1 - self.level) / 2
        low, high = np.quantile(vector[1:], [tail, 1 - tail])
        return {"mean": float(vector[0]), "low": float(low), "high": float(high)}


def is_wellbeing(outcome: Outcome, params: Parameters) -> bool:
    """Whether an outcome's price is of a point of wellbeing for a year."""
    return bool(outcome.unit_cost) and any(
        cost.cost_per == POINT_YEAR for cost in params.costs_of(outcome.unit_cost or "")
    )


def in_one_total(outcome: Outcome, params: Parameters) -> bool:
    """Whether an outcome's price goes into the total of unit costs: it has one, and no WELLBY's."""
    return bool(outcome.unit_cost) and not is_wellbeing(outcome, params)


def refuse_both(outcomes: Sequence[Outcome], params: Parameters) -> None:
    """Refuse a total of wellbeing together with anything else that has a price.

    Raises
    ------
    ValueChainError : some of the outcomes are priced by the WELLBY and others are not.
    """
    lives = [one.code for one in outcomes if is_wellbeing(one, params)]
    others = [one.code for one in outcomes if one.unit_cost and one.code not in lives]
    if lives and others:
        raise ValueChainError(
            f"{lives[0]} and {others[0]} cannot stand in one total: life satisfaction moves with "
            "health, safety, housing and income already, so what they are worth to people would be "
            "counted twice, and pounds of budgets and pounds of wellbeing are not the same pounds.",
            expected="one sum or the other: unit costs, or WELLBYs",
            mend=f"value {lives[0]} by itself (evaluation.value.wellbeing), and leave it out here",
        )


def wellbeing(
    estimate: Estimate,
    programme: Programme,
    *,
    stands: bool,
    parameters: str | Parameters = "2026",
    price_base: int = 2024,
    real_income: float = 1.0,
    draws: int = 10_000,
    seed: int = 0,
) -> Wellbeing:
    """The WELLBYs of a survey's effect on the adults of pilot areas, and their worth.

    effect in points x adults x 0.25 a quarter x pounds for a WELLBY. Between two waves an effect
    runs straight from the one to the other; before the first wave after a start and after the last
    it is not known, and nothing is counted.

    Parameters
    ----------
    estimate : of an outcome priced by the WELLBY, by re-assignment.
    stands : whether the survey's own finding stands. Where it does not the worth is a sensitivity,
        and is labelled as one.
    price_base : to which the price of 2019 is brought by the GDP deflator.
    real_income : real GDP per head of the price base over that of the price's year. The guidance
        lets the worth of a WELLBY rise with it, to the power of the elasticity of the marginal
        utility of income; 1 leaves it as it is.

    Raises
    ------
    ValueChainError : the outcome is no survey of both arms, has no price by the WELLBY, or nothing
        says how many adults live in the pilot areas.
    """
    params = Parameters.known(parameters, programme)
    outcome = programme.outcome_by_code[estimate.outcome]
    cost = _price_of(outcome, params)
    net = between_waves(net_effects(estimate, programme))
    if net.scale != "level":
        raise ValueChainError(
            f"{outcome.code} was estimated on a {net.scale} scale, and a WELLBY is a point.",
            mend="scale: level",
        )
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(net.deviations), draws)
    elasticity = params.spread("eta").central
    factor = factor_to_price_base(params, cost.price_year, price_base) * real_income**elasticity
    spread = cost.spread
    assert spread is not None  # every value of lives is declared with one
    return Wellbeing(
        outcome=outcome.code,
        index=net.index,
        points=np.vstack([net.effects, net.drawn(rows)]),
        adults=net.exposure,
        price=triangular(spread, draws, rng) * factor,
        prices={name: float(getattr(spread, name)) * factor for name in ("low", "central", "high")},
        price_base=price_base,
        source=f"{cost.source}: {cost.note}",
        level=estimate.level,
        label="stands" if stands else "sensitivity",
        parameters=params,
        schedule=cost.schedule,
    )


def _price_of(outcome: Outcome, params: Parameters) -> UnitCost:
    if outcome.measured_in != "all areas":
        raise ValueChainError(
            f"{outcome.code} was asked in pilot areas only: who comes in a bad week is better in "
            "the next, whatever is done, and no pound follows from that.",
            expected="a survey of pilot and comparison areas",
        )
    if not outcome.sampled:
        raise ValueChainError(
            f"{outcome.code} is no survey's figure, and wellbeing is what people say themselves.",
            expected="an outcome of frequency: wave",
        )
    costs = params.costs_of(outcome.unit_cost) if outcome.unit_cost else ()
    for cost in costs:
        if cost.cost_per == POINT_YEAR and cost.spread is not None:
            return cost
    raise ValueChainError(
        f"{outcome.code} has no price by the WELLBY: loneliness, trust and a life worth while are "
        "not priced.",
        expected="unit_cost: wellby, of life satisfaction from 0 to 10",
    )


def between_waves(net: NetEffects) -> NetEffects:
    """The effects of every quarter from the first to the last wave after the start, site by site.

    A linear map of the waves' effects, so that draws go through it as the estimate does.
    """
    maps, rows = [], []
    sites = net.index["site"].astype(str).to_numpy()
    quarters = [Period.parse(str(quarter)) for quarter in net.index["quarter"]]
    for site in dict.fromkeys(sites):
        # A site whose areas start at different times has an entry for each cohort.
        cohorts = net.index["cohort"] if "cohort" in net.index else pd.Series(0, net.index.index)
        for cohort in dict.fromkeys(cohorts[sites == site]):
            own = np.flatnonzero((sites == site) & (cohorts == cohort).to_numpy())
            own = own[np.argsort([quarters[k].ordinal for k in own])]
            seen = np.array([quarters[k] - quarters[own[0]] for k in own], dtype=float)
            for step in range(int(seen[-1]) + 1):
                weights = np.zeros(len(sites))
                weights[own] = [np.interp(step, seen, np.eye(len(own))[j]) for j in range(len(own))]
                maps.append(weights)
                row = net.index.iloc[own[0]].to_dict()
                rows.append(row | {"quarter": (quarters[own[0]] + step).label})
    straight = np.array(maps)
    return replace(
        net,
        index=pd.DataFrame(rows),
        effects=straight @ net.effects,
        deviations=net.deviations @ straight.T,
        observed=straight @ net.observed,
        exposure=straight @ net.exposure,
    )
