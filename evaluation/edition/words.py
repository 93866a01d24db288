"""How figures are said in the book: people before rates, the range in the same breath."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from markupsafe import Markup

from evaluation import wording
from evaluation.drawing import spelling
from evaluation.edition.html_tables import quantity
from evaluation.finding import sentences
from evaluation.finding.verdict import Direction, Ruling, Size, Unclear, has_meaning
from evaluation.study.record import Effect, FindingResult, OutcomeResult, Results, Scaled
from evaluation.study.written import Model, Written
from evaluation.wording import Figure, Sentence, apart_digits, count, half_away

MINUS, BOOK = spelling.MINUS, spelling.BOOK
number, percent, rounded = spelling.number, spelling.percent, spelling.rounded
pounds, round_pounds = spelling.pounds, spelling.round_pounds
p_value = spelling.p_value
Range = Mapping[str, Any] | Written
NEED_NOT_ADD = "Each figure is rounded by itself: parts need not add up."
"""Said once wherever parts and their total are printed beside each other."""
SYNTHETIC = "Synthetic programme: invented places, invented figures."


def about(value: float | None) -> str:
    """A count of people as an estimate bears it: ``31``, ``1,200``, and ``1.3`` where few."""
    if value is None:
        return "not known"
    return number(value, 1) if 0.05 <= abs(value) < 2 else number(rounded(value))


def signed_percent(value: float | None, apart: tuple[float, ...] = ()) -> str:
    """As ``percent``, with a plus where it rises; not rounded onto what it is ``apart`` from."""
    if value is None:
        return "not known"
    digits = apart_digits(value, apart, wording.percent_digits(value))
    rises = half_away(value, digits) > 0
    return f"+{percent(value, digits)}" if rises else percent(value, digits)


def in_unit(value: float | None, unit: str) -> str:
    """A headline figure: per cent with its sign, pounds, or a count."""
    if unit == "£":
        return pounds(value)
    return signed_percent(value) if unit == "%" else about(value)


def change_in_unit(value: float, unit: str) -> str:
    """How far a headline moved, with its sign; per cents in points, without the word."""
    if unit == "£":
        # Signs are joined to pounds, so that no line breaks between them.
        return f"+\N{WORD JOINER}{pounds(value)}" if rounded(value) > 0 else pounds(value)
    text = number(value, _change_digits(value, unit))
    return f"+{text}" if value > 0 else text


def _change_digits(value: float, unit: str) -> int:
    return 2 if unit == "%" else 0 if abs(value) >= 10 else 1


def moves(value: float, unit: str) -> bool:
    """Whether a change shows in the digits in which it is written."""
    return (rounded(value) if unit == "£" else half_away(value, _change_digits(value, unit))) != 0


def money_with_range(figure: Range, beside: Iterable[Range] = ()) -> str:
    """``£2.9m (£1.1m to £4.7m)``; no range where there is none.

    Parameters
    ----------
    beside : what stands in the same table: where one is in billions, all have one unit.
    """
    ends = ("mean", "low", "high")
    say = spelling.pounds_beside(dict(one).get(end) for one in (figure, *beside) for end in ends)
    return with_range({**dict(figure), "mean": borne_pounds(figure)}, "mean", say)


def borne_pounds(figure: Range) -> float | None:
    """A mean without the digits that its range makes idle."""
    return spelling.borne_pounds(dict(figure))


def effect_with_range(figure: Range | None, say: Callable[[float | None], str] = percent) -> str:
    """``−8.1% (−13% to −3.5%)``."""
    return "not known" if figure is None else with_range(figure, "effect", say)


def ratio(value: float | None) -> str:
    """Pounds back for each pound: ``£0.51``."""
    if value is None:
        return "not known"
    return f"{MINUS if value < 0 else ''}£{abs(half_away(value, 2)):.2f}"


def with_range(figure: Range, key: str, say: Callable[[float | None], str]) -> str:
    """A figure and its range, each in the same words; no range where there is none."""
    said = range_beside(figure, key, say)
    return f"{say(dict(figure).get(key))} {said}".rstrip()


def range_beside(figure: Range, key: str, say: Callable[[float | None], str]) -> str:
    """``(−13% to −3.5%)``: what stands beside the figure itself; empty where nothing does."""
    value, low, high = (dict(figure).get(part) for part in (key, "low", "high"))
    if value is not None and (low is None or high is None):
        return "(no range)"
    if low is None or high is None or say(low) == say(high):
        return ""
    return f"({say(low)} to {say(high)})"


def fewer_or_more(figure: Effect, people: str) -> str:
    """``about 31 fewer A&E attendances``."""
    effect = figure.effect
    if effect is None:
        return f"an unknown number of {people}"
    # The verdict goes by the range, beside which the newest look's own figure would say another.
    if outside(figure):
        return f"{people_range(figure)} {people}"
    many = _borne(abs(effect), figure)
    if half_away(many.value, many.digits or 0) == 0:
        return f"about as many {people}"
    return f"about {BOOK.write(many)} {'fewer' if effect < 0 else 'more'} {people}"


def people_range(figure: Effect) -> str:
    """``12 to 50 fewer``, or ``50 fewer to 7 more`` where the range holds zero."""
    low, high = figure.low, figure.high
    if low is None or high is None:
        return "no range"
    if low < 0 < high:
        fewer, more = (BOOK.write(_borne(size, figure)) for size in (-low, high))
        return f"{fewer} fewer to {more} more"
    near, far = (BOOK.write(_borne(size, figure)) for size in sorted((abs(low), abs(high))))
    return f"{near} to {far} {'fewer' if high <= 0 else 'more'}"


def _borne(value: float, figure: Effect) -> Figure:
    """A count in the digits that its range bears: as the findings' own sentences round it."""
    low, high = figure.low, figure.high
    if low is None or high is None:
        return count(value, 1) if 0.05 <= value < 2 else count(rounded(value))
    # A range on one side of zero is not rounded onto it, as its verdict says which side.
    return sentences.rounded(value, (high - low) / 2, apart=low * high > 0)


def listed(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return (
        items[0]
        if len(items) == 1
        else ", ".join(items[:-1]) + " and " + items[-1]
        if items
        else ""
    )


def few(count: int | None, least: int = 5) -> str:
    """How many figures there are; a few are not told apart, and some that are hidden neither."""
    if count is None:
        return "a few"
    return number(count) if count == 0 or count >= least else f"fewer than {least}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 site``, ``6 sites``; small numbers stay figures, so that they line up with others."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def typeset(text: str) -> str:
    """What a person or a record wrote, in the book's percentages and minus signs.

    For text from outside alone: sentences of ours are made in this spelling at once (`spelled`).
    """
    text = re.sub(r"(?<=\d) %", "%", text)
    return re.sub(r"(?<![\w)])-(?=\d)", MINUS, text)


def spelled(record: Model, names: Mapping[str, str] = MappingProxyType({})) -> Model:
    """A written record with its sentences as the book spells them; names for those they hold."""
    return type(record).model_validate(_respelled(record.plain(), names))


def results_spelled(results: Results) -> Results:
    """A study's results with its sentences as the book spells them.

    Checks are counted in the unit of their outcome. What it holds of the sentences knows them by
    both spellings.
    """
    found, period = _respelled(results.plain(), {}), results.period_word
    held = {text: Sentence.of_data(one) for text, one in results.sentences.items()}
    # Results of before it was kept how their sentences were made have none of them.
    found.setdefault("sentences", {})
    for place, one in enumerate(results.outcomes):
        names = {"units": one.unit, "units a period": f"{one.unit}, a {period}"}
        spelling = replace(BOOK, names=names)
        found["outcomes"][place] = wording.spelled(one.plain(), held, spelling)
        made = [sentence.spelled(spelling) for sentence in held.values()]
        found["sentences"] |= {str(sentence): sentence.as_data() for sentence in made}
    return Results.model_validate(found)


def _respelled(content: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    texts = content.get("sentences", {})
    held = {text: Sentence.of_data(one) for text, one in texts.items()}
    found: dict[str, Any] = wording.spelled(content, held, replace(BOOK, names=names))
    return found


def inference(kind: str) -> str:
    """How a p value was come by: ``by re-assignment`` or ``analytic``."""
    return {"placebo": "by re-assignment"}.get(kind, kind)


def capital(text: str) -> str:
    """With a capital, and the rest as it is."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """What a person wrote, or may have, with a capital and a full stop."""
    text = capital(typeset(text.strip()))
    return text if text.endswith((".", "?")) else text + "."


def reason_given(note: str) -> str:
    """A sender's note on a restatement without the word that the list of them says already."""
    return note.strip().removeprefix("Restated: ")


def whole(part: str) -> str:
    """A part of a sentence as a whole one."""
    return f"{capital(part)}."


def in_hundred(chance: float | None) -> str:
    """A chance as a count of quantile dots: ``99 in 100``, ``more than 99 in 100``."""
    if chance is None:
        return "not known"
    if chance < 0.01 or chance > 0.99:
        return "less than 1 in 100" if chance < 0.5 else "more than 99 in 100"
    return f"{half_away(100 * chance):.0f} in 100"


def chance(value: float | None) -> str:
    """A probability with the digits that are worth reading."""
    if value is None:
        return "not known"
    if value < 0.001:
        return "less than 0.001"
    digits = 3 if value < 0.01 else 2
    return f"{half_away(value, digits):.{digits}f}"


def least_chance(value: float | None) -> str:
    """The smallest p value that there can be, as it is: it is known and not estimated."""
    return "not known" if value is None else f"{Decimal(f'{value:.2g}'):f}"


def better_down(outcome: OutcomeResult) -> bool:
    """Whether a fall is the better way; of what is only watched, the way that is hoped for."""
    hoped = outcome.finding.hoped_percent
    if outcome.polarity == "care":
        return hoped is not None and hoped < 0
    return outcome.polarity == "down"


def within(title: str) -> str:
    """A title as it stands inside a sentence: small first letter, but not for ``A&E``."""
    return title if title[1:2].isupper() or title[1:2] == "&" else title[:1].lower() + title[1:]


def day(instant: str) -> str:
    """``10 February 2027``."""
    moment = datetime.fromisoformat(instant)
    return f"{moment.day} {moment:%B %Y}"


@dataclass(frozen=True)
class Shown:
    """A verdict as it is shown: in words, a mark that needs no colour, a class."""

    word: str
    mark: str
    style: str


_MARKS = {
    Direction.FELL: "\N{DOWNWARDS ARROW}",
    Direction.ROSE: "\N{UPWARDS ARROW}",
    Direction.CANNOT_TELL: "?",
}
RULED_OUT, EARLY = "=", "\N{HORIZONTAL ELLIPSIS}"


def verdict(finding: FindingResult) -> Shown:
    """The verdict of a finding, both parts of it.

    The class is ``better``, ``worse`` or ``moved`` where a direction is told; else ``none`` where
    a change worth having is ruled out, ``early`` or ``unknown``.
    """
    return shown_verdict(finding.ruling)


def shown_verdict(ruling: Ruling) -> Shown:
    """The same, of both parts alone."""
    word = ruling.said.spelled(BOOK)
    if ruling.verdict.directed:
        style = {True: "better", False: "worse", None: "moved"}[ruling.better]
        return Shown(word, _MARKS[ruling.direction], style)
    if ruling.size is Size.SMALLER:
        return Shown(word, RULED_OUT, "none")
    if ruling.unclear is Unclear.TOO_EARLY:
        return Shown(word, EARLY, "early")
    return Shown(word, _MARKS[Direction.CANNOT_TELL], "unknown")


def finding_percent(finding: FindingResult) -> str:
    """``−3.7% (−5.9% to −1.2%)``, each end on the side that its verdict says."""
    effect, ends = finding.effect_percent, finding_ends(finding)
    point = _point(effect)
    if outside(effect):
        return f"{ends} over all looks ({point} by the newest alone)"
    if effect.effect is None or effect.low is None or effect.high is None:
        return effect_with_range(effect, signed_percent)
    say = _on_its_side(finding)
    return point if say(effect.low) == say(effect.high) else f"{point} ({ends})"


def outside(figure: Effect) -> bool:
    """Whether an effect lies outside its range, as that of the newest of several looks may."""
    effect, low, high = figure.effect, figure.low, figure.high
    if effect is None or low is None or high is None:
        return False
    return not low <= effect <= high


def finding_ends(finding: FindingResult) -> str:
    """``−5.9% to −1.2%``: its range alone."""
    effect = finding.effect_percent
    if effect.low is None or effect.high is None:
        return "no range"
    say = _on_its_side(finding)
    return f"{say(effect.low)} to {say(effect.high)}"


def finding_point(finding: FindingResult) -> str:
    """``−3.7%``: its effect alone; its range, where the effect lies outside it."""
    if outside(finding.effect_percent):
        return finding_ends(finding)
    return _point(finding.effect_percent)


def _point(figure: Effect) -> str:
    return signed_percent(figure.effect, apart=(0.0,) if leaves_out_zero(figure) else ())


def worth_having(finding: FindingResult) -> str:
    """``6%``: what the protocol calls worth having, as it was declared."""
    margin = finding.margin_percent
    return "not stated" if margin is None else BOOK.write(wording.percent(margin))


def hoped_for(finding: FindingResult) -> str:
    """``−8%``: what the protocol hoped for, as it was declared."""
    hoped = finding.hoped_percent
    return "not stated" if hoped is None else BOOK.write(wording.signed_percent(hoped))


def _on_its_side(finding: FindingResult) -> Callable[[float | None], str]:
    """A percentage in as many digits as keep it from zero and from the margin."""
    margin = finding.margin_percent
    worth = (margin, -margin) if margin is not None and has_meaning(margin) else ()
    return lambda value: signed_percent(value, apart=(0.0, *worth))


@dataclass(frozen=True, kw_only=True)
class PerCent:
    """What effects are shown on that were turned into per cent: as logarithms are."""

    scale: Literal["log"] = "log"


OnScale = Scaled | PerCent

_FIGURES = ("effect", "low", "high", "low_band", "high_band")


def shown(estimate: Scaled, row: Range) -> dict[str, Any]:
    """A row of an estimate with its figures in the unit that readers see."""
    held = row.plain() if isinstance(row, Written) else dict(row)
    return held | {key: _figure(estimate, held.get(key)) for key in _FIGURES}


def compared_on(outcome: OutcomeResult) -> OnScale:
    """The scale of `compared`: per cent wherever the finding can be given so."""
    return PerCent() if _for_one_unit(outcome) is not None else outcome.estimate


def compared(outcome: OutcomeResult, row: Range) -> dict[str, Any]:
    """As `shown`, but in per cent as the outcome's finding: one unit for all effects on it.

    Effects on a rate, of a site or of a fifth, are in per cent of what pilot areas together would
    have been, so that they can be held against what is worth having. Nothing can fall by more than
    all of it, so there the range of a small site ends.
    """
    found, each = shown(outcome.estimate, row), _for_one_unit(outcome)
    if each is None or outcome.estimate.scale == "log":
        return found
    return found | {
        key: None if found[key] is None else max(round(each * found[key], 3) + 0.0, -100.0)
        for key in _FIGURES
    }


def effect_at(site: str, outcome: OutcomeResult, on: OnScale, row: Range) -> Markup:
    """An effect at one site as a cell that carries its id: the same on every page."""
    which, beside = f"site.{site}.{outcome.code}", range_beside(row, "effect", say(on))
    said = Markup(say(on)(dict(row).get("effect")))
    if beside:
        # A cell that is too narrow breaks before the range and not within it.
        said = Markup("{} <span class='range'>{}</span>").format(said, beside)
    return quantity(which, said, unit=unit(on, outcome))


def _for_one_unit(outcome: OutcomeResult) -> float | None:
    """Per cent of what would have been for one unit of the estimate; None where none is known."""
    if outcome.estimate.scale == "log":
        return 1.0
    whole, percent = outcome.estimate.overall.effect, outcome.finding.effect_percent.effect
    return percent / whole if whole and percent else None


def leaves_out_zero(row: Range) -> bool:
    """Whether a range, if it has both ends, tells an effect from none."""
    low, high = (dict(row).get(end) for end in ("low", "high"))
    return low is not None and high is not None and low * high > 0


def gap(estimate: Scaled | None, values: Sequence[float | None]) -> list[float | None]:
    """Gaps on the scale of the estimate, in the unit that readers see."""
    return [_figure(estimate, value) if estimate else value for value in values]


def unit(estimate: OnScale | None, outcome: OutcomeResult) -> str:
    """What a figure of this estimate is counted in."""
    if estimate is None or estimate.scale == "log":
        return "difference, per cent"
    return f"difference, {outcome.unit}"


def tick_unit(estimate: OnScale) -> str:
    """What stands behind the figures of an axis."""
    return "%" if estimate.scale == "log" else ""


def say(estimate: OnScale) -> Callable[[float | None], str]:
    """How a figure of this estimate is written."""
    if estimate.scale == "log":
        return signed_percent
    return plain


def plain(value: float | None) -> str:
    """A difference in an outcome's own unit: three significant figures."""
    return f"+{level(value)}" if value is not None and 0 < value < math.inf else level(value)


def level(value: float | None) -> str:
    """A level in an outcome's own unit."""
    if value is None or not math.isfinite(value):
        return "not known"
    size = abs(value)
    return number(value, 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3)


def shown_with_range(estimate: OnScale, row: Range) -> str:
    """``−8.1% (−13% to −3.5%)`` from a row that is already shown."""
    return effect_with_range(row, say(estimate))


def _figure(estimate: Scaled | None, value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    if estimate is not None and estimate.scale == "log":
        # Released figures are rounded in per cent: their logarithms hold no more than that.
        return round(100 * math.expm1(value), 3) + 0.0
    return value
