"""Results as a file: what is written is read again to the byte, and a file at fault is named."""

from __future__ import annotations

import json
import math
import runpy
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import BookError
from evaluation.study.record import SCHEMAS, Results
from evaluation.study.written import json_schema, read_written
from evaluation.workspace import packaged_schemas
from tests.completed import completed

RESULTS = Path(__file__).parents[1] / "browser" / "edition_results.py"


@pytest.fixture(scope="module")
def written() -> str:
    """The file of a study with every part."""
    made = runpy.run_path(str(RESULTS))["_first_look"](packaged_schemas())
    return Results.model_validate(completed(Results, made)).as_json()


@pytest.fixture
def path(tmp_path: Path, written: str) -> Path:
    file = tmp_path / "results.json"
    file.write_text(written, encoding="utf-8")
    return file


def changed(path: Path, **parts: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


def test_what_is_written_is_read_to_the_byte(path: Path, written: str) -> None:
    found = read_written(Results, path)
    assert found.as_json() == written
    assert found == Results.model_validate_json(written)
    assert found.outcomes[0].synthetic_unit is not None
    assert found.outcomes[0].synthetic_unit.rows[0].synthetic == pytest.approx(
        json.loads(written)["outcomes"][0]["twin"]["rows"][0]["twin"]
    )


def test_keys_stand_in_the_order_of_the_fields(written: str) -> None:
    fields = Results.model_fields.items()
    names = [field.alias or name for name, field in fields if field.is_required()]
    assert list(json.loads(written)) == names


def test_a_whole_number_stays_one(path: Path) -> None:
    read = json.loads(read_written(Results, path).as_json())
    row = read["outcomes"][0]["estimates"][0]["cohort"][0]
    assert isinstance(row["n_areas"], int)
    assert isinstance(read["value"]["what_if"]["cost"], int)


def test_years_are_numbers_and_quarters_texts(path: Path) -> None:
    outcomes = json.loads(path.read_text())["outcomes"]
    outcomes[0]["estimates"][0]["cohort"][0]["cohort"] = 1984
    changed(path, outcomes=outcomes)
    first, second = read_written(Results, path).outcomes[:2]
    assert first.estimates[0].cohort[0].cohort == 1984
    assert second.estimates[0].cohort[0].cohort == "2024 Q2"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"label": "certain"}, "label: Input should be 'confirmatory' or 'exploratory'"),
        ({"window": [0]}, r"window\.1: Field required"),
        ({"sample": None}, "sample: Input should be an object"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"level": "much", "study": 1}, r"study: .*\(2 faults in all\)"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    path: Path, parts: dict[str, Any], said: str
) -> None:
    changed(path, **parts)
    with pytest.raises(BookError, match=said) as raised:
        read_written(Results, path)
    assert raised.value.where == str(path)
    assert "write it anew" in raised.value.mend


def test_no_file_and_no_json_are_told_apart(path: Path) -> None:
    with pytest.raises(BookError, match="cannot be read"):
        read_written(Results, path.with_name("elsewhere.json"))
    path.write_text('{"programme": ')
    with pytest.raises(BookError, match="no valid JSON"):
        read_written(Results, path)


def test_a_figure_that_is_none_of_json_is_not_written(path: Path) -> None:
    found = read_written(Results, path).model_copy(update={"level": math.nan})
    with pytest.raises(ValueError, match="not JSON compliant"):
        found.as_json()


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_json_schema_is_that_of_the_models(name: str) -> None:
    path = packaged_schemas() / f"{name}.schema.json"
    assert path.read_text(encoding="utf-8") == json_schema(SCHEMAS[name]), (
        "write it anew: python -m evaluation.study.record data_schemas"
    )
