"""A programme's own unit costs and overlaps: declared in its folder, refused where wrong, used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation.errors import ValueChainError, WorkspaceError
from evaluation.ledger.intake import Incoming, Reasons, load_returns
from evaluation.prices import NO_AGENCY
from evaluation.programme import Programme
from evaluation.returns.workbook import read_return
from evaluation.setup.beginning import begin, example
from evaluation.simulate.trial import trial_returns
from evaluation.study.freeze import freeze
from evaluation.study.protocol_check import check_protocol
from evaluation.study.results import results_of
from evaluation.study.run import run_study
from evaluation.study.study import Study
from evaluation.value.parameters import Parameters
from evaluation.value.pricing import priced_lines
from evaluation.value.report import sources
from evaluation.workspace import Workspace, packaged_schemas

COST: dict[str, Any] = {
    "key": "damp_repair",
    "agency": "housing",
    "budget": "DEL",
    "kind": "fiscal",
    "value": 400,
    "price_year": "2023/24",
    "cost_per": "event",
    "confidence": "amber",
    "source": "Ledger of repairs, 2023/24",
}
TO_PEOPLE = COST | {"agency": "people", "budget": "none", "kind": "economic", "value": 61}
SHARE = {"group": "repairs", "outcome": "damp_repairs", "share": 0.5, "source": "A sample of 200"}


def declared(costs: list[dict[str, Any]], overlaps: list[dict[str, Any]]) -> dict[str, Any]:
    """The example's programme with an outcome of its own that has its own price."""
    content: dict[str, Any] = yaml.safe_load(example())
    first = content["outcomes"][0]
    first |= {"unit_cost": "damp_repair"} | ({"overlap_group": "repairs"} if overlaps else {})
    content["study"] |= {"value": True, "data_protection": "", "price_base": 2024}
    return content | {"unit_costs": costs, "overlaps": overlaps}


def parsed(costs: list[dict[str, Any]], overlaps: list[dict[str, Any]]) -> Programme:
    content = declared(costs, overlaps)
    del content["study"]
    return Programme.parsed(content, Path("programme.yaml"), packaged_schemas())


def test_an_outcome_of_its_own_is_priced_by_its_own_row() -> None:
    programme = parsed([COST, TO_PEOPLE], [SHARE])
    params = Parameters.load().of(programme)
    lines = priced_lines(programme.outcomes[0], params, 2024, ())
    index = params.price_indices
    assert [line.pounds_for_one for line in lines] == pytest.approx(
        [value * 0.5 * index["2024"] / index["2023"] for value in (400, 61)]
    )
    assert {line.cost.source for line in lines} == {"Ledger of repairs, 2023/24"}
    # What is shipped is as it was, for this programme and for every other.
    assert params.costs_of("ae_attendance") == Parameters.load().costs_of("ae_attendance")
    with pytest.raises(ValueChainError, match="no unit cost 'damp_repair'"):
        Parameters.load().costs_of("damp_repair")
    assert Parameters.load().agency_names() == NO_AGENCY


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": ""}, "unit_costs.0.source"),
        ({"price_year": "last year"}, "'last year' is none"),
        ({"price_year": "2023/25"}, "'2023/25' is none"),
        ({"price_year": "year"}, "'year' is none"),
        ({"price_year": "23/24"}, "'23/24' is none"),
        ({"value": 0}, "unit_costs.0.value"),
        ({"value": "nan"}, "unit_costs.0.value"),
        ({"value": -3}, "unit_costs.0.value"),
        ({"agency": "housng"}, "'housng' is none"),
        ({"composite_of": "NHS"}, "'NHS' is none"),
        ({"budget": "none"}, "leaves a budget"),
        ({"kind": "social"}, "leaves a budget"),
        ({"cost_per": "person_year"}, "says how its stock was counted"),
        ({"stock_timing": "mean"}, "has no stock_timing"),
        ({"cost_per": "visit"}, "unit_costs.0.cost_per"),
        ({"confidence": "high"}, "unit_costs.0.confidence"),
        ({"key": "damp_repairs"}, "prices no outcome"),
        ({"pounds": 3}, "unit_costs.0.pounds"),
    ],
)
def test_a_wrong_unit_cost_is_refused_in_a_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkspaceError) as refused:
        parsed([COST | change], [])
    assert said in str(refused.value) and refused.value.where == "programme.yaml"
    assert refused.value.mend


@pytest.mark.parametrize("field", ["source", "price_year", "value", "agency"])
def test_what_a_unit_cost_lacks_is_named(field: str) -> None:
    with pytest.raises(WorkspaceError, match=f"unit_costs.0.{field}: Field required"):
        parsed([{name: held for name, held in COST.items() if name != field}], [])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([SHARE | {"share": 1.2}], "overlaps.0.share"),
        ([SHARE | {"source": ""}], "overlaps.0.source"),
        ([SHARE | {"outcome": "damp_repair"}], "'damp_repair' is no outcome here"),
        ([SHARE | {"outcome": "winter_admissions"}], "taken off nothing"),
        ([SHARE | {"group": "homes"}], "taken off nothing"),
        ([SHARE, SHARE], "stands twice"),
    ],
)
def test_a_wrong_overlap_is_refused_in_a_sentence(rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(WorkspaceError) as refused:
        parsed([COST], rows)
    assert said in str(refused.value)


def test_a_row_twice_and_a_shipped_name_are_refused() -> None:
    with pytest.raises(WorkspaceError, match="counted twice"):
        parsed([COST, COST | {"value": 3}], [])
    content = declared([COST | {"key": "ae_attendance"}], [])
    content["outcomes"][0]["unit_cost"] = "ae_attendance"
    del content["study"]
    own = Programme.parsed(content, Path("programme.yaml"), packaged_schemas())
    with pytest.raises(ValueChainError, match="is one of the shipped table") as refused:
        Parameters.load().of(own)
    assert "another key" in refused.value.mend


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The example's programme with its returns in, and its own unit cost in a file."""
    root = tmp_path_factory.mktemp("homes")
    begun = begin(root, "warm_homes", declared([COST, TO_PEOPLE], [SHARE]))
    assert {path.name for path in begun.files} >= {"unit_costs.csv", "overlaps.csv"}
    programme = Programme.load(begun.workspace, "warm_homes")
    assert [one.value for one in programme.unit_costs] == [400, 61]
    files = trial_returns(programme, root / "in", until=programme.last)
    incoming = [Incoming(file=path.name, raw=read_return(path)) for path in files]
    by = programme.people[0].model_copy(update={"sites": ()})
    free = programme.model_copy(update={"people": (by,)})
    load_returns(begun.workspace, free, incoming, Reasons(), by=by.name, progress=lambda _: None)
    return begun.workspace


def test_the_study_is_valued_in_its_own_pounds_and_names_their_source(homes: Workspace) -> None:
    study = Study.load(homes, "warm_homes/first_look")
    run = run_study(study)
    assert run.value is not None and {one.cost.key for one in run.value.lines} == {"damp_repair"}
    assert results_of(run).gross is not None
    named = {one["source"] for one in sources(run.value)}
    assert {"Ledger of repairs, 2023/24", "A sample of 200"} <= named


def test_the_check_of_the_protocol_names_a_price_that_cannot_be_reckoned(homes: Workspace) -> None:
    path = homes.studies / "warm_homes" / "unit_costs.csv"
    held = path.read_text("utf-8")
    for old, new, said in (
        ("2023/24", "1950/51", "holds no index for 1950/51"),
        (",event,,", ",week,snapshot,", "a flow cannot be priced by the week"),
    ):
        assert old in held
        path.write_text(held.replace(old, new), "utf-8")
        remarks = check_protocol(homes, "warm_homes/first_look")
        assert [said in one.message for one in remarks if one.rule == "P105"] == [True]
    path.write_text(held, "utf-8")


def test_prices_that_change_after_the_lock_are_told(homes: Workspace) -> None:
    name = "warm_homes/first_look"
    freeze(homes, name, exploratory=True)
    assert not any("unit costs" in one for one in run_study(Study.load(homes, name)).differences)
    path = homes.studies / "warm_homes" / "unit_costs.csv"
    path.write_text(path.read_text("utf-8").replace("400", "900"), "utf-8")
    said = run_study(Study.load(homes, name)).differences
    assert any("own unit costs or overlaps are others" in one for one in said)
