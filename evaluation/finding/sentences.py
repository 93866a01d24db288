"""A finding in three lengths: a minister's sentence, an officer's paragraph, an analyst's line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.finding.feasibility import RESTS_ON
from evaluation.finding.verdict import (
    Direction,
    Range,
    Ruling,
    Size,
    Unclear,
    Way,
    cared_for,
    has_meaning,
)
from evaluation.quarters import NAMES
from evaluation.wording import (
    Figure,
    Part,
    Sentence,
    apart_digits,
    count,
    half_away,
    listed,
    number,
    percent,
    signed,
)
from evaluation.wording import effect as estimated
from evaluation.wording import signed_percent as with_sign

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.estimate.estimate import Estimate
    from evaluation.finding.undo import Undo
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """What the words are made from. objections : what checks hold against the design.

    control : a negative control. complete : every site has run for the whole window.
    """

    outcome: Outcome
    ruling: Ruling
    percent: Range
    per_quarter: Range | None
    adjusted_p: float
    detectable: float
    n_areas: int
    estimate: Estimate
    window: tuple[int, int]
    reasons: tuple[str, ...]
    objections: tuple[str, ...] = ()
    looked: Looked | None = None
    undo: Undo | None = None
    control: bool = False
    complete: bool = True
    speaks: str = ""

    @property
    def way(self) -> Way:
        """In which direction it is said what could be seen."""
        return cared_for(self.outcome.polarity, self.ruling.hoped_percent)

    @property
    def when(self) -> str:
        """As in ``fewer call-outs a month``; of a stock, at a time."""
        word = NAMES[self.outcome.period_frequency]
        return f"a {word}" if self.outcome.kind == "flow" else "at a time"

    @property
    def change(self) -> Sentence:
        """The effect in percent with its range."""
        return percent_text(self.percent, self.ruling.margin_percent)


WITH_CARE = Sentence.of("it is read with care: neither direction is better in itself", "with_care")
RUN = "Every site will have run its course by"
CONTROL = "The programme cannot move it, so something else may be at work."
HARM = "the separate watch for harm has crossed its line"


def rounded(value: float, spread: float, *, apart: bool = False) -> Figure:
    """A number rounded to two significant figures of the width of its range, with thousands.

    Parameters
    ----------
    apart : a number that is not zero is not rounded to it, since a verdict says on which side of
        zero it lies.
    """
    if not math.isfinite(value) or spread <= 0 or not math.isfinite(spread):
        return count(value)
    # Digits after the point at which the width has two significant figures.
    digits = 1 - math.floor(math.log10(spread))
    shown = half_away(value, min(digits, 1))
    if apart and 0 < abs(value) < 10.0 ** -min(digits, 1):
        # Nor to the first step of its digits: "10 to 400 fewer" is not said of 5 to 398.
        return count(value, apart_digits(value, (0.0,), 0))
    return count(shown, 0 if digits <= 0 or abs(shown) >= 10 else 1)


def span(quantity: Range, *, flip: bool = False, apart: bool = False) -> dict[str, Figure]:
    """``effect, low, high`` as figures, the limits in rising order; ``flip`` turns the sign."""
    sign = -1 if flip else 1
    # Turning the sign turns the order of the ends.
    low, high = sorted((sign * quantity.low, sign * quantity.high))
    width = (quantity.high - quantity.low) / 2
    ends = {"effect": sign * quantity.effect, "low": low, "high": high}
    return {name: rounded(value, width, apart=apart) for name, value in ends.items()}


def minister(facts: Facts) -> Sentence:
    """What happened to people, with its range, and whether it matters."""
    if facts.ruling.unclear is Unclear.EXPLORATORY:
        return _compared(facts)
    told = facts.ruling.verdict.directed
    said = _moved(facts) if told else _not_told(facts)
    if told and (facts.control or facts.outcome.polarity == "care"):
        care = "Neither direction of it is better in itself."
        said = Sentence.of(f"{{said}} {CONTROL if facts.control else care}", said=said)
    if facts.looked is None or not facts.looked.harmed:
        return said
    # Said at once and whatever the verdict: a watch that nobody reads watches nothing.
    return Sentence.of(f"{{said}} {HARM[0].upper()}{HARM[1:]}.", said=said)


def _compared(facts: Facts) -> Sentence:
    """Of a study locked as exploratory: fewer or more than in the comparison areas.

    Never better or worse, and not that the programme did it.
    """
    people = facts.per_quarter
    if people is None or not all(map(math.isfinite, (people.low, people.high))):
        return Sentence.of(
            "Exploratory: {name} changed by {change} against the comparison areas.",
            name=facts.outcome.plain_title,
            change=facts.change,
        )
    down = people.effect < 0
    when = facts.when
    return Sentence.of(
        f"Exploratory: about {{effect}} {'fewer' if down else 'more'} {{people}} {when} than in "
        "the comparison areas, given where both began (likely between {low} and {high}).",
        people=facts.outcome.people,
        **span(people, flip=down, apart=True),
    )


def _moved(facts: Facts) -> Sentence:
    """An outcome whose direction is told."""
    people, size = facts.per_quarter, _size(facts.ruling)
    if people is None:
        return Sentence.of(
            f"{{name}} {facts.ruling.direction}: {{change}} of what would have been{{size}}.",
            name=facts.outcome.plain_title,
            change=facts.change,
            size=size,
        )
    # By the range, as the verdict is: over several looks the latest estimate may lie elsewhere.
    down = facts.ruling.direction is Direction.FELL
    when = facts.when
    fewer = f"{'fewer' if down else 'more'} {{people}} {when} in the pilot areas than there would"
    fewer += " have been without the programme"
    parts: dict[str, Part] = {
        "people": facts.outcome.people,
        "change": facts.change,
        "size": size,
        **span(people, flip=down, apart=True),
    }
    likely = "(likely between {low} and {high})"
    head = f"About {{effect}} {fewer} {likely}"
    if not people.holds_estimate:
        # The newest look's own figure would say something else than the verdict.
        head = f"Between {{low}} and {{high}} {fewer}, every look counted"
    return Sentence.of(f"{head}. That is {{change}}{{size}}.", **parts)


def _size(ruling: Ruling) -> Sentence:
    """The size of a change whose direction is told, as the end of a sentence."""
    if ruling.size is not Size.CANNOT_TELL:
        return Sentence.of(", {size}", size=ruling.sized)
    if not has_meaning(ruling.margin_percent):
        return Sentence.of("")
    return Sentence.of("; whether it is {size} cannot be told", size=ruling.unsized)


def _not_told(facts: Facts) -> Sentence:
    """An outcome of which it cannot be told which way it moved, and why not."""
    ruling = facts.ruling
    so_far, known = "the change so far is {change}", ruling.size is Size.SMALLER
    size = "smaller than worth having ({margin})" if known else "may be {margin} or more"
    if not has_meaning(ruling.margin_percent) or math.isnan(facts.percent.effect):
        size = ""
    more: dict[str, Part] = {}
    match ruling.unclear:
        case Unclear.OBJECTION:
            ending = f"{so_far}, but {{why}}; so neither its direction nor its size can be told."
            more = {"why": listed(facts.objections, "; ")}
        case Unclear.TOO_EARLY:
            ending = f"{so_far}{f', {size}' if known else ''}. {{later}}"
            more = {"later": _later(facts)}
        case Unclear.CHANCE:
            also = f" and {'is ' if known else ''}{size}" if size else ""
            ending = f"{so_far}, which may be nothing{also}."
        case _:
            assert ruling.unclear is not None  # no direction is told, so there is a reason
            also = f"; it {'is ' if known else ''}{size}" if size else ""
            ending = f"{so_far}, but {ruling.unclear.value}{also}."
            if not facts.complete:
                ending += f" {RUN} {facts.speaks}."
    early = ruling.unclear is Unclear.TOO_EARLY
    head = f"{Unclear.TOO_EARLY if early else 'cannot tell'}{' which way' if known else ''}"
    return Sentence.of(
        f"{{name}}: {head}; {ending}",
        name=facts.outcome.plain_title,
        change=facts.change,
        margin=percent(ruling.margin_percent),
        **more,
    )


def _later(facts: Facts) -> Sentence:
    """When the study can speak, and what it could see today."""
    if facts.ruling.size is Size.SMALLER:
        # What is ruled out needs no word of what could not be seen.
        return Sentence.of(f"{RUN} {facts.speaks}.")
    when = f"{RUN} {facts.speaks}; with the data so far"
    if not math.isfinite(facts.detectable):
        return Sentence.of(f"{when} no change, however large, could be told from chance.")
    size = estimated(facts.detectable, kind="percent")
    return Sentence.of(f"{when} a {facts.way} of less than {{size}} may go unseen.", size=size)


def percent_text(change: Range, margin_percent: float) -> Sentence:
    """An effect in percent with its range: ``-5.7 % (-8.3 to -2.8)``.

    The ends have as many digits as keep them on their side of zero and of the margin. An estimate
    outside its range, as that of the newest of several looks may be, stands behind it.
    """
    if math.isnan(change.effect):
        return Sentence.of("one that cannot be given in percent")
    # Beside a range on one side, an estimate of nought would be read as another verdict.
    effect = estimated(change.effect, (0.0,) if change.side else ())
    if not (math.isfinite(change.low) and math.isfinite(change.high)):
        return Sentence.of("{effect} (no limit can be given)", effect=effect)
    worth = (0.0, margin_percent, -margin_percent) if has_meaning(margin_percent) else (0.0,)
    if not change.holds_estimate:
        return Sentence.of(
            "between {low} and {high} over all looks ({effect} by the newest alone)",
            low=estimated(change.low, worth),
            high=estimated(change.high, worth),
            effect=effect,
        )
    ends = {"low": change.low, "high": change.high}
    shown = {name: estimated(end, worth, "signed") for name, end in ends.items()}
    return Sentence.of("{effect} ({low} to {high})", effect=effect, **shown)


def officer(facts: Facts) -> Sentence:
    """A paragraph: the sentence, hoped for and found, why the verdict, what would undo it."""
    if facts.ruling.unclear is Unclear.EXPLORATORY:
        return Sentence.of(
            "{sentence} The difference is {change}. It bears no verdict: {untested}.",
            sentence=minister(facts),
            change=facts.change,
            untested=listed(facts.reasons, "; "),
        )
    periods = facts.window[1] - facts.window[0] + 1
    over = f"{periods} period{'' if periods == 1 else 's'}"
    areas = "one area" if facts.n_areas == 1 else f"{facts.n_areas} areas"
    ruling, more = facts.ruling, dict[str, Part]()
    hoped = ""
    if ruling.hoped_percent is not None:
        hoped = " Hoped for: {hoped}. Worth having: {margin}."
        more = {"hoped": with_sign(ruling.hoped_percent), "margin": percent(ruling.margin_percent)}
    undone = ""
    if facts.undo is not None and facts.undo.sentence:
        undone, more = " {undo}", {**more, "undo": facts.undo.sentence}
    rests = ruling.verdict.directed or ruling.size is not Size.CANNOT_TELL
    return Sentence.of(
        f"{{sentence}}{hoped} Over the first {over} after the start the change is {{change}} of "
        f"what would have been, in {areas}. Verdict: {{verdict}}, because {{reasons}}. {{seen}}"
        f"{_curse(facts)}{undone}{f' {RESTS_ON}' if rests else ''}",
        sentence=minister(facts),
        change=facts.change,
        verdict=ruling.said,
        reasons=listed(facts.reasons, "; "),
        seen=_seen(facts),
        **more,
    )


def _curse(facts: Facts) -> str:
    """The winner's curse, where a verdict rests on a crossing."""
    looked = facts.looked
    if looked is None or looked.crossed_at is None or not facts.ruling.verdict.directed:
        return ""
    return (
        f" The look at {looked.crossed_at} was the first to rule out “no effect”; "
        "an estimate at that moment is on average too large."
    )


def _seen(facts: Facts) -> Sentence:
    if not math.isfinite(facts.detectable):
        return Sentence.of(
            "With so few comparable areas no change, however large, could be told from chance."
        )
    return Sentence.of(
        f"A {facts.way} of {{size}} would be seen four times in five with the data so far.",
        size=estimated(facts.detectable, kind="percent"),
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
