"""Small programmes with known effects, for the tests of the chain from effects to pounds."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from evaluation.estimate.units import NetEffects
from evaluation.programme import Area, Cost, Denominator, Outcome, Programme, Site
from evaluation.quarters import Period, period_range
from evaluation.value import Assumptions, Value
from evaluation.value.worth import value_of

FIRST, LAST = Period.parse("2024 Q1"), Period.parse("2026 Q4")
QUARTERS = tuple(period.label for period in period_range(FIRST, LAST))
SITES = ("S01", "S02")
CERTAIN = Assumptions(uncertain=())


def outcome(code: str, kind: Literal["stock", "flow"], unit_cost: str, **more: Any) -> Outcome:
    """An outcome with what the chain needs of it; the rest is filling."""
    filling: dict[str, Any] = {
        "title": code.replace("_", " ").capitalize(),
        "plain_title": code,
        "people": code,
        "domain": "test",
        "unit": "per 1,000 residents",
        "numerator": code,
        "denominator": "residents",
        "polarity": "down",
        "agency": "nhs",
        "source": "site",
        "comparison_source": "open",
        "instrument": "record",
    }
    return Outcome(code=code, kind=kind, unit_cost=unit_cost, **(filling | more))


AE = outcome("ae_attendances", "flow", "ae_attendance")
CLAIMANTS = outcome("claimant_count", "stock", "claimant", agency="dwp", overlap_group="work")
HOUSED = outcome(
    "temporary_accommodation",
    "stock",
    "temporary_accommodation",
    agency="council",
    overlap_group="home",
)
GP = outcome("gp_consultations", "flow", "gp_consultation", polarity="care")
ASB = outcome("antisocial_behaviour", "flow", "antisocial_behaviour", agency="police")
LIFE = outcome("life_satisfaction", "stock", "wellby", form="value", denominator=None)
# Valued by itself, in one total with nothing else; years in health are part of the usual sum.
HEALTH = outcome("years_in_health", "stock", "qaly", form="value", denominator=None)
OUTCOMES = {one.code: one for one in (AE, CLAIMANTS, HOUSED, GP, ASB, LIFE, HEALTH)}


def cost(
    agency: str, quarter: str, amount: float, kind: str = "running", site: str = "S01"
) -> Cost:
    return Cost(
        site=site,
        agency=agency,
        kind=kind,
        period=quarter,
        amount=amount,  # type: ignore[arg-type]
        price_year=2024,
    )


def programme(
    outcomes: Sequence[Outcome],
    costs: Sequence[Cost] = (),
    denominators: Sequence[Denominator] = (),
) -> Programme:
    """Two sites of one area each."""
    return Programme(
        name="test",
        title="Test",
        question="?",
        synthetic=True,
        first=FIRST,
        last=LAST,
        agencies={"nhs": "NHS", "council": "Council", "dwp": "DWP", "police": "Police"},
        sites=tuple(Site(code=code, name=code, start=FIRST) for code in SITES),
        areas=tuple(
            Area(code=f"A{code}", name=code, authority=code, role="pilot", site=code)
            for code in SITES
        ),
        outcomes=tuple(outcomes),
        costs=tuple(costs),
        denominators=tuple(denominators),
    )


def net(
    of: Outcome,
    effects: Any,
    *,
    scale: Literal["log", "level", "ratio"] = "level",
    observed: Any = 1_000.0,
    exposure: Any = 4.0,
    noise: float = 0.0,
    assignments: int = 200,
    quarters: Sequence[str] = QUARTERS,
    sites: Sequence[str] = SITES,
    seed: int = 0,
) -> NetEffects:
    """Effects by site and quarter (broadcast to all of them), with independent normal noise."""
    index = pd.DataFrame(
        [(site, quarter) for site in sites for quarter in quarters], columns=["site", "quarter"]
    )
    full = np.broadcast_to(np.asarray(effects, dtype=float), (len(sites), len(quarters))).ravel()
    deviations = noise * np.random.default_rng(seed).standard_normal((assignments, len(index)))
    return NetEffects(
        outcome=of.code,
        scale=scale,
        index=index,
        effects=full.copy(),
        deviations=deviations - deviations.mean(axis=0),
        widening=1.0,
        observed=np.broadcast_to(observed, (len(index),)).astype(float),
        exposure=np.broadcast_to(exposure, (len(index),)).astype(float),
    )


def valued(
    nets: Sequence[NetEffects],
    costs: Sequence[Cost] = (),
    *,
    assumptions: Assumptions = CERTAIN,
    draws: int = 300,
    changed: Sequence[Outcome] = (),
    **more: Any,
) -> Value:
    """The accounts of these effects; ``changed`` outcomes are declared otherwise than here."""
    declared = OUTCOMES | {one.code: one for one in changed}
    held = programme([declared[one.outcome] for one in nets], costs)
    return value_of(nets, held, assumptions=assumptions, draws=draws, **more)
