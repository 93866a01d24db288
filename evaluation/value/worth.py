"""The chain from effects to pounds (book/methods.md), one small step after another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.errors import ValueChainError
from evaluation.estimate import arguments
from evaluation.programme import Programme
from evaluation.quarters import NAMES, Period
from evaluation.value.accounts import Value
from evaluation.value.lives import refuse_both
from evaluation.value.parameters import Parameters
from evaluation.value.pricing import (
    Line,
    factor_to_price_base,
    life_factors,
    price_factors,
    priced_lines,
    triangular,
)
from evaluation.value.tally import Budget, Grid, Rules, net_effects, tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.units import NetEffects

    Floats = NDArray[np.float64]


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


def worth(
    estimates: Sequence[Estimate],
    programme: Programme,
    *,
    parameters: str | Parameters = "2026",
    price_base: int = 2024,
    draws: int = 10_000,
    seed: int = 0,
    assumptions: Assumptions | None = None,
    counted: Collection[str] | None = None,
) -> Value:
    """Pounds by agency to date, from effects and their joint draws; nothing after the last quarter.

    Parameters
    ----------
    estimates : one an outcome, all by re-assignment over the same assignments. Outcomes without a
        unit cost are passed over and named in ``not_valued``.
    draws : rows of the joint draws; assignments are resampled with replacement.
    counted : the outcomes that enter; all of the estimates by default. What is drawn for an outcome
        is the same whichever others enter, so that two totals differ by what they count alone.

    Raises
    ------
    ValueChainError : no estimate can be priced, two are of one outcome, they rest on different
        assignments or are of other periods than quarters, a price is missing, its unit does not
        fit, or wellbeing is asked for in one total with anything else.
    """
    arguments.estimates(estimates)
    if not isinstance(programme, Programme):
        raise ValueChainError(
            f"the second argument is a {type(programme).__name__}, no programme.",
            mend="Programme.load(workspace, name)",
        )
    codes = [e.outcome for e in estimates]
    if twice := [code for code in dict.fromkeys(codes) if codes.count(code) > 1]:
        raise ValueChainError(
            f"more than one of these estimates is of {twice[0]}: its gain would be counted twice.",
            mend="pass one estimate of each outcome: the one that its finding rests on",
        )
    # By the fingerprint of the assignments: equal numbers of draws are no proof that draw b is the
    # same re-drawing for each outcome.
    if len({e.provenance.get("assignments") for e in estimates}) > 1:
        raise ValueChainError(
            "the estimates rest on different assignments, so their draws are not joint.",
            mend="pass the same assignments to every estimate",
        )
    # Discounting, lags, lumps and what a stock is worth all count quarters.
    if programme.first.frequency != "Q":
        raise ValueChainError(
            f"{programme.name} counts in {NAMES[programme.first.frequency]}s, and pounds are "
            "reckoned by the quarter.",
            mend="set value: false in the protocol; what is gained is then said in events",
        )
    # By what has a price and never by what is significant: choosing by significance would overstate
    # gains.
    priced = [e for e in estimates if programme.outcome_by_code[e.outcome].unit_cost]
    if not priced:
        raise ValueChainError(
            "no outcome of these estimates has a unit cost, so nothing can be worth anything.",
            where=programme.name,
            expected="unit_cost: KEY in the declaration of one of "
            + ", ".join(e.outcome for e in estimates),
            mend="name a key of the unit-cost table, or set value: false in the protocol",
        )
    value = value_of(
        [net_effects(estimate, programme) for estimate in priced],
        programme,
        parameters=parameters,
        price_base=price_base,
        draws=draws,
        seed=seed,
        assumptions=assumptions or Assumptions(),
        level=priced[0].level,
        counted=counted,
    )
    named = [e.outcome for e in estimates if not programme.outcome_by_code[e.outcome].unit_cost]
    return value.without(tuple(named))


def value_of(
    nets: Sequence[NetEffects],
    programme: Programme,
    *,
    parameters: str | Parameters = "2026",
    price_base: int = 2024,
    draws: int = 10_000,
    seed: int = 0,
    assumptions: Assumptions,
    level: float = 0.95,
    counted: Collection[str] | None = None,
) -> Value:
    """The same from net effects: everything after the net draws."""
    params = Parameters.known(parameters, programme)
    # One stream, drawn from in a fixed order (assignments, prices, lives, shares): the order is
    # part of the figures and must not change.
    rng = np.random.default_rng(seed)
    outcomes = [programme.outcome_by_code[net.outcome] for net in nets]
    refuse_both(outcomes, params)
    counting = {outcome.agency for outcome in outcomes}
    lines = [
        line for outcome in outcomes for line in priced_lines(outcome, params, price_base, counting)
    ]
    last = max((Period.parse(str(q)) for net in nets for q in net.index["quarter"]), default=None)
    # Costs count only as far as effects were seen: a later cost has had no time to bring anything.
    costs = delivery_cost(programme, params, price_base, assumptions, last or programme.last)
    grid = Grid.of(nets, list(costs["quarter"]))
    rows = _rows(nets, draws, rng, jointly=assumptions.jointly)
    factors = _factors(lines, params, draws, rng, assumptions)
    rules = _rules(lines, params, price_base, rng, assumptions=assumptions, draws=draws)
    if counted is not None:
        # Only after everything was drawn: else leaving one outcome out would draw the others anew.
        nets = [net for net in nets if net.outcome in counted]
        lines = [line for line in lines if line.outcome.code in counted]
    return Value(
        lines=tuple(lines),
        tally=tally(nets, lines, grid, rows, factors, rules),
        grid=grid,
        factors=factors,
        rules=rules,
        costs=costs,
        parameters=params,
        price_base=price_base,
        programme=programme,
        level=level,
        seed=seed,
    )


def _rows(
    nets: Sequence[NetEffects], draws: int, rng: np.random.Generator, *, jointly: bool
) -> dict[str, NDArray[np.int64]]:
    """The assignment of each draw by outcome: one for all outcomes, so that they stay joint.

    Raises
    ------
    ValueChainError : the outcomes have different numbers of assignments.
    """
    sizes = {len(net.deviations) for net in nets}
    if len(sizes) > 1:
        raise ValueChainError(
            "the outcomes have different numbers of assignments, so their draws are not joint.",
            expected="one set of assignments for every estimate",
        )
    (size,) = sizes
    # With replacement: draws may outnumber assignments.
    shared = rng.integers(0, size, draws)
    if jointly:
        return {net.outcome: shared for net in nets}
    return {net.outcome: rng.integers(0, size, draws) for net in nets}


def _factors(
    lines: Sequence[Line],
    params: Parameters,
    draws: int,
    rng: np.random.Generator,
    assumptions: Assumptions,
) -> dict[str, Floats]:
    # One everywhere, so that what is not drawn stays at its central value.
    found = {line.factor: np.ones(draws + 1) for line in lines}
    if "unit_costs" in assumptions.uncertain:
        found |= price_factors(lines, params, draws, rng)
    if "lives" in assumptions.uncertain:
        found |= life_factors(lines, draws, rng)
    return found


def _rules(
    lines: Sequence[Line],
    params: Parameters,
    price_base: int,
    rng: np.random.Generator,
    *,
    assumptions: Assumptions,
    draws: int,
) -> Rules:
    """The cashable rule of every budget that something is released from; one share a rule."""
    # Sorted, since a set's order changes with the hash seed and shares are drawn in this order.
    budgets: list[Budget] = sorted(
        {(line.cost.agency, line.cost.budget) for line in lines if line.fiscal}
    )
    rule = {b: found for b in budgets if (found := params.cashable(*b)) is not None}
    # One draw for each rule and not for each budget: budgets under one rule err together.
    drawn = {
        spread: triangular(spread, draws, rng)
        if "cashability" in assumptions.uncertain
        else np.full(draws + 1, spread.central)
        for spread in dict.fromkeys(one.share for one in rule.values())
    }
    return Rules(
        rule=rule,
        share={b: drawn[one.share] for b, one in rule.items()},
        lump={
            b: one.lump * factor_to_price_base(params, one.price_year, price_base)
            for b, one in rule.items()
        },
    )


def delivery_cost(
    programme: Programme,
    params: Parameters,
    price_base: int,
    assumptions: Assumptions,
    last: Period,
) -> pd.DataFrame:
    """What was paid up to the last quarter with effects: ``site, agency, kind, quarter, amount``.

    In the price base. ``amount`` of set-up holds the optimism of the capital bucket, where one is
    asked for.
    """
    known = [c for c in programme.costs if c.period.ordinal <= last.ordinal]
    paid = any(c.amount for c in known)
    bucket = assumptions.capital_bucket
    extra = params.optimism("capital", bucket) if bucket else 0.0
    rows = [
        (
            c.site,
            c.agency,
            c.kind,
            c.period.label,
            c.amount
            # Optimism bias belongs on cost that is planned; running cost here is what was paid.
            * (1 + extra * (c.kind == "set-up"))
            * factor_to_price_base(params, c.price_year, price_base),
        )
        for c in known
        # Present values are of the quarter of the first cost, which one of nothing is not.
        if c.amount or not paid
    ]
    return pd.DataFrame(rows, columns=["site", "agency", "kind", "quarter", "amount"])
