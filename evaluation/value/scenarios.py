"""After the last quarter, apart from every total: effects that last a while, and break-even.

Nothing here is measured. A scenario says what the net value would be if what the programme did in
its last year faded at a given rate and cost nothing more; the break-even says how slowly it would
have to fade for gains to equal costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.value.factors import triangular
from evaluation.value.parameters import Spread
from evaluation.value.prices import QUARTERS_A_YEAR, discount_factor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.value.accounts import Value
    from evaluation.value.parameters.vintage import Schedule

    Floats = NDArray[np.float64]

LONGEST_YEARS = 10
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
        elapsed = (len(value.grid.quarters) - 1) / QUARTERS_A_YEAR
        gain: dict[Schedule, Floats] = {}
        ahead: dict[Schedule, list[float]] = {}
        for schedule in dict.fromkeys(line.cost.schedule for line in value.public):
            lines = [line for line in value.public if line.cost.schedule == schedule]
            gain[schedule] = value.by_quarter(lines)[:, -QUARTERS_A_YEAR:].sum(axis=1)
            ahead[schedule] = [
                discount_factor(value.parameters, elapsed + year + 0.5, schedule)
                for year in range(years)
            ]
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
        rng = np.random.default_rng([value.seed, place])
        fading = triangular(spread, value.draws, rng)
        caution = 1 + value.parameters.optimism("projected", row["grade"])
        later = caution * LastYear.of(value, int(row["years"])).later(fading)
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
    today = value.net_present_social_value()
    ahead = LastYear.of(value, LONGEST_YEARS)
    forever = today + ahead.later(np.zeros(value.draws + 1))
    already, never = today >= 0, (today < 0) & (forever < 0)
    half_life = np.where(already | never, np.nan, _half_life(today, ahead))
    between = half_life[1:][np.isfinite(half_life[1:])]
    low, high = np.quantile(between, [0.1, 0.9]) if len(between) else (np.nan, np.nan)
    return {
        "half_life": _or_none(half_life[0]),
        "already": bool(already[0]),
        "never": bool(never[0]),
        "years": LONGEST_YEARS,
        "p_already": float(already[1:].mean()),
        "p_never": float(never[1:].mean()),
        "low": _or_none(low),
        "high": _or_none(high),
    }


def _or_none(years: float) -> float | None:
    return None if np.isnan(years) else float(years)


def _half_life(today: Floats, ahead: LastYear) -> Floats:
    """(D + 1) half-life at which the net value is nought, by bisection of the fading rate."""
    slow, fast = np.zeros(len(today)), np.full(len(today), _FASTEST)
    for _ in range(_STEPS):
        middle = (slow + fast) / 2
        enough = today + ahead.later(middle) >= 0
        slow, fast = np.where(enough, middle, slow), np.where(enough, fast, middle)
    with np.errstate(divide="ignore"):
        found: Floats = np.log(2) / slow
    return found


def _mean_of_exp(fading: Floats, year: int) -> Floats:
    """Mean of exp(-fading u) for u from ``year`` to ``year + 1``."""
    small = np.abs(fading) < 1e-9
    safe = np.where(small, 1.0, fading)
    mean = np.exp(-safe * year) * -np.expm1(-safe) / safe
    return np.where(small, 1.0, mean)
