"""The zip that a workbook is, and its parts: unpacked within bounds, plain XML, no macros."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Collection, Sequence
from typing import Any
from xml.parsers import expat

from evaluation.errors import ReturnFileError
from evaluation.returns.form import corners

# Far more parts than a workbook of a few sheets is made of.
MAX_MEMBERS = 1_000
MAX_UNPACKED = 100 * 2**20
# Deflate can reach about 1,000, which nothing but a bomb does.
MAX_RATIO = 200
# Below a megabyte the ratio harms nobody.
_RATIO_FROM = 2**20
_LOCAL_HEADER = 30
_SAVE = "open it in your spreadsheet program and save it again as Excel workbook (.xlsx)."
_ALONE = "send the Return and Guide sheets alone, without other content."


def unpack(content: bytes, name: str) -> dict[str, bytes]:
    """Member -> content of a zip from outside.

    Raises
    ------
    ReturnFileError : if it is no sound zip, is encrypted, or breaks a bound.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [one for one in archive.infolist() if not one.filename.endswith("/")]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError):
        raise damaged(name, "its list of contents cannot be read") from None
    _check_list(members, name)
    room = MAX_UNPACKED
    parts = {}
    for member in members:
        parts[member.filename] = _inflate(content, member, room, name)
        room -= len(parts[member.filename])
    return parts


def pack(parts: dict[str, bytes]) -> bytes:
    """The parts as a plain zip, for a parser."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for part, content in parts.items():
            # With the archive's fixed date, and stored: what the parser gets is only what was
            # looked at here.
            archive.writestr(zipfile.ZipInfo(part), content)
    return out.getvalue()


def damaged(name: str, how: str) -> ReturnFileError:
    """The error for a file that begins like a workbook and is none."""
    return ReturnFileError(
        f"the file is damaged or is no Excel workbook: {how}.", where=name, mend=_SAVE
    )


def too_much(name: str, what: str) -> ReturnFileError:
    """The error for a file that holds more than a return can."""
    return ReturnFileError(what, where=name, mend=_ALONE)


def _check_list(members: Sequence[zipfile.ZipInfo], name: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise too_much(
            name, f"the workbook is made of {len(members):,} parts; at most {MAX_MEMBERS:,} can be."
        )
    seen: set[str] = set()
    for member in members:
        # As it stands in the file: Python cuts a name at its first zero byte and turns separators.
        part = member.orig_filename
        if not member.filename:  # what stands before the first zero byte of the name
            raise damaged(name, "a part of it has no name")
        if part.startswith(("/", "\\")) or "\\" in part or ":" in part or ".." in part.split("/"):
            raise damaged(name, f'a part of it is called "{part[:80]}", which leads outside it')
        # Programs differ in which of two parts they read: what is checked must be what is opened.
        if "\0" in part or part.casefold() in seen:
            raise damaged(name, f'it holds two parts called "{part[:80]}"')
        seen.add(part.casefold())
        # Bits 0 and 6: encrypted, and strongly encrypted.
        if member.flag_bits & 0x41:
            raise protected(name)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise damaged(name, f"its part {part[:80]} is packed in a way that Excel never uses")
    _check_overlap(members, name)
    # The sizes that are declared; what really comes out is bounded in `_inflate`.
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED:
        raise too_much(
            name,
            f"the workbook unpacks to {total / 2**20:,.0f} MB; a return stays below"
            f" {MAX_UNPACKED // 2**20} MB.",
        )


def protected(name: str) -> ReturnFileError:
    """The error for a workbook behind a password."""
    return ReturnFileError(
        "the workbook is protected by a password, so nobody can read it here.",
        where=name,
        mend="save it without one (File, Info, Protect Workbook, Encrypt with Password: empty).",
    )


def _check_overlap(members: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Members that share bytes are how a file of kilobytes unpacks to petabytes."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise damaged(name, "parts of it lie upon each other")
        end = member.header_offset + _LOCAL_HEADER + member.compress_size


def _inflate(content: bytes, member: zipfile.ZipInfo, room: int, name: str) -> bytes:
    header = content[member.header_offset : member.header_offset + _LOCAL_HEADER]
    # The local header and not the directory alone: programs differ in which they trust.
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise damaged(name, f"its part {member.filename[:80]} is not where it should be")
    # Name and extra field, whose lengths stand at bytes 26 and 28 of the local header.
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = member.header_offset + _LOCAL_HEADER + lengths
    packed = content[start : start + member.compress_size]
    if member.file_size > _RATIO_FROM and member.file_size > MAX_RATIO * len(packed):
        raise too_much(
            name,
            f"{member.filename[:80]} unpacks to {member.file_size / 2**20:,.0f} MB, more than"
            f" {MAX_RATIO} times its size in the file.",
        )
    unpacked = packed
    if member.compress_type == zipfile.ZIP_DEFLATED:
        try:
            # -15 is raw deflate, as zip has it. One byte more than declared is enough to catch a
            # lie, and no more is unpacked.
            unpacked = zlib.decompressobj(-15).decompress(packed, min(room, member.file_size) + 1)
        except zlib.error:
            raise damaged(name, f"its part {member.filename[:80]} cannot be unpacked") from None
    if len(unpacked) != member.file_size or zlib.crc32(unpacked) != member.CRC:
        raise damaged(name, f"its part {member.filename[:80]} is not what its label says")
    return unpacked


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
# By text and not by parser: it is asked before any part is parsed.
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
    # Names and declared types: a macro under an innocent name is still declared as one.
    _check_acting([*(f"/{part}" for part in parts), types.decode("utf-8", "replace")], name)
    budget = _Part(name)
    for part, content in parts.items():
        if part.endswith(".rels"):
            _check_links(content.decode("utf-8", "replace"), name)
        if part.endswith((".xml", ".rels")) and part not in but:
            parse(content, part, budget)
        # Old drawings (VML) are often no sound XML, so they are searched for declarations and not
        # parsed; zero bytes are taken out for UTF-16.
        elif part.endswith(".vml") and b"<!" in content.replace(b"\0", b"").replace(b"<!--", b""):
            raise _declaration(name, part)


def _check_acting(places: list[str], name: str) -> None:
    everything = "\n".join(places).casefold()
    for sign, what, mend in _ACTING:
        if sign in everything:
            raise ReturnFileError(f"the workbook holds {what}.", where=name, mend=mend)


def _check_links(relations: str, name: str) -> None:
    for found in _EXTERNAL.finditer(relations):
        # A link that a person may click takes nothing in by itself.
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
        """Count an element that begins, and how deep it stands."""
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

    # Entities grow by doubling ("billion laughs") and read files: no document type, no entities.
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
