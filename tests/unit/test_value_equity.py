"""A study's deprivation fifths: estimates made anew inside each, or the reason why not."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluation.errors import ValueChainError, WorkspaceError
from evaluation.estimate.assignments import Assignments
from evaluation.programme import Deprivation, Programme
from evaluation.protocol import Protocol
from evaluation.simulate import Scenario, draw_figures, invent_programme, panel_of, write_programme
from evaluation.study.heterogeneity import fifths
from evaluation.workspace import Workspace

SCHEMAS = Path(__file__).parents[2] / "data_schemas"
INCOME = {1: 15_000.0, 2: 22_000.0, 3: 28_000.0, 4: 36_000.0, 5: 50_000.0}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The full programme with claimants and attendances; whole authorities lie in one fifth."""
    scenario = Scenario.load(SCHEMAS)
    preset = scenario.presets["full"]
    programme = invent_programme(scenario, preset, SCHEMAS)
    sites = [a.authority for a in programme.areas if a.site in ("S01", "S02", "S03")]
    others = sorted({a.authority for a in programme.areas if a.role == "comparison"})
    fifth = dict.fromkeys(sites, 1) | {name: 1 + k % 3 for k, name in enumerate(others)}
    deprivation = tuple(
        Deprivation(area=a.code, fifth=(f := fifth.get(a.authority, 4)), income=INCOME[f])
        for a in programme.areas
    )
    programme = Programme(**{**dict(programme), "deprivation": deprivation})
    codes = ("ae_attendances", "claimant_count")
    figures = draw_figures(programme, scenario, preset, seed=3)
    panel = panel_of(programme, figures, codes).eligible()
    folder = tmp_path_factory.mktemp("study")
    shutil.copy(SCHEMAS / "demo" / "protocol_full.yaml", folder / "protocol.yaml")
    protocol = Protocol.load(folder).model_copy(
        update={"primary": ("ae_attendances",), "secondary": ("claimant_count",)}
    )
    assignments = Assignments.draw(panel, n=199, strata=())
    return SimpleNamespace(
        programme=programme,
        protocol=protocol,
        panel=panel,
        assignments=assignments,
        value=SimpleNamespace(lines=(object(),)),
        findings=dict.fromkeys(protocol.outcomes, SimpleNamespace(objections=())),
    )


def test_a_fifth_with_both_kinds_of_areas_is_valued_and_others_say_why_not(study: Any) -> None:
    rows = {row["fifth"]: row for row in fifths(study)}
    assert [row["valued"] for row in rows.values()] == [True, False, False, False, False]
    assert rows[1]["pilot_areas"] == 12
    assert rows[2]["reason"] == "no pilot area lies in this fifth"
    assert rows[4]["reason"] == "no comparison area lies in this fifth"
    weight = rows[1]["weight"]["central"]
    assert weight > 1
    assert rows[1]["people_weighted"]["mean"] == pytest.approx(weight * rows[1]["people"]["mean"])


def test_without_fifths_nothing_is_said(study: Any) -> None:
    bare = study.programme.model_copy(update={"deprivation": ()})
    assert fifths(SimpleNamespace(**{**vars(study), "programme": bare})) == []


def test_an_area_without_a_fifth_is_told(study: Any) -> None:
    less = study.programme.model_copy(update={"deprivation": study.programme.deprivation[:-1]})
    with pytest.raises(ValueChainError, match="1 areas have no deprivation fifth"):
        fifths(SimpleNamespace(**{**vars(study), "programme": less}))


def test_fifths_are_declared_in_a_table_of_the_programme(study: Any, tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "new_start"
    write_programme(study.programme, folder)
    shutil.copytree(SCHEMAS, tmp_path / "data_schemas")
    with (folder / "programme.yaml").open("a") as stream:
        stream.write("deprivation: deprivation.csv\n")
    area = study.programme.areas[0].code
    (folder / "deprivation.csv").write_text(f"area,fifth,income\n{area},2,21000\n")
    loaded = Programme.load(Workspace(root=tmp_path), "new_start")
    assert loaded.deprivation == (Deprivation(area=area, fifth=2, income=21_000),)
    (folder / "deprivation.csv").write_text("area,fifth,income\nnowhere,2,21000\n")
    with pytest.raises(WorkspaceError, match="declared for nowhere, which is no area here"):
        Programme.load(Workspace(root=tmp_path), "new_start")
