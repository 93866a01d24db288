"""What is looked at before a parser sees a file from outside: what it is, how large, what is in it.

Everything here ends in a sentence that says what was found, where, and how to mend it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from evaluation.errors import ReturnFileError
from evaluation.returns import archive, sheets
from evaluation.returns.archive import check_parts

MAX_FILE = 20 * 2**20
MAX_LINE = 100_000
# The container of old Office files, and of encrypted new ones.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE = "open it in your spreadsheet program and save it as Excel workbook (.xlsx)."
# Tab, line feed and carriage return are left out.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_ENDLESS = re.compile(rf"^[^\r\n]{{{MAX_LINE + 1}}}", re.MULTILINE)  # from line starts: linear

_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"{\\rtf", "a Word text (RTF)"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"BM", "a picture (BMP)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"7z\xbc\xaf", "a compressed file (7-Zip)"),
    (b"Rar!", "a compressed file (RAR)"),
    (b"SQLite format 3\0", "a database (SQLite)"),
    (b"PAR1", "a Parquet file"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)
_OTHER_OFFICE: tuple[tuple[str, str], ...] = (
    ("word/document.xml", "a Word document"),
    ("ppt/presentation.xml", "a PowerPoint presentation"),
    ("content.xml", "an OpenDocument file"),
    ("xl/workbook.bin", "a binary workbook (.xlsb)"),
)
_SUFFIXES = {
    ".xlsm": "a workbook with macros",
    ".xlsb": "a binary workbook",
    ".xls": "a workbook of the old kind",
    ".ods": "an OpenDocument spreadsheet",
}


class Passed(NamedTuple):
    """A workbook that passed: what its sheets hold, and the same parts packed for a parser."""

    sheets: tuple[sheets.Sheet, ...]
    content: bytes


def check_size(size: int, name: str) -> None:
    """Refuse a file larger than a return can be.

    Raises
    ------
    ReturnFileError : if ``size``, in bytes, is over the bound, or the file is empty.
    """
    if size > MAX_FILE:
        raise ReturnFileError(
            f"the file is {size / 2**20:,.0f} MB; a return is at most {MAX_FILE // 2**20} MB.",
            where=name,
            mend="send the Return sheet alone, without pictures or other sheets.",
        )
    if size == 0:
        raise ReturnFileError("the file is empty.", where=name, mend="save it again and re-send.")


def wrong_suffix(suffix: str, name: str) -> ReturnFileError:
    """The error for a file whose name is neither a workbook's nor a CSV's."""
    known = _SUFFIXES.get(suffix.lower())
    what = f"this one is {known} ({suffix})" if known else f"this one ends in {suffix!r}"
    return ReturnFileError(
        f"a return is an Excel workbook or a CSV file; {what}.",
        where=name,
        mend="save it as Excel workbook (.xlsx) or CSV UTF-8 (.csv).",
    )


def pass_workbook(content: bytes, name: str) -> Passed:
    """Pass a workbook through the gate.

    Raises
    ------
    ReturnFileError : if the file is no sound xlsx, breaks a bound, or holds what a return never
        does: macros, links to other files, embedded objects, document type declarations.
    """
    # By content and not by name: systems export web pages as .xls or .xlsx.
    if not content.startswith(b"PK"):
        raise _no_zip(content, name)
    parts = archive.unpack(content, name)
    if "xl/workbook.xml" not in parts:
        raise _no_workbook(parts, name)
    listed = sheets.listed(parts, name)
    check_parts(parts, name, but=[sheet.part for sheet in listed])
    # The parser is given the parts that were checked, not the file: two readers of one zip can see
    # different ones.
    return Passed(sheets.scan(parts, listed, name), archive.pack(parts))


def pass_text(content: bytes, name: str) -> str:
    """Pass a CSV through the gate: its text, line breaks as they came.

    Raises
    ------
    ReturnFileError : if it is no UTF-8 text, or has a line longer than a row of a return can be.
    """
    kind = _kind(content) or ("an Excel workbook" if content.startswith(b"PK\x03\x04") else "")
    if kind:
        mend = "save it as CSV UTF-8, or give it the ending .xlsx if it is a workbook."
        raise ReturnFileError(f"this is {kind}, not a CSV.", where=name, mend=mend)
    utf8 = "save it as CSV UTF-8 (in Excel: Save as, CSV UTF-8)."
    # UTF-16 of plain letters has a zero in every second byte, also without a byte-order mark.
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        what = "the file is Unicode text of two bytes a character (UTF-16), not UTF-8."
        raise ReturnFileError(what, where=name, mend=utf8)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        what = f"line {line} holds characters that are not UTF-8."
        raise ReturnFileError(what, where=name, mend=utf8) from None
    _check_lines(text, name)
    return text


def _check_lines(text: str, name: str) -> None:
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise ReturnFileError(
            f"line {line} holds an invisible control character (number {ord(found[0])}).",
            where=name,
            mend="delete it there, or export the figures again as CSV UTF-8.",
        )
    found = _ENDLESS.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise ReturnFileError(
            f"line {line} is longer than {MAX_LINE:,} characters; a row of a return is short.",
            where=name,
            mend="check the export: each row of figures stands on a line of its own.",
        )


def _kind(content: bytes) -> str:
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table")):
        return "a web page (HTML)"
    # Two letters may begin a heading as well (BM_area, MZone): a picture or a program has zero
    # bytes in its header, and no text has.
    binary = b"\0" in content[:64]
    return next(
        (
            what
            for magic, what in _KINDS
            if content.startswith(magic) and (binary or len(magic) > 2 or not magic.isalpha())
        ),
        "",
    )


def _no_zip(content: bytes, name: str) -> ReturnFileError:
    if content.startswith(_OLE):
        # Names in this container are UTF-16.
        if "EncryptedPackage".encode("utf-16-le") in content:
            return archive.protected(name)
        return ReturnFileError(
            "this is a workbook of the old kind (.xls), whatever its name says.",
            where=name,
            mend="open it in Excel and save it as Excel workbook (.xlsx).",
        )
    kind = _kind(content)
    if kind:
        return ReturnFileError(
            f"this is {kind}, not an Excel workbook, whatever its name says.",
            where=name,
            mend="send the workbook itself; if the system exported this, " + _SAVE,
        )
    return archive.damaged(name, "it does not begin like one")


def _no_workbook(parts: dict[str, bytes], name: str) -> ReturnFileError:
    kind = next((what for part, what in _OTHER_OFFICE if part in parts), "")
    if kind:
        what = f"this is {kind}, not an Excel workbook (.xlsx)."
        return ReturnFileError(what, where=name, mend=_SAVE)
    return archive.damaged(name, "it is a zip that holds no workbook")
