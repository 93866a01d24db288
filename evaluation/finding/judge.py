"""The verdict on one outcome: from its estimate and looks to the rule, its reasons and words.

The rule itself, one for every outcome whatever its part in the study, is `evaluation.finding.
verdict`. Where looks are planned, test and range are those of the look ledger: they hold over every
look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.finding import sentences
from evaluation.finding.sentences import Facts, Looked
from evaluation.finding.undo import Breaks, Undo, breaks_of, undo_of
from evaluation.finding.verdict import (
    Asked,
    Direction,
    Range,
    Ruling,
    Size,
    Unclear,
    Verdict,
    cared_for,
    percent_of_logs,
    rule,
)
from evaluation.quarters import Period
from evaluation.wording import Figure, Sentence, apart_digits, number, percent

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.units import UnitEffects
    from evaluation.programme import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What `judge` reads: the primary estimate of one outcome and how it is to be judged.

    window : first and last event time of the estimand. margin_percent : what is worth having.
    hoped_percent : what the protocol hoped for, with its sign. adjusted_p : after correction over
        the outcome's family. baseline : mean figure without the programme, in the outcome's unit,
        to express a level effect in percent. objections : what diagnostics hold against a verdict.
    family : outcomes among which the p value is adjusted. last_start : the latest declared start,
    where it lies after the estimate's last period. looked : what the look ledger says; None judges
    one look alone. primary : the family's test is the look ledger's closed testing rather than the
    adjusted p value. control : a negative control, of which neither direction is better.
    control_fired : its check has fired, at this look alone. undoing : whether it is worked out what
    would undo the finding, which takes seconds. exploratory : the study was locked as such.
    """

    outcome: Outcome
    estimate: Estimate
    window: tuple[int, int]
    margin_percent: float
    adjusted_p: float
    baseline: float
    hoped_percent: float | None = None
    units: UnitEffects | None = None
    objections: tuple[str, ...] = ()
    family: int = 1
    looked: Looked | None = None
    primary: bool = False
    control: bool = False
    control_fired: bool = False
    undoing: bool = False
    exploratory: bool = False
    last_start: Period | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A verdict in two parts with its figures, reasons and words.

    ruling : direction and size, with what was hoped for and worth having. percent : effect in
    percent of what would have been; NaN where there is nothing to be a share of. per_quarter,
    to_date : change in people or events a period (mean over the window's periods) and over all
    started periods; None for outcomes without a denominator. A stock has no sum over time, so its
    ``to_date`` is None. detectable_percent : the effect in the direction cared for that would be
    found four times in five with the data so far, the whole family counted; infinite where the
    assignments are too few to find anything. looked : the look ledger's verdict, where looks are
    planned. undo : what would undo it; None where no direction is told, or it was not asked.
    breaks : the ranges under breaks of parallel paths that it rests on. speaks : the period with
    which the window of the last site is complete.
    """

    outcome: str
    ruling: Ruling
    percent: Range
    per_quarter: Range | None
    to_date: Range | None
    p_value: float
    adjusted_p: float
    detectable_percent: float
    reasons: tuple[str, ...]
    objections: tuple[str, ...]
    sentence: Sentence
    paragraph: Sentence
    analyst: Sentence
    looked: Looked | None = None
    undo: Undo | None = None
    breaks: Breaks | None = None
    speaks: str = ""

    @property
    def verdict(self) -> Verdict:
        """Both parts in one."""
        return self.ruling.verdict

    @property
    def direction(self) -> Direction:
        """Which way it moved, every look and its family counted."""
        return self.ruling.direction

    @property
    def size(self) -> Size:
        """The whole range against the margin."""
        return self.ruling.size

    @property
    def margin_percent(self) -> float:
        """What the protocol calls worth having, in percent."""
        return self.ruling.margin_percent

    @property
    def said(self) -> Sentence:
        """The verdict as it is written."""
        return self.ruling.said


def judge(judged: Judged) -> Finding:
    """Judge one outcome at one look.

    Raises
    ------
    EstimateError : the estimate has no started period inside the window.
    """
    row = judged.estimate.overall(window=judged.window).iloc[0]
    interval = _interval(judged, row)
    change = _percent(judged, interval)
    ruling, reasons = _ruled(judged, interval, change, p_value=float(row["p_value"]))
    breaks = _breaks(judged, ruling)
    undo = undo_of(change, breaks) if judged.undoing and ruling.verdict.directed else None
    per_quarter, to_date = _people(judged, (interval.low, interval.high))
    # What the looks have spent by now: alpha not yet available could not have rejected anything.
    left = judged.looked.spent if judged.looked else 1 - judged.estimate.level
    # Bonferroni over the family: simpler than its test, and never too hopeful.
    alpha = left / judged.family
    seen = judged.estimate.detectable(alpha, window=judged.window)
    detectable = _percent_size(judged, seen)
    words = Facts(
        outcome=judged.outcome,
        ruling=ruling,
        percent=change,
        per_quarter=per_quarter,
        adjusted_p=judged.adjusted_p,
        detectable=detectable,
        n_areas=int(row["n_areas"]),
        estimate=judged.estimate,
        window=judged.window,
        reasons=reasons,
        objections=judged.objections,
        looked=judged.looked,
        undo=undo,
        control=judged.control,
        complete=_window_complete(judged),
        speaks=_speaks(judged).label,
    )
    return Finding(
        outcome=judged.outcome.code,
        ruling=ruling,
        percent=change,
        per_quarter=per_quarter,
        to_date=to_date,
        p_value=float(row["p_value"]),
        adjusted_p=judged.adjusted_p,
        detectable_percent=detectable,
        reasons=reasons,
        objections=judged.objections,
        sentence=sentences.minister(words),
        paragraph=sentences.officer(words),
        analyst=sentences.analyst(words, row),
        looked=judged.looked,
        undo=undo,
        breaks=breaks,
        speaks=_speaks(judged).label,
    )


def _interval(judged: Judged, row: pd.Series) -> Range:
    """On the estimate's scale: with limits that hold over every look, where looks are planned."""
    looked, effect = judged.looked, float(row["effect"])
    # Where there is no repeated interval, that of this look alone stands in.
    if looked is None or np.isnan(looked.low):
        return Range(effect=effect, low=float(row["low"]), high=float(row["high"]))
    return Range(effect=effect, low=looked.low, high=looked.high)


def _percent(judged: Judged, interval: Range) -> Range:
    ends = np.array([interval.effect, interval.low, interval.high])
    # By the size of the baseline, as `design power` counts: where levels lie below zero a rise is a
    # rise all the same. Of a baseline of zero nothing is a percentage.
    base = abs(judged.baseline) or np.nan
    # An end without a limit is infinite, and so is its percentage.
    with np.errstate(over="ignore"):
        shown = 100 * np.expm1(ends) if judged.estimate.scale == "log" else 100 * ends / base
    return Range(effect=float(shown[0]), low=float(shown[1]), high=float(shown[2]))


def _percent_size(judged: Judged, size: float) -> float:
    """A size that could be found, in percent of the direction cared for, as ``design power``."""
    if judged.estimate.scale == "log":
        way = cared_for(judged.outcome.polarity, judged.hoped_percent)
        return float(percent_of_logs(np.array(size), way))
    return 100 * size / (abs(judged.baseline) or np.nan)


def _breaks(judged: Judged, ruling: Ruling) -> Breaks | None:
    """Of every primary outcome, and of what else is said to have moved; not of a control."""
    asked = judged.primary or (ruling.verdict.directed and not judged.control)
    return breaks_of(judged.estimate, judged.window) if judged.undoing and asked else None


def _window_complete(judged: Judged) -> bool:
    index = judged.estimate.index
    last = max(Period.parse(label) for label in index["quarter"].astype(str).unique())
    return _speaks(judged) <= last


def _speaks(judged: Judged) -> Period:
    """The period in which the last site will have completed the window."""
    index = judged.estimate.index
    rows = set(zip(index["quarter"].astype(str), index["event_time"], strict=True))
    # From period and event time, since an estimate keeps no list of starts.
    starts = [Period.parse(label) + -int(event) for label, event in rows]
    # A site that has not started has no row, and its window is to be waited for all the same.
    if judged.last_start is not None:
        starts.append(judged.last_start)
    return max(starts) + judged.window[1]


def _ruled(
    judged: Judged, interval: Range, change: Range, *, p_value: float
) -> tuple[Ruling, tuple[str, ...]]:
    """The verdict, and what it rests on in the order in which it was asked."""
    rejects, tested = _rejects(judged)
    alpha = 1 - judged.estimate.level
    own = judged.looked.p if judged.looked else p_value
    ruling = rule(
        Asked(
            polarity="care" if judged.control else judged.outcome.polarity,
            margin_percent=judged.margin_percent,
            hoped_percent=judged.hoped_percent,
            rejects=rejects,
            # In a family of one the family cannot be what makes it unclear.
            alone=own <= alpha and judged.family > 1,
            objected=bool(judged.objections),
            complete=_window_complete(judged),
            exploratory=judged.exploratory,
        ),
        interval,
        change,
    )
    fired: tuple[Sentence, ...] = ()
    if judged.control_fired and not ruling.verdict.directed:
        fired = (Sentence.of(FIRED, "control_fired"),)
    sized = (_size_reason(ruling),) if ruling.size is not Size.CANNOT_TELL else ()
    direction = _direction_reasons(judged, ruling)
    if ruling.unclear is Unclear.EXPLORATORY:
        return ruling, direction
    # What stands last is what a reader is told first: of a change its size, else why there is none.
    if ruling.verdict.directed:
        return ruling, (*tested, *direction, *sized)
    return ruling, (*tested, *fired, *sized, *direction)


FIRED = (
    "the check of it as a control has fired, which asks at this look alone so that a fault is "
    "caught sooner"
)


def _direction_reasons(judged: Judged, ruling: Ruling) -> tuple[str, ...]:
    match ruling.unclear:
        case None if judged.outcome.polarity == "care":
            return (ONE_SIDE, sentences.WITH_CARE)
        case None:
            return (ONE_SIDE,)
        case Unclear.OBJECTION:
            return judged.objections
        case Unclear.TOO_EARLY:
            periods = judged.window[1] + 1
            running = f"not every site has been running for {periods} period"
            return (Sentence.of(f"{running}{'' if periods == 1 else 's'}", "too_early"),)
        case unclear:
            return (Sentence.of(unclear.value, unclear.name.lower()),)


ONE_SIDE = Sentence.of("the range lies on one side of no change", "one_side")


def _size_reason(ruling: Ruling) -> Sentence:
    inside = ruling.size is Size.SMALLER
    said = "inside {margin} either way" if inside else "at {margin} or beyond"
    return Sentence.of(
        f"the whole range lies {said}", ruling.size.name, margin=percent(ruling.margin_percent)
    )


def _rejects(judged: Judged) -> tuple[bool, tuple[Sentence, ...]]:
    """Whether the family's test rejects no effect, and what is to be said of the test."""
    alpha, looked = 1 - judged.estimate.level, judged.looked
    level = number(alpha, 2)

    def shown(p: float) -> Figure:
        return number(p, apart_digits(p, (alpha,), 3))

    if looked is None:
        said = Sentence.of(
            "adjusted p {p} at level {level}", "tested", p=shown(judged.adjusted_p), level=level
        )
        return judged.adjusted_p <= alpha, (said,)
    crossed = Sentence.of(sentences.HARM, "harm")
    harm = (crossed,) if looked.harmed else ()
    counted = f"over {looked.number} look{'s' if looked.number > 1 else ''}"
    if not judged.primary:
        family = f"p {{p}} {counted} and its family, at level {{level}}"
        said = Sentence.of(family, "tested", p=shown(judged.adjusted_p), level=level)
        # Secondary outcomes: the sequential p through the family's false discovery rate.
        return judged.adjusted_p <= alpha, (said, *harm)
    if looked.crossed:
        ruled_out = (
            f"“no effect” was ruled out at the look at {looked.crossed_at}, every look counted"
        )
        return True, (Sentence.of(ruled_out, "crossed"), *harm)
    not_yet = f"no look has ruled out “no effect” ({counted}, p {{p}})"
    return False, (Sentence.of(not_yet, "not_crossed", p=shown(looked.p)), *harm)


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
