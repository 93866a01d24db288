"""One rule for every verdict, in two parts: which way an outcome moved, and whether that matters.

Primary and secondary outcomes, harms and negative controls are judged alike. **Direction** is told
where the test of the outcome's family rejects no effect, every look counted, the range leaves it
out, and no check objects. **Size** is the whole range against the margin that the protocol calls
worth having. What cannot be told together is no member of `Verdict`: nothing is worth having of
which it cannot be told that it moved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.wording import MOST_DIGITS, Sentence, percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Polarity = Literal["up", "down", "care"]
Way = Literal["fall", "rise"]
"""In which an effect that could be found is said in per cent; it is found in either."""


class Direction(StrEnum):
    """Which way an outcome moved, against what would have been."""

    FELL = "fell"
    ROSE = "rose"
    CANNOT_TELL = "cannot tell"


class Size(StrEnum):
    """The range against the margin.

    ``WORTH_HAVING`` : the whole range lies at or beyond it on the better side; ``MATTERS`` : on the
    worse side, or where neither side is better. ``SMALLER`` : the whole range lies inside it, so
    that a change as large is ruled out either way.
    """

    WORTH_HAVING = "worth having"
    MATTERS = "large enough to matter"
    SMALLER = "smaller than worth having"
    CANNOT_TELL = "cannot tell"


class Verdict(Enum):
    """Both parts, in the combinations that there are."""

    FELL_WORTH_HAVING = (Direction.FELL, Size.WORTH_HAVING)
    FELL_MATTERS = (Direction.FELL, Size.MATTERS)
    FELL_SMALLER = (Direction.FELL, Size.SMALLER)
    FELL = (Direction.FELL, Size.CANNOT_TELL)
    ROSE_WORTH_HAVING = (Direction.ROSE, Size.WORTH_HAVING)
    ROSE_MATTERS = (Direction.ROSE, Size.MATTERS)
    ROSE_SMALLER = (Direction.ROSE, Size.SMALLER)
    ROSE = (Direction.ROSE, Size.CANNOT_TELL)
    SMALLER = (Direction.CANNOT_TELL, Size.SMALLER)
    CANNOT_TELL = (Direction.CANNOT_TELL, Size.CANNOT_TELL)

    @property
    def direction(self) -> Direction:
        """Which way."""
        return self.value[0]

    @property
    def size(self) -> Size:
        """Whether it matters."""
        return self.value[1]

    @property
    def directed(self) -> bool:
        """Whether it says that something moved, and which way."""
        return self.direction is not Direction.CANNOT_TELL


class Unclear(StrEnum):
    """Why a direction cannot be told, in the order in which it is asked."""

    EXPLORATORY = "the study was locked as exploratory, so nothing is tested"
    OBJECTION = "a check objects"
    FAMILY = "not clear enough once every outcome of its family is counted"
    TEST = "its test does not rule out “no effect”, every look counted"
    TOO_EARLY = "too early to say"
    CHANCE = "the range includes no change"


@dataclass(frozen=True, kw_only=True)
class Range:
    """An estimate with the limits of its interval, in one unit; an end without limit is infinite.

    Over several looks the latest estimate need not lie inside the interval of them all.
    """

    effect: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {"effect": self.effect, "low": self.low, "high": self.high}

    @property
    def side(self) -> int:
        """-1 or 1 where the range lies on one side of no change, else 0."""
        return -1 if self.high < 0 else 1 if self.low > 0 else 0

    @property
    def holds_estimate(self) -> bool:
        """Whether the estimate lies inside its interval."""
        return self.low <= self.effect <= self.high


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the rule asks of one outcome beside its range.

    polarity : the better direction; ``care`` where neither is, and for a negative control, which
    nothing is to move. margin_percent : what the protocol calls worth having; it has no meaning
    unless it is above zero. hoped_percent : what the protocol hoped for, with its sign. rejects :
    whether the family's test rejects no effect, every look counted. alone : whether the outcome's
    own test does, as if it were the only one of its family. objected : whether a check objects.
    complete : whether every site has run for the whole window. exploratory : whether the study was
    locked as such: nothing is tested then, and neither part is told.
    """

    polarity: Polarity
    margin_percent: float
    rejects: bool
    alone: bool
    objected: bool = False
    complete: bool = True
    exploratory: bool = False
    hoped_percent: float | None = None


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What the rule makes of one range.

    better : whether the direction is the better one; None where none is told, or neither is better.
    unclear : why no direction is told; None where one is.
    """

    verdict: Verdict
    better: bool | None
    unclear: Unclear | None
    margin_percent: float
    hoped_percent: float | None = None

    @property
    def direction(self) -> Direction:
        """Which way it moved."""
        return self.verdict.direction

    @property
    def size(self) -> Size:
        """Whether that matters."""
        return self.verdict.size

    @property
    def sized(self) -> Sentence:
        """The size as in ``smaller than worth having (6 %)``; empty where none is told."""
        if self.size is Size.CANNOT_TELL:
            return Sentence.of("")
        ending = "" if self.size is Size.SMALLER else " or more"
        # A harm, however small, is not "worth having".
        word = SMALLER_HARM if self._no_gain and self.size is Size.SMALLER else self.size.value
        margin = percent(self.margin_percent)
        return Sentence.of(f"{word} ({{margin}}{ending})", self.size.name, margin=margin)

    @property
    def unsized(self) -> Sentence:
        """What cannot be told of the size, as in ``worth having (6 % or more)``."""
        word = Size.MATTERS.value if self._no_gain else Size.WORTH_HAVING.value
        return Sentence.of(f"{word} ({{margin}} or more)", margin=percent(self.margin_percent))

    @property
    def _no_gain(self) -> bool:
        return self.verdict.directed and not self.better

    @property
    def said(self) -> Sentence:
        """Both parts in a phrase: ``fell: better, but smaller than worth having (6 %)``."""
        code = self.verdict.name
        if not self.verdict.directed:
            early = self.unclear is Unclear.TOO_EARLY
            head = Unclear.TOO_EARLY.value if early else Direction.CANNOT_TELL.value
            if self.size is Size.SMALLER:
                but = "but so far" if early else "but"
                return Sentence.of(f"{head} which way, {but} {{size}}", code, size=self.sized)
            return Sentence.of(head, code)
        tone = {True: ": better", False: ": worse", None: ""}[self.better]
        head = f"{self.direction.value}{tone}"
        if self.size is Size.CANNOT_TELL:
            if not has_meaning(self.margin_percent):
                return Sentence.of(head, code)
            return Sentence.of(f"{head}; cannot tell whether {{size}}", code, size=self.unsized)
        joined = "but" if self.size is Size.SMALLER else "and"
        return Sentence.of(f"{head}, {joined} {{size}}", code, size=self.sized)


SMALLER_HARM = "smaller than what matters"


def has_meaning(margin_percent: float) -> bool:
    """Whether a margin is one that a size can be held against."""
    return math.isfinite(margin_percent) and margin_percent > 0


def rule(asked: Asked, interval: Range, change: Range) -> Ruling:
    """Both parts of the verdict on one outcome.

    Parameters
    ----------
    interval : on the estimate's scale. change : the same in percent of what would have been: the
        direction is its side, the size the whole of it. NaN where no percentage can be given, and
        there the direction is the side of the interval.
    """
    change = _as_printed(change)
    # Of nothing there is no percentage, and a side all the same.
    side_of = interval if math.isnan(change.low) else change
    unclear = _unclear(asked, side_of)
    side = 0 if unclear else side_of.side
    better = None
    if side and asked.polarity != "care":
        better = (side < 0) == (asked.polarity == "down")
    direction = {-1: Direction.FELL, 0: Direction.CANNOT_TELL, 1: Direction.ROSE}[side]
    return Ruling(
        verdict=Verdict((direction, _size(asked, change, side=side, better=better))),
        better=better,
        unclear=unclear,
        margin_percent=asked.margin_percent,
        hoped_percent=asked.hoped_percent,
    )


def _as_printed(change: Range) -> Range:
    """To the last digit that may be printed, so that no verdict rests on one that nobody sees."""
    ends = (round(value, MOST_DIGITS) for value in (change.effect, change.low, change.high))
    effect, low, high = ends
    return Range(effect=effect, low=low, high=high)


def _unclear(asked: Asked, interval: Range) -> Unclear | None:
    if asked.exploratory:
        return Unclear.EXPLORATORY
    # First, since neither a clearer test nor more time mends what a check holds against the design.
    if asked.objected:
        return Unclear.OBJECTION
    # Test and range are asked both: over several looks they need not agree to the last assignment.
    if interval.side:
        if asked.rejects:
            return None
        # A range that leaves out no change needs a reason why it tells nothing, however early.
        return Unclear.FAMILY if asked.alone else Unclear.TEST
    return Unclear.CHANCE if asked.complete else Unclear.TOO_EARLY


def _size(asked: Asked, change: Range, *, side: int, better: bool | None) -> Size:
    margin = asked.margin_percent
    # A range of a design that a check objects to bounds nothing. And one inside the margin would be
    # a claim as well: that a larger effect is ruled out.
    if asked.exploratory or asked.objected or not has_meaning(margin):
        return Size.CANNOT_TELL
    # The whole range, not the estimate: both are claims against every effect outside them.
    if -margin < change.low and change.high < margin:
        return Size.SMALLER
    # Side first: a change of some size is one, so that its test has to be passed before. The sign
    # is asked again, since a percentage of NaN lies nowhere.
    beyond = change.high <= -margin if side < 0 else side > 0 and change.low >= margin
    if beyond:
        return Size.WORTH_HAVING if better else Size.MATTERS
    return Size.CANNOT_TELL


def cared_for(polarity: Polarity, hoped: float | None) -> Way:
    """The direction that a reader cares for: by polarity; where that is none, by what is hoped."""
    rises = polarity == "up" or (polarity == "care" and (hoped or 0) > 0)
    return "rise" if rises else "fall"


def percent_of_logs(sizes: Floats, way: Way) -> Floats:
    """Per cent of a fall, or of a rise, of sizes in logarithms (0 or above); infinite stays so."""
    with np.errstate(over="ignore"):
        # A fall of e log points is 1 - exp(-e), a rise exp(e) - 1: the same size in logs is a
        # smaller fall than rise.
        moved = -np.expm1(-sizes) if way == "fall" else np.expm1(sizes)
    # A fall can never pass 100 per cent, but an effect that is never found is no fall of 100.
    percent: Floats = np.where(np.isinf(sizes), np.inf, 100 * moved)
    return percent
