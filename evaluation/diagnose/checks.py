"""Diagnostics by re-assignment: each asks whether the pilots look odd among their placebos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.inference import detectable, placebo_p
from evaluation.estimate.placebo_effects import mean_differences
from evaluation.panel import Panel
from evaluation.quarters import Period

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.ledger.events import Event
    from evaluation.programme import Programme

    Floats = NDArray[np.float64]


# A check fires at five in a hundred: of twenty that find nothing wrong, one does by chance.
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
    # Around the mean the level drops out, and the weights are those of a least-squares slope.
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
    first = int(assignments.treated.starts.min())
    valid = np.isfinite(figures[:, :first])
    means = np.where(valid, figures[:, :first], 0.0).sum(axis=1) / np.maximum(valid.sum(axis=1), 1)
    differences = mean_differences(means, assignments)
    p = placebo_p(differences)
    fires = p < FIRES_BELOW
    said = (
        "Pilot areas started from a clearly different level: part of what follows may be a return "
        "to normal"
        if fires
        else "Pilot areas started from a level like that of comparison areas"
    )
    share = 100 * differences[0] / means.mean()
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


BEFORE, AFTER, LEAST = 6, 4, 3


def regression_to_the_mean(estimate: Estimate) -> Diagnostic:
    """Pilots' gap in the last period before the start, beside their gap in the periods before it.

    Areas that are chosen after one bad quarter recover without any programme. The statistic is the
    gap in the last period less its mean over up to six earlier ones.
    """
    code, title = "regression_to_the_mean", "Were pilots chosen at an unusual moment?"
    statistics = _contrasts(estimate, _dip)
    if statistics is None:
        return unknown(code, title, "fewer than three periods before every start, or no placebos")
    return _judged(
        (code, title),
        estimate,
        statistics,
        "The last period before the start was unusual in pilot areas: part of what follows may be "
        "a return to normal",
        "The last period before the start was like those before it in pilot areas",
    )


def changed_instrument(estimate: Estimate) -> Diagnostic:
    """A jump of the pilots' gap at the start, beyond the lines that lead up to and away from it.

    A line through up to six periods before the start and one through the first four after it, both
    read off at the last period before the start: an effect that grows steadily from the start on
    leaves no difference there, a change of recording leaves all of it. An effect that is whole in
    its first quarter does too, so that this asks for a look at the records and is no proof.
    """
    code, title = "changed_instrument", "Did pilots' figures jump when recording may have changed?"
    statistics = _contrasts(estimate, _jump)
    if statistics is None:
        return unknown(
            code, title, "fewer than three periods before or after every start, or no placebos"
        )
    return _judged(
        (code, title),
        estimate,
        statistics,
        "Pilot areas' figures jumped at the start, which a change that grows does not explain: "
        "check whether they are still recorded in the same way",
        "Pilot areas' figures did not jump at the start beyond what grew from it",
    )


def _judged(
    what: tuple[str, str], estimate: Estimate, statistics: Floats, fired: str, held: str
) -> Diagnostic:
    p, seen = placebo_p(statistics), detectable(statistics, FIRES_BELOW)
    unit = "log points" if estimate.scale == "log" else "units"
    fires = p < FIRES_BELOW
    return Diagnostic(
        code=what[0],
        title=what[1],
        result="fails" if fires else "holds",
        p_value=p,
        size=float(statistics[0]),
        statistic=f"{statistics[0]:+.4f} {unit}, p = {p:.3f}",
        sentence=f"{fired if fires else held} ({seen:.4f} would be seen four times in five).",
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
            mass = float(index["weight"].iloc[rows[0]])
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
    code, title = "other_programme", "Does another programme move the comparison?"
    panel = panel.eligible()
    others = panel.select((panel.areas["role"] != "pilot").to_numpy())
    held = np.isin(others.areas.index, list(joined))
    if not held.any():
        return unknown(code, title, "the register has no comparison area in another programme")
    if held.all():
        return unknown(code, title, "every comparison area is in another programme")
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
    row = estimate.overall().iloc[0]
    p, n, fires = float(row["p_value"]), int(row["n_areas"]), bool(row["p_value"] < FIRES_BELOW)
    said = (
        f"The {n} comparison areas in another programme moved apart from the others: leave them out"
        if fires
        else f"The {n} comparison areas in another programme moved like the others"
    )
    return Diagnostic(
        code=code,
        title=title,
        result="fails" if fires else "holds",
        p_value=p,
        size=float(row["effect"]),
        statistic=f"effect {row['effect']:+.4f}, p = {p:.3f}",
        sentence=f"{said}.",
    )


def outlier_controls(panel: Panel, outcome: str, scale: str = "log") -> Diagnostic:
    """Whether a few comparison authorities left the others since the first start.

    Each authority's change of mean since the first start, less the median over authorities, in
    units of 1.4826 median absolute deviations. The largest is judged against the largest of as many
    normal numbers taken in the same way (fixed seed), so that heavy tails fire too: a reason to
    look at those authorities by name.
    """
    code, title = "odd_comparisons", "Do some comparison authorities stand apart?"
    panel = panel.eligible()
    others = panel.select((panel.areas["role"] != "pilot").to_numpy() & ~panel.treated)
    starts = panel.start_index
    first = int(starts[starts > 0].min()) if (starts > 0).any() else 0
    authorities = others.areas["authority"]
    if first < 1 or authorities.isna().any() or authorities.nunique() < ENOUGH:
        return unknown(code, title, f"fewer than {ENOUGH} comparison authorities are named")
    figures = others.array(outcome)
    if scale == "log":
        figures = np.log(np.where(figures > 0, figures, np.nan))
    change = np.nanmean(figures[:, first:], axis=1) - np.nanmean(figures[:, :first], axis=1)
    by_authority = others.areas.assign(change=change).groupby("authority")["change"].mean()
    apart = _robust(by_authority.to_numpy()[None, :])[0]
    drawn = np.random.default_rng(0).standard_normal((SIMULATED, len(apart)))
    largest = np.abs(_robust(drawn)).max(axis=1)
    p = float((1 + (largest >= np.abs(apart).max()).sum()) / (1 + SIMULATED))
    critical = float(np.quantile(largest, 1 - FIRES_BELOW))
    named = by_authority.index[np.abs(apart) > critical].tolist()
    fires = p < FIRES_BELOW
    said = (
        f"{_named(named)} moved apart from the other comparison authorities: something else may "
        "have happened there"
        if fires
        else "No comparison authority moved apart from the others"
    )
    return Diagnostic(
        code=code,
        title=title,
        result="fails" if fires else "holds",
        p_value=p,
        size=float(np.abs(apart).max()),
        statistic=f"largest deviation {np.abs(apart).max():.1f}, p = {p:.3f}",
        sentence=f"{said}.",
    )


def _named(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _robust(changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the median of each row, in 1.4826 median absolute deviations."""
    away = changes - np.median(changes, axis=1, keepdims=True)
    # 1.4826 makes the median deviation of a normal its standard deviation; a few authorities that
    # stand apart would widen the standard deviation itself and hide behind it.
    scale = 1.4826 * np.median(np.abs(away), axis=1, keepdims=True)
    robust: NDArray[np.float64] = away / np.where(scale > 0, scale, np.inf)
    return robust


def denominators(panel: Panel, outcome: str, assignments: Assignments) -> Diagnostic:
    """What an outcome is counted out of, as an outcome: a programme that moves it moves the ratio.

    Denominators that are fixed before the start cannot move. Turnover and population by age are
    tested in the same way, as negative controls of the protocol.
    """
    code, title = "denominators", "Did what is counted out of change with the start?"
    held = panel.denominators.get(outcome)
    if held is None or not np.isfinite(held).any():
        return unknown(code, title, "the outcome has no denominator")
    if (np.nanmax(held, axis=1) == np.nanmin(held, axis=1)).all():
        return Diagnostic(
            code=code,
            title=title,
            result="holds",
            statistic="fixed",
            sentence="Denominators are fixed before the start and cannot move with it.",
        )
    name = f"{outcome} (denominator)"
    estimate = did(
        replace(panel, figures={name: held}, denominators={}, statuses={}, per={}),
        name,
        settings=DidSettings(scale="log", base="mean"),
        assignments=assignments,
    )
    row = estimate.overall().iloc[0]
    p, fires = float(row["p_value"]), bool(row["p_value"] < FIRES_BELOW)
    said = "changed in pilot areas with the start" if fires else "moved alike in both arms"
    return Diagnostic(
        code=code,
        title=title,
        result="fails" if fires else "holds",
        p_value=p,
        size=float(row["effect"]),
        statistic=f"effect {row['effect']:+.4f}, p = {p:.3f}",
        sentence=f"What the outcome is counted out of {said}.",
    )
