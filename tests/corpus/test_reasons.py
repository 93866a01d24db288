"""Replies and reasons: a marked copy that comes back, reasons in any form, none lost in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from evaluation.check.report import (
    Checked,
    Confirmation,
    confirmed,
    in_marked_copy,
    problem,
    read_confirmations,
    reply,
    unused,
)
from evaluation.check.stages import check_return
from evaluation.errors import UserError
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures
from evaluation.returns.reply import REASON
from evaluation.returns.template import write_template
from evaluation.returns.workbook import RawReturn, read_return
from tests.unit.last_accepted import before_of

HEAD = "area_code,area_name,quarter,outcome,numerator,denominator,status,note\n"
ROWS = (
    "E01,Alderbrook,2026 Q3,ae_attendances,{a},5000,,\n"
    "E02,Aldergate,2026 Q3,ae_attendances,251,6000,,\n"
    "E01,Alderbrook,2026 Q3,crisis_contacts,{b},5000,,\n"
    "E02,Aldergate,2026 Q3,crisis_contacts,33,6000,,\n"
)
LAST: Figures = {
    ("E01", "ae_attendances"): (210.0, 5000.0),
    ("E01", "crisis_contacts"): (25.0, 5000.0),
}
NAME = "S01_nhs_2026-Q3.csv"


def a_csv(folder: Path, a: object = 215, b: object = 24) -> Path:
    path = folder / NAME
    path.write_text(HEAD + ROWS.format(a=a, b=b), encoding="utf-8")
    return path


def looked_at(path: Path, programme: Programme) -> tuple[RawReturn, Checked]:
    raw = read_return(path)
    return raw, check_return(raw, programme, before=before_of(LAST))


def marked(path: Path, programme: Programme) -> Path:
    raw, checked = looked_at(path, programme)
    out = path.with_name("marked.xlsx")
    reply(raw, checked, out)
    return out


def change(path: Path, **cells: Any) -> None:
    book = openpyxl.load_workbook(path)
    for cell, value in cells.items():
        book["Return"][cell] = value
    book.save(path)


def say_why(path: Path, **reasons: str) -> None:
    """Write reasons beside the questions in these cells."""
    book = openpyxl.load_workbook(path)
    sheet = book["Problems"]
    heads = [cell.value for cell in sheet[4]]
    for row in sheet.iter_rows(min_row=5):
        cell = str(row[heads.index("Cell")].value)
        if cell in reasons:
            sheet.cell(row[0].row, heads.index(REASON) + 1).value = reasons[cell]
    book.save(path)


def test_a_csvs_marked_copy_once_mended_is_a_return(tiny: Programme, tmp_path: Path) -> None:
    back = marked(a_csv(tmp_path, a="<5", b=24.5), tiny)
    guide = openpyxl.load_workbook(back)["Guide"]
    assert [guide.cell(row, 2).value for row in range(1, 6)] == [
        "1",
        "tiny",
        "S01",
        "nhs",
        "2026 Q3",
    ]
    change(back, E2=None, G2="[c]", E4=24)
    _, checked = looked_at(back, tiny)
    assert checked.accepted and checked.of("error") == ()


def test_told_to_write_c_one_is_not_then_asked_why(tiny: Programme, tmp_path: Path) -> None:
    _, told = looked_at(a_csv(tmp_path, a="<5"), tiny)
    assert "put [c] in status" in told.of("error")[0].mend
    text = HEAD + ROWS.format(a="", b=24).replace(",,5000,,", ",,5000,[c],")
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    _, checked = looked_at(tmp_path / NAME, tiny)
    assert checked.accepted and [p.rule for p in checked.problems] == ["R068"]
    (tmp_path / NAME).write_text(text.replace("[c]", "[x]"), encoding="utf-8")
    assert [p.rule for p in looked_at(tmp_path / NAME, tiny)[1].of("confirm")] == ["R068"]


def test_reasons_in_the_marked_copy_are_read_back(tiny: Programme, tmp_path: Path) -> None:
    back = marked(a_csv(tmp_path, a=800, b=250), tiny)
    say_why(back, E2="a new ward", E4="a crisis line opened")
    raw, checked = looked_at(back, tiny)
    given = in_marked_copy(raw)
    kept, still_open = confirmed(checked, given)
    assert still_open == () and unused(checked, given) == ()
    assert [(one.rule, one.cell, one.reason) for one in kept] == [
        ("R060", "E2", "a new ward"),
        ("R060", "E4", "a crisis line opened"),
    ]


@pytest.mark.parametrize("nothing", ["?", ".", "-", "...", "123", "✓"])
def test_a_sign_is_no_reason(nothing: str, tiny: Programme, tmp_path: Path) -> None:
    back = marked(a_csv(tmp_path, a=800, b=250), tiny)
    say_why(back, E2=nothing, E4="ward moved")
    raw, checked = looked_at(back, tiny)
    given = in_marked_copy(raw)
    kept, still_open = confirmed(checked, given)
    assert [one.cell for one in kept] == ["E4"] and [p.cell for p in still_open] == ["E2"]
    (note,) = unused(checked, given)
    assert repr(nothing) in note.message and "write why it is right" in note.message
    table = tmp_path / "why.csv"
    table.write_text(f"rule,cell,reason\nR060,E2,{nothing}\n", encoding="utf-8")
    with pytest.raises(UserError, match="a reason in words"):
        read_confirmations(table)


def test_a_reason_goes_on_into_the_next_marked_copy(tiny: Programme, tmp_path: Path) -> None:
    back = marked(a_csv(tmp_path, a=800, b="<5"), tiny)
    say_why(back, E2="a new ward")
    again = back.with_name("again.xlsx")
    raw, checked = looked_at(back, tiny)
    reply(raw, checked, again)
    change(again, E4=24)
    raw, checked = looked_at(again, tiny)
    kept, still_open = confirmed(checked, in_marked_copy(raw))
    assert [one.reason for one in kept] == ["a new ward"] and still_open == ()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"E2": 8000, "F2": 50_000}, "has changed since"),
        ({"E2": 900}, "has changed since"),
        ({"E2": 215}, "asks nothing in E2"),
    ],
)
def test_a_reason_does_not_hold_for_what_was_changed_since(
    changed: dict[str, Any], why: str, tiny: Programme, tmp_path: Path
) -> None:
    back = marked(a_csv(tmp_path, a=800), tiny)
    say_why(back, E2="a new ward")
    change(back, **changed)
    raw, checked = looked_at(back, tiny)
    kept, still_open = confirmed(checked, in_marked_copy(raw))
    assert kept == ()
    assert {p.cell for p in still_open if p.rule == "R060"} == (
        {"E2"} if changed["E2"] != 215 else set()
    )
    (note,) = unused(checked, in_marked_copy(raw))
    assert why in note.message and "Problems, row" in note.message and note.rule == "R095"


def test_a_marked_copy_whose_guide_was_changed_is_as_safe_as_any_other(
    tiny: Programme, tmp_path: Path
) -> None:
    back = marked(a_csv(tmp_path, a=800), tiny)
    say_why(back, E2="a new ward")
    book = openpyxl.load_workbook(back)
    book["Guide"]["B5"] = "2026 Q2"
    book.save(back)
    raw, checked = looked_at(back, tiny)
    _, still_open = confirmed(checked, in_marked_copy(raw))
    assert any(p.rule in ("R007", "R038") for p in checked.problems) and not checked.accepted
    assert still_open


WHY = "rule,cell,reason\nR060,E2,a new ward – “opened” in July\nr060,e4,a crisis line\n"


def as_saved(encoding: str, separator: str = ",", *, first: str = "") -> bytes:
    return (first + WHY.replace(",", separator)).encode(encoding)


FORMS: dict[str, bytes] = {
    "UTF-8": as_saved("utf-8"),
    "UTF-8 with a mark": as_saved("utf-8-sig"),
    "the code page of Windows": as_saved("cp1252"),
    "the code page with semicolons": as_saved("cp1252", ";"),
    "UTF-16": as_saved("utf-16"),
    "UTF-16 with tabs": as_saved("utf-16", "\t"),
    "UTF-16 without a mark": as_saved("utf-16-le"),
    "semicolons": as_saved("utf-8", ";"),
    "tabs": as_saved("utf-8", "\t"),
    "sep=": as_saved("utf-8", ";", first="sep=;\r\n"),
    "lines of Windows": as_saved("utf-8").replace(b"\n", b"\r\n"),
    "headings in capitals": as_saved("utf-8").replace(b"rule,cell,reason", b"RULE, Cell ,Reason"),
    "blank rows": as_saved("utf-8").replace(b"r060", b",,\n,,\nr060"),
    "more columns": as_saved("utf-8").replace(b"reason\n", b"reason,by\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_reasons_in_a_table_as_any_program_saves_it(
    form: str, tiny: Programme, tmp_path: Path
) -> None:
    _, checked = looked_at(a_csv(tmp_path, a=800, b=250), tiny)
    (tmp_path / "why.csv").write_bytes(FORMS[form])
    given = read_confirmations(tmp_path / "why.csv")
    kept, still_open = confirmed(checked, given)
    assert still_open == () and unused(checked, given) == ()
    assert [one.cell for one in kept] == ["E2", "E4"]
    assert kept[0].reason == "a new ward – “opened” in July"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("R060,E9,why", "R060 asks nothing in E9. It is asked in E2"),
        ("R061,E2,why", "R061 asks nothing in E2"),
        ("R999,E2,why", "there is no rule R999"),
        ("RO60,E2,why", "there is no rule RO60"),
        ("R060,,why", "R060 asks nothing in no cell"),
        ("R060,Notes!E2,why", "R060 asks nothing in Notes!E2"),
    ],
)
def test_a_reason_that_answers_nothing_is_reported(
    row: str, says: str, tiny: Programme, tmp_path: Path
) -> None:
    _, checked = looked_at(a_csv(tmp_path, a=800), tiny)
    (tmp_path / "why.csv").write_text(f"rule,cell,reason\n{row}\n", encoding="utf-8")
    given = read_confirmations(tmp_path / "why.csv")
    assert confirmed(checked, given).kept == ()
    (note,) = unused(checked, given)
    assert says in note.message and "why.csv, row 2" in note.message


@pytest.mark.parametrize("row", ["R060,E2,", ",E2,why", "R060,E2,   "])
def test_a_reason_given_in_part_is_named_by_its_row(row: str, tmp_path: Path) -> None:
    (tmp_path / "why.csv").write_text(f"rule,cell,reason\n{row}\n", encoding="utf-8")
    with pytest.raises(UserError, match="row 2"):
        read_confirmations(tmp_path / "why.csv")


Change = Callable[[Any], None]


def a_workbook(programme: Programme, folder: Path, edit: Change) -> Path:
    path = folder / "return.xlsx"
    write_template(programme, "S01", "nhs", Period.parse("2026 Q3"), path, last_accepted=LAST)
    book = openpyxl.load_workbook(path)
    for number, figure in enumerate((215, 251, 24, 33), start=2):
        book["Return"].cell(number, 5).value = figure
        book["Return"].cell(number, 6).value = (5000, 6000)[number % 2]
    edit(book)
    book.save(path)
    return path


def hidden(*titles: str) -> Change:
    def edit(book: Any) -> None:
        for title in titles:
            book.create_sheet(title)["B2"] = "a list"
            book[title].sheet_state = "hidden"

    return edit


def test_one_reason_does_not_confirm_two_hidden_sheets(tiny: Programme, tmp_path: Path) -> None:
    _, checked = looked_at(a_workbook(tiny, tmp_path, hidden("people", "old")), tiny)
    assert [p.rule for p in checked.of("confirm")] == ["R073", "R073"]
    loose = [Confirmation(rule="R073", cell="B2", reason="empty by now", where="why.csv, row 2")]
    kept, still_open = confirmed(checked, loose)
    assert kept == () and len(still_open) == 2
    assert "people!B2, old!B2" in unused(checked, loose)[0].message
    one = [Confirmation(rule="R073", cell="people!B2", reason="a list of codes")]
    kept, still_open = confirmed(checked, one)
    assert [k.cell for k in kept] == ["people!B2"] and [p.sheet for p in still_open] == ["old"]
    both = [*one, Confirmation(rule="R073", cell="old!B2", reason="the same")]
    assert confirmed(checked, both).open == ()


def test_of_a_single_hidden_sheet_the_cell_alone_is_enough(tiny: Programme, tmp_path: Path) -> None:
    _, checked = looked_at(a_workbook(tiny, tmp_path, hidden("people")), tiny)
    kept, still_open = confirmed(
        checked, [Confirmation(rule="R073", cell="B2", reason="a list of codes")]
    )
    assert [k.cell for k in kept] == ["people!B2"] and still_open == ()


def test_the_receipt_keeps_the_reason_with_its_sheet(tiny: Programme, tmp_path: Path) -> None:
    _, checked = looked_at(a_workbook(tiny, tmp_path, hidden("people")), tiny)
    text = json.dumps(checked.as_dict()["problems"])
    assert '"sheet": "people"' in text and "a list" in text


def test_a_second_reason_for_one_question_is_told(tmp_path: Path, tiny: Programme) -> None:
    _, checked = looked_at(a_csv(tmp_path, a=2150), tiny)
    (asked, *_) = checked.of("confirm")
    given = [Confirmation(rule=asked.rule, cell=asked.cell or "", reason=w) for w in ("a", "b")]
    assert [one.reason for one in confirmed(checked, given).kept] == ["a"]
    (note,) = unused(checked, given)
    assert "has a reason already: this one is not kept" in note.message


def test_a_figure_without_limit_is_said_in_json_too() -> None:
    said = problem("R020", "This is no number.", sheet=None, cell="E2", value=float("inf"))
    assert json.loads(json.dumps(said.as_dict(), allow_nan=False))["value"] == "inf"
