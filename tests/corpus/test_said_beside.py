"""What an officer says outside the cells is asked in its own words; rounding is seen, or said."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Font

from evaluation.check.report import Checked, report
from evaluation.check.stages import check_return
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import common_base, rounding_base
from evaluation.returns.remarks import AUTHOR
from evaluation.returns.template import write_template
from evaluation.returns.workbook import read_return

Change = Callable[[Any], None]
FIGURES = (215, 251, 24, 33)
DRAWING = """<?xml version="1.0"?>
<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
 xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><xdr:twoCellAnchor>
<xdr:from><xdr:col>9</xdr:col><xdr:colOff>0</xdr:colOff><xdr:row>3</xdr:row></xdr:from>
<xdr:to><xdr:col>12</xdr:col><xdr:row>9</xdr:row></xdr:to><xdr:sp><xdr:txBody><a:p>
<a:r><a:t>June missing</a:t></a:r></a:p><a:p><a:r><a:t>at Alderbrook</a:t></a:r></a:p>
</xdr:txBody></xdr:sp></xdr:twoCellAnchor></xdr:wsDr>"""
LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/drawing"


def workbook(programme: Programme, folder: Path, change: Change) -> Path:
    path = folder / "return.xlsx"
    write_template(programme, "S01", "nhs", Period.parse("2026 Q3"), path)
    book = openpyxl.load_workbook(path)
    for number, figure in enumerate(FIGURES, start=2):
        book["Return"].cell(number, 5).value = figure
        book["Return"].cell(number, 6).value = 5000 if number % 2 == 0 else 6000
    change(book)
    book.save(path)
    return path


def checked(path: Path, programme: Programme) -> Checked:
    return check_return(read_return(path), programme)


def comment(cell: str, words: str, sheet: str = "Return") -> Change:
    return lambda book: setattr(book[sheet][cell], "comment", Comment(words, "An officer"))


def struck(*cells: str) -> Change:
    def change(book: Any) -> None:
        for cell in cells:
            book["Return"][cell].font = Font(strike=True)

    return change


def struck_inside(book: Any) -> None:
    gone = TextBlock(InlineFont(strike=True), "checked by Jo")
    book["Return"]["H3"].value = CellRichText(gone, " again")


def sheet(title: str, rows: list[list[Any]]) -> Change:
    def change(book: Any) -> None:
        for row in rows:
            (book[title] if title in book.sheetnames else book.create_sheet(title)).append(row)

    return change


def below(*row: Any) -> Change:
    return lambda book: book["Return"].append(row)


def beside(**cells: Any) -> Change:
    def change(book: Any) -> None:
        for cell, value in cells.items():
            book["Return"][cell] = value

    return change


OTHERS = [["Alderbrook", 220], ["Aldergate", 260], ["Alderbrook", 25]]
HEADED = [["area_code", "quarter", "outcome", "numerator"], ["E01", "2026 Q3", "x", 12]]

SAID: dict[str, tuple[Change, str, str, str]] = {
    "a comment": (comment("E2", "June missing"), "R076", "E2", "June missing"),
    "a comment of two lines": (comment("E4", "June\nmissing"), "R076", "E4", "June missing"),
    "a comment on a status": (comment("G3", "withheld?"), "R076", "G3", "withheld?"),
    "a comment on a heading": (comment("E1", "incl. minor injuries"), "R076", "E1", "incl. minor"),
    "a comment on the guide": (comment("B5", "or Q2?", "Guide"), "R076", "B5", "or Q2?"),
    "a comment on a name": (comment("B2", "boundary moved"), "R076", "B2", "boundary moved"),
    "a struck figure": (struck("E3"), "R077", "E3", "251"),
    "a struck denominator": (struck("F5"), "R077", "F5", "6000"),
    "a struck row": (struck(*(f"{c}4" for c in "ABCDEFGH")), "R077", "A4", "E01"),
    "struck rows": (struck("E2", "E3", "E4"), "R077", "E2", "to row 4"),
    "words struck in a note": (struck_inside, "R077", "H3", "checked by Jo"),
    "other figures on a sheet": (sheet("corrected", OTHERS), "R078", "A1", "Alderbrook"),
    "another table on a sheet": (sheet("Q3 new", HEADED), "R078", "A1", "area_code"),
    "words below": (below("Source: PAS. June missing"), "R079", "A6", "June missing"),
    "words below the figures": (
        below(None, None, None, None, "all estimated"),
        "R079",
        "E6",
        "est",
    ),
    "words to the right": (beside(J3="June missing"), "R014", "J3", "June missing"),
    "a column of words": (beside(J1="remarks", J3="June missing"), "R012", "J1", "June missing"),
    "a total that does not fit": (below("Total", None, None, None, 900), "R018", "A6", "900"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_outside_the_cells_is_asked_with_its_words(
    name: str, tiny: Programme, tmp_path: Path
) -> None:
    change, rule, cell, words = SAID[name]
    found = checked(workbook(tiny, tmp_path, change), tiny)
    (asked,) = found.of("confirm")
    assert (asked.rule, asked.cell) == (rule, cell)
    assert words in asked.message, asked.message
    assert found.of("error") == () and words in report(found)


def test_a_hidden_sheet_is_asked_with_its_first_words(tiny: Programme, tmp_path: Path) -> None:
    def hide(book: Any) -> None:
        sheet("old", OTHERS)(book)
        book["old"].sheet_state = "veryHidden"

    (asked,) = checked(workbook(tiny, tmp_path, hide), tiny).of("confirm")
    assert asked.rule == "R073" and "Alderbrook" in asked.message


def with_parts(path: Path, **parts: str) -> None:
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    for name, content in parts.items():
        held[name.replace("__", "/").replace("_dot_", ".")] = content.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)


def links(kind: str, target: str) -> str:
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    one = f'<Relationship Id="rId7" Type="{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{space}">{one}</Relationships>'


def test_a_text_box_is_asked_at_the_cell_it_lies_on(tiny: Programme, tmp_path: Path) -> None:
    path = workbook(tiny, tmp_path, lambda _: None)
    with_parts(
        path,
        xl__worksheets___rels__sheet1_dot_xml_dot_rels=links(LINK, "../drawings/drawing1.xml"),
        xl__drawings__drawing1_dot_xml=DRAWING,
    )
    (asked,) = checked(path, tiny).of("confirm")
    assert (asked.rule, asked.cell, asked.value) == ("R079", "J4", "June missing at Alderbrook")


def test_a_thread_is_read_and_not_the_line_that_stands_for_it(
    tiny: Programme, tmp_path: Path
) -> None:
    path = workbook(tiny, tmp_path, lambda _: None)
    kind = "http://schemas.microsoft.com/office/2017/10/relationships/threadedComment"
    thread = (
        '<ThreadedComments xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/'
        'threadedcomments"><threadedComment ref="E3"><text>June missing</text></threadedComment>'
        "</ThreadedComments>"
    )
    with_parts(
        path,
        xl__worksheets___rels__sheet1_dot_xml_dot_rels=links(kind, "/xl/threadedComments/t1.xml"),
        xl__threadedComments__t1_dot_xml=thread,
    )
    (asked,) = checked(path, tiny).of("confirm")
    assert (asked.rule, asked.cell, asked.value) == ("R076", "E3", "June missing")


def test_our_own_marks_are_no_words_of_an_officer(tiny: Programme, tmp_path: Path) -> None:
    def mark(book: Any) -> None:
        book["Return"]["E2"].comment = Comment("A figure is a number. (R020)", AUTHOR)

    assert checked(workbook(tiny, tmp_path, mark), tiny).accepted


AREAS = [f"E{number:02d}" for number in range(1, 9)]


@pytest.fixture
def eight(tiny: Programme) -> Programme:
    """The tiny programme with eight areas at its first site."""
    first = tiny.areas[0]
    areas = [first.model_copy(update={"code": code, "name": f"Alder {code}"}) for code in AREAS]
    return tiny.model_copy(update={"areas": tuple(areas)})


def arrears(
    programme: Programme, folder: Path, figures: list[object], status: str = "", note: str = ""
) -> Checked:
    path = folder / "S01_council_2026-Q3.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(
            ["area_code", "quarter", "outcome", "numerator", "denominator", "status", "note"]
        )
        for code, figure in zip(AREAS, figures, strict=True):
            out.writerow([code, "2026 Q3", "arrears", figure, 5000, status, note])
    return checked(path, programme)


EXACT: list[object] = [213, 187, 205, 241, 196, 222, 230, 208]


@pytest.mark.parametrize(
    ("figures", "base"),
    [
        ([210, 190, 200, 240, 200, 220, 230, 210], 10),
        ([215, 185, 205, 240, 195, 220, 230, 210], 5),
        ([300, 200, 200, 200, 200, 200, 200, 200], 10),
        ([215, 185, 205, 240, 195, 220, 230, 0], 5),
        ([1000, 800, 950, 700, 650, 850, 900, 1050], 10),
        ([35, 40, 25, 55, 60, 15, 20, 45], 5),
        ([50, 100, 50, 150, 100, 200, 50, 100], 10),
    ],
)
def test_a_column_of_multiples_asks_once(
    figures: list[object], base: int, eight: Programme, tmp_path: Path
) -> None:
    found = arrears(eight, tmp_path, figures)
    (asked,) = [p for p in found.of("confirm") if p.rule == "R058"]
    assert f"multiples of {base}" in asked.message and asked.cell == "D2"
    said = arrears(eight, tmp_path, figures, "[r]", f"rounded to {base}")
    assert [p for p in said.problems if p.rule in ("R058", "R059")] == []


@pytest.mark.parametrize(
    "figures",
    [
        EXACT,
        [210, 187, 205, 240, 196, 222, 230, 208],
        [5, 12, 8, 10, 15, 7, 20, 9],
        [0, 0, 0, 0, 5, 0, 10, 0],
        [215, 185, 205, 240, 196, 222, 230, 210],
    ],
)
def test_exact_figures_are_not_asked(
    figures: list[object], eight: Programme, tmp_path: Path
) -> None:
    assert [p for p in arrears(eight, tmp_path, figures).problems if p.rule == "R058"] == []


def test_a_source_that_declares_its_rounding_is_not_asked(eight: Programme, tmp_path: Path) -> None:
    outcomes = [
        o.model_copy(update={"rounded_to": 5.0}) if o.code == "arrears" else o
        for o in eight.outcomes
    ]
    declared = eight.model_copy(update={"outcomes": tuple(outcomes)})
    figures: list[object] = [215, 185, 205, 240, 195, 220, 230, 210]
    assert arrears(declared, tmp_path, figures).accepted
    assert arrears(declared, tmp_path, figures, "[r]").accepted
    assert not arrears(declared, tmp_path, EXACT, "[r]").accepted


@pytest.mark.parametrize(
    "text", ["3E+02", "2.9E+02", "3e+02", "3E2", "1.25E+03", "-3E+02", "2.15E+02", " 3E+02"]
)
def test_a_shortened_number_is_refused_with_its_cause(
    text: str, eight: Programme, tmp_path: Path
) -> None:
    found = arrears(eight, tmp_path, [text, *EXACT[1:]])
    (told,) = found.of("error")
    assert (told.rule, told.cell) == ("R029", "D2") and "shortened" in told.message
    assert "Number Format" in told.mend


def test_a_workbook_keeps_the_whole_number_whatever_it_shows(
    tiny: Programme, tmp_path: Path
) -> None:
    def show(book: Any) -> None:
        book["Return"]["E2"].number_format = "0E+00"

    found = checked(workbook(tiny, tmp_path, show), tiny)
    assert found.accepted and found.returned is not None
    assert found.returned.rows[0].numerator == 215


@pytest.mark.parametrize(
    ("note", "base"),
    [
        ("rounded to 5", 5),
        ("Rounded to the nearest 10.", 10),
        ("nearest 100", 100),
        ("rounding base 5", 5),
        ("multiples of ten", 10),
        ("rounded to 1,000", 1000),
        ("rounded at 0.5", 0.5),
        ("figures are rounded", None),
        ("June missing", None),
        ("5 late records", None),
    ],
)
def test_a_note_says_to_what(note: str, base: float | None) -> None:
    assert rounding_base(note) == base


def test_the_coarsest_base_that_all_share() -> None:
    assert common_base([300, 450, 50]) == 50
    assert common_base([215, 300, 0]) == 5
    assert common_base([216, 300]) is None and common_base([0, 0]) is None
