"""The text of a PDF: what its pages show, and what its information says.

For PDFs that this framework makes or prints (typst, Chromium): streams are plain or deflated, text
is drawn in fonts that say which character each glyph stands for.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_OBJECT = re.compile(rb"(?:^|\s)(\d+)\s+0\s+obj\b(.*?)\bendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)\r?\nendstream", re.DOTALL)
_FONTS = re.compile(rb"/Font\s*(?:<<(?P<here>.*?)>>|(?P<there>\d+)\s+0\s+R)", re.DOTALL)
_NAMED = re.compile(rb"/([\w.+-]+)\s+(\d+)\s+0\s+R")
_UNICODE = re.compile(rb"/ToUnicode\s+(\d+)\s+0\s+R")
_SINGLE = re.compile(rb"beginbfchar(.*?)endbfchar", re.DOTALL)
_SPAN = re.compile(rb"beginbfrange(.*?)endbfrange", re.DOTALL)
_PAIR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f\s]+)>")
_TRIPLE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(<[0-9A-Fa-f]+>|\[.*?\])", re.DOTALL)
_SAID = re.compile(
    rb"/(?P<font>[\w.+-]+)\s+[\d.]+\s+Tf|\((?P<text>(?:\\.|[^\\()])*)\)|<(?P<hex>[0-9A-Fa-f\s]+)>(?!>)"
    rb"|(?P<end>\bET\b|\bT[dDm*]\b)",
    re.DOTALL,
)
_ESCAPED = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_INFORMATION = re.compile(
    rb"/(?:Title|Author|Subject|Keywords|Creator|Producer|Alt|ActualText|Contents)\s*"
    rb"(?:\(((?:\\.|[^\\()])*)\)|<([0-9A-Fa-f\s]+)>)",
    re.DOTALL,
)
GLYPHS = 2
"""Bytes of a glyph's number in the fonts that typst and Chromium embed."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A piece of text of a PDF and where it stands: on its pages, or in its information."""

    place: str
    text: str


def texts(content: bytes) -> Iterator[Said]:
    """Every text of a PDF, in the order in which the file holds it."""
    held = {int(number): body for number, body in _OBJECT.findall(content)}
    streams = {number: _inflated(body) for number, body in held.items() if b"stream" in body}
    letters = _letters_by_font(held, streams)
    for number, body in held.items():
        stream = streams.get(number, b"")
        if b"BT" in stream and b"Tf" in stream and b"/FontFile" not in body:
            yield Said(place="pages", text=_shown(stream, letters))
        elif b"/Metadata" in body:
            yield Said(place="metadata", text=stream.decode("utf-8", "replace"))
        yield from _information(_STREAM.sub(b"", body))
    for trailer in re.findall(rb"%[^\n]*", _OBJECT.sub(b" ", content)):
        yield Said(place="comment", text=trailer.decode("latin-1"))


def _inflated(body: bytes) -> bytes:
    found = _STREAM.search(body)
    if found is None:
        return b""
    if b"FlateDecode" not in body[: found.start()]:
        return found[1]
    return zlib.decompressobj().decompress(found[1])


def _information(body: bytes) -> Iterator[Said]:
    for literal, digits in _INFORMATION.findall(body):
        raw = _unescaped(literal) if literal else bytes.fromhex(digits.decode())
        wide = raw.startswith(b"\xfe\xff")
        yield Said(place="information", text=raw.decode("utf-16" if wide else "latin-1", "replace"))


def _letters_by_font(
    held: Mapping[int, bytes], streams: Mapping[int, bytes]
) -> dict[bytes, dict[int, str]]:
    """Font as pages name it -> glyph -> the characters that it stands for."""
    found: dict[bytes, dict[int, str]] = {}
    for body in held.values():
        for fonts in _FONTS.finditer(body):
            named = fonts["here"] or held.get(int(fonts["there"] or 0), b"")
            for name, number in _NAMED.findall(named):
                unicode = _UNICODE.search(held.get(int(number), b""))
                if unicode:
                    found.setdefault(name, {}).update(_letters(streams[int(unicode[1])]))
    return found


def _letters(table: bytes) -> dict[int, str]:
    found = {
        int(glyph, 16): _characters(said)
        for part in _SINGLE.findall(table)
        for glyph, said in _PAIR.findall(part)
    }
    for part in _SPAN.findall(table):
        for first, last, said in _TRIPLE.findall(part):
            each = re.findall(rb"<([0-9A-Fa-f]+)>", said)
            for step in range(int(last, 16) - int(first, 16) + 1):
                one = each[step] if said.startswith(b"[") else each[0]
                text = _characters(one)
                if not said.startswith(b"[") and text:
                    text = text[:-1] + chr(ord(text[-1]) + step)
                found[int(first, 16) + step] = text
    return found


def _characters(digits: bytes) -> str:
    return bytes.fromhex(digits.decode()).decode("utf-16-be", "replace")


def _shown(stream: bytes, letters: Mapping[bytes, Mapping[int, str]]) -> str:
    known: Mapping[int, str] = {}
    said: list[str] = []
    for found in _SAID.finditer(stream):
        if found["font"] is not None:
            known = letters.get(found["font"], {})
        elif found["end"] is not None:
            said.append(" ")
        else:
            drawn = found["text"]
            raw = bytes.fromhex(found["hex"].decode()) if drawn is None else _unescaped(drawn)
            said.append(_read(raw, known))
    return "".join(said)


def _read(raw: bytes, known: Mapping[int, str]) -> str:
    if not known:
        return raw.decode("latin-1")
    glyphs = (raw[k : k + GLYPHS] for k in range(0, len(raw), GLYPHS))
    return "".join(known.get(int.from_bytes(one, "big"), "\ufffd") for one in glyphs)


def _unescaped(literal: bytes) -> bytes:
    def letter(found: re.Match[bytes]) -> bytes:
        said = found[1]
        if said[:1].isdigit():
            return bytes([int(said, 8) & 0xFF])
        return b"" if said in (b"\n", b"\r\n", b"\r") else _LETTERS.get(said, said)

    return _ESCAPED.sub(letter, literal)
