"""``newstart design calibrate``: how often the actual pipeline is wrong on somebody's own panel.

Placebo pilots are drawn in a panel where nothing started, known effects are planted, and the
estimators, assignments and looks of a study are run as they are. What comes back is size, coverage,
power and bias, each with its Monte Carlo standard error. The panel's figures are read and never
kept: only rates are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation import quarters
from evaluation.design import rates
from evaluation.design.many import Runs, rehearse_many
from evaluation.design.power import percent_of_logs
from evaluation.design.trial import OUTCOME, Rehearsal
from evaluation.errors import PanelError
from evaluation.estimate.fits import enough
from evaluation.panel import Panel

if TYPE_CHECKING:
    from evaluation.protocol import EstimatorName

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
    """The same panel in every rehearsal."""

    panel: Panel

    def __call__(self, number: int) -> Panel:  # noqa: ARG002 - panels may differ by rehearsal
        return self.panel


@dataclass(frozen=True, kw_only=True, eq=False)
class Read:
    """A panel read for rehearsals. left_out : areas of the file that are not in it."""

    panel: Panel
    left_out: int

    @property
    def with_gaps(self) -> int:
        """Areas in it that lack a figure somewhere."""
        return _with_gaps(self.panel)


def _with_gaps(panel: Panel) -> int:
    return int(np.isnan(panel.array(OUTCOME)).any(axis=1).sum())


def read_panel(path: Path, columns: Columns, looks: int, *, keep_gaps: bool = False) -> Read:
    """A panel for rehearsals from a CSV file, and how many of its areas were left out.

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
    """Every area of a long table, its figures as the outcome of rehearsals."""
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
        frame[name] = first[name].transform("first")
    panel = Panel.from_long(
        frame,
        area=columns.area,
        period=columns.period,
        outcomes=columns.value,
        population=columns.population,
        authority=columns.authority,
    )
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


def _percent(size: float | None, how: Rehearsal) -> float | None:
    """A planted size as a fall in percent; on logarithms it was planted in log points."""
    if size is None or how.choices.scale == "level":
        return size
    return float(percent_of_logs(np.array(size / 100), "fall"))


def calibrate(
    panel: Panel,
    estimators: Sequence[EstimatorName],
    *,
    started: Sequence[int] = (1, 3, 6, 12),
    effects: Sequence[float] = (0.0, -5.0, -10.0),
    rehearsal: Rehearsal | None = None,
    runs: Runs | None = None,
    progress: Callable[[str], object] = lambda _: None,
) -> dict[str, Any]:
    """Size, coverage, power and bias of each estimator on a panel.

    Parameters
    ----------
    panel : outcome ``y``; nothing has started in it.
    started : numbers of placebo pilot areas. effects : planted, in percent of the level.
    rehearsal : looks, choice of pilots, strata, scale, what is withheld; ``started`` in it is set
        from ``started``.

    Returns
    -------
    ``rows`` (see `evaluation.design.rates.rows`), ``detectable`` (the smallest effect found four
    times in five over the looks, as a fall in per cent) and what was run.

    Raises
    ------
    PanelError : figures are to be withheld, and the panel holds no counts.
    """
    how, asked = rehearsal or Rehearsal(started=1), runs or Runs()
    refuse_no_counts(panel, how.withheld)
    table, found_at_80 = [], []
    for name in estimators:
        for count in started:
            found = rehearse_many(
                Same(panel=panel),
                name,
                replace(how, started=count),
                tuple(effects),
                asked,
                origin=panel.fingerprint,
                progress=progress,
            )
            table += rates.rows(name, count, effects, found)
            found_at_80.append(
                {
                    "estimator": name,
                    "started": count,
                    "percent": _percent(rates.detectable(effects, found), how),
                }
            )
    return {
        "areas": len(panel.areas),
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
