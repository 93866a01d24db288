"""Every seeded fault of a protocol is met with its sentence, at its line; a sound one with none."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import yaml

from evaluation.errors import ProtocolError
from evaluation.programme import Programme
from evaluation.protocol import Protocol
from evaluation.quarters import Period
from evaluation.study import protocol_check
from evaluation.study.protocol_check import check_protocol, prices, too_small
from evaluation.study.protocol_rules import Case, Remark, money, read_lined
from evaluation.study.run import _value
from evaluation.study.study import Study
from evaluation.workspace import Workspace, packaged_schemas
from tests.unit.locked import LOCKED, NAME, PROTOCOL, lay_out
from tests.unit.protocol_faults import COMPARISON, FAULTS, ON_FIGURES, THEORY, Seeded
from tests.unit.values import AE, CLAIMANTS, LIFE, outcome, programme

QUESTIONS_OF_THE_SOUND = {"P074", "P077", "P084", "P097", "P120"}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Declarations and protocol; no returns."""
    root = tmp_path_factory.mktemp("bare")
    lay_out(root)
    shutil.rmtree(root / "var")
    return root


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    ground = lay_out(tmp_path_factory.mktemp("filled"))
    ground.submit(until=LOCKED)
    return ground.workspace.root


def plant(root, tmp_path, fault: Seeded):
    """A copy of a workspace with the fault in it."""
    shutil.copytree(root, tmp_path / "w")
    programme = tmp_path / "w" / "studies" / "new_start"
    content = {k: v for k, v in {**PROTOCOL, **fault.change}.items() if v is not None}
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None)
    if fault.text:
        assert fault.text[0] in text
        text = text.replace(*fault.text)
    (programme / "first_look" / "protocol.yaml").write_text(text)
    for name, (was, now) in fault.beside.items():
        path = programme / name
        path.parent.mkdir(exist_ok=True)
        held = packaged_schemas() / name
        before = (path if path.exists() else held).read_text() if was else ""
        assert was in before, name
        path.write_text(before.replace(was, now, 1) if was else now)
    return Workspace(root=tmp_path / "w"), text


def assert_met(fault, workspace, text):
    remarks = check_protocol(workspace, NAME)
    met = [one for one in remarks if fault.said in one.message + one.mend]
    assert met, "\n".join(map(str, remarks))
    assert {one.severity for one in met} == {fault.severity}
    line = text.splitlines()[met[0].line - 1]
    assert line.lstrip().startswith(fault.at) if fault.at else met[0].line == 1, (met[0], line)
    assert met[0].message.endswith(".") and met[0].mend


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name)
def test_a_seeded_fault_is_met_at_its_line(bare, tmp_path, fault):
    assert_met(fault, *plant(bare, tmp_path, fault))


@pytest.mark.parametrize("fault", ON_FIGURES, ids=lambda one: one.name)
def test_a_fault_that_only_figures_show(filled, tmp_path, fault):
    assert_met(fault, *plant(filled, tmp_path, fault))


def test_there_are_more_than_forty():
    assert len({one.name for one in [*FAULTS, *ON_FIGURES]}) >= 75


def test_a_sound_protocol_has_no_error_and_its_known_questions(bare, filled):
    for root in (bare, filled):
        remarks = check_protocol(Workspace(root=root), NAME)
        assert {one.rule for one in remarks} <= QUESTIONS_OF_THE_SOUND


def test_a_theory_that_is_closed_raises_nothing(bare, tmp_path):
    sound = Seeded(
        "",
        "",
        "",
        "",
        {"adjust_for": ["deprivation"]},
        beside={"first_look/theory.yaml": ("", THEORY)},
    )
    workspace, _ = plant(bare, tmp_path, sound)
    assert {one.rule for one in check_protocol(workspace, NAME)} <= QUESTIONS_OF_THE_SOUND


def test_an_area_that_stays_for_a_reason_is_let_pass(bare, tmp_path):
    event = next(one for one in FAULTS if one.name == "a comparison in another programme")
    allowed = {"eligibility": {"allowed": {COMPARISON: "Team A closed before it began."}}}
    workspace, _ = plant(bare, tmp_path, Seeded("", "", "", "", allowed, beside=event.beside))
    assert {one.rule for one in check_protocol(workspace, NAME)} <= QUESTIONS_OF_THE_SOUND


def test_data_seen_is_held_against_the_ledger(tmp_path):
    ground = lay_out(tmp_path)
    ground.submit(until="2025-03-01")
    text = ground.protocol.read_text()
    assert any(one.rule == "P122" for one in check_protocol(ground.workspace, NAME))
    ground.protocol.write_text(text.replace("figures of before the first start", "none"))
    remarks = check_protocol(ground.workspace, NAME)
    assert any(one.rule == "P114" and one.severity == "error" for one in remarks)


def test_an_effect_too_small_to_be_seen(bare):

    workspace = Workspace(root=bare)
    study = Study.load(workspace, NAME)
    text = (workspace.studies / NAME / "protocol.yaml").read_text()
    case = Case(
        protocol=study.protocol, source=read_lined(text), programme=study.programme, name=NAME
    )
    said = list(too_small(case, {"ae_attendances": 11.4}))
    assert "is -8 %, and what the planned looks would find four times in five is 11.4 %" in (
        said[0].message
    )
    assert text.splitlines()[said[0].line - 1].startswith("hoped_percent")
    assert (
        "nothing, however large" in next(too_small(case, {"ae_attendances": float("inf")})).message
    )
    assert not list(too_small(case, {"ae_attendances": 7.0}))


def test_a_missing_protocol_is_said(bare):
    with pytest.raises(ProtocolError, match="no protocol of"):
        check_protocol(Workspace(root=bare), "new_start/none")
    with pytest.raises(ProtocolError, match="no protocol of"):
        check_protocol(Workspace(root=bare), "new_start")


def rewrite_areas(workspace, row):
    path = workspace.studies / "new_start" / "areas.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *(row(one.split(",")) for one in rows)]) + "\n")


def test_too_few_authorities_where_blocks_move(bare, tmp_path):
    """Two pilots share an authority, and so do their neighbours: too few are left to re-draw."""
    workspace, text = plant(bare, tmp_path, Seeded("", "", "", ""))
    names = iter(f"Authority {k // 2}" for k in range(24))
    homes = {"pilot": iter(["Home", "Home", "Away"])}

    def row(cells):
        held = homes.get(cells[3])
        return ",".join([*cells[:2], next(held) if held else next(names), *cells[3:]])

    rewrite_areas(workspace, row)
    met = [one for one in check_protocol(workspace, NAME) if one.rule == "P071"]
    assert met[0].severity == "error" and "13 are eligible: too few" in met[0].message
    assert text.splitlines()[met[0].line - 1].startswith("assignments")


@pytest.mark.parametrize(
    ("block", "sites", "refused"),
    [
        ("area", ["S01", "S01", "S02"], True),
        ("site", ["S01", "S02", "S03"], True),
        ("site", ["S01", "S01", "S02"], False),
    ],
)
def test_blocks_that_share_an_authority(bare, tmp_path, block, sites, refused):
    """Of three pilot areas two lie in one authority; they are of one site, or of two."""
    plan = Seeded("", "", "", "", {"assignments": {"n": 199, "block": block, "seed": 7}})
    workspace, _ = plant(bare, tmp_path, plan)
    homes, of = iter(["Home", "Home", "Away"]), iter(sites)

    def row(cells):
        if cells[3] != "pilot":
            return ",".join(cells)
        held = dict(zip(head.split(","), cells, strict=True))
        return ",".join((held | {"authority": next(homes), "site": next(of)}).values())

    head = (workspace.studies / "new_start" / "areas.csv").read_text().splitlines()[0]
    rewrite_areas(workspace, row)
    met = [one for one in check_protocol(workspace, NAME) if one.rule == "P073"]
    assert bool(met) is refused
    assert all(f"Pilot {block}s share authorities" in one.message for one in met)


def test_strata_too_thin_to_draw_from(filled, tmp_path):
    thin = Seeded("", "", "", "", {"assignments": {"n": 199, "strata": ["level"], "seed": 7}})
    workspace, text = plant(filled, tmp_path, thin)
    kept = iter([True, True, *[False] * 30])

    def row(cells):
        left_out = cells[3] == "comparison" and not next(kept)
        return ",".join([*cells[:3], "excluded" if left_out else cells[3], *cells[4:]])

    rewrite_areas(workspace, row)
    met = [one for one in check_protocol(workspace, NAME) if one.rule == "P072"]
    assert met[0].severity == "error" and "cannot be drawn" in met[0].message
    assert "strata" in text.splitlines()[met[0].line - 1]


def test_logarithms_of_small_counts(filled, tmp_path, monkeypatch):

    monkeypatch.setattr(protocol_check, "SMALL_FIGURE", 700)
    workspace, _ = plant(filled, tmp_path, Seeded("", "", "", "", {"suppressed": None}))
    remarks = {one.rule: one for one in check_protocol(workspace, NAME)}
    assert "of the counts of ae_attendances are below 700" in remarks["P033"].message


def test_precision_that_differs_between_arms_is_asked_about(filled):
    """By population where nothing better is known, by sampling errors where they are."""
    study = Study.load(Workspace(root=filled), NAME)
    text = (study.folder / "protocol.yaml").read_text()

    def asked(panel, **changes):
        protocol = study.protocol.model_copy(update=changes)
        case = Case(
            protocol=protocol, source=read_lined(text), programme=study.programme, name=NAME
        )
        return [one for one in protocol_check.precision(case, panel) if one.rule == "P078"]

    held = study.panel
    pilot = (held.areas["role"] == "pilot").to_numpy()
    # Figures whose noise goes with population, a tenth of which lives in each pilot area.
    size = np.where(pilot, 800.0, 8_000.0)
    rng = np.random.default_rng(0)
    figures = {
        code: np.exp(5 + rng.standard_normal(grid.shape) * (30 / np.sqrt(size))[:, None] / 10)
        for code, grid in held.figures.items()
    }
    unlike = replace(held, areas=held.areas.assign(population=size), figures=figures)
    said = asked(unlike)
    assert {one.severity for one in said} == {"question"}
    assert len(said) == len(study.protocol.outcomes)
    assert "By their populations, errors of" in said[0].message
    assert text.splitlines()[said[0].line - 1].lstrip().startswith("assignments")
    plan = study.protocol.assignments
    assert not asked(unlike, assignments=plan.model_copy(update={"gaps": "by_population"}))
    assert not asked(unlike, assignments=plan.model_copy(update={"strata": ("population",)}))
    code = study.protocol.outcomes[0]
    for ratio, wanted in ((1.2, False), (1.3, True), (1 / 1.2, False), (1 / 1.3, True)):
        errors = np.where(pilot, ratio, 1.0)[:, None] * np.ones(held.figures[code].shape)
        known = replace(held, sampling_error={code: errors})
        found = [one for one in asked(known) if f"Sampling errors of {code}" in one.message]
        assert bool(found) == wanted
        assert all(f"{ratio:.2f} times" in one.message for one in found)


def of_money(held: Programme, **named: object) -> Case:
    """A protocol that asks for pounds, of the outcomes that are named."""
    bare = {"negative_control": [], "scale": {}, "hoped_percent": {}, "value": True}
    protocol = Protocol.model_validate({**PROTOCOL, **bare, **named})
    return Case(protocol=protocol, source=read_lined("value: true"), programme=held, name=NAME)


def rules_met(found: list[Remark]) -> set[str]:
    return {one.rule for one in found}


@pytest.mark.parametrize("frequency", ["A", "M"])
def test_pounds_are_asked_for_of_quarters_alone(frequency):
    held = programme([AE])
    other = held.model_copy(update={"first": Period.around(held.first.first_day, frequency)})
    case = of_money(other, primary=[AE.code])
    assert rules_met(list(money(case))) == {"P143"}
    assert "P143" not in rules_met(list(money(of_money(held, primary=[AE.code]))))


def test_better_lives_alone_are_a_value():
    """They are a sum of their own: there is one, and the total of unit costs is none."""
    arrears = outcome("arrears", "flow", None)
    life = LIFE.model_copy(update={"frequency": "wave"})
    held = programme([arrears, life])
    case = of_money(held, primary=["arrears"], lives=[LIFE.code])
    assert "P110" not in rules_met(list(money(case)))
    assert _value(held, case.protocol, {"arrears": (), LIFE.code: ()}) is None
    bare = of_money(programme([arrears]), primary=["arrears"])
    assert "P110" in rules_met(list(money(bare)))


def test_a_share_of_another_group_is_none_of_this_one():
    """All of it would be counted, and nobody asked."""
    other = CLAIMANTS.model_copy(update={"overlap_group": "home"})
    found = list(prices(of_money(programme([other]), primary=[other.code])))
    assert rules_met(found) == {"P107"}
    assert not list(prices(of_money(programme([CLAIMANTS]), primary=[CLAIMANTS.code])))
