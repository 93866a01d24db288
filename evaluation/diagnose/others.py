"""What else may have moved the comparison: other programmes, odd authorities, denominators.

A comparison area in which something else happens is no picture of the pilots without the programme.
Every study looks for a few comparison authorities that leave the others (`odd_comparisons`). What
the register of events says of another programme can be tested as if that were a programme of its
own (`other_programme`), and what an outcome is counted out of as an outcome (`denominators`): both
are for an evaluator to call, no study runs them by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evaluation.diagnose.checks import FIRES_BELOW, Diagnostic, unknown
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.quarters import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.ledger.events import Event
    from evaluation.panel import Panel
    from evaluation.programme import Programme

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


def odd_comparisons(panel: Panel, outcome: str, scale: str = "log") -> Diagnostic:
    """Whether a few comparison authorities left the others since the first start.

    Each authority's change of mean since the first start, less the median over authorities, in
    units of 1.4826 median absolute deviations. The largest is judged against the largest of as many
    normal numbers taken in the same way (fixed seed), so that heavy tails fire too: a reason to
    look at those authorities by name.
    """
    code, title = "odd_comparisons", "Do some comparison authorities stand apart?"
    panel = panel.eligible()
    others = panel.select((panel.areas["role"] != "pilot").to_numpy() & ~panel.started)
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
