"""Figures that were rounded before they were returned: the panel holds how far they can be off."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation import did
from evaluation.check.figures import _is_multiple
from evaluation.panel import Panel
from evaluation.programme import Programme
from evaluation.quarters import Period

QUARTERS = [str(Period.quarter(2025, 1) + step) for step in range(8)]


def observed(programme: Programme, status: dict[str, str], note: str = "") -> pd.DataFrame:
    """Arrears of every area and quarter; ``status`` by area."""
    rows = [
        {
            "area_code": area.code,
            "quarter": quarter,
            "outcome": "arrears",
            "numerator": 200.0 + 10 * place + 5 * step,
            "denominator": 2000.0,
            "status": status.get(area.code, ""),
            "note": note if area.code in status else "",
        }
        for place, area in enumerate(programme.areas)
        for step, quarter in enumerate(QUARTERS)
    ]
    return pd.DataFrame(rows)


def panel(programme: Programme, status: dict[str, str], note: str = "") -> Panel:
    return Panel.from_observations(observed(programme, status, note), programme, ["arrears"])


def test_exact_figures_have_no_error(tiny: Programme) -> None:
    assert panel(tiny, {}).sampling_error == {}


@pytest.mark.parametrize(("note", "base"), [("rounded to 5", 5), ("nearest 10", 10), ("", 5)])
def test_a_rounded_figure_is_off_by_the_base_over_root_twelve(
    note: str, base: float, tiny: Programme
) -> None:
    held = panel(tiny, {"E01": "[r]", "E02": "[r]"}, note)
    errors = held.sampling_error["arrears"]
    per_mille = 1000 * base / math.sqrt(12) / 2000
    rounded = held.areas.index.isin(["E01", "E02"])
    assert errors[rounded] == pytest.approx(per_mille)
    assert (errors[~rounded] <= 1e-5 * per_mille).all()
    assert set(held.statuses["arrears"][rounded].ravel()) == {"[r]"}


def test_what_the_outcome_declares_holds_for_all_its_figures(tiny: Programme) -> None:
    outcomes = [
        o.model_copy(update={"rounded_to": 5.0}) if o.code == "arrears" else o
        for o in tiny.outcomes
    ]
    declared = tiny.model_copy(update={"outcomes": tuple(outcomes)})
    errors = panel(declared, {}).sampling_error["arrears"]
    assert errors == pytest.approx(1000 * 5 / math.sqrt(12) / 2000)


def test_the_error_is_that_of_rounding() -> None:
    """The standard deviation of what rounding takes away, measured."""
    exact = np.random.default_rng(0).uniform(0, 10_000, 200_000)
    assert np.std(exact - 5 * np.round(exact / 5)) == pytest.approx(5 / math.sqrt(12), rel=0.01)


def wide(rounded: bool) -> Panel:
    """Forty areas of which eight start; the started ones' figures are rounded to 25, or exact."""
    rng = np.random.default_rng(4)
    codes = [f"A{n:02d}" for n in range(40)]
    frame = pd.DataFrame(
        [
            {
                "area": code,
                "quarter": quarter,
                "y": 100 + n % 7 + rng.normal(0, 1.5),
                "start": QUARTERS[5] if n < 8 else None,
            }
            for n, code in enumerate(codes)
            for quarter in QUARTERS
        ]
    )
    held = Panel.from_long(frame, area="area", period="quarter", outcomes="y", start="start")
    started = held.treated
    errors = np.where(started[:, None], 25 / math.sqrt(12), 1e-5) + 0 * held.array("y")
    return replace(held, sampling_error={"y": errors}) if rounded else held


def test_the_range_is_wider_where_started_areas_were_rounded() -> None:
    width = {}
    for rounded in (False, True):
        row = did(wide(rounded), "y", inference="placebo", seed=1).overall().iloc[0]
        width[rounded] = row["high"] - row["low"]
    assert width[True] > 1.5 * width[False]


def test_a_large_multiple_of_a_base_that_no_double_holds_is_one() -> None:
    # 0.1 has no exact double: of so large a figure the quotient is off in its sixth decimal.
    figures = [12_345_678_901.3 + step / 10 for step in range(200)]
    assert all(_is_multiple(figure, 0.1) for figure in figures)
    assert not _is_multiple(12_345_678_901.35, 0.1)
    assert _is_multiple(0.3, 0.1) and not _is_multiple(0.35, 0.1)
