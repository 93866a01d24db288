"""Diagnostics by re-assignment: each asks whether the pilots look odd among their placebos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.diagnose.balance import without_gaps
from evaluation.diagnose.diagnostic import FIRES_BELOW, FIXED, Diagnostic, tested, unknown
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.inference import detectable, placebo_p
from evaluation.estimate.placebo_effects import mean_differences
from evaluation.estimate.samples import masked_mean
from evaluation.panel import Panel
from evaluation.quarters import Period
from evaluation.wording import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.ledger.events import Event
    from evaluation.programme import Programme

    Floats = NDArray[np.float64]


def pre_trend(estimate: Estimate) -> Diagnostic:
    """Slope of the pilots' gap over event time before the start, against re-assignment."""
    event = estimate.index["event_time"].to_numpy()
    before = (event < 0) & np.isfinite(estimate.effects)
    if estimate.draws is None or len(np.unique(event[before])) < 3:
        return unknown("pre_trend", "fewer than three periods before the start, or no placebos")
    # An assignment without an effect in one of the periods has no slope, and is not counted.
    draws = estimate.draws.raw[:, before]
    weight = estimate.index["weight"].to_numpy(dtype=float)[before]
    # Least squares on event time, weighted by areas; a constant drops out of centred time.
    time = event[before] - np.average(event[before], weights=weight)
    slopes = draws @ (weight * time) / (weight * time**2).sum()
    return tested(
        "pre_trend",
        placebo_p(slopes),
        float(slopes[0]),
        unit=f"{_unit(estimate)} a period",
        seen=detectable(slopes, FIRES_BELOW),
    )


def _unit(estimate: Estimate) -> str:
    return "log points" if estimate.scale == "log" else "units"


def pre_level(panel: Panel, outcome: str, assignments: Assignments) -> Diagnostic:
    """Difference in the mean before the first start, against re-assignment."""
    figures = panel.array(outcome)
    first = int(assignments.treated.starts.min())
    means = without_gaps(masked_mean(figures[:, :first].T))
    differences = mean_differences(means, assignments)
    p, apart, mean = placebo_p(differences), float(differences[0]), abs(float(means.mean()))
    # Of a mean of zero there are no per cents.
    if not mean:
        return tested("pre_level", p, apart, unit="units")
    # By the size of the mean, so that a higher level is one also where levels lie below zero.
    return tested("pre_level", p, 100 * apart / mean, unit="% of the mean")


def negative_control(estimate: Estimate, title: str) -> Diagnostic:
    """An outcome that the programme cannot move: an effect on it is a fault of the design."""
    row = estimate.overall().iloc[0]
    return tested("negative_control", float(row["p_value"]), float(row["effect"]), names=(title,))


def blind_control(check: Diagnostic, seen_percent: float, asked_percent: float) -> Diagnostic:
    """A negative control beside what is in question: one that could not have seen it says nothing.

    Parameters
    ----------
    seen_percent : the smallest change of the control that would be found four times in five.
    asked_percent : the size in question; a control that fires has seen it, whatever its power.
    """
    held = replace(check, seen=seen_percent, threshold=asked_percent)
    if check.result != "holds":
        return check
    # Written so that a NaN, of which no percentage can be given, is blind too.
    return held if seen_percent <= asked_percent else replace(held, result="cannot tell")


def spillover(
    panel: Panel, outcome: str, ring_km: float | None, settings: DidSettings, seed: int
) -> Diagnostic:
    """Whether comparison areas near a site move as if they had started with it.

    Authorities of the ring "start" with their nearest site, as sites of their own, against the
    comparison areas beyond it; re-assignment moves whole authorities.
    """
    code = "spillover"
    panel = panel.eligible()
    if ring_km is None or "x" not in panel.areas or panel.areas["x"].isna().any():
        return unknown(code, "the protocol sets no ring or areas have no coordinates")
    if panel.areas["authority"].isna().any():
        return unknown(code, "whole authorities are re-drawn, and some areas name none")
    ring = _ring(panel, ring_km)
    if ring is None:
        return unknown(code, "no comparison authority lies inside the ring, or none beyond")
    estimate = did(
        ring,
        outcome,
        settings=replace(settings, base="mean"),
        seed=seed,
        assignments=Assignments.draw(ring, n=999, block="authority", strata=(), seed=seed),
    )
    return tested(code, **_overall(estimate), threshold=ring_km)


def _overall(estimate: Estimate) -> dict[str, Any]:
    """Effect, p-value and areas of an estimate, as `tested` takes them."""
    row = estimate.overall().iloc[0]
    return {"p": float(row["p_value"]), "size": float(row["effect"]), "n": int(row["n_areas"])}


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
    # Only authorities that lie wholly in the ring: re-assignment moves whole authorities, and one
    # cut in two would be compared with itself.
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


def objections(checks: tuple[Diagnostic, ...], effect: float) -> tuple[Sentence, ...]:
    """What forbids a verdict on an effect: a trend that was there before, a control that moved.

    A different starting level or a spillover is a caution and no veto: the first is taken out by
    the design, the second only makes an effect look smaller.
    """
    said = {
        "pre_trend": "pilot areas were already moving that way before the start",
        "negative_control": "something moved that the programme cannot explain",
    }
    return tuple(
        Sentence.of(said[check.code], check.code)
        for check in checks
        if check.result == "fails"
        and check.code in said
        # A trend away from the effect makes it look smaller: that is no reason to doubt it.
        and (check.code != "pre_trend" or check.size * effect > 0)
    )


BEFORE, AFTER, LEAST = 6, 4, 3


def regression_to_the_mean(estimate: Estimate) -> Diagnostic:
    """Pilots' gap in the last period before the start, beside their gap in the periods before it.

    Areas that are chosen after one bad quarter recover without any programme. The statistic is the
    gap in the last period less its mean over up to six earlier ones.
    """
    statistics = _contrasts(estimate, _dip)
    return _by_contrast("regression_to_the_mean", estimate, statistics, "before")


def changed_instrument(estimate: Estimate) -> Diagnostic:
    """A jump of the pilots' gap at the start, beyond the lines that lead up to and away from it.

    A line through up to six periods before the start and one through the first four after it, both
    read off at the last period before the start: an effect that grows steadily from the start on
    leaves no difference there, a change of recording leaves all of it. An effect that is whole in
    its first quarter does too, so that this asks for a look at the records and is no proof.
    """
    statistics = _contrasts(estimate, _jump)
    return _by_contrast("changed_instrument", estimate, statistics, "before or after")


def _by_contrast(code: str, estimate: Estimate, statistics: Floats | None, side: str) -> Diagnostic:
    if statistics is None:
        return unknown(code, f"fewer than three periods {side} every start, or no placebos")
    return tested(
        code,
        placebo_p(statistics),
        float(statistics[0]),
        unit=_unit(estimate),
        seen=detectable(statistics, FIRES_BELOW),
    )


def _contrasts(
    estimate: Estimate, weights_of: Callable[[NDArray[np.int64]], Floats | None]
) -> Floats | None:
    """(B + 1) one contrast over event time, averaged over the sites that have its periods."""
    if estimate.draws is None:
        return None
    index, usable = estimate.index, np.isfinite(estimate.effects)
    weights, total = np.zeros(len(index)), 0.0
    for site in index["site"].unique():
        rows = np.flatnonzero((index["site"] == site).to_numpy() & usable)
        found = weights_of(index["event_time"].to_numpy()[rows])
        if found is not None:
            mass = float(index["weight"].iloc[rows].max())
            weights[rows], total = found * mass, total + mass
    if not weights.any():
        return None
    used = weights != 0
    contrasts: Floats = estimate.draws.raw[:, used] @ (weights[used] / total)
    return contrasts


def _dip(event: NDArray[np.int64]) -> Floats | None:
    last, earlier = event == -1, (event < -1) & (event >= -1 - BEFORE)
    if not last.any() or earlier.sum() < LEAST - 1:
        return None
    weights: Floats = last.astype(float) - earlier / earlier.sum()
    return weights


def _jump(event: NDArray[np.int64]) -> Floats | None:
    before, after = (event < 0) & (event >= -BEFORE), (event >= 0) & (event < AFTER)
    if before.sum() < LEAST or after.sum() < LEAST:
        return None
    weights = np.zeros(len(event))
    weights[after] = _line_at(event[after], -1)
    weights[before] -= _line_at(event[before], -1)
    return weights


def _line_at(event: NDArray[np.int64], at: int) -> Floats:
    """Weights that read a least-squares line through these event times off at another one."""
    design = np.column_stack([np.ones(len(event)), event - at])
    line: Floats = np.linalg.pinv(design)[0]
    return line


# Assignments of a check; normal draws behind its critical value; authorities that it needs.
REDRAWN, SIMULATED, ENOUGH = 999, 20_000, 8


def joined_other_programme(
    events: tuple[Event, ...], programme: Programme, outcome: str
) -> dict[str, Period]:
    """Comparison areas that the register has in another programme: code -> its first period.

    Events of kind ``other programme`` that concern the outcome and begin within the programme's
    calendar; of several, the first.
    """
    joined: dict[str, Period] = {}
    for event in sorted(events, key=lambda one: one.since, reverse=True):
        if event.kind != "other programme" or (event.outcomes and outcome not in event.outcomes):
            continue
        inside = [p for p in programme.periods if p.last_day >= event.since]
        if not inside or inside[0] == programme.first:
            continue
        for area in programme.areas:
            if area.role == "comparison" and event.happened_to(area):
                joined[area.code] = inside[0]
    return joined


def other_programme(
    panel: Panel, outcome: str, joined: Mapping[str, Period], settings: DidSettings, seed: int
) -> Diagnostic:
    """Whether comparison areas in another programme moved apart from the other comparison areas.

    They "start" when they joined, as sites of their own by authority, against the rest; pilots are
    left out; re-assignment moves whole authorities.
    """
    code = "other_programme"
    panel = panel.eligible()
    others = panel.select((panel.areas["role"] != "pilot").to_numpy())
    if others.areas["authority"].isna().any():
        return unknown(code, "whole authorities are re-drawn, and some areas name none")
    held = np.isin(others.areas.index, list(joined))
    if not held.any():
        return unknown(code, "the register has no comparison area in another programme")
    if held.all():
        return unknown(code, "every comparison area is in another programme")
    areas = others.areas.copy()
    areas["start"] = [
        joined[area].label if h else None for area, h in zip(areas.index, held, strict=True)
    ]
    areas["site"] = [
        f"{a} {s}" if h else None
        for a, s, h in zip(areas["authority"], areas["start"], held, strict=True)
    ]
    marked = replace(others, areas=areas)
    estimate = did(
        marked,
        outcome,
        settings=replace(settings, base="mean"),
        seed=seed,
        assignments=Assignments.draw(marked, n=REDRAWN, block="authority", strata=(), seed=seed),
    )
    return tested(code, **_overall(estimate))


def outlier_controls(panel: Panel, outcome: str, scale: str = "log") -> Diagnostic:
    """Whether a few comparison authorities left the others since the first start.

    Each authority's change of mean since the first start, less the median over authorities, in
    units of 1.4826 median absolute deviations. The largest is judged against the largest of as many
    normal numbers taken in the same way (fixed seed), so that heavy tails fire too: a reason to
    look at those authorities by name.
    """
    code = "odd_comparisons"
    panel = panel.eligible()
    others = panel.select((panel.areas["role"] != "pilot").to_numpy() & ~panel.treated)
    starts = panel.start_index
    first = int(starts[starts > 0].min()) if (starts > 0).any() else 0
    authorities = others.areas["authority"]
    if first < 1 or authorities.isna().any() or authorities.nunique() < ENOUGH:
        return unknown(code, f"fewer than {ENOUGH} comparison authorities are named")
    figures = others.array(outcome)
    if scale == "log":
        figures = np.log(np.where(figures > 0, figures, np.nan))
    change = masked_mean(figures[:, first:].T) - masked_mean(figures[:, :first].T)
    by_authority = others.areas.assign(change=change).groupby("authority")["change"].mean()
    # An authority without figures on one side has no change, and could hide those that have.
    by_authority = by_authority.dropna()
    if len(by_authority) < ENOUGH:
        return unknown(code, f"fewer than {ENOUGH} comparison authorities have figures")
    apart = _robust(by_authority.to_numpy()[None, :])[0]
    drawn = np.random.default_rng(0).standard_normal((SIMULATED, len(apart)))
    largest = np.abs(_robust(drawn)).max(axis=1)
    # The figures themselves are one of the draws under the null, as in any Monte Carlo test: p > 0.
    p = float((1 + (largest >= np.abs(apart).max()).sum()) / (1 + SIMULATED))
    critical = float(np.quantile(largest, 1 - FIRES_BELOW))
    named = by_authority.index[np.abs(apart) > critical].tolist()
    return tested(code, p, float(np.abs(apart).max()), names=tuple(map(str, named)))


def _robust(changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the median of each row, in 1.4826 median absolute deviations.

    1.4826 is 1 / Phi^-1(0.75): it makes the deviation that of a normal (Hampel 1974, JASA 69). A
    standard deviation would be stretched by the very authorities that are looked for.
    """
    away = changes - np.median(changes, axis=1, keepdims=True)
    scale = 1.4826 * np.median(np.abs(away), axis=1, keepdims=True)
    robust: NDArray[np.float64] = away / np.where(scale > 0, scale, np.inf)
    return robust


def denominators(panel: Panel, outcome: str, assignments: Assignments) -> Diagnostic:
    """What an outcome is counted out of, as an outcome: a programme that moves it moves the ratio.

    Denominators that are fixed before the start cannot move. Turnover and population by age are
    tested in the same way, as negative controls of the protocol.
    """
    code = "denominators"
    held = panel.denominators.get(outcome)
    if held is None or not np.isfinite(held).any():
        return unknown(code, "the outcome has no denominator")
    if (np.nanmax(held, axis=1) == np.nanmin(held, axis=1)).all():
        return Diagnostic(code=code, result="holds", unit=FIXED)
    name = f"{outcome} (denominator)"
    estimate = did(
        replace(panel, figures={name: held}, denominators={}, statuses={}, per={}),
        name,
        settings=DidSettings(scale="log", base="mean"),
        assignments=assignments,
    )
    return tested(code, **_overall(estimate))
