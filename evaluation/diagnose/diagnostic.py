"""One check as its figures; what it says is made from them here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from evaluation.wording import (
    Figure,
    Name,
    Sentence,
    number,
    p_value,
    percent,
    signed,
    signed_percent,
)

FIRES_BELOW = 0.05
"""The level of every check: one in twenty fires where nothing is wrong."""
Result = Literal["holds", "fails", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One check: ``holds`` means that it did not fire, no more.

    Parameters
    ----------
    why : what kept it from being made. size : the statistic itself, with its sign: a slope, an
        effect, a difference. unit : what it is counted in. p_value : by re-assignment, if it is a
        test. seen : the size that would be seen four times in five, where that is known; of a
        negative control in percent. n : areas concerned. threshold : what the protocol sets:
        kilometres of the ring; of a negative control the size in question, in percent. effect :
        that the check is about, where it is no size of its own. names : places, outcomes or
        characteristics that it names.
    """

    code: str
    result: Result
    why: str = ""
    size: float = 0.0
    unit: str = ""
    p_value: float | None = None
    seen: float | None = None
    n: int | None = None
    threshold: float | None = None
    effect: float | None = None
    names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The question that it asks."""
        return _TITLES.get(self.code, "")

    @property
    def statistic(self) -> Sentence:
        """The figure that it rests on, as in ``slope -0.0393 units a period, p = 0.198``."""
        if self.code not in _STATISTICS or (self.result == "cannot tell" and not self.blind):
            return Sentence.of("")
        if self.unit == FIXED:
            return Sentence.of(FIXED)
        return Sentence.of(_STATISTICS[self.code], **self._figures())

    @property
    def brief(self) -> Sentence:
        """What it found, without what it could have seen."""
        if self.blind:
            return self._unseen()
        if self.result == "cannot tell":
            return Sentence.of("Not tested: {why}.", self.code, why=self.why)
        return Sentence.of(f"{self._found()}.", self.code, **self._figures())

    @property
    def sentence(self) -> Sentence:
        """What it found, and what it could have seen."""
        if self.seen is None or self.result == "cannot tell":
            return self.brief
        size = "a slope of {seen} a period" if self.code == "pre_trend" else "{seen}"
        return Sentence.of(
            f"{self._found()} ({size} would be seen four times in five).",
            self.code,
            **self._figures(),
        )

    @property
    def blind(self) -> bool:
        """Whether it was made, did not fire, and could not have seen what is in question."""
        return self.result == "cannot tell" and self.seen is not None

    def _unseen(self) -> Sentence:
        seen, asked = self.seen or 0.0, self.threshold or 0.0
        unseen = "a change below {seen} may go unseen"
        if not math.isfinite(seen):
            unseen = "no change of it, however large, could be told from chance"
        return Sentence.of(
            f"{{named}} did not move visibly, but {unseen}, and {{asked}} is in question: it does "
            "not reassure.",
            self.code,
            named=" and ".join(self.names),
            seen=percent(seen, 1),
            asked=percent(asked, 1),
        )

    def _found(self) -> str:
        if self.unit == FIXED:
            return "Denominators are fixed before the start and cannot move with it"
        fired, held = _FOUND[self.code]
        return fired if self.result == "fails" else held

    def _figures(self) -> dict[str, Figure | Name | str]:
        *first, last = self.names or ("",)
        found: dict[str, Figure | Name | str] = {
            "unit": Name(self.unit),
            "named": f"{', '.join(first)} and {last}" if first else last,
            "first": self.names[0] if self.names else "",
            "last": last,
        }
        if self.code in _STATISTICS:
            found["size"] = _SIZES.get(self.code, lambda size: signed(size, 4))(self.size)
        for name, value, figure in (
            ("p", self.p_value, p_value),
            ("seen", self.seen, _SEEN.get(self.code, lambda seen: number(seen, 4))),
            ("n", self.n, lambda n: number(n, 0)),
            ("km", self.threshold, number),
            ("effect", self.effect, lambda effect: signed(effect, 4)),
        ):
            if value is not None:
                found[name] = figure(value)
        return found


FIXED = "fixed"
"""The unit of a denominator that does not change, so that nothing was tested."""


def tested(code: str, p: float, size: float, **figures: Any) -> Diagnostic:
    """A check by its p-value: it fails below `FIRES_BELOW`."""
    result: Result = "fails" if p < FIRES_BELOW else "holds"
    return Diagnostic(code=code, result=result, p_value=p, size=size, **figures)


def unknown(code: str, why: str) -> Diagnostic:
    """A check that could not be made, with the reason."""
    return Diagnostic(code=code, result="cannot tell", why=why)


_TITLES = {
    "pre_trend": "Were pilots already on another path?",
    "pre_level": "Did pilots start from another level?",
    "negative_control": "Does anything move that should not?",
    "spillover": "Does the effect leak into neighbouring areas?",
    "regression_to_the_mean": "Were pilots chosen at an unusual moment?",
    "changed_instrument": "Did pilots' figures jump when recording may have changed?",
    "other_programme": "Does another programme move the comparison?",
    "odd_comparisons": "Do some comparison authorities stand apart?",
    "denominators": "Did what is counted out of change with the start?",
    "balance": "Are pilots and comparisons alike?",
    "influence": "Does the effect rest on one place?",
}
_FOUND = {
    "pre_trend": (
        "Before the start, pilot areas were already moving away from comparison areas",
        "Before the start, pilot and comparison areas moved together as far as can be seen",
    ),
    "pre_level": (
        "Pilot areas started from a clearly different level: part of what follows may be a return "
        "to normal",
        "Pilot areas started from a level like that of comparison areas",
    ),
    "negative_control": (
        "{named} moved, which the programme cannot explain",
        "{named} did not move by more than chance could explain",
    ),
    "spillover": (
        "The {n} comparison areas within {km} km of a site moved with it: comparing with them "
        "understates the effect",
        "The {n} comparison areas within {km} km of a site moved like those beyond",
    ),
    "regression_to_the_mean": (
        "The last period before the start was unusual in pilot areas: part of what follows may be "
        "a return to normal",
        "The last period before the start was like those before it in pilot areas",
    ),
    "changed_instrument": (
        "Pilot areas' figures jumped at the start, which a change that grows does not explain: "
        "check whether they are still recorded in the same way",
        "Pilot areas' figures did not jump at the start beyond what grew from it",
    ),
    "other_programme": (
        "The {n} comparison areas in another programme moved apart from the others: leave them out",
        "The {n} comparison areas in another programme moved like the others",
    ),
    "odd_comparisons": (
        "{named} moved apart from the other comparison authorities: something else may have "
        "happened there",
        "No comparison authority moved apart from the others",
    ),
    "denominators": (
        "What the outcome is counted out of changed in pilot areas with the start",
        "What the outcome is counted out of moved alike in both arms",
    ),
    "balance": (
        "Pilot areas differ from comparison areas before the start, most in {named}",
        "Pilot areas differ from comparison areas before the start no more than areas drawn by lot "
        "would",
    ),
    "influence": (
        "Without {first} less than half of the effect is left",
        "No single area or authority carries the effect; {last} moves it most",
    ),
}
"""What a check says when it fails, and when it holds."""
_STATISTICS = {
    "pre_trend": "slope {size} {unit}, {p}",
    "pre_level": "{size} of the mean, {p}",
    "negative_control": "effect {size}, {p}",
    "spillover": "effect {size}, {p}",
    "regression_to_the_mean": "{size} {unit}, {p}",
    "changed_instrument": "{size} {unit}, {p}",
    "other_programme": "effect {size}, {p}",
    "odd_comparisons": "largest deviation {size}, {p}",
    "denominators": "effect {size}, {p}",
    "balance": "largest standardised difference {size} ({named}), {p}",
    "influence": "effect {effect}; without {first} {size}",
}
_SIZES = {
    "pre_level": lambda size: signed_percent(size, 1),
    "negative_control": lambda size: signed(size, 3),
    "odd_comparisons": lambda size: number(size, 1),
    "balance": lambda size: signed(size, 2),
}
"""How a statistic is written where four digits with a sign would be idle."""
_SEEN: dict[str, Callable[[float], Figure]] = {"negative_control": lambda seen: percent(seen, 1)}
"""How the size that would be seen is written where it is not in the statistic's own unit."""
