"""The outcomes' schemas: over a frame as over a file, written out and read back, as JSON schema."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pytest

from benchmarks import check as benchmark
from evaluation import tables
from evaluation.check.frames import check_frame, row_schema
from evaluation.check.stages import check_return
from evaluation.programme import Outcome, Programme, load_outcomes
from evaluation.returns.workbook import read_return
from evaluation.workspace import packaged_schemas

OUTCOMES = load_outcomes(packaged_schemas() / "outcomes")
COLUMNS = ["area_code", "quarter", "outcome", "numerator", "denominator", "status"]
ROWS = [
    ["E01", "2026 Q3", "ae_attendances", "<5", "5000", ""],
    ["E02", "2026 Q5", "ae_attendances", "215.5", "6000", "provisional"],
    ["E01", "2026 Q3", "crisis_contacts", "-3", "0", ""],
    ["", "2026 Q3", "crisis_contacts", "33", "1e999", ""],
    ["E05", "2026 Q3", "arrears", "12%", "५०००", ""],
    ["E06", "2026 Q3", "arrears", "300", "200", "[p]"],
]
STAGES = ("R02", "R040", "R041", "R042", "R043", "R044", "R045", "R046")


def test_a_frame_is_read_as_a_file_is(tiny: Programme, tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=COLUMNS)
    path = tmp_path / "OPEN_council_collections_2026-Q3.csv"
    frame.to_csv(path, index=False)
    checked = check_return(read_return(path), tiny)
    letters = dict(zip("ABCDEF", COLUMNS, strict=True))
    in_file = {
        (int(p.cell[1:]) - 2, letters[p.cell[0]], p.rule)
        for p in checked.problems
        if p.cell and p.rule.startswith(STAGES)
    }
    in_frame = {(one.row, one.column, one.rule) for one in check_frame(frame, tiny)}
    assert in_frame == in_file and len(in_frame) >= 9


def test_missing_values_in_a_frame_are_empty_cells(tiny: Programme) -> None:
    frame = pd.DataFrame([["E01", "2026 Q3", "arrears", None, "200", "[c]"]], columns=COLUMNS)
    assert check_frame(frame, tiny) == []


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.code)
def test_a_schema_that_is_written_out_says_the_same_when_it_is_read_back(outcome: Outcome) -> None:
    frame = pd.DataFrame(
        {
            "numerator": [3.7, -1.0, float("inf"), None, 5.0],
            "denominator": [0.0, -2.0, float("inf"), 4.0, 4.0],
            "value": [1e9, -1e9, 5.0, None, 5.0],
            "numerator_share": [2.0, 0.5, 0.5, None, 1.25],
        }
    )
    schema = tables.column_schema(outcome)
    again = pa.DataFrameSchema.from_json(schema.to_json())
    assert _failures(again, frame) == _failures(schema, frame) != set()


def _failures(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> set[tuple[object, ...]]:
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        schema.validate(frame, lazy=True)
    cases = caught.value.failure_cases
    return set(zip(cases["column"], cases["check"], cases["index"], strict=True))


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.code)
def test_the_json_schema_of_a_row(outcome: Outcome) -> None:
    schema = row_schema(outcome)
    assert schema["properties"]["outcome"] == {"const": outcome.code}
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    check = validator(schema)
    row = {"area_code": "E01", "quarter": "2026 Q3", "outcome": outcome.code, "status": ""}
    row["quarter"] = {"year": "2026", "month": "2026-09"}.get(outcome.frequency, "2026 Q3")
    below = 5_000 if outcome.form == "ratio" else None
    assert check.is_valid(row | {"numerator": 7, "denominator": below})
    assert check.is_valid(row | {"numerator": None, "denominator": below, "status": "[c]"})
    assert not check.is_valid(row | {"numerator": "<5", "denominator": below})
    assert not check.is_valid(row | {"numerator": None, "denominator": below})
    assert not check.is_valid(row | {"numerator": 7, "denominator": below, "status": "[c]"})
    assert not check.is_valid(row | {"numerator": 7, "denominator": 0})
    if outcome.whole:
        assert not check.is_valid(row | {"numerator": 3.7, "denominator": below})


def test_a_million_rows_in_small(capsys: pytest.CaptureFixture[str]) -> None:
    programme = benchmark_programme()
    frame = benchmark.frame_of(programme, 20_000)
    found = {(one.row, one.column, one.rule) for one in check_frame(frame, programme)}
    injected = {(5, "numerator", "R021"), (77, "quarter", "R025"), (1_000, "numerator", "R022")}
    assert injected <= found
    assert benchmark.bare(frame, programme) == len(found), "pandera names the same number of cells"


def benchmark_programme() -> Programme:
    schemas = packaged_schemas()
    scenario = benchmark.Scenario.load(schemas)
    return benchmark.invent_programme(scenario, scenario.presets["full"], schemas)


def test_months_are_read_where_something_is_returned_by_month(tiny: Programme) -> None:
    rows = [["E01", said, "arrears", "10", "200", ""] for said in ("2026-07", "2026 Q3", "2026-13")]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    wrong = [(one.row, one.rule) for one in check_frame(frame, tiny)]
    assert wrong == [(0, "R025"), (2, "R025")]
    held = {name: getattr(tiny, name) for name in Programme.model_fields}
    monthly = [one.model_copy(update={"frequency": "month"}) for one in tiny.outcomes]
    found = check_frame(frame, Programme(**held | {"outcomes": tuple(monthly)}))
    assert [(one.row, one.rule) for one in found] == [(2, "R025")]
