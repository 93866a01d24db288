"""A programme that declares no costs has gains: no balance, no ratio, and never £0."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import pytest
import yaml

from evaluation.errors import ValueChainError
from evaluation.study.protocol_check import check_protocol
from evaluation.study.results import read_results, write_results
from evaluation.study.run import run_study
from evaluation.study.study import Study
from evaluation.value import ratios
from evaluation.value.parameters import Parameters, vintage
from evaluation.value.report import as_data, gross_data
from evaluation.workspace import packaged_schemas
from tests.journey.at_the_command_line import newstart
from tests.unit.locked import NAME, UNTIL, lay_out
from tests.unit.values import AE, CLAIMANTS, cost, net, valued


def test_what_is_not_declared_is_not_a_number() -> None:
    nets = [net(AE, -5.0, noise=0.1), net(CLAIMANTS, -2.0, noise=0.1)]
    without, with_costs = valued(nets), valued(nets, [cost("nhs", "2024 Q1", 1_000)])
    totals = without.totals()
    assert totals.loc[["cost", "net_fiscal", "npsv"]].isna().all(axis=None)
    gains = ["gross_fiscal", "gross_economic", "cashable"]
    assert totals.loc[gains].equals(with_costs.totals().loc[gains])
    assert without.ratios().isna().all(axis=None) and not with_costs.ratios().isna().any(axis=None)
    assert without.payback()[["cost", "cumulative_mean"]].isna().all(axis=None)
    assert all(math.isnan(row["cost"]["mean"]) for row in without.by_budget())  # type: ignore[index]
    assert ratios.category_chances(without) == []
    with pytest.raises(ValueChainError, match="No costs are declared"):
        as_data(without, {})


def test_nothing_is_divided_by_a_cost_of_nothing() -> None:
    value = valued([net(AE, -5.0, noise=0.1)], [cost("nhs", "2024 Q1", 0.0)])
    assert value.costed and value.ratios().isna().all(axis=None)
    assert ratios.category_chances(value) == []


def test_gains_alone_name_no_cost() -> None:
    held = gross_data(valued([net(AE, -5.0, noise=0.1)]))
    assert not {"cost", "net_fiscal", "npsv"} & held["totals"].keys()
    assert all(row.keys() == {"agency", "name", "budget", "gain"} for row in held["by_agency"])
    assert "No costs are declared" in held["notes"][0]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A study that asks for pounds, in a programme in which nobody reports costs."""
    ground = lay_out(tmp_path_factory.mktemp("costless"))
    ground.submit(until=UNTIL)
    programme = ground.workspace.studies / "new_start" / "programme.yaml"
    content = yaml.safe_load(programme.read_text())
    del content["money"]
    programme.write_text(yaml.safe_dump(content))
    protocol = yaml.safe_load(ground.protocol.read_text())
    ground.protocol.write_text(yaml.safe_dump(protocol | {"value": True, "estimators": ["did"]}))
    write_results(ground.workspace, run_study(Study.load(ground.workspace, NAME)))
    return ground.workspace


def test_a_study_without_costs_has_gains_in_its_results(root) -> None:
    results = read_results(root, NAME)
    assert results.value is None and results.gross is not None
    assert results.gross.by_agency and results.gross.totals.gross_fiscal.mean
    said = newstart(root.root, "value", NAME)
    assert "No costs declared" in said and "£0" not in said
    assert json.loads(newstart(root.root, "value", NAME, "--json"))["costs"] == "not declared"


def test_the_pages_say_so_and_print_no_balance(root) -> None:
    from evaluation.edition.book import write
    from evaluation.edition.edition import Edition

    (root.book / "decisions").mkdir(parents=True, exist_ok=True)
    write(root, Edition.read(root, "new_start"))
    page = (root.book / "_edition" / "money.md").read_text()
    assert "No costs are declared" in page and "Who gains, to date" in page
    assert "£0" not in page and "Paid" not in page and not re.search(r"\bnan\b", page)
    front = (root.book / "_edition" / "index.md").read_text()
    assert "Who pays and who gains" not in front
    claims = json.loads((root.book / "_edition" / "claims.json").read_text())
    assert not [key for key in claims if key.startswith("money.")]
    text = json.dumps(claims)
    assert "No costs are declared" in text and "no outcome of this study has a price" not in text


def test_a_price_of_nobody_and_an_overlap_that_nobody_knows_are_refused(root) -> None:
    params = Parameters.load()
    with pytest.raises(ValueChainError, match="overlap group 'wrok'") as refused:
        params.overlap_share("wrok", "claimant_count")
    assert "work" in refused.value.expected
    assert params.overlap_share(None, "anything") == 1.0
    folder = root.root / "own_prices"
    shutil.copytree(Path(vintage.__file__).parent, folder, dirs_exist_ok=True)
    path = folder / "unit_costs.csv"
    path.write_text(path.read_text().replace(",no,nhs,average", ",no,NHS,average"))
    with pytest.raises(ValueChainError, match="composite of the agency 'NHS'"):
        Parameters.load(folder=folder)


@pytest.mark.parametrize(
    ("change", "rule", "said"),
    [
        ("unit_cost: ae_attendence", "P105", "no unit cost 'ae_attendence'"),
        ("unit_cost: ae_attendance\noverlap_group: wrok", "P105", "overlap group 'wrok'"),
        ("unit_cost: ae_attendance\noverlap_group: work", "P107", "all of it is counted"),
        ("unit_cost: homelessness_application", "P106", "agency 'council'"),
    ],
)
def test_a_protocol_says_which_price_is_wrong(root, change: str, rule: str, said: str) -> None:
    study = root.studies / NAME
    programme = root.studies / "new_start" / "programme.yaml"
    text, own = programme.read_text(), root.studies / "new_start" / "outcomes"
    declared = (packaged_schemas() / "outcomes" / "ae_attendances.yaml").read_text()
    own.mkdir(exist_ok=True)
    (own / "ae_attendances.yaml").write_text(
        declared.replace("unit_cost: ae_attendance", change, 1)
    )
    content = yaml.safe_load(text)
    if rule == "P106":
        content["agencies"].pop("council")
        content.pop("planned_costs")
        content["outcomes"].remove("arrears")
        content["sources"] = [s for s in content["sources"] if s["agency"] != "council"]
        for site in content["sites"]:
            site["agencies"] = [one for one in site["agencies"] if one != "council"]
    programme.write_text(yaml.safe_dump(content))
    try:
        found = [one for one in check_protocol(root, NAME) if one.rule == rule]
    finally:
        programme.write_text(text)
        (own / "ae_attendances.yaml").unlink()
    assert found and said in found[0].message and study.is_dir()
