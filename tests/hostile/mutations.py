"""Mutated workbooks: an honest one damaged at random, the same way for the same number.

A third are damaged in the bytes of the file, as by a bad disk; the others in the XML of a part that
is packed again as if nothing had happened, as by a program with a fault or by somebody who tries.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tests.hostile.packages import SHEET, packed, parts_of

_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_TAG = re.compile(r"<[^<>]+>")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_VALUES = (
    "",
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "1e308",
    "nan",
    "inf",
    "0x10",
    "A1",
    "XFD1048576",
    "A1:XFD1048576",
    "B2:A1",
    "a1",
    "1A",
    "$A$1",
    "true",
    "s",
    "str",
    "inlineStr",
    "e",
    "b",
    "d",
    "rId1",
    "rId99",
    "../../x.xml",
    "/xl/workbook.xml",
    "worksheets/sheet2.xml",
    "é",
    "\U0001f600",
    "&#0;",
    "&#65;",
    "&amp;",
    "&none;",
    "hidden",
    "veryHidden",
    "x" * 5000,
    " ",
    "%s%n",
    "[c]",
)
_OFTEN = (SHEET, SHEET, SHEET, "xl/sharedStrings.xml", "xl/worksheets/sheet2.xml", "xl/styles.xml")
_PIECES = (
    "<a/>",
    "<a>",
    "</a>",
    "<!-- -->",
    "<![CDATA[<c/>]]>",
    "<?x y?>",
    "<!DOCTYPE a>",
    "\0",
    '<c r="AZ99999"><v>1</v></c>',
    '<row r="5"/>',
    "<f>1</f>",
    '<f t="shared" si="7"/>',
    "<v>9</v>",
    '<mergeCell ref="A1:C3"/>',
    '<cols><col min="5" max="1"/></cols>',
    "<is><t>x</t></is>",
    '<hyperlink ref="A1:B2"/>',
    '<dimension ref="A1:ZZZ9"/>',
    "<extLst/>",
    '<xf numFmtId="14"/>',
)


def mutated(book: bytes, number: int) -> bytes:
    """The workbook with one to four faults; the same for the same number."""
    chance = random.Random(number)
    if number % 3 == 0:
        content = book
        for _ in range(chance.randint(1, 4)):
            content = chance.choice(_BYTES)(content, chance)
        return content
    parts = parts_of(book)
    for _ in range(chance.randint(1, 4)):
        part = chance.choice([*sorted(parts), *_OFTEN * 2])
        text = parts[part].decode("utf-8", "surrogateescape")
        changed = chance.choice(_TEXTS)(text, chance)
        parts[part] = changed.encode("utf-8", "surrogateescape")
    return packed(parts)


def _flip(content: bytes, chance: random.Random) -> bytes:
    out = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        out[chance.randrange(len(out))] = chance.randrange(256)
    return bytes(out)


def _cut(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randint(1, 64) :]


def _twice(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[: start + chance.randint(1, 256)] + content[start:]


def _truncate(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randint(len(content) // 2, len(content))]


def _insert(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + chance.randbytes(chance.randint(1, 16)) + content[start:]


def _place(pattern: re.Pattern[str], text: str, chance: random.Random) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return chance.choice(found) if found else None


def _value(text: str, chance: random.Random) -> str:
    at = _place(_ATTRIBUTE, text, chance)
    return text if at is None else text[: at.start(2)] + chance.choice(_VALUES) + text[at.end(2) :]


def _number(text: str, chance: random.Random) -> str:
    at = _place(_NUMBER, text, chance)
    return text if at is None else text[: at.start()] + chance.choice(_VALUES) + text[at.end() :]


def _content(text: str, chance: random.Random) -> str:
    at = _place(re.compile(r">([^<>]+)<"), text, chance)
    return text if at is None else text[: at.start(1)] + chance.choice(_VALUES) + text[at.end(1) :]


def _no_attribute(text: str, chance: random.Random) -> str:
    at = _place(_ATTRIBUTE, text, chance)
    return text if at is None else text[: at.start()] + text[at.end() :]


def _no_tag(text: str, chance: random.Random) -> str:
    at = _place(_TAG, text, chance)
    return text if at is None else text[: at.start()] + text[at.end() :]


def _no_element(text: str, chance: random.Random) -> str:
    at = _place(re.compile(r"<(\w+)[^<>]*(?:/>|>[^<>]*</\1>)"), text, chance)
    return text if at is None else text[: at.start()] + text[at.end() :]


def _element_twice(text: str, chance: random.Random) -> str:
    at = _place(re.compile(r"<(\w+)[^<>]*(?:/>|>[^<>]*</\1>)"), text, chance)
    return (
        text if at is None else text[: at.end()] + at[0] * chance.randint(1, 50) + text[at.end() :]
    )


def _piece(text: str, chance: random.Random) -> str:
    at = _place(_TAG, text, chance)
    return text if at is None else text[: at.end()] + chance.choice(_PIECES) + text[at.end() :]


def _sign(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice("<>&\"'/=x0 ") + text[at + 1 :]


def _nothing(text: str, chance: random.Random) -> str:
    return text[: chance.randint(0, len(text))] if chance.random() < 0.2 else text


_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _cut,
    _twice,
    _truncate,
    _insert,
)
_TEXTS: tuple[Callable[[str, random.Random], str], ...] = (
    _value,
    _value,
    _content,
    _content,
    _content,
    _content,
    _number,
    _no_attribute,
    _no_tag,
    _no_element,
    _element_twice,
    _piece,
    _sign,
    _nothing,
)
