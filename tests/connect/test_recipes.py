"""The declarations: what the package brings is sound, and its schema is the one that is printed."""

from __future__ import annotations

import json

import pytest

from evaluation.connect.recipes import SERVICES, all_recipes, json_schema
from evaluation.errors import WorkspaceError
from evaluation.workspace import packaged_schemas
from tests.connect.conftest import SOURCES, Fetching
from tests.connect.fake import Nomis, serving
from tests.connect.test_nomis import figures


def test_the_schema_is_the_one_of_the_models() -> None:
    """Mended by ``python -m evaluation.connect.recipes data_schemas``."""
    text = (packaged_schemas() / "sources.schema.json").read_text("utf-8")
    assert text == json_schema()
    assert json.loads(text)["properties"]["recipes"]


def test_every_recipe_of_the_package_has_a_licence_and_a_vintage(fetching: Fetching) -> None:
    held = all_recipes(fetching.workspace, fetching.programme)
    brought = [one for one in held if one.name not in ("asb", "claims", "pupils")]
    assert {"claimant_count", "population", "antisocial_behaviour"} <= {o.name for o in brought}
    assert all(one.licence and one.vintage and one.about for one in brought)
    assert {one.service for one in brought} == set(SERVICES) - {"ees"}


def test_a_programme_puts_its_own_in_place_of_the_packages(fetching: Fetching) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    path.write_text(SOURCES.replace("name: asb", "name: antisocial_behaviour"), "utf-8")
    held = all_recipes(fetching.workspace, fetching.programme)
    (one,) = (recipe for recipe in held if recipe.name == "antisocial_behaviour")
    assert "west-yorkshire" in one.forces  # type: ignore[union-attr]


def test_a_recipe_without_a_source_is_sent_by_the_outcomes_own(fetching: Fetching) -> None:
    held = {one.name: one for one in all_recipes(fetching.workspace, fetching.programme)}
    assert held["claimant_count"].source == "dwp_open"  # type: ignore[union-attr]
    # This programme does not measure it, so nobody sends it.
    assert held["population"].source == ""  # type: ignore[union-attr]


def test_what_else_the_source_returns_is_told(fetching: Fetching) -> None:
    path = fetching.workspace.studies / "place" / "programme.yaml"
    both = "outcomes: [claimant_count, universal_credit_no_work_requirement,"
    path.write_text(path.read_text("utf-8").replace("outcomes: [claimant_count,", both), "utf-8")
    with serving(Nomis(figures())) as fake:
        done = fetching("claimant_count", fake, source="nomis")
    assert any(
        "dwp_open also returns universal_credit_no_work_requirement" in one.what
        for one in done.told
    )


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ("kind: police", "kind: polise", "polise"),
        ("name: asb", "name: claims", "two recipes are called 'claims'"),
        ("month_to_quarter: sum", "month_to_quarter: total", "mean"),
        ("types: [Anti-social behaviour]", "typos: [x]", "typ"),
    ],
)
def test_a_recipe_with_a_slip(fetching: Fetching, was: str, now: str, sentence: str) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    path.write_text(SOURCES.replace(was, now), "utf-8")
    with pytest.raises(WorkspaceError) as raised:
        all_recipes(fetching.workspace, fetching.programme)
    assert sentence in str(raised.value) and "sources.yaml" in str(raised.value)
