"""What a study could see: the smallest detectable effect by look, and candidate sets of pilots."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.declared import read_table
from evaluation.errors import EstimateError, WorkspaceError
from evaluation.estimate import arguments, interim, registry, samples
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.interim import LookPlan, Side, extremity, run_looks
from evaluation.estimate.registry import Choices
from evaluation.finding.verdict import Way, percent_of_logs
from evaluation.quarters import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Block
    from evaluation.panel import Panel
    from evaluation.protocol import EstimatorName, Protocol, Score

    Floats = NDArray[np.float64]


# Periods that have to be left before the moved starts, or there is no path to compare.
LEAST_BEFORE = 4
# Standard deviations of a placebo effect beyond which an effect counts as never found.
WIDEST = 64.0
BISECTIONS = 40
ENOUGH = 1_999
"""Assignments that tell the power of a study well enough; a look takes as many as are planned."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the study will be looked at: estimator, choices, looks, assignments.

    targeted : share of people whom the reform reaches; an effect on the whole area of e is one of
        e / targeted on them.
    direction : in which an effect is said in per cent; it is found in either.
    score : how periods are weighed into a look's statistic, as the study will weigh them.
    """

    estimator: EstimatorName
    choices: Choices
    looks: LookPlan
    window: tuple[int, int]
    strata: tuple[str, ...] = ()
    block: Block | None = None
    assignments: int = 999
    seed: int = 0
    targeted: float = 1.0
    direction: Way = "fall"
    score: Score = "mean"

    @classmethod
    def of(
        cls,
        protocol: Protocol,
        outcome: str,
        looks: LookPlan,
        *,
        targeted: float = 1.0,
        direction: Way = "fall",
    ) -> Plan:
        """What a protocol fixes for one outcome, with its looks as a `LookPlan`."""
        drawn = protocol.assignments
        return cls(
            estimator=protocol.estimators[0],
            choices=Choices.of(protocol, outcome),
            looks=looks,
            window=protocol.window,
            strata=drawn.strata,
            block=drawn.block,
            seed=drawn.seed,
            assignments=min(drawn.n, ENOUGH),
            targeted=targeted,
            direction=direction,
            score=protocol.looks.score if protocol.looks else "mean",
        )

    def __post_init__(self) -> None:
        if not 0 < self.targeted <= 1:
            raise EstimateError(
                f"a share of {self.targeted!r} of people cannot be reached.",
                expected="above 0 to 1",
            )
        samples.one_of("direction", self.direction, Way)


def power(
    panel: Panel,
    outcome: str,
    plan: Plan | None = None,
    *,
    treated: Collection[object] | None = None,
    looks: int | None = None,
    estimator: EstimatorName = "did",
    scale: samples.Scale = "level",
    at: float = 0.8,
) -> pd.DataFrame:
    """The smallest effect that the looks would find with power ``at``, by the number of looks.

    ``power(panel, "y", treated=["a01", "a07"], looks=8)`` asks for two areas and eight looks, one a
    period; a `Plan` says more.

    Parameters
    ----------
    panel : with the planned sites and starts, whether or not these have passed. Only periods
        before the first start are used, so that nothing is learnt about the effect.
    plan : all that the study would fix; by default looks of an O'Brien-Fleming plan at 5 per cent,
        each on the mean since the start, and 999 assignments.
    treated : codes of the areas that would be treated, all at once; by default those with a start.
    looks : how many, one a period; by default 8, or as many as leave four periods before.
    estimator, scale : of the default plan.

    Returns
    -------
    One row a look: ``look, spent, detectable, direction, detectable_percent,
    percent_of_targeted``; ``detectable`` is on the estimate's scale, percent is of the pilots' mean
    (NaN where that is zero) and says a fall or a rise, as ``direction`` does. Infinite where so few
    assignments exist that the look can remove none.

    Raises
    ------
    EstimateError : fewer than four periods would be left before the moved starts, or areas that the
        panel has not.
    """
    arguments.a_panel(panel)
    if looks is not None:
        arguments.a_count("looks", looks)
    if not (arguments.is_number(at) and 0 < at < 1):
        raise EstimateError(f"a power of {at!r} is none.", expected="between 0 and 1, say 0.8")
    if plan is not None and not isinstance(plan, Plan):
        raise EstimateError(f"a plan cannot be {plan!r}.", expected="Plan(...)")
    if treated is not None:
        panel = _as_planned(panel, treated)
    if plan is None:
        plan = _plan(panel, looks, estimator, scale)
    elif looks is not None:
        raise EstimateError(
            "the plan says how many looks there are.", mend="leave looks out, or the plan"
        )
    # The looks are laid into the past, where nothing has started: every placebo effect there is
    # noise.
    past = moved_back(panel.eligible(), plan.looks.horizon)
    first = int(past.start_index[past.treated].min())
    assignments = Assignments.draw(
        past, n=plan.assignments, strata=plan.strata, block=plan.block, seed=plan.seed
    )
    raw, shift = [], []
    for look in range(plan.looks.horizon):
        # Each look sees what would have been known then, as in the study.
        known = past.until(past.periods[first + look])
        estimate = registry.fit(
            plan.estimator, known, outcome, plan.choices, assignments.known(known)
        )
        found = interim.statistic(estimate, plan.window, plan.score)
        raw.append(found.raw)
        shift.append(found.shift)
    sizes = detectable_by_look(np.array(raw), np.array(shift), plan.looks, at)
    level = float(np.nanmean(past.array(outcome)[past.treated, :first]))
    # Of a level of zero nothing is a percentage.
    percent = 100 * sizes / (abs(level) or np.nan)
    if plan.choices.scale == "log":
        percent = percent_of_logs(sizes, plan.direction)
    return pd.DataFrame(
        {
            "look": np.arange(1, len(sizes) + 1),
            "spent": [plan.looks.spent((k + 1) / plan.looks.horizon) for k in range(len(sizes))],
            "detectable": sizes,
            "direction": plan.direction,
            "detectable_percent": percent,
            "percent_of_targeted": percent / plan.targeted,
        }
    )


def _plan(panel: Panel, looks: int | None, estimator: EstimatorName, scale: samples.Scale) -> Plan:
    begun = panel.start_index[panel.treated]
    before = int(begun.min()) if len(begun) else len(panel.periods)
    horizon = max(min(8, before - LEAST_BEFORE), 1) if looks is None else looks
    return Plan(
        estimator=estimator,
        choices=Choices(scale=scale),
        looks=LookPlan(horizon=horizon),
        window=(0, horizon - 1),
    )


def _as_planned(panel: Panel, treated: Collection[object]) -> Panel:
    """The panel before anything started, with these areas to start in the period after it."""
    codes = [treated] if isinstance(treated, str) else None
    codes = codes or arguments.several("treated", treated, f"[{panel.areas.index[0]!r}]")
    if unknown := [code for code in codes if code not in set(panel.areas.index)]:
        raise EstimateError(
            f"{unknown[0]!r} is no area of the panel.",
            expected=f"codes such as {panel.areas.index[0]!r}",
        )
    if not codes:
        raise EstimateError("no area is named.", mend="treated=['a01', ...]")
    begun = panel.start_index[panel.treated]
    past = panel.until(panel.periods[int(begun.min()) - 1]) if len(begun) else panel
    planned = past.areas.index.isin(codes)
    label = (past.periods[-1] + 1).label
    excluded = (past.areas["role"] == "excluded") & ~planned
    areas = past.areas.copy()
    areas["start"] = [label if one else None for one in planned]
    areas["site"] = ["planned" if one else None for one in planned]
    areas["role"] = ["pilot" if one else "comparison" for one in planned]
    areas.loc[excluded, "role"] = "excluded"
    if "exposure" in areas:
        areas = areas.drop(columns="exposure")
    return replace(past, areas=areas)


def detectable_by_look(raw: Floats, shift: Floats, looks: LookPlan, at: float = 0.8) -> Floats:
    """(L) the smallest constant effect found by each look with power ``at``.

    Parameters
    ----------
    raw, shift : (L, B + 1) statistics without an effect, and of a unit effect.

    Every placebo assignment lends its noise to the real one in turn; an effect is found by a look
    where the noise with the effect passes the line of that look or of one before it.
    """
    times = [(k + 1) / looks.horizon for k in range(len(raw))]
    # Thresholds of the looks as they would be taken: assignments that one look removes are gone for
    # the next.
    lines = np.array([look.threshold for look in run_looks(raw, times, looks)])
    noise, unit = raw[:, 1:], shift[:, 0]
    out = np.empty(len(raw))
    for look in range(len(raw)):
        part = slice(look + 1)
        out[look] = _smallest(noise[part], unit[part], lines[part], looks.side, at)
    return out


def _smallest(noise: Floats, unit: Floats, lines: Floats, side: Side, at: float) -> float:
    if not np.isfinite(lines).any():
        return float("inf")
    directions = {"two": (1.0, -1.0), "greater": (1.0,), "less": (-1.0,)}[side]

    def found(effect: float) -> float:
        """In the weaker of the directions that the looks test."""
        both = []
        for sign in directions:
            size = extremity(noise + sign * effect * unit[:, None], side)
            both.append(float((size >= lines[:, None]).any(axis=0).mean()))
        return min(both)

    # In standard deviations of the placebo effect, so that the bracket needs no knowledge of units.
    step = float(np.nanstd(noise[-1]) / abs(unit[-1])) or 1.0
    high = 1.0
    while found(high * step) < at:
        high *= 2
        if high > WIDEST:
            return float("inf")
    low = 0.0
    # Power rises with the effect, so bisection is safe; 40 halvings end far below any digit shown.
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle * step) >= at else (middle, high)
    return high * step


def moved_back(panel: Panel, looks: int) -> Panel:
    """The panel before the first start, with all starts moved so that ``looks`` periods follow.

    Sites keep their distance in time; one that would start after the last period is left out.

    Raises
    ------
    EstimateError : nothing is planned to start, or too few periods would be left before.
    """
    starts = panel.start_index
    planned = panel.areas["start"].notna().to_numpy()
    if not planned.any():
        raise EstimateError(
            "no area of the panel has a start, so there is nothing to plan for.",
            mend="give the planned sites a start",
        )
    begun = starts[panel.treated]
    end = int(begun.min()) if len(begun) else len(panel.periods)
    before = panel.until(panel.periods[end - 1])
    first = end - looks
    if first < LEAST_BEFORE:
        raise EstimateError(
            f"{looks} looks before the first start leave {max(first, 0)} periods before those.",
            expected=f"at least {LEAST_BEFORE}",
            mend="plan with fewer looks, or bring a longer panel",
        )
    labels = panel.areas["start"].to_numpy(dtype=object)
    earliest = min(_period(panel, label) for label in labels[planned])
    moved = np.full(len(labels), None, dtype=object)
    site = panel.areas["site"].to_numpy(dtype=object, copy=True)
    for row in np.flatnonzero(planned):
        position = first + _period(panel, labels[row]) - earliest
        # A site that starts after the last look is seen by none, so its areas are no pilots.
        if position < end:
            moved[row] = panel.labels[position]
        else:
            site[row] = None
    return replace(before, areas=before.areas.assign(start=moved, site=site))


def _period(panel: Panel, label: object) -> int:
    return Period.parse(label, panel.frequency) - panel.periods[0]


def first_able(table: pd.DataFrame, hoped_percent: float) -> int | None:
    """The first look at which the hoped-for effect could be found; None if none of them could."""
    able = table.loc[table["detectable_percent"] <= abs(hoped_percent), "look"]
    return None if able.empty else int(able.iloc[0])


COLUMNS = ("set", "area")


def read_candidates(path: Path) -> dict[str, tuple[str, ...]]:
    """Candidate sets from a CSV file: name -> codes of areas, in the order of the file.

    Parameters
    ----------
    path : one row an area of a set, columns ``set`` and ``area``; others are not read.

    Raises
    ------
    EstimateError : the file cannot be read, lacks a column, names no set, has an empty cell, or
        has an area twice in one set.
    """
    expected = "columns set and area, one row an area of a set"
    if not path.is_file():
        raise EstimateError("there is no such file.", where=str(path), expected=expected)
    try:
        rows = list(read_table(path))
    except WorkspaceError as error:
        raise EstimateError(
            f"it cannot be read as CSV: {error.what}", where=path.name, mend=error.mend
        ) from None
    if not rows:
        raise EstimateError("it names no set.", where=path.name, expected=expected)
    if missing := [name for name in COLUMNS if not any(name in row for row in rows)]:
        held = dict.fromkeys(name for row in rows for name in row)
        raise EstimateError(
            f"it has no column {missing[0]!r}.",
            where=path.name,
            expected=expected,
            mend=f"name its columns so; it has {', '.join(held)}",
        )
    sets: dict[str, list[str]] = {}
    for row in rows:
        place = f"{path.name}, line {row.line}"
        if not all(name in row for name in COLUMNS):
            raise EstimateError("a cell is empty.", where=place, expected=expected)
        codes = sets.setdefault(row["set"], [])
        if row["area"] in codes:
            raise EstimateError("an area stands twice in one set.", where=place, expected=expected)
        codes.append(row["area"])
    return {name: tuple(codes) for name, codes in sets.items()}


def compare(
    panel: Panel, outcome: str, plan: Plan, candidates: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Candidate sets of pilot areas side by side, each as if its areas started together.

    Whatever is planned in the panel is set aside, and only periods before the first start in it are
    read. Every area is a site of its own; those that share an authority are re-drawn with it, as in
    a study.

    Parameters
    ----------
    candidates : name -> codes of areas.

    Returns
    -------
    One row a candidate and look: ``candidate, areas`` (how many) and what
    `evaluation.design.power.power` gives.

    Raises
    ------
    EstimateError : an area is not in the panel, or the panel cannot bear a candidate.
    """
    begun = panel.start_index[panel.treated]
    # Candidates are compared on the past alone, also where the planned sites have begun.
    past = panel.until(panel.periods[int(begun.min()) - 1]) if len(begun) else panel
    tables = []
    for name, codes in candidates.items():
        if lost := [code for code in codes if code not in panel.areas.index]:
            raise EstimateError(
                f"area {lost[0]!r} is not in the panel.",
                where=f"candidate set {name!r}",
                expected="the codes of pilot and comparison areas, which are not excluded",
            )
        try:
            table = power(_together(past, codes), outcome, plan)
        except EstimateError as error:
            raise EstimateError(
                error.what,
                where=f"candidate set {name!r}",
                expected=error.expected,
                mend=error.mend,
            ) from None
        table.insert(0, "candidate", name)
        table.insert(1, "areas", len(set(codes)))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _together(panel: Panel, codes: Sequence[str]) -> Panel:
    """The panel with these areas alone planned, all to start after its last period."""
    chosen = panel.areas.index.isin(list(codes))
    start, site = (np.full(len(chosen), None, dtype=object) for _ in range(2))
    # After the last period: `power` moves it back by as many looks as are planned.
    start[chosen] = (panel.periods[-1] + 1).label
    site[chosen] = panel.areas.index[chosen].astype(str)
    excluded = (panel.areas["role"] == "excluded").to_numpy()
    role = np.where(chosen, "pilot", np.where(excluded, "excluded", "comparison"))
    return replace(panel, areas=panel.areas.assign(role=role, start=start, site=site))
