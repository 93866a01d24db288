"""Comparison areas for planned pilots: near in level, path and population, and how near.

Matching is done on periods before the first start and before any protocol is frozen. A shock
before the start is kept and matched on: areas that took it alike are alike. What is matched is
shown before and after (Stuart 2010, Statistical Science 25).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel

    Floats = NDArray[np.float64]

PATH_TERMS = 4


@dataclass(frozen=True, kw_only=True)
class MatchPlan:
    """How comparison areas are chosen.

    nearest : comparison areas for each pilot. caliper : the largest distance allowed, in standard
    deviations an item. buffer_km : areas nearer to a pilot than this are left out, where the panel
    has coordinates. same_authority : whether areas of a pilot's own authority may serve.
    """

    nearest: int = 10
    caliper: float = 1.0
    buffer_km: float = 0.0
    same_authority: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Matched:
    """Matched comparison areas.

    pairs : one row a pilot and comparison: ``pilot, comparison, distance``. unmatched : pilots
    without any inside the caliper. balance : one row an item: standardised differences of pilots
    from all eligible areas, and from the matched ones weighed by how often they serve. left_out :
    areas that were not eligible, with the reason.
    """

    pairs: pd.DataFrame
    unmatched: tuple[str, ...]
    balance: pd.DataFrame
    left_out: pd.DataFrame


def match(panel: Panel, outcome: str, plan: MatchPlan | None = None) -> Matched:
    """Nearest comparison areas of every planned pilot.

    Distance is the root mean squared difference, in standard deviations over all areas, of level,
    path (means of four stretches of the time before, around the area's own mean) and log
    population.

    Raises
    ------
    EstimateError : no pilot is planned, or no comparison area is eligible.
    """
    how = plan or MatchPlan()
    pilot = panel.areas["start"].notna().to_numpy()
    if not pilot.any():
        raise EstimateError("no area of the panel has a start.", mend="plan the sites first")
    items = characteristics(panel, outcome)
    reasons = _left_out(panel, pilot, how, items)
    eligible = ~pilot & (reasons == "")
    if not eligible.any():
        raise EstimateError("no comparison area is eligible.", mend="a smaller buffer")
    scaled = items / items[eligible | pilot].std(ddof=1).replace(0.0, np.nan)
    used = scaled.dropna(axis=1, how="all").to_numpy()
    candidates, rows, unmatched = np.flatnonzero(eligible), [], []
    for p in np.flatnonzero(pilot).tolist():
        distance = np.sqrt(((used[candidates] - used[p]) ** 2).mean(axis=1))
        order = np.argsort(distance, kind="stable")[: how.nearest]
        inside = order[distance[order] <= how.caliper]
        if not len(inside):
            unmatched.append(str(panel.areas.index[p]))
        rows += [
            (panel.areas.index[p], panel.areas.index[int(candidates[k])], float(distance[k]))
            for k in inside
        ]
    pairs = pd.DataFrame(rows, columns=["pilot", "comparison", "distance"])
    return Matched(
        pairs=pairs, unmatched=tuple(unmatched), balance=_balance(items, pilot, eligible, pairs),
        left_out=pd.DataFrame({
            "area": panel.areas.index[reasons != ""], "reason": reasons[reasons != ""],
        }),
    )  # fmt: skip


def characteristics(panel: Panel, outcome: str) -> pd.DataFrame:
    """One row an area: level, path and log population before the first start."""
    begun = panel.start_index[panel.started]
    end = int(begun.min()) if len(begun) else len(panel.periods)
    before = panel.array(outcome)[:, :end]
    level = np.nanmean(before, axis=1)
    columns = {"level": level}
    stretches = np.array_split(np.arange(end), min(PATH_TERMS, end))
    for k, stretch in enumerate(stretches[1:], start=2):
        columns[f"path, stretch {k} of {len(stretches)}"] = (
            np.nanmean(before[:, stretch], axis=1) - level
        )
    population = panel.areas["population"].to_numpy(dtype=float)
    if np.isfinite(population).all():
        columns["log population"] = np.log(population)
    return pd.DataFrame(columns, index=panel.areas.index)


def _left_out(
    panel: Panel, pilot: NDArray[np.bool_], how: MatchPlan, items: pd.DataFrame
) -> NDArray[np.object_]:
    """Why each area cannot serve; empty where it can."""
    reasons = np.full(len(pilot), "", dtype=object)
    reasons[items.isna().any(axis=1).to_numpy()] = "no figure before the start"
    authority = panel.areas["authority"].to_numpy(dtype=object)
    if not how.same_authority:
        shared = np.isin(authority.astype(str), [str(a) for a in authority[pilot] if a is not None])
        reasons[shared & ~pilot] = "in the authority of a pilot"
    if how.buffer_km and {"x", "y"} <= set(panel.areas):
        place = panel.areas[["x", "y"]].to_numpy(dtype=float)
        apart = np.linalg.norm(place[:, None, :] - place[None, pilot, :], axis=2)
        reasons[(apart.min(axis=1) < how.buffer_km) & ~pilot] = f"within {how.buffer_km:g} km"
    role = panel.areas["role"].to_numpy(dtype=object)
    reasons[(role == "excluded") & ~pilot] = "excluded by the programme"
    reasons[pilot] = ""
    return reasons


def _balance(
    items: pd.DataFrame,
    pilot: NDArray[np.bool_],
    eligible: NDArray[np.bool_],
    pairs: pd.DataFrame,
) -> pd.DataFrame:
    served = pairs["comparison"].value_counts().reindex(items.index).fillna(0.0)
    weight = served.to_numpy(dtype=float)
    spread = np.sqrt((items[pilot].var(ddof=1).fillna(0.0) + items[eligible].var(ddof=1)) / 2)
    mean = items[pilot].mean()
    after = (
        items.mul(weight, axis=0).sum() / weight.sum() if weight.sum() else items.mean() * np.nan
    )
    return pd.DataFrame({
        "pilots": mean, "all_eligible": items[eligible].mean(), "matched": after,
        "difference_before": (mean - items[eligible].mean()) / spread,
        "difference_after": (mean - after) / spread,
    }).rename_axis("item")  # fmt: skip
