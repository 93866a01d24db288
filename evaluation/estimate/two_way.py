"""Two-way fixed effects and first differences by linearmodels: the named, trusted comparators.

This is linearmodels' only door. One coefficient for "has started" is what most published studies
report; with staggered starts and effects that change over time it is a weighted average of
comparisons, some of them with areas that had already started (Goodman-Bacon 2021), which is why
it stands beside the group-time estimate and never in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import frame
from evaluation.estimate.estimate import Estimate

if TYPE_CHECKING:
    from linearmodels.panel.results import PanelResults

    from evaluation.panel import Panel

Errors = Literal["unadjusted", "clustered"]


@dataclass(frozen=True, kw_only=True)
class TwoWaySettings:
    """Settings of `two_way_fixed_effects`.

    method : ``fixed_effects`` (areas and periods), or ``first_differences`` with period effects.
    scale : ``level`` or ``log``.
    errors : ``clustered`` by area, or ``unadjusted`` (homoskedastic), as a published table has it.
    replication : compute the analytic error for a published table where it would be refused.
    """

    method: Literal["fixed_effects", "first_differences"] = "fixed_effects"
    scale: frame.Scale = "level"
    errors: Errors = "clustered"
    replication: bool = False


def two_way_fixed_effects(
    panel: Panel,
    outcome: str,
    *,
    settings: TwoWaySettings | None = None,
    level: float = 0.95,
) -> Estimate:
    """The coefficient of "has started" with area and period effects.

    One entry (``overall()``); there is nothing to split. The interval is normal.

    Raises
    ------
    EstimateError : the panel cannot bear the estimate.
    InferenceRefused : fewer than ten started areas in ten authorities without ``replication``.
    """
    settings = settings or TwoWaySettings()
    sample = frame.take(panel, outcome, settings.scale)
    warnings = sample.warnings + frame.refuse_few(
        sample, settings.method.replace("_", " "), replication=settings.replication
    )
    fitted = _fit(_long(sample), settings)
    effect, error = float(fitted.params["started"]), float(fitted.std_errors["started"])
    index = pd.DataFrame(
        {
            "site": [None], "cohort": [None], "quarter": [None], "event_time": [0],
            "n_areas": [len(sample.slots.places)], "weight": [1.0],
        }
    )  # fmt: skip
    return Estimate(
        outcome=outcome, unit="log points" if settings.scale == "log" else "outcome's unit",
        scale=settings.scale, estimator=settings.method,
        estimand="one coefficient for every started area and period", inference="analytic",
        level=level, index=index, effects=np.array([effect]), analytic_error=np.array([error]),
        sample=sample.describe(), settings=settings, warnings=warnings,
        provenance={"panel": sample.panel.fingerprint, "vintage": panel.vintage},
    )  # fmt: skip


def _long(sample: frame.Sample) -> pd.DataFrame:
    n, n_periods = sample.figures.shape
    start = sample.panel.start_index
    periods = np.arange(n_periods)
    long = pd.DataFrame(
        {
            "area": np.repeat(np.arange(n), n_periods),
            "period": np.tile(periods, n),
            "y": sample.figures.ravel(),
            "started": ((start[:, None] >= 0) & (periods >= start[:, None])).ravel().astype(float),
        }
    )
    return long.dropna().set_index(["area", "period"])


def _fit(long: pd.DataFrame, settings: TwoWaySettings) -> PanelResults:
    from linearmodels.panel import FirstDifferenceOLS, PanelOLS

    if settings.method == "fixed_effects":
        model = PanelOLS(long["y"], long[["started"]], entity_effects=True, time_effects=True)
        if settings.errors == "clustered":
            return model.fit(cov_type="clustered", cluster_entity=True, group_debias=True)
        return model.fit(cov_type="unadjusted")
    dummies = pd.get_dummies(long.index.get_level_values(1), prefix="period", dtype=float)
    dummies.index = long.index
    first = FirstDifferenceOLS(long["y"], pd.concat([long[["started"]], dummies.iloc[:, 1:]], axis=1))
    if settings.errors == "clustered":
        raise EstimateError(
            "first differences are offered with unadjusted errors only.",
            mend="pass errors='unadjusted'",
        )
    return first.fit(cov_type="unadjusted", debiased=True)
