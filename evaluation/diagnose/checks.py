"""Diagnostics by re-assignment: each asks whether the pilots look odd among their placebos.

A diagnostic that does not fire is no proof: with few pilots it may be too weak to see what matters
(Roth 2022, AER: Insights 4). Each therefore states its statistic and what it could have seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.estimate.assignment import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.inference import detectable, placebo_p
from evaluation.panel import Panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate

FIRES_BELOW = 0.05
Result = Literal["holds", "fails", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One check: ``holds`` means that it did not fire, no more.

    ``size`` is the statistic itself, with its sign, where there is one.
    """

    code: str
    title: str
    result: Result
    statistic: str
    sentence: str
    p_value: float | None = None
    size: float = 0.0


def pre_trend(estimate: Estimate) -> Diagnostic:
    """Slope of the pilots' gap over event time before the start, against re-assignment."""
    code, title = "pre_trend", "Were pilots already on another path?"
    event = estimate.index["event_time"].to_numpy()
    before = (event < 0) & np.isfinite(estimate.effects)
    if estimate.draws is None or len(np.unique(event[before])) < 3:
        return unknown(code, title, "fewer than three periods before the start, or no placebos")
    draws = np.nan_to_num(estimate.draws.raw[:, before])
    weight = estimate.index["weight"].to_numpy(dtype=float)[before]
    time = event[before] - np.average(event[before], weights=weight)
    slopes = draws @ (weight * time) / (weight * time**2).sum()
    p, seen = placebo_p(slopes), detectable(slopes, FIRES_BELOW)
    unit = "log points" if estimate.scale == "log" else "units"
    fires = p < FIRES_BELOW
    said = (
        "Before the start, pilot areas were already moving away from comparison areas"
        if fires
        else "Before the start, pilot and comparison areas moved together as far as can be seen"
    )
    return Diagnostic(
        code=code,
        title=title,
        result="fails" if fires else "holds",
        p_value=p,
        size=float(slopes[0]),
        statistic=f"slope {slopes[0]:+.4f} {unit} a period, p = {p:.3f}",
        sentence=f"{said} (a slope of {seen:.4f} a period would be seen four times in five).",
    )


def pre_level(panel: Panel, outcome: str, assignments: Assignments) -> Diagnostic:
    """Difference in the mean before the first start, against re-assignment."""
    code, title = "pre_level", "Did pilots start from another level?"
    figures = panel.array(outcome)
    first = int(assignments.slots.starts.min())
    valid = np.isfinite(figures[:, :first])
    means = np.where(valid, figures[:, :first], 0.0).sum(axis=1) / np.maximum(valid.sum(axis=1), 1)
    total, n, m = means.sum(), len(means), assignments.fillers.shape[1]
    filled = means[assignments.fillers].sum(axis=1)
    gaps = filled / m - (total - filled) / (n - m)
    gaps = gaps - gaps[1:].mean()
    p = placebo_p(gaps)
    fires = p < FIRES_BELOW
    said = (
        "Pilot areas started from a clearly different level: part of what follows may be a return "
        "to normal"
        if fires
        else "Pilot areas started from a level like that of comparison areas"
    )
    share = 100 * gaps[0] / means.mean()
    return Diagnostic(
        code=code,
        title=title,
        result="fails" if fires else "holds",
        p_value=p,
        statistic=f"{share:+.1f} % of the mean, p = {p:.3f}",
        sentence=f"{said}.",
    )


def negative_control(estimate: Estimate, title: str) -> Diagnostic:
    """An outcome that the programme cannot move: an effect on it is a fault of the design."""
    row = estimate.overall().iloc[0]
    fires = bool(row["p_value"] < FIRES_BELOW)
    said = (
        "moved, which the programme cannot explain"
        if fires
        else "did not move by more than chance could explain"
    )
    return Diagnostic(
        code="negative_control",
        title="Does anything move that should not?",
        result="fails" if fires else "holds",
        p_value=float(row["p_value"]),
        statistic=f"effect {row['effect']:+.3f}, p = {row['p_value']:.3f}",
        sentence=f"{title} {said}.",
    )


def spillover(
    panel: Panel, outcome: str, ring_km: float | None, settings: DidSettings, seed: int
) -> Diagnostic:
    """Whether comparison areas near a site move as if they had started with it.

    Authorities of the ring "start" with their nearest site, as sites of their own, against the
    comparison areas beyond it; re-assignment moves whole authorities.
    """
    code, title = "spillover", "Does the effect leak into neighbouring areas?"
    panel = panel.eligible()
    if ring_km is None or "x" not in panel.areas or panel.areas["x"].isna().any():
        return unknown(code, title, "the protocol sets no ring or areas have no coordinates")
    ring = _ring(panel, ring_km)
    if ring is None:
        return unknown(code, title, "no comparison authority lies inside the ring, or none beyond")
    estimate = did(
        ring,
        outcome,
        settings=replace(settings, base="mean"),
        seed=seed,
        assignments=Assignments.draw(ring, n=999, block="authority", strata=(), seed=seed),
    )
    row = estimate.overall().iloc[0]
    p, n = float(row["p_value"]), int(row["n_areas"])
    fires = p < FIRES_BELOW
    said = (
        f"The {n} comparison areas within {ring_km:g} km of a site moved with it: comparing with "
        "them understates the effect"
        if fires
        else f"The {n} comparison areas within {ring_km:g} km of a site moved like those beyond"
    )
    return Diagnostic(
        code=code,
        title=title,
        result="fails" if fires else "holds",
        p_value=p,
        statistic=f"effect {row['effect']:+.4f}, p = {p:.3f}",
        sentence=f"{said}.",
    )


def _ring(panel: Panel, ring_km: float) -> Panel | None:
    """The comparison areas alone, with those near a site made to start with it."""
    pilots = panel.areas[panel.areas["role"] == "pilot"]
    others = panel.select((panel.areas["role"] != "pilot").to_numpy())
    spot = others.areas[["x", "y"]].to_numpy(dtype=float)
    away: NDArray[np.float64] = np.hypot(
        spot[:, [0]] - pilots["x"].to_numpy(dtype=float),
        spot[:, [1]] - pilots["y"].to_numpy(dtype=float),
    )
    near = away.min(axis=1) <= ring_km
    authority = others.areas["authority"]
    whole = near & authority.groupby(authority).transform(
        lambda a: near[others.areas.index.get_indexer(a.index)].all()
    ).to_numpy(dtype=bool)
    if not whole.any() or whole.all():
        return None
    areas = others.areas.copy()
    nearest = pilots["start"].to_numpy()[away.argmin(axis=1)]
    first = {a: min(nearest[whole & (authority == a).to_numpy()]) for a in set(authority[whole])}
    areas["start"] = [first[a] if w else None for a, w in zip(authority, whole, strict=True)]
    areas["site"] = [a if w else None for a, w in zip(authority, whole, strict=True)]
    return replace(others.select(whole | ~near), areas=areas[whole | ~near])


def unknown(code: str, title: str, why: str) -> Diagnostic:
    """A check that could not be made, with the reason."""
    return Diagnostic(
        code=code, title=title, result="cannot tell", statistic="", sentence=f"Not tested: {why}."
    )


def objections(checks: tuple[Diagnostic, ...], effect: float) -> tuple[str, ...]:
    """What forbids a verdict on an effect: a trend that was there before, a control that moved.

    A different starting level or a spillover is a caution and no veto: the first is taken out by
    the design, the second only makes an effect look smaller.
    """
    said = []
    for check in checks:
        if check.result == "fails" and check.code == "pre_trend" and check.size * effect > 0:
            said.append("pilot areas were already moving that way before the start")
        if check.result == "fails" and check.code == "negative_control":
            said.append("something moved that the programme cannot explain")
    return tuple(said)
