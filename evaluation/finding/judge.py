"""The verdict on one outcome: improved, worsened, no effect larger than X, too early, cannot tell.

Rules, in order: an effect that its family's test rejects and whose range excludes no change is
*improved* or *worsened* by the outcome's polarity, unless a diagnostic objects, which makes it
*cannot tell*; a range inside the margin is *no effect larger than X*; a site that has not
completed the protocol's window makes it *too early to say*; what is left is *cannot tell*. Where
looks are planned, test and range are those of the look ledger: they hold over every look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.finding import sentences
from evaluation.finding.sentences import Facts, Looked, Range, Verdict
from evaluation.quarters import Period
from evaluation.wording import Sentence, number, percent

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
        diagnostics hold against a verdict. family : outcomes among which the p value is adjusted.
    last_start : the latest declared start, where it lies after the estimate's last period. looked :
    what the look ledger says; None judges one look alone. primary : the family's test is
    the look ledger's closed testing rather than the adjusted p value.
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
    looked: Looked | None = None
    primary: bool = False
    last_start: Period | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A verdict with its figures, reasons and words.

    percent : effect in percent of what would have been. per_quarter, to_date : change in people or
        events a period (mean over the window's periods) and over all started periods; None for
        outcomes without a denominator. A stock has no sum over time, so its ``to_date`` is None.
    detectable_percent : the effect that would be found four times in five with the data so far, the
        whole family counted; infinite where the assignments are too few to find anything.
    looked : the look ledger's verdict, where looks are planned. speaks : the period with which the
    window of the last site is complete.
    """

    outcome: str
    verdict: Verdict
    percent: Range
    per_quarter: Range | None
    to_date: Range | None
    p_value: float
    adjusted_p: float
    margin_percent: float
    detectable_percent: float
    reasons: tuple[str, ...]
    objections: tuple[str, ...]
    sentence: Sentence
    paragraph: Sentence
    analyst: Sentence
    looked: Looked | None = None
    speaks: str = ""

    @property
    def said(self) -> Sentence:
        """The verdict as it is written, with its margin where it has one."""
        return self.verdict.said(self.margin_percent)


def judge(judged: Judged) -> Finding:
    """Judge one outcome at one look.

    Raises
    ------
    EstimateError : the estimate has no started period inside the window.
    """
    row = judged.estimate.overall(window=judged.window).iloc[0]
    ends = _interval(judged, row)
    change = _percent(judged, row["effect"], *ends)
    verdict, reasons = _verdict(judged, change, complete=_window_complete(judged))
    per_quarter, to_date = _people(judged, ends)
    # What the looks have spent by now: alpha not yet available could not have rejected anything.
    left = judged.looked.spent if judged.looked else 1 - judged.estimate.level
    # Bonferroni over the family: simpler than its test, and never too hopeful.
    alpha = left / judged.family
    seen = judged.estimate.detectable(alpha, window=judged.window)
    detectable = _percent_size(judged, seen)
    words = Facts(
        outcome=judged.outcome,
        verdict=verdict,
        margin_percent=judged.margin_percent,
        percent=change,
        per_quarter=per_quarter,
        adjusted_p=judged.adjusted_p,
        detectable=detectable,
        n_areas=int(row["n_areas"]),
        estimate=judged.estimate,
        window=judged.window,
        reasons=reasons,
        looked=judged.looked,
        speaks=_speaks(judged).label,
    )
    return Finding(
        outcome=judged.outcome.code,
        verdict=verdict,
        percent=change,
        per_quarter=per_quarter,
        to_date=to_date,
        p_value=float(row["p_value"]),
        adjusted_p=judged.adjusted_p,
        margin_percent=judged.margin_percent,
        detectable_percent=detectable,
        reasons=reasons,
        objections=judged.objections,
        sentence=sentences.minister(words),
        paragraph=sentences.officer(words),
        analyst=sentences.analyst(words, row),
        looked=judged.looked,
        speaks=_speaks(judged).label,
    )


def _interval(judged: Judged, row: pd.Series) -> tuple[float, float]:
    """Limits on the estimate's scale: those that hold over every look, where looks are planned."""
    looked = judged.looked
    # Where there is no repeated interval, that of this look alone stands in.
    if looked is None or np.isnan(looked.low):
        return float(row["low"]), float(row["high"])
    return looked.low, looked.high


def _percent(judged: Judged, effect: float, low: float, high: float) -> Range:
    ends = np.array([effect, low, high])
    # An end without a limit is infinite, and so is its percentage.
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
    last = max(Period.parse(label) for label in index["quarter"].astype(str).unique())
    return _speaks(judged) <= last


def _speaks(judged: Judged) -> Period:
    """The period in which the last site will have completed the window."""
    index = judged.estimate.index
    rows = zip(index["quarter"].astype(str), index["event_time"], strict=True)
    # From period and event time, since an estimate keeps no list of starts.
    starts = [Period.parse(label) + -int(event) for label, event in rows]
    # A site that has not started has no row, and its window is to be waited for all the same.
    if judged.last_start is not None:
        starts.append(judged.last_start)
    return max(starts) + judged.window[1]


def _verdict(judged: Judged, change: Range, *, complete: bool) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict, and what it rests on in the order in which it was asked."""
    margin = judged.margin_percent
    excludes = change.low > 0 or change.high < 0
    rejects, tested = _rejects(judged)
    # Test and range are asked both: over several looks they need not agree to the last assignment.
    if rejects and excludes and judged.outcome.polarity != "care":
        if judged.objections:
            return Verdict.CANNOT_TELL, (*tested, *judged.objections)
        # The side is the range's: over several looks the latest estimate need not lie inside it.
        better = (change.high < 0) == (judged.outcome.polarity == "down")
        side = Sentence.of("the range lies on one side of no change", "one_side")
        return Verdict.IMPROVED if better else Verdict.WORSENED, (*tested, side)
    # The whole range, not the estimate: "no larger effect" is a claim against every effect outside.
    if -margin <= change.low and change.high <= margin:
        within = "the whole range lies within {margin} of no change"
        return Verdict.NO_LARGER_EFFECT, (
            *tested,
            Sentence.of(within, "within_margin", margin=percent(margin)),
        )
    includes = Sentence.of("the range includes no change", "includes_none")
    unclear = sentences.WITH_CARE if judged.outcome.polarity == "care" else sentences.NOT_CLEAR
    reasons = (*tested, unclear if excludes else includes)
    # Only now: an effect that was found, or ruled out, is not too early to say.
    if complete:
        return Verdict.CANNOT_TELL, reasons
    periods = judged.window[1] + 1
    running = f"not every site has been running for {periods} period{'' if periods == 1 else 's'}"
    return Verdict.TOO_EARLY, (*reasons, Sentence.of(running, "too_early"))


def _rejects(judged: Judged) -> tuple[bool, tuple[Sentence, ...]]:
    """Whether the family's test rejects no effect, and what is to be said of the test."""
    alpha, looked = 1 - judged.estimate.level, judged.looked
    level, adjusted = number(alpha, 2), number(judged.adjusted_p, 3)
    if looked is None:
        said = Sentence.of("adjusted p {p} at level {level}", "tested", p=adjusted, level=level)
        return judged.adjusted_p <= alpha, (said,)
    crossed = Sentence.of("the separate watch for harm has crossed its line", "harm")
    harm = (crossed,) if looked.harmed else ()
    counted = f"over {looked.number} look{'s' if looked.number > 1 else ''}"
    if not judged.primary:
        family = f"p {{p}} {counted} and its family, at level {{level}}"
        said = Sentence.of(family, "tested", p=adjusted, level=level)
        # Secondary outcomes: the sequential p through the family's false discovery rate.
        return judged.adjusted_p <= alpha, (said, *harm)
    if looked.crossed:
        ruled_out = (
            f"“no effect” was ruled out at the look at {looked.crossed_at}, every look counted"
        )
        return True, (Sentence.of(ruled_out, "crossed"), *harm)
    not_yet = f"no look has ruled out “no effect” ({counted}, p {{p}})"
    return False, (Sentence.of(not_yet, "not_crossed", p=number(looked.p, 3)), *harm)


def _people(judged: Judged, interval: tuple[float, float]) -> tuple[Range | None, Range | None]:
    """The overall effect and its interval on the observed figures, so that no two ranges disagree.

    Cell by cell, as money needs it, the same draws give a slightly other total.
    """
    units, estimate = judged.units, judged.estimate
    if units is None:
        return None, None
    event = units.index["event_time"].to_numpy()
    inside = (event >= judged.window[0]) & (event <= judged.window[1])
    # Each site counts by its own periods inside the window: a site that started late has fewer, and
    # a mean a period.
    running = units.index["site"].where(inside).map(units.index["site"][inside].value_counts())
    # Sites without a period inside the window.
    a_period = np.nan_to_num(np.where(inside, 1 / running.to_numpy(dtype=float), 0.0))

    def on_observed(row: pd.Series, weights: NDArray[np.float64]) -> Range:
        ends = row[["effect", "low", "high"]].to_numpy(dtype=float)
        with np.errstate(over="ignore"):
            # Relative to the observed figure, which has the effect in it: observed = without times
            # exp(e).
            share = -np.expm1(-ends) if estimate.scale == "log" else ends
        base = units.observed if estimate.scale == "log" else units.exposure
        effect, low, high = (float(part) for part in share * float(base @ weights))
        return Range(effect=effect, low=low, high=high)

    inside_window = estimate.overall(window=judged.window).iloc[0].copy()
    inside_window["low"], inside_window["high"] = interval
    per_period = on_observed(inside_window, a_period)
    # People at a time do not add up over time.
    if judged.outcome.kind == "stock":
        return per_period, None
    # Every period since the start, so without the window and its interval.
    return per_period, on_observed(estimate.overall().iloc[0], np.ones(len(event)))
