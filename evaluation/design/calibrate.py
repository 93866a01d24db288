"""How often the actual pipeline is wrong on somebody's own panel, each rate with its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from evaluation import quarters
from evaluation.design.many import Runs, simulate_many
from evaluation.design.simulation import OUTCOME, Simulation
from evaluation.errors import EstimateError, PanelError
from evaluation.estimate import arguments
from evaluation.estimate.synthetic_weights import enough
from evaluation.finding.verdict import percent_of_logs
from evaluation.panel import Panel
from evaluation.progress import Progress, to_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from evaluation.design.many import Found
    from evaluation.protocol import EstimatorName


ANY = "any"


def rows(
    estimator: str, started: int, effects: Sequence[float], found: Found
) -> list[dict[str, Any]]:
    """One row an effect and look, and one for any look.

    Rates are over the simulations that were not refused, ``simulations`` of them; ``refused`` is
    the share of those that were, and where all were, rates are null. ``size`` is the share of
    rejections where nothing was injected, ``power`` where something was (each null in the other's
    rows); ``bias`` is in the unit in which effects are estimated; ``mc_se`` is the standard error
    of the row's size or power, ``mc_se_coverage`` of its coverage.
    """
    table = []
    looks = found["rejects"].shape[2]
    # A refusal is no error: rates are over what was answered, and the share refused stands beside
    # them.
    held = ~found["refused"]
    refused = float(found["refused"].mean())
    for e, effect in enumerate(effects):
        errors = found["errors"][held, e]
        # numpy warns of the mean of nothing.
        bias = float(np.nanmean(errors)) if np.isfinite(errors).any() else None
        for look in (*range(looks), ANY):
            last = looks - 1 if look == ANY else look
            hits = found["crosses" if look == ANY else "rejects"][held, e, last]
            covered = found["held" if look == ANY else "covers"][held, e, last]
            rate, share = _rate(hits), _rate(covered)
            table.append(
                {
                    "estimator": estimator,
                    "started": started,
                    "effect": effect,
                    "look": look if look == ANY else int(look) + 1,
                    "size": rate[0] if effect == 0 else None,
                    "power": rate[0] if effect != 0 else None,
                    "coverage": share[0],
                    "bias": bias if look in (looks - 1, ANY) else None,
                    "mc_se": rate[1],
                    "mc_se_coverage": share[1],
                    "simulations": len(hits),
                    "refused": refused,
                }
            )
    return table


def _rate(hits: NDArray[np.bool_] | NDArray[np.float64]) -> tuple[float | None, float | None]:
    """A share of hits, or the mean of shares, with its standard error; None of nothing."""
    # A single simulation has no spread to take an error from.
    if len(hits) < 2:
        return None, None
    share = float(hits.mean())
    if hits.dtype == np.bool_:
        # Of no hit or nothing but hits the error is that of one.
        return share, float((max(share * (1 - share), 1 / len(hits)) / len(hits)) ** 0.5)
    return share, float(np.std(hits, ddof=1) / len(hits) ** 0.5)


def bar_row(
    bar: Mapping[str, Any], hits: NDArray[np.bool_] | NDArray[np.float64], refused: float = 0.0
) -> dict[str, Any]:
    """One rate beside the band that it must meet.

    Parameters
    ----------
    bar : ``what, estimator, areas, claim`` and ``band``, its ends. hits : (simulations) whether
        each that was not refused was a hit, or a share each. refused : the share that was.
    """
    (share, error), (low, high) = _rate(hits), bar["band"]
    passes = False
    if share is not None and error is not None:
        # A bar fails only where the whole of two standard errors lies outside: simulation noise
        # alone must fail none.
        passes = low <= share + 2 * error and share - 2 * error <= high
    return {
        "what": bar["what"],
        "estimator": bar["estimator"],
        "areas": bar["areas"],
        "measured": share,
        "mc_se": error,
        "low": low,
        "high": high,
        "claim": bar["claim"],
        "passes": passes,
        "refused": refused,
        "simulations": len(hits),
    }


def detectable(effects: Sequence[float], found: Found, power: float = 0.8) -> float | None:
    """The smallest injected effect (as a positive figure) that the looks find with this power.

    Read off between the effects tried by straight lines in the normal quantile of the power, which
    is how the power of a test of a mean runs; None where even the largest is not found often
    enough.
    """
    normal, crosses = NormalDist(), found["crosses"][~found["refused"]]
    if not len(crosses):
        return None
    hits, least = crosses[:, :, -1].mean(axis=0), 0.5 / len(crosses)
    size = np.abs(np.asarray(effects, dtype=float))
    order = np.argsort(size)
    # Power rises with size; a dip between two sizes is noise of the simulation.
    size, hits = size[order], np.maximum.accumulate(hits[order])
    if hits[-1] < power:
        return None
    # Shares of 0 and 1 have no normal quantile: half a simulation stands for either end.
    quantiles = [normal.inv_cdf(float(hit)) for hit in np.clip(hits, least, 1 - least)]
    return float(np.interp(normal.inv_cdf(power), quantiles, size))


SHORT: dict[str, EstimatorName] = {
    "did": "did",
    "imputation": "imputation",
    "sc": "synthetic_control",
    "ridge": "augmented_synthetic_control",
    "sdid": "synthetic_did",
}


@dataclass(frozen=True)
class Columns:
    """Which columns of a long table hold what; one row an area and period."""

    area: str
    period: str
    value: str
    population: str | None = None
    authority: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Same:
    """The same panel in every simulation."""

    panel: Panel

    def __call__(self, number: int) -> Panel:  # noqa: ARG002 - panels may differ by simulation
        return self.panel


@dataclass(frozen=True, kw_only=True, eq=False)
class Read:
    """A panel read for simulations. left_out : areas of the file that are not in it."""

    panel: Panel
    left_out: int

    @property
    def with_gaps(self) -> int:
        """Areas in it that lack a figure somewhere."""
        return _with_gaps(self.panel)


def _with_gaps(panel: Panel) -> int:
    return int(np.isnan(panel.array(OUTCOME)).any(axis=1).sum())


def read_panel(path: Path, columns: Columns, looks: int, *, keep_gaps: bool = False) -> Read:
    """A panel for simulations from a CSV file, and how many of its areas were left out.

    Parameters
    ----------
    keep_gaps : whether areas with a missing figure stay. Each has to be able to be a pilot: with a
        figure in the quarter of the start and in three before it; others are left out all the same.
        Without, every area that lacks a figure is left out.

    Raises
    ------
    PanelError : the file cannot be read, lacks a column, no area is left, or the looks leave no
        period before the start.
    """
    panel = _panel_of(path, columns)
    first = len(panel.periods) - looks
    if first < 1:
        raise PanelError(
            f"{looks} looks leave nothing before the start in {len(panel.periods)} periods.",
            where=path.name,
            mend="ask for fewer looks",
        )
    held = np.isfinite(panel.array(OUTCOME))
    able = held[:, first] & enough(held[:, :first])
    kept = np.asarray(able if keep_gaps else held.all(axis=1))
    if not kept.any():
        raise PanelError(
            "no area has a figure in the quarter of the start and enough before it."
            if keep_gaps
            else "no area has a figure in every period.",
            where=path.name,
            mend="look for a quarter that is missing everywhere"
            + ("" if keep_gaps else ", or keep areas with gaps: --keep-gaps"),
        )
    return Read(panel=panel.select(kept), left_out=int((~kept).sum()))


def _panel_of(path: Path, columns: Columns) -> Panel:
    """Every area of a long table, its figures as the outcome of simulations."""
    if not path.is_file():
        raise PanelError(
            "there is no such file.", where=str(path), mend="name a CSV file, which may end in .gz"
        )
    try:
        frame = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise PanelError(f"it cannot be read as CSV: {error}.", where=path.name) from None
    wanted = [columns.area, columns.period, columns.value]
    extra = [name for name in (columns.population, columns.authority) if name]
    if missing := [name for name in (*wanted, *extra) if name not in frame]:
        raise PanelError(
            f"it has no column {missing[0]!r}.",
            where=path.name,
            expected=", ".join(map(str, frame)),
        )
    first = frame.groupby(columns.area, sort=True)
    for name in extra:
        # An attribute is one figure an area: its first, where a file has one for every period.
        frame[name] = first[name].transform("first")
    panel = Panel.from_long(
        frame,
        area=columns.area,
        period=columns.period,
        outcomes=columns.value,
        population=columns.population,
        authority=columns.authority,
    )
    # Under the one name that simulations know, whatever the column is called.
    return replace(panel, figures={OUTCOME: panel.array(columns.value)})


def refuse_no_counts(panel: Panel, threshold: float) -> None:
    """Refuse to withhold small figures of what are no counts.

    Raises
    ------
    PanelError : a figure is below zero or no whole number, or the threshold is below zero.
    """
    if threshold < 0:
        raise PanelError(
            f"figures below {threshold:g} cannot be withheld.", expected="a count, say 5"
        )
    figures = panel.array(OUTCOME)
    wrong = np.isfinite(figures) & ((figures < 0) | (figures != np.round(figures)))
    if threshold and wrong.any():
        area, period = np.argwhere(wrong)[0]
        raise PanelError(
            f"only counts are withheld where they are small, and these figures are none: "
            f"{figures[area, period]:g} in area {panel.areas.index[area]}, "
            f"{panel.labels[period]}.",
            expected="whole numbers, 0 or above",
            mend="name the column of counts as the one of figures, or withhold none",
        )


def _to_simulate(panel: Panel) -> Panel:
    """The panel with its outcome under the one name that simulations know.

    Raises
    ------
    PanelError : areas have started in it, or it holds several outcomes.
    """
    if panel.treated.any():
        first = panel.areas.index[int(panel.treated.argmax())]
        raise PanelError(
            f"{int(panel.treated.sum())} areas of the panel have started (the first is {first}, in "
            f"{panel.areas['start'][first]}): what they show would be counted as chance.",
            expected="a panel in which nothing has started, so that the pilots can be drawn",
            mend="calibrate on panel.select(~panel.treated), or on the periods before the first "
            "start: panel.until(...)",
        )
    if OUTCOME in panel.outcomes:
        return panel
    if len(panel.outcomes) != 1:
        raise PanelError(
            f"the panel holds {len(panel.outcomes)} outcomes, and one is calibrated at a time.",
            expected=", ".join(panel.outcomes),
            mend="make the panel of one of them",
        )
    return replace(panel, figures={OUTCOME: panel.array(panel.outcomes[0])})


def _percent(size: float | None, how: Simulation) -> float | None:
    """An injected size as a fall in percent; on logarithms it was injected in log points."""
    if size is None or how.choices.scale == "level":
        return size
    return float(percent_of_logs(np.array(size / 100), "fall"))


def _of_one(panel: Panel, outcome: str) -> Panel:
    """The panel with one outcome, without areas that have started or that are excluded."""
    held = panel.select(~panel.treated).eligible()
    errors = held.sampling_error.get(outcome)
    return replace(
        held,
        areas=held.areas.assign(start=None, role="comparison"),
        figures={OUTCOME: held.array(outcome)},
        denominators={},
        statuses={},
        sampling_error={} if errors is None else {OUTCOME: errors},
        apportioned={},
    )


# How many simulations a call without settings makes: rates to about two points.
A_FEW = 200


def _checked(
    panel: Panel, estimators: object, started: object, looks: int | None, effects: object
) -> Sequence[EstimatorName]:
    """The estimators as a list, once all else that a call names can be simulated.

    Raises
    ------
    EstimateError : with the first argument that cannot.
    """
    arguments.a_panel(panel)
    if started is not None:
        for one in arguments.several("started", started, "[1, 3]"):
            arguments.a_count("started", one)
    arguments.numbers("effects", effects, "(0.0, -5.0)")
    if looks is not None:
        arguments.a_count("looks", looks)
        if looks >= len(panel.periods):
            raise EstimateError(
                f"{looks} looks leave none of the {len(panel.periods)} periods before them.",
                expected=f"at most {len(panel.periods) - 1}",
                mend="simulate fewer looks, or bring a longer panel",
            )
    # The letters of a name would be taken for names.
    one_name = isinstance(estimators, str)
    listed = [estimators] if one_name else arguments.several("estimators", estimators, "['did']")
    return cast("Sequence[EstimatorName]", listed)


def _refuse_settings(simulation: object, runs: object) -> None:
    """Refuse settings of another type.

    Raises
    ------
    EstimateError : as it says.
    """
    if runs is not None and not isinstance(runs, Runs):
        raise EstimateError(f"runs cannot be {runs!r}.", expected="Runs(1000)")
    if simulation is not None and not isinstance(simulation, Simulation):
        raise EstimateError(f"simulation cannot be {simulation!r}.", expected="Simulation(...)")


def calibrate(
    panel: Panel,
    outcome: str | Sequence[EstimatorName],
    estimators: EstimatorName | Sequence[EstimatorName] = ("did",),
    *,
    started: Sequence[int] | None = None,
    looks: int | None = None,
    effects: Sequence[float] = (0.0, -5.0, -10.0),
    simulation: Simulation | None = None,
    runs: Runs | None = None,
    progress: Progress = to_terminal,
) -> dict[str, Any]:
    """Size, coverage, power and bias of each estimator on a panel.

    ``calibrate(panel, "y", ["did", "synthetic_did"])`` asks how often each errs on this panel:
    placebo pilots are drawn from areas that have not started, effects injected, looks taken.

    Parameters
    ----------
    panel : whose areas that have started, and those that are excluded, are left out. Where the
        second argument names estimators and no outcome, it has one outcome and nothing has started
        in it.
    outcome : which of the panel's is simulated. estimators : their names, or one name.
    started : numbers of placebo pilot areas; by default 1, 3, 6 and 12, as far as there are three
        times as many areas. effects : injected, in percent of the level.
    looks : one a period from the start; by default 8, or a third of the periods.
    simulation : looks, choice of pilots, strata, scale, what is withheld; ``started`` in it is set
        from ``started``.
    progress : is told how far it is; by default on standard error, where that is a terminal.

    Returns
    -------
    ``rows`` (see `evaluation.design.calibrate.rows`), ``detectable`` (the smallest effect found
    four times in five over the looks, as a fall in per cent) and what was run.

    Raises
    ------
    PanelError : areas of the panel have started, it holds several outcomes, or figures are to be
        withheld and it holds no counts.
    """
    estimators = _checked(panel, estimators, started, looks, effects)
    _refuse_settings(simulation, runs)
    left = 0
    if isinstance(outcome, str):
        left = int(panel.treated.sum())
        panel = _of_one(panel, outcome)
        looks = looks or (None if simulation else max(min(8, len(panel.periods) // 3), 1))
        runs = runs or Runs(A_FEW)
    else:
        estimators = outcome
    if started is None:
        started = [n for n in (1, 3, 6, 12) if 3 * n <= len(panel.areas)] or [1]
        started = started if isinstance(outcome, str) else (1, 3, 6, 12)
    panel = _to_simulate(panel)
    how, asked = simulation or Simulation(started=1), runs or Runs()
    how = how if looks is None else replace(how, looks=looks, plan=replace(how.plan, horizon=looks))
    refuse_no_counts(panel, how.withheld)
    table, found_at_80 = [], []
    for name in estimators:
        for count in started:
            found = simulate_many(
                Same(panel=panel),
                name,
                replace(how, started=count),
                tuple(effects),
                asked,
                origin=panel.fingerprint,
                progress=progress,
            )
            table += rows(name, count, effects, found)
            found_at_80.append(
                {
                    "estimator": name,
                    "started": count,
                    "percent": _percent(detectable(effects, found), how),
                }
            )
    return {
        "areas": len(panel.areas),
        "started_left_out": left,
        "with_gaps": _with_gaps(panel),
        "withheld": how.withheld,
        "periods": len(panel.periods),
        "looks": how.looks,
        "pilots": how.pilots,
        "strata": list(how.strata),
        "block": how.block,
        "scale": how.choices.scale,
        "gaps": how.choices.gaps,
        "assignments": how.assignments,
        "shape": how.shape,
        "sample": how.sample,
        "simulations": asked.simulations,
        "seed": asked.seed,
        "recorded": quarters.format_instant(quarters.now()),
        "rows": table,
        "detectable": found_at_80,
    }
