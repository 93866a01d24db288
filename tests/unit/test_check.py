"""The check: planted faults, each found in its own cell, all in one pass."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from evaluation.check.report import Checked, report, times_in_digits
from evaluation.check.rules import rules
from evaluation.check.stages import check_return
from evaluation.check.usual import Usual
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.form import Figures
from evaluation.returns.template import write_template
from evaluation.returns.workbook import read_return
from evaluation.workspace import Workspace
from tests.unit.last_accepted import before_of

Faults = dict[str, Any]
Check = Callable[..., Checked]
CLEAN = {"E2": 215, "E3": 251, "E4": 24, "E5": 33}
KINDS = ("xlsx", "csv")


@pytest.fixture
def check(tiny: Programme, quarter: Period, denominators: Figures, tmp_path: Path) -> Check:
    """Check S01's NHS return with some cells changed, as a workbook or as a CSV."""

    def run(faults: Faults, kind: str = "xlsx", *, last: Figures | None = None) -> Checked:
        path = tmp_path / f"S01_nhs_2026-Q3.{kind}"
        book_path = path.with_suffix(".xlsx")
        write_template(tiny, "S01", "nhs", quarter, book_path, last_accepted=denominators)
        book = openpyxl.load_workbook(book_path)
        for cell, value in (CLEAN | faults).items():
            sheet, _, cell_name = cell.rpartition("!")
            book[sheet or "Return"][cell_name] = value
        book.save(book_path)
        if kind == "csv":
            rows = [[_text(v) for v in row] for row in book["Return"].iter_rows(values_only=True)]
            with path.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows(rows)
        return check_return(read_return(path), tiny, before=before_of(last))

    return run


def _text(value: object) -> str:
    return "" if value is None else str(value)


def found(checked: Checked) -> set[tuple[str, str | None]]:
    return {(problem.rule, problem.cell) for problem in checked.problems}


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_return_has_no_problem(check: Check, kind: str, denominators: Figures) -> None:
    checked = check({}, kind, last=denominators)
    assert checked.problems == ()
    assert checked.accepted
    assert checked.returned is not None
    assert [row.numerator for row in checked.returned.rows] == [215, 251, 24, 33]
    assert [stage.name for stage in checked.stages if not stage.ran] == ["others"]


def test_xlsx_and_csv_give_the_same_content(check: Check) -> None:
    one, other = check({}, "xlsx").returned, check({}, "csv").returned
    assert one is not None and other is not None
    assert one.rows == other.rows and one.content_hash == other.content_hash


@pytest.mark.parametrize("kind", KINDS)
def test_three_planted_faults_are_found_in_their_three_cells(check: Check, kind: str) -> None:
    checked = check({"E2": "<5", "E3": 251.5, "C5": "2026 Q5"}, kind)
    assert found(checked) == {("R021", "E2"), ("R040", "E3"), ("R025", "C5")}
    assert not checked.accepted and checked.returned is None
    assert {p.sheet for p in checked.problems} == {"Return" if kind == "xlsx" else None}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "rule", "cell"),
    [
        ({"E2": "<5"}, "R021", "E2"),
        ({"E2": "*"}, "R021", "E2"),
        ({"E2": "[c]"}, "R021", "E2"),
        ({"E2": "1,234"}, "R022", "E2"),
        ({"E2": "12%"}, "R022", "E2"),
        ({"F2": "£12"}, "R022", "F2"),
        ({"E2": "N/A"}, "R020", "E2"),
        ({"E2": "two hundred"}, "R020", "E2"),
        ({"E2": "inf"}, "R020", "E2"),
        ({"E2": "nan"}, "R020", "E2"),
        ({"E2": "#DIV/0!"}, "R023", "E2"),
        ({"E2": "२१५"}, "R024", "E2"),
        ({"E2": "215\n"}, "R020", "E2"),
        ({"E2": "1e999"}, "R042", "E2"),
        ({"E2": -3}, "R041", "E2"),
        ({"E2": 3.7}, "R040", "E2"),
        ({"F2": 0}, "R043", "F2"),
        ({"F2": None}, "R047", "F2"),
        ({"E2": 5001}, "R045", "E2"),
        ({"E2": 1600}, "R046", "E2"),
        ({"E2": None}, "R050", "E2"),
        ({"E2": None, "G2": "[p]"}, "R050", "E2"),
        ({"G2": "[c]"}, "R051", "E2"),
        ({"G2": "c"}, "R026", "G2"),
        ({"C2": "2026 Q2"}, "R034", "C2"),
        ({"C2": "Q3"}, "R025", "C2"),
        ({"C2": None}, "R025", "C2"),
        ({"A2": "E0I"}, "R030", "A2"),
        ({"A2": None}, "R027", "A2"),
        ({"D2": "ae_attendance"}, "R032", "D2"),
        ({"A1": "Area"}, "R012", "A1"),
        ({"H1": "status"}, "R013", "H1"),
        ({"J1": "comments"}, "R012", "J1"),
        ({"J3": "see me"}, "R014", "J3"),
        ({"J1": "comments", "J3": "see me"}, "R012", "J1"),
    ],
)
def test_a_fault_is_found_in_its_cell(
    check: Check, kind: str, fault: Faults, rule: str, cell: str
) -> None:
    checked = check(fault, kind)
    assert (rule, cell) in found(checked)
    told = [p for p in checked.problems if p.severity == "error" and p.cell != cell]
    assert told == [], "one fault was told as several"


@pytest.mark.parametrize(
    ("fault", "rule", "cell"),
    [
        ({"Guide!B1": "0"}, "R003", "B1"),
        ({"Guide!B2": "other"}, "R004", "B2"),
        ({"Guide!B3": "S09"}, "R005", "B3"),
        ({"Guide!B5": "soon"}, "R006", "B5"),
        ({"Guide!B5": "2031 Q1"}, "R006", "B5"),
    ],
)
def test_a_fault_in_the_guide_is_found_there(
    check: Check, fault: Faults, rule: str, cell: str
) -> None:
    problem = next(p for p in check(fault).problems if p.rule == rule)
    assert (problem.sheet, problem.cell) == ("Guide", cell)


def test_areas_and_outcomes_of_somebody_else(check: Check) -> None:
    checked = check({"A2": "E03", "D4": "arrears"})
    assert {("R031", "A2"), ("R033", "D4")} <= found(checked)


def test_a_row_that_stands_twice_names_the_first(check: Check) -> None:
    checked = check({"A3": "E01"})
    twice = next(p for p in checked.problems if p.rule == "R035")
    assert twice.cell == "A3" and "row 2" in twice.message
    missing = next(p for p in checked.problems if p.rule == "R036")
    assert "E02" in missing.message and "A&E" in missing.message


def test_missing_rows_are_named(check: Check) -> None:
    checked = check(dict.fromkeys(("A5", "B5", "C5", "D5", "E5", "F5"), None))
    assert [(p.rule, p.cell) for p in checked.problems if p.severity == "error"] == [("R036", None)]


def test_a_blank_row_inside_is_a_note_and_addresses_hold_below_it(
    tiny: Programme, tmp_path: Path
) -> None:
    path = tmp_path / "S01_nhs_2026-Q3.csv"
    rows = [
        "area_code,quarter,outcome,numerator,denominator,status",
        "E01,2026 Q3,ae_attendances,215,5000,",
        "",
        "E02,2026 Q3,ae_attendances,x,6000,",
        "E01,2026 Q3,crisis_contacts,24,5000,",
        "E02,2026 Q3,crisis_contacts,33,6000,",
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert found(check_return(read_return(path), tiny)) == {("R015", "A3"), ("R020", "D4")}


def test_columns_in_any_order_are_read(tiny: Programme, tmp_path: Path) -> None:
    path = tmp_path / "S02_council_2026-Q3.csv"
    rows = [
        "status,denominator,numerator,outcome,quarter,area_code",
        ",2000,120,arrears,2026 Q3,E03",
        ",2100,9999,arrears,2026 Q3,E04",
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert found(check_return(read_return(path), tiny)) == {("R044", "C3")}


def test_a_missing_column_stops_only_what_needs_it(check: Check) -> None:
    checked = check({"F1": None, "E2": "12%"})
    assert {("R011", None), ("R022", "E2"), ("R014", "F2")} == found(checked)
    stages = {stage.name: stage for stage in checked.stages}
    assert stages["keys"].ran and not stages["columns"].ran and stages["columns"].reason


def test_rows_above_the_header(tiny: Programme, tmp_path: Path) -> None:
    path = tmp_path / "S02_council_2026-Q3.csv"
    rows = [
        "Return of Birch",
        "area_code,quarter,outcome,numerator,denominator,status",
        "E03,2026 Q3,arrears,120,2000,",
        "E04,2026 Q3,arrears,<5,2100,",
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert found(check_return(read_return(path), tiny)) == {("R010", "A2"), ("R021", "D4")}


def test_one_text_in_a_number_column_hides_no_other_fault(check: Check) -> None:
    checked = check({"E2": "<5", "E3": -1, "E4": 24.5, "F5": 0})
    assert {("R021", "E2"), ("R041", "E3"), ("R040", "E4"), ("R043", "F5")} == found(checked)


def test_a_tenfold_jump_is_questioned_and_a_small_count_is_not(
    check: Check, denominators: Figures
) -> None:
    small = denominators | {("E01", "crisis_contacts"): (4.0, 5000.0)}
    checked = check({"E3": 26, "E4": 40}, last=small)
    assert found(checked) == {("R060", "E3")}
    assert checked.returned is not None and not checked.accepted
    assert "260" in checked.problems[0].message


def test_a_value_has_no_denominator(tiny_workspace: Any, tmp_path: Path) -> None:
    declared = tiny_workspace.studies / "tiny" / "programme.yaml"
    text = declared.read_text(encoding="utf-8").replace("claimant_count]", "opinion]")
    declared.write_text(text, encoding="utf-8")
    programme = Programme.load(tiny_workspace, "tiny")
    path = tmp_path / "S01_nhs_2026-Q3.csv"
    rows = ["area_code,quarter,outcome,numerator,denominator,status"]
    for outcome in ("ae_attendances", "crisis_contacts"):
        rows += [f"{area},2026 Q3,{outcome},30,5000," for area in ("E01", "E02")]
    rows += ["E01,2026 Q3,opinion,7.25,100,", "E02,2026 Q3,opinion,10.5,,"]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    checked = check_return(read_return(path), programme)
    assert found(checked) == {("R048", "E6"), ("R045", "D7")}


def test_a_csv_without_a_name_of_the_form_is_told_so(tiny: Programme, tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    path.write_text("area_code,quarter,outcome,numerator,denominator,status\n", encoding="utf-8")
    checked = check_return(read_return(path), tiny)
    assert ("R002", None) in found(checked)


def test_a_year_return(tiny_workspace: Any, tmp_path: Path) -> None:
    declared = tiny_workspace.studies / "tiny" / "programme.yaml"
    text = declared.read_text(encoding="utf-8")
    for quarter, year in (("2025 Q1", "1980"), ("2026 Q4", "1988"), ("2025 Q3", "1984")):
        text = text.replace(quarter, year)
    text = text.replace("2026 Q1", "1985").replace(", claimant_count", "")
    declared.write_text(text, encoding="utf-8")
    for code in ("ae_attendances", "crisis_contacts", "arrears"):
        source = tiny_workspace.schemas / "outcomes" / f"{code}.yaml"
        target = tiny_workspace.studies / "tiny" / "outcomes" / f"{code}.yaml"
        content = source.read_text(encoding="utf-8").replace(
            "frequency: quarter", "frequency: year"
        )
        target.write_text(content, encoding="utf-8")
    programme = Programme.load(tiny_workspace, "tiny")
    path = tmp_path / "S02_council_1984.csv"
    write_template(programme, "S02", "council", Period.parse("1984"), path)
    filled = path.read_text(encoding="utf-8").replace("arrears,,", "arrears,20,2000")
    path.write_text(filled, encoding="utf-8")
    checked = check_return(read_return(path), programme)
    assert checked.accepted and checked.quarter == "1984", report(checked)


def test_the_report_reads_as_an_officer_needs_it(check: Check, denominators: Figures) -> None:
    text = report(check({"E2": "<5", "E3": 2600}, last=denominators))
    lines = text.splitlines()
    assert lines[0] == "S01_nhs_2026-Q3.xlsx cannot be accepted yet: 1 thing to mend, 2 to confirm."
    assert lines[2].split()[:2] == ["E2", '"<5"']
    assert "confirm" in lines and "10 times as many?" in text
    assert "can be accepted" in report(check({}))


def test_many_faults_with_one_cause_are_told_together(check: Check) -> None:
    checked = check({f"E{n}": "<5" for n in range(2, 6)} | {"C3": "?"})
    assert len(checked.problems) == 5, "the JSON has each of them"
    text = report(checked)
    assert text.startswith("S01_nhs_2026-Q3.xlsx cannot be accepted yet: 5 things to mend.")
    assert "also in E3, E4, E5." in text and text.count("A figure is a number") == 1


def test_each_question_is_shown_for_it_needs_its_own_reason(
    check: Check, denominators: Figures
) -> None:
    last = {key: (above * 20, below) for key, (above, below) in denominators.items()}
    text = report(check({}, last=last))
    assert all(f" {cell} " in text for cell in ("E2", "E3", "E4", "E5"))


@pytest.mark.parametrize(
    "word", ["dtype", "NaN", "float64", "schema", "null", "coerce", "column_name", "regex"]
)
def test_nothing_is_in_a_validators_language(check: Check, word: str) -> None:
    checked = check({"E2": "<5", "E3": -1.5, "E4": None, "F5": 0, "A2": "x", "C3": "?"})
    assert word not in report(checked)


def test_every_rule_says_why_and_how_to_mend() -> None:
    assert list(rules()) == sorted(rules())
    for rule in rules().values():
        assert rule.title and rule.why and rule.mend


def test_json_has_the_shape_that_programs_read(check: Check) -> None:
    content = check({"E2": "<5"}).as_dict()
    assert {"file", "sha256", "site", "quarter", "accepted", "problems", "stages"} <= set(content)
    assert content["problems"] == [
        {
            "rule": "R021",
            "severity": "error",
            "sheet": "Return",
            "cell": "E2",
            "value": "<5",
            "message": "A figure is a number; a withheld one has its symbol in status.",
            "mend": "Leave the cell empty and put [c] in status.",
        }
    ]


HEADINGS = {
    "A1": "area_code",
    "B1": "area_name",
    "C1": "quarter",
    "D1": "outcome",
    "E1": "numerator",
    "F1": "denominator",
}


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
@pytest.mark.parametrize("pair", ["AD", "AB", "CD", "CE", "EF"])
def test_exchanged_headings_are_one_fault_and_hide_no_other(
    check: Check, kind: str, pair: str
) -> None:
    first, second = (f"{letter}1" for letter in pair)
    swapped: Faults = {first: HEADINGS[second], second: HEADINGS[first], "G5": "c"}
    checked = check(swapped, kind)
    assert {(p.rule, p.cell) for p in checked.of("error")} == {("R017", first), ("R026", "G5")}
    (told,) = (p for p in checked.problems if p.rule == "R017")
    assert told.mend == f"Write {HEADINGS[first]} here and {HEADINGS[second]} in {second}."


def test_headings_are_not_called_exchanged_for_the_sake_of_one_row(check: Check) -> None:
    checked = check({"E2": 5000, "F2": 210}, "csv")
    assert "R017" not in {p.rule for p in checked.problems}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", ["0000 Q1", "0000-07-01", "0000-07", "07/0000"])
def test_a_year_that_no_calendar_has_is_a_fault_of_its_cell(
    check: Check, kind: str, said: str
) -> None:
    assert found(check({"C2": said}, kind)) == {("R025", "C2")}


def test_a_year_long_before_the_programme_is_told_and_not_tripped_over(check: Check) -> None:
    assert found(check({"Guide!B5": "0026 Q3"})) == {("R006", "B5")}
    rows = {f"C{row}": "0026 Q3" for row in range(2, 6)}
    assert found(check(rows)) == {("R007", "C2")}


def test_an_infinite_figure_that_is_said_to_be_rounded_is_told_as_infinite(check: Check) -> None:
    faults = {"E2": "1e400", "G2": "[r]", "H2": "rounded to 5"}
    assert found(check(faults, "csv")) == {("R042", "E2")}


@pytest.mark.parametrize("figure", [-1e200, 1e300, 1e-300])
def test_a_surprise_beyond_all_measure_is_still_a_number(figure: float) -> None:
    for level in (0.0, 7.0, 1e-30):
        for counted in (True, False):
            usual = Usual(level=level, variance=0.01, counted=counted, figures=4)
            assert math.isfinite(usual.surprise(figure) ** 2)


@pytest.mark.parametrize(
    ("factor", "said"), [(9.876, "9.88"), (99.96, "100"), (999.6, "1,000"), (0.0013, "0.0013")]
)
def test_how_many_times_is_told_in_digits(factor: float, said: str) -> None:
    assert times_in_digits(factor) == said


def test_what_stands_beside_the_figure_is_mended_by_what_belongs_there(
    tiny_workspace: Workspace, quarter: Period, tmp_path: Path
) -> None:
    path = tiny_workspace.studies / "tiny" / "programme.yaml"
    text = path.read_text(encoding="utf-8").replace("claimant_count]", "claimant_count, opinion]")
    path.write_text(text, encoding="utf-8")
    tiny = Programme.load(tiny_workspace, "tiny")
    sent = tmp_path / "S01_nhs_2026-Q3.xlsx"
    write_template(tiny, "S01", "nhs", quarter, sent)
    book = openpyxl.load_workbook(sent)
    cells = CLEAN | {f"F{row}": 5000 for row in range(2, 6)} | {"E6": 7.1, "E7": 7.2}
    for cell, value in (cells | {"F6": "n/a", "J1": "se", "J7": "n/a"}).items():
        book["Return"][cell] = value
    book.save(sent)
    mends = {p.cell: p.mend for p in check_return(read_return(sent), tiny).problems}
    # A value has no denominator, and an empty standard error no symbol.
    assert mends["F6"] == rules()["R048"].mend
    assert mends["J7"] == rules()["R101"].mend
