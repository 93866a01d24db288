"""What no one submits is refused; an outcome with its own source takes nothing from another."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest

from evaluation.check.stages import check_return
from evaluation.errors import WorkspaceError
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.template import write_template
from evaluation.returns.workbook import read_return
from evaluation.workspace import Workspace
from tests.unit.test_new_outcome import LIBRARY


def declare(workspace: Workspace, *changes: tuple[str, str], outcome: str = "") -> Programme:
    """The tiny programme with parts of its declaration changed, and an outcome of its own."""
    folder = workspace.studies / "tiny"
    path = folder / "programme.yaml"
    text = path.read_text("utf-8")
    for was, now in changes:
        assert was in text
        text = text.replace(was, now)
    if outcome:
        (folder / "outcomes" / "library_visits.yaml").write_text(outcome, "utf-8")
        text = text.replace("claimant_count]", "claimant_count, library_visits]")
    path.write_text(text, "utf-8")
    return Programme.load(workspace, "tiny")


def cells(programme: Programme, site: str, agency: str) -> dict[str, set[str]]:
    _, outcomes = programme.expected(site, agency)
    return {o.code: set(programme.areas_of(site, agency, o.code)) for o in outcomes}


def test_another_comparison_source_takes_no_pilot_rows_away(tiny_workspace: Workspace) -> None:
    before = cells(Programme.load(tiny_workspace, "tiny"), "OPEN", "dwp_open")
    assert before == {"claimant_count": {f"E0{k}" for k in range(1, 7)}}
    own = LIBRARY.replace("comparison_source: nhs_england", "comparison_source: dwp_open")
    programme = declare(tiny_workspace, outcome=own)
    now = cells(programme, "OPEN", "dwp_open")
    assert now == before | {"library_visits": {"E05", "E06"}}
    path = tiny_workspace.root / "OPEN_dwp_open_2026-Q3.xlsx"
    write_template(programme, "OPEN", "dwp_open", Period.parse("2026 Q3"), path)
    book = openpyxl.load_workbook(path)
    sheet = book["Return"]
    asked = {(sheet[f"A{n}"].value, sheet[f"D{n}"].value) for n in range(2, sheet.max_row + 1)}
    assert asked == {(area, code) for code, areas in now.items() for area in areas}
    for n in range(2, sheet.max_row + 1):
        sheet[f"E{n}"], sheet[f"F{n}"] = 30 + n, 5000
    book.save(path)
    assert check_return(read_return(path), programme).accepted
    # A row that is somebody else's is told, and none is missed for it.
    row = sheet.max_row + 1
    for column, value in zip("ACDEF", ("E01", "2026 Q3", "library_visits", 30, 5000), strict=True):
        sheet[f"{column}{row}"] = value
    book.save(path)
    (problem,) = check_return(read_return(path), programme).of("error")
    assert (problem.rule, problem.cell) == ("R031", f"A{row}")
    assert "Library visits of E01 (Alderbrook) is returned by somebody else" in problem.message


COUNCILS = (
    "{code: council_collections, name: Council collections, agency: council}",
    "{code: north, name: Northern councils, agency: council, authorities: [A3]}\n"
    "  - {code: south, name: Southern councils, agency: council, authorities: [A4]}\n"
    "  - {code: council_collections, name: Council collections, agency: council}",
)
SHARED = LIBRARY.replace("comparison_source: nhs_england", "comparison_source: [north, south]")
SHARED = SHARED.replace("agency: nhs", "agency: council")


def test_several_submitters_share_a_comparison_outcome(tiny_workspace: Workspace) -> None:
    areas = tiny_workspace.studies / "tiny" / "areas.csv"
    areas.write_text(areas.read_text("utf-8").replace("Cedar Dale,A3", "Cedar Dale,A4"), "utf-8")
    programme = declare(tiny_workspace, COUNCILS, outcome=SHARED)
    assert cells(programme, "OPEN", "north") == {"library_visits": {"E05"}}
    assert cells(programme, "OPEN", "south") == {"library_visits": {"E06"}}
    assert not programme.unsubmitted(programme.outcome_by_code["library_visits"])


def test_an_area_of_no_source_or_of_two_is_refused(tiny_workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="'A4', in which no area lies"):
        declare(tiny_workspace, COUNCILS, outcome=SHARED)
    with pytest.raises(WorkspaceError, match="E05 in A3 would be returned by north and south"):
        declare(tiny_workspace, ("authorities: [A4]", "authorities: [A3]"))
    with pytest.raises(WorkspaceError, match=r"none of its sources \(north, south\) returns it"):
        declare(
            tiny_workspace,
            (
                "Northern councils, agency: council, authorities: [A3]",
                "N, agency: council, authorities: [A1]",
            ),
            (
                "Southern councils, agency: council, authorities: [A3]",
                "S, agency: council, authorities: [A2]",
            ),
        )


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("agency: nhs", "agency: libraries", "the agency 'libraries', which"),
        ("source: site", "source: counters", "its source 'counters' is no source"),
        ("nhs_england", "nhs_englnd", "did you mean nhs_england"),
        ("nhs_england", "site", "its comparison_source 'site' is no source"),
        ("source: site", "source: [dwp_open, nhs_england]", "would be returned by dwp_open and"),
    ],
)
def test_what_nobody_submits_is_refused(
    tiny_workspace: Workspace, was: str, now: str, said: str
) -> None:
    with pytest.raises(WorkspaceError) as refused:
        declare(tiny_workspace, outcome=LIBRARY.replace(was, now, 1))
    assert said in str(refused.value) and "to mend" in str(refused.value)


def test_an_agency_that_no_site_has_is_refused_and_one_that_some_lack_is_said(
    tiny_workspace: Workspace,
) -> None:
    programme = Programme.load(tiny_workspace, "tiny")
    without = programme.unsubmitted(programme.outcome_by_code["crisis_contacts"])
    assert [area.code for area in without] == ["E03", "E04"]
    with pytest.raises(WorkspaceError, match="no site has the agency 'nhs'"):
        declare(tiny_workspace, ("agencies: [council, nhs]}", "agencies: [council]}"))


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("last: 2026 Q4", "last: 2024 Q4", "ends .2024 Q4. before it begins"),
        ("first: 2025 Q1", "first: 2025 Q1\nfrequency: A", "first is 2025 Q1, which is not a year"),
        ("{code: S02", "{code: S01", "site code S01 stands twice"),
        ("agency: dwp}", "agency: dwpp}", "did you mean dwp"),
        (
            "areas: areas.csv",
            "areas: areas.csv\ncosts: [{site: S09, agency: nhs, kind: running, period: 2025 Q1,"
            " amount: 1, price_year: 2024}]",
            "site 'S09', which is none",
        ),
        ("areas: areas.csv", "areas: areas.csv\npeople: [{name: Ada, roles: [boss]}]", "roles"),
    ],
)
def test_a_declaration_that_contradicts_itself(
    tiny_workspace: Workspace, was: str, now: str, said: str
) -> None:
    with pytest.raises(WorkspaceError) as refused:
        declare(tiny_workspace, (was, now))
    assert re.search(said, str(refused.value)), str(refused.value)


def test_a_frequency_and_an_outcome_on_the_spot(tiny_workspace: Workspace, tmp_path: Path) -> None:
    inline = (
        "{"
        + ", ".join(
            f"{key}: {value}" if key != "bounds" else "bounds: {low: 0, high: 900}"
            for key, value in (line.split(": ", 1) for line in LIBRARY.strip().splitlines())
            if (key != "unit" and "," not in value) or key == "bounds"
        )
        + ', unit: "per 1,000 residents", denominator: "residents"}'
    )
    programme = declare(
        tiny_workspace,
        ("claimant_count]", f"claimant_count, {inline}]"),
        ("first: 2025 Q1", "first: 2025 Q1\nfrequency: Q"),
    )
    assert programme.frequency == "Q" and "library_visits" in programme.outcome_by_code
