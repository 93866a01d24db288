"""The chain from effects to pounds (design, section 11), one small step after another.

net draws -> change in events or person-time -> events avoided, overlap taken out -> unit cost in
the price base -> gross value by agency, budget and kind. Every step acts on estimate and draws
alike, so that outcomes, sites and quarters stay joint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import ValueChainError
from evaluation.estimate.units import UnitEffects, in_units
from evaluation.value.accounts import Line, Value
from evaluation.value.parameters import Parameters, lognormal, quantity_per_period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.programme import Outcome, Programme

    Floats = NDArray[np.float64]


def worth(
    estimates: Sequence[Estimate],
    programme: Programme,
    *,
    parameters: str | Parameters = "2026",
    price_base: int = 2024,
    draws: int = 10_000,
    seed: int = 0,
) -> Value:
    """Pounds by agency to date, from effects and their joint draws; nothing after the last quarter.

    Parameters
    ----------
    estimates : one an outcome, all by re-assignment over the same assignments. Outcomes without a
        unit cost are passed over and named in ``notes``.
    draws : rows of the joint draws; assignments are resampled with replacement.

    Raises
    ------
    ValueChainError : no estimate can be priced, the estimates rest on different assignments, or a
        price is missing.
    """
    params = parameters if isinstance(parameters, Parameters) else Parameters.load(parameters)
    rng = np.random.default_rng(seed)
    if len({e.provenance.get("assignments") for e in estimates}) > 1:
        raise ValueChainError(
            "the estimates rest on different assignments, so their draws are not joint.",
            mend="pass the same assignments to every estimate",
        )
    priced = [e for e in estimates if programme.outcome_by_code[e.outcome].unit_cost]
    if not priced:
        raise ValueChainError("no outcome of these estimates has a unit cost.")
    changes = {e.outcome: in_units(e) for e in priced}
    rows = _shared_rows(changes, draws, rng)
    factors = {
        grade: lognormal(params.variation(grade), draws, rng)
        for grade in sorted(set(params.unit_costs["confidence"]))
    }
    agencies = {programme.outcome_by_code[e.outcome].agency for e in priced}
    lines = []
    for estimate in priced:
        outcome = programme.outcome_by_code[estimate.outcome]
        lines += _lines(outcome, changes[outcome.code], params, rows, factors, price_base, agencies)
    skipped = [e.outcome for e in estimates if not programme.outcome_by_code[e.outcome].unit_cost]
    return Value(
        lines=tuple(lines), costs=_costs(programme, params, price_base), parameters=params,
        price_base=price_base, programme=programme, not_valued=tuple(skipped),
        level=priced[0].level,
    )  # fmt: skip


def _shared_rows(
    changes: dict[str, UnitEffects], draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    sizes = {len(change.draws) for change in changes.values()}
    return rng.integers(0, sizes.pop(), draws)


def _lines(
    outcome: Outcome,
    change: UnitEffects,
    params: Parameters,
    rows: NDArray[np.int64],
    factors: dict[str, Floats],
    price_base: int,
    agencies: set[str],
) -> list[Line]:
    share = params.overlap_share(outcome.overlap_group, outcome.code)
    lines = []
    for cost in params.costs_of(outcome.unit_cost or "").to_dict("records"):
        given_up = isinstance(cost["composite_of"], str) and cost["composite_of"] in agencies
        quantity = quantity_per_period(outcome.kind, cost["cost_per"])
        pounds = float(cost["value"]) * params.uprate(cost["price_year"], price_base)
        per_unit = 0.0 if given_up else quantity * share * pounds
        lines.append(Line(
            outcome=outcome, index=change.index, cost=pd.Series(cost), pounds=pounds,
            avoided=-change.effects, gain=-change.effects * per_unit,
            avoided_draws=-change.draws[rows],
            gain_draws=-change.draws[rows] * per_unit * factors[cost["confidence"]][:, None],
            share=share, given_up=given_up, widening=change.widening,
        ))  # fmt: skip
    return lines


def _costs(programme: Programme, params: Parameters, price_base: int) -> pd.DataFrame:
    """Delivery cost in the price base: ``site, agency, kind, quarter, amount``."""
    rows = [
        (
            c.site,
            c.agency,
            c.kind,
            c.period.label,
            c.amount * params.uprate(c.price_year, price_base),
        )
        for c in programme.costs
    ]
    return pd.DataFrame(rows, columns=["site", "agency", "kind", "quarter", "amount"])
