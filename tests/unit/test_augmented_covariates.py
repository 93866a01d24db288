"""Covariates in ridge augmentation, against regressions and a solver that share no code with it."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from evaluation import Panel, augmented_synthetic_control
from evaluation.errors import EstimateError
from evaluation.estimate import synthetic_weights
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.predictors import Predictor
from evaluation.estimate.synthetic import AugmentedSettings
from tests.unit.quadratic_programs import on_simplex

N, T, FIRST = 22, 12, 7
NAMES = ("income", "age")


def table(treated: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
    """Areas whose paths turn with two characteristics."""
    rng = np.random.default_rng(11)
    income, age = rng.normal(400, 60, N), rng.normal(40, 4, N)
    paths = rng.normal(0, 1, (N, T)).cumsum(axis=1) * 0.4 + 20
    paths += 0.002 * income[:, None] * np.arange(T) + 0.3 * age[:, None]
    return pd.DataFrame(
        [
            {
                "area": f"a{i:02d}",
                "t": t + 1,
                "y": paths[i, t] + (2.0 if i in treated and t >= FIRST else 0.0),
                "income": income[i],
                "age": age[i],
                "spent": income[i] / 10 + 0.1 * t,
                "start": FIRST + 1 if i in treated else None,
            }
            for i in range(N)
            for t in range(T)
        ]
    )


@cache
def held(treated: tuple[int, ...] = (0, 1)) -> Panel:
    return Panel.from_long(
        table(treated),
        area="area",
        period="t",
        outcomes=["y", "spent"],
        start="start",
        covariates=NAMES,
        frequency="I",
    )


def settings(balance: str = "exact", **more: object) -> AugmentedSettings:
    return AugmentedSettings(covariates=NAMES, balance=balance, **more)  # type: ignore[arg-type]


def foretold(
    panel: Panel, area: int, donors: np.ndarray, penalty: float, balance: str
) -> np.ndarray:
    """What Ben-Michael and others' estimator foretells, by their outcome model and not by weights.

    Simplex weights w, then sum w Y + m(X1, Z1) - sum w m(X, Z), m a regression on figures before
    and covariates with the penalty on the former alone (exact), or on both alike.
    """
    y = panel.array("y")
    z = panel.areas[list(NAMES)].to_numpy(dtype=float)
    x, later = y[:, :FIRST], y[donors]
    if balance == "exact":
        constant = np.column_stack([np.ones(len(donors)), z[donors]])
        slope = np.linalg.lstsq(constant, x[donors], rcond=None)[0]
        rest = x - np.column_stack([np.ones(len(z)), z]) @ slope
        penalties = np.diag([0.0] + [penalty] * FIRST + [0.0, 0.0])
    else:
        size = (x[donors] - x[donors].mean(axis=0)).std()
        z = (z - z[donors].mean(axis=0)) / z[donors].std(axis=0) * size
        rest = np.column_stack([x, z])
        penalties = np.diag([0.0] + [penalty] * (FIRST + 2))
    base = on_simplex(
        np.zeros((len(donors),) * 2), np.zeros(len(donors)), rest[donors].T, rest[area]
    )
    design = np.column_stack([np.ones(len(y)), x, z])
    solved = np.linalg.solve(
        design[donors].T @ design[donors] + penalties, design[donors].T @ later
    )
    model = design @ solved
    told: np.ndarray = base @ later + model[area] - base @ model[donors]
    return told


@pytest.mark.parametrize("balance", ["exact", "penalised"])
@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_the_gap_is_that_of_the_outcome_model(balance: str, penalty: float) -> None:
    """Weights here, a regression of outcomes there (1e-6): they share no code."""
    panel = held()
    drawn = Assignments.draw(panel, n=19, block="area", strata=(), seed=3)
    found = augmented_synthetic_control(
        panel, "y", settings=settings(balance, penalty=penalty), assignments=drawn
    )
    y, areas = panel.array("y"), np.arange(N)
    assert found.draws is not None
    for b, pseudo in enumerate(drawn.pseudo_treated):
        donors = np.setdiff1d(areas[2:], pseudo)
        gaps = [y[i] - foretold(panel, i, donors, penalty, balance) for i in pseudo]
        expected = np.mean(gaps, axis=0)[found.index["event_time"].to_numpy() + FIRST]
        np.testing.assert_allclose(found.draws.raw[b], expected, atol=1e-6)


def test_the_penalty_is_the_one_that_foretells_periods_left_out_best() -> None:
    """Cross-validation over periods alone, each left out of a fit by hand."""
    panel = held((0,))
    x = panel.array("y")[:, :FIRST]
    z = panel.areas[list(NAMES)].to_numpy(dtype=float)
    donors = np.arange(1, N)
    constant = np.column_stack([np.ones(N), z])
    rest = x - constant @ np.linalg.lstsq(constant[donors], x[donors], rcond=None)[0]
    own, others = rest[0], rest[donors].T
    largest = np.linalg.eigvalsh(others @ others.T)[-1]
    errors = []
    for penalty in largest * 1e-8 ** (np.arange(21) / 20):
        each = []
        for k in range(FIRST):
            kept = np.arange(FIRST) != k
            a, b = others[kept], own[kept]
            w = on_simplex(np.zeros((N - 1,) * 2), np.zeros(N - 1), a, b)
            w = w + np.linalg.solve(a @ a.T + penalty * np.eye(FIRST - 1), b - a @ w) @ a
            each.append((own[k] - w @ others[k]) ** 2)
        errors.append(np.mean(each))
    best = largest * 1e-8 ** (int(np.argmin(errors)) / 20)
    found = augmented_synthetic_control(
        panel, "y", settings=settings(choice="least"), assignments=None
    )
    given = augmented_synthetic_control(panel, "y", settings=settings(penalty=best))
    np.testing.assert_allclose(found.effects, given.effects, atol=1e-6)


def test_exact_balance_gives_the_areas_very_characteristics() -> None:
    panel = held()
    for balance, met in (("exact", True), ("penalised", False)):
        found = augmented_synthetic_control(panel, "y", settings=settings(balance))
        for area, part in found.weights.groupby("area"):
            of_control = part["weight"].to_numpy() @ panel.areas.loc[
                part["donor"], list(NAMES)
            ].astype(float)
            of_area = panel.areas.loc[area, list(NAMES)].astype(float)
            assert np.allclose(of_control, of_area, rtol=1e-7) == met
            assert part["weight"].sum() == pytest.approx(1)
    plain = augmented_synthetic_control(panel, "y")
    assert not np.allclose(plain.effects, found.effects)


def test_outcomes_over_chosen_periods_are_covariates_too() -> None:
    panel = held()
    over = AugmentedSettings(covariates=(Predictor("spent", periods=(1, 4)), "age"))
    found = augmented_synthetic_control(panel, "y", settings=over)
    # What was spent is income by another name, so that this is the same balance.
    same = augmented_synthetic_control(panel, "y", settings=settings())
    np.testing.assert_allclose(found.effects, same.effects, atol=1e-7)
    assert "like it in spent 1-4, age (exact)" in found.estimand


def test_the_result_is_asked_as_without_covariates() -> None:
    found = augmented_synthetic_control(held(), "y", settings=settings())
    assert set(found.leave_one_out()["donor"]) == set(found.weights["donor"])
    assert len(found.fit_table()) == 2
    assert len(found.summary()) > 100


def test_areas_with_a_gap_are_fitted_on_what_they_have() -> None:
    frame = table()
    frame.loc[(frame["area"] == "a00") & (frame["t"] == 3), "y"] = np.nan
    names = {"area": "area", "period": "t", "start": "start", "frequency": "I"}
    panel = Panel.from_long(frame, outcomes="y", covariates=NAMES, **names)  # type: ignore[arg-type]
    fitted = synthetic_weights.fit_all(panel, "y", "level", _method(panel))
    unit = next(iter(fitted.synthetic_units.values()))
    assert unit.pre_period_mask[0].sum() == FIRST - 1
    assert np.isfinite(augmented_synthetic_control(panel, "y", settings=settings()).effects).all()


def _method(panel: Panel) -> synthetic_weights.Method:
    from evaluation.estimate.synthetic import method_of

    return method_of(settings(), panel)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"covariates": ("wealth",)}, "no covariate 'wealth'"),
        ({"covariates": ("age", "age")}, "named twice"),
        ({"covariates": (3,)}, "neither a name nor a predictor"),
        ({"covariates": (Predictor("spent", (1, 9)),)}, "not all before the first start"),
        ({"covariates": ("age",), "balance": "about"}, "balance cannot be 'about'"),
    ],
)
def test_what_is_no_covariate_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(EstimateError, match=said):
        augmented_synthetic_control(held(), "y", settings=AugmentedSettings(**changes))  # type: ignore[arg-type]


def test_more_covariates_than_donors_can_meet_are_refused() -> None:
    frame = table()
    frame = frame[frame["area"] < "a06"]
    names = {"area": "area", "period": "t", "start": "start", "frequency": "I"}
    panel = Panel.from_long(frame, outcomes="y", covariates=NAMES, **names)  # type: ignore[arg-type]
    with pytest.raises(EstimateError, match="too many to be met exactly by 4 donors"):
        augmented_synthetic_control(panel, "y", settings=settings())
    frame["age"] = 40.0
    panel = Panel.from_long(frame, outcomes="y", covariates=NAMES, **names)  # type: ignore[arg-type]
    with pytest.raises(EstimateError, match="covariate 'age' is the same in all areas"):
        augmented_synthetic_control(panel, "y", settings=settings("penalised"))
