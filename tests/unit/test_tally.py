"""Very long files of wrong cells: told one by one up to a bound, then by count and range."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from evaluation.check.report import EACH, Confirmation, Tally, confirmed, reply, report
from evaluation.check.stages import check_return
from evaluation.programme import Programme
from evaluation.returns.reply import MAX_MARKS
from evaluation.returns.workbook import read_return

HEAD = "area_code,area_name,quarter,outcome,numerator,denominator,status,note\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "S01_nhs_2026-Q3.csv"


def test_every_cell_is_told_by_itself_in_a_return_of_the_longest_kind(
    tiny: Programme, file: Path
) -> None:
    file.write_text(HEAD + "E01,,2026 Q3,arrears,<5,200,,\n" * EACH, encoding="utf-8")
    checked = check_return(read_return(file), tiny)
    withheld = [p for p in checked.problems if p.rule == "R021"]
    assert {p.cell for p in withheld} == {f"E{row}" for row in range(2, EACH + 2)}
    assert {p.cells for p in checked.problems} == {1}
    assert all("cells" not in p.as_dict() for p in checked.problems)


def test_beyond_it_the_rest_is_one_problem_with_its_count_and_range(
    tiny: Programme, file: Path
) -> None:
    more = 70
    file.write_text(HEAD + "E01,,2026 Q3,arrears,<5,200,,\n" * (EACH + more), encoding="utf-8")
    checked = check_return(read_return(file), tiny)
    rest = next(p for p in checked.problems if p.rule == "R021" and p.cells > 1)
    assert (rest.cell, rest.cells) == (f"E{EACH + 2}", more) and not checked.accepted
    assert (
        f"{more} more of this column" in rest.message and f"to E{EACH + more + 1}" in rest.message
    )
    assert f"first {EACH:,} are told one by one" in rest.message
    assert rest.as_dict()["cells"] == more and rest.message in report(checked)
    by_rule = {"R021": EACH + more, "R033": EACH + more, "R035": EACH + more - 1}
    for rule, cells in by_rule.items():
        assert sum(p.cells for p in checked.problems if p.rule == rule) == cells, rule
    assert f"{sum(by_rule.values()):,} things to mend" in report(checked)


def test_a_question_about_many_cells_takes_one_reason(tiny: Programme, file: Path) -> None:
    rows = "E01,,2026 Q3,ae_attendances,300,5000,,asked John Smith\n" * (EACH + 9)
    file.write_text(HEAD + rows, encoding="utf-8")
    checked = check_return(read_return(file), tiny)
    rest = next(p for p in checked.of("confirm") if p.cells > 1)
    given = Confirmation(rule="R055", cell=rest.cell or "", reason="a made-up name")
    kept, still_open = confirmed(checked, [given])
    assert [one.value for one in kept] == ["9 cells"] and len(still_open) == EACH


def test_rows_in_any_order_give_the_same_range() -> None:
    tally = Tally()
    rows = [*range(10, 10 + EACH), 9_000, 8_000, 9_500]
    assert [tally.room("R020", "numerator", row) for row in rows].count(True) == EACH
    (rest,) = tally.rest({"numerator": 4}, None)
    assert (rest.cell, rest.cells) == ("E8000", 3) and "to E9500" in rest.message
    assert Tally().rest({}, None) == []


def test_blank_rows_are_one_note_a_run(tiny: Programme, file: Path) -> None:
    row, blank = "E01,,2026 Q3,arrears,5,200,,\n", ",,,,,,,\n"
    file.write_text(HEAD + row + blank * 3 + row + blank + row + blank * 5, encoding="utf-8")
    notes = [p for p in check_return(read_return(file), tiny).problems if p.rule == "R015"]
    assert [(p.cell, p.cells, p.message) for p in notes] == [
        ("A3", 3, "Rows 3 to 5 are blank."),
        ("A7", 1, "This row is blank."),
    ]


def test_the_reply_says_how_many_it_leaves_out(tiny: Programme, file: Path) -> None:
    file.write_text(HEAD + "?,?,?,?,?,?,?,?\n" * 300, encoding="utf-8")
    raw = read_return(file)
    checked = check_return(raw, tiny)
    path = file.with_suffix(".xlsx")
    reply(raw, checked, path)
    sheet = openpyxl.load_workbook(path)["Problems"]
    assert f"The first {MAX_MARKS:,} are listed and marked" in sheet["A3"].value
    assert f"{len(checked.problems) - MAX_MARKS:,} more are not" in sheet["A3"].value
    assert sheet.max_row == 4 + MAX_MARKS
