"""What a survey could find: the study's own estimate, thousands of times at once."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from evaluation.cli import app
from evaluation.cli.waves import _tell_design
from evaluation.design import surveys
from evaluation.design.surveys import Plan, Variation, areas_of, could_find, trade_offs
from evaluation.errors import EstimateError, UserError
from evaluation.estimate.did import DidSettings, did
from evaluation.programme import Programme
from evaluation.workspace import Workspace
from tests.wave.asked import surveyed


@pytest.fixture(scope="module")
def programme() -> Programme:
    from pathlib import Path

    return Programme.load(Workspace(root=Path(__file__).parents[2]), "new_start")


@pytest.mark.parametrize("plan", [Plan(respondents=150), Plan(respondents=60, in_pilots=300)])
def test_one_survey_is_judged_as_difference_in_differences_judges_it(
    plan: Plan, programme: Programme
) -> None:
    areas = areas_of(programme)
    panel = surveys.invented(areas, plan, Variation(), np.random.default_rng(5))
    assignments = surveys._assignments(panel, plan, Variation(), block="authority", seed=5)
    settings = DidSettings(base="mean")
    row = did(panel, "y", settings=settings, assignments=assignments).overall().iloc[0]
    one = could_find(areas, plan, simulations=1, seed=5)
    assert one.reaches == pytest.approx([row["high"], -row["low"]], abs=1e-9)
    assert one.size == float(row["p_value"] <= 0.05)


def test_the_power_at_an_effect_is_that_of_surveys_with_the_effect_in_them(
    programme: Programme,
) -> None:
    """By adding the effect and testing anew, survey by survey."""
    areas, plan, effect = areas_of(programme, 90), Plan(respondents=100, waves=4, before=2), 0.3
    found = could_find(areas, plan, simulations=60, seed=2)
    rng = np.random.default_rng(2)
    panels = [surveys.invented(areas, plan, Variation(), rng) for _ in range(60)]
    assignments = surveys._assignments(panels[0], plan, Variation(), block="authority", seed=2)
    starts = panels[0].start_index[:, None]
    started = (starts >= 0) & (np.arange(plan.waves) >= starts)
    changes = {
        g: np.stack([surveys._change(p.array("y") + effect * started, g) for p in panels], axis=1)
        for g in np.unique(assignments.treated.starts).tolist()
    }
    raw = surveys.statistics(changes, assignments, plan.waves)
    rejected = np.mean([surveys.placebo_p(raw[:, r]) <= 0.05 for r in range(60)])
    # One direction of each survey is the other's mirror: within two Monte Carlo errors.
    assert abs(found.power(effect) - rejected) < 2 * (0.25 / 60) ** 0.5


def test_more_people_waves_and_areas_find_smaller_effects(programme: Programme) -> None:
    def mde(n: int, waves: int, comparisons: int) -> float:
        (one,) = trade_offs(
            programme, respondents=[n], waves=[waves], comparisons=[comparisons], simulations=150
        )
        return one.mde

    usual = mde(100, 8, 100)
    assert mde(400, 8, 100) < usual < mde(30, 8, 100)
    assert usual < mde(100, 2, 100)
    assert 0.1 < usual < 0.25


def test_whole_authorities_are_kept(programme: Programme) -> None:
    kept = areas_of(programme, 20)
    whole = areas_of(programme)
    for name, own in kept[kept["role"] == "comparison"].groupby("authority"):
        assert len(own) == (whole["authority"] == name).sum()
    assert (kept["role"] == "comparison").sum() >= 20


def test_what_cannot_be_planned_is_refused(programme: Programme, tiny_workspace: Workspace) -> None:
    with pytest.raises(UserError, match="comparison areas, not 5000"):
        areas_of(programme, 5_000)
    with pytest.raises(UserError, match="waves lie before"):
        could_find(areas_of(programme), Plan(respondents=60, waves=3, before=3), simulations=1)
    tiny = surveyed(tiny_workspace)
    with pytest.raises(EstimateError, match="ways to draw the starts"):
        could_find(areas_of(tiny), Plan(respondents=60), simulations=1)


def test_the_verb_prints_the_table_of_trade_offs() -> None:
    from pathlib import Path

    root = str(Path(__file__).parents[2])
    args = ["--workspace", root, "--programme", "new_start", "wave", "design", "--json"]
    more = ["--respondents", "60,150", "--waves", "2,8", "--simulations", "40"]
    done = CliRunner().invoke(app, [*args, *more])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert [(row["respondents"], row["waves"]) for row in rows] == [
        (60, 2),
        (150, 2),
        (60, 8),
        (150, 8),
    ]
    assert all(row["mde"] > 0 and row["comparisons"] > 0 for row in rows)
    wrong = CliRunner().invoke(app, [*args, "--respondents", "many"])
    assert wrong.exit_code != 0


def test_a_programme_without_neighbourhoods_is_told_so(programme: Programme) -> None:
    districts = tuple(
        area.model_copy(update={"geography": "district"}) for area in programme.areas[:4]
    )
    with pytest.raises(UserError, match="pilot and comparison areas"):
        areas_of(programme.model_copy(update={"areas": districts}))


def test_where_too_few_orders_are_there_no_effect_is_found_and_nothing_is_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Under every twentieth assignment the treated areas stand for themselves."""
    areas = pd.DataFrame(
        {
            "area": [f"a{k}" for k in range(20)],
            "site": ["S01", *[None] * 19],
            "authority": [f"L{k}" for k in range(20)],
            "role": ["pilot", *["comparison"] * 19],
        }
    ).set_index("area")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = could_find(areas, Plan(respondents=100, waves=4, before=2), simulations=20, seed=0)
    assert found.mde == found.mde_error == math.inf
    assert found.as_dict()["mde"] is None and found.power(5.0) == 0.0
    _tell_design("wellbeing", [found])
    assert "none" in capsys.readouterr().out
