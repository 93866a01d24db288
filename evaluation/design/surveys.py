"""What a survey could find on a programme's own areas, before anybody is asked.

Waves are invented with no effect in them and with the declared spread of persons; each is estimated
as the study would estimate it, by difference-in-differences of all waves after the start less all
before, with starts re-drawn over the programme's own areas. An effect that lies beyond the range
that a survey leaves open would be found: so one estimate tells the power at every effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError, UserError
from evaluation.estimate.assignments import Assignments, Block, VarianceModel
from evaluation.estimate.inference import placebo_interval, placebo_p
from evaluation.estimate.placebo_effects import Rule, placebo_effects
from evaluation.panel import Panel
from evaluation.programme import Programme
from evaluation.quarters import Period, period_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ASSIGNMENTS = 999
POWER, LEVEL = 0.8, 0.95
FIRST = Period("A", 2001)
"""Waves are numbered as years: their spacing enters nowhere, and they share no calendar."""


@dataclass(frozen=True, kw_only=True)
class Variation:
    """How answers vary; shares of a person's variance, as an intraclass correlation is one.

    person_sd : of one person's answer, in the outcome's unit. lasting : between areas, for good.
    passing : of an area in a wave, of which ``persistence`` goes on to the next. shared : the same
    of an authority. design : how many times weighting and households enlarge the variance.

    How an area's part of the variance divides between lasting and passing sets the floor below
    which no number of interviews comes, and is known only from waves that were held.
    """

    person_sd: float = 1.9
    lasting: float = 0.012
    passing: float = 0.006
    shared: float = 0.002
    persistence: float = 0.5
    design: float = 1.4


@dataclass(frozen=True, kw_only=True)
class Group:
    """A part of the adults that is judged by itself over the whole programme, as women are."""

    name: str
    share: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Who is asked: people an area and wave in either arm, waves, and how many lie before a start.

    before : waves before the first start; sites start one wave after another in their own order,
    two at a time at most. comparisons : how many comparison areas, whole authorities; None for all.
    """

    respondents: int
    waves: int = 8
    before: int = 3
    comparisons: int | None = None
    in_pilots: int | None = None
    group: str = ""

    @property
    def pilots(self) -> int:
        """People asked in a pilot area and wave: as many as elsewhere unless said."""
        return self.in_pilots or self.respondents


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a plan could find, with Monte Carlo errors; points of the outcome's unit.

    comparisons : areas compared with. authorities : theirs. interviews : in all areas and waves.
    mde : the effect that is found four times in five, infinite where none is. size : how often an
    effect is found where there is none. sd : of the estimates. reaches : the effect from which on
    each survey finds it, in either direction.
    """

    plan: Plan
    comparisons: int
    authorities: int
    interviews: int
    mde: float
    mde_error: float
    size: float
    size_error: float
    sd: float
    reaches: Floats
    simulations: int

    def power(self, effect: float) -> float:
        """The share of surveys in which an effect of this size, either way, is found."""
        return float((self.reaches < abs(effect)).mean())

    def as_dict(self) -> dict[str, Any]:
        """A row of the table of trade-offs."""
        return {
            "group": self.plan.group or None,
            "respondents": self.plan.respondents,
            "respondents_in_pilots": self.plan.pilots,
            "waves": self.plan.waves,
            "before": self.plan.before,
            "comparisons": self.comparisons,
            "authorities": self.authorities,
            "interviews": self.interviews,
            "mde": round(self.mde, 4) if math.isfinite(self.mde) else None,
            "mde_error": round(self.mde_error, 4) if math.isfinite(self.mde_error) else None,
            "size": round(self.size, 4),
            "size_error": round(self.size_error, 4),
            "simulations": self.simulations,
        }


def areas_of(programme: Programme, comparisons: int | None = None) -> pd.DataFrame:
    """A programme's pilot and comparison areas, one row an area; whole authorities.

    Parameters
    ----------
    comparisons : about how many to keep; authorities are taken in the order of their names until
        there are so many.

    Raises
    ------
    UserError : there are no pilot areas, or fewer comparison areas than are asked for.
    """
    rows = [
        {"area": area.code, "site": area.site, "authority": area.authority, "role": area.role}
        for area in programme.areas
        if area.role != "excluded" and area.geography == "neighbourhood"
    ]
    table = pd.DataFrame(rows, columns=["area", "site", "authority", "role"]).set_index("area")
    others = table[table["role"] == "comparison"]
    if comparisons is not None:
        if comparisons > len(others):
            raise UserError(
                f"{programme.name} has {len(others)} comparison areas, not {comparisons}.",
                mend="ask for fewer, or declare more in areas.csv",
            )
        sizes = others.groupby("authority").size().sort_index()
        wanted = sizes.index[sizes.cumsum().to_numpy() - sizes.to_numpy() < comparisons]
        others = others[others["authority"].isin(wanted)]
    pilots = table[table["role"] == "pilot"]
    if pilots.empty or others.empty:
        raise UserError(
            "a survey of both arms needs pilot and comparison areas.", where=programme.name
        )
    return pd.concat([pilots, others])


def invented(
    areas: pd.DataFrame, plan: Plan, variation: Variation, rng: np.random.Generator
) -> Panel:
    """One survey without an effect, outcome ``y``, with its sampling errors.

    Parameters
    ----------
    areas : as `areas_of` gives them.
    """
    n, waves = len(areas), plan.waves
    pilot = (areas["role"] == "pilot").to_numpy()
    authority = pd.factorize(areas["authority"])[0]
    sd = variation.person_sd
    asked = np.where(pilot, plan.pilots, plan.respondents)
    error = sd * np.sqrt(variation.design / asked)
    own = np.sqrt(variation.passing) * _shocks(rng, n, waves, variation.persistence)
    common = _shocks(rng, int(authority.max()) + 1, waves, variation.persistence)
    level = np.sqrt(variation.lasting) * rng.standard_normal(n)
    figures = sd * (level[:, None] + own + np.sqrt(variation.shared) * common[authority])
    figures += error[:, None] * rng.standard_normal((n, waves))
    span = period_range(FIRST, FIRST + (waves - 1))
    sites = {site: place for place, site in enumerate(dict.fromkeys(areas["site"].dropna()))}
    # Half of the sites start a wave later where there is room for it, as programmes roll out.
    late = 1 if waves - plan.before > 1 else 0
    starts = pd.Series(index=areas.index, dtype=object)
    starts[:] = [
        (FIRST + (plan.before + late * (sites[site] % 2))).label if site in sites else None
        for site in areas["site"]
    ]
    table = areas.assign(start=starts, population=None, stratum=None)
    return Panel(
        areas=table[["site", "authority", "role", "start", "population", "stratum"]].astype(object),
        periods=span,
        figures={"y": figures},
        sampling_error={"y": np.repeat(error[:, None], waves, axis=1)},
    )


def _shocks(rng: np.random.Generator, rows: int, waves: int, persistence: float) -> Floats:
    """(rows, waves) stationary AR(1) of unit variance."""
    fresh: Floats = rng.standard_normal((rows, waves))
    fresh[:, 1:] *= np.sqrt(1 - persistence**2)
    for t in range(1, waves):
        fresh[:, t] += persistence * fresh[:, t - 1]
    return fresh


def could_find(
    areas: pd.DataFrame,
    plan: Plan,
    *,
    variation: Variation | None = None,
    simulations: int = 400,
    seed: int = 0,
    block: Block = "authority",
) -> Found:
    """What a plan could find on these areas.

    With an additive effect d the range that a survey leaves open moves by d. So d is found where
    the range of the survey without it would not have reached -d: each simulated survey tells, for
    either direction, from which effect on it is found, and the effect found four times in five is
    a quantile of those. Half of the room of a two-sided test is spent on either side.

    Raises
    ------
    UserError : no wave before or after the start.
    EstimateError : the areas give too few assignments to judge by.
    """
    if not 0 < plan.before < plan.waves:
        raise UserError(
            f"{plan.before} of {plan.waves} waves lie before the first start.",
            expected="at least one before and one after",
        )
    varied = variation or Variation()
    rng = np.random.default_rng(seed)
    surveys = [invented(areas, plan, varied, rng) for _ in range(simulations)]
    assignments = _assignments(surveys[0], plan, varied, block=block, seed=seed)
    changes = {
        g: np.stack([_change(one.array("y"), g) for one in surveys], axis=1)
        for g in np.unique(assignments.treated.starts).tolist()
    }
    raw = statistics(changes, assignments, plan.waves)
    # A unit effect in the treated areas' own waves: where one stands for another that starts
    # earlier or later, only part of it carries.
    starts = surveys[0].start_index[:, None]
    unit = ((starts >= 0) & (np.arange(plan.waves) >= starts)).astype(float)
    carried = {g: _change(unit, g)[:, None] for g in changes}
    shift = statistics(carried, assignments, plan.waves)[:, 0]
    return _found(areas, plan, raw, shift)


def _change(figures: Floats, g: int) -> Floats:
    """(N) mean of the waves from the start on less the mean of those before."""
    change: Floats = figures[:, g:].mean(axis=1) - figures[:, :g].mean(axis=1)
    return change


def statistics(changes: dict[int, Floats], assignments: Assignments, waves: int) -> Floats:
    """(B + 1, R) the overall effect under every assignment, for R surveys of the same areas.

    ``changes`` : start -> (N, R). Surveys stand where a panel's periods do, so that the study's own
    rule of placebo effects serves thousands of them at once; a site counts by its areas times its
    waves after the start, as the overall effect of difference-in-differences does.
    """
    treated = assignments.treated
    sites, n = len(treated.names), len(assignments.strata)
    effects = placebo_effects(changes, assignments, Rule(comparison="never"), np.ones(n))
    by_site = effects.reshape(len(effects), sites, -1)
    weight = np.bincount(treated.cohort_of, minlength=sites) * (waves - treated.starts)
    overall: Floats = np.einsum("bsr,s->br", by_site, weight / weight.sum())
    return overall


def _assignments(
    panel: Panel, plan: Plan, varied: Variation, *, block: Block, seed: int
) -> Assignments:
    """The re-drawn starts, brought to scale where the arms are measured unlike."""
    drawn = Assignments.draw(panel, n=ASSIGNMENTS, block=block, strata=(), seed=seed)
    if drawn.distinct < 1 / (1 - LEVEL):
        raise EstimateError(
            f"{drawn.distinct} different ways to draw the starts tell no effect at "
            f"{100 * (1 - LEVEL):.0f} %.",
            mend="more comparison authorities",
        )
    if plan.pilots == plan.respondents:
        return drawn
    first = int(drawn.treated.starts.min())
    weight = np.where(np.arange(plan.waves) < first, -1 / first, 1 / (plan.waves - first))
    apart = np.abs(np.subtract.outer(np.arange(plan.waves), np.arange(plan.waves)))
    moves = float(weight @ varied.persistence**apart @ weight) * varied.person_sd**2
    error = panel.sampling_error["y"]
    model = VarianceModel(
        common=(varied.passing + varied.shared) * moves,
        shared=varied.shared * moves,
        sampling=dict(zip(panel.areas.index, (error**2 @ weight**2).tolist(), strict=True)),
    )
    return drawn.studentised(model, panel)


def _found(areas: pd.DataFrame, plan: Plan, raw: Floats, shift: Floats) -> Found:
    simulations = raw.shape[1]
    ranges = [placebo_interval(raw[:, r], shift, 1 - LEVEL) for r in range(simulations)]
    held = np.array([reach for low, high in ranges for reach in (high, -low)])
    p = np.array([placebo_p(raw[:, r]) for r in range(simulations)])
    size = float((p <= 1 - LEVEL + 1e-9).mean())
    others = areas[areas["role"] == "comparison"]
    people = plan.waves * (
        plan.pilots * int((areas["role"] == "pilot").sum()) + plan.respondents * len(others)
    )
    return Found(
        plan=plan,
        comparisons=len(others),
        authorities=others["authority"].nunique(),
        interviews=people,
        mde=_quantile(held, POWER),
        mde_error=_quantile_error(held, simulations),
        size=size,
        size_error=math.sqrt(size * (1 - size) / simulations),
        sd=float(np.std(raw[0], ddof=1)) if simulations > 1 else math.nan,
        reaches=held,
        simulations=simulations,
    )


def _quantile_error(held: Floats, simulations: int) -> float:
    """Monte Carlo error of the quantile: half the distance of those one error of the share apart.

    The two directions of one survey mirror one another, so the surveys and not the reaches count.
    """
    step = math.sqrt(POWER * (1 - POWER) / simulations)
    low, high = (_quantile(held, share) for share in (POWER - step, min(POWER + step, 1.0)))
    return (high - low) / 2 if math.isfinite(low) else math.inf


def _quantile(held: Floats, share: float) -> float:
    """A quantile; infinite among reaches without an end, between which nothing can be drawn."""
    share = max(share, 0.0)
    lower = float(np.quantile(held, share, method="lower"))
    return float(np.quantile(held, share)) if math.isfinite(lower) else lower


def trade_offs(
    programme: Programme,
    *,
    respondents: Sequence[int],
    waves: Sequence[int],
    comparisons: Sequence[int] | None = None,
    before: int = 3,
    groups: Sequence[Group] = (),
    variation: Variation | None = None,
    simulations: int = 400,
    seed: int = 0,
) -> list[Found]:
    """What every combination could find: people asked, waves held, comparison areas.

    Waves before the start: three of eight, and in shorter surveys about as large a part. Of each
    group as many answer as its share of those asked: the effect among its own people is harder to
    find, and each has its own smallest one.

    Raises
    ------
    UserError, EstimateError : as `areas_of` and `could_find`.
    """
    whole = areas_of(programme)
    every = comparisons or [int((whole["role"] == "comparison").sum())]
    found = []
    for many in every:
        areas = areas_of(programme, many)
        for number in waves:
            for n in respondents:
                for one in (None, *groups):
                    plan = Plan(
                        respondents=n if one is None else max(round(n * one.share), 1),
                        waves=number,
                        before=_before(number, before),
                        comparisons=many,
                        group="" if one is None else one.name,
                    )
                    found.append(
                        could_find(
                            areas, plan, variation=variation, simulations=simulations, seed=seed
                        )
                    )
    return found


def _before(waves: int, before: int) -> int:
    """Waves before the first start: as asked, and of few waves at most half."""
    return max(1, min(before, waves // 2))
