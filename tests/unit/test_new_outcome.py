"""Adding an outcome is adding a file: template, checks, dictionary and JSON schema know it."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from evaluation.check.frames import row_schema
from evaluation.check.stages import check_return
from evaluation.edition.book import write
from evaluation.edition.edition import Edition
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.returns.template import write_template
from evaluation.returns.workbook import read_return
from evaluation.workspace import Workspace
from tests.edition.ground import laid_out

REPOSITORY = Path(__file__).parents[2]
LIBRARY = """
code: library_visits
title: Library visits
plain_title: Visits to libraries
people: visits
domain: lives
unit: per 1,000 residents
numerator: visits in the quarter
denominator: residents, fixed before the start
kind: flow
polarity: up
agency: nhs
source: site
comparison_source: nhs_england
instrument: counters at the door
bounds: {low: 0, high: 900}
"""


def test_in_template_and_checks(tiny_workspace: Workspace, tmp_path: Path) -> None:
    folder = tiny_workspace.studies / "tiny"
    (folder / "outcomes" / "library_visits.yaml").write_text(LIBRARY, encoding="utf-8")
    declared = (folder / "programme.yaml").read_text(encoding="utf-8")
    declared = declared.replace("claimant_count]", "claimant_count, library_visits]")
    (folder / "programme.yaml").write_text(declared, encoding="utf-8")
    programme = Programme.load(tiny_workspace, "tiny")
    path = tmp_path / "S01_nhs_2026-Q3.xlsx"
    write_template(programme, "S01", "nhs", Period.parse("2026 Q3"), path)
    book = openpyxl.load_workbook(path)
    sheet = book["Return"]
    rows = [n for n in range(2, sheet.max_row + 1) if sheet[f"D{n}"].value == "library_visits"]
    assert len(rows) == 2
    for n in range(2, sheet.max_row + 1):
        sheet[f"E{n}"], sheet[f"F{n}"] = 30, 5000
    sheet[f"E{rows[0]}"], sheet[f"E{rows[1]}"] = 4600, 12.5
    book.save(path)
    checked = check_return(read_return(path), programme)
    assert {(p.rule, p.cell) for p in checked.of("error")} == {
        ("R045", f"E{rows[0]}"),
        ("R040", f"E{rows[1]}"),
    }
    outcome = programme.outcome_by_code["library_visits"]
    assert row_schema(outcome)["properties"]["numerator"]["type"] == ["integer", "null"]


@pytest.mark.slow
def test_in_the_dictionary(tmp_path: Path) -> None:
    workspace = laid_out(tmp_path)
    own = workspace.studies / "new_start" / "outcomes"
    own.mkdir(exist_ok=True)
    (own / "library_visits.yaml").write_text(LIBRARY, encoding="utf-8")
    declared = workspace.studies / "new_start" / "programme.yaml"
    text = declared.read_text(encoding="utf-8")
    declared.write_text(text.replace("outcomes:\n", "outcomes:\n- library_visits\n", 1), "utf-8")
    write(workspace, Edition.read(workspace, "new_start"))
    page = (workspace.book / "_edition" / "annex" / "dictionary.md").read_text(encoding="utf-8")
    assert all(word in page for word in ("Domain", "Local Outcomes Framework", "May be passed on"))
    assert "## Library visits" in page and "library_visits" in page
    rules = (workspace.book / "_edition" / "annex" / "rules.md").read_text(encoding="utf-8")
    assert "What a check asks" in rules
