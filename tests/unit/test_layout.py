"""What a workbook holds beside its values: formulas, merges, hidden rows, columns and sheets."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from evaluation.check import layout
from evaluation.check.report import Checked, Problem
from evaluation.check.stages import check_return
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures, address
from evaluation.returns.template import write_template
from evaluation.returns.workbook import read_return

Change = Callable[[Any], None]
CheckChanged = Callable[[Change], Checked]


@pytest.fixture
def path(tiny: Programme, quarter: Period, denominators: Figures, tmp_path: Path) -> Path:
    """S01's NHS return, filled in without a fault."""
    path = tmp_path / "return.xlsx"
    write_template(tiny, "S01", "nhs", quarter, path, last_accepted=denominators)
    book = openpyxl.load_workbook(path)
    for cell, value in {"E2": 215, "E3": 251, "E4": 24, "E5": 33}.items():
        book["Return"][cell] = value
    book.save(path)
    return path


@pytest.fixture
def check(tiny: Programme, path: Path) -> CheckChanged:
    def run(change: Change) -> Checked:
        book = openpyxl.load_workbook(path)
        change(book)
        book.save(path)
        return check_return(read_return(path), tiny)

    return run


def places(checked: Checked) -> list[tuple[str, str | None, str | None]]:
    return [(p.rule, p.sheet, p.cell) for p in checked.problems]


def only(checked: Checked) -> Problem:
    (found,) = checked.problems
    return found


def with_xml(path: Path, before: str, after: str) -> None:
    """Replace a piece of the return sheet's XML."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    changed = re.sub(before, after, sheet)
    assert changed != sheet
    parts["xl/worksheets/sheet1.xml"] = changed.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_formula_is_an_error_that_names_its_last_result(tiny: Programme, path: Path) -> None:
    with_xml(path, r'(<c r="E2"[^>]*>)<v>215</v>', r"\1<f>A1*2</f><v>215</v>")
    found = only(check_return(read_return(path), tiny))
    assert (found.rule, found.severity, found.cell, found.value) == ("R070", "error", "E2", 215.0)
    assert "215" in found.message and "215" in found.mend


def test_each_cell_of_a_shared_formula_is_named(tiny: Programme, path: Path) -> None:
    with_xml(
        path, r'(<c r="E2"[^>]*>)<v>', r'\1<f t="shared" ref="E2:E3" si="0">F2/20</f><v>'
    )  # the second cell of a shared formula holds an empty mark of it
    with_xml(path, r'(<c r="E3"[^>]*>)<v>', r'\1<f t="shared" si="0"/><v>')
    checked = check_return(read_return(path), tiny)
    assert places(checked) == [("R070", "Return", "E2"), ("R070", "Return", "E3")]


def test_a_formula_without_a_result_is_told_once(check: CheckChanged) -> None:
    def write(book: Any) -> None:
        book["Return"]["E2"] = "=1+2"
        book["Return"]["F3"] = "=1+2"

    checked = check(write)
    assert places(checked) == [("R070", "Return", "E2"), ("R070", "Return", "F3")]
    assert "does not hold its result" in checked.problems[0].message


def test_a_formula_that_failed_is_told_as_that(tiny: Programme, path: Path) -> None:
    with_xml(path, r'<c r="E2"[^>]*><v>215</v>', '<c r="E2" t="e"><f>1/0</f><v>#DIV/0!</v>')
    assert only(check_return(read_return(path), tiny)).rule == "R023"


def test_a_formula_for_the_eye_is_nobodys_fault(check: CheckChanged) -> None:
    def write(book: Any) -> None:
        book["Return"]["B2"] = '=UPPER("a")'
        book["Return"]["I2"] = "=1+2"

    assert check(write).accepted


def test_hidden_rows_are_questioned_a_run_at_a_time(check: CheckChanged) -> None:
    def hide(book: Any) -> None:
        for row in (2, 3, 5, 40):
            book["Return"].row_dimensions[row].hidden = True

    checked = check(hide)
    assert places(checked) == [("R071", "Return", "A2"), ("R071", "Return", "A5")]
    assert "Rows 2 to 3 are hidden" in checked.problems[0].message
    assert not checked.accepted and checked.returned is not None


def test_a_hidden_column_of_the_return_is_questioned(check: CheckChanged) -> None:
    def hide(book: Any) -> None:
        for letter in "BFI":
            book["Return"].column_dimensions[letter].hidden = True

    found = only(check(hide))
    assert (found.rule, found.cell, found.severity) == ("R072", "F1", "confirm")
    assert "denominator" in found.message


def test_hidden_and_other_sheets_are_told_and_empty_ones_are_not(check: CheckChanged) -> None:
    def add(book: Any) -> None:
        book.create_sheet("Raw")["C4"] = "Mrs Example"
        book["Raw"].sheet_state = "veryHidden"
        book.create_sheet("Workings")["A1"] = 12
        book.create_sheet("Sheet3")

    checked = check(add)
    assert set(places(checked)) == {("R073", "Raw", "C4"), ("R075", "Workings", "A1")}
    assert "1 cell" in checked.problems[0].message
    assert [p.severity for p in checked.problems] == ["confirm", "note"]


def test_merged_cells_are_one_fault_with_the_cell_that_is_kept(check: CheckChanged) -> None:
    found = only(check(lambda book: book["Return"].merge_cells("E2:E3")))
    assert (found.rule, found.cell, found.value) == ("R074", "E2", 215.0)
    assert "E2:E3" in found.message


def test_merged_cells_hide_no_other_empty_cell(check: CheckChanged) -> None:
    def merge(book: Any) -> None:
        book["Return"].merge_cells("E2:E3")
        book["Return"]["E5"] = None

    assert places(check(merge)) == [("R074", "Return", "E2"), ("R050", "Return", "E5")]


def test_a_merge_beside_the_table_is_no_fault(check: CheckChanged) -> None:
    assert check(lambda book: book["Return"].merge_cells("K20:L30")).accepted


def test_many_large_merges_cost_no_more_than_small_ones(
    tiny: Programme, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merges = "".join(f'<mergeCell ref="A{n}:AZ{n + 20_000}"/>' for n in range(1, 400))
    with_xml(path, "</sheetData>", f"</sheetData><mergeCells>{merges}</mergeCells>")
    named = 0

    def counting(row: int, column: int) -> str:
        nonlocal named
        named += 1
        return address(row, column)

    monkeypatch.setattr(layout, "address", counting)
    checked = check_return(read_return(path), tiny)
    assert ("R074", "Return", "A1") in places(checked)
    assert named < 10_000  # and not one for each of four hundred million covered cells


def test_a_hidden_column_is_told_at_its_heading(tiny: Programme, path: Path) -> None:
    book = openpyxl.load_workbook(path)
    book["Return"].insert_rows(1, 2)
    book["Return"]["A1"] = "Figures of the quarter"
    book["Return"].column_dimensions["F"].hidden = True
    book.save(path)
    checked = check_return(read_return(path), tiny)
    assert ("R072", "Return", "F3") in places(checked)
