"""200 random awkward panels against computations that are written out here, or a peer's.

Drop-outs, gaps, periods of nobody, cohorts of one area, constant and collinear covariates, a level
of a million, names in any order. Group-time effects are diff-diff's (or, with covariates, plain
least squares'), imputation and two-way effects are least squares' with dummies, simplex weights
those of non-negative least squares; to 1e-6 of the figures' spread. A refusal has to be true by a
condition that the test computes itself.
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import nnls

from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.estimate import Estimate
from evaluation.estimate.imputation import imputation
from evaluation.estimate.synthetic import synthetic_control
from evaluation.estimate.two_way import two_way_fixed_effects
from evaluation.panel import Panel

PANELS = range(200)
# Of the figures' spread: a level of 1e6 leaves ten digits of it, and least squares halve them.
NEAR = 1e-6
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Case:
    """figures : (N, T), NaN where there is none. start : (N), T for never. x : covariates."""

    figures: Floats
    start: np.ndarray[Any, np.dtype[np.int64]]
    x: dict[str, Floats]
    names: np.ndarray[Any, Any]
    not_yet: bool

    @classmethod
    def of(cls, seed: int) -> "Case":
        rng = np.random.default_rng(seed)
        n, periods = int(rng.integers(8, 16)), int(rng.integers(5, 9))
        figures = rng.normal(size=(n, periods)).cumsum(axis=1) + rng.normal(0, 2, size=(n, 1))
        start = np.full(n, periods)
        treated = int(rng.integers(1, max(2, n // 2)))
        # One cohort, several, or each area one of its own.
        cohorts = rng.integers(1, periods, size=int(rng.integers(1, 4)))
        start[:treated] = np.sort(rng.choice(cohorts, size=treated))
        if rng.random() < 0.3:
            figures[rng.random(figures.shape) < 0.06] = np.nan
        if rng.random() < 0.3:
            leaves = rng.random(n) < 0.3
            figures[leaves, int(rng.integers(2, periods)) :] = np.nan
        if rng.random() < 0.2:
            figures[:, int(rng.integers(periods))] = np.nan
        figures[: int(rng.integers(n)) if rng.random() < 0.3 else 0] += 1e6
        x = {"x": rng.normal(size=n)}
        kind = rng.random()
        if kind < 0.08:
            x["twice"] = 1 - 2 * x["x"]
        elif kind < 0.16:
            x["one"] = np.full(n, 3.0)
        elif kind < 0.3:
            x["far"] = 1e6 + rng.normal(size=n)
        names = rng.permutation([f"k{i:02d}" for i in range(n)])
        return cls(figures, start, x, names, bool(rng.random() < 0.4))

    @property
    def table(self) -> pd.DataFrame:
        n, periods = self.figures.shape
        start = np.where(self.start < periods, 2000 + self.start, 0)
        return pd.DataFrame(
            {
                "area": np.repeat(self.names, periods),
                "year": np.tile(2000 + np.arange(periods), n),
                "y": self.figures.ravel(),
                "start": np.repeat(start, periods),
                **{name: np.repeat(values, periods) for name, values in self.x.items()},
            }
        )

    @property
    def panel(self) -> Panel:
        table = self.table.sample(frac=1, random_state=0)
        names = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
        return Panel.from_long(table, **names, covariates=list(self.x), frequency="A")  # type: ignore[arg-type]

    @property
    def seen(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.asarray(np.isfinite(self.figures).any(axis=0))

    @property
    def never(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.asarray(self.start == self.figures.shape[1])

    @property
    def around(self) -> Floats:
        """Figures less each area's mean, so that no level costs digits."""
        held = np.isfinite(self.figures)
        total = np.where(held, self.figures, 0.0).sum(axis=1, keepdims=True)
        return np.asarray(self.figures - total / np.maximum(held.sum(axis=1, keepdims=True), 1))

    @property
    def scale(self) -> float:
        return float(np.nanstd(self.around))


@cache
def cases() -> list[Case]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [Case.of(seed) for seed in PANELS]


def given(case: Case, fit: Callable[..., Estimate], **how: Any) -> Estimate | EstimateError:
    panel = case.panel
    try:
        drawn = Assignments.draw(panel, n=3, block="area", strata=())
        return fit(panel, "y", assignments=drawn, **how)
    except EstimateError as refused:
        return refused


def by_cell(found: Estimate) -> dict[tuple[int, int], float]:
    cells = found.index[["cohort", "quarter"]].itertuples(index=False, name=None)
    return {
        (int(g) - 2000, int(t) - 2000): float(effect)
        for (g, t), effect in zip(cells, found.effects, strict=True)
        if np.isfinite(effect)
    }


def base_of(case: Case, g: int) -> int:
    before = np.flatnonzero(case.seen[:g])
    return int(before[-1]) if len(before) else -1


def group_time(case: Case, x: dict[str, Floats]) -> dict[tuple[int, int], float]:
    """Cell by cell: change of the cohort less what its controls' covariates foretell."""
    y, found = case.figures, {}
    periods = y.shape[1]
    for g in np.unique(case.start[~case.never]).tolist():
        base = base_of(case, g)
        if base < 0:
            continue
        for t in range(periods):
            change = y[:, t] - y[:, base]
            own = (case.start == g) & np.isfinite(change)
            others = case.never | (case.not_yet & (case.start > max(t, base)))
            others &= (case.start != g) & np.isfinite(change)
            design = np.column_stack([np.ones(len(y)), *x.values()])
            design[:, 1:] -= design[:, 1:].mean(axis=0)
            if own.any() and np.linalg.matrix_rank(design[others]) == design.shape[1]:
                beta = np.linalg.lstsq(design[others], change[others], rcond=None)[0]
                found[g, t] = float((change - design @ beta)[own].mean())
    return found


def peers_group_time(case: Case) -> dict[tuple[int, int], float]:
    from diff_diff import CallawaySantAnna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = CallawaySantAnna(
            control_group="not_yet_treated" if case.not_yet else "never_treated",
            base_period="universal",
        ).fit(
            case.table.dropna(subset="y"),
            outcome="y",
            unit="area",
            time="year",
            first_treat="start",
        )
    return {
        (int(g) - 2000, int(t) - 2000): float(cell["effect"])
        for (g, t), cell in peer.group_time_effects.items()
        if np.isfinite(cell["effect"])
    }


def matches(ours: dict[Any, float], theirs: dict[Any, float], scale: float) -> None:
    assert ours.keys() == theirs.keys()
    for cell, effect in theirs.items():
        assert ours[cell] == pytest.approx(effect, rel=NEAR, abs=NEAR * scale), cell


def true_of_did(case: Case, x: dict[str, Floats], said: str) -> bool:
    """Whether a refusal's own words hold."""
    y, treated = case.figures, ~case.never
    held = np.isfinite(y)
    after = np.arange(y.shape[1]) >= case.start[:, None]
    if re.search("no period before the start .* has a figure", said):
        return any(base_of(case, g) < 0 for g in case.start[treated])
    if "has a figure in or after the period of its start" in said:
        return not (held & after)[treated].any()
    if "figures both before and after" in said:
        both = (held & after).any(axis=1) & (held & ~after).any(axis=1)
        return not both[treated].any()
    if "figures before its start that an effect is measured from" in said:
        return not any(held[i, base_of(case, case.start[i])] for i in np.flatnonzero(treated))
    if "in no treated period have treated and comparison areas both" in said:
        cells = group_time(case, {})
        return not any(t >= g for g, t in cells)
    design = np.column_stack([np.ones(len(y)), *x.values()])
    design[:, 1:] -= design[:, 1:].mean(axis=0)
    controls = design if case.not_yet else design[case.never]
    rank = int(np.linalg.matrix_rank(controls))
    if "are too many for" in said or "comparison areas, so that nothing can be adjusted" in said:
        return rank < design.shape[1]
    if "too few to adjust" in said:
        return group_time(case, x).keys() != group_time(case, {}).keys()
    raise AssertionError(f"a refusal that is not known here: {said}")


def refused_of(found: list[tuple[Case, Estimate | EstimateError]]) -> list[tuple[Case, str]]:
    refused = [(case, one.what) for case, one in found if isinstance(one, EstimateError)]
    assert len(refused) <= len(found) / 10
    return refused


def test_group_time_effects_are_a_peers() -> None:
    found = [(case, given(case, did, settings=settings_of(case, ()))) for case in cases()]
    for case, said in refused_of(found):
        assert true_of_did(case, {}, said), said
    compared = 0
    for case, one in found:
        if isinstance(one, Estimate):
            ours, peer = by_cell(one), peers_group_time(case)
            matches(ours, group_time(case, {}), case.scale)
            # The base itself is zero, whoever has a figure there.
            peer = {(g, t): effect for (g, t), effect in peer.items() if t != base_of(case, g)}
            # Of areas that are alone on their side diff-diff gives no effect.
            assert peer.keys() <= ours.keys()
            matches({cell: ours[cell] for cell in peer}, peer, case.scale)
            compared += len(peer)
    assert compared > 5 * len(PANELS)


def settings_of(case: Case, x: tuple[str, ...]) -> DidSettings:
    return DidSettings(comparison="not_yet" if case.not_yet else "never", covariates=x)


def test_adjusted_effects_are_least_squares() -> None:
    found = [
        (case, given(case, did, settings=settings_of(case, tuple(case.x)))) for case in cases()
    ]
    refused = [(case, one.what) for case, one in found if isinstance(one, EstimateError)]
    for case, said in refused:
        assert true_of_did(case, case.x, said), said
    # Those that are collinear or constant have to be: the rest is held to one in ten.
    few = [said for case, said in refused if not {"twice", "one"} & case.x.keys()]
    assert len(few) <= len(found) / 10
    for case, one in found:
        if isinstance(one, Estimate):
            matches(by_cell(one), group_time(case, case.x), case.scale)


def dummies(case: Case, held: Any) -> Floats:
    """(cells, areas + periods) one column each."""
    area, period = np.nonzero(held)
    n, periods = case.figures.shape
    return np.hstack([np.eye(n)[area], np.eye(periods)[period]])


def imputed(case: Case) -> dict[tuple[int, int], float]:
    """Least squares with dummies on untreated cells; a cell counts if it can be foretold."""
    held = np.isfinite(case.figures)
    after = np.arange(held.shape[1]) >= case.start[:, None]
    y = case.around
    fitted, foretold = dummies(case, held & ~after), dummies(case, held & after)
    beta = np.linalg.lstsq(fitted, y[held & ~after], rcond=None)[0]
    _, size, basis = np.linalg.svd(fitted, full_matrices=True)
    null = basis[int((size > 1e-9).sum()) :]
    known = np.abs(foretold @ null.T).max(axis=1, initial=0.0) < 1e-9
    effect = np.where(known, y[held & after] - foretold @ beta, np.nan)
    area, period = np.nonzero(held & after)
    table = pd.DataFrame({"g": case.start[area], "t": period, "effect": effect}).dropna()
    means = table.groupby(["g", "t"])["effect"].mean()
    return {(int(g), int(t)): float(v) for (g, t), v in means.items()}


def test_imputation_is_least_squares_with_dummies() -> None:
    found = [(case, given(case, imputation)) for case in cases()]
    for case, said in refused_of(found):
        if "in no treated period" in said:
            assert not imputed(case)
        else:
            assert true_of_did(case, {}, said), said
    for case, one in found:
        if isinstance(one, Estimate):
            matches(by_cell(one), imputed(case), case.scale)


# By linearmodels each takes as long as all other estimates of a panel.
@pytest.mark.parametrize("number", [range(30), pytest.param(PANELS, marks=pytest.mark.slow)])
def test_two_way_effects_are_least_squares_with_dummies(number: range) -> None:
    found = [(cases()[k], given(cases()[k], two_way_fixed_effects)) for k in number]
    for case, one in found:
        y = case.figures[:, case.seen]
        on = (np.flatnonzero(case.seen) >= case.start[:, None]).astype(float)
        held = np.isfinite(y.ravel())
        dummies = _two_way(*y.shape)[held]
        if isinstance(one, EstimateError):
            # The effects of areas and periods tell who is treated, so that nothing is left to tell.
            fitted = dummies @ np.linalg.lstsq(dummies, on.ravel()[held], rcond=None)[0]
            both = [len(set(row[np.isfinite(f)])) == 2 for row, f in zip(on, y, strict=True)]
            left = np.abs(fitted - on.ravel()[held]).max(initial=0.0)
            assert left < 1e-6 or not (np.array(both) & ~case.never).any()
            continue
        y = y - np.nanmean(y)
        design = np.hstack([on.reshape(-1, 1)[held], dummies])
        beta = np.linalg.lstsq(design, y.ravel()[held], rcond=None)[0]
        assert one.effects.item() == pytest.approx(beta[0], rel=NEAR, abs=NEAR * case.scale)
    # Every figure counts, so that hardly a panel is refused; each refusal was shown to be true.
    refused = sum(isinstance(one, EstimateError) for _, one in found)
    assert refused <= len(found) / 30


def _two_way(n: int, periods: int) -> Floats:
    return np.hstack([np.repeat(np.eye(n), periods, axis=0), np.tile(np.eye(periods), (n, 1))])


def nearest(donors: Floats, target: Floats) -> Floats:
    """Simplex weights by non-negative least squares (Lawson and Hanson 1974, chapter 23).

    min ||A u||^2 + (1'u - 1)^2 over u >= 0 has its least value along the w on the simplex that
    makes ||A w|| least, A being donors less target.
    """
    apart = (donors - target[None]).T
    apart = apart / (np.abs(apart).max() or 1.0)
    # With fewer rows than columns scipy 1.15's answer is none: rows of zeros change no problem.
    size = (max(len(apart), len(donors)) + 1, len(donors))
    rows, aim = np.zeros(size), np.zeros(size[0])
    rows[: len(apart)], rows[-1], aim[-1] = apart, 1.0, 1.0
    weights, _ = nnls(rows, aim)
    return np.asarray(weights / weights.sum())


def test_simplex_weights_are_those_of_non_negative_least_squares() -> None:
    found = [(case, given(case, synthetic_control)) for case in cases()]
    compared = 0
    for case, one in found:
        y, n = case.figures, len(case.figures)
        whole = np.isfinite(y[:, case.seen]).all(axis=1)
        donors = np.flatnonzero(case.never & whole)
        if isinstance(one, EstimateError):
            if "fewer than two complete comparison areas" in one.what:
                assert len(donors) < 2
            elif "in no treated period" in one.what or "figures before its start" in one.what:
                needed = [min(3, int(case.seen[:g].sum())) for g in case.start]
                able = [np.isfinite(y[i, : case.start[i]]).sum() >= needed[i] for i in range(n)]
                assert not any(
                    able[i] and np.isfinite(y[i, case.start[i] :]).any()
                    for i in np.flatnonzero(~case.never)
                )
            else:
                assert true_of_did(case, {}, one.what), one.what
            continue
        table = one.weights
        for i in np.flatnonzero(~case.never):
            usable = np.flatnonzero(np.isfinite(y[i, : case.start[i]]))
            own = table[table["area"] == case.names[i]].set_index("donor")["weight"]
            if not len(own):
                assert len(usable) < min(3, int(case.seen[: case.start[i]].sum())) or not len(
                    usable
                )
                continue
            # Donors a million away cannot be told apart to more digits than a double has.
            before = y[np.ix_(donors, usable)]
            near = np.array([own.get(case.names[d], 0.0) for d in donors])
            w = nearest(before, y[i, usable])
            apart = [float(np.sqrt(((u @ before - y[i, usable]) ** 2).mean())) for u in (near, w)]
            level = float(np.abs(before).max())
            assert apart[0] <= apart[1] * (1 + NEAR) + NEAR * case.scale + 1e-9 * level
            assert near.sum() == pytest.approx(1, abs=1e-6)
            assert (near >= 0).all()
            # Of all weights that meet as well, those of least norm.
            if level < 1e3 * case.scale:
                assert (near**2).sum() <= (w**2).sum() + 1e-5
            compared += 1
    refused = sum(isinstance(one, EstimateError) for _, one in found)
    assert refused <= len(found) / 10
    assert compared > len(PANELS)
