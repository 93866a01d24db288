"""Predicates of decision rules: read once into a typed tree, and true, false or unknown of facts.

A predicate names facts by their ids (``primaries.improved``, ``ae_attendances.low``,
``sites.as_designed``) and joins comparisons by ``and``, ``or``, ``not`` and brackets. What is not
known makes a predicate unknown unless what is known settles it (Kleene's strong logic): a rule is
never met, or not met, because a figure is missing.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

from evaluation.errors import ProtocolError

Kind = Literal["number", "word", "yes or no"]
Value = float | str | bool
Met = bool | None
"""True, False, or None where it is not known."""

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_EQUAL = ("==", "!=")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?\d+(?:\.\d+)?(?![\w.]))|(?P<name>[A-Za-z_]\w*(?:\.\w+)*)"
    r"|(?P<word>'[^']*'|\"[^\"]*\")|(?P<sign><=|>=|==|!=|<|>|\(|\)))"
)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What an id stands for: its kind, what it says, and for a word which there are."""

    kind: Kind
    says: str
    words: tuple[str, ...] = ()


Vocabulary = Mapping[str, Fact]
Facts = Mapping[str, Value]
"""Id -> value; an id that is not there is not known."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A fact against a value; a fact that is yes or no by itself stands against True."""

    fact: str
    sign: str
    value: Value

    def met(self, facts: Facts) -> Met:
        """Whether it holds; None where the fact is not known."""
        held = facts.get(self.fact)
        if held is None:
            return None
        if self.sign in _EQUAL:
            return (held == self.value) is (self.sign == "==")
        return _COMPARE[self.sign](float(held), float(self.value))

    def __str__(self) -> str:
        if self.value is True and self.sign == "==":
            return self.fact
        shown = f"{self.value:.15g}" if isinstance(self.value, float) else self.value
        return f"{self.fact} {self.sign} {shown}"


@dataclass(frozen=True, kw_only=True)
class Not:
    """The opposite of a predicate."""

    part: Predicate

    def met(self, facts: Facts) -> Met:
        """Unknown stays unknown."""
        held = self.part.met(facts)
        return None if held is None else not held

    def __str__(self) -> str:
        return f"not ({self.part})"


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Predicates joined by ``and`` or ``or``."""

    by: Literal["and", "or"]
    parts: tuple[Predicate, ...]

    def met(self, facts: Facts) -> Met:
        """One false settles an ``and``, one true an ``or``, whatever else is not known."""
        held = [part.met(facts) for part in self.parts]
        settles = self.by == "or"
        if settles in held:
            return settles
        return None if None in held else not settles

    def __str__(self) -> str:
        return f" {self.by} ".join(
            f"({part})" if isinstance(part, Joined) else str(part) for part in self.parts
        )


Predicate = Comparison | Not | Joined


def comparisons(predicate: Predicate) -> Iterator[Comparison]:
    """Every comparison in a predicate, in the order in which they were written."""
    match predicate:
        case Comparison():
            yield predicate
        case Not():
            yield from comparisons(predicate.part)
        case Joined():
            for part in predicate.parts:
                yield from comparisons(part)


def read_predicate(text: str, vocabulary: Vocabulary, *, where: str = "") -> Predicate:
    """The predicate of a text.

    Raises
    ------
    ProtocolError : a fact is unknown, a value is of another kind than its fact, or the text cannot
        be read; it says where in the text.
    """
    reader = _Reader(_tokens(text, where), text, vocabulary, where)
    found = reader.either()
    reader.end()
    return found


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(text: str, where: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        held = _TOKEN.match(text, at)
        if held is None or held.lastgroup is None:
            rest = text[at:].strip()
            raise ProtocolError(
                f"the predicate cannot be read from {rest[:20]!r} on.",
                where=where,
                expected="facts, numbers, < <= > >= == !=, and, or, not, brackets",
            )
        found.append(_Token(held.lastgroup, held[held.lastgroup], at))
        at = held.end()
    return found


class _Reader:
    """Reads tokens: ``or`` binds less than ``and``, ``and`` less than ``not``."""

    def __init__(self, tokens: list[_Token], text: str, vocabulary: Vocabulary, where: str) -> None:
        self.tokens, self.text, self.vocabulary, self.where = tokens, text, vocabulary, where
        self.place = 0

    def either(self) -> Predicate:
        return self._joined("or", self.both)

    def both(self) -> Predicate:
        return self._joined("and", self.one)

    def _joined(self, word: Literal["and", "or"], below: Callable[[], Predicate]) -> Predicate:
        parts = [below()]
        while self._take("name", word):
            parts.append(below())
        return parts[0] if len(parts) == 1 else Joined(by=word, parts=tuple(parts))

    def one(self) -> Predicate:
        if self._take("name", "not"):
            return Not(part=self.one())
        if self._take("sign", "("):
            inside = self.either()
            if not self._take("sign", ")"):
                raise self._fault("a bracket is not closed", ")")
            return inside
        return self._comparison()

    def _comparison(self) -> Comparison:
        name = self._next("name", "the id of a fact")
        fact = self._fact(name.text)
        token = self._peek()
        if token is None or token.kind != "sign" or token.text == ")":
            if fact.kind != "yes or no":
                raise self._fault(f"{name.text} is a {fact.kind} and stands alone", "a comparison")
            return Comparison(fact=name.text, sign="==", value=True)
        self.place += 1
        if token.text == "(":
            raise self._fault(f"a bracket stands behind {name.text}", "a comparison")
        return Comparison(fact=name.text, sign=token.text, value=self._value(name, fact, token))

    def _value(self, name: _Token, fact: Fact, sign: _Token) -> Value:
        token = self._next_any(f"what {name.text} is compared with")
        given = token.text.strip("'\"")
        if fact.kind == "number" and token.kind == "number":
            return float(given)
        if fact.kind == "number":
            raise self._fault(f"{name.text} is a number and {given!r} is none", "a number")
        if sign.text not in _EQUAL:
            raise self._fault(f"{name.text} is a {fact.kind}: it is neither less nor more", "== !=")
        if fact.kind == "yes or no":
            if given.lower() not in ("true", "false", "yes", "no"):
                raise self._fault(f"{name.text} is yes or no, and {given!r} is neither", "true")
            return given.lower() in ("true", "yes")
        if given not in fact.words:
            raise self._fault(f"{name.text} is never {given!r}", " or ".join(fact.words))
        return given

    def _fact(self, name: str) -> Fact:
        if name in self.vocabulary:
            return self.vocabulary[name]
        near = get_close_matches(name, self.vocabulary, n=3)
        raise ProtocolError(
            f"there is no fact {name!r} in {self.text!r}.",
            where=self.where,
            expected="an id of a fact, such as " + ", ".join(near or sorted(self.vocabulary)[:3]),
            mend="newstart decisions facts lists them all",
        )

    def _peek(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _take(self, kind: str, text: str) -> bool:
        token = self._peek()
        if token is None or (token.kind, token.text.lower()) != (kind, text):
            return False
        self.place += 1
        return True

    def _next(self, kind: str, expected: str) -> _Token:
        token = self._next_any(expected)
        if token.kind != kind:
            raise self._fault(f"{token.text!r} stands where a fact belongs", expected)
        return token

    def _next_any(self, expected: str) -> _Token:
        token = self._peek()
        if token is None:
            raise self._fault("the predicate ends too early", expected)
        self.place += 1
        return token

    def end(self) -> None:
        token = self._peek()
        if token is not None:
            raise self._fault(f"{token.text!r} stands behind a whole predicate", "and, or, the end")

    def _fault(self, what: str, expected: str) -> ProtocolError:
        return ProtocolError(f"{what} in {self.text!r}.", where=self.where, expected=expected)
