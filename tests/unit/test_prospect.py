"""Before the lock: share reached times effect among them, beside what is found and what pays."""

from __future__ import annotations

import json
import math

import pytest
import yaml

from evaluation.errors import ProtocolError
from evaluation.finance import with_plan
from evaluation.protocol import Protocol
from evaluation.study.prospect import Prospect, prospects
from evaluation.study.protocol_check import check_protocol
from evaluation.study.study import Study
from tests.journey.at_the_command_line import newstart, told
from tests.unit.locked import LOCKED, NAME, lay_out


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    ground = lay_out(tmp_path_factory.mktemp("prospect"))
    ground.submit(until=LOCKED)
    return ground


@pytest.fixture
def stating(ground):
    """Say a reach in the protocol, and take it back."""
    text = ground.protocol.read_text()

    def state(**fields: object) -> Study:
        looks = {"looks": {"horizon": 2, "reserve": 0.01}}
        ground.protocol.write_text(yaml.safe_dump(yaml.safe_load(text) | looks | fields))
        return Study.load(ground.workspace, NAME)

    yield state
    ground.protocol.write_text(text)


def one(everybody: float | None, found: float | None, pays: float | None) -> Prospect:
    return Prospect(
        outcome="x",
        title="X",
        share=0.2,
        among=-10,
        everybody=everybody,
        found=found,
        pays=pays,
        unpaid="no costs are declared",
    )


def test_it_says_where_it_cannot_be_found_and_where_it_cannot_pay() -> None:
    said = " ".join(one(-2.0, 4.0, 1.0).sentences)
    assert "20 % of residents reached, times -10 % among them, is -2 % on everybody" in said
    assert "It cannot be found: 4.0 %" in said and "It would pay: 1.0 %" in said
    said = " ".join(one(-8.0, 4.0, 9.0).sentences)
    assert "It can be found" in said and "It would not pay: 9.0 %" in said
    said = " ".join(one(-8.0, math.inf, 120.0).sentences)
    assert "no effect, however large" in said and "It cannot pay" in said
    said = " ".join(one(-8.0, 4.0, None).sentences)
    assert "not known: no costs are declared" in said
    assert one(-8.0, None, None).can_be_found is None


def test_the_effect_that_pays_is_the_cost_over_what_all_of_it_would_release(stating) -> None:
    study = stating(reach={"share": 0.5, "effect_percent": {"ae_attendances": -8}})
    (found,) = prospects(study, {"ae_attendances": 3.0})
    assert found.everybody == -4.0 and found.can_be_found
    panel, at = study.panel, study.panel.areas["start"].notna().to_numpy()
    first = min(i for i, label in enumerate(panel.labels) if label == "2024 Q3")
    people = panel.denominators["ae_attendances"][at, : first + 1]
    usual = (panel.array("ae_attendances")[at, : first + 1] * people / 1000).mean(axis=1).sum()
    from evaluation.value.parameters import Parameters
    from evaluation.value.pricing import factor_to_price_base

    params = Parameters.load()
    (price,) = params.costs_of("ae_attendance")
    pounds = price.value * factor_to_price_base(params, price.price_year, 2024)
    last = max(site.start for site in study.programme.sites) + 3
    paid = sum(
        cost.amount * factor_to_price_base(params, cost.price_year, 2024)
        for cost in with_plan(study.programme).costs
        if cost.period <= last
    )
    assert found.pays == pytest.approx(100 * paid / (usual * 4 * pounds), rel=1e-9)


def test_check_and_design_say_the_same(ground, stating) -> None:
    study = stating(reach={"share": 0.01, "effect_percent": {"ae_attendances": -10}})
    remarks = {r.rule: r for r in check_protocol(ground.workspace, NAME, power=True)}
    assert "It cannot be found" in remarks["P065"].message
    assert "more than that" in remarks["P064"].message
    out = newstart(ground.workspace.root, "design", "power", NAME)
    said = next(line for line in out.splitlines() if "cannot be found" in line).strip()
    assert said in remarks["P065"].message
    record = json.loads(newstart(ground.workspace.root, "design", "power", NAME, "--json"))
    (told,) = record["prospects"]
    assert told["can_be_found"] is False and told["effect_percent"] == pytest.approx(-0.1)
    assert told["smallest_found_percent"] == pytest.approx(record["rows"][-1]["detectable_percent"])
    assert study.protocol.reach is not None


def test_too_short_a_past_is_told_beside_the_rest(ground, stating) -> None:
    stating(reach={"share": 0.5, "effect_percent": {"ae_attendances": -8}}, looks={"horizon": 9})
    rules = {r.rule for r in check_protocol(ground.workspace, NAME, power=True)}
    assert "P066" in rules
    code, out, err = told(ground.workspace.root, "design", "power", NAME)
    assert code == 2 and "-4 % on everybody" in out and "looks before the first start" in err


def test_what_was_not_stated_leaves_an_old_protocol_as_it_was(ground) -> None:
    study = Study.load(ground.workspace, NAME)
    assert "reach" not in json.dumps(yaml.safe_load(ground.protocol.read_text()))
    other = study.protocol.model_copy(update={"reach": None})
    assert other.fingerprint == study.protocol.fingerprint
    text = yaml.safe_load(ground.protocol.read_text())
    folder = ground.workspace.root / "elsewhere"
    folder.mkdir(exist_ok=True)
    (folder / "protocol.yaml").write_text(yaml.safe_dump(text | {"reach": {"share": 1.5}}))
    with pytest.raises(ProtocolError, match=r"reach\.share"):
        Protocol.load(folder)
