"""The reply workbook: the officer's own file back, marked, with the words of the terminal."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.styles import Font

from evaluation.check.report import Checked, reply, report, shown
from evaluation.check.stages import check_return
from evaluation.errors import UserError
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures
from evaluation.returns.reply import AUTHOR, MAX_CELLS
from evaluation.returns.template import write_template
from evaluation.returns.workbook import RawRow, read_return
from tests.unit.last_accepted import before_of

FILLED = {"E2": "<5", "E3": 251.5, "E4": 250, "E5": 33}
RED, AMBER = "FFF8D0CE", "FFFFEDB3"


@pytest.fixture
def path(tiny: Programme, quarter: Period, denominators: Figures, tmp_path: Path) -> Path:
    """A return with two errors and a jump, and an officer's own formats and comment."""
    path = tmp_path / "return.xlsx"
    write_template(tiny, "S01", "nhs", quarter, path, last_accepted=denominators)
    book = openpyxl.load_workbook(path)
    sheet = book["Return"]
    for cell, value in FILLED.items():
        sheet[cell] = value
    sheet["E3"].font = Font(bold=True, color="FF00AA00")
    sheet["E3"].number_format = "0.000"
    sheet["E3"].comment = Comment("from the ward list", "Officer")
    sheet["H5"] = "checked twice"
    book.save(path)
    return path


def replied(
    path: Path, programme: Programme, last: Figures | None = None
) -> tuple[Any, Checked, Path]:
    raw = read_return(path)
    checked = check_return(raw, programme, before=before_of(last))
    out = path.with_name(f"{path.stem}.reply.xlsx")
    reply(raw, checked, out)
    return openpyxl.load_workbook(out), checked, out


def test_problem_cells_are_coloured_and_say_what_and_how(
    tiny: Programme, path: Path, denominators: Figures
) -> None:
    book, checked, _ = replied(path, tiny, denominators)
    sheet = book["Return"]
    assert {p.cell for p in checked.problems} == {"E2", "E3", "E4"}
    for problem in checked.problems:
        cell = sheet[problem.cell]
        assert cell.fill.fgColor.rgb == (RED if problem.severity == "error" else AMBER)
        assert problem.message in cell.comment.text and problem.rule in cell.comment.text
        assert problem.mend in cell.comment.text and "--" not in cell.comment.text
    own = openpyxl.load_workbook(path)["Return"]["E5"].fill
    assert sheet["E5"].fill.fgColor.rgb == own.fgColor.rgb and sheet["E5"].comment is None


def test_the_officers_values_formats_and_comments_stay(
    tiny: Programme, path: Path, denominators: Figures
) -> None:
    before = openpyxl.load_workbook(path)
    book, _, _ = replied(path, tiny, denominators)
    for sheet in before.worksheets:
        values = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert [[c.value for c in row] for row in book[sheet.title].iter_rows()] == values
    cell = book["Return"]["E3"]
    assert cell.font.bold and cell.font.color.rgb == "FF00AA00" and cell.number_format == "0.000"
    assert "from the ward list" in cell.comment.text
    widths = before["Return"].column_dimensions
    assert book["Return"].column_dimensions["B"].width == widths["B"].width
    assert book["Return"].data_validations.count == before["Return"].data_validations.count


def test_the_list_has_the_words_and_the_order_of_the_terminal_and_links(
    tiny: Programme, path: Path, denominators: Figures
) -> None:
    book, checked, _ = replied(path, tiny, denominators)
    sheet = book["Problems"]
    text = report(checked)
    assert sheet["A1"].value == text.splitlines()[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=5)]
    assert [row[0] for row in rows] == [p.cell for p in checked.problems]
    for row, problem in zip(rows, checked.problems, strict=True):
        assert row[2] in text and row[3] == problem.mend and row[5] == problem.rule
        # What is asked has its own advice here; the terminal says how to give a reason there.
        assert problem.severity == "confirm" or row[3] in text
    links = [row[0].hyperlink.location for row in sheet.iter_rows(min_row=5)]
    assert links == [f"'Return'!{p.cell}" for p in checked.problems]
    assert book.active.title == "Problems"
    assert [s.title for s in book.worksheets if s.sheet_view.tabSelected] == ["Problems"]


def test_a_reply_that_is_mended_is_a_return_without_old_marks(
    tiny: Programme, path: Path, denominators: Figures
) -> None:
    _, _, out = replied(path, tiny, denominators)
    book = openpyxl.load_workbook(out)
    book["Return"]["E2"], book["Return"]["E3"] = 215, 251
    book["Return"]["E4"] = 24
    book.save(out)
    again, checked, _ = replied(out, tiny, denominators)
    (asked,) = checked.problems  # the officer's own comment, which nobody may drop
    assert (asked.rule, asked.cell, asked.value) == ("R076", "E3", "from the ward list")
    assert again["Return"]["E2"].comment is None
    assert again["Return"]["E2"].fill.fill_type is None
    assert again["Return"]["E3"].comment.text.endswith("from the ward list")
    assert again.sheetnames.count("Problems") == 1
    assert again["Problems"].max_row == 5


def test_a_csv_comes_back_as_a_workbook_that_can_be_sent(tiny: Programme, tmp_path: Path) -> None:
    path = tmp_path / "S01_nhs_2026-Q3.csv"
    rows = [
        "area_code,quarter,outcome,numerator,denominator,status,note",
        "",
        "E01,2026 Q3,ae_attendances,<5,5000,,=HYPERLINK(1)",
        "E02,2026 Q3,ae_attendances,251,6000,,",
        "E01,2026 Q3,crisis_contacts,24,5000,,",
        "E02,2026 Q3,crisis_contacts,33,6000,,",
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    book, checked, out = replied(path, tiny)
    sheet = book["Return"]
    assert sheet["D3"].value == "<5" and sheet["D3"].fill.fgColor.rgb == RED
    assert (sheet["G3"].value, sheet["G3"].data_type) == ("=HYPERLINK(1)", "s"), "never executed"
    assert [book["Guide"].cell(row, 2).value for row in range(1, 6)][2:] == [
        "S01",
        "nhs",
        "2026 Q3",
    ]
    assert {p.cell for p in checked.of("error")} == {"D3"}
    raw = read_return(out)
    assert raw.rows[0].values[:7] == (None,) * 7 and raw.rows[1].values[3] == "<5"


def test_a_value_that_a_terminal_would_obey_is_only_shown() -> None:
    assert shown("a\x1b[2J\u202eb") == '"a�[2J�b"'
    assert len(shown("x" * 5000)) < 80


def test_faults_of_the_guide_and_of_no_cell_are_listed(tiny: Programme, path: Path) -> None:
    book = openpyxl.load_workbook(path)
    book["Guide"]["B3"] = "S09"
    book["Return"].delete_rows(5)
    book.save(path)
    marked, checked, _ = replied(path, tiny)
    assert marked["Guide"]["B3"].fill.fgColor.rgb == RED
    links = {
        row[0].value: row[0].hyperlink and row[0].hyperlink.location
        for row in marked["Problems"].iter_rows(min_row=5)
    }
    assert links["Guide!B3"] == "'Guide'!B3"
    assert len(links) <= len(checked.problems)


def test_two_faults_of_a_cell_share_its_comment_and_the_worse_colours_it(
    tiny: Programme, path: Path
) -> None:
    book = openpyxl.load_workbook(path)
    book["Return"].row_dimensions[2].hidden = True
    book["Return"]["A2"] = "E0I"
    book.save(path)
    marked, checked, _ = replied(path, tiny)
    told = [p for p in checked.problems if p.cell == "A2"]
    assert marked["Return"]["A2"].fill.fgColor.rgb == RED
    assert all(p.rule in marked["Return"]["A2"].comment.text for p in told)


def test_a_fault_inside_merged_cells_is_marked_on_the_cell_that_shows(
    tiny: Programme, path: Path
) -> None:
    book = openpyxl.load_workbook(path)
    book["Return"].merge_cells("G2:H2")
    book["Return"]["G2"] = "c"
    book.save(path)
    marked, _, _ = replied(path, tiny)
    assert marked["Return"]["G2"].comment.author == AUTHOR


def test_a_workbook_of_strange_formats_comes_back_as_its_cells(tiny: Programme, path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(
        b'patternType="none"', b'patternType="?"'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    path.write_bytes(out.getvalue())
    marked, _, _ = replied(path, tiny)
    assert marked["Return"]["E2"].value == "<5" and marked["Return"]["E2"].comment is not None


def test_a_reply_is_a_workbook_in_a_place_that_exists_and_of_a_size_that_can_be_read(
    tiny: Programme, path: Path, tmp_path: Path
) -> None:
    raw = read_return(path)
    checked = check_return(raw, tiny)
    with pytest.raises(UserError, match="is an Excel workbook"):
        reply(raw, checked, tmp_path / "a.csv")
    with pytest.raises(UserError, match="cannot be written"):
        reply(raw, checked, tmp_path / "nowhere" / "a.xlsx")
    row = RawRow(2, (None,) * (MAX_CELLS + 1))
    long = replace(raw, rows=(row,))
    with pytest.raises(UserError, match="marked copy"):
        reply(long, checked, tmp_path / "a.xlsx")
    formatted = replace(raw.sheets[0], cells=MAX_CELLS + 1)  # formats without values count too
    with pytest.raises(UserError, match="marked copy"):
        reply(replace(raw, sheets=(formatted,)), checked, tmp_path / "a.xlsx")


@pytest.mark.parametrize("reference", ["", "B0", "A1:B2", "ZZZ1", "XFD1048577", "x"])
def test_a_comment_on_a_cell_that_there_is_not_is_marked_all_the_same(
    tiny: Programme, path: Path, reference: str
) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    (part,) = (name for name in parts if name.endswith("comment1.xml"))
    parts[part] = parts[part].replace(b'ref="E3"', f'ref="{reference}"'.encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    _, checked, out = replied(path, tiny)
    assert ("R076", "A1") in {(p.rule, p.cell) for p in checked.problems} and out.exists()
