"""Comparison areas for planned pilots: near in level, path and population, and how near.

Matching is done on periods before the first start and before any protocol is frozen. A shock
before the start is kept and matched on: areas that took it alike are alike. What is matched is
shown before and after (Stuart 2010, Statistical Science 25). Beside the nearest areas stand the
unit weights of synthetic difference-in-differences (Arkhangelsky and others 2021, American Economic
Review 111(12)), fitted on the same periods: they match the path alone, since that estimator takes
the level out by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError
from evaluation.estimate import arguments
from evaluation.estimate import synthetic_weights as fits
from evaluation.estimate.synthetic_placebos import WEIGHTY, alike

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.samples import Scale
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

# Four stretches of the time before tell a rise from a dip without matching on noise quarter by
# quarter.
PATH_TERMS = 4


@dataclass(frozen=True, kw_only=True)
class MatchPlan:
    """How comparison areas are chosen.

    nearest : comparison areas for each pilot. caliper : the largest distance allowed, in standard
    deviations an item. buffer_km : areas nearer to a pilot than this are left out. same_authority :
    whether areas of a pilot's own authority may serve. scale : of the figures that synthetic
    weights are fitted on. after : periods that the study will look at after the start; the ridge of
    synthetic weights grows with the fourth root of their number.

    Raises
    ------
    EstimateError : a number that chooses nothing.
    """

    nearest: int = 10
    caliper: float = 1.0
    buffer_km: float = 0.0
    same_authority: bool = False
    scale: Scale = "level"
    after: int = 8

    def __post_init__(self) -> None:
        for name, value, least in (
            ("nearest", self.nearest, 1),
            ("caliper", self.caliper, 0),
            ("buffer_km", self.buffer_km, 0),
            ("after", self.after, 1),
        ):
            # A caliper of nothing matches nobody; a buffer of nothing is none.
            right = arguments.is_number(value) and value >= least
            if not right or (name == "caliper" and value == 0):
                raise EstimateError(
                    f"{name} cannot be {value!r}.",
                    expected="0 or more" if name == "buffer_km" else "above 0",
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class Matched:
    """Matched comparison areas.

    pairs : one row a pilot and comparison: ``pilot, comparison, distance``. unmatched : pilots
    without any inside the caliper. weights : (pilots, donors) synthetic unit weights, labelled by
    the codes of the areas; rows sum to one; a pilot with too few figures has no row. balance : one
    row an item: means of the pilots, of all eligible areas, of the matched ones (weighed by how
    often they serve) and under synthetic weights, and the standardised difference of the pilots
    from each: ``difference_before, difference_after, difference_synthetic``. left_out : areas that
    were not eligible, with the reason.
    """

    pairs: pd.DataFrame
    unmatched: tuple[str, ...]
    weights: pd.DataFrame
    balance: pd.DataFrame
    left_out: pd.DataFrame

    @property
    def mean_weights(self) -> pd.Series:
        """The synthetic weight of each donor, a mean over the pilots, the largest first."""
        mean = self.weights.mean().rename("weight")
        return mean.sort_values(ascending=False, kind="stable")

    @property
    def effective_donors(self) -> float:
        """As many donors of equal weight would bear as much noise: 1 / sum of squared weights."""
        return float(1 / (self.mean_weights**2).sum())

    @property
    def table(self) -> pd.DataFrame:
        """One row a pilot and an area that is near to it or has weight in its synthetic control.

        ``pilot, comparison, distance, weight, mean_weight``; no distance where the area is none of
        the pilot's nearest.
        """
        wide = self.weights.rename_axis(index="pilot").reset_index()
        long = wide.melt(id_vars="pilot", var_name="comparison", value_name="weight")
        weighed = long[long["weight"] > WEIGHTY]
        # An area may be near without weight, or have weight without being among the nearest.
        table = self.pairs.merge(weighed, on=["pilot", "comparison"], how="outer")
        table["weight"] = table["weight"].fillna(0.0)
        table["mean_weight"] = table["comparison"].map(self.mean_weights).fillna(0.0)
        order = ["pilot", "distance", "weight"]
        return table.sort_values(order, ascending=[True, True, False], ignore_index=True)


def match(panel: Panel, outcome: str, plan: MatchPlan | None = None) -> Matched:
    """Nearest comparison areas of every planned pilot, and their synthetic weights.

    Distance is the root mean squared difference, in standard deviations over all areas, of level,
    path (means of four stretches of the time before, around the area's own mean) and log
    population.

    Parameters
    ----------
    panel : its areas with a ``start`` are the pilots, whether or not that has come. Only periods
        before the first start are read; where none has come, these are all.

    Raises
    ------
    EstimateError : no pilot is planned, no comparison area is eligible, an area has no
        coordinates to keep a buffer from, or no synthetic weights can be fitted (see
        `synthetic_weights`).
    """
    how = plan or MatchPlan()
    pilot = panel.areas["start"].notna().to_numpy()
    if not pilot.any():
        raise EstimateError("no area of the panel has a start.", mend="plan the sites first")
    items = characteristics(panel, outcome)
    reasons = _left_out(panel, pilot, how, items)
    eligible = ~pilot & (reasons == "")
    if not eligible.any():
        raise _none_eligible(reasons)
    pairs = _nearest(items, pilot, eligible, how)
    found = set(pairs["pilot"])
    weights = synthetic_weights(panel, outcome, pilot, eligible, how)
    return Matched(
        pairs=pairs,
        weights=weights,
        unmatched=tuple(str(code) for code in panel.areas.index[pilot] if code not in found),
        balance=_balance(
            items,
            pilot,
            eligible,
            {"after": pairs["comparison"].value_counts(), "synthetic": weights.mean()},
        ),
        left_out=pd.DataFrame(
            {"area": panel.areas.index[reasons != ""], "reason": reasons[reasons != ""]}
        ),
    )


def synthetic_weights(
    panel: Panel, outcome: str, pilot: Mask, eligible: Mask, how: MatchPlan
) -> pd.DataFrame:
    """(pilots, donors) unit weights of synthetic difference-in-differences, fitted before starts.

    Donors are the eligible areas with every figure before the first start. Each pilot is fitted on
    the periods in which it has figures itself; one with fewer than `fits.LEAST_PERIODS` has no row.

    Parameters
    ----------
    pilot, eligible : (N) which areas are pilots, and which are eligible controls.

    Raises
    ------
    EstimateError : fewer than two donors or two periods, or a figure that has no logarithm.
    """
    before = _before(panel, outcome)
    if how.scale == "log":
        before = _logs(before, pilot | eligible, outcome)
    held, end = np.isfinite(before), before.shape[1]
    donors = np.flatnonzero(eligible & held.all(axis=1))
    if len(donors) < 2:
        raise EstimateError(
            f"{len(donors)} comparison areas have every figure before the start, too few for "
            "synthetic weights.",
            expected="at least two",
            mend="a smaller buffer, or more comparison areas",
        )
    able = np.flatnonzero(pilot & fits.enough(held))
    # Of the time after, unit weights know only how long it is: flat figures stand in for it.
    figures = np.hstack([before, np.zeros((len(before), how.after))])
    rows = np.empty((len(able), len(donors)))
    # Pilots that lack the same quarters are fitted in one batch.
    for periods, own in alike(held[able]):
        ground = fits.Ground.on(figures, able[own], donors, periods, end, "the first start")
        rows[own] = fits.sdid(ground).unit
    codes = panel.areas.index
    return pd.DataFrame(rows, index=codes[able], columns=codes[donors])


def _before(panel: Panel, outcome: str) -> Floats:
    """(N, T0) the figures before the first start within the panel; all where there is none."""
    begun = panel.start_index[panel.treated]
    # Before the first start of any site, not of each pilot's own: nothing of after any start is
    # looked at.
    end = int(begun.min()) if len(begun) else len(panel.periods)
    return panel.array(outcome)[:, :end]


def _logs(before: Floats, used: Mask, outcome: str) -> Floats:
    if (before[used] <= 0).any():
        raise EstimateError(
            f"{outcome} has figures of 0 or below, which have no logarithm.",
            mend=f"set scale: {{{outcome}: level}} in protocol.yaml",
        )
    # Areas that are not used may hold zeros; what becomes of them is never read.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(before)


def _nearest(items: pd.DataFrame, pilot: Mask, eligible: Mask, how: MatchPlan) -> pd.DataFrame:
    """The nearest eligible areas of each pilot inside the caliper, with their distance."""
    # An item on which no area differs says nothing of distance, and would divide by zero.
    scaled = items / items[eligible | pilot].std(ddof=1).replace(0.0, np.nan)
    used = scaled.dropna(axis=1, how="all").to_numpy()
    candidates, codes, rows = np.flatnonzero(eligible), items.index, []
    for p in np.flatnonzero(pilot).tolist():
        # A mean and not a sum, so that the caliper means the same however many items there are.
        distance = np.sqrt(((used[candidates] - used[p]) ** 2).mean(axis=1))
        order = np.argsort(distance, kind="stable")[: how.nearest]
        # A pilot without a figure has distances of NaN: no comparison with NaN holds, so it is told
        # as unmatched.
        inside = order[distance[order] <= how.caliper]
        rows += [(codes[p], codes[int(candidates[k])], float(distance[k])) for k in inside]
    return pd.DataFrame(rows, columns=["pilot", "comparison", "distance"])


def characteristics(panel: Panel, outcome: str) -> pd.DataFrame:
    """One row an area: level, path and log population before the first start."""
    before = pd.DataFrame(_before(panel, outcome))
    end, level = before.shape[1], before.mean(axis=1).to_numpy()
    columns = {"level": level}
    stretches = np.array_split(np.arange(end), min(PATH_TERMS, end))
    # The first stretch follows from the level and the others.
    for k, stretch in enumerate(stretches[1:], start=2):
        columns[f"path, stretch {k} of {len(stretches)}"] = (
            before[stretch].mean(axis=1).to_numpy() - level
        )
    population = panel.areas["population"].to_numpy(dtype=float)
    # All or none: distances over different items could not be compared.
    if np.isfinite(population).all():
        columns["log population"] = np.log(population)
    return pd.DataFrame(columns, index=panel.areas.index)


def _left_out(
    panel: Panel, pilot: Mask, how: MatchPlan, items: pd.DataFrame
) -> NDArray[np.object_]:
    """Why each area cannot serve; empty where it can."""
    # A later reason takes the place of an earlier one: what the programme declares comes last and
    # counts.
    reasons = np.full(len(pilot), "", dtype=object)
    reasons[items.isna().any(axis=1).to_numpy()] = "without a figure before the start"
    authority = panel.areas["authority"].to_numpy(dtype=object)
    if not how.same_authority:
        # Areas without an authority share none, though their missing values are equal as text.
        named = [str(a) for a in authority[pilot] if not pd.isna(a)]
        shared = np.isin(authority.astype(str), named)
        reasons[shared & ~pilot] = "in the authority of a pilot"
    if how.buffer_km:
        spot = _coordinates(panel, how.buffer_km)
        # (areas x pilots) is small enough to be held: pilots are few.
        apart = np.linalg.norm(spot[:, None, :] - spot[None, pilot, :], axis=2)
        reasons[(apart.min(axis=1) < how.buffer_km) & ~pilot] = f"within {how.buffer_km:g} km"
    role = panel.areas["role"].to_numpy(dtype=object)
    reasons[(role == "excluded") & ~pilot] = "excluded by the programme"
    reasons[pilot] = ""
    return reasons


def _none_eligible(reasons: NDArray[np.object_]) -> EstimateError:
    counts = pd.Series(reasons[reasons != ""]).value_counts()
    why = "; ".join(f"{count} are {reason}" for reason, count in counts.items())
    return EstimateError(
        f"no comparison area is eligible: {why or 'all areas are pilots'}.",
        mend="bring comparison areas from further away, or from other authorities",
    )


def _coordinates(panel: Panel, buffer_km: float) -> Floats:
    """(N, 2) where areas are, in kilometres; an excluded area may have none."""
    spot: Floats = panel.areas.reindex(columns=["x", "y"]).to_numpy(dtype=float)
    needed = (panel.areas["role"] != "excluded").to_numpy()
    lost = needed & ~np.isfinite(spot).all(axis=1)
    if lost.any():
        raise EstimateError(
            f"a buffer of {buffer_km:g} km cannot be kept: {int(lost.sum())} of {len(lost)} areas "
            f"have no coordinates (first: {panel.areas.index[lost][0]}).",
            expected="x and y of every area, in kilometres",
            mend="give them in areas.csv, or leave the buffer out",
        )
    return spot


def _balance(
    items: pd.DataFrame, pilot: Mask, eligible: Mask, weights: dict[str, pd.Series]
) -> pd.DataFrame:
    """Means and standardised differences; one scale for all, so that they can be compared."""
    # The pooled spread of both arms before matching, for every column: a spread that matching
    # narrows would make its own success look worse. One pilot alone has none.
    spread = np.sqrt((items[pilot].var(ddof=1).fillna(0.0) + items[eligible].var(ddof=1)) / 2)
    mean = items[pilot].mean()
    columns = {"before": items[eligible].mean()}
    for name, weight in weights.items():
        whole = weight.reindex(items.index).fillna(0.0)
        # How often an area serves, so that one which serves three pilots counts three times.
        share = whole / whole.sum() if whole.sum() else whole * np.nan
        columns[name] = items.mul(share, axis=0).sum(min_count=1)
    names = {"before": "all_eligible", "after": "matched", "synthetic": "synthetic"}
    return pd.DataFrame(
        {"pilots": mean}
        | {names[name]: held for name, held in columns.items()}
        | {f"difference_{name}": (mean - held) / spread for name, held in columns.items()}
    ).rename_axis("item")
