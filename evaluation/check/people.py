"""Words in notes that name a person or lead to one.

A note is kept for ever and printed beside figures of few people, so whatever looks like a name, a
telephone number or an identity number is questioned. Names of the programme's own places are not.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from evaluation.check.cells import Cells
from evaluation.check.parameters import parameters
from evaluation.check.problems import Problem
from evaluation.programme import Programme

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*\.?")
_LEADS = (
    ("an e-mail address", re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")),
    ("a National Insurance number", re.compile(r"\b[A-Z]{2} ?(?:[0-9]{2} ?){3}[A-D]\b")),
    ("a postcode", re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}\b")),
    ("a telephone number", re.compile(r"(?<![0-9])(?:\+44 ?|0)[1-9](?:[ -]?[0-9]){8,9}(?![0-9])")),
    ("a date of birth", re.compile(r"\b(?:dob|born)\b.{0,12}[0-9]", re.IGNORECASE)),
)
_TEN_DIGITS = re.compile(r"(?<![0-9])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9])")


def check_notes(cells: Cells, programme: Programme) -> list[Problem]:
    """Every note that seems to name a person, or to hold what leads to one."""
    if not any(cells.note):
        return []
    places = _places(programme)
    problems: list[Problem] = []
    for entry, note in enumerate(cells.note):
        if not note:
            continue
        if (name := name_in(note, places)) is not None:
            message = f"“{name}” looks like the name of a person."
            problems += cells.told("R055", entry, "note", message, value=note)
        elif (lead := lead_in(note)) is not None:
            message = f"The note seems to hold {lead}."
            problems += cells.told("R056", entry, "note", message, value=note)
    return problems


def name_in(note: str, places: frozenset[str] = frozenset()) -> str | None:
    """The first words that look like a person's name; ``places`` are words of known names."""
    declared = parameters().notes
    words = [(found[0], found.start()) for found in _WORD.finditer(note)]
    for (first, start), (second, end) in pairwise(words):
        if not second[:1].isupper() or second.casefold().rstrip(".") in places:
            continue
        plain = first.casefold().rstrip(".")
        known = plain in declared.first_names and first[:1].isupper() and plain not in places
        if (known or plain in declared.titles) and note[start:end].strip(" ") == first:
            return f"{first} {second.rstrip('.')}"
    return None


def lead_in(note: str) -> str | None:
    """What kind of number or address in the note leads to a person; None if there is none."""
    if any(_is_nhs_number(found[0]) for found in _TEN_DIGITS.finditer(note)):
        return "an NHS number"
    return next((what for what, pattern in _LEADS if pattern.search(note)), None)


def _is_nhs_number(text: str) -> bool:
    """Whether the last of ten digits is the check digit of the others."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    weighed = sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False))
    return 11 - weighed % 11 == (digits[9] or 11)


@lru_cache(maxsize=8)
def _places_of(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.casefold() for name in names for word in name.split())


def _places(programme: Programme) -> frozenset[str]:
    names = [site.name for site in programme.sites] + [source.name for source in programme.sources]
    names += [name for area in programme.areas for name in (area.name, area.authority)]
    return _places_of(tuple(names))
