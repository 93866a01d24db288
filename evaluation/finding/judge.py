"""The verdict on one outcome: improved, worsened, no effect larger than X, too early, cannot tell.

Rules, in order: an effect whose adjusted p-value is at most alpha and whose interval excludes no
change is *improved* or *worsened* by the outcome's polarity, unless a diagnostic objects, which
makes it *cannot tell*; an interval inside the margin is *no effect larger than X*; a site that has
not completed the protocol's window makes it *too early to say*; what is left is *cannot tell*. One
look only: repeated looks are not corrected here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.finding import sentences
from evaluation.finding.sentences import Range

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.units import UnitEffects
    from evaluation.programme import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What `judge` reads: the primary estimate of one outcome and how it is to be judged.

    window : first and last event time of the estimand. margin_percent : X of "no effect larger".
    adjusted_p : after correction over the outcome's family. baseline : mean figure without the
        programme, in the outcome's unit, to express a level effect in percent. objections : what
        diagnostics hold against a verdict. family : outcomes among which the p-value is adjusted.
    """

    outcome: Outcome
    estimate: Estimate
    window: tuple[int, int]
    margin_percent: float
    adjusted_p: float
    baseline: float
    units: UnitEffects | None = None
    objections: tuple[str, ...] = ()
    family: int = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A verdict with its figures, reasons and words.

    percent : effect in percent of what would have been. per_quarter, to_date : change in people or
        events a period (mean over the window's periods) and over all started periods; None for
        outcomes without a denominator. A stock has no sum over time, so its ``to_date`` is None.
    detectable_percent : the effect that would be found four times in five with the data so far, the
        whole family counted; infinite where the assignments are too few to find anything.
    """

    outcome: str
    verdict: str
    percent: Range
    per_quarter: Range | None
    to_date: Range | None
    p_value: float
    adjusted_p: float
    margin_percent: float
    detectable_percent: float
    reasons: tuple[str, ...]
    objections: tuple[str, ...]
    sentence: str
    paragraph: str
    analyst: str


def judge(judged: Judged) -> Finding:
    """Judge one outcome at one look.

    Raises
    ------
    EstimateError : the estimate has no started period inside the window.
    """
    row = judged.estimate.overall(window=judged.window).iloc[0]
    percent = _percent(judged, row["effect"], row["low"], row["high"])
    complete = _window_complete(judged)
    verdict, reasons = _verdict(judged, percent, complete)
    per_quarter, to_date = _people(judged)
    alpha = (1 - judged.estimate.level) / judged.family
    seen = judged.estimate.detectable(alpha, window=judged.window)
    detectable = _percent_size(judged, seen)
    words = sentences.Facts(
        outcome=judged.outcome, verdict=verdict, percent=percent, per_quarter=per_quarter,
        margin=judged.margin_percent, adjusted_p=judged.adjusted_p, detectable=detectable,
        n_areas=int(row["n_areas"]), estimate=judged.estimate, window=judged.window,
        reason=reasons[-1],
    )  # fmt: skip
    return Finding(
        outcome=judged.outcome.code, verdict=verdict, percent=percent, per_quarter=per_quarter,
        to_date=to_date, p_value=float(row["p_value"]), adjusted_p=judged.adjusted_p,
        margin_percent=judged.margin_percent, detectable_percent=detectable,
        reasons=tuple(reasons), objections=judged.objections, sentence=sentences.minister(words),
        paragraph=sentences.officer(words, reasons), analyst=sentences.analyst(words, row),
    )  # fmt: skip


def _percent(judged: Judged, effect: float, low: float, high: float) -> Range:
    ends = np.array([effect, low, high])
    with np.errstate(over="ignore"):
        shown = (
            100 * np.expm1(ends) if judged.estimate.scale == "log" else 100 * ends / judged.baseline
        )
    return Range(effect=float(shown[0]), low=float(shown[1]), high=float(shown[2]))


def _percent_size(judged: Judged, size: float) -> float:
    log = judged.estimate.scale == "log"
    with np.errstate(over="ignore"):
        return float(100 * np.expm1(size)) if log else 100 * size / abs(judged.baseline)


def _window_complete(judged: Judged) -> bool:
    index = judged.estimate.index
    return bool((index.groupby("site")["event_time"].max() >= judged.window[1]).all())


def _verdict(judged: Judged, percent: Range, complete: bool) -> tuple[str, list[str]]:
    alpha = 1 - judged.estimate.level
    margin = judged.margin_percent
    excludes = percent.low > 0 or percent.high < 0
    reasons = [f"adjusted p {judged.adjusted_p:.3f} at level {alpha:.2f}"]
    if judged.adjusted_p <= alpha and excludes and judged.outcome.polarity != "care":
        if judged.objections:
            return "cannot tell", [*reasons, *judged.objections]
        better = (percent.effect < 0) == (judged.outcome.polarity == "down")
        reasons.append("the interval lies on one side of no change")
        return ("improved" if better else "worsened"), reasons
    if -margin <= percent.low and percent.high <= margin:
        reasons.append(f"the whole interval lies within {margin:g} % of no change")
        return f"no effect larger than {margin:g} %", reasons
    reasons.append(sentences.NOT_CLEAR if excludes else "the interval includes no change")
    if not complete:
        reasons.append(f"not every site has been running for {judged.window[1] + 1} periods")
        return "too early to say", reasons
    return "cannot tell", reasons


def _people(judged: Judged) -> tuple[Range | None, Range | None]:
    """The overall effect and its interval on the observed figures, so that no two ranges disagree.

    Cell by cell, as money needs it, the same draws give a slightly other total.
    """
    units, estimate = judged.units, judged.estimate
    if units is None:
        return None, None
    event = units.index["event_time"].to_numpy()
    inside = (event >= judged.window[0]) & (event <= judged.window[1])
    running = units.index["site"].where(inside).map(units.index["site"][inside].value_counts())
    a_period = np.nan_to_num(np.where(inside, 1 / running.to_numpy(dtype=float), 0.0))

    def on_observed(row: pd.Series, weights: NDArray[np.float64]) -> Range:
        ends = row[["effect", "low", "high"]].to_numpy(dtype=float)
        with np.errstate(over="ignore"):
            share = -np.expm1(-ends) if estimate.scale == "log" else ends
        base = units.observed if estimate.scale == "log" else units.exposure
        effect, low, high = (float(part) for part in share * float(base @ weights))
        return Range(effect=effect, low=low, high=high)

    per_period = on_observed(estimate.overall(window=judged.window).iloc[0], a_period)
    if judged.outcome.kind == "stock":
        return per_period, None
    return per_period, on_observed(estimate.overall().iloc[0], np.ones(len(event)))
