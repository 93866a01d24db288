"""From respondents through the return, its check and the ledger to a panel with sampling errors."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from evaluation.check.rules import rules
from evaluation.check.stages import check_return
from evaluation.cli import app
from evaluation.errors import PanelError, UserError
from evaluation.instrument import Instrument, wording_hash
from evaluation.ledger.ledger import Ledger
from evaluation.panel import Panel
from evaluation.programme import Outcome, Programme, load_outcomes
from evaluation.quarters import Period
from evaluation.returns.workbook import read_return
from evaluation.workspace import Workspace, packaged_schemas
from tests.wave.asked import CODES, HEAD, people, surveyed, targets, write

Q3 = Period.parse("2026 Q3")
SECRET = "the-household-that-nobody-may-find"
CATALOGUE = {one.code: one for one in load_outcomes(packaged_schemas() / "outcomes")}


@pytest.fixture
def programme(tiny_workspace: Workspace) -> Programme:
    return surveyed(tiny_workspace)


def run(workspace: Workspace, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--workspace", str(workspace.root), *map(str, arguments)])


def summarised(workspace: Workspace, output: Path, *more: str, n: int = 60) -> Any:
    folder = output.parent
    rows = people(n)
    rows[0]["household"] = SECRET
    for row in rows:
        row["words"] = f"{SECRET} said so"
    write(folder / "respondents.csv", rows)
    write(folder / "targets.csv", targets())
    return run(
        workspace, "wave", "summarise", folder / "respondents.csv",
        "--targets", folder / "targets.csv", "-o", output, *more,
    )  # fmt: skip


@pytest.fixture
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("field")


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_wave_goes_from_people_to_a_panel(
    ending: str, programme: Programme, tiny_workspace: Workspace, field: Path
) -> None:
    path = field / f"OPEN_survey_2026-Q3.{ending}"
    done = summarised(tiny_workspace, path)
    assert done.exit_code == 0, done.output
    checked = check_return(read_return(path), programme)
    assert checked.returned is not None, [p.message for p in checked.of("error")]
    rows = [row for row in checked.returned.rows if row.outcome == "life_satisfaction"]
    assert {row.area_code for row in rows} == set(CODES)
    assert all(row.se and row.respondents == 60 for row in rows)
    database = tiny_workspace.root / "var" / "ledger.sqlite"
    database.parent.mkdir(exist_ok=True)
    with Ledger.open(database, tiny_workspace.root / "var" / "raw") as ledger:
        ledger.submit(
            checked.returned, path.read_bytes(), received=datetime(2026, 10, 9, tzinfo=UTC)
        )
        assert ledger.verify().ok
        frame = ledger.observations("tiny")
    panel = Panel.from_observations(frame, programme, ["life_satisfaction"])
    errors = panel.sampling_error["life_satisfaction"]
    assert errors.shape == (6, 1) and errors[:, 0] == pytest.approx([r.se for r in rows])


def test_no_answer_is_anywhere_in_the_workspace(
    programme: Programme, tiny_workspace: Workspace, field: Path
) -> None:
    """Ledger, receipts, raw files, results, book: nothing that belongs to one respondent."""
    path = field / "OPEN_survey_2026-Q3.xlsx"
    assert summarised(tiny_workspace, path, "--json").exit_code == 0
    sent = run(tiny_workspace, "submit", str(path), "--json")
    assert sent.exit_code in (0, 1) and SECRET not in sent.output
    files = [one for one in tiny_workspace.root.rglob("*") if one.is_file()]
    assert files
    for one in files:
        assert SECRET.encode() not in one.read_bytes(), one
    assert SECRET.encode() not in path.read_bytes()


def test_the_verb_prints_rows_and_a_fault_ends_it(
    programme: Programme, tiny_workspace: Workspace, field: Path
) -> None:
    path = field / "OPEN_survey_2026-Q3.csv"
    content = json.loads(summarised(tiny_workspace, path, "--json").stdout)
    row = content["rows"][0]
    wanted = ["area_code", "outcome", "mean", "se", "respondents", "effective", "issued"]
    assert list(row)[:7] != [] and set(wanted) | {"share_web"} <= set(row)
    assert 0 < row["effective"] <= row["respondents"] == 60
    rows = people()
    rows[4]["weight"] = ""
    write(field / "respondents.csv", rows)
    path.unlink()
    done = run(
        tiny_workspace, "wave", "summarise", field / "respondents.csv",
        "--targets", field / "targets.csv", "-o", path,
    )  # fmt: skip
    assert done.exit_code == 1 and "C6" in done.output and not path.exists()


def test_the_quarter_is_named_by_the_file_or_by_hand_or_is_the_wave_that_is_due(
    programme: Programme, tiny_workspace: Workspace, field: Path
) -> None:
    for name, more, wanted in (
        ("OPEN_survey_2026-Q1.csv", (), "2026 Q1"),
        ("return.csv", ("--quarter", "2026 Q1"), "2026 Q1"),
        ("return.csv", (), "2026 Q3"),
    ):
        assert summarised(tiny_workspace, field / name, *more).exit_code == 0
        with (field / name).open(encoding="utf-8") as stream:
            assert {row["quarter"] for row in csv.DictReader(stream)} == {wanted}
    done = summarised(tiny_workspace, field / "other.csv", "--quarter", "2026 Q2")
    assert done.exit_code != 0 and isinstance(done.exception, UserError | SystemExit)


def cells(programme: Programme, field: Path, **changes: Any) -> list[tuple[str, str | None]]:
    """What is told of a survey's return with one cell changed."""
    path = field / "OPEN_survey_2026-Q3.csv"
    head = ["area_code", "area_name", "quarter", "outcome", "numerator", "denominator", "status"]
    head += ["note", "last_accepted", "se", "respondents"]
    rows = [
        {
            "area_code": code,
            "quarter": "2026 Q3",
            "outcome": item,
            "numerator": 7.1 if item == "life_satisfaction" else 31.0,
            "se": 0.2 if item == "life_satisfaction" else 6.0,
            "respondents": 60,
        }
        for item in HEAD[8:]
        for code in CODES
    ]
    rows[0] |= changes
    dropped = changes.pop("without", "")
    kept = [name for name in head if name != dropped]
    write(path, rows, kept)
    checked = check_return(read_return(path), programme)
    return [(p.rule, p.cell) for p in checked.problems if p.severity == "error"]


RETURNED = {
    "no error": ({"se": ""}, "R100", "J2"),
    "no respondents": ({"respondents": ""}, "R100", "K2"),
    "an error below zero": ({"se": -0.1}, "R101", "J2"),
    "an error beyond the scale": ({"se": 8}, "R101", "J2"),
    "half a respondent": ({"respondents": 60.5}, "R102", "K2"),
    "no respondent": ({"respondents": 0}, "R102", "K2"),
    "too few to show": ({"respondents": 7, "se": 0.7}, "R104", "K2"),
    "few and not marked": ({"respondents": 22, "se": 0.4}, "R105", "K2"),
    "shrunken or modelled": ({"se": 0.05}, "R106", "J2"),
    "an error in words": ({"se": "small"}, "R020", "J2"),
    "beyond the scale": ({"numerator": 10.5}, "R045", "E2"),
}


@pytest.mark.parametrize("name", RETURNED)
def test_a_survey_s_return_says_how_sure_it_is(
    name: str, programme: Programme, field: Path
) -> None:
    changes, rule, cell = RETURNED[name]
    assert cells(programme, field, **changes) == [(rule, cell)]


def test_columns_of_samples_are_asked_where_they_are_missing(
    programme: Programme, field: Path
) -> None:
    assert cells(programme, field) == []
    assert {rule for rule, _ in cells(programme, field, without="se")} == {"R100"}


def test_a_count_has_no_sampling_error(programme: Programme, field: Path) -> None:
    path = field / "S01_nhs_2026-Q3.csv"
    rows = [
        {"area_code": a, "quarter": "2026 Q3", "outcome": o, "numerator": 210, "se": ""}
        | {"denominator": 5000, "status": "", "respondents": ""}
        for o in ("ae_attendances", "crisis_contacts")
        for a in ("E01", "E02")
    ]
    rows[1]["se"] = 3
    write(path, rows)
    told = check_return(read_return(path), programme).problems
    assert [(p.rule, p.cell) for p in told if p.severity == "error"] == [("R103", "E3")]


def test_every_rule_of_a_survey_s_return_has_a_case() -> None:
    told = {rule for _, rule, _ in RETURNED.values()} | {"R103"}
    assert {code for code in rules() if "R100" <= code <= "R109"} <= told


def test_a_survey_owes_in_its_waves_only(programme: Programme) -> None:
    asked = [str(p) for p in programme.periods if programme.asked_in("OPEN", "survey", p)]
    assert asked == ["2026 Q1", "2026 Q3"]


def test_the_template_has_the_columns_of_samples(
    programme: Programme, tiny_workspace: Workspace, field: Path
) -> None:
    path = field / "OPEN_survey_2026-Q3.csv"
    done = run(tiny_workspace, "template", "OPEN", "2026-Q3", "--agency", "survey", "-o", path)
    assert done.exit_code == 0, done.output
    head = path.read_text("utf-8").splitlines()[0].split(",")
    assert head[8:] == ["last_accepted", "se", "respondents"]
    other = field / "S01_nhs_2026-Q3.csv"
    assert run(tiny_workspace, "template", "S01", "2026-Q3", "--agency", "nhs", "-o", other)
    assert other.read_text("utf-8").splitlines()[0].split(",")[-1] == "last_accepted"


def test_the_files_for_fieldwork_fit_what_is_read(
    programme: Programme, tiny_workspace: Workspace, field: Path
) -> None:
    done = run(
        tiny_workspace, "wave", "template", "-o", field / "r.csv", "--targets", field / "t.csv",
        "--questionnaire", field / "q.csv",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    head = (field / "r.csv").read_text("utf-8").strip().split(",")
    assert set(HEAD) == set(head)
    with (field / "q.csv").open(encoding="utf-8") as stream:
        asked = list(csv.DictReader(stream))
    assert asked[0]["outcome"] == "life_satisfaction"
    assert asked[0]["question"].startswith("Overall, how satisfied")
    assert len((field / "t.csv").read_text("utf-8").splitlines()) == 1 + 6 * 10


def test_a_figure_of_a_survey_without_its_error_makes_no_panel(
    programme: Programme, tiny_workspace: Workspace
) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "area_code": ["E01"],
            "quarter": ["2026 Q3"],
            "outcome": ["life_satisfaction"],
            "numerator": [7.0],
            "denominator": [np.nan],
            "status": [""],
        }
    )
    with pytest.raises(PanelError, match="no standard error"):
        Panel.from_observations(frame, programme, ["life_satisfaction"])


def asked(**changes: Any) -> dict[str, Any]:
    declared = CATALOGUE["life_satisfaction"].survey
    assert declared is not None
    return declared.model_dump() | changes


def test_each_item_is_a_file_with_its_wording_hash_licence_and_order() -> None:
    items = [one for one in CATALOGUE.values() if one.sampled]
    assert len(items) == 14
    orders = [one.survey.order for one in items if one.survey]
    assert len(set(orders)) == len(orders) == 14
    first = min(items, key=lambda one: one.survey.order if one.survey else 99)
    assert first.code == "life_satisfaction"
    for one in items:
        assert one.survey is not None and one.survey.licence and one.survey.wording_at
        assert one.disclosure.rounding == 1 and one.source == "survey"
        if one.survey.printed:
            assert one.survey.wording_sha256 == wording_hash(one.survey.wording)
    assert {o.code for o in items if o.survey and not o.survey.printed} == {
        "icecap_sufficient",
        "self_efficacy",
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wording": ("Are you happy?",)}, "an altered wording is another outcome"),
        ({"printed": False}, "may not be printed"),
        ({"name": "SWEMWBS, seven items"}, "may not be printed"),
        ({"name": "ICECAP-A"}, "may not be printed"),
        ({"wording_sha256": None}, "stand together"),
        ({"counted": (8, 9, 10)}, "a share names the answers"),
        ({"lowest": 10}, "must lie below"),
        ({"score": "share", "counted": (11,)}, "no answer from"),
    ],
)
def test_what_may_not_be_declared_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Instrument.model_validate(asked(**changes))


def test_a_survey_is_of_a_wave_and_a_wave_is_a_value() -> None:
    whole = CATALOGUE["life_satisfaction"].model_dump()
    with pytest.raises(ValueError, match="frequency: wave"):
        Outcome.model_validate(whole | {"frequency": "quarter"})
    with pytest.raises(ValueError, match="form: value"):
        Outcome.model_validate(whole | {"form": "ratio"})
