"""The template: what is asked, what is offered, what is in place already."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pytest

from evaluation.errors import WorkspaceError
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures, form
from evaluation.returns.template import write_template
from evaluation.returns.workbook import read_return
from evaluation.workspace import Workspace

Book = openpyxl.Workbook


def written(
    tiny: Programme, quarter: Period, folder: Path, last: Figures | None = None, agency: str = "nhs"
) -> Book:
    path = folder / "template.xlsx"
    write_template(tiny, "S01", agency, quarter, path, last_accepted=last)
    return openpyxl.load_workbook(path)


def offers(book: Book) -> dict[str, tuple[str, str | None, str]]:
    """Cells -> kind, operator and formula of what can be put in them."""
    return {
        str(v.sqref): (v.type, v.operator, v.formula1)
        for v in book["Return"].data_validations.dataValidation
    }


def test_codes_symbols_and_the_quarter_are_chosen_from_lists(
    tiny: Programme, quarter: Period, tmp_path: Path
) -> None:
    book = written(tiny, quarter, tmp_path)
    offered = offers(book)
    notes = book["Notes"]

    def listed(cells: str) -> list[object]:
        kind, _, source = offered[cells]
        assert kind == "list" and source is not None and source.startswith("Notes!")
        return [cell[0].value for cell in notes[source.removeprefix("Notes!").replace("$", "")]]

    assert listed("G2:G5") == [symbol.symbol for symbol in form().symbols]
    assert listed("A2:A5") == ["E01", "E02"]
    assert listed("D2:D5") == ["ae_attendances", "crisis_contacts"]
    assert offered["C2:C5"] == ("list", None, '"2026 Q3"')
    assert all(sheet.sheet_state == "visible" for sheet in book.worksheets)


def test_figures_are_limited_by_their_outcome_in_plain_words(
    tiny_workspace: Workspace, quarter: Period, tmp_path: Path
) -> None:
    declared = tiny_workspace.studies / "tiny" / "programme.yaml"
    text = declared.read_text(encoding="utf-8").replace("claimant_count]", "opinion]")
    declared.write_text(text, encoding="utf-8")
    book = written(Programme.load(tiny_workspace, "tiny"), quarter, tmp_path)
    offered = offers(book)
    assert offered["E2:E3"] == ("whole", "greaterThanOrEqual", "0")
    assert offered["F2:F3"] == ("decimal", "greaterThan", "0")
    assert offered["E6:E7"][0] == "decimal", "a mean is no whole number"
    assert offered["F6:F7"] == ("textLength", "equal", "0"), "a value has no denominator"
    said = {str(v.sqref): v.error for v in book["Return"].data_validations.dataValidation}
    assert said["E2:E3"].startswith("A whole number") and "symbol in status" in said["E2:E3"]


def test_guide_and_notes_say_whose_it_is_and_what_is_counted(
    tiny: Programme, quarter: Period, tmp_path: Path
) -> None:
    book = written(tiny, quarter, tmp_path)
    assert book.sheetnames == ["Return", "Guide", "Notes"]
    guide = [[book["Guide"].cell(row, column).value for column in (1, 2)] for row in range(1, 6)]
    assert guide == [
        ["template_version", form().template_version],
        ["programme", "tiny"],
        ["site", "S01"],
        ["agency", "nhs"],
        ["quarter", "2026 Q3"],
    ]
    lines = [[cell.value for cell in row] for row in book["Notes"].iter_rows()]
    for outcome in tiny.expected("S01", "nhs")[1]:
        line = next(line for line in lines if line[0] == outcome.code)
        assert line[1:5] == [outcome.title, outcome.numerator, outcome.denominator, "whole numbers"]
    for symbol in form().symbols:
        assert [symbol.symbol, symbol.about] in [line[:2] for line in lines]


def test_cells_are_typed_and_what_is_to_be_filled_in_is_shaded(
    tiny: Programme, quarter: Period, denominators: Figures, tmp_path: Path
) -> None:
    sheet = written(tiny, quarter, tmp_path, denominators)["Return"]
    formats = [sheet.cell(2, column).number_format for column in range(1, 10)]
    assert formats == ["@", "@", "@", "@", "General", "General", "@", "@", "General"]
    assert sheet["E2"].fill.fill_type == "solid" and sheet["F2"].fill.fill_type is None
    assert sheet["I2"].value == 210 and sheet.freeze_panes == "A2"
    empty = written(tiny, quarter, tmp_path)["Return"]
    assert empty["F2"].fill.fill_type == "solid" and empty["F2"].value is None


def test_what_an_official_source_publishes_is_not_asked(
    tiny: Programme, quarter: Period, tmp_path: Path
) -> None:
    sheet = written(tiny, quarter, tmp_path, agency="council")["Return"]
    assert {sheet.cell(row, 4).value for row in range(2, sheet.max_row + 1)} == {"arrears"}
    with pytest.raises(WorkspaceError):
        write_template(tiny, "S01", "dwp", quarter, tmp_path / "t.xlsx")
    with pytest.raises(WorkspaceError, match="nothing is asked"):
        write_template(tiny, "S01", "nhs", Period.parse("2026"), tmp_path / "t.xlsx")


def test_a_declared_denominator_stands_in_a_first_return_and_gives_way_to_an_accepted_one(
    tiny_workspace: Workspace, quarter: Period, tmp_path: Path
) -> None:
    folder = tiny_workspace.studies / "tiny"
    with (folder / "programme.yaml").open("a", encoding="utf-8") as stream:
        stream.write("denominators: denominators.csv\n")
    rows = "area,outcome,denominator\nE01,ae_attendances,4800\nE02,ae_attendances,5900\n"
    (folder / "denominators.csv").write_text(rows, encoding="utf-8")
    programme = Programme.load(tiny_workspace, "tiny")
    last = {("E01", "ae_attendances"): (210.0, 5000.0), ("E02", "ae_attendances"): (None, None)}
    path = tmp_path / "template.xlsx"
    assert write_template(programme, "S01", "nhs", quarter, path) == 2
    assert [row.values[5] for row in read_return(path).rows] == [4800, 5900, None, None]
    assert write_template(programme, "S01", "nhs", quarter, path, last_accepted=last) == 2
    assert [row.values[5] for row in read_return(path).rows] == [5000, 5900, None, None]

    (folder / "denominators.csv").write_text(rows + "E99,arrears,10\n", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="E99 and arrears"):
        Programme.load(tiny_workspace, "tiny")


def test_the_csv_has_the_same_rows(
    tiny: Programme, quarter: Period, denominators: Figures, tmp_path: Path
) -> None:
    book = written(tiny, quarter, tmp_path, denominators)
    path = tmp_path / "S01_nhs_2026-Q3.csv"
    write_template(tiny, "S01", "nhs", quarter, path, last_accepted=denominators)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    shown = book["Return"].iter_rows(values_only=True)
    assert rows == [["" if value is None else str(value) for value in row] for row in shown]


def test_an_outcome_asked_for_fewer_areas_moves_no_limit_to_anothers_rows(
    tiny_workspace: Workspace, quarter: Period, tmp_path: Path
) -> None:
    path = tiny_workspace.studies / "tiny" / "programme.yaml"
    text = path.read_text(encoding="utf-8").replace("claimant_count]", "claimant_count, opinion]")
    text = text.replace("agency: dwp}", "agency: dwp, authorities: [A1, A2, A3]}")
    path.write_text(text, encoding="utf-8")
    # Attendances are asked of the source in the comparison areas alone, opinions in all.
    opinion = path.parent / "outcomes" / "opinion.yaml"
    said = opinion.read_text(encoding="utf-8").replace("source: site", "source: nhs_england", 1)
    opinion.write_text(said, encoding="utf-8")
    tiny = Programme.load(tiny_workspace, "tiny")
    made = tmp_path / "OPEN_nhs_england_2026-Q3.xlsx"
    write_template(tiny, "OPEN", "nhs_england", quarter, made)
    book = openpyxl.load_workbook(made)
    sheet, offered = book["Return"], offers(book)
    of = {row: str(sheet.cell(row, 4).value) for row in range(2, sheet.max_row + 1)}
    counts = [list(of.values()).count(code) for code in dict.fromkeys(of.values())]
    assert len(set(counts)) > 1
    for cells, (kind, _, _) in offered.items():
        if cells.startswith("E"):
            first, _, last = cells.replace("E", "").partition(":")
            codes = {of[row] for row in range(int(first), int(last) + 1)}
            assert len(codes) == 1
            assert kind == ("whole" if tiny.outcome_by_code[codes.pop()].whole else "decimal")
