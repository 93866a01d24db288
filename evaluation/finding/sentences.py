"""A finding in three lengths: a minister's sentence, an officer's paragraph, an analyst's line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from evaluation.finding.feasibility import RESTS_ON
from evaluation.wording import Figure, Sentence, count, listed, number, percent, signed
from evaluation.wording import signed_percent as with_sign

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.estimate.estimate import Estimate
    from evaluation.programme import Outcome


class Verdict(StrEnum):
    """What a finding says of one outcome; the margin of ``no effect larger`` stands beside it."""

    IMPROVED = "improved"
    WORSENED = "worsened"
    NO_LARGER_EFFECT = "no effect larger than"
    TOO_EARLY = "too early to say"
    CANNOT_TELL = "cannot tell"

    @property
    def directed(self) -> bool:
        """Whether it says that something moved, and which way."""
        return self in (Verdict.IMPROVED, Verdict.WORSENED)

    def said(self, margin_percent: float) -> Sentence:
        """As it is written: ``improved``, ``no effect larger than 10 %``."""
        if self is Verdict.NO_LARGER_EFFECT:
            return Sentence.of(
                f"{self.value} {{margin}}", self.name, margin=percent(margin_percent)
            )
        return Sentence.of(self.value, self.name)

    @classmethod
    def written(cls, text: str, margin_percent: float) -> Verdict:
        """The verdict of a file of results, where it stands as `said` writes it.

        Raises
        ------
        ValueError : no verdict with this margin is written so.
        """
        # Held against what would be written, and not taken apart: a text is not parsed back.
        for verdict in cls:
            if text == verdict.said(margin_percent):
                return verdict
        raise ValueError(f"{text!r} is no verdict with a margin of {margin_percent:g} %")


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
    verdict: Verdict
    margin_percent: float
    percent: Range
    per_quarter: Range | None
    adjusted_p: float
    detectable: float
    n_areas: int
    estimate: Estimate
    window: tuple[int, int]
    reasons: tuple[str, ...]
    looked: Looked | None = None
    speaks: str = ""

    @property
    def said(self) -> Sentence:
        return self.verdict.said(self.margin_percent)

    @property
    def excludes_none(self) -> bool:
        """Whether the range excludes no change."""
        return not self.percent.low <= 0 <= self.percent.high

    @property
    def unclear(self) -> Sentence:
        """Why an effect whose range excludes no change has no direction in its verdict."""
        return WITH_CARE if self.outcome.polarity == "care" else NOT_CLEAR


NOT_CLEAR = Sentence.of("not clear enough once every outcome of its family is counted", "not_clear")
WITH_CARE = Sentence.of(
    "which is read with care: neither direction of it is better in itself", "with_care"
)


def rounded(value: float, spread: float) -> Figure:
    """A number rounded to two significant figures of the width of its range, with thousands."""
    if not math.isfinite(value) or spread <= 0 or not math.isfinite(spread):
        return count(value)
    # Digits after the point at which the width has two significant figures.
    digits = 1 - math.floor(math.log10(spread))
    shown = round(value, min(digits, 1))
    return count(shown, 0 if digits <= 0 or abs(shown) >= 10 else 1)


def span(quantity: Range, *, flip: bool = False) -> dict[str, Figure]:
    """``effect, low, high`` as figures, the limits in rising order; ``flip`` turns the sign."""
    sign = -1 if flip else 1
    # Turning the sign turns the order of the ends.
    low, high = sorted((sign * quantity.low, sign * quantity.high))
    width = (quantity.high - quantity.low) / 2
    ends = {"effect": sign * quantity.effect, "low": low, "high": high}
    return {name: rounded(value, width) for name, value in ends.items()}


def minister(facts: Facts) -> Sentence:
    """One sentence: what happened to people, with its range."""
    verdict, change = facts.verdict, percent_text(facts.percent)
    if verdict.directed and facts.per_quarter is not None:
        down = facts.per_quarter.effect < 0
        when = "a quarter" if facts.outcome.kind == "flow" else "at a time"
        return Sentence.of(
            f"About {{effect}} {'fewer' if down else 'more'} {{people}} {when} in the pilot areas "
            "than there would have been without the programme (likely between {low} and {high}).",
            people=facts.outcome.people,
            **span(facts.per_quarter, flip=down),
        )
    so_far = "; the change so far is {change}"
    more: dict[str, str] = {}
    match verdict:
        case Verdict.IMPROVED | Verdict.WORSENED:
            ending = ", by {change} of what would have been."
        case Verdict.NO_LARGER_EFFECT if facts.excludes_none:
            ending, more = f" either way{so_far}, {{why}}.", {"why": facts.unclear}
        case Verdict.NO_LARGER_EFFECT:
            ending = f" either way{so_far}."
        case Verdict.TOO_EARLY:
            ending, more = f"{so_far}. {{later}}", {"later": _later(facts)}
        case Verdict.CANNOT_TELL if facts.excludes_none:
            ending, more = f"{so_far}, but {{why}}.", {"why": facts.reasons[-1]}
        case Verdict.CANNOT_TELL:
            ending = f"{so_far}, which may be nothing."
    about = {"name": facts.outcome.plain_title, "verdict": facts.said, "change": change}
    return Sentence.of(f"{{name}}: {{verdict}}{ending}", **about, **more)


def _later(facts: Facts) -> Sentence:
    """When the study can speak, and what it could see today."""
    when = f"Every site will have run its course by {facts.speaks}; with the data so far"
    if not math.isfinite(facts.detectable):
        return Sentence.of(f"{when} no change, however large, could be told from chance.")
    size = percent(facts.detectable, 1)
    return Sentence.of(f"{when} a change below {{size}} may go unseen.", size=size)


def percent_text(change: Range) -> Sentence:
    """An effect in percent with its range: ``-5.7 % (-8.3 to -2.8)``."""
    effect = with_sign(change.effect, 1)
    if not (math.isfinite(change.low) and math.isfinite(change.high)):
        return Sentence.of("{effect} (no limit can be given)", effect=effect)
    low, high = signed(change.low, 1), signed(change.high, 1)
    return Sentence.of("{effect} ({low} to {high})", effect=effect, low=low, high=high)


def officer(facts: Facts) -> Sentence:
    """A paragraph: the sentence, the change in percent, why the verdict, what could be seen."""
    periods = facts.window[1] - facts.window[0] + 1
    over = f"{periods} period{'' if periods == 1 else 's'}"
    areas = "one area" if facts.n_areas == 1 else f"{facts.n_areas} areas"
    rests = facts.verdict.directed or facts.verdict is Verdict.NO_LARGER_EFFECT
    return Sentence.of(
        f"{{sentence}} Over the first {over} after the start the change is {{change}} of what "
        f"would have been, in {areas}. Verdict: {{verdict}}, because {{reasons}}. {{seen}}"
        f"{_curse(facts)}{f' {RESTS_ON}' if rests else ''}",
        sentence=minister(facts),
        change=percent_text(facts.percent),
        verdict=facts.said,
        reasons=listed(facts.reasons, "; "),
        seen=_seen(facts.detectable),
    )


def _curse(facts: Facts) -> str:
    """The winner's curse, where a verdict rests on a crossing."""
    looked = facts.looked
    if looked is None or looked.crossed_at is None or not facts.verdict.directed:
        return ""
    return (
        f" The look at {looked.crossed_at} was the first to rule out “no effect”; "
        "an estimate at that moment is on average too large."
    )


def _seen(detectable: float) -> Sentence:
    if not math.isfinite(detectable):
        return Sentence.of(
            "With so few comparable areas no change, however large, could be told from chance."
        )
    return Sentence.of(
        "A change of {size} would be seen four times in five with the data so far.",
        size=percent(detectable, 1),
    )


def analyst(facts: Facts, row: pd.Series) -> Sentence:
    """One line in the field's own terms."""
    estimate = facts.estimate
    return Sentence.of(
        "{estimator}: {estimand}; overall ATT {effect} {unit} (SE {se}; {level} interval {low} to "
        "{high}), two-sided p = {p} by re-assignment, {adjusted} adjusted over its family; event "
        "times {first} to {last}.{ledger}",
        estimator=estimate.estimator,
        estimand=estimate.estimand,
        unit="log points" if estimate.scale == "log" else facts.outcome.unit,
        level=percent(100 * estimate.level),
        se=number(row["se"], 4),
        p=number(row["p_value"], 4),
        adjusted=number(facts.adjusted_p, 4),
        first=number(facts.window[0]),
        last=number(facts.window[1]),
        ledger=_ledger(facts),
        **{name: signed(row[name], 4) for name in ("effect", "low", "high")},
    )


def _ledger(facts: Facts) -> Sentence | str:
    looked = facts.looked
    if looked is None:
        return ""
    crossed = f"crossed at {looked.crossed_at}" if looked.crossed else "not crossed"
    return Sentence.of(
        f" Look ledger: {looked.number} looks, alpha spent {{spent}} of {{alpha}}; repeated "
        f"interval {{low}} to {{high}}; sequential p {{p}}; {crossed}.",
        spent=number(looked.spent, 4),
        alpha=number(looked.alpha),
        low=signed(looked.low, 4),
        high=signed(looked.high, 4),
        p=number(looked.p, 4),
    )
