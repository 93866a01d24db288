"""A synthetic control that misses its area, or that other weights could be, says so and how far."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from evaluation.estimate.assignments import Assignments
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.pooled import PooledSettings, pooled_synthetic_control
from evaluation.estimate.sensitivity import identification_range
from evaluation.estimate.synthetic import (
    SyntheticSettings,
    augmented_synthetic_control,
    synthetic_control,
    synthetic_controls,
    synthetic_did,
)
from evaluation.panel import Panel

N, YEARS, START = 30, 16, 12
Fit = Callable[..., Estimate]


def simplex(variant: str) -> Fit:
    penalty = 0.1 if variant == "penalised" else None
    chosen = SyntheticSettings(variant=variant, penalty=penalty)  # type: ignore[arg-type]
    return lambda p, a: synthetic_control(p, "y", settings=chosen, assignments=a)


LEVEL: dict[str, Fit] = {
    "simplex": simplex("simplex"),
    "penalised": simplex("penalised"),
    "pooled, levels": lambda p, a: pooled_synthetic_control(
        p, "y", settings=PooledSettings(demeaned=False), assignments=a
    ),
}
FITS: dict[str, Fit] = {
    **LEVEL,
    "demeaned": simplex("demeaned"),
    "pooled": lambda p, a: pooled_synthetic_control(p, "y", assignments=a),
    "sdid": lambda p, a: synthetic_did(p, "y", assignments=a),
    "ridge": lambda p, a: augmented_synthetic_control(p, "y", assignments=a),
}


def figures(seed: int, years: int = YEARS, noise: float = 0.3) -> np.ndarray:
    """Levels apart by about 3, common shocks, and own noise."""
    rng = np.random.default_rng(seed)
    levels, shocks = rng.normal(20, 3, size=(N, 1)), rng.normal(size=years).cumsum()
    out: np.ndarray = levels + shocks + noise * rng.normal(size=(N, years))
    return out


def held(values: np.ndarray, treated: list[int], start: int = START) -> Panel:
    areas, years = values.shape
    starts = np.where(np.isin(np.arange(areas), treated), 2000 + start, 0)
    frame = pd.DataFrame(
        {
            "area": np.repeat([f"a{i:02d}" for i in range(areas)], years),
            "year": np.tile(np.arange(2000, 2000 + years), areas),
            "y": values.ravel(),
            "start": np.repeat(starts, years),
        }
    )
    names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    return Panel.from_long(frame, **names, frequency="A")  # type: ignore[arg-type]


def fitted(fit: Fit, panel: Panel) -> Estimate:
    return fit(panel, Assignments.draw(panel, n=29, block="area", strata=(), seed=1))


def said(found: Estimate, code: str) -> Any:
    return next((one for one in found.warnings if getattr(one, "code", "") == code), None)


def middle(values: np.ndarray, start: int = START) -> list[int]:
    """Two areas in the middle of the others."""
    return np.argsort(values[:, :start].mean(axis=1))[13:15].tolist()


@pytest.mark.parametrize("by", [10_000.0, -10_000.0, 40.0, 15.0])
@pytest.mark.parametrize("name", LEVEL)
def test_an_area_moved_out_of_the_hull_is_named_with_its_misfit(name: str, by: float) -> None:
    values = figures(1)
    treated = middle(values)
    assert said(fitted(FITS[name], held(values, treated)), "outside_hull") is None
    values[treated[0]] += by
    found = fitted(FITS[name], held(values, treated))
    warned = said(found, "outside_hull")
    assert warned.figures["worst"] == f"a{treated[0]:02d}"
    # Pooled, the area drags the weights of the other one along.
    assert f"a{treated[0]:02d}" in warned.figures["names"]
    assert name.startswith("pooled") or "," not in warned.figures["names"]
    assert "variant='demeaned', augmented_synthetic_control or did" in warned
    never = np.setdiff1d(np.arange(N), treated)
    before = values[never, :START]
    edge = before.max(axis=0) if by > 0 else before.min(axis=0)
    least = float(np.sqrt(((values[treated[0], :START] - edge) ** 2).mean()))
    misfit, spread = (warned.figures[key].value for key in ("misfit", "spread"))
    assert misfit == pytest.approx(least, rel=0.15)
    # Given with three digits that count.
    assert spread == pytest.approx(np.sqrt(before.var(axis=0).mean()), rel=5e-3)


@pytest.mark.parametrize("name", [name for name in FITS if name not in LEVEL])
def test_a_level_that_a_method_takes_out_is_no_misfit_and_a_path_that_it_cannot_meet_is(
    name: str,
) -> None:
    values = figures(2)
    treated = middle(values)
    values[treated[0]] += 10_000
    if name != "ridge":
        assert said(fitted(FITS[name], held(values, treated)), "outside_hull") is None
    values[treated[0]] += 500 * np.arange(YEARS) ** 2
    warned = said(fitted(FITS[name], held(values, treated)), "outside_hull")
    assert warned is not None
    assert "variant='demeaned'" not in warned


@pytest.mark.parametrize("name", [name for name in FITS if not name.startswith("pooled")])
def test_ordinary_areas_are_seldom_called_outside(name: str) -> None:
    """Of twenty areas that are as others are, a few lie at an edge of the levels, and none else."""
    called = []
    for seed in range(4):
        values = figures(seed + 10)
        panel = held(values, list(range(5)))
        warned = said(fitted(FITS[name], panel), "outside_hull")
        called.append(0 if warned is None else len(warned.figures["names"].split(", ")))
    assert sum(called) <= (4 if name in LEVEL else 1)


@pytest.mark.parametrize("name", ["simplex", "demeaned", "pooled", "pooled, levels", "ridge"])
def test_the_range_that_other_weights_allow_is_that_of_a_linear_programme(name: str) -> None:
    """More donors than periods before the start; the programme is written out here once more."""
    start = 4
    values = figures(3, years=8, noise=1.0)
    treated = middle(values, start)
    found = fitted(FITS[name], held(values, treated, start))
    warned = said(found, "weights_not_unique")
    shifted = name in ("demeaned", "pooled")
    own, never = values[treated], np.setdiff1d(np.arange(N), treated)
    base = values[:, :start].mean(axis=1, keepdims=True) * shifted
    around, later = values[:, :start] - base, (values[:, start:] - base).mean(axis=1)
    low = high = 0.0
    weights = found.weights
    for unit in treated:
        chosen = weights[weights["area"] == f"a{unit:02d}"].set_index("donor")["weight"]
        w = np.array([chosen.get(f"a{i:02d}", 0.0) for i in never])
        meet = np.vstack([around[never].T, np.ones(len(never))])
        if name == "ridge" and np.abs(w.clip(max=0)).max() > 1e-9:
            continue  # outside the hull, where weights are unique
        ends = [
            s * linprog(s * later[never], A_eq=meet, b_eq=meet @ w, bounds=(0, None)).fun
            for s in (1, -1)
        ]
        low += (w @ later[never] - ends[1]) / len(own)
        high += (w @ later[never] - ends[0]) / len(own)
    below, above = (warned.figures[key].value for key in ("below", "above"))
    assert high - low > 0.1
    assert below == pytest.approx(-low, rel=6e-3, abs=1e-6)
    assert above == pytest.approx(high, rel=6e-3, abs=1e-6)


def test_the_table_of_ranges_says_the_same() -> None:
    values = figures(3, years=8, noise=1.0)
    treated = middle(values, 4)
    panel = held(values, treated, 4)
    warned = said(fitted(FITS["simplex"], panel), "weights_not_unique")
    table = identification_range(panel, "y", SyntheticSettings())
    below, above = (warned.figures[key].value for key in ("below", "above"))
    assert below == pytest.approx((table["effect"] - table["low"]).mean(), rel=6e-3)
    assert above == pytest.approx((table["high"] - table["effect"]).mean(), rel=6e-3)


def test_unique_weights_are_not_said_to_be_others() -> None:
    values = figures(4)
    treated = [int(values[:, :START].mean(axis=1).argmax())]
    for name in FITS:
        assert said(fitted(FITS[name], held(values, treated)), "weights_not_unique") is None


def test_with_too_many_areas_the_function_that_says_how_far_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evaluation.estimate import pre_period_fit

    monkeypatch.setattr(pre_period_fit, "PROGRAMMES", 10)
    values = figures(3, years=8, noise=1.0)
    warned = said(fitted(FITS["simplex"], held(values, middle(values, 4), 4)), "weights_not_unique")
    assert "identification_range" in warned


def test_shared_weights_say_what_one_outcome_misses() -> None:
    values = figures(1)
    treated = middle(values)
    values[treated[0]] += 10_000
    panel = held(values, treated)
    both = Panel(
        areas=panel.areas, periods=panel.periods, figures={"y": panel.array("y"), "z": figures(5)}
    )
    drawn = Assignments.draw(both, n=9, block="area", strata=())
    found = synthetic_controls(both, ["y", "z"], assignments=drawn)
    assert said(found["y"], "outside_hull") is not None
