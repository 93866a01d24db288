"""A site that began inside a period: declaration, panel, lock, looks, results, money."""

import dataclasses
import json
from datetime import date

import numpy as np
import pytest
import yaml

from evaluation.errors import WorkspaceError
from evaluation.estimate.units import in_units, net_effects
from evaluation.panel import counts_after_start
from evaluation.programme import Programme
from evaluation.protocol import Protocol, as_stated
from evaluation.study.lock_status import standing_of
from evaluation.study.protocol_check import check_protocol
from evaluation.study.protocol_documents import write_record
from evaluation.study.results import results_of
from evaluation.study.run import catch_up, estimate_by, run_study
from evaluation.study.study import Study, long_table
from tests.unit.locked import LOCKED, NAME, PROTOCOL, UNTIL, Ground, lay_out

BEGAN = "2024-11-15"
SHARE = 47 / 92
"""From 15 November to 31 December, of the 92 days of the quarter."""


def change_site(ground: Ground, **changes: object) -> None:
    path = ground.workspace.studies / "new_start" / "programme.yaml"
    content = yaml.safe_load(path.read_text())
    content["sites"][0] |= changes
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def change_protocol(ground: Ground, **changes: object) -> None:
    held = yaml.safe_dump(PROTOCOL | changes, sort_keys=False, default_flow_style=None)
    ground.protocol.write_text(held)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Figures of before the first start; nothing frozen."""
    ground = lay_out(tmp_path_factory.mktemp("partial"))
    ground.submit(until=LOCKED)
    return ground


def frozen(filled, folder, **protocol) -> Ground:
    ground = filled.copied(folder)
    change_site(ground, start=BEGAN)
    change_protocol(ground, **protocol)
    ground.freeze()
    ground.submit(after=LOCKED, until=UNTIL)
    return ground


@pytest.fixture(scope="module")
def dropped(filled, tmp_path_factory):
    return frozen(filled, tmp_path_factory.mktemp("d") / "w", partial="drop")


@pytest.fixture(scope="module")
def scaled(filled, tmp_path_factory):
    return frozen(filled, tmp_path_factory.mktemp("s") / "w", partial="scale")


@pytest.fixture(scope="module")
def runs(dropped, scaled):
    return {
        name: run_study(Study.load(ground.workspace, NAME))
        for name, ground in (("drop", dropped), ("scale", scaled))
    }


def test_a_start_on_a_day_is_the_quarter_and_the_share_of_it(filled, tmp_path):
    ground = filled.copied(tmp_path / "w")
    for written in (
        {"start": BEGAN},
        {"start": date(2024, 11, 15)},
        {"start": "2024 Q4", "began": BEGAN},
    ):
        change_site(ground, began=None)
        change_site(ground, **written)
        site = Programme.load(ground.workspace, "new_start").sites[0]
        assert (str(site.start), str(site.began)) == ("2024 Q4", BEGAN)
        assert site.first_share == pytest.approx(SHARE)
    change_site(ground, start="2024-10-01", began=None)
    assert Programme.load(ground.workspace, "new_start").sites[0].first_share == 1
    assert "exposure" not in Study.load(ground.workspace, NAME).panel.areas


def test_a_day_outside_its_start_is_refused_with_where_it_lies(filled, tmp_path):
    ground = filled.copied(tmp_path / "w")
    change_site(ground, start="2024 Q4", began="2025-02-03")
    with pytest.raises(WorkspaceError, match=r"2025-02-03, which does not lie in .* 2025 Q1"):
        Programme.load(ground.workspace, "new_start")


def test_the_panel_and_the_long_table_carry_the_share(dropped):
    study = Study.load(dropped.workspace, NAME)
    own = study.panel.areas["site"] == study.programme.sites[0].code
    assert np.allclose(study.panel.areas.loc[own, "exposure"], SHARE)
    assert study.panel.partial == "drop"
    table = long_table(study.observations, study.programme)
    areas = set(study.panel.areas.index[own])
    assert np.allclose(table.loc[table["area_code"].isin(areas), "exposure"], SHARE)


def test_no_look_is_taken_of_a_period_that_is_left_out(dropped, scaled):
    """Four quarters had come: the first holds nothing to look at where it is dropped."""
    taken = {}
    for ground, name in ((dropped, "drop"), (scaled, "scale")):
        catch_up(Study.load(ground.workspace, NAME))
        rows = Study.load(ground.workspace, NAME).looks.rows()
        taken[name] = [row.known["quarter"] for row in rows]
        assert standing_of(Study.load(ground.workspace, NAME)).record
    assert taken["drop"] == ["2025 Q1", "2025 Q2", "2025 Q3"]
    assert taken["scale"] == ["2024 Q4", *taken["drop"]]


def test_the_first_period_is_left_out_or_divided_by_its_share(runs):
    first, whole = runs["drop"], runs["scale"]
    assert (first.label, whole.label) == ("confirmatory", "confirmatory")
    for code in ("ae_attendances", "road_casualties"):
        for left, kept in zip(first.estimates[code], whole.estimates[code], strict=True):
            site = left.index["site"] == first.programme.sites[0].code
            at = (site & (left.index["event_time"] == 0)).to_numpy()
            assert np.isnan(left.effects[at]).all()
            # The same study without a word on shares: what is seen of that period.
            bare = dataclasses.replace(
                whole.panel, areas=whole.panel.areas.drop(columns="exposure")
            )
            seen = estimate_by(left.estimator, bare, code, whole.protocol, whole.assignments)
            assert np.allclose(kept.effects[at], seen.effects[at] / SHARE)
            assert any(getattr(said, "code", "") == "partial_exposure" for said in left.warnings)


def test_results_say_it_and_the_record_of_registration_too(runs, dropped, scaled):
    for name, ground, word in (
        ("drop", dropped, "is left out"),
        ("scale", scaled, "divided by the share"),
    ):
        results = results_of(runs[name])
        said = [w for one in results.outcomes for e in one.estimates for w in e.warnings]
        assert any(word in str(one) for one in said)
        folder = ground.workspace.root / "registered"
        folder.mkdir()
        write_record(ground.workspace, NAME, folder)
        text = " ".join(p.read_text() for p in folder.rglob("*") if p.suffix in (".md", ".json"))
        assert f"on {BEGAN}" in text and word in text


def test_people_are_counted_for_as_long_as_the_site_ran(runs):
    """Units of the first period are those of its part: a whole one's effect times the share."""

    estimate = runs["scale"].estimates["ae_attendances"][0]
    plain = dataclasses.replace(estimate, treated_share=None)
    here, there = net_effects(estimate), net_effects(plain)
    first = ((here.index["event_time"] == 0) & (here.index["site"] == "S01")).to_numpy()
    assert first.any()
    np.testing.assert_allclose(here.effects[first], there.effects[first] * SHARE)
    np.testing.assert_allclose(here.effects[~first], there.effects[~first])
    ours, theirs = in_units(estimate), in_units(plain)
    assert np.abs(ours.effects[first]).item() < np.abs(theirs.effects[first]).item()


def test_another_day_is_another_declaration(dropped, tmp_path):
    ground = dropped.copied(tmp_path / "w")
    assert standing_of(Study.load(ground.workspace, NAME)).record
    change_site(ground, start="2024-11-16")
    changed = standing_of(Study.load(ground.workspace, NAME)).changed
    assert any("began" in one for one in changed), changed


@pytest.mark.parametrize(
    ("site", "protocol", "rule"),
    [
        ({"start": BEGAN}, {}, "P140"),
        ({}, {"partial": "drop"}, "P141"),
        ({"start": BEGAN}, {"partial": "drop", "window": [0, 0]}, "P142"),
        ({"start": BEGAN}, {"partial": "scale"}, None),
    ],
)
def test_the_check_of_a_protocol_asks(filled, tmp_path, site, protocol, rule):
    ground = filled.copied(tmp_path / "w")
    change_site(ground, **site)
    change_protocol(ground, **protocol)
    found = {one.rule for one in check_protocol(ground.workspace, NAME)} & {"P140", "P141", "P142"}
    assert found == ({rule} if rule else set())


def test_a_protocol_of_before_is_the_same_as_it_was():
    plain = Protocol.model_validate(PROTOCOL)
    assert "partial" not in as_stated(plain)
    stated = Protocol.model_validate(PROTOCOL | {"partial": "drop"})
    assert stated.fingerprint != plain.fingerprint
    assert json.dumps(as_stated(stated))


def test_a_panel_whose_only_treated_period_is_left_out_has_nothing_to_show(dropped):
    study = Study.load(dropped.workspace, NAME)
    start = int(study.panel.start_index[study.panel.treated].min())
    until = study.panel.until(study.panel.periods[start])
    assert not counts_after_start(until)
    assert counts_after_start(dataclasses.replace(until, partial="scale"))
