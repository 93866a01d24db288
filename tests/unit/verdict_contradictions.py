"""The one rule read by itself, and whatever a finding says that it does not bear.

Nothing of `evaluation.finding` is called here: direction, size, better and the reason are derived
from estimate, range, looks, family, margin and checks in code of its own, and what a reader sees is
read back from the text as a reader would. Only a test may do so.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

NUMBER = r"[+-]?\d[\d,]*(?:\.\d+)?"
MINUS = "\N{MINUS SIGN}"
SIZES = {
    "smaller than worth having": "smaller",
    "smaller than what matters": "smaller",
    "large enough to matter": "large",
    "worth having": "large",
}


@dataclass(frozen=True)
class Case:
    """What one finding rests on. ``crossed`` : of a primary's closed testing; None without looks.

    ``low, high`` are on the estimate's scale: of every look where there are looks.
    """

    code: str
    title: str
    polarity: str
    role: str
    scale: str
    effect: float
    low: float
    high: float
    p: float
    adjusted_p: float
    alpha: float
    margin: float
    hoped: float | None = None
    baseline: float = 1.0
    crossed: bool | None = None
    family: int = 1
    objected: bool = False
    complete: bool = True
    harmed: bool = False
    counted: bool = True

    @property
    def rejects(self) -> bool:
        if self.role == "primary" and self.crossed is not None:
            return self.crossed
        return self.adjusted_p <= self.alpha

    @property
    def percent(self) -> tuple[float, float, float]:
        """Effect and ends in percent, to the sixth digit: beyond it logarithms are noise."""
        if self.scale == "log":
            share = [math.exp(end) - 1 for end in (self.effect, self.low, self.high)]
        elif self.baseline == 0:
            return (math.nan,) * 3
        else:
            share = [end / abs(self.baseline) for end in (self.effect, self.low, self.high)]
        effect, low, high = (round(100 * end, 6) for end in share)
        return effect, low, high

    @property
    def direction(self) -> str:
        if self.objected or not self.rejects:
            return "cannot tell"
        return "fell" if self.high < 0 else "rose" if self.low > 0 else "cannot tell"

    @property
    def better(self) -> bool | None:
        """A control has no better side, since nothing is to move it."""
        way = {"fell": "down", "rose": "up"}.get(self.direction)
        if way is None or self.polarity == "care" or self.role == "negative_control":
            return None
        return way == self.polarity

    @property
    def size(self) -> str:
        """``smaller``, ``large`` or ``cannot tell``."""
        _, low, high = self.percent
        if self.objected or not self.margin > 0 or math.isnan(low):
            return "cannot tell"
        if max(abs(low), abs(high)) < self.margin:
            return "smaller"
        told = self.direction != "cannot tell"
        return "large" if told and min(abs(low), abs(high)) >= self.margin else "cannot tell"

    @property
    def size_word(self) -> str:
        if self.size == "smaller":
            return "smaller than worth having"
        if self.size == "large":
            return "worth having" if self.better else "large enough to matter"
        return self.size

    @property
    def unclear(self) -> str | None:
        """A word of the reason why no direction is told."""
        if self.direction != "cannot tell":
            return None
        if self.objected:
            return "objects"
        if self.low <= 0 <= self.high:
            return "includes" if self.complete else "early"
        return "family" if self.p <= self.alpha and self.family > 1 else "its test"


def sides(low: float, high: float, margin: float) -> tuple[bool, ...]:
    """Where two ends lie against zero and the margin, as far as a verdict asks."""
    worth = margin if margin > 0 else math.inf
    return (low > 0, high < 0, max(abs(low), abs(high)) < worth, low >= worth or high <= -worth)


def read(text: str) -> float:
    """A figure as it is printed."""
    return float(text.replace(",", "").replace(MINUS, "-").rstrip("%").strip())


def read_direction(text: str, title: str) -> str:
    """Which way a sentence says that an outcome moved."""
    people = re.search(r" (fewer|more) .+ in the pilot areas than there would have been", text)
    if people:
        return {"fewer": "fell", "more": "rose"}[people[1]]
    plain = re.match(rf"{re.escape(title)} (fell|rose): ", text)
    return plain[1] if plain else "cannot tell"


def read_size(text: str) -> str:
    """Which size a sentence or a phrase claims: ``smaller``, ``large`` or ``cannot tell``."""
    if re.search(r"may be [\d.]+ ?% or more|cannot (?:be told|tell) whether|whether it is", text):
        return "cannot tell"
    return next((size for words, size in SIZES.items() if words in text), "cannot tell")


class Held(list[str]):
    """Contradictions that were found."""

    def hold(self, true: object, what: str, said: object = "") -> None:
        if not true:
            self.append(f"{what}: {said}")


def contradictions(finding: Any, case: Case) -> list[str]:
    """What a finding's fields and words say that its figures do not bear."""
    held = Held()
    held.hold(finding.direction == case.direction, "another direction", finding.direction)
    held.hold(finding.size == case.size_word, "another size", finding.size)
    held.hold(finding.verdict.value == (case.direction, case.size_word), "another verdict")
    held.hold(finding.ruling.better == case.better, "better or worse", finding.ruling.better)
    unclear = finding.ruling.unclear
    held.hold(
        unclear is None if case.unclear is None else unclear and case.unclear in unclear.value,
        "another reason",
        unclear,
    )
    margin = finding.margin_percent
    same = math.isnan(margin) if math.isnan(case.margin) else margin == case.margin
    held.hold(same, "another margin", margin)
    held.hold(finding.ruling.hoped_percent == case.hoped, "another hope")
    _sentence(held, finding.sentence, case)
    _phrase(held, str(finding.said), case)
    _paragraph(held, finding, case)
    told = case.direction != "cannot tell"
    held.hold(finding.undo is None or told, "something would undo what was not found")
    if finding.undo is not None and finding.breaks is not None:
        held.hold(finding.undo.breaks == finding.breaks.breakdown, "another break would undo it")
    return list(held)


def _sentence(held: Held, said: str, case: Case) -> None:
    held.hold(not re.search(r"\b(?:nan|inf)\b", said), "a number that is none", said)
    held.hold(read_direction(said, case.title) == case.direction, "words of another way", said)
    held.hold(read_size(said) == case.size, "words of another size", said)
    untold = "cannot tell" in said or "too early to say" in said
    held.hold(untold == (case.direction == "cannot tell"), "told and not told", said)
    held.hold("may be nothing" not in said or case.low <= 0 <= case.high, "may be nothing", said)
    held.hold(("watch for harm" in said) == case.harmed, "the watch for harm", said)
    if case.unclear in ("family", "its test"):
        held.hold(case.unclear in said, "no word of why a range without zero tells nothing", said)
    for margin in re.findall(rf"\(({NUMBER}) %(?: or more)?\)|may be ({NUMBER}) % or more", said):
        held.hold(read(margin[0] or margin[1]) == case.margin, "another margin", said)
    _printed(held, said, case)
    people = re.search(
        rf"(?:About ({NUMBER})|Between) .+?between ({NUMBER}) and ({NUMBER})\)", said
    )
    if people and people[1]:
        middle, low, high = (read(people[k]) for k in (1, 2, 3))
        held.hold(0 < low <= middle <= high, "a count outside its own range", said)


def _printed(held: Held, said: str, case: Case) -> None:
    """The range that is printed tells what the range tells."""
    _, low, high = case.percent
    found = re.search(rf"{NUMBER} % \(({NUMBER}) to ({NUMBER})\)", said) or re.search(
        rf"between ({NUMBER}) % and ({NUMBER}) %", said
    )
    if not (math.isfinite(low) and math.isfinite(high)):
        held.hold(found is None, "a range where there is none", said)
        return
    held.hold(found is not None, "no range", said)
    if found is None:
        return
    ends = read(found[1]), read(found[2])
    held.hold(
        sides(*ends, case.margin) == sides(low, high, case.margin),
        "a printed range that tells something else",
        said,
    )
    effect = re.search(rf"({NUMBER}) % \({NUMBER} to {NUMBER}\)", said)
    if effect:
        inside = ends[0] - 0.06 <= read(effect[1]) <= ends[1] + 0.06
        held.hold(inside, "an effect outside its own range", said)
    held.hold(abs(ends[0] - low) < 0.06 and abs(ends[1] - high) < 0.06, "another range", said)


def _phrase(held: Held, said: str, case: Case) -> None:
    said = said.replace(MINUS, "-")
    way = re.match(r"(fell|rose|cannot tell|too early to say)", said)
    held.hold(way, "no direction", said)
    if way is None:
        return
    early = case.unclear == "early"
    wanted = "too early to say" if early else case.direction
    held.hold(way[1] == wanted, "a phrase of another way", said)
    held.hold(read_size(said) == case.size, "a phrase of another size", said)
    tone = {True: ": better", False: ": worse", None: ""}[case.better]
    for word in (": better", ": worse"):
        held.hold((word in said) == (word == tone), "a phrase of another tone", said)


def _paragraph(held: Held, finding: Any, case: Case) -> None:
    said, told = finding.paragraph, case.direction != "cannot tell"
    held.hold(finding.sentence in said, "the paragraph has another sentence", said)
    held.hold(f"Verdict: {finding.said}, because" in said, "another verdict", said)
    hoped = "" if case.hoped is None else f"Hoped for: {case.hoped:+g} %."
    held.hold(hoped in said and said.count("Hoped for") == bool(hoped), "another hope", said)
    change = re.search(r"after the start the change is (.+?) of what would have been", said)
    held.hold(change, "no change", said)
    if change:
        _printed(held, change[1], case)
    curse = told and finding.looked is not None and finding.looked.crossed_at is not None
    held.hold(("on average too large" in said) == curse, "the winner's curse", said)
    rests = told or case.size != "cannot tell"
    held.hold(("no data can prove it" in said) == rests, "what it rests on", said)
    for place in ("inside", "at"):
        wanted = {"inside": "smaller", "at": "large"}[place]
        reason = re.search(rf"the whole range lies {place} {NUMBER} %", said)
        held.hold(bool(reason) == (case.size == wanted), "a reason of another size", said)
    if finding.undo is not None:
        held.hold(finding.undo.sentence in said, "no word of what would undo it", said)


def on_the_page(result: Any, shown: Any, effect: str, case: Case) -> list[str]:
    """What the fields of the file and the book's badge and range say that is not so.

    Parameters
    ----------
    result : the finding as it is read from a file. shown : its badge. effect : its printed range.
    """
    held = Held()
    held.hold(result.direction == case.direction, "another direction in the file")
    held.hold(result.size == case.size_word, "another size in the file")
    held.hold(result.better == case.better, "better in the file")
    held.hold(result.hoped_percent == case.hoped, "another hope in the file")
    marks = {"fell": "\N{DOWNWARDS ARROW}", "rose": "\N{UPWARDS ARROW}"}
    open_mark = "\N{HORIZONTAL ELLIPSIS}" if case.unclear == "early" else "?"
    mark = marks.get(case.direction, "=" if case.size == "smaller" else open_mark)
    held.hold(shown.mark == mark, "another arrow", shown)
    style = {True: "better", False: "worse", None: "moved"}[case.better]
    if case.direction == "cannot tell":
        style = {"=": "none", "?": "unknown"}.get(mark, "early")
    held.hold(shown.style == style, "another colour", shown)
    _phrase(held, shown.word.replace("%", " %"), case)
    _, low, high = case.percent
    number = rf"[+{MINUS}]?[\d,]+(?:\.\d+)?%"
    found = re.search(rf"({number}) to ({number})", effect)
    if math.isfinite(low) and math.isfinite(high):
        held.hold(found is not None or high - low < 1, "no range on the page", effect)
        ends = (read(found[1]), read(found[2])) if found else (low, high)
        held.hold(
            sides(*ends, case.margin) == sides(low, high, case.margin),
            "a range on the page that tells something else",
            effect,
        )
    return list(held)
