"""The hostile corpus: files that no officer sends, each made by a few lines, each with its answer.

A case gives the bytes and a piece of the sentence that the officer must read; ``READ`` where the
file is odd and harmless, so that an ordinary check of it must end.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.hostile.packages import (
    BOOK,
    HEAD,
    LINK,
    MAIN,
    SHEET,
    TYPES,
    changed,
    declared,
    flagged,
    lying,
    overlapping,
    packed,
    parts_of,
    renamed,
    sheet_of,
    with_parts,
    with_sheet,
)

STORED = zipfile.ZIP_STORED
READ = "an ordinary check"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Case(NamedTuple):
    """A hostile file: its name, how it is made from an honest workbook, and what is said."""

    name: str
    make: Callable[[bytes], bytes]
    says: str


def cell(name: str, value: str = "1", more: str = "") -> str:
    return f'<c r="{name}"{more}><v>{value}</v></c>'


def _text(name: str, text: str) -> str:
    return f'<c r="{name}" t="inlineStr"><is><t>{text}</t></is></c>'


def row(number: int, cells: str) -> str:
    return f'<row r="{number}">{cells}</row>'


def relation(kind: str, target: str, mode: str = "External") -> bytes:
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return (
        f'{HEAD}<Relationships xmlns="{space}"><Relationship Id="rId9" Type="{LINK}/{kind}"'
        f' Target="{target}" TargetMode="{mode}"/></Relationships>'
    ).encode()


def laughs(levels: int = 12) -> str:
    lines = ['<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, levels)]
    return f"<!DOCTYPE sst [{''.join(lines)}]>"


def strings(*texts: str) -> bytes:
    held = "".join(f"<si><t>{text}</t></si>" for text in texts)
    return f"{HEAD}<sst {MAIN}>{held}</sst>".encode()


def many_cells(count: int, kind: str = "", value: str = "1") -> str:
    rows, done = [], 0
    while done < count:
        cells = "".join(f'<c r="{c}{len(rows) + 1}"{kind}><v>{value}</v></c>' for c in "ABCDEFGHIJ")
        rows.append(row(len(rows) + 1, cells))
        done += 10
    return "".join(rows)


def sheets(book: bytes, count: int) -> bytes:
    more = "".join(f'<sheet name="S{n}" sheetId="{n + 10}" r:id="rId1"/>' for n in range(count))
    text = parts_of(book)[BOOK].decode()
    known = 'xmlns:r="' if 'xmlns:r="' in text else ""
    book = changed(book, BOOK, "</sheets>", f"{more}</sheets>")
    return book if known else changed(book, BOOK, "<workbook ", f'<workbook xmlns:r="{LINK}" ')


def _zips() -> Iterator[Case]:
    zeros = b"\0" * (101 * 2**20)
    yield Case("bomb.xlsx", lambda b: with_sheet(b, zeros), "unpacks to 101 MB")
    yield Case(
        "bomb_ratio.xlsx", lambda b: with_sheet(b, b" " * (40 * 2**20)), "200 times its size"
    )
    yield Case(
        "bomb_that_lies.xlsx",
        lambda b: lying(b, SHEET, b" " * (60 * 2**20), says=b" " * 1000),
        "not what its label says",
    )
    yield Case(
        "label_too_large.xlsx",
        lambda b: lying(b, SHEET, b"<a/>", says=b" " * 5000),
        "not what its label says",
    )
    yield Case("overlapping.xlsx", lambda b: overlapping(b, 90), "lie upon each other")
    yield Case(
        "thousands_of_parts.xlsx",
        lambda b: packed(parts_of(b) | {f"xl/media/{n}.png": b"" for n in range(3000)}),
        "made of 3,0",
    )
    yield Case(
        "climbs_out.xlsx", lambda b: with_parts(b, **{"../../evil.xml": b"<a/>"}), "leads outside"
    )
    yield Case("absolute.xlsx", lambda b: with_parts(b, **{"/etc/evil": b"x"}), "leads outside")
    yield Case("backslash.xlsx", lambda b: with_parts(b, **{"xl\\..\\evil": b"x"}), "leads outside")
    yield Case(
        "same_part_twice.xlsx",
        lambda b: renamed(with_parts(b, xl__workbooq_dot_xml=b"<a/>"), "xl/workbooq.xml", BOOK),
        "two parts called",
    )
    yield Case(
        "part_without_a_name.xlsx",
        lambda b: renamed(
            with_parts(b, xl__workbooq_dot_xml=b"<a/>"), "xl/workbooq.xml", "\0" * 15
        ),
        "has no name",
    )
    yield Case(
        "undeclared_prefix.xlsx",
        lambda b: changed(b, "docProps/core.xml", "xmlns:dc=", "xmlns:dq="),
        READ,
    )
    yield Case("encrypted_member.xlsx", flagged, "password")
    yield Case(
        "packed_strangely.xlsx",
        lambda b: packed(parts_of(b), zipfile.ZIP_BZIP2),
        "packed in a way that Excel never uses",
    )
    yield Case("cut_off.xlsx", lambda b: b[: len(b) // 2], "damaged")
    yield Case("damaged_inside.xlsx", lambda b: b[:300] + b"\xff" * 200 + b[500:], "damaged")
    yield Case("only_the_first_bytes.xlsx", lambda _: b"PK\x03\x04" + b"\0" * 400, "damaged")


def _acting() -> Iterator[Case]:
    yield Case("macro.xlsx", lambda b: with_parts(b, xl__vbaProject_dot_bin=b"x"), "macros")
    yield Case(
        "macro_declared.xlsx",
        lambda b: changed(b, TYPES, "sheet.main+xml", "sheet.macroEnabled.main+xml"),
        "macros",
    )
    yield Case(
        "macro_sheet.xlsx",
        lambda b: with_parts(b, xl__macrosheets__sheet1_dot_xml=b"<a/>"),
        "macros",
    )
    yield Case(
        "other_workbook.xlsx",
        lambda b: with_parts(b, xl__externalLinks__externalLink1_dot_xml=b"<a/>"),
        "links to other workbooks",
    )
    yield Case(
        "picture_from_afar.xlsx",
        lambda b: with_parts(
            b,
            xl__drawings___rels__drawing1_dot_xml_dot_rels=relation("image", "http://a.example/x"),
        ),
        "another file or address",
    )
    yield Case(
        "embedded.xlsx", lambda b: with_parts(b, xl__embeddings__a_dot_bin=OLE), "embedded files"
    )
    yield Case(
        "activex.xlsx", lambda b: with_parts(b, xl__activeX__activeX1_dot_xml=b"<a/>"), "ActiveX"
    )
    yield Case(
        "connection.xlsx", lambda b: with_parts(b, xl__connections_dot_xml=b"<a/>"), "connections"
    )
    yield Case(
        "object_declared.xlsx",
        lambda b: declared(b, '<Default Extension="bin" ContentType="application/x-oleObject"/>'),
        "embedded objects",
    )
    yield Case(
        "a_web_link_is_harmless.xlsx",
        lambda b: with_parts(
            b,
            xl__worksheets___rels__sheet1_dot_xml_dot_rels=relation(
                "hyperlink", "mailto:a@b.example"
            ),
        ),
        READ,
    )


def _xml() -> Iterator[Case]:
    yield Case(
        "doctype.xlsx",
        lambda b: changed(b, BOOK, "<workbook", "<!DOCTYPE a><workbook"),
        "document type declaration",
    )
    yield Case(
        "laughs.xlsx",
        lambda b: with_parts(
            b, xl__sharedStrings_dot_xml=f"{HEAD}{laughs()}<sst {MAIN}>&a11;</sst>".encode()
        ),
        "document type declaration",
    )
    yield Case(
        "reads_a_file.xlsx",
        lambda b: changed(
            b,
            SHEET,
            "<worksheet",
            '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/hostname">]><worksheet',
        ),
        "document type declaration",
    )
    yield Case(
        "doctype_in_utf16.xlsx",
        lambda b: with_sheet(
            b, f"<?xml version='1.0'?>{laughs()}<worksheet {MAIN}/>".encode("utf-16")
        ),
        "document type declaration",
    )
    yield Case(
        "doctype_in_a_drawing.xlsx",
        lambda b: with_parts(b, xl__drawings__old_dot_vml=f"{laughs()}<xml/>".encode()),
        "document type declaration",
    )
    deep = "<a>" * 20_000 + "</a>" * 20_000
    yield Case("deep.xlsx", lambda b: with_sheet(b, sheet_of(deep)), "nested more deeply")
    yield Case(
        "deep_styles.xlsx", lambda b: with_parts(b, xl__styles_dot_xml=deep.encode()), "nested"
    )
    yield Case(
        "broken_sheet.xlsx", lambda b: with_sheet(b, b"<worksheet><row></worksheet>"), "damaged"
    )
    yield Case(
        "unknown_encoding.xlsx",
        lambda b: with_sheet(b, b'<?xml version="1.0" encoding="x-none"?><worksheet/>'),
        "damaged",
    )
    attributes = " ".join(f'a{n}="1"' for n in range(100_000))
    yield Case(
        "attributes.xlsx",
        lambda b: with_sheet(b, sheet_of(f"<row {attributes}/>")),
        "nothing in the return",
    )
    yield Case(
        "no_list_of_sheets.xlsx",
        lambda b: packed({k: v for k, v in parts_of(b).items() if "workbook.xml.rels" not in k}),
        "list of sheets",
    )
    yield Case(
        "sheet_elsewhere.xlsx",
        lambda b: changed(
            b, "xl/_rels/workbook.xml.rels", "worksheets/sheet1.xml", "../../etc/x.xml"
        ),
        "is not in it",
    )
    yield Case(
        "two_of_a_name.xlsx",
        lambda b: changed(b, BOOK, 'name="Guide"', 'name="RETURN"'),
        "two of its sheets are called",
    )
    yield Case(
        "sheet_without_a_name.xlsx", lambda b: changed(b, BOOK, 'name="Notes"', 'name=""'), READ
    )
    yield Case("sheets.xlsx", lambda b: sheets(b, 5000), "sheets; a return has")


def _sheets() -> Iterator[Case]:
    far = row(1048576, cell("XFD1048576"))
    yield Case("corner.xlsx", lambda b: with_sheet(b, sheet_of(far)), "XFD1048576")
    yield Case(
        "lone_cell_within.xlsx",
        lambda b: with_sheet(b, sheet_of(row(1, cell("A1")) + row(99_999, cell("AZ99999")))),
        "far outside",
    )
    yield Case(
        "two_cells_far_apart.xlsx",
        lambda b: changed(b, SHEET, "</sheetData>", row(28_000, cell("AZ28000")) + "</sheetData>"),
        "far from the table",
    )
    yield Case(
        "far_below.xlsx",
        lambda b: changed(b, SHEET, "</sheetData>", row(90_000, cell("A90000")) + "</sheetData>"),
        "far from the table",
    )
    yield Case(
        "far_without_a_name.xlsx",
        lambda b: with_sheet(b, sheet_of('<row r="1048576"><c><v>1</v></c></row>')),
        "far outside",
    )
    yield Case(
        "far_formula.xlsx",
        lambda b: with_sheet(b, sheet_of('<row r="900000"><c r="XX900000"><f>1</f></c></row>')),
        "XX900000",
    )
    yield Case(
        "dimension_that_lies.xlsx",
        lambda b: changed(b, SHEET, "<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>'),
        READ,
    )
    yield Case(
        "formats_everywhere.xlsx",
        lambda b: changed(
            b,
            SHEET,
            "</sheetData>",
            "".join(f'<row r="{n}"><c r="XFD{n}" s="1"/></row>' for n in range(900_000, 920_000))
            + "</sheetData>",
        ),
        READ,
    )
    yield Case(
        "row_number.xlsx",
        lambda b: with_sheet(b, sheet_of(row(10**30, cell(f"A{10**30}")))),
        "far outside",
    )
    yield Case(
        "lower_case.xlsx", lambda b: with_sheet(b, sheet_of(row(1, cell("a1")))), "calls itself"
    )
    yield Case(
        "no_address.xlsx", lambda b: with_sheet(b, sheet_of(row(1, cell("1E")))), "cannot be read"
    )
    yield Case(
        "no_column.xlsx",
        lambda b: with_sheet(b, sheet_of('<row><c r="5"><v>1</v></c></row>')),
        "calls itself",
    )
    everything = '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    yield Case(
        "merged_everything.xlsx",
        lambda b: changed(b, SHEET, "</sheetData>", f"</sheetData>{everything}"),
        "far outside",
    )
    merges = "".join(f'<mergeCell ref="A{n}:B{n}"/>' for n in range(10, 20_000))
    yield Case(
        "merges.xlsx",
        lambda b: changed(
            b, SHEET, "</sheetData>", f"</sheetData><mergeCells>{merges}</mergeCells>"
        ),
        "merged ranges",
    )
    yield Case(
        "link_on_everything.xlsx",
        lambda b: changed(
            b,
            SHEET,
            "</sheetData>",
            '</sheetData><hyperlinks><hyperlink ref="A1:XFD1048576" location="A1"/></hyperlinks>',
        ),
        "far outside",
    )
    yield Case(
        "table_over_everything.xlsx",
        lambda b: with_parts(
            b, xl__tables__t_dot_xml=f'<table {MAIN} ref="A1:XFD1048576"/>'.encode()
        ),
        "a table reaches over",
    )
    yield Case(
        "millions_of_cells.xlsx",
        lambda b: with_sheet(b, sheet_of("<row>" + "<c/>" * 2_100_000 + "</row>"), STORED),
        "more than 1,000,000",
    )
    yield Case(
        "long_text.xlsx",
        lambda b: with_parts(b, xl__sharedStrings_dot_xml=strings("x" * 40_000)),
        "more than 32,767 characters",
    )
    yield Case(
        "one_text_often.xlsx",
        lambda b: packed(
            parts_of(b)
            | {
                "xl/sharedStrings.xml": strings("xy" * 16_000),
                SHEET: sheet_of(many_cells(100_000, ' t="s"', "0")),
            }
        ),
        "come to more than",
    )
    yield Case(
        "no_such_text.xlsx",
        lambda b: with_sheet(b, sheet_of(row(1, cell("A1", "999999999", ' t="s"')))),
        "sheets cannot be read",
    )
    yield Case(
        "huge_numbers.xlsx",
        lambda b: with_sheet(
            b,
            sheet_of(
                row(
                    1, cell("A1", "1e999") + cell("B1", "-1e308", ' s="1"') + cell("C1", "9" * 9999)
                )
            ),
        ),
        READ,
    )
    yield Case(
        "date_without_a_value.xlsx",
        lambda b: changed(b, SHEET, "</row>", '<c r="K1" t="d"/></row>'),
        READ,
    )
    yield Case(
        "dates_of_no_calendar.xlsx",
        lambda b: with_sheet(
            b, sheet_of(row(1, cell("A1", "9999-99-99", ' t="d"') + cell("B1", "", ' t="b"')))
        ),
        "cannot be accepted yet",
    )


def _others() -> Iterator[Case]:
    yield Case("empty.xlsx", lambda _: b"", "empty")
    yield Case("too_large.xlsx", lambda _: b"PK" + b"\0" * (21 * 2**20), "21 MB")
    yield Case("pdf.xlsx", lambda _: b"%PDF-1.7\n1 0 obj", "a PDF")
    yield Case("page.xlsx", lambda _: b"\xef\xbb\xbf <!DOCTYPE html><html>", "a web page")
    yield Case("gzip.xlsx", gzip.compress, "gzip")
    yield Case("text.xlsx", lambda _: b"{\\rtf1 hello}", "RTF")
    yield Case("picture.xlsx", lambda _: b"\x89PNG\r\n\x1a\n", "a picture")
    yield Case("photo.xlsx", lambda _: b"\xff\xd8\xff\xe0", "a picture")
    yield Case("program.xlsx", lambda _: b"MZ\x90\0", "a program")
    yield Case("headings.xlsx", lambda _: b"BM_area,quarter\n", "does not begin like one")
    yield Case("csv_inside.xlsx", lambda _: b"area_code,quarter\n", "does not begin like one")
    yield Case("old.xlsx", lambda _: OLE + b"\0" * 5000, "old kind")
    yield Case(
        "password.xlsx",
        lambda _: OLE + b"\0" * 500 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 500,
        "password",
    )
    yield Case("letter.xlsx", lambda _: packed({"word/document.xml": b"<a/>"}), "a Word document")
    yield Case("calc.xlsx", lambda _: packed({"content.xml": b"<a/>"}), "OpenDocument")
    yield Case("binary.xlsx", lambda _: packed({"xl/workbook.bin": b"x"}), "binary workbook")
    yield Case("zip.xlsx", lambda _: packed({"a.txt": b"x"}), "holds no workbook")
    yield Case("macros.xlsm", lambda b: b, "with macros")
    yield Case("calc.ods", lambda b: b, "OpenDocument")


def _texts() -> Iterator[Case]:
    head = b"area_code,quarter,outcome,numerator,denominator,status\n"
    yield Case("nul.csv", lambda _: head + b"E01,\0\n", "control character (number 0)")
    yield Case("escape.csv", lambda _: head + b"E01,\x1b[2J\n", "line 2 holds an invisible")
    yield Case("utf16.csv", lambda _: head.decode().encode("utf-16"), "UTF-16")
    yield Case("utf16_bare.csv", lambda _: head.decode().encode("utf-16-le"), "UTF-16")
    yield Case("windows.csv", lambda _: head + b"E01,\xa312\n", "line 2")
    yield Case("endless_line.csv", lambda _: b"a" * (15 * 2**20), "is longer than")
    yield Case("long_lines.csv", lambda _: (b"a" * 99_990 + b"\n") * 200, "cannot be accepted yet")
    yield Case("old_line_ends.csv", lambda _: head + b"\r" + b"a" * (15 * 2**20), "from line 3 on")
    yield Case("columns.csv", lambda _: b"," * (5 * 2**20), "is longer than")
    yield Case("wide_rows.csv", lambda _: (b"," * 300 + b"\n") * 1000, "goes beyond")
    yield Case("line_ends.csv", lambda _: b"\n" * (15 * 2**20), "rows are blank")
    yield Case("blank_lines.csv", lambda _: head + b"\n" * 90_000 + b"x\n", "rows are blank")
    yield Case("unclosed.csv", lambda _: head + b'E01,"x\n' + b"E02,y\n" * 1000, "from line 2 on")
    yield Case("unclosed_long.csv", lambda _: head + b'E01,"' + b"x,y\n" * 2**20, "from line 2 on")
    yield Case("quotes.csv", lambda _: head + b'"' * 90_000 + b"\n", "")
    yield Case("workbook.csv", lambda b: b, "an Excel workbook, not a CSV")
    yield Case("page.csv", lambda _: b"<html><table>", "a web page")


_OWN = "E01,Alderbrook,2026 Q3,ae_attendances"
WRONG_LINES: dict[str, Callable[[int], str]] = {
    "S01_nhs_2026-Q3.csv": lambda _: "?,?,?,?,?,?,?,?\n",
    "S01_nhs_2026-Q2.csv": lambda n: f"Z{n},x{n},q{n},o{n},n{n},d{n},s{n},t{n}\n",
    "S01_nhs_2026-Q1.csv": lambda n: f"E0{n + 7},x,2026 Q1,ae_attendances,-{n + 1}.5,0,,\n",
    "S01_nhs_2025-Q4.csv": lambda n: f"{_OWN},{n},5000,,\n",
    "S01_nhs_2025-Q3.csv": lambda _: f"{_OWN},300,5000,,asked John Smith\n",
    "S01_nhs_2025-Q2.csv": lambda n: f"{_OWN},3,5000,[c],\n" + ",\n" * (n % 10 == 0),
}
"""File -> its line of a number, in which all or something is wrong."""


def wrong_lines(name: str, count: int) -> bytes:
    head = "area_code,area_name,quarter,outcome,numerator,denominator,status,note\n"
    return (head + "".join(WRONG_LINES[name](n) for n in range(count))).encode()


def wrong_rows(book: bytes, count: int) -> bytes:
    """The workbook with rows more in which every cell is wrong."""
    rows = [row(n, "".join(_text(f"{c}{n}", "?") for c in "ABCDEFGH")) for n in range(6, 6 + count)]
    return changed(book, SHEET, "</sheetData>", "".join(rows) + "</sheetData>")


def _floods() -> Iterator[Case]:
    """Files in which everything is wrong: each of these once took seconds and hundreds of MB."""
    said = (
        "540,000 things to mend",
        "540,000 things to mend",
        "87,500 more of this column: an unknown area, from A2502 to A90001",
        "87,500 more of this column: another quarter",
        "87,500 more of this column: a person's name in a note",
        "8,500 to note",
    )
    for name, says in zip(WRONG_LINES, said, strict=True):
        count = 85_000 if name == "S01_nhs_2025-Q2.csv" else 90_000
        yield Case(name, lambda _, name=name, count=count: wrong_lines(name, count), says)
    yield Case(
        "all_wrong.xlsx",
        lambda b: wrong_rows(b, 3_200),
        "700 more of this column: a quarter that cannot be read",
    )


CASES: tuple[Case, ...] = (
    *_zips(),
    *_acting(),
    *_xml(),
    *_sheets(),
    *_others(),
    *_texts(),
    *_floods(),
)
