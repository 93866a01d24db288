"""What if costs, persistence or cashability were different: scenarios, never findings.

The few vectors that such a scenario needs are published with the accounts, a part of the draws in
whole pounds, so that anyone can recompute it, in the book's page too. What is recomputed there and
what is computed here from the same draws agree to the pound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.errors import ValueChainError
from evaluation.value.cashable import after_lag
from evaluation.value.prices import QUARTERS_A_YEAR, discount_factor
from evaluation.value.scenarios import LONGEST_YEARS, LastYear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.value.accounts import Value

    Floats = NDArray[np.float64]

PUBLISHED_DRAWS = 2_000
LEAST_COST, MOST_COST = 0.5, 2.0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One scenario.

    Parameters
    ----------
    cost : times what was paid. half_life : years in which what was gained in the last year would
        fade by half, at no further cost; nought for nothing after the last quarter. share : of what
        is released and could by now have left a budget, the part that does; None as assumed.
    """

    cost: float = 1.0
    half_life: float = 0.0
    share: float | None = None

    def __post_init__(self) -> None:
        if not (LEAST_COST <= self.cost <= MOST_COST and 0 <= self.half_life <= LONGEST_YEARS):
            raise ValueChainError(
                "the scenario lies outside what may be asked for.",
                expected=f"cost {LEAST_COST:g} to {MOST_COST:g} times, a half-life of 0 to "
                f"{LONGEST_YEARS} years",
            )
        if self.share is not None and not 0 <= self.share <= 1:
            raise ValueChainError("the share lies outside 0 to 1.")


def published_draws(value: Value, draws: int = PUBLISHED_DRAWS) -> dict[str, Any]:
    """The vectors that a scenario needs: the estimate first, then the first ``draws`` draws.

    ``gain`` public gains, ``cash`` what could leave a budget: ``today`` their present value to
    date, ``last`` what the last four quarters brought (gains by schedule). ``ahead`` is what a
    pound counts in the middle of each later year, by schedule. ``share`` is the part of what could
    have left a budget that does, in the estimate; None where nothing could.
    """
    kept = slice(0, draws + 1)
    gains = LastYear.of(value, LONGEST_YEARS)
    standard = value.discounting("standard")
    cash = value.cashable_by_quarter()
    could, paid = _could_leave(value) @ standard, cash @ standard
    share = float(paid[0] / could[0]) if could[0] > 0 else 0.0
    return {
        "draws": len(paid[kept]) - 1,
        "of": value.draws,
        "level": value.level,
        "price_base": value.price_base,
        "last": value.grid.quarters[-1],
        "years": LONGEST_YEARS,
        "cost": round(value.discounted_cost),
        "share": share if 0 < share <= 1 else None,
        "ahead": {"standard": _ahead(value), **gains.ahead},
        "gain": {
            "today": _whole(value.total(value.public, discounted=True)[kept]),
            "last": {schedule: _whole(gain[kept]) for schedule, gain in gains.gain.items()},
        },
        "cash": {
            "today": _whole(paid[kept]),
            "last": _whole(cash[kept, -QUARTERS_A_YEAR:].sum(axis=1)),
        },
    }


def what_if(published: Mapping[str, Any], setting: Setting) -> dict[str, dict[str, float]]:
    """A scenario from published draws: ``society`` and ``budgets``, each with its chance.

    ``society`` is the present value of public gains less the cost, ``budgets`` that of what could
    leave a budget less the cost; ``mean`` is the estimate, ``low`` and ``high`` hold the published
    level of the draws, ``p_positive`` is the share of them above nought. The cost counts in full.

    Raises
    ------
    ValueChainError : a share is asked for where nothing could leave a budget.
    """
    cost = setting.cost * published["cost"]
    gain = np.array(published["gain"]["today"], dtype=float)
    for schedule, last in published["gain"]["last"].items():
        gain += np.array(last) * _lasting(published["ahead"][schedule], setting.half_life)
    cash = np.array(published["cash"]["today"], dtype=float)
    cash += np.array(published["cash"]["last"]) * _lasting(
        published["ahead"]["standard"], setting.half_life
    )
    if setting.share is not None:
        if published["share"] is None:
            raise ValueChainError("nothing could leave a budget, so no share of it can be asked.")
        cash *= setting.share / published["share"]
    level = published["level"]
    return {"society": _summary(gain - cost, level), "budgets": _summary(cash - cost, level)}


def _lasting(ahead: list[float], half_life: float) -> float:
    """Present value of the years ahead for a pound a year that fades by half in ``half_life``."""
    if half_life == 0:
        return 0.0
    rate = math.log(2) / half_life
    whole = -math.expm1(-rate) / rate
    return sum(factor * math.exp(-rate * year) * whole for year, factor in enumerate(ahead))


def _ahead(value: Value) -> list[float]:
    elapsed = (len(value.grid.quarters) - 1) / QUARTERS_A_YEAR
    return [
        discount_factor(value.parameters, elapsed + year + 0.5) for year in range(LONGEST_YEARS)
    ]


def _could_leave(value: Value) -> Floats:
    """(D + 1, Q) what was released, once the lag of its budget has passed, before any share."""
    could: Floats = np.zeros((value.draws + 1, len(value.grid.quarters)))
    for budget, rule in value.rules.rule.items():
        lines = [ln for ln in value.fiscal if (ln.cost.agency, ln.cost.budget) == budget]
        could += after_lag(value.by_quarter(lines), rule.lag_quarters)
    return could


def _summary(vector: Floats, level: float) -> dict[str, float]:
    tail = (1 - level) / 2
    low, high = np.quantile(vector[1:], [tail, 1 - tail])
    return {
        "mean": float(vector[0]),
        "low": float(low),
        "high": float(high),
        "p_positive": float((vector[1:] > 0).mean()),
    }


def _whole(vector: Floats) -> list[int]:
    return [round(float(pounds)) for pounds in vector]
