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

MAX_MEMBERS = 1_000
MAX_UNPACKED = 100 * 2**20
MAX_RATIO = 200
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
        part = member.orig_filename
        if not member.filename:  # what stands before the first zero byte of the name
            raise damaged(name, "a part of it has no name")
        if part.startswith(("/", "\\")) or "\\" in part or ":" in part or ".." in part.split("/"):
            raise damaged(name, f'a part of it is called "{part[:80]}", which leads outside it')
        if "\0" in part or part.casefold() in seen:
            raise damaged(name, f'it holds two parts called "{part[:80]}"')
        seen.add(part.casefold())
        if member.flag_bits & 0x41:
            raise protected(name)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise damaged(name, f"its part {part[:80]} is packed in a way that Excel never uses")
    _check_overlap(members, name)
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
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise damaged(name, f"its part {member.filename[:80]} is not where it should be")
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
