"""What is looked at before a parser sees a workbook from outside: its size and its bounds.

A spreadsheet is a zip of XML. A small file can unpack to gigabytes, and one lone cell in the far
corner makes a parser allocate the whole rectangle, so both are measured first.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from xml.etree import ElementTree

from evaluation.errors import ReturnFileError

MAX_FILE = 20 * 1024 * 1024
MAX_UNPACKED = 200 * 1024 * 1024
MAX_ROW = 99_999
MAX_COLUMN = "AZ"

# A reference beyond column AZ or row 99,999, wherever it stands in a sheet's XML.
_OUT_OF_BOUNDS = re.compile(
    rb"""\br\s*=\s*["']((?:[b-z][a-z]|[a-z]{3,})[0-9]+|[a-z]*[1-9][0-9]{5,})["']""", re.IGNORECASE
)
_ERROR_CELL = re.compile(
    rb"""<(?:\w+:)?c\b([^>]*\bt=["']e["'][^>]*)>(.*?)</(?:\w+:)?c>""", re.DOTALL
)
_REFERENCE = re.compile(rb"""\br=["']([A-Z]+[0-9]+)["']""")
_CACHED = re.compile(rb"<(?:\w+:)?v>([^<]*)<")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


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


def error_cells(content: bytes, sheet: str, name: str) -> dict[str, str]:
    """Pass a workbook through the bounds; the cells of ``sheet`` that show an Excel error.

    The parser hands these cells on as empty, and an empty cell means something else.

    Raises
    ------
    ReturnFileError : if the file is no sound xlsx, or breaks a bound.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_unpacked(archive, name)
            for member in archive.namelist():
                if member.startswith("xl/worksheets/") and member.endswith(".xml"):
                    _check_bounds(archive.read(member), name)
            path = _sheet_paths(archive, name).get(sheet)
            return _errors_in(archive.read(path)) if path in archive.namelist() else {}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ReturnFileError(
            f"the file is damaged or is no Excel workbook ({error}).",
            where=name,
            mend="open it in your spreadsheet program and save it as Excel workbook (.xlsx).",
        ) from None


def _check_unpacked(archive: zipfile.ZipFile, name: str) -> None:
    total = sum(member.file_size for member in archive.infolist())
    if total > MAX_UNPACKED:
        raise ReturnFileError(
            f"the workbook unpacks to {total / 2**20:,.0f} MB; a return stays below"
            f" {MAX_UNPACKED // 2**20} MB.",
            where=name,
            mend="send the Return and Guide sheets alone.",
        )


def _check_bounds(xml: bytes, name: str) -> None:
    found = _OUT_OF_BOUNDS.search(xml)
    if found:
        raise ReturnFileError(
            f"a sheet has something in cell or row {found[1].decode('ascii', 'replace')}, far"
            " outside a return.",
            where=name,
            expected=f"nothing right of column {MAX_COLUMN} or below row {MAX_ROW:,}",
            mend="clear everything outside the table, or copy the table to a fresh template.",
        )


def _sheet_paths(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """Sheet title -> member of the archive."""
    book = _xml(archive, "xl/workbook.xml", name)
    links = _xml(archive, "xl/_rels/workbook.xml.rels", name)
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    paths = {}
    for node in book.iter():
        if node.tag.endswith("}sheet") and (target := targets.get(node.get(_RELATION))):
            inside = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            paths[node.get("name", "")] = inside
    return paths


def _xml(archive: zipfile.ZipFile, member: str, name: str) -> ElementTree.Element:
    try:
        content = archive.read(member)
        if b"<!" in content:  # a document type declaration can expand without bound
            raise ReturnFileError("the workbook holds a document type declaration.", where=name)
        return ElementTree.fromstring(content)
    except (KeyError, ElementTree.ParseError):
        raise ReturnFileError(
            "the file is no Excel workbook: its list of sheets cannot be read.",
            where=name,
            mend="open it in your spreadsheet program and save it as Excel workbook (.xlsx).",
        ) from None


def _errors_in(xml: bytes) -> dict[str, str]:
    if b"e" not in xml or not re.search(rb"""t=["']e["']""", xml):
        return {}
    found = {}
    for cell in _ERROR_CELL.finditer(xml):
        reference, cached = _REFERENCE.search(cell[1]), _CACHED.search(cell[2])
        if reference:
            text = cached[1].decode("utf-8", "replace") if cached else "#ERROR"
            found[reference[1].decode("ascii")] = text
    return found
