"""Texas prisons with predictors (Cunningham 2021, Causal Inference: The Mixtape, chapter 10)."""

import causaldata
import numpy as np
import pytest

from evaluation import Panel, synthetic_control
from evaluation.estimate.predictors import Predictor
from evaluation.estimate.synthetic import SyntheticSettings

# As the chapter's synth call names them.
PREDICTORS = (
    Predictor("poverty", (1985, 1992)),
    Predictor("income", (1985, 1992)),
    *(Predictor("bmprison", (year, year)) for year in (1988, 1990, 1991, 1992)),
    Predictor("alcohol", (1990, 1990)),
    *(Predictor("aidscapita", (year, year)) for year in (1990, 1991)),
    *(Predictor("black", (year, year)) for year in (1990, 1991, 1992)),
    Predictor("perc1519", (1990, 1990)),
)
OUTCOMES = ["bmprison", "poverty", "income", "alcohol", "aidscapita", "black", "perc1519"]
# The published weights and mean gap of 1993 to 2000.
WEIGHTS = {"California": 0.409, "Illinois": 0.361, "Louisiana": 0.122, "Florida": 0.108}
MEAN_GAP = 20_339


def panel() -> Panel:
    frame = causaldata.texas.load_pandas().data
    frame["start"] = np.where(frame["state"] == "Texas", 1993, 0)
    names = {"area": "state", "period": "year", "start": "start", "frequency": "A"}
    return Panel.from_long(frame, outcomes=OUTCOMES, **names)  # type: ignore[arg-type]


def test_without_predictors_the_gap_is_the_one_known() -> None:
    found = synthetic_control(panel(), "bmprison").overall()["effect"].item()
    assert found == pytest.approx(21_013, abs=1)


@pytest.mark.slow
def test_with_predictors_the_published_gap_comes_out_with_as_good_a_fit() -> None:
    held = panel()
    settings = SyntheticSettings(predictors=PREDICTORS, v="nested")
    found = synthetic_control(held, "bmprison", settings=settings)
    effect = found.overall()["effect"].item()
    assert effect == pytest.approx(MEAN_GAP, rel=0.1)
    weights = np.array([WEIGHTS.get(state, 0.0) for state in held.areas.index])
    own = held.areas.index.get_loc("Texas")
    gap = held.array("bmprison")[own] - weights @ held.array("bmprison")
    assert found.diagnostics["pre_period_rmspe"] <= np.sqrt((gap[:8] ** 2).mean())
    assert found.overall()["p_value"].item() == pytest.approx(1 / 51)
    assert found.diagnostics["v_effect_low"] <= effect <= found.diagnostics["v_effect_high"]
