"""Predictors and V: what is met, that V is searched anew for all, and what it leaves open."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from evaluation import Estimate, Panel, calibrate, did, power, synthetic_control, triple_difference
from evaluation.design.many import Runs
from evaluation.errors import EstimateError, UserError
from evaluation.estimate.did import DidSettings
from evaluation.estimate.predictors import Predictor
from evaluation.estimate.synthetic import SyntheticSettings
from tests.unit.panels import long_table

N, T, START = 12, 10, 2006


def table(effect: float = 2.0) -> pd.DataFrame:
    """Outcomes that follow two characteristics of each area, one area treated."""
    rng = np.random.default_rng(4)
    income, age = rng.normal(50, 8, N), rng.normal(40, 5, N)
    rows = []
    for i in range(N):
        noise = rng.normal(0, 0.3, T)
        for t in range(T):
            on = effect if i == 0 and 2000 + t >= START else 0.0
            y = 0.1 * income[i] + 0.05 * age[i] * t + noise[t] + on
            part = {"area": f"a{i:02d}", "year": 2000 + t, "y": y, "income": income[i] + 0.1 * t}
            rows.append(part | {"age": age[i], "start": START if i == 0 else 0})
    return pd.DataFrame(rows)


def held(frame: pd.DataFrame | None = None) -> Panel:
    names = {"area": "area", "period": "year", "start": "start", "frequency": "A"}
    given = table() if frame is None else frame
    return Panel.from_long(given, outcomes=["y", "income", "age"], **names)  # type: ignore[arg-type]


INCOME, AGE = Predictor("income", periods=(2001, 2004)), Predictor("age")
LAST = Predictor("y", (2005, 2005))
BOTH = (INCOME, AGE, LAST)


@cache
def nested() -> Estimate:
    return synthetic_control(held(), "y", settings=SyntheticSettings(predictors=BOTH, v="nested"))


def test_given_weights_meet_the_predictor_that_they_name() -> None:
    for name in ("income", "age"):
        settings = SyntheticSettings(predictors=(INCOME, AGE), v={name: 1.0})
        found = synthetic_control(held(), "y", settings=settings)
        weights = found.weights.set_index("donor")["weight"]
        assert weights.sum() == pytest.approx(1)
        panel = held()
        figures = panel.array(name)[:, 1 : 5 if name == "income" else 6].mean(axis=1)
        own = figures[0]
        met = float(weights @ pd.Series(figures, panel.areas.index)[weights.index])
        assert met == pytest.approx(own, abs=1e-2 * figures.std())
        assert found.diagnostics["v"]["age"] == (1.0 if name == "age" else 0.0)


def test_nested_weights_fit_the_time_before_at_least_as_well_as_equal_ones() -> None:
    equal = synthetic_control(held(), "y", settings=SyntheticSettings(predictors=BOTH))
    found = nested()
    assert found.diagnostics["pre_period_rmspe"] <= equal.diagnostics["pre_period_rmspe"] + 1e-9
    assert sum(found.diagnostics["v"].values()) == pytest.approx(1)
    assert list(found.diagnostics["v"]) == ["income 2001-2004", "age", "y 2005"]
    assert list(found.weights.columns) == ["site", "area", "donor", "weight"]


def test_the_instability_of_v_is_told() -> None:
    found = nested()
    low, high = found.diagnostics["v_effect_low"], found.diagnostics["v_effect_high"]
    assert low - 1e-9 <= found.overall()["effect"].item() <= high + 1e-9
    assert any(getattr(said, "code", "") == "v_not_identified" for said in found.warnings)
    assert "V is not identified" in " ".join(found.summary().split())
    assert "weights of predictors that fit as well" in " ".join(found.summary().split())


def test_v_is_searched_anew_for_every_placebo() -> None:
    """Each area's gap under its own assignment is the one that it has when it alone is treated."""
    found, frame = nested(), table()
    assert found.draws is not None
    drawn = np.unique(np.round(found.draws.raw[:, -1], 9))
    assert len(drawn) == N
    for area in ("a03", "a07"):
        moved = frame.copy()
        # Without the really treated area, which is nobody's donor, and with this one in its place.
        moved = moved[moved["area"] != "a00"]
        moved["start"] = np.where(moved["area"] == area, START, 0)
        again = synthetic_control(
            held(moved), "y", settings=SyntheticSettings(predictors=BOTH, v="nested")
        )
        # Predictors are in standard deviations over one area fewer: the search is much the same.
        gap = again.effects[-1]
        assert np.abs(drawn - gap).min() < 0.05


def test_v_is_never_searched_unless_asked_for() -> None:
    assert SyntheticSettings().predictors == ()
    assert SyntheticSettings(predictors=BOTH).v == "equal"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"predictors": (Predictor("wealth"),)}, "no outcome 'wealth' to predict by"),
        ({"predictors": (Predictor("age", (2001, 2007)),)}, "not all before the first start"),
        ({"predictors": (AGE, AGE)}, "named twice"),
        ({"predictors": (AGE,), "v": {"income": 1.0}}, "which is no predictor"),
        ({"predictors": (AGE,), "v": {"age": -1.0}}, "are no weights"),
        ({"predictors": ("age",)}, "a predictor is none"),
        ({"v": "nested"}, "v weighs predictors"),
        ({"predictors": (AGE,), "v": "best"}, "v cannot be 'best'"),
        ({"predictors": (AGE,), "variant": "demeaned"}, "of the simplex variant"),
    ],
)
def test_what_is_no_predictor_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(EstimateError, match=said):
        synthetic_control(held(), "y", settings=SyntheticSettings(**settings))  # type: ignore[arg-type]


def test_a_predictor_that_an_area_lacks_names_the_area() -> None:
    frame = table()
    frame.loc[frame["area"] == "a04", "age"] = np.nan
    with pytest.raises(EstimateError, match="area a04 has no figure of predictor 'age'"):
        synthetic_control(held(frame), "y", settings=SyntheticSettings(predictors=(AGE,)))


def test_the_result_is_asked_with_its_predictors() -> None:
    settings = SyntheticSettings(predictors=(INCOME, AGE))
    found = synthetic_control(held(), "y", settings=settings)
    left = found.leave_one_out()
    assert set(left["donor"]) == set(found.weights["donor"])
    assert len(found.fit_table()) == 1
    with pytest.raises(EstimateError, match="open as far as V is"):
        found.identification_range()


def test_power_is_asked_at_the_front_door() -> None:
    frame = long_table(n=30, n_periods=20, starts=False)
    given = {"area": "area", "period": "year", "outcomes": "y", "frequency": "A"}
    panel = Panel.from_long(frame, **given)  # type: ignore[arg-type]
    found = power(panel, "y", treated=["a01", "a07", "a09"], looks=8)
    assert found["look"].tolist() == list(range(1, 9))
    assert np.isfinite(found["detectable"].iloc[-1])
    assert len(power(panel, "y", treated=["a01", "a07"])) == 8
    with pytest.raises(UserError, match="'nowhere' is no area"):
        power(panel, "y", treated=["nowhere"])


def test_calibration_is_asked_at_the_front_door() -> None:
    frame = long_table(n=24, n_periods=12)
    frame["z"] = 1.0
    given = {"area": "area", "period": "year", "start": "start", "frequency": "A"}
    panel = Panel.from_long(frame, outcomes=["y", "z"], **given)  # type: ignore[arg-type]
    found = calibrate(panel, "y", started=[2], effects=[0.0], looks=2, runs=Runs(4))
    assert found["started_left_out"] == 4
    assert found["areas"] == 20
    assert {row["estimator"] for row in found["rows"]} == {"did"}
    by_default = calibrate(panel, "y", effects=[0.0], runs=Runs(1))
    assert {row["started"] for row in by_default["rows"]} == {1, 3, 6}


def two_outcomes(scale: float = 1.0) -> Panel:
    frame = long_table(effect=1.0)
    shock = np.where((frame["area"] < "a02") & (frame["year"] >= 2005), 3.0, 0.0)
    rng = np.random.default_rng(9)
    frame["z"] = scale * (20 + rng.normal(0, 0.1, len(frame)) + shock)
    frame["y"] += shock
    given = {"area": "area", "period": "year", "start": "start", "frequency": "A"}
    return Panel.from_long(frame, outcomes=["y", "z"], site="site", **given)  # type: ignore[arg-type]


def test_a_triple_difference_takes_out_what_moves_both() -> None:
    panel = two_outcomes()
    found = triple_difference(panel, "y", comparison_outcome="z", seed=1)
    plain = did(panel, "y", seed=1).overall()["effect"].item()
    other = did(panel, "z", seed=1).overall()["effect"].item()
    assert found.overall()["effect"].item() == pytest.approx(plain - other)
    assert abs(found.overall()["effect"].item() - 1) < abs(plain - 1)
    assert found.estimator == "triple_difference"
    assert "y beside z" in found.summary()


def test_a_triple_difference_of_logarithms_is_of_the_ratio() -> None:
    panel, logs = two_outcomes(), DidSettings(scale="log")
    found = triple_difference(panel, "y", comparison_outcome="z", settings=logs)
    parts = [did(panel, name, settings=logs).overall()["effect"].item() for name in "yz"]
    assert found.overall()["effect"].item() == pytest.approx(parts[0] - parts[1])
    with pytest.raises(EstimateError, match="zero or below"):
        triple_difference(two_outcomes(-1.0), "y", comparison_outcome="z", settings=logs)


def test_an_outcome_is_not_compared_with_itself() -> None:
    with pytest.raises(EstimateError, match="leaves nothing"):
        triple_difference(two_outcomes(), "y", comparison_outcome="y")
    with pytest.raises(UserError, match="no outcome 'x'"):
        triple_difference(two_outcomes(), "y", comparison_outcome="x")
