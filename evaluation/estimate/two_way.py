"""Two-way fixed effects and first differences by linearmodels, and what they average."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.estimate import Estimate, Inference
from evaluation.estimate.inference import Draws
from evaluation.panel import NEVER

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

    One entry (``overall()``); there is nothing to split. It is least squares over every cell that
    has a figure: an area with gaps counts with those that it has. Of a first period treated in part
    the share that was treated stands in place of 1 (`Panel.partial`).

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
    if settings.weights and inference != "analytic":
        raise InferenceRefused(
            "weighted two-way fixed effects are not re-assigned here.",
            mend="leave weights out, or use `did` with weights",
        )
    sample = samples.take(panel, outcome, settings.scale, settings.weights)
    warnings = sample.warnings
    if inference == "bootstrap":
        raise InferenceRefused(
            "two-way fixed effects have no bootstrap here.", mend="use 'placebo' or 'analytic'"
        )
    if inference == "analytic":
        name = settings.method.replace("_", " ")
        warnings += samples.refuse_few(sample, name, replication=settings.replication)
    errors = settings.errors if inference == "analytic" else "unadjusted"
    changed = _require_change(sample, settings)
    fitted = _fit(sample, settings.method, errors)
    error = np.array([float(fitted.std_errors["started"]) * _nested(fitted, errors, sample)])
    draws = None
    if inference == "placebo":
        if assignments is None:
            assignments = Assignments.draw(sample.panel, strata=(), seed=seed)
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
        index=_one_entry(changed),
        effects=np.array([float(fitted.params["started"])]),
        draws=draws,
        analytic_error=error if inference == "analytic" else None,
        sample=sample.describe(),
        settings=settings,
        warnings=warnings,
        panel=sample.panel,
        provenance=samples.provenance(panel, sample, assignments),
        base_weight=_base_weight(sample, settings.method),
    )


def _require_change(sample: samples.Sample, settings: TwoWaySettings) -> int:
    """Refuse figures that tell no effect; how many treated areas have some on both sides.

    Raises
    ------
    EstimateError : no figures lie on both sides of a start, or the coefficient is one of area and
        period effects.
    """
    every = samples.unit_figures(sample)
    on = every[sample.treated.units]
    both = ((on == 0).any(axis=1)) & ((on > 0).any(axis=1))
    if not both.any():
        raise EstimateError(
            "no treated area has figures both before and after its start.",
            mend="bring the figures that are missing, or choose another outcome",
        )
    terms = _Terms.of(sample, settings.method)
    if not terms.left_of(every) > TOLD * (terms.without_areas(every) ** 2).sum():
        raise EstimateError(
            "the figures do not tell an effect from what areas and periods are by themselves: no "
            "comparison area has figures in the periods in which a treated one has, before and "
            "after its start.",
            mend="bring the figures that are missing, or choose another outcome",
        )
    return int(both.sum())


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


# Of a regressor's sum of squares: less than this is rounding, and the effects of areas and periods
# tell all of it.
TOLD = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class _Terms:
    """What area and period effects leave of figures, over the cells that have one.

    By Frisch, Waugh and Lovell the coefficient of D is D'My / D'MD, M taking out the effects of
    areas and periods. First those of areas, cell by cell (their means, or by differences); what
    those of periods then take is a quadratic form in one vector of periods. So each area adds a
    number and a vector of its own, whatever else is treated, and thousands of assignments are sums
    of these.

    held : (N, P) cells that count: with figures, or with the change to the next figure. inverse :
    (P, P) of the periods' second moments (Moore and Penrose: periods that no area joins have an
    effect each). seen : positions of the periods that any area has a figure of.
    """

    held: NDArray[np.bool_]
    inverse: NDArray[np.float64]
    seen: NDArray[np.bool_]
    method: Method

    @classmethod
    def of(cls, sample: samples.Sample, method: Method) -> _Terms:
        """Those of a sample."""
        held = np.isfinite(sample.figures[:, sample.seen])
        if method == "first_differences":
            held = held[:, 1:] & held[:, :-1]
            moments = np.diag(held.sum(axis=0).astype(float))
        else:
            own = held / np.maximum(held.sum(axis=1, keepdims=True), 1)
            moments = np.diag(held.sum(axis=0).astype(float)) - held.T.astype(float) @ own
        # The moments are counts, so that what is none of them is far below one; numpy's own bound
        # lies within the rounding of a moment that is nothing.
        inverse = np.linalg.pinv(moments, rcond=1e-10, hermitian=True)
        return cls(held=held, inverse=inverse, seen=sample.seen, method=method)

    def without_areas(self, figures: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., N, P) figures (..., N, T) without area effects; 0 in cells that do not count."""
        shown = figures[..., self.seen]
        if self.method == "first_differences":
            return np.where(self.held, np.diff(shown, axis=-1), 0.0)
        shown = np.where(self.held, shown, 0.0)
        mean = shown.sum(axis=-1) / np.maximum(self.held.sum(axis=-1), 1)
        return np.where(self.held, shown - mean[..., None], 0.0)

    def residual(self, figures: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, P) figures without area and period effects; 0 in cells that do not count."""
        # From about nothing: a level far above its changes would cost their last digits.
        level = np.nanmean(figures[:, self.seen])
        apart = self.without_areas(figures - level)
        effects = np.broadcast_to(self.inverse @ apart.sum(axis=0), apart.shape)
        if self.method == "first_differences":
            return np.where(self.held, apart - effects, 0.0)
        mean = np.where(self.held, effects, 0.0).sum(axis=1) / np.maximum(self.held.sum(axis=1), 1)
        return np.where(self.held, apart - effects + mean[:, None], 0.0)

    def left_of(self, on: NDArray[np.float64]) -> float:
        """Sum of squares of a regressor without area and period effects."""
        apart = self.without_areas(on)
        total = apart.sum(axis=0)
        return float((apart**2).sum() - total @ self.inverse @ total)

    def heaviest(self, on: NDArray[np.float64]) -> float:
        """The most that the coefficient moves by where one figure does: of My / D'MD."""
        apart = self.without_areas(on)
        periods = np.where(self.held, self.inverse @ apart.sum(axis=0), 0.0)
        own = periods.sum(axis=1) / np.maximum(self.held.sum(axis=1), 1)
        left = np.where(self.held, apart - periods + own[:, None], 0.0)
        return float(np.abs(left[(on > 0).any(axis=1)]).max() / self.left_of(on))


def _base_weight(sample: samples.Sample, method: Method) -> float:
    """What the heaviest figure counts, as the weight of one period before a start.

    One of n areas with at most p started periods and c started figures would move the mean of
    these by p / c of its base: the weight is the part of that which the heaviest figure has.
    """
    if method == "first_differences":
        return 1.0
    on = samples.unit_figures(sample)
    heaviest = _Terms.of(sample, method).heaviest(on)
    started = (on > 0) & np.isfinite(sample.figures)
    longest = max(int(started.sum(axis=1).max()), 1)
    return min(heaviest * int(started.sum()) / longest, 1.0)


def _placebo(
    sample: samples.Sample, settings: TwoWaySettings, assignments: Assignments, effect: float
) -> Draws:
    """The coefficient under every assignment."""
    terms = _Terms.of(sample, settings.method)
    y, on = sample.figures, samples.unit_figures(sample)
    raw, shift = (_coefficients(figures, sample, terms, assignments) for figures in (y, on))
    if not np.isclose(raw[0, 0], effect, rtol=1e-8, atol=1e-12 * (1 + np.nanmax(np.abs(y)))):
        raise ArithmeticError(
            f"the coefficient by re-assignment ({raw[0, 0]}) differs from linearmodels' ({effect})."
        )
    return samples.finished_draws(assignments, raw, shift, raw - effect * shift)


def _coefficients(
    figures: NDArray[np.float64], sample: samples.Sample, terms: _Terms, assignments: Assignments
) -> NDArray[np.float64]:
    """(B, 1) the coefficient of figures under every assignment; NaN where it has none.

    Areas that stand for the same start, treated for the same share of it, add the same terms: these
    are worked out once for every area and gathered.
    """
    treated, pseudo_treated = assignments.treated, assignments.pseudo_treated
    starts = treated.starts[treated.cohort_of]
    shares = sample.panel.exposure[treated.units]
    kinds, kind_of = np.unique(np.stack([starts, shares], axis=1), axis=0, return_inverse=True)
    residual, periods = terms.residual(figures), np.arange(sample.n_periods)
    above, own = np.zeros((2, len(pseudo_treated)))
    total = np.zeros((len(pseudo_treated), residual.shape[1]))
    for kind, (start, share) in enumerate(kinds.tolist()):
        profile = np.where(periods == start, share, (periods > start).astype(float))
        # A start in a period that nobody has figures of is in the next that somebody has.
        apart = terms.without_areas(np.broadcast_to(profile, sample.figures.shape))
        chosen = pseudo_treated[:, np.flatnonzero(kind_of == kind)]
        above += (residual * apart).sum(axis=1)[chosen].sum(axis=1)
        own += (apart**2).sum(axis=1)[chosen].sum(axis=1)
        for unit in chosen.T:
            total += apart[unit]
    left = own - ((total @ terms.inverse) * total).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        coefficients = np.where(left > TOLD * own, above / left, np.nan)
    return np.asarray(coefficients[:, None])


def _long(sample: samples.Sample, method: Method) -> pd.DataFrame:
    """A row a cell with a figure, or with the change from the figure of the period before."""
    on, y, seen = samples.unit_figures(sample), sample.figures, sample.seen
    y, on = y[:, seen], on[:, seen]
    if method == "first_differences":
        y, on = np.diff(y, axis=1), np.diff(on, axis=1)
    n, n_periods = y.shape
    long = pd.DataFrame(
        {
            "area": np.repeat(np.arange(n), n_periods),
            "period": np.tile(np.arange(n_periods), n),
            "y": y.ravel(),
            "started": on.ravel(),
            "weight": np.repeat(sample.weights, n_periods),
        }
    )
    return long.dropna().set_index(["area", "period"])


def _nested(fitted: PanelResults, errors: Errors, sample: samples.Sample) -> float:
    """What a clustered error that counts no effects lacks of (n - 1) / (n - K), K periods + 1."""
    if errors != "nested":
        return 1.0
    n, counted = int(fitted.nobs), int(sample.seen.sum()) + 1
    return float(np.sqrt((n - 1) / (n - counted)))


def _fit(sample: samples.Sample, method: Method, errors: Errors) -> PanelResults:
    from linearmodels.panel import PanelOLS

    long = _long(sample, method)
    if method == "first_differences":
        if errors != "unadjusted":
            raise EstimateError(
                "first differences are offered with unadjusted errors only.",
                mend="pass errors='unadjusted'",
            )
        model = PanelOLS(long["y"], long[["started"]], weights=long["weight"], time_effects=True)
        return model.fit(cov_type="unadjusted", debiased=True)
    model = PanelOLS(
        long["y"], long[["started"]], weights=long["weight"], entity_effects=True, time_effects=True
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
