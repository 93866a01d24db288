"""What programs, mail systems and people wrap around a return: all of it read, and said in a note.

Every file here holds the same four figures; whatever is around them, they come out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pytest

from evaluation.check.report import report
from evaluation.check.stages import check_return
from evaluation.errors import ReturnFileError
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.template import write_template
from evaluation.returns.workbook import read_return

HEAD = ["area_code", "area_name", "quarter", "outcome", "numerator", "denominator", "status"]
ROWS = [
    ["E01", "Alderbrook", "2026 Q3", "ae_attendances", "215", "5000", ""],
    ["E02", "Aldergate", "2026 Q3", "ae_attendances", "251", "6000", ""],
    ["E01", "Alderbrook", "2026 Q3", "crisis_contacts", "24", "5000", ""],
    ["E02", "Aldergate", "2026 Q3", "crisis_contacts", "33", "6000", ""],
]
FIGURES = [215.0, 251.0, 24.0, 33.0]
NAME = "S01_nhs_2026-Q3.csv"
Table = list[list[str]]


class Wrapped(NamedTuple):
    """A file's name and how it is made; ``silent`` where there is nothing to tell of."""

    case: str
    name: str
    make: Callable[[Path, Programme], None]
    silent: bool = False


def text(table: Table, separator: str = ",", *, quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=quoting, lineterminator="\n").writerows(table)
    return out.getvalue()


def plain() -> Table:
    return [list(HEAD), *(list(row) for row in ROWS)]


def of_bytes(case: str, content: bytes | str, name: str = NAME, *, silent: bool = False) -> Wrapped:
    data = content.encode() if isinstance(content, str) else content
    return Wrapped(case, name, lambda path, _: path.write_bytes(data) and None, silent)


def each_cell(change: Callable[[str], str], *columns: str) -> Table:
    table = plain()
    for row in table[1:]:
        for column in columns:
            row[HEAD.index(column)] = change(row[HEAD.index(column)])
    return table


def texts() -> Iterator[Wrapped]:
    base = text(plain())
    yield of_bytes("byte order mark", b"\xef\xbb\xbf" + base.encode(), silent=True)
    yield of_bytes("line ends of Windows", base.replace("\n", "\r\n"), silent=True)
    yield of_bytes("line ends of old Macs", base.replace("\n", "\r"), silent=True)
    yield of_bytes("everything quoted", text(plain(), quoting=csv.QUOTE_ALL), silent=True)
    yield of_bytes("no line end behind the last row", base.rstrip("\n"), silent=True)
    yield of_bytes("blank rows at the end", base + ",,,,,,\n" * 40, silent=True)
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        yield of_bytes(f"kept as {encoding}", base.encode(encoding))
    yield of_bytes("UTF-16 with tabs", text(plain(), "\t").encode("utf-16"))
    for separator in (";", "\t", "|"):
        yield of_bytes(f"parted by {separator!r}", text(plain(), separator))
        yield of_bytes(f"sep={separator!r}", f"sep={separator}\r\n" + text(plain(), separator))
        quoted = text(plain(), separator, quoting=csv.QUOTE_ALL)
        yield of_bytes(f"parted by {separator!r} and quoted", quoted)
    yield of_bytes("sep=, in quotation marks", '"sep=,"\n' + base)
    yield of_bytes("sep=^", "sep=^\n" + text(plain(), "^"))


def names() -> Iterator[Wrapped]:
    base = text(plain())
    for name in (
        "S01_nhs_2026-Q3 (1).csv",
        "S01_nhs_2026-Q3(2).csv",
        "S01_nhs_2026-Q3 (1) (3).csv",
        "Copy of S01_nhs_2026-Q3.csv",
        "Copy (2) of S01_nhs_2026-Q3.csv",
        "S01_nhs_2026-Q3 - Copy.csv",
        "S01_nhs_2026-Q3 - Copy (2).csv",
        "S01_nhs_2026-Q3[1].csv",
        "S01_nhs_2026-Q3 copy 2.csv",
        "S01_nhs_2026-Q3 2026-10-14.csv",
        "S01_nhs_2026-Q3_20261014.csv",
        "14.10.26 S01_nhs_2026-Q3.csv",
        "s01_nhs_2026-q3.csv",
        "S01_NHS_2026-Q3.CSV",
        "S01_nhs_2026_Q3.csv",
        "S01_nhs_2026Q3 final.csv",
        "S01_nhs_2026-Q3_v2.csv",
        "FW_S01_nhs_2026-Q3.csv",
        "S01_nhs_Q2 2026-27.csv",
        "S01_nhs_2026-Q3.xlsx.csv",
        "S01 nhs 2026 Q3.csv",
        "S01-nhs-2026-Q3.csv",
    ):
        yield of_bytes(name, base, name)
    yield of_bytes("a text by its ending", base, "S01_nhs_2026-Q3.txt", silent=True)
    yield of_bytes("tabs by its ending", text(plain(), "\t"), "S01_nhs_2026-Q3.tsv")
    yield of_bytes("a CSV under a workbook's name", base, "S01_nhs_2026-Q3.xlsx")


BLANKS = {
    "no-break": "\u00a0",
    "thin": "\u2009",
    "narrow": "\u202f",
    "without width": "\u200b",
    "a joiner": "\u2060",
    "a byte order mark": "\ufeff",
    "a tab": "\t",
    "wide": "\u3000",
}


def cells() -> Iterator[Wrapped]:
    for name, sign in BLANKS.items():
        for column in ("numerator", "area_code", "quarter"):
            table = each_cell(lambda value, sign=sign: f"{sign}{value}{sign}", column)
            yield of_bytes(f"blanks around {column}: {name}", text(table))
    tail = each_cell(lambda value: f"{float(value) - 6e-14:.17g}", "numerator")
    yield of_bytes("digits that a sum left", text(tail))
    for written in (
        "Jul-Sep 2026",
        "July to September 2026",
        "Q2 2026/27",
        "2026-27 Q2",
        "2026-07-01",
        "30/09/2026",
        "Q3 2026",
        "2026 q3",
        "quarter ending September 2026",
    ):
        table = each_cell(lambda _, written=written: written, "quarter")
        yield of_bytes(f"the quarter as {written}", text(table))


def around() -> Iterator[Wrapped]:
    base = plain()
    blank = [""] * len(HEAD)
    title = ["Return of Alder", *blank[1:]]
    yield of_bytes("a title above", text([title, *base]))
    yield of_bytes("a title and a blank row above", text([title, blank, *base]))
    yield of_bytes("blank rows above", text([blank, blank, *base]))
    yield of_bytes("a blank row inside", text([*base[:3], blank, *base[3:]]))
    yield of_bytes("a blank column before", text([["", *row] for row in base]), silent=True)
    rates = ["4.3", "4.18", "0.48", "0.55"]
    working = [[*row, more] for row, more in zip(base, ["rate", *rates], strict=True)]
    yield of_bytes("a working column to the right", text(working))
    unheaded = [[*row, more] for row, more in zip(base, ["", *rates], strict=True)]
    yield of_bytes("a working column without a heading", text(unheaded))
    for word in ("Total", "TOTAL", "Grand total", "Totals for the quarter"):
        total = [word, "", "", "", "523", "", ""]
        yield of_bytes(f"a row called {word}", text([*base, total]))
    subtotals = [*base[:3], ["Sub-total", "", "", "", "466", "", ""], *base[3:]]
    yield of_bytes("subtotals inside", text([*subtotals, ["Total", "", "", "", "523", "", ""]]))
    yield of_bytes("headings again inside", text([*base[:3], HEAD, *base[3:]]))
    yield of_bytes("sep=; that is not so", "sep=;\n" + text(base))
    capitals = [[one.upper().replace("_", " ") for one in HEAD], *base[1:]]
    yield of_bytes("headings in capitals", text(capitals), silent=True)


Change = Callable[[Any], None]


def workbook(
    case: str, change: Change, name: str = "return.xlsx", *, silent: bool = False
) -> Wrapped:
    def make(path: Path, programme: Programme) -> None:
        source = path.with_name("template.xlsx")
        write_template(programme, "S01", "nhs", Period.parse("2026 Q3"), source)
        book = openpyxl.load_workbook(source)
        source.unlink()
        for number, row in enumerate(ROWS, start=2):
            book["Return"].cell(number, 5).value = int(row[4])
            book["Return"].cell(number, 6).value = int(row[5])
        change(book)
        book.save(path.with_suffix(".xlsx"))
        path.with_suffix(".xlsx").replace(path)

    return Wrapped(case, name, make, silent)


def on_sheet(*changes: Change) -> Change:
    def change(book: Any) -> None:
        for one in changes:
            one(book["Return"])

    return change


def put(cells: dict[str, Any]) -> Change:
    def change(sheet: Any) -> None:
        for cell, value in cells.items():
            sheet[cell] = value

    return change


def titled(sheet: Any) -> None:
    # A moved table would drag drop-downs along that stay behind: they are of no interest here.
    sheet.data_validations.dataValidation = []
    sheet.insert_rows(1, 2)
    sheet["A1"] = "Return of Alder"
    sheet.merge_cells("A1:H1")


def called(**titles: str) -> Change:
    def change(book: Any) -> None:
        for old, new in titles.items():
            book[old].title = new

    return change


def in_guide(**lines: Any) -> Change:
    cell = {"programme": "B2", "site": "B3", "agency": "B4", "quarter": "B5"}
    return lambda book: put({cell[line]: value for line, value in lines.items()})(book["Guide"])


def workbooks() -> Iterator[Wrapped]:
    for title in ("return", "RETURN", "Return ", "Sheet1", "Q3 figures"):
        yield workbook(f"the sheet called {title!r}", called(Return=title))
    yield workbook("the guide called 'guide '", called(Guide="guide "), silent=True)
    yield workbook(
        "no guide, and a name that says it",
        lambda book: book.remove(book["Guide"]),
        "S01_nhs_2026-Q3.xlsx",
    )
    yield workbook("a merged title above", on_sheet(titled))
    yield workbook("a working column", on_sheet(put({"J1": "rate", "J2": 4.3, "J4": 0.48})))
    yield workbook("a working cell", on_sheet(put({"K3": 4.18})))
    yield workbook("a row of totals", on_sheet(put({"A6": "Total", "E6": 523})))
    yield workbook("digits a sum left there", on_sheet(put({"E2": 214.9999999999999})))
    yield workbook("numbers as text", on_sheet(put({"E2": "215", "F2": "5000"})), silent=True)
    first = datetime(2026, 7, 1)  # noqa: DTZ001 - as a spreadsheet holds a day
    dates = {f"C{row}": first for row in range(2, 6)}
    yield workbook("dates for the quarter", on_sheet(put(dates)))
    yield workbook("another sheet", lambda book: put({"A1": 12})(book.create_sheet("Working")))
    for line in ("site", "agency", "quarter"):
        yield workbook(f"a guide without its {line}", in_guide(**{line: None}))
    yield workbook("the site in lower case", in_guide(site="s01"))
    yield workbook("the site by its name", in_guide(site="Alder"))
    yield workbook("the agency by its name", in_guide(agency="The NHS"))
    yield workbook("the quarter by its months", in_guide(quarter="Jul-Sep 2026"))
    yield workbook("the quarter of the financial year", in_guide(quarter="Q2 2026/27"))
    yield workbook("the quarter as a date", in_guide(quarter=first))
    yield workbook("a workbook under a CSV's name", lambda _: None, NAME)
    for name in ("NHS figures for council talk.xlsx", "from S01 (Alder) 2026 Q3.xlsx"):
        yield workbook(f"a workbook called {name}", lambda _: None, name, silent=True)
    yield workbook("a copy by its name", lambda _: None, "Copy of return (3).xlsx", silent=True)


WRAPPED = [*texts(), *names(), *cells(), *around(), *workbooks()]


def test_there_are_sixty_with_a_note() -> None:
    assert sum(not one.silent for one in WRAPPED) >= 60
    assert len({one.case for one in WRAPPED}) == len(WRAPPED)


@pytest.mark.parametrize("wrapped", WRAPPED, ids=lambda one: one.case)
def test_it_is_accepted_with_a_note(wrapped: Wrapped, tiny: Programme, tmp_path: Path) -> None:
    path = tmp_path / wrapped.name
    wrapped.make(path, tiny)
    checked = check_return(read_return(path), tiny)
    assert checked.accepted, report(checked)
    assert (checked.site, checked.agency, checked.quarter) == ("S01", "nhs", "2026 Q3")
    assert checked.returned is not None
    assert [row.numerator for row in checked.returned.rows] == FIGURES
    notes = checked.of("note")
    assert bool(notes) is not wrapped.silent, [one.message for one in notes]


REFUSED = {
    "~$S01_nhs_2026-Q3.xlsx": (b"\x05Officer" + b"\0" * 157, "lock file", "close the workbook"),
    ".~lock.S01_nhs_2026-Q3.xlsx#": (b",officer,", "LibreOffice", "send S01_nhs_2026-Q3.xlsx"),
    "._S01_nhs_2026-Q3.xlsx": (b"\0\5\x16\7", "Mac", "send S01_nhs_2026-Q3.xlsx"),
    "return.zip": (b"PK\x03\x04", "compressed folder", "Excel workbook (.xlsx)"),
    "return.msg": (b"\xd0\xcf", "attached", "Excel workbook (.xlsx)"),
    "protected.xlsx": ("StrongEncryptionTransform EncryptedPackage", "password", "without one"),
    "labelled.xlsx": ("DRMEncryptedTransform EncryptedPackage", "sensitivity label", "Sensitivity"),
    "old.xlsx": ("Workbook", "of the old kind", "save it as Excel workbook"),
    "S01_nhs_2026-Q3.csv.pfile": (b".pfile", "sensitivity label", "Sensitivity"),
    "word.docx": (b"PK\x03\x04", "a Word document", "Excel workbook (.xlsx)"),
    "page.csv": (b"<html><table><tr><td>1", "a web page", "CSV UTF-8"),
    "figures.csv": (b"area_code\n\xa312\n", "not UTF-8", "Save as, CSV UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_has_one_true_cause(name: str, tmp_path: Path) -> None:
    content, says, mend = REFUSED[name]
    if isinstance(content, str):
        content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + content.encode("utf-16-le")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReturnFileError) as caught:
        read_return(tmp_path / name)
    assert says in caught.value.what and mend in caught.value.mend
    assert "label" not in caught.value.what or "no password" in caught.value.what
