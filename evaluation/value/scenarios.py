"""After the last quarter, apart from every total: effects that last, break-even, what if."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.errors import ValueChainError
from evaluation.quarters import Period
from evaluation.value.cashable import after_lag
from evaluation.value.parameters import Spread
from evaluation.value.pricing import QUARTERS_A_YEAR, discount_factor, triangular

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.value.accounts import Value
    from evaluation.value.parameters.vintage import Schedule

    Floats = NDArray[np.float64]


# No effect is taken to last longer than ten years beyond what was seen.
LONGEST_YEARS = 10
# Halvings of the fading rate: 50 a year over 2^40 is far below any half-life that is shown.
_STEPS = 40
_FASTEST = 50.0  # a year: gone within a month


@dataclass(frozen=True, kw_only=True, eq=False)
class LastYear:
    """What the last four quarters brought, by discount schedule, and what later years count.

    gain : schedule -> (D + 1) public gain of the last four quarters. ahead : schedule -> present
    value of a pound in the middle of each of the next years.
    """

    gain: Mapping[Schedule, Floats]
    ahead: Mapping[Schedule, Sequence[float]]

    @classmethod
    def of(cls, value: Value, years: int) -> LastYear:
        """The last year of the accounts, looking so many years ahead."""
        gain: dict[Schedule, Floats] = {}
        ahead: dict[Schedule, list[float]] = {}
        for schedule in dict.fromkeys(line.cost.schedule for line in value.public):
            lines = [line for line in value.public if line.cost.schedule == schedule]
            # The last four quarters and not the last one times four, which would carry its season
            # forward.
            gain[schedule] = value.by_quarter(lines)[:, -QUARTERS_A_YEAR:].sum(axis=1)
            ahead[schedule] = _ahead(value, years, schedule)
        return cls(gain=gain, ahead=ahead)

    def later(self, fading: Floats) -> Floats:
        """(D + 1) present value of the years ahead, fading at ``fading`` a year.

        Year t counts the last year's gain times the mean of exp(-fading u) for u from t to t + 1,
        discounted from its middle.
        """
        summed: Floats = np.zeros(len(fading))
        for schedule, gain in self.gain.items():
            for year, factor in enumerate(self.ahead[schedule]):
                summed += gain * factor * _mean_of_exp(fading, year)
        return summed


def scenarios(value: Value) -> list[dict[str, Any]]:
    """Net present social value under each scenario of the parameters, with its range and chance."""
    today = value.total(value.public, discounted=True)
    rows = []
    for place, row in enumerate(value.parameters.tables["scenarios"].to_dict("records")):
        spread = Spread(low=row["fade_low"], central=row["fade_a_year"], high=row["fade_high"])
        # A stream of its own for each scenario, so that none hangs on how much the others drew.
        rng = np.random.default_rng([value.seed, place])
        fading = triangular(spread, value.draws, rng)
        # Optimism is stated as a fall of benefits, so it is negative here; it touches only what is
        # projected, never what carries its own sampling error.
        caution = 1 + value.parameters.optimism("projected", row["grade"])
        later = caution * LastYear.of(value, int(row["years"])).later(fading)
        # What moved elsewhere is no gain to society, but the cost was paid in full.
        npsv = (today + later) * (1 - row["displaced"]) - value.discounted_cost
        rows.append(
            {
                "scenario": row["scenario"],
                "note": row["note"],
                "years": int(row["years"]),
                "npsv": value.summary(npsv),
                "p_positive": float((npsv[1:] > 0).mean()),
                "source": row["source"],
                "vintage": row["vintage"],
                "confidence": row["confidence"],
            }
        )
    return rows


def break_even_persistence(value: Value) -> dict[str, Any]:
    """The half-life, in years, at which gains would equal costs; for the estimate and the draws.

    ``half_life`` is None where no fading is needed to break even today (``already``) or where even
    an effect that never fades would not within ten years (``never``). ``low`` and ``high`` hold
    four in five of the draws in between.
    """
    found = lasting(value.net_present_social_value(), LastYear.of(value, LONGEST_YEARS))
    # Draws that have broken even already or never will have no half-life, and are told as shares.
    between = found.half_life[1:][np.isfinite(found.half_life[1:])]
    low, high = np.quantile(between, [0.1, 0.9]) if len(between) else (np.nan, np.nan)
    return {
        "half_life": _or_none(found.half_life[0]),
        "already": bool(found.already[0]),
        "never": bool(found.never[0]),
        "years": LONGEST_YEARS,
        "p_already": float(found.already[1:].mean()),
        "p_never": float(found.never[1:].mean()),
        "low": _or_none(low),
        "high": _or_none(high),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Lasting:
    """How long gains must last to equal costs: (D + 1) each.

    half_life : years; NaN where gains exceed costs ``already`` or ``never`` would.
    """

    half_life: Floats
    already: NDArray[np.bool_]
    never: NDArray[np.bool_]


def lasting(today: Floats, year: LastYear) -> Lasting:
    """How long what the last year brought must last.

    Parameters
    ----------
    today : (D + 1) net present social value to date. year : the last year's gains and the years
        ahead.
    """
    forever = today + year.later(np.zeros(len(today)))
    already, never = today >= 0, (today < 0) & (forever < 0)
    half_life = np.where(already | never, np.nan, _half_life(today, year))
    return Lasting(half_life=half_life, already=already, never=never)


def _or_none(years: float) -> float | None:
    return None if np.isnan(years) else float(years)


def _half_life(today: Floats, ahead: LastYear) -> Floats:
    """(D + 1) half-life at which the net value is zero, by bisection of the fading rate."""
    slow, fast = np.zeros(len(today)), np.full(len(today), _FASTEST)
    for _ in range(_STEPS):
        middle = (slow + fast) / 2
        # Faster fading earns less, so the answer lies between: slow stays enough, fast stays too
        # little.
        enough = today + ahead.later(middle) >= 0
        slow, fast = np.where(enough, middle, slow), np.where(enough, fast, middle)
    # A rate of zero is an effect that must never fade: an infinite half-life, and no fault.
    with np.errstate(divide="ignore"):
        found: Floats = np.log(2) / slow
    return found


def _mean_of_exp(fading: Floats, year: int) -> Floats:
    """Mean of exp(-fading u) for u from ``year`` to ``year + 1``."""
    # The formula is 0 / 0 where nothing fades; below 1e-9 a year its limit of one is exact enough.
    small = np.abs(fading) < 1e-9
    safe = np.where(small, 1.0, fading)
    mean = np.exp(-safe * year) * -np.expm1(-safe) / safe
    return np.where(small, 1.0, mean)


# A page carries them, so fewer than the accounts hold; the page's ranges are near, not equal.
PUBLISHED_DRAWS = 2_000
LEAST_COST, MOST_COST = 0.5, 2.0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One scenario.

    Parameters
    ----------
    cost : times what was paid. half_life : years in which what was gained in the last year would
        fade by half, at no further cost; zero for nothing after the last quarter. share : of what
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
    # A share only where something could have left: over nothing it has no meaning, over a loss it
    # would turn the sign.
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
        "ahead": {"standard": _ahead(value, LONGEST_YEARS, "standard"), **gains.ahead},
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
    level of the draws, ``p_positive`` is the share of them above zero. The cost counts in full.

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
        # Rescaled from the assumed share: the published vectors already hold it.
        cash *= setting.share / published["share"]
    level = published["level"]
    return {"society": _summary(gain - cost, level), "budgets": _summary(cash - cost, level)}


def _lasting(ahead: list[float], half_life: float) -> float:
    """Present value of the years ahead for a pound a year that fades by half in ``half_life``."""
    if half_life == 0:
        return 0.0
    # The same integral as `_mean_of_exp`, on published figures alone: a browser does these steps.
    rate = math.log(2) / half_life
    whole = -math.expm1(-rate) / rate
    return sum(factor * math.exp(-rate * year) * whole for year, factor in enumerate(ahead))


def _ahead(value: Value, years: int, schedule: Schedule) -> list[float]:
    """What a pound counts in the middle of each of the years after the last quarter."""
    # By calendar from the base of all present values: quarters in which nothing was paid or gained
    # have no place in the accounts, and take their time all the same.
    elapsed = (Period.parse(value.grid.quarters[-1]) - value.base_period) / QUARTERS_A_YEAR
    return [discount_factor(value.parameters, elapsed + y + 0.5, schedule) for y in range(years)]


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
    # Whole pounds: a page carries thousands of them, and no reader misses pence.
    return [round(float(pounds)) for pounds in vector]
