"""Control charts of the months of a site's own practice: what is drawn, and what it says.

Which measures are drawn is declared (``charts`` of ``practice.yaml``). For readers the charts are
made of printed figures alone: limits are computed from what is printed, so they tell nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.learning.control_charts import ControlChart, Rule, control_chart
from evaluation.learning.practice import Charted, Practice, Practised, Printed, first_month, made_of
from evaluation.quarters import Period, period_range
from evaluation.wording import Sentence, count

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.programme import Outcome, Programme, Site


@dataclass(frozen=True, kw_only=True)
class Month:
    """One month of a chart, in the outcome's unit; rules : by which it is unusual.

    value : None where no figure is known. low, high : its limits, None where there are none yet.
    """

    month: Period
    value: float | None
    low: float | None = None
    high: float | None = None
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SiteChart:
    """The months of one measure at one site; ``centre`` is None where no limits can be set yet."""

    site: str
    charted: Charted
    months: tuple[Month, ...]
    centre: float | None = None

    @property
    def known(self) -> int:
        """How many months have a figure."""
        return sum(one.value is not None for one in self.months)

    @property
    def unusual(self) -> tuple[Month, ...]:
        return tuple(one for one in self.months if one.rules)

    def said(self) -> Sentence:
        """What the chart says, in words: what is unusual for this site, and never why."""
        if self.centre is None:
            if self.known >= self.charted.baseline:
                return Sentence.of(
                    "No limits: hardly two of the {known} months follow each other.",
                    known=count(self.known),
                )
            return Sentence.of(
                "No limits yet: {known} of the {baseline} months that set them are in.",
                known=count(self.known),
                baseline=count(self.charted.baseline),
            )
        if not self.unusual:
            return Sentence.of(
                "Nothing unusual for this site in {known} months.", known=count(self.known)
            )
        return Sentence.of("Unusual for this site: {which}.", which="; ".join(_spells(self)))


@dataclass(frozen=True, kw_only=True)
class AsDrawn:
    """How figures leave: the measure itself, and what it is out of."""

    figure: Printed
    out_of: Printed


def site_charts(
    practice: Practice,
    programme: Programme,
    observations: pd.DataFrame,
    last: Period,
    printed: AsDrawn | None = None,
) -> tuple[SiteChart, ...]:
    """Every declared chart of every site, in the order of declaration and of starts.

    Parameters
    ----------
    observations : as of a ledger, of at least the charts' figures. last : the last month that is
        drawn. printed : how figures leave; as they are where none is given, for whoever works
        inside.
    """
    found = []
    for charted in practice.charts:
        held: dict[str, dict[Period, Practised]] = {}
        for one in made_of(observations, programme, charted.figure):
            held.setdefault(one.site, {})[one.period] = one
        outcome = programme.outcome_by_code[charted.figure]
        for site in sorted(programme.sites, key=lambda one: (one.start, one.code)):
            if charted.of(site.code):
                months = _months(held.get(site.code, {}), site, charted, last)
                found.append(_chart(site, charted, outcome, months, printed))
    return tuple(found)


def _months(
    held: Mapping[Period, Practised], site: Site, charted: Charted, last: Period
) -> dict[Period, Practised | None]:
    """The months of a chart, from the site's start to the last that it sent."""
    first = first_month(site) + charted.leave_out
    sent = [one for one in held if first <= one <= last]
    return {one: held.get(one) for one in period_range(first, max(sent))} if sent else {}


def _chart(
    site: Site,
    charted: Charted,
    outcome: Outcome,
    months: Mapping[Period, Practised | None],
    printed: AsDrawn | None,
) -> SiteChart:
    values = np.full(len(months), np.nan)
    out_of = np.full(len(months), np.nan)
    for place, one in enumerate(months.values()):
        if one is not None:
            value = one.value if printed is None else printed.figure(one)
            of = one.out_of if printed is None else printed.out_of(one)
            values[place] = math.nan if value is None else value
            out_of[place] = math.nan if of is None else of
    per = outcome.per if outcome.form == "ratio" else 1.0
    own = charted.chart == "XmR"
    known = np.isfinite(values) if own else np.isfinite(values) & (out_of > 0)
    # Those that set the limits: a range is taken between two of them that follow each other.
    setting = np.flatnonzero(known)[: charted.baseline]
    if len(setting) < charted.baseline or not (np.diff(setting) == 1).any():
        bare = [Month(month=m, value=_figure(v)) for m, v in zip(months, values, strict=True)]
        return SiteChart(site=site.code, charted=charted, months=tuple(bare))
    made = control_chart(
        charted.chart,
        values if own else values * out_of / per,
        None if own else out_of,
        baseline=charted.baseline,
    )
    scale = 1.0 if own else per
    drawn = tuple(_limited(made, list(months), scale, outcome))
    return SiteChart(site=site.code, charted=charted, months=drawn, centre=scale * made.centre)


def _limited(
    made: ControlChart, months: Sequence[Period], scale: float, outcome: Outcome
) -> Iterator[Month]:
    """The months with their limits, which reach no further than the outcome can."""
    floor = -math.inf if outcome.bounds.low is None else outcome.bounds.low
    ceiling = math.inf if outcome.bounds.high is None else outcome.bounds.high
    for place, month in enumerate(months):
        low, high = scale * float(made.low[place]), scale * float(made.high[place])
        yield Month(
            month=month,
            value=_figure(scale * float(made.values[place])),
            low=None if math.isnan(low) else max(low, floor),
            high=None if math.isnan(high) else min(high, ceiling),
            rules=tuple(rule for rule, found in made.broken.items() if found[place]),
        )


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _spells(chart: SiteChart) -> Iterator[str]:
    """Unusual months in words; those that follow on by the same rules as one spell."""
    spell: list[Month] = []
    for one in (*chart.unusual, None):
        goes_on = one and spell and one.rules == spell[-1].rules and one.month - spell[-1].month < 2
        if spell and not goes_on:
            ends = list(dict.fromkeys((spell[0].month.months, spell[-1].month.months)))
            yield f"{' to '.join(ends)} ({', '.join(spell[0].rules)})"
            spell = []
        if one is not None:
            spell.append(one)


def rows(charts: Sequence[SiteChart]) -> list[dict[str, Any]]:
    """One row a site, measure and month, for programs."""
    return [
        {
            "site": chart.site,
            "figure": chart.charted.figure,
            "chart": chart.charted.chart,
            "month": one.month.label,
            "value": one.value,
            "centre": chart.centre,
            "low": one.low,
            "high": one.high,
            "unusual": "; ".join(one.rules),
        }
        for chart in charts
        for one in chart.months
    ]
