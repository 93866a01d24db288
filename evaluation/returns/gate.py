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
    ".zip": "a compressed folder, which may hold it",
    ".pdf": "a PDF",
    ".docx": "a Word document",
    ".doc": "a Word document",
    ".msg": "a message, to which it may be attached",
    ".eml": "a message, to which it may be attached",
    ".numbers": "a spreadsheet of Apple's Numbers",
    ".gsheet": "a link to a sheet on the web",
    ".url": "a link",
    ".lnk": "a link",
}


# What rights management puts into that container where a sensitivity label encrypts a file.
_LABEL_SIGNS = ("DRMEncrypted", "DRMContent", "DRMTransform")


# What a label appends to, or puts before, the ending of a file that it has encrypted.
_LABELLED = frozenset({".pfile", ".pcsv", ".ptxt"})


_BESIDE = {
    "~$": "lock file that Excel keeps while a workbook is open",
    ".~lock.": "lock file that LibreOffice keeps while a workbook is open",
    "._": "side file that a Mac writes beside each file",
}


class Text(NamedTuple):
    """A text file that passed, and how its letters are kept."""

    text: str
    encoding: str


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


def check_name(name: str) -> None:
    """Refuse the files that programs keep beside a workbook: locks, and a Mac's side files.

    Raises
    ------
    ReturnFileError : if that is what the name says.
    """
    for start, program in _BESIDE.items():
        if name.startswith(start):
            own = name.removeprefix(start).removesuffix("#")
            raise ReturnFileError(
                f"this is the {program}, not the workbook.",
                where=name,
                mend=f"close the workbook, and send {own} instead.",
            )


def wrong_suffix(suffix: str, name: str) -> ReturnFileError:
    """The error for a file whose name is neither a workbook's nor a CSV's."""
    if suffix.lower() in _LABELLED:
        return _labelled(name)
    known = _SUFFIXES.get(suffix.lower())
    what = f"this one is {known} ({suffix})" if known else f"this one ends in {suffix!r}"
    return ReturnFileError(
        f"a return is an Excel workbook or a CSV file; {what}.",
        where=name,
        mend="save it as Excel workbook (.xlsx) or CSV UTF-8 (.csv).",
    )


def is_container(content: bytes) -> bool:
    """Whether a file is a zip, as workbooks are, or the container of old and of encrypted ones."""
    return content.startswith((b"PK\x03\x04", _OLE))


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


def pass_text(content: bytes, name: str) -> Text:
    """Pass a CSV through the gate: its text, line breaks as they came.

    UTF-8, or UTF-16 as Excel's "Unicode Text" is kept.

    Raises
    ------
    ReturnFileError : if it is neither, or has a line longer than a row of a return can be.
    """
    if kind := _kind(content):
        mend = "save it as CSV UTF-8, or give it the ending .xlsx if it is a workbook."
        raise ReturnFileError(f"this is {kind}, not a CSV.", where=name, mend=mend)
    decoded = _decoded(content, name)
    _check_lines(decoded.text, name)
    return decoded


def _decoded(content: bytes, name: str) -> Text:
    utf8 = "save it as CSV UTF-8 (in Excel: Save as, CSV UTF-8)."
    wide = _utf16(content)
    try:
        if wide:
            return Text(content.decode(wide), "UTF-16")
        return Text(content.decode("utf-8-sig"), "UTF-8")
    except UnicodeDecodeError as error:
        if wide:
            what = "the file is Unicode text of two bytes a character (UTF-16), and is damaged."
            raise ReturnFileError(what, where=name, mend=utf8) from None
        line = content[: error.start].count(b"\n") + 1
        what = f"line {line} holds characters that are not UTF-8."
        raise ReturnFileError(what, where=name, mend=utf8) from None


def _utf16(content: bytes) -> str:
    """The kind of UTF-16, empty where it is none."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Without a byte-order mark, plain letters have a zero in every second byte.
    if b"\0" in content[:4]:
        return "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    return ""


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
        if any(_within_container(sign, content) for sign in _LABEL_SIGNS):
            return _labelled(name)
        if _within_container("EncryptedPackage", content):
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


def _within_container(sign: str, content: bytes) -> bool:
    return sign.encode("utf-16-le") in content or sign.encode("ascii") in content


def _labelled(name: str) -> ReturnFileError:
    return ReturnFileError(
        "the file is encrypted by a sensitivity label, which opens it inside your organisation"
        " only. It has no password.",
        where=name,
        mend="in Excel choose Home, Sensitivity and a label without encryption, save the workbook"
        " and send it again; if yours allows none, export the sheet Return as CSV UTF-8.",
    )


def _no_workbook(parts: dict[str, bytes], name: str) -> ReturnFileError:
    kind = next((what for part, what in _OTHER_OFFICE if part in parts), "")
    if kind:
        what = f"this is {kind}, not an Excel workbook (.xlsx)."
        return ReturnFileError(what, where=name, mend=_SAVE)
    return archive.damaged(name, "it is a zip that holds no workbook")
