"""Taking a workbook apart and putting it together in ways that no spreadsheet program would."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from pathlib import Path

import openpyxl

from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures
from evaluation.returns.template import saved, write_template

SHEET = "xl/worksheets/sheet1.xml"
BOOK = "xl/workbook.xml"
TYPES = "[Content_Types].xml"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def honest_workbook(programme: Programme, last: Figures, path: Path) -> bytes:
    """S01's NHS return of the tiny programme, filled in without a fault; ``path`` is written."""
    quarter = Period.parse("2026 Q3")
    write_template(programme, "S01", "nhs", quarter, path, last_accepted=last)
    book = openpyxl.load_workbook(path)
    for cell, value in {"E2": 215, "E3": 251, "E4": 24, "E5": 33}.items():
        book["Return"][cell] = value
    content = as_excel_writes(saved(book))
    path.write_bytes(content)
    return content


def parts_of(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in parts.items():
            member = zipfile.ZipInfo(name)  # of no hour: the same parts make the same bytes
            member.compress_type = method
            archive.writestr(member, content)
    return out.getvalue()


def as_excel_writes(book: bytes) -> bytes:
    """The workbook with its texts in a part of their own, where Excel keeps them."""
    parts = parts_of(book)
    texts: list[bytes] = []

    def shared(cell: re.Match[bytes]) -> bytes:
        texts.append(cell[2])
        return cell[1] + b't="s"><v>%d</v></c>' % (len(texts) - 1)

    inline = re.compile(rb'(<c [^>]*)t="inlineStr"><is><t>([^<]*)</t></is></c>')
    for part in [part for part in parts if part.startswith("xl/worksheets/sheet")]:
        parts[part] = inline.sub(shared, parts[part])
    held = b"".join(b"<si><t>" + text + b"</t></si>" for text in texts)
    parts["xl/sharedStrings.xml"] = f"{HEAD}<sst {MAIN}>".encode() + held + b"</sst>"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    entry = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode()
    parts[TYPES] = parts[TYPES].replace(b"</Types>", entry)
    link = f'<Relationship Id="rId77" Type="{LINK}/sharedStrings" Target="sharedStrings.xml"/>'
    relations = "xl/_rels/workbook.xml.rels"
    end = b"</Relationships>"
    parts[relations] = parts[relations].replace(end, link.encode() + end)
    return packed(parts)


def changed(book: bytes, part: str, before: str, after: str) -> bytes:
    """The workbook with the first ``before`` in a part replaced."""
    parts = parts_of(book)
    text = parts[part].decode()
    assert before in text, f"{before} is not in {part}"
    return packed(parts | {part: text.replace(before, after, 1).encode()})


def with_parts(book: bytes, **more: bytes) -> bytes:
    """The workbook with parts added; a name's ``__`` stands for a slash, ``_dot_`` for a dot."""
    named = {n.replace("__", "/").replace("_dot_", "."): c for n, c in more.items()}
    return packed(parts_of(book) | named)


def declared(book: bytes, entry: str) -> bytes:
    """The workbook with one more entry in its list of content types."""
    return changed(book, TYPES, "</Types>", f"{entry}</Types>")


def sheet_of(rows: str, *, after: str = "", before: str = "") -> bytes:
    return (
        f"{HEAD}<worksheet {MAIN}>{before}<sheetData>{rows}</sheetData>{after}</worksheet>".encode()
    )


def with_sheet(book: bytes, sheet: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    return packed(parts_of(book) | {SHEET: sheet}, method)


def lying(book: bytes, part: str, content: bytes, *, says: bytes) -> bytes:
    """The workbook with ``content`` in a part whose headers give size and sum of ``says``."""
    parts = parts_of(book)
    parts.pop(part, None)
    marker = b"\x00the part\x00"
    whole = packed(parts | {part: marker}, zipfile.ZIP_STORED)
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    press_out = press.compress(content) + press.flush()
    offset = whole.index(marker)
    start = whole.rindex(b"PK\x03\x04", 0, offset)
    header = struct.pack(
        "<4s5H3I2H",
        b"PK\x03\x04",
        20,
        0,
        8,
        0,
        0x21,
        zlib.crc32(says),
        len(press_out),
        len(says),
        len(part),
        0,
    )
    end = offset + len(marker)
    body = whole[:start] + header + part.encode() + press_out
    grown = len(body) - end
    directory = bytearray(whole[end:])
    at = directory.rindex(b"PK\x01\x02")
    struct.pack_into("<H", directory, at + 10, 8)
    struct.pack_into("<3I", directory, at + 16, zlib.crc32(says), len(press_out), len(says))
    tail = directory.rindex(b"PK\x05\x06")
    (before,) = struct.unpack_from("<I", directory, tail + 16)
    struct.pack_into("<I", directory, tail + 16, before + grown)
    return body + bytes(directory)


def flagged(book: bytes) -> bytes:
    """The workbook with the mark of an encrypted member on each of its members."""
    out = bytearray(book)
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = out.find(magic)
        while at >= 0:
            out[at + place] |= 1
            at = out.find(magic, at + 4)
    return bytes(out)


def renamed(book: bytes, part: str, other: str) -> bytes:
    """The workbook with a part under another name of the same length, in both of its lists."""
    assert len(part) == len(other)
    assert part.encode() in book
    return book.replace(part.encode(), other.encode())


def overlapping(book: bytes, copies: int) -> bytes:
    """The workbook with many names in its list for one and the same member."""
    out = io.BytesIO(book)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/kernel.xml", b"a" * 2**20)
        kernel = archive.infolist()[-1]
        for number in range(copies):
            synthetic_unit = zipfile.ZipInfo(f"xl/media/{number:06}.xml")
            synthetic_unit.header_offset, synthetic_unit.compress_size = (
                kernel.header_offset,
                kernel.compress_size,
            )
            synthetic_unit.file_size, synthetic_unit.CRC = kernel.file_size, kernel.CRC
            synthetic_unit.compress_type = kernel.compress_type
            archive.filelist.append(synthetic_unit)
            archive.NameToInfo[synthetic_unit.filename] = synthetic_unit
        archive._didModify = True  # type: ignore[attr-defined]
    return out.getvalue()
