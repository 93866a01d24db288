"""Panel: areas x periods x outcomes as of a vintage, with start periods.

The one shape that estimators read. It comes from the ledger (`Panel.from_observations`) or from
anyone's long table (`Panel.from_long`); it never estimates and never looks at a truth file.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from evaluation import fingerprint
from evaluation.columns import (
    NEVER_TREATED,
    arguments_told,
    constant_attributes,
    errors_of,
    names_of,
    numbers_of,
    parse_periods,
    parse_starts,
    refuse_alike,
    refuse_duplicates,
    refuse_roles,
    require_areas,
    require_columns,
    require_covariates,
    require_known,
    require_people,
    require_table,
    set_exposure,
    span_of,
)
from evaluation.errors import EstimateError, PanelError
from evaluation.geography import blocks
from evaluation.quarters import NAMES, Frequency, Period, period_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.drawing.canvas import Axes
    from evaluation.programme import Area, Outcome, Programme

NEVER = -1
AREA_COLUMNS = ("site", "authority", "role", "start", "population", "stratum")
FirstPeriod = Literal["drop", "scale"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Areas x periods for one or more outcomes.

    Attributes
    ----------
    areas : one row an area (index: its code), with ``site, authority, role, start, population,
        stratum`` and any covariates; ``start`` is a period's label or None for never. ``family``,
        where it is there, is one for areas whose figures were shared out of the same older ones:
        they are one unit wherever areas are re-assigned.
    periods : the columns, in order, without gaps.
    figures : outcome -> array (areas, periods) in the outcome's unit; NaN where there is no figure.
    denominators : outcome -> array of the same shape, where the outcome has one.
    statuses : outcome -> array of status symbols (``""`` for a plain figure).
    per : outcome -> scale of its ratio (1,000 for a rate per 1,000).
    sampling_error : outcome -> standard errors of its figures, of the same shape and in the same
        unit, where they are means or shares of a sample, or were rounded before they were returned.
    apportioned : outcome -> which share of each figure, 0 to 1, was shared out of an area of an
        older vintage; of the same shape, only for outcomes with any.
    partial : what becomes of the first period of an area that was treated for a part of it only
        (column ``exposure`` of ``areas``): ``drop`` leaves it out; ``scale`` divides its effect by
        the share, which is right only where the effect comes at once and in full, and has to be
        settled before the figures are seen.
    """

    areas: pd.DataFrame
    periods: tuple[Period, ...]
    figures: Mapping[str, NDArray[np.float64]]
    denominators: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    statuses: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    per: Mapping[str, float] = field(default_factory=dict)
    sampling_error: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    apportioned: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    vintage: str = ""
    partial: FirstPeriod = "drop"

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(self.figures)

    @property
    def frequency(self) -> Frequency:
        return self.periods[0].frequency

    @property
    def labels(self) -> list[str]:
        return [period.label for period in self.periods]

    @property
    def period_names(self) -> list[Any]:
        """What tables call the periods: years and numbered ones are numbers, others text."""
        if self.frequency in ("A", "I"):
            return [period.ordinal for period in self.periods]
        return self.labels

    @property
    def exposure(self) -> NDArray[np.float64]:
        """(N) the share of the first treated period in which each area was treated; 1 else."""
        if "exposure" not in self.areas:
            return np.ones(len(self.areas))
        shares: NDArray[np.float64] = self.areas["exposure"].to_numpy(dtype=float)
        return np.where(np.isfinite(shares), shares, 1.0)

    @property
    def start_index(self) -> NDArray[np.int64]:
        """Position of each area's start among the periods.

        `NEVER` (-1) where it does not start, or starts only after the last period. A start before
        the first period gives a negative position below -1.
        """
        first, last = self.periods[0], self.periods[-1]
        codes, labels = pd.factorize(self.areas["start"])
        found = np.full(len(labels) + 1, NEVER, dtype=np.int64)
        for row, start in enumerate(labels):
            if isinstance(start, str) and (period := Period.parse(start, first.frequency)) <= last:
                position = period - first
                found[row] = position if position >= 0 else position - 1
        # A missing start has code -1, which is the last of them: it never starts.
        return found[codes]

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Which areas are treated by the panel's last period, also those that started before it."""
        return np.not_equal(self.start_index, NEVER)

    def array(self, outcome: str) -> NDArray[np.float64]:
        """The figures of one outcome, areas x periods.

        Raises
        ------
        PanelError : if the panel does not hold the outcome.
        """
        if outcome not in tuple(self.figures):
            raise PanelError(
                f"the panel holds no outcome {outcome!r}.", expected=", ".join(self.figures)
            )
        return self.figures[outcome]

    def values(self, outcome: str) -> pd.DataFrame:
        """The figures of one outcome: a row an area, a column a period, in the outcome's unit."""
        return pd.DataFrame(self.array(outcome), index=self.areas.index, columns=self.period_names)

    def select(self, keep: NDArray[np.bool_]) -> Panel:
        """The same panel with only the areas where ``keep`` is true.

        Parameters
        ----------
        keep : (N) true or false, in the order of ``areas``.

        Raises
        ------
        PanelError : anything else, or no area is kept.
        """
        keep = np.asarray(keep)
        if keep.dtype != bool or keep.shape != (len(self.areas),):
            raise PanelError(
                f"keep does not say of each of the {len(self.areas)} areas whether it is kept.",
                expected="true or false for each, in the order of panel.areas",
                mend="for codes: panel.select(panel.areas.index.isin(['a01', 'a07']))",
            )
        return replace(
            self,
            areas=self.areas[keep],
            figures={k: v[keep] for k, v in self.figures.items()},
            denominators={k: v[keep] for k, v in self.denominators.items()},
            statuses={k: v[keep] for k, v in self.statuses.items()},
            sampling_error={k: v[keep] for k, v in self.sampling_error.items()},
            apportioned={k: v[keep] for k, v in self.apportioned.items()},
        )

    def _period(self, given: Period | str | int) -> Period:
        """A period of the panel's frequency, also as the panel writes it."""
        return given if isinstance(given, Period) else Period.parse(str(given), self.frequency)

    def until(self, last: Period | str | int) -> Panel:
        """The panel as it stood with ``last`` as its last period (figures as now known).

        Parameters
        ----------
        last : a period, or how the panel writes one; the panel's own last one if it is later.

        Raises
        ------
        PanelError : it lies before the first period. PeriodError : it is none.
        """
        last = self._period(last)
        if last < self.periods[0]:
            raise PanelError(
                f"the panel has no period up to {last}.",
                expected=f"one from {self.periods[0]} to {self.periods[-1]}",
            )
        n = last - self.periods[0] + 1
        return replace(
            self,
            periods=self.periods[:n],
            figures={k: v[:, :n] for k, v in self.figures.items()},
            denominators={k: v[:, :n] for k, v in self.denominators.items()},
            statuses={k: v[:, :n] for k, v in self.statuses.items()},
            sampling_error={k: v[:, :n] for k, v in self.sampling_error.items()},
            apportioned={k: v[:, :n] for k, v in self.apportioned.items()},
        )

    def ahead(self, last: Period | str | int) -> Panel:
        """The panel with empty periods up to ``last``, so that later starts fall inside it.

        Raises
        ------
        PanelError : it lies before the last period. PeriodError : it is none.
        """
        last = self._period(last)
        if last < self.periods[-1]:
            raise PanelError(
                f"{last} lies before the panel's last period, {self.periods[-1]}.",
                mend=f"for a shorter panel: panel.until({str(last)!r})",
            )
        blank = np.full((len(self.areas), last - self.periods[-1]), np.nan)
        wider, errors = (
            {k: np.hstack([v, blank]) for k, v in held.items()}
            for held in (self.figures, self.sampling_error)
        )
        span = period_range(self.periods[0], last)
        return replace(
            self,
            periods=span,
            figures=wider,
            denominators={},
            statuses={},
            sampling_error=errors,
            apportioned={},
        )

    def eligible(self) -> Panel:
        """Without the areas that the programme excludes (buffers, other programmes)."""
        return self.select((self.areas["role"] != "excluded").to_numpy())

    def plot(self, outcome: str | None = None, *, axes: Axes | None = None) -> Axes:
        """Who is treated when, a row an area, with cells that have no figure.

        Parameters
        ----------
        outcome : whose missing figures are shown; by default the first.
        axes : matplotlib's axes to draw on; by default a figure of its own.

        Raises
        ------
        PanelError : the panel holds no such outcome.
        """
        from evaluation.drawing.canvas import NOTEBOOK
        from evaluation.drawing.notebook import Cells, cells

        name = outcome if outcome is not None else self.outcomes[0]
        states = _states(self, np.isnan(self.array(name)))
        start = np.where(self.start_index == NEVER, len(self.periods), self.start_index)
        order = np.lexsort((np.arange(len(start)), start))
        shown = Cells(
            areas=tuple(str(self.areas.index[k]) for k in order),
            periods=tuple(self.labels),
            states=states[order].tolist(),
        )
        draw = cells(shown, NOTEBOOK.on(axes))
        draw.title(f"Who is treated when, and where {name} has no figure")
        drawn: Axes = draw.axes
        return drawn

    def __repr__(self) -> str:
        return "\n".join(_told(self))

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over areas, periods, every figure and what is known of its sampling error."""
        numbers = {
            name: fingerprint.of_bytes(np.ascontiguousarray(figures + 0.0).tobytes())
            for name, figures in sorted(self.figures.items())
        } | {
            f"sampling error of {name}": fingerprint.of_bytes(np.ascontiguousarray(held).tobytes())
            for name, held in sorted(self.sampling_error.items())
        }
        frame = self.areas.reset_index()
        columns = [_as_text(frame.iloc[:, k]) for k in range(frame.shape[1])]
        held = {"areas": list(zip(*columns, strict=True)), "periods": self.labels}
        if self.partial != "drop":
            held["partial"] = [self.partial]
        return fingerprint.of_data({**held, "figures": numbers})

    @classmethod
    @arguments_told
    def from_long(  # the names are the interface that notebooks use
        cls,
        frame: pd.DataFrame,
        *,
        area: str,
        period: str,
        outcomes: str | Sequence[str],
        start: str | None = None,
        site: str | None = None,
        authority: str | None = None,
        population: str | None = None,
        stratum: str | None = None,
        family: str | None = None,
        covariates: Sequence[str] = (),
        sampling_error: str | Mapping[str, str] | None = None,
        exposure: str | None = None,
        partial: FirstPeriod = "drop",
        frequency: Frequency = "Q",
    ) -> Panel:
        """A panel from a long table with one row an area and period.

        Parameters
        ----------
        frame : the table; column names are given by the other arguments.
        area : the areas' ids, text or numbers of one kind; none may be missing.
        period : as ``frequency`` says: quarters ``Q`` (Periods, ``2026 Q3``, ``2026Q3`` or
            ``2026-Q3``), years ``A`` (``2026``), months ``M`` (``2026-07``), ISO weeks ``W``
            (``2026-W27``), days ``D`` (``2026-07-01``) or whole numbers ``I``. Months, weeks and
            days may also be dates, text or not: each stands for the period that it lies in.
        outcomes : one name or several, each text.
        start : the first treated period, written like the periods; blank, 0, infinite or NaT means
            never, and nothing else does. Where periods are months or weeks, a date says when in its
            period the treatment began: that one was treated for a share, as by ``exposure``.
        exposure : the column with the share (above 0 to 1) of the first treated period in which an
            area was treated; blank where it was treated throughout.
        partial : what becomes of a first period that was treated in part. ``drop`` leaves it out;
            ``scale`` divides its effect by the share, for where that was settled in advance.
        site, authority, population, stratum, covariates : attributes of an area; the first value
            of each area is taken, and one that changes over time is an error.
        family : the same for areas whose figures were shared out of one older area: they are one
            unit wherever areas are re-assigned.
        sampling_error : the column with the figures' standard errors, in the outcome's unit, where
            the figures come from samples; with several outcomes, outcome -> column for those that
            do. Placebo effects are then brought to the scale of the areas that they stand for.

        Raises
        ------
        PanelError : no pandas table, a column missing or there twice, an area without an id, ids of
            several kinds, a cell that stands twice, an attribute that changes over time, periods
            that are not of the stated frequency, or a figure without its sampling error.
        """
        require_table(frame)
        outcomes, covariates = names_of("outcomes", outcomes), names_of("covariates", covariates)
        named = {
            "site": site,
            "authority": authority,
            "population": population,
            "stratum": stratum,
            "family": family,
            "start": start,
        }
        # Not by truth: a table without a header has columns 0, 1, 2, and a start of 0 that went
        # unread would turn every treated area into a control.
        given = {name: column for name, column in named.items() if column is not None}
        errors = errors_of(sampling_error, outcomes)
        if exposure is not None:
            given["exposure"] = exposure
        require_known("frequency", frequency, Frequency)
        require_known("partial", partial, FirstPeriod)
        used = [area, period, *outcomes, *given.values(), *covariates, *errors.values()]
        require_columns(frame, used)
        refuse_roles(outcomes, {"area": area, "period": period, "start": start}, exposure)
        found = require_areas(frame, area, period)
        require_covariates(covariates, given)
        known, codes = parse_periods(frame[period], frequency)
        span = span_of(known)
        cols = np.array([p - span[0] for p in known])[codes]
        index = pd.Index(sorted(found.ids), name="area")
        rows = index.get_indexer(pd.Index(found.ids))[found.codes]
        refuse_duplicates(index, rows, cols, span)
        columns = {**given, **{name: name for name in covariates}}
        refuse_alike(index, rows, cols)
        areas = constant_attributes(frame, index, rows, columns)
        require_people(areas)
        _set_starts(areas, span)

        def grid(column: str) -> NDArray[np.float64]:
            out = np.full((len(areas), len(span)), np.nan)
            out[rows, cols] = numbers_of(frame, column, area, period)
            return out

        panel = cls(
            areas=areas,
            periods=span,
            figures={name: grid(name) for name in outcomes},
            sampling_error={name: grid(column) for name, column in errors.items()},
            partial=partial,
        )
        _require_errors(panel, errors)
        return panel

    @classmethod
    def from_observations(
        cls,
        observations: pd.DataFrame,
        programme: Programme,
        outcomes: Sequence[str],
        *,
        last: Period | None = None,
        vintage: str = "",
        partial: FirstPeriod = "drop",
    ) -> Panel:
        """A panel from the ledger's observations of one programme.

        Parameters
        ----------
        observations : as `Ledger.observations` gives them.
        outcomes : codes, all of one frequency.
        last : the last period to include; by default the last one observed.
        partial : what becomes of the first period of a site that began inside it.

        Raises
        ------
        PanelError : no observation, or outcomes of different frequencies together.
        """
        declared = [programme.outcome_by_code[code] for code in outcomes]
        wanted = observations[observations["outcome"].isin(outcomes)]
        if wanted.empty:
            raise PanelError(
                f"the ledger holds no figure of {', '.join(outcomes)} at this vintage.",
                where=programme.name,
                mend="submit the returns first, or choose a later --as-of",
            )
        # A wave's figures stand in the quarter in which its fieldwork ended, beside quarterly ones.
        if len({outcome.period_frequency for outcome in declared}) > 1:
            kinds = " and ".join(sorted({NAMES[one.period_frequency] for one in declared}))
            raise PanelError(
                f"outcomes of a {kinds} cannot share a panel.", mend="make a panel of each kind"
            )
        held = set(wanted["area_code"])
        members = [area for area in programme.areas if area.code in held]
        seen = {label: Period.parse(label) for label in wanted["quarter"].unique()}
        span = period_range(min(seen.values()), last or max(seen.values()))
        grids = _grids(wanted, declared, [a.code for a in members], span)
        return cls(
            areas=area_table(programme, members),
            periods=span,
            vintage=vintage,
            partial=partial,
            figures=grids[0],
            denominators=grids[1],
            statuses=grids[2],
            sampling_error=_rounding_errors(
                wanted, declared, grids, [a.code for a in members], span
            )
            | _survey_errors(wanted, declared, [a.code for a in members], span),
            apportioned=_apportioned(wanted, [a.code for a in members], span),
            per={o.code: o.per for o in declared if o.form == "ratio"},
        )


def part_treated(panel: Panel) -> NDArray[np.int64]:
    """Positions of areas whose first treated period lies in the panel and was so in part."""
    held = (panel.exposure < 1) & (panel.start_index >= 0)
    return np.flatnonzero(held)


def counts_after_start(panel: Panel) -> bool:
    """Whether any treated area has a period that counts as treated: one treated in part may not."""
    first = panel.start_index
    if panel.partial == "drop":
        first[part_treated(panel)] += 1
    return bool((panel.treated & (first < len(panel.periods))).any())


def whole_periods_of(panel: Panel, outcome: str) -> NDArray[np.float64]:
    """(N, T) the panel's figures, without first periods treated in part where those are dropped."""
    units = part_treated(panel)
    if panel.partial == "scale" or not len(units):
        return panel.array(outcome)
    figures = panel.array(outcome).copy()
    figures[units, panel.start_index[units]] = np.nan
    return figures


def characteristic(panel: Panel, name: str) -> NDArray[np.float64]:
    """(N) one attribute of the areas, as numbers.

    Raises
    ------
    EstimateError : the panel does not hold it, an area lacks it, or it is text or infinite.
    """
    if name not in panel.areas:
        raise EstimateError(
            f"the panel's areas have no covariate {name!r}.",
            expected=", ".join(map(str, panel.areas.columns)),
        )
    given = panel.areas[name]
    if not pd.api.types.is_numeric_dtype(given):
        given = given.astype(object)
    column: NDArray[np.float64] = pd.to_numeric(given, errors="coerce").to_numpy(dtype=float)
    text = np.isnan(column) & given.notna().to_numpy()
    if text.any():
        raise EstimateError(
            f"covariate {name!r} is {given[text].iloc[0]!r} in area {given.index[text][0]}.",
            expected="a number in every area",
            mend="give a column of 0 and 1 for each kind but one: pd.get_dummies(...)",
        )
    if np.isinf(column).any():
        raise EstimateError(
            f"covariate {name!r} is infinite in area {given.index[np.isinf(column)][0]}.",
            expected="a finite number in every area",
        )
    if not np.isfinite(column).all():
        raise EstimateError(f"covariate {name!r} is missing in some areas.")
    return column


def _states(panel: Panel, missing: NDArray[np.bool_]) -> NDArray[np.object_]:
    """(N, T) what each cell is, for `Panel.plot`."""
    start, periods = panel.start_index[:, None], np.arange(len(panel.periods))
    treated = (start != NEVER) & (periods >= start)
    states = np.where(treated, "treated", "untreated").astype(object)
    states[treated & (periods == start) & (panel.exposure[:, None] < 1)] = "part"
    states[(panel.areas["role"] == "excluded").to_numpy()] = "excluded"
    states[missing] = "missing"
    return states


def _told(panel: Panel) -> list[str]:
    """The panel in ten lines."""
    treated, excluded = panel.treated, int((panel.areas["role"] == "excluded").sum())
    period = NAMES[panel.frequency]
    lines = [
        f"Panel of {len(panel.areas):,} areas and {len(panel.periods)} {period}s, "
        f"{panel.periods[0]} to {panel.periods[-1]}",
        f"  treated: {int(treated.sum())} area{'s' if treated.sum() != 1 else ''}"
        + (f", {excluded} others excluded" if excluded else ""),
    ]
    starts = panel.areas["start"][treated].value_counts().sort_index()
    shown = [f"{label} ({count})" for label, count in list(starts.items())[:6]]
    if shown:
        lines.append(f"  starts: {', '.join(shown)}{' ...' if len(starts) > 6 else ''}")
    if (later := int(panel.areas["start"].notna().sum() - treated.sum())) > 0:
        lines.append(f"  starting after the panel: {later} areas")
    if part := int(((panel.exposure < 1) & treated).sum()):
        said = f"{part} area{'s' if part > 1 else ''} ({panel.partial})"
        lines.append(f"  first {period} treated in part: {said}")
    for name in panel.outcomes[:3]:
        lines.append(f"  {name}: {_figures_told(panel.array(name))}")
    if len(panel.outcomes) > 3:
        left = len(panel.outcomes) - 3
        lines.append(f"  and {left} other outcome{'s' if left > 1 else ''}")
    if panel.vintage:
        lines.append(f"  as known at {panel.vintage}")
    return lines


def _figures_told(figures: NDArray[np.float64]) -> str:
    held = figures[np.isfinite(figures)]
    missing = figures.size - len(held)
    said = f"{missing:,} of {figures.size:,} figures missing" if missing else "no figure missing"
    if not len(held):
        return said
    return f"mean {held.mean():.4g}, from {held.min():.4g} to {held.max():.4g}; {said}"


def _as_text(column: pd.Series) -> list[str]:
    """A column as text, a missing value as ``None``."""
    missing = column.isna().to_numpy()
    if missing.all():
        return ["None"] * len(column)
    said = list(map(str, column.astype(object).tolist()))
    for row in np.flatnonzero(missing).tolist():
        said[row] = "None"
    return said


def area_table(programme: Programme, members: Sequence[Area]) -> pd.DataFrame:
    """Areas as `Panel.areas` holds them, with name and coordinates."""
    rows = []
    for area in members:
        start = programme.start_of(area)
        rows.append(
            {
                "site": area.site,
                "authority": area.authority,
                "role": area.role,
                "start": start.label if start else None,
                "population": area.population,
                "stratum": None,
                "name": area.name,
                "x": area.x,
                "y": area.y,
            }
        )
    index = pd.Index([area.code for area in members], name="area")
    table = pd.DataFrame(rows, index=index).astype({"site": object, "start": object})
    shares = [
        programme.site_by_code[area.site].first_share if area.site else np.nan for area in members
    ]
    # Only where a site began inside a period: the table of any other programme stays as it was.
    if any(share < 1 for share in shares):
        table["exposure"] = shares
    family = blocks(programme.code_shares)
    named = [family.get(area.code, area.code) for area in members]
    # Only where two of them are of one family: the table of any other programme stays as it was.
    if len(set(named)) < len(named):
        table["family"] = named
    return table


_Grids = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def _grids(
    wanted: pd.DataFrame, declared: Sequence[Outcome], codes: list[str], span: tuple[Period, ...]
) -> _Grids:
    figures, denominators, statuses = {}, {}, {}
    column_of = {period.label: column for column, period in enumerate(span)}
    inside = wanted[wanted["quarter"].isin(column_of)]
    for outcome in declared:
        part = inside[inside["outcome"] == outcome.code]
        rows = pd.Index(codes).get_indexer(pd.Index(part["area_code"]))
        cols = part["quarter"].map(column_of).to_numpy()
        numerator, denominator = (np.full((len(codes), len(span)), np.nan) for _ in range(2))
        status = np.full((len(codes), len(span)), "[x]", dtype=object)
        numerator[rows, cols] = part["numerator"].to_numpy(dtype=float)
        denominator[rows, cols] = part["denominator"].to_numpy(dtype=float)
        status[rows, cols] = part["status"].fillna("").to_numpy()
        ratio = outcome.form == "ratio"
        figures[outcome.code] = outcome.per * numerator / denominator if ratio else numerator
        denominators[outcome.code] = denominator
        statuses[outcome.code] = status
    return figures, denominators, statuses


def _apportioned(
    wanted: pd.DataFrame, codes: list[str], span: tuple[Period, ...]
) -> dict[str, NDArray[np.float64]]:
    """Outcome -> share of each figure that was shared out, by what its note says; where any was."""
    from evaluation.returns.form import apportioned_share

    if "note" not in wanted:
        return {}
    column_of = {period.label: column for column, period in enumerate(span)}
    inside = wanted[wanted["quarter"].isin(column_of) & wanted["note"].fillna("").ne("")]
    # Millions of figures share a few notes: each is read once.
    known = {note: apportioned_share(note) for note in inside["note"].unique()}
    shares = inside["note"].map(known)
    inside, shares = inside[shares > 0], shares[shares > 0]
    found = {}
    for outcome, part in inside.groupby("outcome"):
        held = np.zeros((len(codes), len(span)))
        rows = pd.Index(codes).get_indexer(pd.Index(part["area_code"]))
        held[rows, part["quarter"].map(column_of).to_numpy()] = shares[part.index]
        found[str(outcome)] = held
    return found


# Of the largest error: an exact figure beside rounded ones, for what divides by an error.
_EXACT = 1e-6


def _rounding_errors(
    wanted: pd.DataFrame,
    declared: Sequence[Outcome],
    grids: _Grids,
    codes: list[str],
    span: tuple[Period, ...],
) -> dict[str, NDArray[np.float64]]:
    """Outcome -> standard errors of its figures, for outcomes with figures that were rounded.

    A figure rounded to a base lies up to half of it from the true one, either way and as likely
    here as there: a uniform error, whose variance is the squared base over 12 (Sheppard 1898). The
    base is the note's, else the outcome's own, else the coarsest usual one of which all its other
    rounded figures are multiples.
    """
    from evaluation.returns.form import ROUNDED

    _, denominators, statuses = grids
    found = {}
    column_of = {period.label: column for column, period in enumerate(span)}
    for outcome in declared:
        part = wanted[(wanted["outcome"] == outcome.code) & wanted["numerator"].notna()]
        rounded = part["status"].eq(ROUNDED) | (outcome.rounded_to is not None)
        part = part[rounded & part["quarter"].isin(column_of)]
        if part.empty:
            continue
        rows = pd.Index(codes).get_indexer(pd.Index(part["area_code"]))
        cols = part["quarter"].map(column_of).to_numpy()
        error = np.zeros(statuses[outcome.code].shape)
        error[rows, cols] = _bases(part, outcome) / math.sqrt(12)
        if outcome.form == "ratio":
            with np.errstate(invalid="ignore", divide="ignore"):
                error = np.nan_to_num(outcome.per * error / denominators[outcome.code])
        if error.any():
            found[outcome.code] = np.maximum(error, _EXACT * error.max())
    return found


def _survey_errors(
    wanted: pd.DataFrame, declared: Sequence[Outcome], codes: list[str], span: tuple[Period, ...]
) -> dict[str, NDArray[np.float64]]:
    """Outcome -> standard errors of its figures, for outcomes of a survey; NaN where none is known.

    Raises
    ------
    PanelError : a figure of a survey came without one.
    """
    found = {}
    column_of = {period.label: column for column, period in enumerate(span)}
    for outcome in declared:
        if not outcome.sampled:
            continue
        part = wanted[(wanted["outcome"] == outcome.code) & wanted["numerator"].notna()]
        part = part[part["quarter"].isin(column_of)]
        held = part["se"] if "se" in part else pd.Series(np.nan, index=part.index)
        if held.isna().any():
            first = part[held.isna()].iloc[0]
            raise PanelError(
                f"{outcome.code} in {first['area_code']}, {first['quarter']} is a survey's figure "
                "and has no standard error.",
                mend="send the return again with the columns se and respondents",
            )
        error = np.full((len(codes), len(span)), np.nan)
        rows = pd.Index(codes).get_indexer(pd.Index(part["area_code"]))
        error[rows, part["quarter"].map(column_of).to_numpy()] = held.to_numpy(dtype=float)
        found[outcome.code] = error
    return found


def _bases(part: pd.DataFrame, outcome: Outcome) -> NDArray[np.float64]:
    """What each figure was rounded to; 0 where nothing tells."""
    from evaluation.returns.form import common_base, rounding_base

    notes = part["note"].fillna("") if "note" in part else pd.Series("", index=part.index)
    bases = pd.Series([rounding_base(str(note)) for note in notes], index=part.index, dtype=float)
    bases = bases.fillna(outcome.rounded_to or np.nan)
    unsaid = part["numerator"][bases.isna()].tolist()
    return bases.fillna(common_base(unsaid) or 0.0).to_numpy(dtype=float)


def _require_errors(panel: Panel, errors: Mapping[str, str]) -> None:
    """Refuse figures without a standard error, and errors that are none.

    Raises
    ------
    PanelError : with the first such cell.
    """
    for name, column in errors.items():
        held = panel.sampling_error[name]
        lacking = np.isfinite(panel.figures[name]) & ~(np.isfinite(held) & (held >= 0))
        if lacking.any():
            row, period = np.argwhere(lacking)[0]
            raise PanelError(
                f"the sampling error {column!r} of {name} is {held[row, period]:g} in area "
                f"{panel.areas.index[row]}, {panel.labels[period]}.",
                expected="a standard error, 0 or above, beside every figure",
                mend="bring it, or leave sampling_error out and judge all areas alike",
            )


def _set_starts(areas: pd.DataFrame, span: tuple[Period, ...]) -> None:
    """Read the starts, say who is a pilot, and make room for what no column gave."""
    begun = [NEVER_TREATED] * len(areas)
    if "start" in areas:
        begun = parse_starts(areas["start"], span)
    areas["start"] = [one.label for one in begun] if any(one.label for one in begun) else None
    areas["role"] = ["pilot" if one.label else "comparison" for one in begun]
    set_exposure(areas, begun)
    for name in AREA_COLUMNS:
        if name not in areas:
            areas[name] = None
