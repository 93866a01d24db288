"""The prose of a page: what is left when code, formulas, roles and addresses are taken out.

Everything taken out is replaced by blanks of the same length, so that a place in what is left is
the same place in the page and its line can be named.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

ROLE = re.compile(r"\{(claim|constant|measured)\}`([^`]*)`")
_NAMED = re.compile(r"^(?P<said>.*?)\s*<(?P<source>[^<>]*)>$", re.DOTALL)
_FENCE = re.compile(
    r"^(?P<ticks>`{3,}|~{3,}|:{3,})[^\n]*\n.*?^(?P=ticks)[^\n]*$", re.MULTILINE | re.DOTALL
)
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_COMMENT = re.compile(r"^%.*$", re.MULTILINE)
_COMMAND = re.compile(r"`((?:\w+=\S+ )*(?:\.venv/bin/)?(?:python -m|newstart|make|du) [^`]*)`")
_OUT = (
    re.compile(r"\$\$.*?\$\$", re.DOTALL),
    re.compile(r"\$[^$\n]+\$"),
    re.compile(r"``[^`]*``"),
    re.compile(r"`[^`\n]*`"),
    re.compile(r"(?<=\])\([^)\n]*\)"),
    re.compile(r"<[^<>\n]*>"),
    re.compile(r"&[#\w]+;"),
    re.compile(r"^\s*\d+\.(?= )", re.MULTILINE),
)
_TEMPLATE = (
    re.compile(r"\{#.*?#\}", re.DOTALL),
    re.compile(r"\{%.*?%\}", re.DOTALL),
    re.compile(r"\{\{.*?\}\}", re.DOTALL),
)
_TEMPLATE_FENCE = re.compile(r"^`{3,}.*$", re.MULTILINE)
_HELD = re.compile(r"^% figures held by (?P<by>\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Named:
    """A role in a page: its kind, what it prints, what stands behind it, where it begins."""

    kind: str
    said: str
    source: str
    place: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Prose:
    """A page as the guard reads it.

    name : how messages name it. template : whether it is one, so that what it prints from results
    is taken out.
    """

    name: str
    text: str
    template: bool = False

    def line(self, place: int) -> int:
        """The line of a place in the text, from 1."""
        return bisect_right(self._starts, place)

    @property
    def held_by(self) -> str:
        """The test that computes every figure of the page anew; empty where none is named."""
        found = _HELD.search(self.text)
        return found["by"] if found else ""

    @cached_property
    def roles(self) -> tuple[Named, ...]:
        """The claims, constants and recorded figures that the page names."""
        found = []
        for role in ROLE.finditer(_blank(self.text, _FENCE) if not self.template else self.text):
            named = _NAMED.match(role[2])
            said, source = (named["said"], named["source"]) if named else (role[2], "")
            found.append(Named(kind=role[1], said=said, source=source, place=role.start()))
        return tuple(found)

    @cached_property
    def plain(self) -> str:
        """The prose alone, place by place as in the text."""
        left = self.text
        first = (*_TEMPLATE, _TEMPLATE_FENCE) if self.template else (_FRONT, _FENCE)
        for pattern in (*first, _COMMENT, ROLE, *_OUT):
            left = _blank(left, pattern)
        return left

    @property
    def blocks(self) -> Iterator[tuple[int, int]]:
        """Where each paragraph, heading, list or table begins and ends."""
        for block in re.finditer(r"(?:^.*\S.*$\n?)+", self.text, re.MULTILINE):
            yield block.start(), block.end()

    def sentences(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where each sentence (up to a semicolon), row or item of a block begins and ends."""
        ends = re.compile(r"[.?!;](?=[\s|]|$)|\n(?=\s*(?:[-*|#]|\d+\.))|\n\s*\n")
        here = start
        for stop in ends.finditer(self.plain, start, end):
            yield here, stop.end()
            here = stop.end()
        if here < end:
            yield here, end

    def command(self, start: int, end: int) -> str:
        """The command that a block names as what printed its figures; empty where none is."""
        found = _COMMAND.search(self.text, start, end)
        return found[1] if found else ""

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(k + 1 for k, letter in enumerate(self.text) if letter == "\n")]


def _blank(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda found: re.sub(r"\S", " ", found[0]), text)
