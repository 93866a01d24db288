"""Tables of fit and donors, the identification range, and starts moved back in time."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from evaluation import synthetic_control, synthetic_did
from evaluation.errors import EstimateError
from evaluation.estimate.sensitivity import (
    fit_table,
    identification_range,
    in_time_placebo,
    leave_one_donor_out,
)
from evaluation.estimate.synthetic import AugmentedSettings, SdidSettings, SyntheticSettings
from tests.unit.panels import long_table, panel

SIMPLEX = SyntheticSettings()


def test_the_fit_table_says_what_the_paths_say() -> None:
    held = panel(effect=3.0)
    table, estimate = fit_table(held, "y", SIMPLEX), synthetic_control(held, "y")
    y, weights = held.values("y"), estimate.weights
    assert list(table.index) == ["a00", "a01", "a02", "a03"]
    for area, start in (("a00", 2005), ("a02", 2007)):
        own = weights[weights["area"] == area].set_index("donor")["weight"]
        gap = y.loc[area] - own @ y.loc[own.index]
        before, after = gap.loc[: start - 1], gap.loc[start:]
        row = table.loc[area]
        assert row["rmspe_before"] == pytest.approx(np.sqrt((before**2).mean()), abs=1e-7)
        assert row["rmspe_after"] == pytest.approx(np.sqrt((after**2).mean()), abs=1e-7)
        assert row["effective_donors"] == pytest.approx(1 / (own**2).sum(), rel=1e-5)
        assert row["donors"] == len(own)
        assert row["negative_weight"] == 0


def test_a_large_effect_has_the_largest_ratio_of_all() -> None:
    """Of 21, but for an area that lies outside its donors and is not fitted well before either."""
    table = fit_table(panel(effect=50.0), "y", SIMPLEX)
    assert sorted(table["ratio_p"])[:3] == [1 / 21] * 3
    assert (fit_table(panel(effect=0.0), "y", SIMPLEX)["ratio_p"] > 1 / 21).any()


def test_leaving_a_donor_out_equals_a_panel_without_it() -> None:
    held = panel()
    table = leave_one_donor_out(held, "y", SIMPLEX)
    whole = synthetic_control(held, "y").by("area")["effect"]
    for area, part in table.groupby("area"):
        assert part["weight"].sum() == pytest.approx(1, abs=1e-6)
        row = part.loc[part["weight"].idxmax()]
        without = held.select(held.areas.index != row["donor"])
        expected = synthetic_control(without, "y").by("area").loc[area, "effect"]
        assert row["effect"] == pytest.approx(expected, abs=1e-7)
        assert row["change"] == pytest.approx(expected - whole[area], abs=1e-7)


@pytest.mark.parametrize("settings", [SdidSettings(), AugmentedSettings()])
def test_other_estimators_have_the_same_tables(settings: SdidSettings | AugmentedSettings) -> None:
    held = panel()
    assert (fit_table(held, "y", settings)["rmspe_before"] > 0).all()
    table = leave_one_donor_out(held, "y", settings)
    assert np.isfinite(table["effect"]).all()


def exact_fits(y: np.ndarray, donors: np.ndarray, before: int) -> list[float]:
    """Mean effects of every exact fit on before + 1 donors: the corners of all exact fits."""
    found = []
    for chosen in itertools.combinations(range(len(donors)), before + 1):
        part = donors[list(chosen)]
        system = np.vstack([part[:, :before].T, np.ones(before + 1)])
        weights = np.linalg.solve(system, np.append(y[:before], 1.0))
        if (weights >= -1e-12).all():
            found.append(float((y - weights @ part)[before:].mean()))
    return found


def test_the_range_is_that_of_all_exact_fits() -> None:
    """Two periods before the start and ten donors: every corner is enumerated by hand."""
    widths = []
    for seed in range(6):
        table = long_table(n=14, seed=seed)
        held = panel(table[table["year"] >= 2003])
        found, y = identification_range(held, "y", SIMPLEX), held.array("y")
        for place, area in enumerate(["a00", "a01"]):
            row = found.loc[area]
            if row["exact"]:
                ends = exact_fits(y[place], y[4:], 2)
                assert row["low"] == pytest.approx(min(ends), abs=1e-6)
                assert row["high"] == pytest.approx(max(ends), abs=1e-6)
                assert row["low"] - 1e-6 <= row["effect"] <= row["high"] + 1e-6
                widths.append(row["high"] - row["low"])
            else:
                assert row["low"] == row["effect"] == row["high"]
    assert max(widths) > 0.1


def test_a_penalty_leaves_no_range() -> None:
    with pytest.raises(EstimateError, match="one answer"):
        identification_range(panel(), "y", SyntheticSettings(variant="penalised", penalty=1.0))


def test_an_earlier_start_sees_nothing_of_the_real_one() -> None:
    held = panel(effect=50.0)
    earlier = in_time_placebo(held, 2)
    assert earlier.periods[-1] < held.periods[5]
    assert set(earlier.areas["start"].dropna()) == {"2003"}
    assert abs(synthetic_did(earlier, "y").overall()["effect"].item()) < 2
    with pytest.raises(EstimateError, match="between 1 and 4 periods"):
        in_time_placebo(held, 5)
    with pytest.raises(EstimateError, match="no area has started"):
        in_time_placebo(held.until(held.periods[4]), 1)


def test_an_area_that_is_not_fitted_has_no_ratio_and_no_p_value() -> None:
    held = panel(effect=3.0)
    figures = held.array("y").copy()
    figures[0, :4], figures[1, 5:] = np.nan, np.nan
    table = fit_table(replace(held, figures={"y": figures}), "y", SIMPLEX)
    assert table.loc["a00", ["rmspe_before", "ratio", "ratio_p"]].isna().all()
    assert table.loc["a01", ["rmspe_after", "ratio", "ratio_p"]].isna().all()
    assert (table.loc[["a02", "a03"], "ratio_p"] >= 1 / 21).all()
