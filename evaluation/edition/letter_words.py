"""The sentences of a site's letter, in English and Welsh: whole ones, chosen by plural class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from string import Formatter
from typing import Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from evaluation.declared import Frozen
from evaluation.errors import BookError
from evaluation.quarters import Period

Language = Literal["en", "cy"]
Plural = Literal["zero", "one", "two", "few", "many", "other"]
FIRST: Language = "en"
CLASSES: Mapping[Language, tuple[Plural, ...]] = {
    "en": ("one", "other"),
    "cy": ("zero", "one", "two", "few", "many", "other"),
}
"""The plural classes that a translation must have (Unicode CLDR)."""
_WELSH: Mapping[int, Plural] = {0: "zero", 1: "one", 2: "two", 3: "few", 6: "many"}


def plural_of(language: Language, n: int) -> Plural:
    """The plural class of a count."""
    if language == "cy":
        return _WELSH.get(n, "other")
    return "one" if n == 1 else "other"


class Tongue(Frozen):
    """A language: its name, and who translated into it."""

    name: str
    translated_by: str = ""


Sentences = str | dict[Plural, str]


class Catalogue(Frozen):
    """``letter.yaml``: each sentence by language, one for each plural class where it counts."""

    languages: dict[Language, Tongue]
    months: dict[Language, tuple[str, ...]]
    titles: dict[Language, dict[str, str]] = Field(default_factory=dict)
    fuzzy: dict[Language, tuple[str, ...]] = Field(default_factory=dict)
    sentences: dict[str, dict[Language, Sentences]]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for name, held in self.sentences.items():
            if FIRST not in held:
                raise ValueError(f"{name} has no English")
            wanted = _places(held[FIRST])
            for language, said in held.items():
                if isinstance(said, dict) and (lack := set(CLASSES[language]) - said.keys()):
                    raise ValueError(f"{name} in {language} lacks {', '.join(sorted(lack))}")
                # What is filled in must be known to whoever fills it in; less may be.
                if odd := _places(said) - wanted:
                    raise ValueError(f"{name} in {language} asks for {', '.join(sorted(odd))}")
        return self


def _places(said: Sentences) -> set[str]:
    texts = said.values() if isinstance(said, dict) else [said]
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue as it is shipped."""
    text = (resources.files("evaluation.edition") / "letter.yaml").read_text(encoding="utf-8")
    return Catalogue.model_validate(yaml.safe_load(text))


@dataclass(frozen=True, kw_only=True)
class Said:
    """A sentence as printed, in its language; ``mark`` says that it is not the letter's."""

    text: str
    language: Language
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """Says the sentences of a letter in one language."""

    language: Language
    held: Catalogue

    @classmethod
    def of(cls, language: str) -> Speaker:
        """A speaker of ``en`` or ``cy``.

        Raises
        ------
        BookError : another language is asked for.
        """
        held = catalogue()
        for known in held.languages:
            if language == known:
                return cls(language=known, held=held)
        raise BookError(
            f"there is no letter in {language!r}.", expected=" or ".join(held.languages)
        )

    def say(self, name: str, n: int | None = None, **parts: Any) -> Said:
        """A sentence by its name, filled in.

        Parameters
        ----------
        n : the count that decides its plural class; filled in as ``{n}``.
        """
        own = self.held.sentences[name].get(self.language)
        if own is None or name in self.held.fuzzy.get(self.language, ()):
            return self._in_english(name, n, **parts)
        return Said(text=_filled(own, self.language, n, parts), language=self.language)

    def of_outcome(self, name: str, code: str, title: str, **parts: Any) -> Said:
        """A sentence about an outcome; in English where the outcome has no title in the language.

        A title in another language inside a sentence would be neither.
        """
        if self.language == FIRST:
            return self.say(name, title=title, **parts)
        own = self.held.titles.get(self.language, {}).get(code)
        if own is None:
            return self._in_english(name, None, title=title, **parts)
        return self.say(name, title=own, **parts)

    def _in_english(self, name: str, n: int | None, **parts: Any) -> Said:
        text = _filled(self.held.sentences[name][FIRST], FIRST, n, parts)
        mark = (
            "" if self.language == FIRST else str(self.held.sentences["in_english"][self.language])
        )
        return Said(text=text, language=FIRST, mark=mark)

    def day(self, day: date) -> str:
        """As in ``30 September 2026``."""
        return f"{day.day} {self.held.months[self.language][day.month - 1]} {day.year}"

    def quarter(self, period: Period) -> str:
        """As in ``2026 Q3 (July–September 2026)``; a dash, since a preposition would mutate.

        A month is told by its one name, a year by itself.
        """
        if period.frequency == "A":
            return period.label
        months = self.held.months[self.language]
        first, last = (months[day.month - 1] for day in (period.first_day, period.last_day))
        told = first if first == last else f"{first}–{last}"
        return f"{period.label} ({told} {period.year})"


def _filled(said: Sentences, language: Language, n: int | None, parts: Mapping[str, Any]) -> str:
    if isinstance(said, str):
        return said.format(**parts, n=n)
    assert n is not None, "a sentence with plural classes needs a count"
    # English says nothing of nought by its classes; a sentence of its own may.
    chosen: Plural = "zero" if n == 0 and "zero" in said else plural_of(language, n)
    return said[chosen].format(**parts, n=n)
