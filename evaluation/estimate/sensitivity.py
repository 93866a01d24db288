"""Sensitivity of an estimate: in-time placebo, donors left out, other weights, hidden counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import pre_period_fit, samples, synthetic_weights
from evaluation.estimate.inference import placebo_p
from evaluation.estimate.solvers import simplex
from evaluation.estimate.synthetic import Settings, SyntheticSettings, method_of
from evaluation.estimate.synthetic_placebos import WEIGHTY, complete
from evaluation.progress import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.samples import Sample
    from evaluation.estimate.synthetic_placebos import SyntheticUnits
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]


def in_time_placebo(panel: Panel, periods: int) -> Panel:
    """The panel up to the first real start, with every treated area starting ``periods`` before it.

    Any estimator then gives effects that should be nothing (Abadie, Diamond and Hainmueller 2015,
    American Journal of Political Science 59, "in-time placebo"): what it finds is what it errs by
    over that many periods, or something that began before the programme did.

    Raises
    ------
    EstimateError : nothing has started, or no period would be left before the earlier start.
    """
    treated = panel.treated
    if not treated.any():
        raise EstimateError("no area has started within the panel, so no start can be moved.")
    first = int(panel.start_index[treated].min())
    if not 0 < periods < first:
        raise EstimateError(
            f"a start moved back by {periods} periods leaves none before it.",
            expected=f"between 1 and {first - 1} periods",
        )
    earlier = panel.until(panel.periods[first - 1])
    areas = earlier.areas.copy()
    label = panel.periods[first - periods].label
    areas["start"] = [label if s else None for s in treated]
    return replace(earlier, areas=areas)


@dataclass(frozen=True, kw_only=True)
class ShiftTest:
    """What shifting the residuals in time gives: a sensitivity, never a finding's own p-value.

    statistic : mean absolute residual after the start. p_value, smallest_p : over ``shifts``.
    """

    outcome: str
    statistic: float
    p_value: float
    smallest_p: float
    shifts: int
    role: str = "sensitivity"


def conformal_test(
    panel: Panel, outcome: str, *, settings: SyntheticSettings, alpha: float = 0.05
) -> ShiftTest:
    """Test the null of no effect in any period for areas that start together.

    Raises
    ------
    InferenceRefused : the panel has too few periods for p to reach ``alpha``.
    EstimateError : areas start in different periods, a cell of theirs is missing, or a variant
        other than ``simplex`` or ``demeaned``.
    """
    if settings.variant not in ("simplex", "demeaned"):
        raise EstimateError("the shift test is offered for the simplex and demeaned variants.")
    kept, _ = complete(panel, [outcome])
    sample = samples.take(kept, outcome, settings.scale)
    starts = np.unique(sample.treated.starts)
    if len(starts) > 1:
        raise EstimateError(
            "areas start in different periods, and a shift in time is the same for all.",
            mend="test one start at a time",
        )
    figures, units = sample.figures[:, sample.seen], sample.treated.units
    starts = samples.among_seen(sample.seen, starts)
    if np.isnan(figures[units]).any():
        raise EstimateError("a treated area lacks a figure, so its residuals cannot be shifted.")
    periods = figures.shape[1]
    if 1 / periods > alpha:
        raise InferenceRefused(
            f"with {periods} periods the shift test cannot go below p = {1 / periods:.3f}.",
            expected=f"at least {int(np.ceil(1 / alpha))} periods",
            mend="use re-assignment, which rests on areas rather than on periods",
        )
    if settings.variant == "demeaned":
        figures = figures - figures.mean(axis=1, keepdims=True)
    donors = figures[np.flatnonzero(sample.panel.start_index == -1)]
    none = np.full((len(units), 1), -1)
    fitted = simplex.fit(donors.T, figures[units], none)
    residual = (figures[units] - fitted.predict(donors)).mean(axis=0)
    after = np.arange(int(starts[0]), periods)
    shifted = np.abs(residual[(after[None, :] + np.arange(periods)[:, None]) % periods])
    size = shifted.mean(axis=1)
    return ShiftTest(
        outcome=outcome,
        statistic=float(size[0]),
        shifts=periods,
        smallest_p=1 / periods,
        p_value=placebo_p(size),
    )


def fit_table(panel: Panel, outcome: str, settings: Settings) -> pd.DataFrame:
    """One row a treated area: how close its synthetic control is before the start, and after.

    Returns
    -------
    DataFrame (index: area) with ``site, rmspe_before, rmspe_after, ratio, ratio_p, donors,
    effective_donors, largest_weight, negative_weight, converged``. RMSPE is the root mean squared
    gap; ``ratio`` that after the start over that before it, and ``ratio_p`` the share of the area
    and all comparison areas, each fitted as if it had started then, with a ratio at least as large
    (Abadie, Diamond and Hainmueller 2010, section 3.3). ``effective_donors`` is 1 over the sum of
    squared weights. An area with too few figures to be fitted, or none after the start, has NaN.
    """
    fitted = synthetic_weights.fit_all(panel, outcome, settings.scale, method_of(settings, panel))
    sample, rows = fitted.sample, []
    for unit, s in zip(sample.treated.units, sample.treated.cohort_of, strict=True):
        g = int(sample.treated.starts[s])
        synthetic_unit = fitted.synthetic_units[g]
        before = synthetic_unit.rmspe
        after = np.sqrt(samples.masked_mean(synthetic_unit.gaps[:, g:].T ** 2))
        ratio = after / np.maximum(before, 1e-300)
        placebo = np.append(ratio[unit], ratio[synthetic_unit.donors])
        weights = synthetic_unit.unit_weights[unit]
        rows.append(
            {
                "area": sample.panel.areas.index[unit],
                "site": sample.treated.names[s],
                "rmspe_before": before[unit],
                "rmspe_after": after[unit],
                "ratio": ratio[unit],
                "ratio_p": placebo_p(placebo),
                "donors": int((np.abs(weights) > WEIGHTY).sum()),
                "effective_donors": float(1 / (weights**2).sum()),
                "largest_weight": float(weights.max()),
                "negative_weight": float(-weights[weights < 0].sum()),
                "converged": bool(synthetic_unit.converged[unit]),
            }
        )
    return pd.DataFrame(rows).set_index("area")


def leave_one_donor_out(panel: Panel, outcome: str, settings: Settings) -> pd.DataFrame:
    """The mean effect of each treated area without one of its donors at a time.

    Only donors with weight can change an optimum of the simplex kind, so only those are left out,
    each with a fit of its own.

    Returns
    -------
    DataFrame with ``area, donor, weight, effect, change``: the effect without the donor, and how
    far that is from the effect with all donors.
    """
    method = method_of(settings, panel)
    fitted = synthetic_weights.fit_all(panel, outcome, settings.scale, method)
    sample, rows = fitted.sample, []
    pairs = list(zip(sample.treated.units, sample.treated.cohort_of, strict=True))
    for unit, s in watched("synthetic controls without a donor, areas", pairs):
        g = int(sample.treated.starts[s])
        synthetic_unit = fitted.synthetic_units[g]
        whole = _mean_after(synthetic_unit.gaps[unit], g)
        # An area with too few figures has no synthetic control, or no effect.
        if np.isnan(whole):
            continue
        for column in np.flatnonzero(np.abs(synthetic_unit.unit_weights[unit]) > WEIGHTY):
            effect = _without(sample, synthetic_unit, int(unit), g, int(column), method)
            rows.append(
                {
                    "area": sample.panel.areas.index[unit],
                    "donor": sample.panel.areas.index[synthetic_unit.donors[column]],
                    "weight": synthetic_unit.unit_weights[unit, column],
                    "effect": effect,
                    "change": effect - whole,
                }
            )
    return pd.DataFrame(rows, columns=["area", "donor", "weight", "effect", "change"])


def _without(
    sample: Sample,
    synthetic_unit: SyntheticUnits,
    unit: int,
    g: int,
    column: int,
    method: synthetic_weights.Method,
) -> float:
    ground = synthetic_weights.Ground.on(
        sample.figures,
        np.array([unit]),
        np.delete(synthetic_unit.donors, column),
        np.flatnonzero(synthetic_unit.pre_period_mask[unit]),
        g,
        str(sample.panel.periods[g]),
    )
    return _mean_after(ground.gaps(method(ground))[0], g)


def _mean_after(gap: NDArray[np.float64], g: int) -> float:
    return float(samples.masked_mean(gap[g:, None])[0])


# Of the donors' spread: an area met that closely has many exact fits, and so a range of effects.
EXACT = 1e-6


def identification_range(panel: Panel, outcome: str, settings: SyntheticSettings) -> pd.DataFrame:
    """One row a treated area: the mean effects that weights allow which fit it as well.

    Returns
    -------
    DataFrame (index: area) with ``effect, low, high, exact``. ``exact`` says whether the area is
    met to a millionth of the donors' spread; where it is not, weights that fit best are, but for
    donors that are alike, unique, and low and high equal the effect.

    Raises
    ------
    EstimateError : a variant other than ``simplex`` or ``demeaned``.
    """
    if settings.variant not in ("simplex", "demeaned"):
        raise EstimateError("a penalty leaves one answer: there is no range to give.")
    if settings.predictors:
        raise EstimateError(
            "with predictors the weights are open as far as V is: there is another range to give.",
            mend="see est.diagnostics['v_effect_low'] and ['v_effect_high']",
        )
    fitted = synthetic_weights.fit_all(panel, outcome, settings.scale, method_of(settings, panel))
    samples.left_out(fitted.sample, {g: u.gaps for g, u in fitted.synthetic_units.items()})
    kind = pre_period_fit.Kind(remedy="shifted" if settings.variant == "demeaned" else "level")
    effects = {
        str(fitted.sample.panel.areas.index[unit]): float(
            samples.masked_mean(fitted.synthetic_units[g].gaps[[unit], g:].T)[0]
        )
        for unit, g in zip(
            fitted.sample.treated.units.tolist(),
            fitted.sample.treated.starts[fitted.sample.treated.cohort_of].tolist(),
            strict=True,
        )
    }
    rows = []
    for fit in pre_period_fit.fits(fitted.sample, fitted.synthetic_units, kind):
        low = high = effects[fit.area]
        if fit.ways is not None:
            least, most = fit.ways.limits()
            low, high = low + fit.ways.foretold - most, high + fit.ways.foretold - least
        rows.append(
            {
                "area": fit.area,
                "effect": effects[fit.area],
                "low": low,
                "high": high,
                "exact": fit.misfit <= EXACT * fit.spread,
            }
        )
    return pd.DataFrame(rows).set_index("area")


HIDDEN = "[c]"


def hidden_cells(panel: Panel, outcome: str) -> NDArray[np.bool_]:
    """(N, T) cells whose count is suppressed and whose denominator is known."""
    none = np.zeros(panel.array(outcome).shape, dtype=bool)
    if outcome not in panel.statuses or outcome not in panel.denominators:
        return none
    known = np.isfinite(panel.denominators[outcome]) & (panel.denominators[outcome] > 0)
    hidden: NDArray[np.bool_] = (panel.statuses[outcome] == HIDDEN) & known
    return hidden & ~np.isfinite(panel.array(outcome))


def at_ends(
    panel: Panel,
    outcome: str,
    threshold: int,
    effect: Callable[[Panel], float],
    strata: NDArray[np.int64] | None = None,
) -> tuple[Panel, Panel]:
    """The panel with suppressed counts where they make the effect smallest, and largest.

    Parameters
    ----------
    threshold : counts below it are suppressed; zeros are published, so that none is below one.
    effect : the effect that a panel gives. Where areas start at different times, it says of the
        suppressed cells of each period, start and stratum whether they raise or lower it.
    strata : (N) within which areas are compared; None: all with all.
    """
    hidden = hidden_cells(panel, outcome)
    per, figures = panel.per.get(outcome, 1.0), panel.array(outcome)
    with np.errstate(invalid="ignore", divide="ignore"):
        least = per / panel.denominators[outcome]
        most = per * max(threshold - 1, 1) / panel.denominators[outcome]

    def filled(high: NDArray[np.bool_]) -> Panel:
        held = np.where(hidden, np.where(high, most, least), figures)
        return replace(panel, figures={**panel.figures, outcome: held})

    raises, starts = _raises(panel), panel.start_index[panel.treated]
    # Before the first start and after the last, a cell lies on one side of all of them.
    between = np.arange(starts.min(), starts.max()) if len(starts) else np.empty(0, dtype=np.int64)
    if hidden[:, between].any():
        within = np.zeros(len(hidden), dtype=np.int64) if strata is None else strata
        alike = np.unique(np.stack([panel.start_index, within]), axis=1, return_inverse=True)[1]
        tried = _raises_as_tried(alike, hidden, between, lambda high: effect(filled(high)))
        raises[:, between] = tried[:, between]
    return filled(~raises), filled(raises)


def _raises_as_tried(
    alike: NDArray[np.int64],
    hidden: NDArray[np.bool_],
    periods: NDArray[np.int64],
    effect: Callable[[NDArray[np.bool_]], float],
) -> NDArray[np.bool_]:
    """(N, T) whether larger figures raise the effect, tried on cells of areas that count ``alike``.

    A comparison area's cell between two starts lies after the one and before the other.
    """
    none = np.zeros(hidden.shape, dtype=bool)
    base, raises = effect(none), none.copy()
    for group in np.unique(alike):
        for period in periods[hidden[alike == group][:, periods].any(axis=0)]:
            cells = none.copy()
            cells[alike == group, period] = True
            raises |= cells & (effect(cells) > base)
    return raises


def _raises(panel: Panel) -> NDArray[np.bool_]:
    """(N, T) whether a larger figure raises the effect: treated areas after, others before."""
    start = panel.start_index
    treated = start >= 0
    first = int(start[treated].min()) if treated.any() else len(panel.periods)
    own = np.where(treated, start, first)
    after = np.arange(len(panel.periods)) >= own[:, None]
    raises: NDArray[np.bool_] = after == treated[:, None]
    return raises


def without_touched(
    panel: Panel,
    outcome: str,
    happened: Mapping[str, Collection[str]],
    fit: Callable[[Panel, str], Estimate],
    *,
    window: tuple[int, int] | None = None,
) -> pd.DataFrame:
    """The effect beside the effect without the areas to which something else happened.

    Parameters
    ----------
    happened : what happened -> codes of the areas that it touched, as `ledger.events.touched`
        gives it. fit : makes the estimate of a panel; assignments are drawn anew for each, since
        areas that are gone can no longer be re-assigned. window : the periods since the start over
        which the effect is a mean; None for all.

    Returns
    -------
    DataFrame with ``without, areas_left, effect, se, low, high, p_value, change``: first all areas,
    then without those of each event, last without those of any. What leaves no treated or too few
    control areas has no effect.
    """
    every = {code for codes in happened.values() for code in codes}
    left_out = {"nothing": set(), **{name: set(codes) for name, codes in happened.items()}}
    if len(happened) > 1:
        left_out["all of these"] = every
    rows: list[dict[str, object]] = []
    for name, codes in left_out.items():
        held = panel.select(~panel.areas.index.isin(list(codes)))
        row: dict[str, object] = {"without": name, "areas_left": len(held.areas)}
        if held.treated.any() and (~held.treated).sum() > 1:
            found = fit(held, outcome).overall(window=window).iloc[0]
            row |= {key: found[key] for key in ("effect", "se", "low", "high", "p_value")}
        rows.append(row)
    columns = ["without", "areas_left", "effect", "se", "low", "high", "p_value"]
    table = pd.DataFrame(rows, columns=columns)
    table["change"] = table["effect"] - table["effect"].iloc[0]
    return table
