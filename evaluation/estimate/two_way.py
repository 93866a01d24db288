"""Two-way fixed effects and first differences by linearmodels, and what they average."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.inference import Draws
from evaluation.panel import NEVER, whole_periods_of
from evaluation.wording import Sentence

if TYPE_CHECKING:
    from linearmodels.panel.results import PanelResults
    from numpy.typing import NDArray

    from evaluation.panel import Panel


Errors = Literal["unadjusted", "clustered", "nested"]
Method = Literal["fixed_effects", "first_differences"]


@dataclass(frozen=True, kw_only=True)
class TwoWaySettings:
    """Settings of `two_way_fixed_effects`.

    method : ``fixed_effects`` (areas and periods), or ``first_differences`` with period effects.
    scale : ``level`` or ``log``.
    errors : of analytic inference: ``clustered`` by area (with the G / (G - 1) correction, every
        effect counted as a parameter), ``nested``: the same, but area effects, which are nested in
        the clusters, not counted (the convention of Stata and fixest), or ``unadjusted``
        (homoskedastic), as a published table has it.
    weights : name of an area column to weigh areas by, with analytic inference only.
    replication : compute the analytic error for a published table where it would be refused.
    """

    method: Method = "fixed_effects"
    scale: samples.Scale = "level"
    errors: Errors = "clustered"
    weights: str | None = None
    replication: bool = False

    def __post_init__(self) -> None:
        samples.one_of("method", self.method, Method)
        samples.one_of("scale", self.scale, samples.Scale)
        samples.one_of("errors", self.errors, Errors)


def two_way_fixed_effects(
    panel: Panel,
    outcome: str,
    *,
    settings: TwoWaySettings | None = None,
    inference: Inference = "placebo",
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """The coefficient of "has started" with area and period effects, by linearmodels.

    One entry (``overall()``); there is nothing to split. Areas with a missing figure are left out
    and counted in a warning.

    Parameters
    ----------
    inference : ``placebo`` re-assigns the starts; ``analytic`` takes linearmodels' error.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate.
    InferenceRefused : analytic errors with fewer than ten treated areas in ten authorities.
    """
    settings = settings or TwoWaySettings()
    samples.check_call(panel, settings, TwoWaySettings, inference, level)
    panel, dropped = balanced(panel, outcome)
    if settings.weights and inference != "analytic":
        raise InferenceRefused(
            "weighted two-way fixed effects are not re-assigned here.",
            mend="leave weights out, or use `did` with weights",
        )
    sample = samples.take(panel, outcome, settings.scale, settings.weights)
    warnings = sample.warnings + dropped
    if inference == "bootstrap":
        raise InferenceRefused(
            "two-way fixed effects have no bootstrap here.", mend="use 'placebo' or 'analytic'"
        )
    if inference == "analytic":
        name = settings.method.replace("_", " ")
        warnings += samples.refuse_few(sample, name, replication=settings.replication)
    errors = settings.errors if inference == "analytic" else "unadjusted"
    _require_change(sample)
    fitted = _fit(_long(sample), settings.method, errors)
    error = np.array([float(fitted.std_errors["started"]) * _nested(sample, errors)])
    draws = None
    if inference == "placebo":
        if assignments is None:
            assignments = Assignments.draw(sample.panel, strata=(), seed=seed)
        elif dropped:
            assignments = assignments.redrawn(sample.panel)
        samples.same_areas(assignments, sample)
        warnings += samples.not_to_scale(sample)
        draws = _placebo(sample, settings, assignments, float(fitted.params["started"]))
    return Estimate(
        outcome=outcome,
        unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale,
        estimator=settings.method,
        estimand="one coefficient for every started area and period",
        inference=inference,
        level=level,
        index=_one_entry(len(sample.treated.units)),
        effects=np.array([float(fitted.params["started"])]),
        draws=draws,
        analytic_error=error if inference == "analytic" else None,
        sample=sample.describe(),
        settings=settings,
        warnings=warnings,
        panel=sample.panel,
        provenance=samples.provenance(panel, sample, assignments),
    )


def _require_change(sample: samples.Sample) -> None:
    """Refuse starts that no figures lie on both sides of.

    Raises
    ------
    EstimateError : as it says.
    """
    starts = samples.among_seen(sample.seen, sample.treated.starts)
    if not ((starts > 0) & (starts < sample.seen.sum())).any():
        raise EstimateError(
            "no treated area has figures both before and after its start.",
            mend="bring the figures that are missing, or choose another outcome",
        )


def _one_entry(n_areas: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "site": ["all"],
            "cohort": [None],
            "quarter": [None],
            "event_time": [0],
            "n_areas": [n_areas],
            "weight": [1.0],
        }
    )


def balanced(panel: Panel, outcome: str) -> tuple[Panel, tuple[str, ...]]:
    """The eligible areas with a figure in every period that any has one, and a word on the rest."""
    panel = panel.eligible()
    figures = whole_periods_of(panel, outcome)
    leave = np.asarray(np.isnan(figures[:, samples.seen_periods(figures)]).any(axis=1))
    if not leave.any():
        return panel, ()
    if leave.all():
        raise EstimateError(
            "every area has a missing or suppressed figure, so that no complete one is left.",
            mend="use did or imputation, which make do with missing figures",
        )
    treated = int((leave & panel.treated).sum())
    for whole, what in ((panel.treated, "started"), (~panel.treated, "comparison")):
        if whole.any() and (leave | ~whole).all():
            raise EstimateError(
                f"every {what} area has a missing or suppressed figure, so that no complete one is "
                "left.",
                mend="use did or imputation, which make do with missing figures",
            )
    return panel.select(~leave), (
        Sentence.of(
            f"{int(leave.sum())} areas ({treated} of them started) have a missing or suppressed "
            "figure and are left out",
            "areas_left_out",
        ),
    )


def _placebo(
    sample: samples.Sample, settings: TwoWaySettings, assignments: Assignments, effect: float
) -> Draws:
    """The coefficient under every assignment.

    By Frisch, Waugh and Lovell it is sum(D~ y~) / sum(D~ D~) with effects partialled out. The
    denominator depends on how many areas start when, never on which; the numerator sums, for
    each pseudo-treated area, one figure that depends on its area and start alone.
    """
    start = sample.panel.start_index
    on = ((start[:, None] >= 0) & (np.arange(sample.n_periods) >= start[:, None])).astype(float)
    # Periods that nobody has a figure in are none, and a start in one is in the next that has some.
    y, on = sample.figures[:, sample.seen], on[:, sample.seen]
    treated = sample.treated
    held = replace(treated, starts=samples.among_seen(sample.seen, treated.starts))
    assignments = replace(assignments, treated=held)
    raw, shift = (_coefficients(figures, on, settings, assignments) for figures in (y, on))
    if not np.isclose(raw[0, 0], effect, rtol=1e-8, atol=1e-12):
        raise ArithmeticError(
            f"the coefficient by re-assignment ({raw[0, 0]}) differs from linearmodels' ({effect})."
        )
    return samples.finished_draws(assignments, raw, shift, raw - effect * shift)


def _coefficients(
    y: NDArray[np.float64],
    on: NDArray[np.float64],
    settings: TwoWaySettings,
    assignments: Assignments,
) -> NDArray[np.float64]:
    treated = assignments.treated
    if settings.method == "fixed_effects":
        within_y, within_on = _demeaned(y), _demeaned(on)
        figure = np.flip(np.cumsum(np.flip(within_y, axis=1), axis=1), axis=1)
    else:
        change_y, change_on = np.diff(y, axis=1, prepend=y[:, :1]), np.diff(on, axis=1)
        within_on = change_on - change_on.mean(axis=0)
        figure = change_y - change_y.mean(axis=0)
    # A start after the last period with figures moves nothing.
    figure = np.append(figure, np.zeros((len(figure), 1)), axis=1)
    starts = treated.starts[treated.cohort_of]
    moved = figure[assignments.pseudo_treated, starts].sum(axis=1)
    coefficients: NDArray[np.float64] = moved / (within_on**2).sum()
    return coefficients[:, None]


def _demeaned(x: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = x - x.mean(axis=0) - x.mean(axis=1, keepdims=True) + x.mean()
    return out


def _long(sample: samples.Sample) -> pd.DataFrame:
    n, n_periods = sample.figures.shape
    start = sample.panel.start_index
    periods = np.arange(n_periods)
    long = pd.DataFrame(
        {
            "area": np.repeat(np.arange(n), n_periods),
            "period": np.tile(periods, n),
            "y": sample.figures.ravel(),
            "started": ((start[:, None] >= 0) & (periods >= start[:, None])).ravel().astype(float),
            "weight": np.repeat(sample.weights, n_periods),
        }
    )
    return long.dropna().set_index(["area", "period"])


def _nested(sample: samples.Sample, errors: Errors) -> float:
    """What a clustered error that counts no effects lacks of (n - 1) / (n - K), K periods + 1."""
    if errors != "nested":
        return 1.0
    periods = int(sample.seen.sum())
    n, counted = len(sample.figures) * periods, periods + 1
    return float(np.sqrt((n - 1) / (n - counted)))


def _fit(long: pd.DataFrame, method: str, errors: Errors) -> PanelResults:
    from linearmodels.panel import FirstDifferenceOLS, PanelOLS

    if method == "fixed_effects":
        model = PanelOLS(
            long["y"],
            long[["started"]],
            weights=long["weight"],
            entity_effects=True,
            time_effects=True,
        )
        if errors == "nested":
            return model.fit(
                cov_type="clustered",
                cluster_entity=True,
                group_debias=True,
                auto_df=False,
                count_effects=False,
            )
        if errors == "clustered":
            return model.fit(cov_type="clustered", cluster_entity=True, group_debias=True)
        return model.fit(cov_type="unadjusted")
    if errors != "unadjusted":
        raise EstimateError(
            "first differences are offered with unadjusted errors only.",
            mend="pass errors='unadjusted'",
        )
    dummies = pd.get_dummies(long.index.get_level_values(1), prefix="period", dtype=float)
    dummies.index = long.index
    regressors = pd.concat([long[["started"]], dummies.iloc[:, 1:]], axis=1)
    return FirstDifferenceOLS(long["y"], regressors).fit(cov_type="unadjusted", debiased=True)


def bacon_decomposition(
    panel: Panel, outcome: str, *, scale: samples.Scale = "level"
) -> pd.DataFrame:
    """One row a 2 x 2 comparison: ``started, compared, kind, weight, effect``.

    ``kind`` is ``never started``, ``not yet started`` or ``already started``, by what is compared
    with; weights sum to one, and weights times effects to the two-way coefficient.

    Raises
    ------
    EstimateError : a figure is missing (the weights are those of a balanced panel).
    """
    sample = samples.take(panel, outcome, scale)
    figures = sample.figures[:, sample.seen]
    if np.isnan(figures).any():
        raise EstimateError(
            f"{outcome} has missing figures; the decomposition needs a balanced panel.",
            mend="leave out the areas with gaps",
        )
    start = np.where(sample.panel.start_index < 0, NEVER, sample.panel.start_index)
    start[start >= 0] = samples.among_seen(sample.seen, start[start >= 0])
    start[start == figures.shape[1]] = NEVER
    groups = {int(g): (start == g) for g in np.unique(start)}
    means = {g: figures[members].mean(axis=0) for g, members in groups.items()}
    share = {g: float(members.mean()) for g, members in groups.items()}
    on = {g: 0.0 if g == NEVER else 1 - g / figures.shape[1] for g in groups}
    labels = [sample.panel.labels[t] for t in np.flatnonzero(sample.seen)]
    label = {g: "never" if g == NEVER else labels[g] for g in groups}
    cohorts = [g for g in sorted(groups) if g != NEVER]
    rows: list[tuple[str, str, str, float, float]] = []
    if NEVER in groups:
        for g in cohorts:
            spread = share[g] * share[NEVER] * on[g] * (1 - on[g])
            effect = _two_by_two(means[g], means[NEVER], slice(g), slice(g, None))
            rows.append((label[g], label[NEVER], "never started", spread, effect))
    for early, late in itertools.combinations(cohorts, 2):
        both = share[early] * share[late] * (on[early] - on[late])
        effect = _two_by_two(means[early], means[late], slice(early), slice(early, late))
        rows.append((label[early], label[late], "not yet started", both * (1 - on[early]), effect))
        effect = _two_by_two(means[late], means[early], slice(early, late), slice(late, None))
        rows.append((label[late], label[early], "already started", both * on[late], effect))
    table = pd.DataFrame(rows, columns=["started", "compared", "kind", "weight", "effect"])
    table["weight"] /= table["weight"].sum()
    return table


def _two_by_two(
    own: NDArray[np.float64], other: NDArray[np.float64], before: slice, after: slice
) -> float:
    """Change of the one from ``before`` to ``after`` less the change of the other."""
    gap = own - other
    return float(gap[after].mean() - gap[before].mean())
