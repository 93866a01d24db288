"""One simulation: placebo pilots on somebody's own panel, an injected effect, every look.

Areas of a panel in which nothing started are called pilots, a known effect is injected in them, and
the estimators and the interim analyses run just as they would on real ones. What a simulation finds
when nothing was injected is a false positive; whether its intervals hold what was injected is
coverage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import interim, registry
from evaluation.estimate.assignments import Assignments, Block
from evaluation.estimate.inference import deviation, placebo_interval, placebo_p
from evaluation.estimate.interim import LookPlan, run_looks
from evaluation.estimate.registry import Choices
from evaluation.estimate.samples import masked_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.panel import Panel
    from evaluation.protocol import EstimatorName, Score

    Floats = NDArray[np.float64]


Pilots = Literal[
    "random",
    "top_level",
    "top_trend",
    "smallest",
    "largest",
    "variable",
    "one_authority",
    "two_authorities",
]
BY_POPULATION: frozenset[Pilots] = frozenset(("smallest", "largest"))
FROM_AUTHORITIES: frozenset[Pilots] = frozenset(("one_authority", "two_authorities"))
Shape = Literal["constant", "ramp", "heterogeneous"]
OUTCOME = "y"
INJECTED = -10.0
"""Percent injected to learn how the statistics move; they are linear in it."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What is simulated.

    started : number of placebo pilot areas. looks : looks, one a period from the start.
    pilots : how they are chosen: at ``random``, from the tenth with the highest level or the
        steepest rise before the start, the third with the smallest or largest population, the
        third that varies most, or from one or two authorities.
    shape : of the injected effect: ``constant``; ``ramp`` from nothing to twice its mean; or
        ``heterogeneous`` over areas (spread as large as half the mean), ramping.
    choices : of the estimators. On ``log`` scale an effect of e percent is injected as e log points
        (a multiple exp(e / 100) of every treated figure), on ``level`` scale as e percent of the
        pilots' mean before the start.
    strata, block : of the assignments, as `Assignments.draw` takes them.
    assignments : placebo assignments drawn each time.
    sample : comparison areas drawn anew each time from the panel (0: all of them).
    skipped : chance that a look before the last is skipped.
    withheld : figures below this are withheld, as small counts are, after the effect is injected;
        it needs a panel of counts.
    restated : standard deviation of a restatement of the figures of earlier looks, in the areas'
        own quarterly noise; it hits every area alike.
    """

    started: int
    looks: int = 8
    pilots: Pilots = "random"
    shape: Shape = "constant"
    choices: Choices = field(default_factory=Choices)
    strata: tuple[str, ...] = ()
    block: Block | None = "area"
    assignments: int = 999
    plan: LookPlan = field(default_factory=LookPlan)
    score: Score = "mean"
    sample: int = 0
    skipped: float = 0.0
    withheld: float = 0.0
    restated: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Replicate:
    """What one simulation found, by effect injected.

    rejects : (E, L) a single test at each look. crosses : (E, L) whether a boundary is crossed by
    each look. covers : (E, L) the single look's interval. held : (E, L) no look so far rejects the
    injected effect: the repeated interval holds it. injected : (E) what was injected, in the unit
    of the estimates. errors : (E) estimate at the last look less what was injected.
    refused : the design cannot be tested at all.
    """

    rejects: NDArray[np.bool_]
    crosses: NDArray[np.bool_]
    covers: NDArray[np.bool_]
    held: NDArray[np.bool_]
    injected: Floats
    errors: Floats
    refused: bool = False


def simulate_looks(
    panel: Panel, name: EstimatorName, simulation: Simulation, effects: tuple[float, ...], seed: int
) -> Replicate:
    """Run one simulation of one estimator.

    Parameters
    ----------
    panel : outcome ``y``, no area started. effects : in percent of the level, say ``(0, -5)``.
    seed : the same seed chooses the same pilots and assignments for every estimator.
    """
    # With the number started, so that 3 and 6 pilots are separate draws; not with the estimator, so
    # that all are judged on the same pilots.
    rng = np.random.default_rng([seed, simulation.started])
    drawn = _sampled(panel, simulation, rng)
    piloted, chosen = _with_pilots(drawn, simulation, rng)
    pattern = _pattern(piloted, chosen, simulation, rng)
    try:
        assignments = Assignments.draw(
            piloted,
            n=simulation.assignments,
            block=simulation.block,
            strata=simulation.strata,
            seed=seed,
        )
    except EstimateError:
        return _refused(simulation, len(effects))
    taken = _looks_taken(simulation, rng)

    def seen(effect: float) -> tuple[Floats, Floats]:
        moved = _injected(piloted, pattern, effect, simulation)
        if simulation.withheld:
            moved = _without_small(moved, simulation.withheld)
        return _statistics(moved, name, simulation, assignments, taken, seed)

    truths = _truths(piloted, pattern, simulation, taken)
    # Withholding cuts at a threshold, so statistics are not linear in the effect: each effect is
    # simulated by itself.
    if simulation.withheld:
        try:
            found = [seen(effect) for effect in effects]
        except EstimateError:  # too little is left of the figures for this estimator
            return _refused(simulation, len(effects))
    # Statistics are linear in what is injected (on the scale of estimation): one further run gives
    # every effect.
    else:
        raw, shift = seen(0.0)
        slope = _unit(piloted, simulation) * shift
        if simulation.shape != "constant":
            slope = (seen(INJECTED)[0] - raw) / INJECTED
        found = [(raw + effect * slope, shift) for effect in effects]
    return _judged(found, np.array(effects), truths, simulation, taken)


def start_of(panel: Panel, simulation: Simulation) -> int:
    """Position of the first treated period: ``looks`` before the end of the panel."""
    return len(panel.periods) - simulation.looks


def _sampled(panel: Panel, simulation: Simulation, rng: np.random.Generator) -> Panel:
    if not simulation.sample or simulation.sample >= len(panel.areas):
        return panel
    keep = np.zeros(len(panel.areas), dtype=bool)
    keep[rng.choice(len(keep), size=simulation.sample, replace=False)] = True
    return panel.select(keep)


def _with_pilots(
    panel: Panel, simulation: Simulation, rng: np.random.Generator
) -> tuple[Panel, NDArray[np.int64]]:
    first = start_of(panel, simulation)
    open_to = _open_to(panel, simulation, first, rng)
    if len(open_to) < simulation.started:
        raise EstimateError(
            f"only {len(open_to)} areas can be pilots chosen as {simulation.pilots!r}; "
            f"{simulation.started} are wanted.",
            mend="start fewer areas, or bring a larger panel",
        )
    # Sorted, so that the same areas drawn in another order are the same pilots.
    chosen = np.sort(rng.choice(open_to, size=simulation.started, replace=False))
    return start_areas(panel, chosen, first), chosen


def start_areas(panel: Panel, chosen: NDArray[np.int64], first: int) -> Panel:
    """The panel with some areas as the pilots of one site, which starts in period ``first``."""
    areas = panel.areas.copy()
    for column, value in (
        ("start", panel.labels[first]),
        ("site", "placebo pilots"),
        ("role", "pilot"),
    ):
        held = areas[column].astype(object).to_numpy(copy=True)
        held[chosen] = value
        areas[column] = held
    return replace(panel, areas=areas)


def _open_to(
    panel: Panel, simulation: Simulation, first: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The areas from which the pilots are drawn."""
    before, n = panel.array(OUTCOME)[:, :first], len(panel.areas)
    rule = simulation.pilots
    if rule == "random":
        return np.arange(n)
    if rule in ("one_authority", "two_authorities"):
        return _in_authorities(panel, simulation, rng)
    if rule in ("smallest", "largest"):
        measure = panel.areas["population"].to_numpy(dtype=float)
        measure = -measure if rule == "smallest" else measure
    elif rule == "variable":
        # Of changes: a level that differs between areas is no variability.
        measure = deviation(np.diff(before, axis=1).T)
    else:
        late, early = before[:, first // 2 :], before[:, : first // 2]
        rise = masked_mean(late.T) - masked_mean(early.T)
        measure = rise if rule == "top_trend" else masked_mean(before.T)
    share = 0.1 if rule in ("top_level", "top_trend") else 1 / 3
    count = max(simulation.started, int(np.ceil(share * n)))
    # Ties by position, or equal figures would choose other pilots on another machine.
    return np.sort(np.argsort(-measure, kind="stable")[:count])


def _in_authorities(
    panel: Panel, simulation: Simulation, rng: np.random.Generator
) -> NDArray[np.int64]:
    authority = panel.areas["authority"].astype(str).to_numpy()
    many = 1 if simulation.pilots == "one_authority" else 2
    # Rounded up.
    each = -(-simulation.started // many)
    names, sizes = np.unique(authority, return_counts=True)
    # As many areas are left as are piloted, or the authority has nobody to be compared with.
    able = names[sizes >= 2 * each]
    if len(able) < many:
        return np.empty(0, dtype=np.int64)
    held = []
    for name in rng.choice(able, size=many, replace=False):
        held.append(rng.choice(np.flatnonzero(authority == name), size=each, replace=False))
    return np.concatenate(held)


def _pattern(
    panel: Panel, chosen: NDArray[np.int64], simulation: Simulation, rng: np.random.Generator
) -> Floats:
    """(N, T) what an effect of one looks like: mean one over the treated cells, zero elsewhere."""
    first = start_of(panel, simulation)
    over_time = np.ones(simulation.looks)
    if simulation.shape != "constant":
        over_time = np.arange(1, simulation.looks + 1) / simulation.looks
    over_areas = np.ones(len(chosen))
    if simulation.shape == "heterogeneous":
        over_areas = 1 + 0.5 * rng.standard_normal(len(chosen))
    pattern = np.zeros((len(panel.areas), len(panel.periods)))
    pattern[chosen[:, None], np.arange(first, len(panel.periods))] = over_areas[:, None] * over_time
    total = pattern[chosen, first:].mean()
    # Drawn sizes may nearly cancel: dividing by that would inject effects of any size.
    return pattern / total if abs(total) > 0.05 else pattern


def _unit(panel: Panel, simulation: Simulation) -> float:
    """What one percent is on the estimate's scale."""
    if simulation.choices.scale == "log":
        return 0.01
    first = start_of(panel, simulation)
    return 0.01 * float(np.nanmean(panel.array(OUTCOME)[panel.treated, :first]))


def _injected(panel: Panel, pattern: Floats, effect: float, simulation: Simulation) -> Panel:
    shift = effect * _unit(panel, simulation) * pattern
    figures = panel.array(OUTCOME)
    moved = figures * np.exp(shift) if simulation.choices.scale == "log" else figures + shift
    return replace(panel, figures={OUTCOME: moved})


def _without_small(panel: Panel, threshold: float) -> Panel:
    """The panel with small figures withheld."""
    figures = panel.array(OUTCOME)
    return replace(panel, figures={OUTCOME: np.where(figures < threshold, np.nan, figures)})


def _truths(
    panel: Panel, pattern: Floats, simulation: Simulation, taken: NDArray[np.int64]
) -> Floats:
    """(L) what one percent injected amounts to in the estimand of each look, on its scale."""
    first = start_of(panel, simulation)
    started = pattern[panel.treated]
    held = [started[:, first : first + look + 1].mean() for look in taken]
    return _unit(panel, simulation) * np.array(held)


def _looks_taken(simulation: Simulation, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions of the looks that are taken; the last always is."""
    skipped = rng.random(simulation.looks) < simulation.skipped
    skipped[-1] = False
    return np.flatnonzero(~skipped)


Statistics = Mapping[str, "Floats"]


def _statistics(
    panel: Panel,
    name: EstimatorName,
    simulation: Simulation,
    assignments: Assignments,
    taken: NDArray[np.int64],
    seed: int,
) -> tuple[Floats, Floats]:
    """(L, B + 1) statistics of the data and of a unit effect, as known at each look taken."""
    first, raw, shift = start_of(panel, simulation), [], []
    whole = None
    known_at = [panel.until(panel.periods[first + look]) for look in taken]
    # Such an estimator's effects do not move with later data: one fit over the whole panel serves
    # all looks.
    if not simulation.restated and registry.estimated_once(name, panel, OUTCOME):
        whole = registry.to_test(name, panel, OUTCOME, simulation.choices, assignments)
    for look, known in zip(taken, known_at, strict=True):
        estimate = whole
        if estimate is None:
            if look < taken[-1] and simulation.restated:
                known = _before_restatement(known, simulation.restated, (seed, int(look)))
            estimate = registry.to_test(name, known, OUTCOME, simulation.choices, assignments)
        found = interim.statistic(estimate, (0, int(look)), simulation.score)
        raw.append(found.raw)
        shift.append(found.shift)
    return np.array(raw), np.array(shift)


def _before_restatement(panel: Panel, size: float, seed: tuple[int, int]) -> Panel:
    """The figures as they were first published: the last ones noisier than they will be."""
    figures = panel.array(OUTCOME)
    noise = np.nanstd(np.diff(figures, axis=1)) * size
    # A stream apart from that of the pilots, and of its own at each look: seed + look would be the
    # noise of the next simulation's look before.
    rng = np.random.default_rng([*seed, 1])
    shaken = figures.copy()
    # Restatements fall on the latest figures.
    shaken[:, -2:] += noise * rng.standard_normal((len(figures), 2))
    return replace(panel, figures={OUTCOME: shaken})


def _judged(
    statistics: list[tuple[Floats, Floats]],
    effects: Floats,
    truths: Floats,
    simulation: Simulation,
    taken: NDArray[np.int64],
) -> Replicate:
    """Verdicts for every effect, from its statistics and what was injected."""
    alpha, plan = simulation.plan.alpha, simulation.plan
    times = [(int(look) + 1) / plan.horizon for look in taken]
    shape = (len(effects), simulation.looks)
    rejects, crosses, covers, held = (np.zeros(shape, dtype=bool) for _ in range(4))
    injected, errors = effects * truths[-1], np.empty(len(effects))
    for e, effect in enumerate(effects):
        now, shift = statistics[e]
        # The data less the effect injected: testing zero on them tests whether the interval holds
        # the truth.
        left = now - (effect * truths)[:, None] * shift
        for row, look in enumerate(taken):
            # A skipped look says what the look before it said, so a verdict is carried on until the
            # next.
            rejects[e, look:] = placebo_p(now[row]) <= alpha
            low, high = placebo_interval(now[row], shift[row], alpha)
            covers[e, look:] = low <= effect * truths[row] <= high
        tested, inverted = (run_looks(s, times, plan) for s in (now, left))
        for row, look in enumerate(taken):
            crosses[e, look:] = tested[row].crossed
            held[e, look:] = not inverted[row].crossed
        errors[e] = now[-1, 0] / shift[-1, 0] - injected[e]
    return Replicate(
        rejects=rejects, crosses=crosses, covers=covers, held=held, injected=injected, errors=errors
    )


def _refused(simulation: Simulation, effects: int) -> Replicate:
    nothing = np.zeros((effects, simulation.looks), dtype=bool)
    return Replicate(
        rejects=nothing,
        crosses=nothing,
        # Refused simulations are left out of every rate; these values only keep the shape.
        covers=~nothing,
        held=~nothing,
        injected=np.full(effects, np.nan),
        errors=np.full(effects, np.nan),
        refused=True,
    )
