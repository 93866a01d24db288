"""Two records compared: words to the letter, numbers to `RELATIVE`; what differs, fact by fact."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from tests.golden.plain import Record

RELATIVE, ABSOLUTE = 1e-12, 1e-15
"""How far numbers may lie apart; absolutely, for what is nought but for rounding."""
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")
_BEFORE, _AFTER = 70, 110


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One line that differs; ``before`` or ``after`` is None where the line is not there."""

    where: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        start = _parting(self.before or "", self.after or "")
        shown = [(sign, line) for sign, line in (("-", self.before), ("+", self.after)) if line]
        return "\n".join([self.where, *(f"  {sign} {_cut(line, start)}" for sign, line in shown)])


def differences(before: Mapping[str, Record], after: Mapping[str, Record]) -> list[Difference]:
    """What differs between two records, in the order of their parts and sections."""
    return [
        one
        for part in dict.fromkeys([*before, *after])
        for one in _of_part(part, before.get(part, {}), after.get(part, {}))
    ]


def same(before: str, after: str) -> bool:
    """Whether two lines say the same, their numbers as near as is asked for."""
    if before == after:
        return True
    if _NUMBER.split(before) != _NUMBER.split(after):
        return False
    pairs = zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
    return all(
        math.isclose(float(a), float(b), rel_tol=RELATIVE, abs_tol=ABSOLUTE) for a, b in pairs
    )


def _of_part(part: str, before: Record, after: Record) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        where = f"{part}: {name}"
        if name not in after or name not in before:
            held = name in before
            said = f"the section of {len((before if held else after)[name])} lines"
            yield Difference(
                where=where, before=said if held else None, after=None if held else said
            )
        else:
            yield from _of_section(where, before[name], after[name])


def _of_section(where: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Difference]:
    if len(before) == len(after):
        known = {a: b for a, b in zip(before, after, strict=True) if same(a, b)}
        before = [known.get(line, line) for line in before]
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    for what, *(a, b, c, d) in matcher.get_opcodes():
        if what != "equal":
            for old, new in zip_longest(before[a:b], after[c:d]):
                yield Difference(where=where, before=old, after=new)


def _parting(before: str, after: str) -> int:
    pairs = enumerate(zip(before, after, strict=False))
    return next((place for place, (a, b) in pairs if a != b), 0)


def _cut(line: str, place: int) -> str:
    start, end = max(0, place - _BEFORE), place + _AFTER
    return f"{'...' if start else ''}{line[start:end]}{'...' if end < len(line) else ''}"
