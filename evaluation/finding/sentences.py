"""A finding in three lengths: a minister's sentence, an officer's paragraph, an analyst's line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.finding.feasibility import RESTS_ON

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.estimate.estimate import Estimate
    from evaluation.programme import Outcome


@dataclass(frozen=True, kw_only=True)
class Looked:
    """One outcome after its looks.

    number : looks taken so far. crossed : its null hypothesis is rejected, with every outcome of
    its family and every look counted; it stays so whatever later looks show. crossed_at : the
    period whose look rejected it. low, high : the repeated interval on the estimate's scale, valid
    at every look at once. p : sequential p-value, over looks but not over outcomes. spent, alpha :
    chance of a false finding used up by now, and in all. harmed : the separate one-sided watch for
    harm has crossed.
    """

    number: int
    crossed: bool
    crossed_at: str | None
    low: float
    high: float
    p: float
    spent: float
    alpha: float
    harmed: bool = False


@dataclass(frozen=True, kw_only=True)
class Range:
    """An estimate with the limits of its interval, in one unit."""

    effect: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {"effect": self.effect, "low": self.low, "high": self.high}


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """What the words are made from."""

    outcome: Outcome
    verdict: str
    percent: Range
    per_quarter: Range | None
    adjusted_p: float
    detectable: float
    n_areas: int
    estimate: Estimate
    window: tuple[int, int]
    reason: str
    looked: Looked | None = None
    speaks: str = ""
    unclear: str = ""


NOT_CLEAR = "not clear enough once every outcome of its family is counted"
WITH_CARE = "which is read with care: neither direction of it is better in itself"


def rounded(number: float, spread: float) -> str:
    """A number rounded to two significant figures of the width of its range, with thousands."""
    if not math.isfinite(number):
        return "no limit"
    if spread <= 0 or not math.isfinite(spread):
        return f"{number:,.0f}"
    digits = 1 - math.floor(math.log10(spread))
    shown = round(number, min(digits, 1))
    return f"{shown:,.0f}" if digits <= 0 or abs(shown) >= 10 else f"{shown:,.1f}"


def span(quantity: Range, *, flip: bool = False) -> tuple[str, str, str]:
    """Centre and limits as text, the limits in rising order; ``flip`` turns the sign."""
    sign = -1 if flip else 1
    ends = sorted((sign * quantity.low, sign * quantity.high))
    width = (quantity.high - quantity.low) / 2
    return (
        rounded(sign * quantity.effect, width),
        rounded(ends[0], width),
        rounded(ends[1], width),
    )


def minister(facts: Facts) -> str:
    """One sentence: what happened to people, with its range."""
    name = facts.outcome.plain_title
    if facts.verdict in ("improved", "worsened") and facts.per_quarter is not None:
        down = facts.per_quarter.effect < 0
        number, low, high = span(facts.per_quarter, flip=down)
        when = "a quarter" if facts.outcome.kind == "flow" else "at a time"
        return (
            f"About {number} {'fewer' if down else 'more'} {facts.outcome.people} {when} in the "
            f"pilot areas than there would have been without the programme (likely between {low} "
            f"and {high})."
        )
    percent = percent_text(facts.percent)
    if facts.verdict in ("improved", "worsened"):
        return f"{name}: {facts.verdict}, by {percent} of what would have been."
    if facts.verdict.startswith("no effect"):
        unclear = "" if facts.percent.low <= 0 <= facts.percent.high else f", {facts.unclear}"
        return f"{name}: {facts.verdict} either way; the change so far is {percent}{unclear}."
    if facts.verdict == "too early to say":
        return f"{name}: {facts.verdict}; the change so far is {percent}. {_later(facts)}"
    if facts.percent.low <= 0 <= facts.percent.high:
        return f"{name}: {facts.verdict}; the change so far is {percent}, which may be nothing."
    return f"{name}: {facts.verdict}; the change so far is {percent}, but {facts.reason}."


def _later(facts: Facts) -> str:
    """When the study can speak, and what it could see today."""
    when = f"Every site will have run its course by {facts.speaks}"
    if not math.isfinite(facts.detectable):
        return f"{when}; with the data so far no change, however large, could be told from chance."
    return f"{when}; with the data so far a change below {facts.detectable:.1f} % may go unseen."


def percent_text(percent: Range) -> str:
    """An effect in percent with its range: ``-5.7 % (-8.3 to -2.8)``."""
    if not (math.isfinite(percent.low) and math.isfinite(percent.high)):
        return f"{percent.effect:+.1f} % (no limit can be given)"
    return f"{percent.effect:+.1f} % ({percent.low:+.1f} to {percent.high:+.1f})"


def officer(facts: Facts, reasons: list[str]) -> str:
    """A paragraph: the sentence, the change in percent, why the verdict, what could be seen."""
    first, last = facts.window
    areas = "one area" if facts.n_areas == 1 else f"{facts.n_areas} areas"
    return (
        f"{minister(facts)} Over the first {last - first + 1} periods after the start the change "
        f"is {percent_text(facts.percent)} of what would have been, in {areas}. "
        f"Verdict: {facts.verdict}, because {'; '.join(reasons)}. {_seen(facts.detectable)}"
        f"{_curse(facts)}{_rests(facts)}"
    )


def _curse(facts: Facts) -> str:
    """The winner's curse, where a verdict rests on a crossing."""
    looked = facts.looked
    if looked is None or looked.crossed_at is None or facts.verdict not in ("improved", "worsened"):
        return ""
    return (
        f" The look at {looked.crossed_at} was the first to rule out “no effect”; "
        "an estimate at that moment is on average too large."
    )


def _rests(facts: Facts) -> str:
    """What a verdict with a direction, or of no effect, rests on."""
    told = facts.verdict in ("improved", "worsened") or facts.verdict.startswith("no effect")
    return f" {RESTS_ON}" if told else ""


def _seen(detectable: float) -> str:
    if not math.isfinite(detectable):
        return "With so few comparable areas no change, however large, could be told from chance."
    return f"A change of {detectable:.1f} % would be seen four times in five with the data so far."


def analyst(facts: Facts, row: pd.Series) -> str:
    """One line in the field's own terms."""
    estimate = facts.estimate
    unit = "log points" if estimate.scale == "log" else facts.outcome.unit
    return (
        f"{estimate.estimator}: {estimate.estimand}; overall ATT {row['effect']:+.4f} {unit} "
        f"(SE {row['se']:.4f}; {100 * estimate.level:g} % interval {row['low']:+.4f} to "
        f"{row['high']:+.4f}), two-sided p = {row['p_value']:.4f} by re-assignment, "
        f"{facts.adjusted_p:.4f} adjusted over its family; event times {facts.window[0]} to "
        f"{facts.window[1]}.{_ledger(facts)}"
    )


def _ledger(facts: Facts) -> str:
    looked = facts.looked
    if looked is None:
        return ""
    return (
        f" Look ledger: {looked.number} looks, alpha spent {looked.spent:.4f} of {looked.alpha:g}; "
        f"repeated interval {looked.low:+.4f} to {looked.high:+.4f}; sequential p {looked.p:.4f}; "
        f"{'crossed at ' + str(looked.crossed_at) if looked.crossed else 'not crossed'}."
    )
