"""Sentences as a template and its figures: written out in any spelling, never taken apart again.

Whoever finds a figure makes the sentence about it here, once. The text is what files and the
command line show; the book spells the same figures its own way (a true minus sign, ``8.1%``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from string import Formatter
from typing import Any, Literal

Kind = Literal["number", "count", "signed", "percent", "signed percent", "pounds", "p"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number inside a sentence.

    Parameters
    ----------
    kind : how it is written. value : in the unit that the sentence names. digits : behind the
        point; None writes as few as it needs. apart : of a percentage that is estimated, what it is
        not rounded onto or across; its digits are then those of the spelling, counted as it is
        written, so that the book has it alike in a sentence and in a table.
    """

    kind: Kind
    value: float
    digits: int | None = None
    apart: tuple[float, ...] | None = None


MOST_DIGITS = 6
"""Behind the point of a percentage; beyond, machines and their logarithms may differ."""


TOLD_APART = 12
"""Significant digits of a figure; beyond lies what binary arithmetic leaves of 23.5 or 5.35."""


def half_away(value: float, digits: int = 0) -> float:
    """A figure in so many digits behind the point, a half away from zero: the one rule of rounding.

    As spreadsheets show it and as people round: 23.5 is 24, 40.5 is 41 and 5.35 is 5.4, with or
    without a minus. Python's own rounding makes them 24, 40 and 5.3, so that a figure would differ
    between the book and the spreadsheet beside it.

    Parameters
    ----------
    digits : below zero for tens, hundreds and so on.
    """
    # So large a number has no digits behind the point, and more before it than `Decimal` keeps.
    if not math.isfinite(value) or abs(value) >= 1e15:
        return float(value)
    step = Decimal(1).scaleb(-digits)
    return float(Decimal(f"{value:.{TOLD_APART}g}").quantize(step, rounding=ROUND_HALF_UP))


def percent_digits(value: float) -> int:
    """Behind the point of a percentage: one below ten, none from there on."""
    return int(abs(value) < 9.95)


def apart_digits(value: float, bounds: tuple[float, ...], digits: int) -> int:
    """Digits behind the point with which a figure is not rounded onto, or across, a bound.

    Parameters
    ----------
    bounds : zero and the margins, of which a verdict says on which side a range lies. digits : as
        many as it would have otherwise.
    """
    if not math.isfinite(value):
        return digits
    # By the same rule as below, or 0.0000005 would be looked for on both sides of a bound for ever.
    exact = half_away(value, MOST_DIGITS)
    while any(_side(half_away(value, digits), b) != _side(exact, b) for b in bounds):
        digits += 1
    return digits


def _side(value: float, bound: float) -> int:
    return (value > bound) - (value < bound)


@dataclass(frozen=True)
class Name:
    """A unit or a code, in whose place readers may be given the outcome's own."""

    text: str


Part = Figure | Name | str
"""What fills a template: a text that is no sentence is the same in every spelling."""


def one_digit(_: float) -> int:
    """Behind the point of a percentage in files and on the command line."""
    return 1


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """How figures are written.

    percent : the sign with what stands before it. p : a p-value in so many digits, as in
    ``p = 0.317``. names : what is put for a `Name`, where it has another. estimated : how many
    digits an estimated percentage has behind the point.
    """

    percent: str
    minus: str
    pounds: Callable[[float], str]
    p: Callable[[float, int], str]
    names: Mapping[str, str] = field(default_factory=dict)
    estimated: Callable[[float], int] = one_digit

    def write(self, figure: Figure) -> str:
        """A figure in this spelling; one that is not finite is named alike in all."""
        value, digits = figure.value, figure.digits
        if figure.apart is not None:
            digits = apart_digits(value, figure.apart, self.estimated(value))
        if figure.kind == "pounds":
            return self.pounds(value)
        if figure.kind == "p":
            return self.p(value, digits or 0)
        sign = "+" if figure.kind in ("signed", "signed percent") else ""
        end = self.percent if figure.kind in ("percent", "signed percent") else ""
        if not math.isfinite(value):
            return "no limit" if figure.kind == "count" else f"{value:{sign}f}{end}"
        if math.copysign(1, value) < 0:
            sign = self.minus
        comma = "," if figure.kind == "count" else ""
        if digits is None:
            return f"{sign}{abs(value):g}{end}"
        return f"{sign}{abs(half_away(value, digits)):{comma}.{digits}f}{end}"


PLAIN = Spelling(
    percent=" %",
    minus="-",
    pounds=lambda value: f"£{half_away(value):,.0f}",
    p=lambda value, digits: f"p = {half_away(value, digits):.{digits}f}",
)
"""As in files and on the command line, where every sign can be typed."""


class Sentence(str):
    """A sentence, or part of one: text to its readers, and the figures that it was made from.

    code : what it says, where that matters to a program. template : with a name in braces for each
    of the figures.
    """

    code: str
    template: str
    figures: Mapping[str, Part]

    @classmethod
    def of(cls, template: str, code: str = "", /, **figures: Part) -> Sentence:
        """The sentence of a template, spelled plainly."""
        made = cls(_filled(template, figures, PLAIN))
        made.code, made.template, made.figures = code, template, figures
        return made

    def spelled(self, spelling: Spelling) -> Sentence:
        """The same sentence with its figures as another spelling writes them, for good."""
        written = {name: _written(part, spelling) for name, part in self.figures.items()}
        return Sentence.of(self.template, self.code, **written)

    def pieces(self) -> Iterator[str]:
        """The text in order: each figure by itself, and what stands between them."""
        for between, name, _, _ in Formatter().parse(self.template):
            yield between
            if name is not None:
                part = self.figures[name]
                yield from part.pieces() if isinstance(part, Sentence) else [_written(part, PLAIN)]

    def as_data(self) -> dict[str, Any]:
        """Template and figures as plain data; numbers that are not finite as text."""
        return {
            "template": self.template,
            "figures": {name: _as_data(part) for name, part in self.figures.items()},
        }

    @classmethod
    def of_data(cls, content: Mapping[str, Any]) -> Sentence:
        """A sentence from what `as_data` gave."""
        figures = {name: _of_data(part) for name, part in content["figures"].items()}
        return cls.of(content["template"], **figures)


def listed(parts: Sequence[str], between: str) -> Sentence:
    """Sentences one behind the other."""
    names = [f"part_{place}" for place in range(len(parts))]
    template = between.join(f"{{{name}}}" for name in names)
    return Sentence.of(template, **dict(zip(names, parts, strict=True)))


def sentences_as_data(content: Any) -> dict[str, Any]:
    """Every sentence with figures in plain data: its text -> its template and figures."""
    if isinstance(content, Sentence):
        return {str(content): content.as_data()} if content.figures else {}
    parts = content.values() if isinstance(content, Mapping) else content
    found: dict[str, Any] = {}
    for part in parts if isinstance(content, (Mapping, list, tuple)) else ():
        found |= sentences_as_data(part)
    return found


def spelled(content: Any, sentences: Mapping[str, Sentence], spelling: Spelling) -> Any:
    """Plain data with every text that is one of the sentences in another spelling."""
    if isinstance(content, Mapping):
        return {key: spelled(value, sentences, spelling) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [spelled(value, sentences, spelling) for value in content]
    known = isinstance(content, str) and content in sentences
    return sentences[content].spelled(spelling) if known else content


def number(value: float, digits: int | None = None) -> Figure:
    """A figure as it is."""
    return Figure(kind="number", value=float(value), digits=digits)


def count(value: float, digits: int = 0) -> Figure:
    """A figure with commas at thousands; one that is not finite is ``no limit``."""
    return Figure(kind="count", value=float(value), digits=digits)


def signed(value: float, digits: int | None = None) -> Figure:
    """A figure with its sign."""
    return Figure(kind="signed", value=float(value), digits=digits)


def percent(value: float, digits: int | None = None) -> Figure:
    """A percentage."""
    return Figure(kind="percent", value=float(value), digits=digits)


def signed_percent(value: float, digits: int | None = None) -> Figure:
    """A percentage with its sign."""
    return Figure(kind="signed percent", value=float(value), digits=digits)


def effect(value: float, apart: tuple[float, ...] = (), kind: Kind = "signed percent") -> Figure:
    """An estimated percentage: in as many digits as keep it on its side of each of ``apart``."""
    return Figure(kind=kind, value=float(value), apart=apart)


def pounds(value: float) -> Figure:
    """An amount of money."""
    return Figure(kind="pounds", value=float(value))


def p_value(value: float, digits: int = 3) -> Figure:
    """A p-value with the letter before it."""
    return Figure(kind="p", value=float(value), digits=digits)


def _filled(template: str, figures: Mapping[str, Part], spelling: Spelling) -> str:
    return template.format(**{name: _written(part, spelling) for name, part in figures.items()})


def _written(part: Part, spelling: Spelling) -> str:
    if isinstance(part, Figure):
        return spelling.write(part)
    if isinstance(part, Name):
        return spelling.names.get(part.text, part.text)
    return part.spelled(spelling) if isinstance(part, Sentence) else part


def _as_data(part: Part) -> Any:
    if isinstance(part, Figure):
        held = {key: one for key, one in asdict(part).items() if key != "apart" or one is not None}
        return held if math.isfinite(part.value) else {**held, "value": str(part.value)}
    if isinstance(part, Name):
        return {"name": part.text}
    return part.as_data() if isinstance(part, Sentence) else part


def _of_data(part: Any) -> Part:
    if isinstance(part, str):
        return part
    if "template" in part:
        return Sentence.of_data(part)
    if "name" in part:
        return Name(part["name"])
    apart = part.get("apart")
    return Figure(
        kind=part["kind"],
        value=float(part["value"]),
        digits=part["digits"],
        apart=None if apart is None else tuple(apart),
    )
