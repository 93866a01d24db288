"""Estimate: the one result type of every estimator.

It holds effects for K entries (site x period) and the same effects under B placebo assignments
or resamples; everything later (averages, intervals, pounds) is one linear map applied to effects
and draws alike. It never fits and never plots.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from evaluation import fingerprint
from evaluation.errors import EstimateError
from evaluation.estimate.inference import (
    Average,
    Draws,
    Influence,
    apply_map,
    detectable,
    from_draws,
    from_errors,
    from_influence,
)
from evaluation.quarters import NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.drawing.canvas import Axes
    from evaluation.panel import Panel

Inference = Literal["placebo", "analytic", "bootstrap"]
Weights = Literal["simple", "event_time", "cohort", "group", "quarter", "period", "year"]
Key = Literal["event_time", "cohort", "group", "site", "area", "quarter", "period", "year"]
OwnPeriod = Literal["month", "week", "day"]
# Other names of a column of the index: R's did says group for what this package calls a cohort, and
# a yearly panel's periods stand in the column that is called quarter.
ALSO_CALLED = {"group": "cohort", "period": "quarter", "year": "quarter"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """Effects of one outcome by site (or start cohort) and period, with their uncertainty.

    Attributes
    ----------
    outcome, unit, scale : what is estimated; on scale ``log`` an effect e is a relative change of
        ``exp(e) - 1``, on ``level`` it is in the outcome's unit.
    estimator, estimand, inference, level : how, what, and the confidence level.
    index : K rows ``site, cohort, quarter, event_time, n_areas, weight``; the last two are of the
        areas that have an effect in that period.
    effects : (K) effects; NaN where the design gives none (the base period itself gives 0).
    draws : effects under other assignments (inference ``placebo``), else None.
    influence : influence functions of the effects (``analytic``, ``bootstrap``), else None.
    analytic_error : (K) standard errors where another library computed them, else None.
    exposure, observed : (K) each entry's denominator / per and observed numerator, where the panel
        holds denominators; they turn effects into people and events.
    treated_share : (K) the share of each entry's period that was treated, where effects of first
        periods treated in part stand as those of whole ones; else None.
    paths : one row a site and period: ``observed, counterfactual`` on the estimate's scale.
    weights : donor or implied weights, where the estimator has them.
    area_effects : one row a treated area: its mean effect over its own treated periods.
    warnings : what readers have to be told; each a text with a ``code`` for programs.
    panel : what it was made from, so that it can be asked how it would be without a part of it.
    base_weight : the most that one period before a start weighs in the level that effects are
        measured from: 1 where it is one period alone, 1/n where it is the mean of n.
    """

    outcome: str
    unit: str
    scale: Literal["log", "level"]
    estimator: str
    estimand: str
    inference: Inference
    level: float
    index: pd.DataFrame
    effects: NDArray[np.float64]
    draws: Draws | None = None
    influence: Influence | None = None
    analytic_error: NDArray[np.float64] | None = None
    exposure: NDArray[np.float64] | None = None
    observed: NDArray[np.float64] | None = None
    treated_share: NDArray[np.float64] | None = None
    paths: pd.DataFrame = field(default_factory=pd.DataFrame)
    weights: pd.DataFrame = field(default_factory=pd.DataFrame)
    area_effects: pd.DataFrame = field(default_factory=pd.DataFrame)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    settings: Any = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    panel: Panel | None = None
    base_weight: float = 1.0

    def overall(
        self, weights: Weights = "simple", *, window: tuple[int, int] | None = None
    ) -> pd.DataFrame:
        """The average effect on the treated areas, as a one-row table.

        Parameters
        ----------
        weights : ``simple`` weighs every treated area and period alike; ``event_time`` averages
            the effects by event time; ``cohort`` the mean effects of the cohorts by their size;
            ``quarter`` the effects by calendar period. (Callaway and Sant'Anna 2021, section 3.)
            ``group`` is another name of ``cohort``; ``period`` (and ``year`` where periods are
            years) of ``quarter``.
        window : first and last event time to include, say ``(0, 7)`` for the first 8 quarters.

        Returns
        -------
        DataFrame with ``effect, se, low, high, low_band, high_band, p_value, n_areas``.

        Raises
        ------
        EstimateError : unknown weights, no window, or one without a treated period.
        """
        asked = repr((weights, window))
        if asked not in self._averaged:
            post = self._post(window)
            table = self._table(self._overall_average(weights, post), [post], ["overall"])
            table.index.name = "average"
            self._averaged[asked] = table
        # A copy, since a table may be written to by whoever asked for it.
        return self._averaged[asked].copy()

    @cached_property
    def _averaged(self) -> dict[str, pd.DataFrame]:
        """The averages that were asked for: findings, money and figures ask for the same ones."""
        return {}

    def by(self, key: Key | OwnPeriod) -> pd.DataFrame:
        """One row an event time, cohort, site, area or period; columns as in `overall`.

        Event times include those before the start; the other tables average treated periods only.
        ``group`` is another name of ``cohort``; ``period`` (and ``year``, ``month``, ``week`` or
        ``day`` where periods are that) of ``quarter``.

        Raises
        ------
        EstimateError : an unknown key, or one that this estimate cannot be split by.
        """
        if key == "area":
            return self._by_area()
        column = self._column("split by", key, Key)
        usable = np.isfinite(self.effects)
        if key != "event_time":
            usable &= (self.index["event_time"] >= 0).to_numpy()
        labels = [label for label in _ordered(column[usable]) if label is not None]
        if not labels:
            raise EstimateError(f"a {self.estimator} estimate cannot be split by {key}.")
        # Compared as plain objects: a column of a table is slow to ask many times over.
        of_entry = column.to_numpy(dtype=object)
        masks = [usable & (of_entry == label) for label in labels]
        table = self._table(Average(maps=self._normalised(masks)), masks, labels)
        table.index.name = key
        return table

    def detectable(
        self, alpha: float | None = None, *, window: tuple[int, int] | None = None
    ) -> float:
        """The smallest overall effect that would be found four times in five, on the own scale.

        Parameters
        ----------
        alpha : of the two-sided test; by default one minus the level.

        Raises
        ------
        EstimateError : the estimate has no draws.
        """
        if self.draws is None:
            raise EstimateError("what could be seen is only known from re-assignment.")
        asked: Any = 1 - self.level if alpha is None else alpha
        # Nothing may be spent yet, and then nothing could be found.
        if not isinstance(asked, (int, float)) or not 0 <= asked < 1:
            raise EstimateError(f"alpha cannot be {alpha!r}.", expected="from 0, below 1: 0.05")
        average = self._overall_average("simple", self._post(window))
        net = apply_map(self.draws.net, average.flat)[:, 0]
        return detectable(net, asked)

    def relative(self, table: pd.DataFrame) -> pd.DataFrame:
        """Effects and limits of a table as percent changes (scale ``log`` only).

        A side without a limit stays infinite.
        """
        if self.scale != "log":
            raise EstimateError("only an estimate on the log scale is a relative change.")
        shown = table[["effect", "low", "high", "low_band", "high_band"]]
        with np.errstate(over="ignore"):
            percent = shown.apply(np.expm1) * 100
        return percent.where(np.isfinite(shown), shown)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the effects and draws, rounded to 10 significant digits."""
        rounded = {"effects": _digest(self.effects)}
        if self.draws is not None:
            rounded["draws"] = _digest(self.draws.raw)
        return fingerprint.of_data({**rounded, "what": [self.outcome, self.estimator]})

    def _column(self, use: str, name: object, allowed: object) -> pd.Series:
        """The index's column of that name, or of the one that it is another name of."""
        choices = [choice for choice in get_args(allowed) if choice != "year" or self._is_yearly]
        # A panel's own periods by their own name: months, weeks or days stand in that column.
        own = NAMES.get(self.sample.get("frequency", "Q"), "period")
        if name == own and own in ("month", "week", "day"):
            return self.index["quarter"]
        if name not in choices:
            raise EstimateError(
                f"a {self.estimator} estimate cannot be {use} {name!r}.",
                expected=" or ".join(map(repr, choices)),
            )
        return self.index[ALSO_CALLED.get(str(name), name)]

    @property
    def _is_yearly(self) -> bool:
        held = pd.api.types.is_integer_dtype(self.index["quarter"])
        return bool(held) and self.sample.get("frequency", "A") == "A"

    def _post(self, window: tuple[int, int] | None) -> NDArray[np.bool_]:
        first, last = event_times(window) if window is not None else (0, 10**6)
        event = self.index["event_time"].to_numpy()
        post: NDArray[np.bool_] = (event >= max(first, 0)) & (event <= last)
        post &= np.isfinite(self.effects)
        if not post.any():
            raise EstimateError("no treated period falls inside the window.")
        return post

    def _normalised(self, masks: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
        """(R, K) weights of the entries in each average, every row summing to one."""
        weight = np.array(masks) * self.index["weight"].to_numpy(dtype=float)
        share: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True)
        return share

    def _overall_average(self, weights: Weights, post: NDArray[np.bool_]) -> Average:
        if weights == "simple":
            return Average(maps=self._normalised([post]))
        column = self._column("weighed by", weights, Weights)
        if column[post].isna().all():
            raise EstimateError(f"a {self.estimator} estimate cannot be weighed by {weights}.")
        masks = [post & (column == label).to_numpy() for label in _ordered(column[post])]
        maps = self._normalised(masks)
        if column.name != "cohort":
            return Average(maps=maps, shares=np.full(len(maps), 1 / len(maps)))
        sizes = self._over_sites("weight", masks)
        return Average(maps=maps, shares=sizes / sizes.sum(), by_size=True)

    def _over_sites(self, column: str, masks: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
        """(R) sum over sites' cohorts of the largest figure among the entries of each mask.

        A site's areas may start at different times, and are then different areas.
        """
        site = self.index.groupby(["site", "cohort"], dropna=False, sort=False).ngroup().to_numpy()
        held = np.array(masks) * self.index[column].to_numpy(dtype=float)
        largest = [held[:, site == s].max(axis=1) for s in range(site.max() + 1)]
        summed: NDArray[np.float64] = np.sum(largest, axis=0)
        return summed

    def _table(
        self, average: Average, masks: list[NDArray[np.bool_]], labels: list[Any]
    ) -> pd.DataFrame:
        if self.draws is not None:
            table = from_draws(self.effects, self.draws, average.flat, self.level)
        elif self.influence is not None:
            table = from_influence(self.effects, self.influence, average, self.level)
        else:
            table = from_errors(self.effects, self.analytic_error, average.flat, self.level)
        table["n_areas"] = np.rint(self._over_sites("n_areas", masks)).astype(np.int64)
        table.index = pd.Index(labels)
        return table

    def _by_area(self) -> pd.DataFrame:
        if self.area_effects.empty:
            raise EstimateError(f"a {self.estimator} estimate has no effects by area.")
        return self.area_effects.drop(columns="site", errors="ignore")

    def summary(self) -> str:
        """Effects and ranges, what they rest on, how good the fit is, and what to beware of.

        The same text is what `print` and a notebook show.
        """
        return str(_later("summary", "summary")(self))

    def to_frame(self) -> pd.DataFrame:
        """The overall effect and each event time as numbers, a row each (index: ``term``).

        Columns as in `overall`; ready for ``to_stata``, ``to_csv`` and ``to_parquet``.
        """
        table: pd.DataFrame = _later("summary", "to_frame")(self)
        return table

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, fit for JSON; None for a number that does not exist."""
        held: dict[str, Any] = _later("summary", "to_dict")(self)
        return held

    def to_markdown(self) -> str:
        """The table and its notes as Markdown."""
        return str(_later("summary", "to_markdown")(self))

    def to_latex(self) -> str:
        r"""The table and its notes as LaTeX, for ``\usepackage{booktabs}``."""
        return str(_later("summary", "to_latex")(self))

    def plot(self, *, axes: Axes | None = None) -> Axes:
        """Effects by event time: dots with their ranges, and the band that holds all at once.

        Parameters
        ----------
        axes : matplotlib's axes to draw on; by default a figure of its own.

        Raises
        ------
        EstimateError : the estimate is one coefficient.
        """
        drawn: Axes = _later("plots", "event_study")(self, axes)
        return drawn

    def plot_paths(self, site: str | None = None, *, axes: Axes | None = None) -> Axes:
        """What was seen in treated areas, what would have been, and the comparison areas' mean.

        Parameters
        ----------
        site : one site; by default all, averaged by their areas.
        axes : as in `plot`.

        Raises
        ------
        EstimateError : no such site, or an estimator without paths.
        """
        drawn: Axes = _later("plots", "paths")(self, site, axes)
        return drawn

    def plot_gaps(self, *, axes: Axes | None = None) -> Axes:
        """The gap of treated areas by event time before those of placebos in hair lines.

        Raises
        ------
        EstimateError : the estimate has no placebos, or is one coefficient.
        """
        drawn: Axes = _later("plots", "gaps")(self, axes)
        return drawn

    def plot_weights(self, area: object = None, *, axes: Axes | None = None) -> Axes:
        """Donors by weight, of one treated area or the mean of all.

        Raises
        ------
        EstimateError : no such area, or an estimator without weights.
        """
        drawn: Axes = _later("plots", "weights")(self, area, axes)
        return drawn

    def in_time_placebo(self, periods: int | None = None, **how: Any) -> Estimate:
        """The same estimate on the time before the first start, as if begun ``periods`` before it.

        Nothing had begun, so its effects should be near zero (Abadie, Diamond and Hainmueller
        2015). With predictors, V is searched anew.

        Parameters
        ----------
        periods : by default a third of those before the start.
        how : other arguments of the estimator, ``assignments`` or ``seed`` say.

        Raises
        ------
        EstimateError : as the estimator does, or no period would be left.
        """
        found: Estimate = _later("again", "in_time_placebo")(self, periods, how)
        return found

    def leave_one_out(self, what: Literal["donors", "areas"] = "donors") -> pd.DataFrame:
        """The effect without one donor with weight, or one treated area, at a time.

        Returns
        -------
        DataFrame with ``area, donor, weight, effect, change`` or ``area, effect, change``;
        ``change`` is how far the effect lies from the one with all.

        Raises
        ------
        EstimateError : an estimator without donors, or a single treated area.
        """
        table: pd.DataFrame = _later("again", "leave_one_out")(self, what)
        return table

    def with_donors(
        self, only: Collection[Any] | None = None, *, without: Collection[Any] = (), **how: Any
    ) -> Estimate:
        """The same estimate with other comparison areas.

        Parameters
        ----------
        only : codes of the comparison areas to keep; None keeps all.
        without : codes of those to leave out.
        how : other arguments of the estimator.

        Raises
        ------
        EstimateError : a code that is no comparison area, or as the estimator does.
        """
        found: Estimate = _later("again", "with_donors")(self, only, without, how)
        return found

    def bacon_weights(self) -> pd.DataFrame:
        """What a two-way coefficient of this panel would average (Goodman-Bacon 2021).

        One row a 2 x 2 comparison: ``started, compared, kind, weight, effect``.

        Raises
        ------
        EstimateError : a figure is missing.
        """
        table: pd.DataFrame = _later("again", "bacon_weights")(self)
        return table

    def identification_range(self) -> pd.DataFrame:
        """How far each area's effect moves over weights that fit as well: ``effect, low, high``.

        Raises
        ------
        EstimateError : an estimator that leaves no other weights open.
        """
        table: pd.DataFrame = _later("again", "identification_range")(self)
        return table

    def fit_table(self) -> pd.DataFrame:
        """How close each treated area's synthetic control is before the start, a row an area.

        Raises
        ------
        EstimateError : an estimator without synthetic controls.
        """
        table: pd.DataFrame = _later("again", "fit_table")(self)
        return table

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"

    def __repr__(self) -> str:
        return self.summary()


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function of a neighbour that is built on estimates: loaded when it is asked for."""
    found: Callable[..., Any] = getattr(import_module(f"evaluation.estimate.{module}"), name)
    return found


def event_times(window: object) -> tuple[int, int]:
    """First and last event time of a window.

    Raises
    ------
    EstimateError : it is no pair of whole numbers.
    """
    pair = list(window) if isinstance(window, Sequence) else []
    if len(pair) != 2 or not all(isinstance(time, (int, np.integer)) for time in pair):
        raise EstimateError(
            f"a window of {window!r} names no event times.",
            expected="the first and last event time, such as (0, 7)",
        )
    return int(pair[0]), int(pair[1])


def _ordered(column: pd.Series) -> list[Any]:
    return sorted(pd.unique(column.dropna()).tolist())


def _digest(numbers: NDArray[np.float64]) -> str:
    text = ",".join("nan" if np.isnan(x) else f"{x:.9e}" for x in numbers.ravel())
    return fingerprint.of_bytes(text.encode())
