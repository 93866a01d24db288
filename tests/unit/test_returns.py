"""Reading return files: addresses, guides, and files that are none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest

from evaluation.errors import ReturnFileError, UserError
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures, Observation, Return, address, column_letter
from evaluation.returns.template import write_return, write_template
from evaluation.returns.workbook import guide_from_name, read_return


def test_template_holds_the_submitters_rows_and_denominators(
    tiny: Programme, quarter: Period, denominators: Figures, tmp_path: Path
) -> None:
    path = tmp_path / "template.xlsx"
    write_template(tiny, "S01", "nhs", quarter, path, last_accepted=denominators)
    raw = read_return(path)
    assert raw.sheet == "Return"
    assert raw.guide == {
        "template_version": "1",
        "programme": "tiny",
        "site": "S01",
        "agency": "nhs",
        "quarter": "2026 Q3",
    }
    assert raw.header.values[:8] == (
        "area_code",
        "area_name",
        "quarter",
        "outcome",
        "numerator",
        "denominator",
        "status",
        "note",
    )
    assert raw.header.values[8] == "last_accepted"
    keys = [(row.number, row.values[0], row.values[3], row.values[5]) for row in raw.rows]
    assert keys == [
        (2, "E01", "ae_attendances", 5000),
        (3, "E02", "ae_attendances", 6000),
        (4, "E01", "crisis_contacts", 5000),
        (5, "E02", "crisis_contacts", 6000),
    ]
    assert all(row.values[4] is None for row in raw.rows)


def test_blank_rows_and_columns_before_the_table_keep_the_addresses(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Return"
    sheet["C3"], sheet["C4"] = "numerator", 12
    book.save(tmp_path / "moved.xlsx")
    raw = read_return(tmp_path / "moved.xlsx")
    assert raw.header.number == 3
    assert raw.header.values == (None, None, "numerator")
    assert raw.rows[0].number == 4 and raw.rows[0].values[2] == 12


def test_an_excel_error_keeps_its_text(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Return"
    sheet.append(["numerator", "denominator"])
    sheet.append(["#DIV/0!", 3])
    sheet["A2"].data_type = "e"
    book.save(tmp_path / "error.xlsx")
    assert read_return(tmp_path / "error.xlsx").rows[0].values == ("#DIV/0!", 3)


def test_csv_has_the_same_addresses_and_reads_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "OPEN_nhs_england_2026-Q3.csv"
    path.write_text('\ufeffarea_code,note\n\nE01,"two\nlines"\n', encoding="utf-8")
    raw = read_return(path)
    assert raw.sheet is None
    assert raw.header.values == ("area_code", "note")
    assert [(row.number, row.values) for row in raw.rows] == [(2, ()), (3, ("E01", "two\nlines"))]


@pytest.mark.parametrize(
    ("name", "site", "agency", "quarter"),
    [
        ("S03_council_2026-Q3.csv", "S03", "council", "2026 Q3"),
        ("OPEN_nhs_england_2026-Q3.csv", "OPEN", "nhs_england", "2026 Q3"),
        ("OPEN_state-x_1984.csv", "OPEN", "state-x", "1984"),
        ("notes.csv", "", "", ""),
        ("S03_council_final.csv", "", "", ""),
    ],
)
def test_guide_from_a_csvs_name(name: str, site: str, agency: str, quarter: str) -> None:
    guide = guide_from_name(name)
    assert (guide["site"], guide["agency"], guide["quarter"]) == (site, agency, quarter)


def test_column_letters() -> None:
    assert [column_letter(c) for c in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert address(14, 4) == "E14"


def _lone_cell(path: Path) -> None:
    """A workbook whose sheet holds one cell in the far corner."""
    book = openpyxl.Workbook()
    book.active.title = "Return"
    book.active["A1"] = "x"
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = members[sheet].replace(
        b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_a_lone_cell_in_the_far_corner_is_refused_with_its_name(tmp_path: Path) -> None:
    _lone_cell(tmp_path / "corner.xlsx")
    with pytest.raises(ReturnFileError, match="1048576"):
        read_return(tmp_path / "corner.xlsx")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (201 * 2**20))
    with pytest.raises(ReturnFileError, match="unpacks to"):
        read_return(path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xlsx", b"hello", "damaged or is no Excel"),
        ("a.xlsx", b"", "empty"),
        ("a.xls", b"hello", "Excel workbook or a CSV"),
        ("a.csv", b"area_code\n\xa312\n", "line 2"),
        ("a.csv", b'a,"b\n', "no sound CSV"),
        ("a.csv", b"\n\n", "nothing in the return"),
        ("~$a.xlsx", b"x" * 165, "lock file"),
    ],
)
def test_what_is_no_return_is_refused_with_a_sentence(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReturnFileError, match=says):
        read_return(tmp_path / name)


def test_a_workbook_without_the_sheet_says_which_sheets_it_has(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Figures"
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(ReturnFileError, match="Figures"):
        read_return(tmp_path / "a.xlsx")


def test_a_file_that_is_not_there_could_not_run(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_return(tmp_path / "nowhere.csv")
    assert caught.value.exit_code == 2


def test_content_hash_depends_on_the_figures_alone(quarter: Period) -> None:
    rows = (
        Observation("E01", quarter, "ae_attendances", 210.0, 5000.0, "", ""),
        Observation("E02", quarter, "ae_attendances", None, None, "[c]", ""),
    )

    def returned(rows: tuple[Observation, ...], sha256: str) -> Return:
        return Return(
            programme="tiny", site="S01", agency="nhs", period=quarter, rows=rows, sha256=sha256
        )

    one = returned(rows, "a")
    assert one.content_hash == returned(rows[::-1], "b").content_hash
    other = (Observation("E01", quarter, "ae_attendances", 211.0, 5000.0, "", ""), rows[1])
    assert one.content_hash != returned(other, "a").content_hash


def test_a_workbook_holds_no_trace_of_the_hour(tmp_path: Path) -> None:
    """Receipts of a demonstration must be the same on every run, whatever the time."""
    guide = ["1", "tiny", "S01", "nhs", "2026 Q3"]
    rows: list[list[str | float | None]] = [["E01", "A", "2026 Q3", "ae", 3, 4, None, None, None]]
    write_return(tmp_path / "a.xlsx", guide, rows)
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        assert {member.date_time[0] for member in book.infolist()} == {1980}
        assert b"dcterms:modified" not in book.read("docProps/core.xml")
    assert read_return(tmp_path / "a.xlsx").guide["site"] == "S01"
