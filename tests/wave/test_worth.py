"""What better lives are worth: by hand, between waves, and never in one total with anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation import did, worth
from evaluation.errors import ValueChainError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings
from evaluation.estimate.estimate import Estimate
from evaluation.panel import Panel
from evaluation.programme import Denominator, Programme, load_outcomes
from evaluation.quarters import Period
from evaluation.value import wellbeing
from evaluation.value.lives import between_waves
from evaluation.value.tally import net_effects
from evaluation.wave.respondents import read_wave
from evaluation.wave.summarise import summarise
from evaluation.workspace import Workspace, packaged_schemas
from tests.wave.asked import surveyed, write

PAGE = (Path(__file__).parents[2] / "docs" / "lives-by-hand.md").read_text("utf-8")
FIRST = Period.parse("2024 Q1")
WAVES = {0: (6.51, 6.50), 2: (6.51, 6.50), 4: (6.66, 6.55), 6: (6.81, 6.60)}
START, SITES, AUTHORITIES = 4, 2, 30
CATALOGUE = {one.code: one for one in load_outcomes(packaged_schemas() / "outcomes")}


def on_the_page(step: str) -> float:
    """The result of a step, as it is printed."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {step}")]
    return float(re.sub(r"[£,]", "", line.rstrip(" |").rpartition("|")[2].strip()))


def frame(noise: float = 0.05, seed: int = 3) -> pd.DataFrame:
    """The example's areas: 2 sites of 2, and 30 authorities of 2 that move about their mean."""
    rng = np.random.default_rng(seed)
    n = 2 * SITES + 2 * AUTHORITIES
    wobble = noise * rng.standard_normal((n, len(WAVES)))
    for arm in (slice(0, 2 * SITES), slice(2 * SITES, n)):
        wobble[arm] -= wobble[arm].mean(axis=0)
    rows = []
    for k in range(n):
        pilot = k < 2 * SITES
        for w, (step, (own, other)) in enumerate(WAVES.items()):
            rows.append(
                {
                    "area": f"P{k:02d}" if pilot else f"C{k:02d}",
                    "site": f"S{k // 2}" if pilot else None,
                    "authority": f"A{k // 2:02d}",
                    "quarter": (FIRST + step).label,
                    "start": (FIRST + START).label if pilot else None,
                    "life_satisfaction": (own if pilot else other) + wobble[k, w],
                    "se": 0.2,
                }
            )
    return pd.DataFrame(rows)


def estimated(table: pd.DataFrame | None = None, outcome: str = "life_satisfaction") -> Estimate:
    held = frame() if table is None else table
    panel = Panel.from_long(
        held.rename(columns={"life_satisfaction": outcome}),
        area="area",
        period="quarter",
        outcomes=outcome,
        site="site",
        authority="authority",
        start="start",
        sampling_error="se",
    )
    drawn = Assignments.draw(panel, n=499, block="authority", strata=(), seed=1)
    return did(panel, outcome, settings=DidSettings(base="mean"), assignments=drawn)


def again(declared: Programme, **changes: Any) -> Programme:
    """Made anew: a copy would keep what was looked up before."""
    fields = {name: getattr(declared, name) for name in Programme.model_fields}
    return Programme(**fields | changes)


def programme(workspace: Workspace, **changes: Any) -> Programme:
    """A programme in whose pilot areas 4,000 adults live."""
    declared = surveyed(workspace)
    areas = [
        declared.areas[0].model_copy(
            update={"code": f"P{k:02d}", "site": f"S{k // 2}", "authority": f"A{k // 2:02d}"}
        )
        for k in range(2 * SITES)
    ]
    adults = tuple(
        Denominator(area=area.code, outcome=code, denominator=1_000)
        for area in areas
        for code in ("life_satisfaction", "belonging", "claimant_count")
    )
    outcomes = tuple(
        one.model_copy(update=changes) if one.code == "life_satisfaction" else one
        for one in declared.outcomes
    )
    new = {"areas": tuple(areas), "denominators": adults, "outcomes": outcomes}
    return again(declared, **new)


def test_twelve_people_by_hand(tiny_workspace: Workspace, tmp_path: Path) -> None:
    said = {"female": (8, 7, 7, 6, 8, 7, 6, 7), "male": (6, 5, 7, 6)}
    rows = [
        {"area_code": "E01", "weight": 1, "sex": sex, "household": f"{sex}{k}"}
        | {"life_satisfaction": answer}
        for sex, answers in said.items()
        for k, answer in enumerate(answers)
    ]
    aims = [
        {"area_code": "E01", "variable": "sex", "category": sex, "people": people}
        for sex, people in (("female", 510), ("male", 490))
    ]
    declared = surveyed(tiny_workspace)
    asked = [CATALOGUE["life_satisfaction"]]
    read = read_wave(
        write(tmp_path / "r.csv", rows), write(tmp_path / "t.csv", aims), declared, asked
    )
    assert read.respondents is not None, [p.message for p in read.problems]
    (one,) = summarise(read.respondents, read.targets, asked, declared).figures
    assert one.mean == pytest.approx(on_the_page("the area's mean"))
    assert one.se == pytest.approx(on_the_page("standard error"), abs=5e-5)
    assert one.design_effect == pytest.approx(on_the_page("design effect"), abs=5e-5)
    assert one.effective == pytest.approx(on_the_page("effective respondents"), abs=5e-3)


def test_from_figures_to_an_effect_by_hand() -> None:
    table = estimated().by("quarter")
    held = table[np.isfinite(table["effect"])]
    found = held["effect"].round(10).tolist()
    wanted = [
        on_the_page("effect at the first wave"),
        on_the_page("effect at the second, two quarters later"),
    ]
    assert found == pytest.approx(wanted)


def test_from_an_effect_to_pounds_by_hand(tiny_workspace: Workspace) -> None:
    found = wellbeing(estimated(), programme(tiny_workspace), stands=True, draws=2_000)
    totals = found.totals()
    assert totals.loc["wellbys", "mean"] == pytest.approx(on_the_page("WELLBYs"))
    for name, step in (("low", "price of one, low"), ("central", "central"), ("high", "high")):
        assert found.prices[name] == pytest.approx(on_the_page(step), abs=0.5)
    assert totals.loc["pounds_central", "mean"] == pytest.approx(
        on_the_page("worth at the central price"), rel=1e-6
    )
    assert totals.loc["pounds", "mean"] == pytest.approx(totals.loc["pounds_central", "mean"])
    assert found.quarters == ("2025 Q1", "2025 Q3") and found.label == "stands"
    assert found.by_site()["mean"].sum() == pytest.approx(450)
    assert totals.loc["present_value", "mean"] < totals.loc["pounds", "mean"]
    wide, narrow = (totals.loc[name, ["low", "high"]] for name in ("pounds", "pounds_central"))
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"] > 0


def test_draws_go_between_waves_as_the_estimate_does(tiny_workspace: Workspace) -> None:
    net = net_effects(estimated(), programme(tiny_workspace))
    straight = between_waves(net)
    per_site = straight.index.groupby("site").size()
    assert per_site.tolist() == [3, 3]
    own = (straight.index["site"] == "S0").to_numpy()
    before = (net.index["site"].astype(str) == "S0").to_numpy()
    first, last = net.deviations[:, before].T
    assert straight.deviations[:, own].T[1] == pytest.approx((first + last) / 2)


def test_real_income_and_a_finding_that_does_not_stand(tiny_workspace: Workspace) -> None:
    held = programme(tiny_workspace)
    plain = wellbeing(estimated(), held, stands=False, draws=200)
    richer = wellbeing(estimated(), held, stands=False, draws=200, real_income=1.1)
    assert plain.label == "sensitivity"
    assert richer.prices["central"] == pytest.approx(plain.prices["central"] * 1.1**1.3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"measured_in": "pilot areas only"}, "pilot areas only"),
        ({"unit_cost": None}, "no price by the WELLBY"),
        ({"unit_cost": "qaly"}, "no price by the WELLBY"),
        ({"frequency": "quarter", "instrument": "a survey"}, "no survey's figure"),
    ],
)
def test_what_is_no_survey_of_both_arms_has_no_pounds(
    changes: dict[str, Any], says: str, tiny_workspace: Workspace
) -> None:
    with pytest.raises(ValueChainError, match=says):
        wellbeing(estimated(), programme(tiny_workspace, **changes), stands=True)


def test_wellbeing_and_unit_costs_in_one_total_are_refused(tiny_workspace: Workspace) -> None:
    held = programme(tiny_workspace)
    lives, claimants = estimated(), estimated(outcome="claimant_count")
    plain = tuple(
        one.model_copy(update={"form": "value"}) if one.code == "claimant_count" else one
        for one in held.outcomes
    )
    priced = again(held, outcomes=plain)
    with pytest.raises(ValueChainError, match="cannot stand in one total"):
        worth([lives, claimants], priced)
    alone = worth([lives], held)
    assert alone.totals().loc["gross_fiscal", "mean"] == 0
    assert alone.totals().loc["gross_social", "mean"] > 0
