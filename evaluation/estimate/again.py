"""An estimate made again on other areas, donors or starts, to see what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import arguments, sensitivity
from evaluation.estimate.did import did
from evaluation.estimate.imputation import imputation
from evaluation.estimate.pooled import pooled_synthetic_control
from evaluation.estimate.synthetic import (
    SyntheticSettings,
    augmented_synthetic_control,
    synthetic_control,
    synthetic_did,
)
from evaluation.estimate.two_way import bacon_decomposition, two_way_fixed_effects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from evaluation.estimate.estimate import Estimate
    from evaluation.panel import Panel

ESTIMATORS: dict[str, Callable[..., Estimate]] = {
    "did": did,
    "imputation": imputation,
    "fixed_effects": two_way_fixed_effects,
    "first_differences": two_way_fixed_effects,
    "synthetic_control": synthetic_control,
    "augmented_synthetic_control": augmented_synthetic_control,
    "pooled_synthetic_control": pooled_synthetic_control,
    "synthetic_did": synthetic_did,
}
ARGUMENTS = ("settings", "inference", "assignments", "level", "seed")
"""What else an estimator may be given when it is called again."""
WEIGHTED = ("synthetic_control", "augmented_synthetic_control", "synthetic_did")
What = Literal["donors", "areas"]


def panel_of(estimate: Estimate) -> Panel:
    """The panel that an estimate was made from.

    Raises
    ------
    EstimateError : it is no longer there, as in an estimate that was read from a file.
    """
    if estimate.panel is None:
        raise EstimateError(
            "this estimate does not hold its panel, so that it cannot be made again.",
            mend="estimate it in this session",
        )
    return estimate.panel


def refit(estimate: Estimate, panel: Panel, **how: Any) -> Estimate:
    """The same estimator with the same settings on another panel; assignments are drawn anew.

    Raises
    ------
    EstimateError : an estimate that is not made by one call, or that the panel cannot bear.
    """
    if estimate.estimator not in ESTIMATORS:
        raise EstimateError(
            f"a {estimate.estimator} estimate cannot be made again by itself.",
            expected=", ".join(ESTIMATORS),
        )
    known: dict[str, Any] = {"inference": estimate.inference, "level": estimate.level}
    if unknown := sorted(set(how) - set(ARGUMENTS)):
        raise EstimateError(
            f"an estimator takes no argument {unknown[0]!r}.", expected=", ".join(ARGUMENTS)
        )
    made = ESTIMATORS[estimate.estimator]
    return made(panel, estimate.outcome, **({"settings": estimate.settings} | known | how))


def in_time_placebo(estimate: Estimate, periods: int | None, how: dict[str, Any]) -> Estimate:
    """The estimate with every start moved before the first real one; see the method."""
    panel = panel_of(estimate)
    first = int(panel.start_index[panel.treated].min())
    if periods is None:
        periods = max(first // 3, 1)
    arguments.a_count("periods", periods)
    return refit(estimate, sensitivity.in_time_placebo(panel, periods), **how)


def leave_one_out(estimate: Estimate, what: What) -> pd.DataFrame:
    """Effects without one donor, or one treated area, at a time; see the method."""
    if what not in get_args(What):
        raise EstimateError(f"what cannot be {what!r}.", expected="'donors' or 'areas'")
    panel = panel_of(estimate)
    if what == "donors":
        _require_weights(estimate)
        return sensitivity.leave_one_donor_out(panel, estimate.outcome, estimate.settings)
    treated = np.flatnonzero(panel.treated)
    if len(treated) < 2:
        raise EstimateError(
            "only one area is treated, so none can be left out.", mend="leave out donors"
        )
    effect, rows = float(estimate.overall()["effect"].item()), []
    for unit in treated.tolist():
        keep = np.ones(len(panel.areas), dtype=bool)
        keep[unit] = False
        found = float(refit(estimate, panel.select(keep)).overall()["effect"].item())
        rows.append({"area": panel.areas.index[unit], "effect": found, "change": found - effect})
    return pd.DataFrame(rows, columns=["area", "effect", "change"])


def _require_weights(estimate: Estimate) -> None:
    if estimate.estimator not in WEIGHTED:
        raise EstimateError(
            f"a {estimate.estimator} estimate has no donors with weights of their own.",
            expected=" or ".join(WEIGHTED),
        )


def with_donors(
    estimate: Estimate, only: Collection[Any] | None, without: Collection[Any], how: dict[str, Any]
) -> Estimate:
    """The estimate from other comparison areas; see the method."""
    panel = panel_of(estimate)
    compared = panel.areas.index[~panel.treated]
    like = f"[{compared[0]!r}]" if len(compared) else "[]"
    kept = None if only is None else arguments.several("only", only, like)
    left = arguments.several("without", without, like)
    if unknown := [one for one in (*(kept or ()), *left) if one not in set(compared)]:
        raise EstimateError(
            f"{unknown[0]!r} is no comparison area of the panel.",
            expected=", ".join(map(str, compared[:5])) + (" ..." if len(compared) > 5 else ""),
        )
    names = panel.areas.index
    keep = panel.treated | ((names.isin(kept) if kept is not None else True) & ~names.isin(left))
    return refit(estimate, panel.select(np.asarray(keep)), **how)


def bacon_weights(estimate: Estimate) -> pd.DataFrame:
    """The comparisons that a two-way coefficient of the same panel would average."""
    panel = panel_of(estimate)
    return bacon_decomposition(panel, estimate.outcome, scale=estimate.scale)


def identification_range(estimate: Estimate) -> pd.DataFrame:
    """How far other weights that fit as well would move each area's effect."""
    if not isinstance(estimate.settings, SyntheticSettings):
        raise EstimateError(
            f"a {estimate.estimator} estimate leaves no other weights open.",
            expected="synthetic_control",
        )
    return sensitivity.identification_range(panel_of(estimate), estimate.outcome, estimate.settings)


def fit_table(estimate: Estimate) -> pd.DataFrame:
    """How close each treated area is met before the start."""
    _require_weights(estimate)
    return sensitivity.fit_table(panel_of(estimate), estimate.outcome, estimate.settings)
