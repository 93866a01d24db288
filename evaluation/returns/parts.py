"""The parts of a workbook: plain XML without declarations that expand, and nothing that acts.

A return holds values. Macros, embedded objects, controls and links to other files are refused by
name, so that nobody opens them here or, in the reply, over there.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from xml.parsers import expat

from evaluation.errors import ReturnFileError
from evaluation.returns.addresses import corners
from evaluation.returns.archive import damaged, too_much

MAX_ELEMENTS = 1_000_000
MAX_DEPTH = 64
MAX_RECTANGLE = 1_500_000
"""Cells between A1 and the last one, filled or not."""
Attributes = dict[str, str]

# Where a part lies or what it is declared as -> what it is, and how an officer gets rid of it.
_ACTING: tuple[tuple[str, str, str], ...] = (
    ("vbaproject", "macros", "save it as Excel workbook (.xlsx), which holds none."),
    ("macroenabled", "macros", "save it as Excel workbook (.xlsx), which holds none."),
    ("macrosheet", "macros of the old kind", "delete the macro sheet and save it again."),
    ("activex", "ActiveX controls", "delete the buttons and boxes on its sheets."),
    ("ctrlprops", "form controls", "delete the buttons and boxes on its sheets."),
    ("oleobject", "embedded objects", "delete the objects on its sheets."),
    ("/embeddings/", "embedded files", "delete the embedded files on its sheets."),
    ("externallink", "links to other workbooks", "break them (Data, Edit Links, Break Link)."),
    ("/connections.", "connections to other data", "delete them (Data, Queries & Connections)."),
)
_EXTERNAL = re.compile(r'<[^<>]*TargetMode\s*=\s*["\']External["\'][^<>]*>', re.IGNORECASE)


def check_parts(parts: dict[str, bytes], name: str, *, but: Collection[str] = ()) -> None:
    """Refuse parts that act, reach outside, or are XML that a parser should not be given.

    Parts in ``but`` (the sheets) are left to their own scan, which holds the same bounds.

    Raises
    ------
    ReturnFileError : naming the part.
    """
    types = parts.get("[Content_Types].xml")
    if types is None:
        raise damaged(name, "its list of contents is missing")
    _check_acting([*(f"/{part}" for part in parts), types.decode("utf-8", "replace")], name)
    budget = _Part(name)
    for part, content in parts.items():
        if part.endswith(".rels"):
            _check_links(content.decode("utf-8", "replace"), name)
        if part.endswith((".xml", ".rels")) and part not in but:
            parse(content, part, budget)
        elif part.endswith(".vml") and b"<!" in content.replace(b"\0", b"").replace(b"<!--", b""):
            raise _declaration(name, part)


def _check_acting(places: list[str], name: str) -> None:
    everything = "\n".join(places).casefold()
    for sign, what, mend in _ACTING:
        if sign in everything:
            raise ReturnFileError(f"the workbook holds {what}.", where=name, mend=mend)


def _check_links(relations: str, name: str) -> None:
    for found in _EXTERNAL.finditer(relations):
        if "/hyperlink" not in found[0]:
            raise ReturnFileError(
                "the workbook takes something from another file or address.",
                where=name,
                mend="break the links (Data, Edit Links, Break Link) and save it again.",
            )


class Budget:
    """How many elements the parts of one workbook may still have, and how deep they may nest."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.elements = self.depth = 0
        self.parser = expat.ParserCreate()

    def start(self, tag: str, attributes: Attributes) -> None:  # noqa: ARG002 - fixed by expat
        self.elements += 1
        self.depth += 1
        if self.depth > MAX_DEPTH or self.elements > MAX_ELEMENTS:
            self.spent()

    def end(self, tag: str) -> None:  # noqa: ARG002 - fixed by expat
        self.depth -= 1

    def text(self, text: str) -> None:
        """Told the text of elements while the reader listens."""

    def listen(self, on: bool) -> None:
        """Ask for text, or no more: most of it is of no interest, and each piece costs time."""
        self.parser.CharacterDataHandler = self.text if on else None

    def spent(self) -> None:
        """Say which bound is broken.

        Raises
        ------
        ReturnFileError : always.
        """
        if self.depth > MAX_DEPTH:
            raise too_much(self.name, "the workbook is nested more deeply than Excel ever does.")
        raise ReturnFileError(
            f"the workbook holds more than {MAX_ELEMENTS:,} cells and other entries.",
            where=self.name,
            mend="send the Return and Guide sheets alone; a very long return is sent as CSV.",
        )


class _Part(Budget):
    """Any part but a sheet; a table's range is checked, because a program makes cells for it."""

    def start(self, tag: str, attributes: Attributes) -> None:
        super().start(tag, attributes)
        if tag.endswith("table"):
            found = corners(attributes.get("ref", "A1"))
            if found is None or found[2] * (found[3] + 1) > MAX_RECTANGLE:
                raise too_much(
                    self.name,
                    f"a table reaches over {attributes['ref'][:20]}, far outside a return.",
                )


def parse(content: bytes, part: str, reader: Budget) -> None:
    """Read a part as XML; ``reader`` is told each element, and its text while it listens.

    Raises
    ------
    ReturnFileError : if it is no sound XML, declares a document type, or breaks a bound.
    """
    reader.parser = parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end

    def declared(*_: Any) -> None:
        raise _declaration(reader.name, part)

    parser.StartDoctypeDeclHandler = declared
    parser.EntityDeclHandler = declared
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, UnicodeDecodeError, ValueError, LookupError):
        raise damaged(reader.name, f"its part {part[:80]} cannot be read") from None


def _declaration(name: str, part: str) -> ReturnFileError:
    return ReturnFileError(
        f"{part[:80]} holds a document type declaration, which Excel never writes.",
        where=name,
        mend="open it in your spreadsheet program and save it as Excel workbook (.xlsx).",
    )
