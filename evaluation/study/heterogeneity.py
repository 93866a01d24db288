"""What one number hides: how sites and fifths differ, and which effects are likely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation.design.power import moved_back
from evaluation.errors import EstimateError
from evaluation.estimate.between_sites import between_sites, default_scale, site_effects
from evaluation.estimate.inference import apply_map
from evaluation.estimate.interim import statistic
from evaluation.estimate.units import stretch
from evaluation.study.run import estimate_by
from evaluation.study.stored_assignments import by_plan
from evaluation.value import Parameters, Value, worth
from evaluation.value.lives import in_one_total
from evaluation.value.report import FEWEST_PILOTS, FIFTHS, Incomes, by_fifth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Assignments
    from evaluation.estimate.estimate import Estimate
    from evaluation.panel import Panel
    from evaluation.protocol import Protocol
    from evaluation.study.lock import Lock
    from evaluation.study.run import StudyRun
    from evaluation.study.study import Study

    Floats = NDArray[np.float64]


# Twenty, so that each value stands for one chance in twenty.
EQUALLY_LIKELY = 20
SYNTHETIC_UNITS = ("augmented_synthetic_control", "synthetic_control", "synthetic_did")
"""Estimators that make a synthetic control, those with few donors first."""


ScaleFrom = Literal["the lock", "the protocol", "the figures themselves"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How far sites may differ, before the figures: the scale of the prior, and who fixed it."""

    value: float | None
    fixed_by: ScaleFrom

    @classmethod
    def of(cls, outcome: str, protocol: Protocol, lock: Lock | None) -> Scale:
        """What was fixed for an outcome; where nothing was, the figures stand in for it."""
        locked = lock.content.get("between_sites", {}).get(outcome) if lock else None
        if locked is not None:
            return cls(value=float(locked), fixed_by="the lock")
        stated = (protocol.between_sites or {}).get(outcome)
        if stated is not None:
            return cls(value=stated, fixed_by="the protocol")
        return cls(value=None, fixed_by="the figures themselves")


def new_site_of(
    estimate: Estimate, scale: Scale, window: tuple[int, int] | None = None
) -> dict[str, Any] | None:
    """What the sites say together, as `evaluation.study.record.NewSite` holds it.

    None below three sites with an effect and an error that tell how sites go together.
    """
    if len(estimate.index) == 1:
        return None
    try:
        found = between_sites(estimate, scale=scale.value, window=window)
    except EstimateError:
        # What is lacking is said where the page would show it: fewer than three sites, or errors
        # without a covariance.
        return None
    mean, new, tau = (one.iloc[0] for one in (found.mean, found.next_site, found.tau))
    return {
        "sites": len(found.sites),
        "mean": mean["effect"],
        "se": mean["se"],
        "mean_low": mean["low"],
        "mean_high": mean["high"],
        "tau": tau["median"],
        "tau_low": tau["low"],
        "tau_high": tau["high"],
        "low": new["low"],
        "high": new["high"],
        "p_alike": found.p_alike,
        "scale": found.scale,
        "scale_fixed_by": scale.fixed_by,
        "by_scale": found.by_scale.to_dict("records"),
        "reml": found.reml.rename_axis("of").reset_index().to_dict("records"),
        "by_site": found.sites.reset_index().to_dict("records"),
        "sentence": found.sentence,
    }


def scales_before_start(study: Study) -> dict[str, float]:
    """Primary outcome -> scale of how far sites may differ, from errors before the first start.

    The starts are moved back until the window ends before the first of them, where there is no
    effect; twice the error of a middling site there is the scale. What the protocol states stays.
    An outcome is left out where its figures do not reach back far enough, or of fewer than three
    sites.
    """
    protocol, found = study.protocol, {}
    stated = protocol.between_sites or {}
    for code in protocol.primary:
        if code in stated:
            found[code] = stated[code]
            continue
        try:
            past = moved_back(study.panel.eligible(), protocol.window[1] + 1)
            drawn = by_plan(past, protocol.assignments)
            estimate = estimate_by(protocol.estimators[0], past, code, protocol, drawn)
            _, _, covariance = site_effects(estimate, window=protocol.window)
        except EstimateError:
            continue
        # Three digits: a prior's scale is no measurement.
        found[code] = float(f"{default_scale(covariance):.3g}")
    return found


def equally_likely(estimate: Estimate, window: tuple[int, int]) -> list[float]:
    """Twenty values of the overall effect, each as likely as any other, from the net draws.

    The values at probabilities 1/40, 3/40 ... of the effect less its net placebo effect, stretched
    as the draws of money are where the inverted test is wider. Empty without draws.
    """
    if estimate.draws is None:
        return []
    row = estimate.overall(window=window).iloc[0]
    # Row 0 is the real assignment. Net draws, since the raw ones still hold the effect itself.
    net = statistic(estimate, window).net[1:]
    net = net[np.isfinite(net)]
    if not len(net):
        return []
    # Centred: pseudo-treated areas that differ from the average must not shift the values.
    apart = net - net.mean()
    wider = stretch(apart, row, estimate.level)
    # Where the inverted test has no end there is no width to stretch to; the range beside it says
    # so.
    apart = apart * (wider if math.isfinite(wider) else 1.0)
    # The middles of twenty equal shares, 1/40, 3/40 and so on.
    at = (np.arange(EQUALLY_LIKELY) + 0.5) / EQUALLY_LIKELY
    # Minus: an effect that was found too high by the draw lies lower by as much.
    found: list[float] = np.quantile(float(row["effect"]) - apart, at).tolist()
    return found


def synthetic_unit_of(
    estimates: Sequence[Estimate], names: Mapping[str, str]
) -> dict[str, Any] | None:
    """The first estimate's synthetic control, with its estimator; None where none makes one."""
    made = {one.estimator: one for one in estimates if len(one.paths) and len(one.weights)}
    chosen = next((made[name] for name in SYNTHETIC_UNITS if name in made), None)
    return (
        None if chosen is None else {"estimator": chosen.estimator, **synthetic_unit(chosen, names)}
    )


def synthetic_unit(estimate: Estimate, names: Mapping[str, str]) -> dict[str, Any]:
    """All pilot areas and their synthetic controls by quarter, and the areas that make these up.

    Returns
    -------
    ``rows`` on the estimate's scale, means over pilot areas: ``period``, ``observed``, the
    synthetic control (by the key of `evaluation.study.record.SyntheticRow`), ``low`` and ``high``,
    which hold the middle 95 % of what re-drawn start dates make of the gap, around the synthetic
    control.
    ``donors``: ``name, weight``, the mean weight over pilot areas, heaviest first.
    """
    paths = estimate.paths
    values = paths[["observed", "counterfactual"]].to_numpy(dtype=float)
    # A NaN times a share of zero would still be NaN: cells that are unknown get a zero and no
    # share.
    known, values = np.isfinite(values).all(axis=1), np.nan_to_num(values)
    quarter = paths["quarter"].astype(str).to_numpy()
    weight = estimate.index["n_areas"].to_numpy(dtype=float)
    raw = None if estimate.draws is None else estimate.draws.raw[1:]
    rows = []
    for label in dict.fromkeys(quarter):
        now = (quarter == label) & known
        if not now.any():
            continue
        # Cells weigh by their areas, so that the path is a mean over areas and not over sites.
        share = np.where(now, weight, 0.0) / weight[now].sum()
        observed, other = (float(v) for v in share @ values)
        low = high = None
        if raw is not None:
            drawn = apply_map(raw, share[None, :])[:, 0]
            drawn = drawn[np.isfinite(drawn)]
            if len(drawn):
                low, high = (other + float(end) for end in np.quantile(drawn, (0.025, 0.975)))
        rows.append(
            # The third key is older than the field's word for it, and the file keeps it.
            {"period": label, "observed": observed, "twin": other, "low": low, "high": high}
        )
    # Over all pilot areas, so that a donor which serves one of six weighs a sixth.
    held = estimate.weights.groupby("donor")["weight"].sum() / estimate.weights["area"].nunique()
    # Ties keep their order, or equal weights would change places from run to run.
    heaviest = held.sort_values(ascending=False, kind="stable")
    donors = [
        {"name": names.get(str(code), str(code)), "weight": float(value)}
        for code, value in heaviest.items()
        # Below this a weight is the solver's rounding; it may be negative under ridge augmentation.
        if abs(value) > 1e-6
    ]
    return {
        "rows": rows,
        "donors": donors,
        "scale": estimate.scale,
        **{
            key: float(value)
            for key, value in estimate.diagnostics.items()
            if key in ("pre_period_rmspe", "effective_donors")
        },
    }


def fifths(run: StudyRun) -> list[dict[str, Any]]:
    """One row a fifth, as `by_fifth` gives them; none where the programme declares no fifths.

    Raises
    ------
    ValueChainError : an area of the study has no fifth.
    """
    declared = run.programme.deprivation
    if run.value is None or not run.value.lines or not declared:
        return []
    return by_fifth(
        run.panel,
        {one.area: one.fifth for one in declared},
        lambda panel: _valued(run, panel),
        _incomes(run),
        fewest=FEWEST_PILOTS,
    )


def effects_by_fifth(run: StudyRun) -> list[dict[str, Any]]:
    """The main outcomes' effects within each fifth; none where the programme declares no fifths.

    Returns
    -------
    Rows with ``fifth, pilot_areas, comparison_areas, reason`` (why there is no estimate, or empty)
    and ``effects``: ``outcome, scale, effect, low, high, p_value`` over the protocol's window.
    """
    fifth_of = {one.area: one.fifth for one in run.programme.deprivation}
    if not fifth_of:
        return []
    # Fifth 0 exists nowhere: an area without a fifth is in none.
    held = np.array([fifth_of.get(str(code), 0) for code in run.panel.areas.index])
    return [_within(run, fifth, held == fifth) for fifth in FIFTHS]


def _within(run: StudyRun, fifth: int, inside: NDArray[np.bool_]) -> dict[str, Any]:
    pilots = int((inside & run.panel.treated).sum())
    row: dict[str, Any] = {
        "fifth": fifth,
        "pilot_areas": pilots,
        "comparison_areas": int(inside.sum()) - pilots,
        "reason": "",
        "effects": [],
    }
    if not pilots or pilots == inside.sum():
        lacking = "pilot" if not pilots else "comparison"
        return row | {"reason": f"no {lacking} area lies in this fifth"}
    try:
        panel = run.panel.select(inside)
        # Drawn again inside the fifth: the whole's assignments would put pilots into areas that are
        # not there.
        assignments = run.assignments.redrawn(panel)
        found = [_effect(run, code, panel, assignments) for code in run.protocol.primary]
    except EstimateError as refused:
        return row | {"reason": refused.what}
    return row | {"effects": found}


def _effect(run: StudyRun, code: str, panel: Panel, assignments: Assignments) -> dict[str, Any]:
    protocol = run.protocol
    estimate = estimate_by(protocol.estimators[0], panel, code, protocol, assignments)
    overall = estimate.overall(window=protocol.window).iloc[0]
    figures = {key: float(overall[key]) for key in ("effect", "low", "high", "p_value")}
    return {"outcome": code, "scale": estimate.scale, **figures}


def _incomes(run: StudyRun) -> Incomes:
    """Mean income of each fifth, and of all areas as the reference."""
    held: dict[int, list[float]] = {}
    for one in run.programme.deprivation:
        held.setdefault(one.fifth, []).append(one.income)
    every = [income for incomes in held.values() for income in incomes]
    return Incomes(
        of_fifth={fifth: sum(incomes) / len(incomes) for fifth, incomes in held.items()},
        # The mean income of all areas, so that weights average near one over the whole and not over
        # pilots.
        reference=sum(every) / len(every),
        source="declared by the programme",
    )


def _valued(run: StudyRun, panel: Panel) -> Value:
    protocol, programme = run.protocol, run.programme
    assignments = run.assignments.redrawn(panel)
    params = Parameters.load().of(programme)
    codes = [
        code
        for code in (*protocol.primary, *protocol.secondary)
        if in_one_total(programme.outcome_by_code[code], params)
    ]
    # As in the total: what a check objects to enters neither there nor here.
    counted = [code for code in codes if not run.findings[code].objections]
    estimates = [
        estimate_by(protocol.estimators[0], panel, code, protocol, assignments) for code in codes
    ]
    return worth(
        estimates,
        programme,
        price_base=protocol.price_base,
        seed=protocol.assignments.seed,
        counted=counted,
    )
