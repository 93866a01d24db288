"""The workbook is a well-formed OOXML package that readers other than its writer open alike."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from evaluation.edition.edition import Edition
from evaluation.edition.formats import tables
from evaluation.edition.pages.claims import Claims
from tests.edition.package_rules import faults
from tests.hostile.packages import changed, packed, parts_of, renamed

BOOK, TYPES, SHEET = "xl/workbook.xml", "[Content_Types].xml", "xl/worksheets/sheet4.xml"
TABLE, LINKS = "xl/tables/table1.xml", "xl/worksheets/_rels/sheet4.xml.rels"


@pytest.fixture(scope="module")
def results(edition: Edition, claims: Claims, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workbook") / "results.xlsx"
    path.write_bytes(tables.workbook(edition, tables.tables(edition, claims)))
    return path


def test_the_package_is_well_formed(results: Path) -> None:
    assert faults(results) == []


@pytest.mark.parametrize(
    ("part", "before", "after", "said"),
    [
        (TYPES, "/xl/tables/table1.xml", "/xl/tables/table9.xml", "table9.xml, which is not there"),
        (TYPES, ".table+xml", ".worksheet+xml", "table1.xml a table, [Content_Types].xml does not"),
        (TYPES, 'Extension="rels"', 'Extension="other"', "content type None"),
        ("_rels/.rels", "docProps/core.xml", "docProps/more.xml", "docProps/more.xml, which is no"),
        (LINKS, "tables/table", "tables/../other", "other3.xml, which is not there"),
        (LINKS, '<Relationship Id="rId1"', '<Relationship Id="rId9"', "'Headline': no table"),
        (BOOK, 'name="Headline"', 'name="Cover"', "two sheets have one name"),
        (BOOK, 'name="Headline"', 'name="Head/line"', "no name for a sheet"),
        (
            BOOK,
            "</sheets>",
            "</sheets><definedNames><definedName name='x'>Gone!$A$1</definedName></definedNames>",
            "the name 'x' leads to 'Gone!$A$1'",
        ),
        (
            BOOK,
            "</sheets>",
            "</sheets><definedNames><definedName name='x'>Cover!$A$0</definedName></definedNames>",
            "'$A$0' is no range of cells",
        ),
        (SHEET, ' t="s"><v>', ' t="s"><v>9', "the text of (1, 1) is not there"),
        (SHEET, ' s="', ' s="99', "the style of (1, 1) is not there"),
        (SHEET, 'r="A2"', 'r="A1"', "A1 out of order in row 2"),
        (SHEET, '<row r="2"', '<row r="1"', "row 1 after row 1"),
        (SHEET, '<dimension ref="A1:', '<dimension ref="B1:', "cells beyond its dimension"),
        (
            SHEET,
            "</sheetData>",
            '</sheetData><mergeCells><mergeCell ref="A1:B2"/><mergeCell ref="B2:C3"/></mergeCells>',
            "lie upon each other",
        ),
        ("xl/worksheets/sheet2.xml", "'Headline'!A1", "'Headlines'!A1", "no sheet that is there"),
        (TABLE, 'ref="A3:B8"', 'ref="A3:B700"', "reaches beyond the cells of its sheet"),
        (TABLE, 'ref="A3:B8"', 'ref="A2:B8"', "not named as its first row is"),
        (TABLE, 'name="Sheet name"', 'name="Sheet"', "not named as its first row is"),
        (TABLE, '<tableColumns count="2"', '<tableColumns count="3"', "as many columns as it says"),
        (TABLE, '" id="1"', '" id="2"', "two tables have one id"),
        ("xl/styles.xml", 'fontId="1"', 'fontId="99"', "fontId 99 is not there"),
        ("xl/styles.xml", 'numFmtId="165" format', 'numFmtId="199" format', "number format 165"),
        ("xl/sharedStrings.xml", 'uniqueCount="', 'uniqueCount="9', "shared texts"),
        ("xl/sharedStrings.xml", "</sst>", "", "no XML"),
    ],
)
def test_a_fault_of_a_part_is_named(
    results: Path, tmp_path: Path, part: str, before: str, after: str, said: str
) -> None:
    book = changed(results.read_bytes(), part, before, after)
    (tmp_path / "spoilt.xlsx").write_bytes(book)
    found = faults(tmp_path / "spoilt.xlsx")
    assert any(said in one for one in found), found


def test_a_part_that_is_gone_damaged_twice_or_led_to_by_none_is_named(
    results: Path, tmp_path: Path
) -> None:
    book = results.read_bytes()
    parts = parts_of(book)
    gone = packed({name: content for name, content in parts.items() if name != TABLE})
    more = packed(parts | {"xl/more.xml": b"<a/>"})
    twice = renamed(
        packed(parts | {"xl/tables/tablex.xml": b"<a/>"}), "xl/tables/tablex.xml", TABLE
    )
    for spoilt, said in (
        (gone, "which is not there"),
        (more, "nothing leads to it"),
        (twice, "twice in the package"),
    ):
        (tmp_path / "spoilt.xlsx").write_bytes(spoilt)
        assert any(said in one for one in faults(tmp_path / "spoilt.xlsx")), said


def test_two_other_readers_find_the_same_sheets_tables_and_cells(results: Path) -> None:
    """Calamine (Rust) and openpyxl share no code with each other or with the writer."""
    one, other = (
        CalamineWorkbook.from_path(results, load_tables=True),
        openpyxl.load_workbook(results),
    )
    assert one.sheet_names == other.sheetnames
    seen = 0
    for sheet in other:
        found = one.get_sheet_by_name(sheet.title).to_python(skip_empty_area=False)
        held = [["" if v is None else v for v in row] for row in sheet.iter_rows(values_only=True)]
        assert found == held, sheet.title
        seen += sum(value != "" for row in held for value in row)
    assert seen > 300
    tables = {table.name: sheet for sheet in other for table in sheet.tables.values()}
    assert set(one.table_names) == set(tables)
    for name, sheet in tables.items():
        table = one.get_table_by_name(name)
        assert (table.sheet, table.columns) == (sheet.title, sheet.tables[name].column_names)
        assert len(table.to_python()) == table.height > 0


@pytest.mark.slow
def test_libreoffice_opens_it(results: Path, tmp_path: Path) -> None:
    """Half a gigabyte to install, so that only ``make test-all`` asks for it."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip(
            "LibreOffice is not installed (Debian and Ubuntu: apt install libreoffice-calc-nogui)"
        )
    subprocess.run(
        [
            office,
            f"-env:UserInstallation={(tmp_path / 'user').as_uri()}",
            "--headless",
            "--convert-to",
            "ods",
            "--outdir",
            str(tmp_path),
            str(results),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert (tmp_path / "results.ods").stat().st_size > 5_000
