"""Sentences made anew of released figures: never rounded text, always the template once more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evaluation.disclosure.effects import stepped, stepped_chance
from evaluation.disclosure.key import Key
from evaluation.disclosure.released import money_step, significant
from evaluation.release.rounding import one_figure
from evaluation.wording import Figure, Part, Sentence

NOT_SHOWN = Sentence.of("Not shown: it would rest on too few people or areas.", "not_shown")
STATED = frozenset(
    {
        "alpha",
        "asked",
        "draws",
        "first",
        "hoped",
        "km",
        "last",
        "level",
        "margin",
        "n",
        "share",
        "spent",
        "threshold",
        "times",
    }
)
"""Names of figures that hang on the protocol and the design, or are rounded where they are made."""
PS = frozenset({"p", "adjusted"})
"""Names of p values that are written as plain numbers."""
MOST_DIGITS = 4
CHANCE_STEP = 0.5
"""Of a p-value that stands nowhere else, in standard errors."""


class _HiddenFigure(Exception):
    """A sentence holds a figure that is not printed."""


@dataclass(frozen=True, kw_only=True)
class Saying:
    """How the figures inside an outcome's sentences are printed.

    known : what a figure was printed as; None where it is hidden. people : the same of counts of
    people as sentences round them. constants : figures that the protocol states. percent_step,
    step, people_step : of figures that stand nowhere else. log : the estimate is of logarithms,
    whose figures are a hundredth of its step fine. chances : p-values as they were printed.
    """

    key: Key
    address: str
    known: Mapping[float, float | None] = field(default_factory=dict)
    people: Mapping[float, float] = field(default_factory=dict)
    constants: frozenset[float] = frozenset()
    percent_step: float = 0.1
    step: float = 0.1
    people_step: float = 5.0
    log: bool = False
    drawn: int = 0
    chances: Mapping[float, float] = field(default_factory=dict)
    level: float = 0.05

    def printed(self, name: str, figure: Figure) -> Figure:
        """A figure as it is printed.

        Raises
        ------
        _HiddenFigure : it is not.
        """
        value = figure.value
        if not math.isfinite(value):
            return figure
        if figure.kind == "count" and one_figure(value) in self.people:
            return replace(figure, value=self.people[one_figure(value)])
        if figure.kind == "p" or name in PS:
            return self._chance(name, figure)
        for sign in (1.0, -1.0):
            same = one_figure(sign * value)
            if same in self.known:
                shown = self.known[same]
                if shown is None:
                    raise _HiddenFigure
                return _with_digits(figure, sign * shown)
        if abs(value) in self.constants:
            return figure
        if name in STATED:
            return replace(figure, value=significant(value, 3))
        return self._otherwise(name, figure)

    def _otherwise(self, name: str, figure: Figure) -> Figure:
        """A figure that stands nowhere but in its sentence."""
        value = figure.value
        if value == round(value) and figure.kind != "pounds":
            # Areas, looks, kilometres: whole numbers that no estimate is.
            return figure
        if figure.kind == "pounds":
            step = money_step(value)
            return figure if value % 1000 == 0 else self._at(name, figure, step)
        if "percent" in figure.kind:
            return self._at(name, figure, self.percent_step)
        if figure.kind == "count":
            return replace(figure, value=significant(value, 2))
        return self._at(name, figure, self.step / 100 if self.log else self.step)

    def _chance(self, name: str, figure: Figure) -> Figure:
        """A p-value as it is printed elsewhere, or at the coarsest step if it is not."""
        shown = self.chances.get(one_figure(figure.value))
        if shown is None:
            drawn = self.key.share_of(["chance", self.address, name])
            least = 1 / (self.drawn + 1) if self.drawn else 0.0
            shown, _ = stepped_chance(
                figure.value, CHANCE_STEP, drawn, least=least, level=self.level
            )
        found = _with_digits(figure, shown)
        digits = found.digits
        # Not rounded across its level either.
        while (
            digits is not None
            and digits < MOST_DIGITS
            and (round(shown, digits) > self.level) != (shown > self.level)
        ):
            digits += 1
        return replace(found, digits=digits)

    def _at(self, name: str, figure: Figure, step: float) -> Figure:
        drawn = self.key.share_of(["said", self.address, name])
        return _with_digits(figure, stepped(figure.value, step, drawn))


def _with_digits(figure: Figure, value: float) -> Figure:
    """The figure at another value, in as many digits as keep it from zero."""
    digits = figure.digits
    while digits is not None and digits < MOST_DIGITS and value and round(value, digits) == 0:
        digits += 1
    return replace(figure, value=value, digits=digits)


def said_anew(
    content: Any, sentences: Mapping[str, Mapping[str, Any]], saying: Saying
) -> tuple[Any, dict[str, Any]]:
    """Plain data with each of its sentences made anew, and the new sentences as data.

    Parameters
    ----------
    sentences : text -> template and figures, as results hold them.
    """
    made: dict[str, Any] = {}

    def anew(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {key: anew(value) for key, value in part.items()}
        if isinstance(part, (list, tuple)):
            return [anew(value) for value in part]
        if not isinstance(part, str) or part not in sentences:
            return part
        try:
            told = _mapped(Sentence.of_data(sentences[part]), saying)
        except _HiddenFigure:
            told = NOT_SHOWN
        if told.figures:
            made[str(told)] = told.as_data()
        return str(told)

    return anew(content), made


def _mapped(sentence: Sentence, saying: Saying) -> Sentence:
    figures: dict[str, Part] = {}
    for name, part in sentence.figures.items():
        if isinstance(part, Figure):
            figures[name] = saying.printed(name, part)
        else:
            figures[name] = _mapped(part, saying) if isinstance(part, Sentence) else part
    return Sentence.of(sentence.template, "", **figures)
