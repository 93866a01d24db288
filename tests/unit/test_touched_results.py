"""In a study's results: what else happened there, and figures that were shared out."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from evaluation.edition.pages.outcomes import _lineage, _touched
from evaluation.panel import Panel
from evaluation.returns.form import apportioned_note, apportioned_share, lineage_of, summed_note
from evaluation.study.protocol_check import Ground as Standing
from evaluation.study.protocol_check import areas, check_protocol
from evaluation.study.protocol_rules import Case, read_lined
from evaluation.study.record import LineageResult
from evaluation.study.results import read_results, write_results
from evaluation.study.run import run_study, without_events
from evaluation.study.study import Study, long_table
from tests.unit.locked import NAME, Ground, lay_out

HEAD = "kind,areas,authority,outcomes,from,to,what,source\n"
CODE = "ae_attendances"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Two comparison areas had family hubs, another a pilot of work coaches; a record changed."""
    ground = lay_out(tmp_path_factory.mktemp("touched"))
    protocol = yaml.safe_load(ground.protocol.read_text())
    ground.protocol.write_text(yaml.safe_dump(protocol | {"estimators": ["did"], "looks": None}))
    ground.submit()
    programme = Study.load(ground.workspace, NAME).programme
    one, two, three = [a.code for a in programme.areas if a.role == "comparison"][:3]
    since = programme.sites[0].start.last_day.isoformat()
    (ground.workspace.studies / "new_start" / "events.csv").write_text(
        HEAD
        + f"other programme,{one};{two},,,{since},,Family hubs,a council's minutes\n"
        + f"benefit roll-out,{three},,{CODE},{since},,Universal Credit moved,a notice\n"
        + f"instrument change,,,{CODE},{since},,Same-day care is counted,a note\n"
    )
    return ground


def test_the_effect_without_the_areas_touched_stands_in_the_results(ground: Ground) -> None:
    study = Study.load(ground.workspace, NAME)
    write_results(ground.workspace, run_study(study))
    found = {one.code: one for one in read_results(ground.workspace, NAME).outcomes}
    rows = {row.without: row for row in found[CODE].touched}
    assert list(rows) == ["nothing", "Universal Credit moved", "Family hubs", "all of these"]
    assert [row.areas for row in rows.values()] == [0, 1, 2, 3]
    hubs, nothing = rows["Family hubs"], rows["nothing"]
    assert hubs.change == pytest.approx(hubs.effect - nothing.effect) and hubs.change
    assert nothing.effect == pytest.approx(found[CODE].estimate.overall.effect)
    # Family hubs concern every outcome, the benefit one alone.
    assert [row.without for row in found["road_casualties"].touched] == ["nothing", "Family hubs"]
    assert without_events(replace(study, given=study.observations)) == {}


def test_a_break_of_the_record_is_asked_about(ground: Ground) -> None:
    said = {one.message for one in check_protocol(ground.workspace, NAME) if one.rule == "P132"}
    assert any("Same-day care is counted, everywhere" in one for one in said)
    assert any("Universal Credit moved, in some areas and not in others" in one for one in said)


def test_notes_say_how_a_figure_came_about() -> None:
    assert lineage_of("") == lineage_of("rounded to 5 at the source") == "exact"
    assert lineage_of(summed_note(3)) == "summed"
    assert lineage_of("rounded to 5 at the source, sum of 3 such") == "summed"
    note = apportioned_note(0.349, ("E01000001",))
    assert lineage_of(note) == "apportioned" and apportioned_share(note) == 0.35
    assert apportioned_share(apportioned_note(0.0001, ("E01000001",))) == 0.01


def test_lineage_reaches_the_panel_the_results_and_the_protocol(ground: Ground) -> None:
    study = Study.load(ground.workspace, NAME)
    held = study.observations.copy()
    pilot = next(a.code for a in study.programme.areas if a.role == "pilot")
    mine = (held["outcome"] == CODE) & (held["area_code"] == pilot)
    held.loc[mine, "note"] = apportioned_note(0.4, ("E01OLD001",))
    other = (held["outcome"] == CODE) & ~mine
    held.loc[other, "note"] = summed_note(4)
    panel = Panel.from_observations(held, study.programme, [CODE, "road_casualties"])
    row = panel.areas.index.get_loc(pilot)
    assert set(panel.apportioned) == {CODE}
    assert (panel.apportioned[CODE][row] == 0.4).all()
    assert panel.apportioned[CODE].sum() == pytest.approx(0.4 * len(panel.periods))
    long = long_table(held, study.programme).set_index(["outcome", "area_code"])
    assert set(long.loc[(CODE, pilot), "lineage"]) == {"apportioned"}
    assert set(long.loc["road_casualties", "lineage"]) == {"exact"}
    assert "lineage" not in long_table(study.observations, study.programme)
    compared = panel.areas["role"].eq("comparison").to_numpy()
    assert panel.select(compared).apportioned[CODE].sum() == 0
    given = replace(study, given=held)
    write_results(ground.workspace, run_study(given))
    (data,) = (
        one.data for one in read_results(ground.workspace, NAME).outcomes if one.code == CODE
    )
    assert data.lineage is not None and data.lineage.apportioned == int(mine.sum())
    assert data.lineage.summed > 0 and data.lineage.most_apportioned == 0.4
    remarks = areas(_case(given), Standing(theory=None, events=(), panel=panel))
    assert any("40 % of pilot area" in one.message for one in remarks if one.rule == "P130")


def _case(study: Study) -> Case:
    source = read_lined((study.folder / "protocol.yaml").read_text("utf-8"))
    return Case(protocol=study.protocol, source=source, programme=study.programme, name=study.name)


def test_the_page_shows_each_row_and_how_figures_came_about(ground: Ground) -> None:
    write_results(ground.workspace, run_study(Study.load(ground.workspace, NAME)))
    results = read_results(ground.workspace, NAME)
    outcome = next(one for one in results.outcomes if one.code == CODE)
    page: Any = SimpleNamespace(outcome=outcome, estimate=outcome.estimate)
    shown = _touched(page)
    assert "Family hubs" in shown and "all of these" in shown and "Areas left out" in shown
    held = LineageResult(exact=1, summed=40, apportioned=2, most_apportioned=0.35)
    data = outcome.data.model_copy(update={"lineage": held})
    page = SimpleNamespace(outcome=outcome.model_copy(update={"data": data}))
    assert _lineage(page) == (
        "40 figures are sums of the source's areas; 2 were in part shared out of areas of an older "
        "vintage, at most 35% of one figure."
    )
