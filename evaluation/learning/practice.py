"""Practice: what sites did, in figures of pilots alone, against floors agreed in advance.

A practice is an outcome that is ``measured_in: pilot areas only`` and comes in the same returns,
through the same checks, into the same ledger. It is never compared across arms and never drops a
site: it says whether an estimate is one of a programme that was delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import ProtocolError
from evaluation.quarters import Period, period_range
from evaluation.wording import Sentence, count

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.programme import Programme, Site
    from evaluation.quarters import Frequency

FILE = "practice.yaml"
PILOTS_ONLY = "pilot areas only"


class Delivery(StrEnum):
    """How far a site did what was agreed."""

    AS_DESIGNED = "as designed"
    PARTLY = "partly"
    NOT = "not"
    NOT_KNOWN = "not known"
    NOT_DUE = "not due"


class Component(Frozen):
    """One component of the model: its figure, the floor agreed in advance, and when it is due.

    figure : code of an outcome measured in pilot areas only. floor : the figure from which it
    counts as done, in the outcome's unit; where ``better`` is ``down``, a ceiling. core : whether
    the model is not delivered without it. due : periods after a site's start from which it is
    asked, the period of the start counting as one.
    """

    figure: str
    says: str = ""
    floor: float
    better: Literal["up", "down"] = "up"
    core: bool = True
    due: int = Field(default=1, ge=1)

    def reached(self, figure: float) -> bool:
        """Whether a figure counts as done."""
        return figure >= self.floor if self.better == "up" else figure <= self.floor


ChartKind = Literal["u'", "p'", "XmR"]
LEAST_BASELINE = 12
"""Months that set the limits of a chart: with fewer they say nothing."""
MOST_CHARTS = 5
"""A site chooses at most so many: each more is an alarm more by chance."""


class Charted(Frozen):
    """A measure of practice whose months are drawn on a control chart.

    figure : code of an outcome that pilots alone send, by month. chart : ``XmR`` for any figure;
    ``p'`` for shares, ``u'`` for counts, of which the limits move with what they are out of.
    baseline : so many months set the limits. leave_out : months from a site's start that are left
    out before, while it settles. sites : those that chose it; all where none is named.
    """

    figure: str
    chart: ChartKind = "XmR"
    baseline: int = Field(default=LEAST_BASELINE, ge=LEAST_BASELINE)
    leave_out: int = Field(default=0, ge=0)
    sites: tuple[str, ...] = ()

    def of(self, site: str) -> bool:
        """Whether a site has this chart."""
        return not self.sites or site in self.sites


class Practice(Frozen):
    """The components of a programme's model, and what was agreed of them.

    agreed : when and by whom the floors were agreed, in words. dose_in : in what the time as
    designed is counted; the programme's own periods where it is left out. charts : measures whose
    months are drawn, at most five a site.
    """

    agreed: str = ""
    dose_in: Literal["quarter", "month", "year"] | None = None
    components: tuple[Component, ...]
    charts: tuple[Charted, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for codes in ([one.figure for one in self.components], [c.figure for c in self.charts]):
            if twice := sorted({code for code in codes if codes.count(code) > 1}):
                raise ValueError(f"{twice[0]} stands twice")
        if not any(one.core for one in self.components):
            raise ValueError("no component is core, so nothing could be said to be delivered")
        return self

    @classmethod
    def load(cls, folder: Path, programme: Programme) -> Practice | None:
        """Read ``practice.yaml`` from a programme's folder; None where there is none.

        Raises
        ------
        ProtocolError : the file has another shape, or a figure is none that pilots alone send.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        found = validated(cls, read_yaml(path), path, ProtocolError)
        for one in found.components:
            _refuse(one.figure, programme, path)
            _refuse_other_way(one, programme, path)
        for chart in found.charts:
            _refuse(chart.figure, programme, path)
            _refuse_chart(chart, programme, path)
        _refuse_too_many(found.charts, programme, path)
        if found.dose_in is not None and programme.first.frequency == "I":
            raise ProtocolError(
                f"{programme.name} numbers its periods, and none is so many {found.dose_in}s.",
                where=f"{path}: dose_in",
                mend="leave dose_in out: the dose is then counted in periods",
            )
        return found

    def dose_unit(self, programme: Programme) -> Frequency:
        """In what the dose is counted."""
        return _UNITS[self.dose_in] if self.dose_in else programme.first.frequency

    @property
    def core(self) -> tuple[Component, ...]:
        return tuple(one for one in self.components if one.core)


def _refuse(figure: str, programme: Programme, path: Path) -> None:
    """Refuse what pilots alone do not send."""
    outcome = programme.outcome_by_code.get(figure)
    pilots = [o.code for o in programme.outcomes if o.measured_in == PILOTS_ONLY]
    if outcome is None or outcome.measured_in != PILOTS_ONLY:
        kind = "is no outcome of the programme" if outcome is None else "is measured everywhere"
        raise ProtocolError(
            f"the practice {figure!r} {kind}.",
            where=str(path),
            expected="an outcome that is measured_in: pilot areas only"
            + (f": {', '.join(pilots)}" if pilots else ""),
            mend="declare it under outcomes in programme.yaml",
        )


def _refuse_other_way(one: Component, programme: Programme, path: Path) -> None:
    """Refuse a component that is better the other way than its outcome."""
    outcome = programme.outcome_by_code[one.figure]
    if outcome.polarity in ("up", "down") and outcome.polarity != one.better:
        raise ProtocolError(
            f"{one.figure} is better {outcome.polarity} as an outcome and {one.better} as a "
            "practice.",
            where=str(path),
            mend=f"better: {outcome.polarity}",
        )


def _refuse_chart(one: Charted, programme: Programme, path: Path) -> None:
    """Refuse a chart that would say nothing: not of months, or not of what its kind is for."""
    outcome = programme.outcome_by_code[one.figure]
    if outcome.period_frequency != "M":
        raise ProtocolError(
            f"the chart of {one.figure} is of {outcome.frequency}s.",
            where=f"{path}: charts",
            expected="a figure that is returned by month: of quarters, twelve that set the limits "
            "are three years",
            mend=f"write frequency: month in the declaration of {one.figure}, or leave its chart "
            "out",
        )
    if one.chart != "XmR" and outcome.form != "ratio":
        raise ProtocolError(
            f"{one.figure} is out of nothing, and a {one.chart} chart is of counts out of others.",
            where=f"{path}: charts",
            mend="chart: XmR",
        )
    if unknown := sorted(set(one.sites) - set(programme.site_by_code)):
        raise ProtocolError(
            f"the chart of {one.figure} names a site that is none: {unknown[0]}.",
            where=f"{path}: charts",
            expected=", ".join(programme.site_by_code),
        )


def _refuse_too_many(charts: Sequence[Charted], programme: Programme, path: Path) -> None:
    for site in programme.site_by_code:
        if (many := sum(one.of(site) for one in charts)) > MOST_CHARTS:
            raise ProtocolError(
                f"{site} has {many} charts.",
                where=f"{path}: charts",
                expected=f"at most {MOST_CHARTS} a site: each more is an alarm more by chance",
                mend="keep those that the site would act on, or name the sites of each: "
                f"sites: [{site}]",
            )


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One component at one site in one period: the figure and what it says."""

    component: Component
    figure: float | None
    state: Delivery


@dataclass(frozen=True, kw_only=True)
class SitePeriod:
    """One site in one period: each component, and the core ones together."""

    site: str
    period: Period
    cells: tuple[Cell, ...]

    @property
    def state(self) -> Delivery:
        """As designed only where every core component that is due is known and done."""
        return together([one.state for one in self.cells if one.component.core])


def together(states: Iterable[Delivery]) -> Delivery:
    """Several states as one: what is below its floor counts before what is not known."""
    due = [one for one in states if one is not Delivery.NOT_DUE]
    if not due:
        return Delivery.NOT_DUE
    below = [one for one in due if one in (Delivery.NOT, Delivery.PARTLY)]
    if below:
        done = Delivery.AS_DESIGNED in due or Delivery.PARTLY in due
        return Delivery.PARTLY if done else Delivery.NOT
    return Delivery.NOT_KNOWN if Delivery.NOT_KNOWN in due else Delivery.AS_DESIGNED


@dataclass(frozen=True, kw_only=True)
class Practised:
    """What a site's figure in a period is made of.

    total : of the areas that have a figure. out_of : those who could have been counted, of a
    ratio; of a value, how many areas. per : what the ratio is told by; 1 for a value.
    """

    figure: str
    site: str
    period: Period
    total: float
    out_of: float
    per: float
    areas: tuple[str, ...]

    @property
    def value(self) -> float:
        """The figure: a ratio of totals, or the mean over areas."""
        return self.per * self.total / self.out_of


Printed = Callable[[Practised], float | None]
"""How a figure of practice is printed; None where it is not."""


def site_figures(
    observations: pd.DataFrame, programme: Programme, figure: str, printed: Printed | None = None
) -> Mapping[str, Mapping[Period, float]]:
    """Site -> period -> the practice's figure over the site's pilot areas.

    A ratio is one of totals; a value is the mean over areas. Areas without a figure are left out.

    Parameters
    ----------
    printed : how figures leave; as they are where none is given, for whoever works inside.
    """
    found: dict[str, dict[Period, float]] = {}
    for held in made_of(observations, programme, figure):
        value = held.value if printed is None else printed(held)
        if value is not None:
            found.setdefault(held.site, {})[held.period] = value
    return found


def made_of(observations: pd.DataFrame, programme: Programme, figure: str) -> Iterator[Practised]:
    """What the practice's figure of every site and period is made of, site by site."""
    outcome = programme.outcome_by_code[figure]
    held = observations[observations["outcome"] == figure].dropna(subset=["numerator"])
    sites = held["area_code"].map(
        {one.code: one.site for one in programme.areas if one.role == "pilot" and one.site}
    )
    for (site, label), part in held.groupby([sites, "quarter"]):
        ratio = outcome.form == "ratio"
        out_of = float(part["denominator"].sum()) if ratio else float(len(part))
        if not out_of:
            continue
        yield Practised(
            figure=figure,
            site=str(site),
            period=Period.parse(label),
            total=float(part["numerator"].sum()),
            out_of=out_of,
            per=outcome.per if ratio else 1.0,
            areas=tuple(sorted(map(str, part["area_code"]))),
        )


def strip(
    practice: Practice,
    programme: Programme,
    observations: pd.DataFrame,
    last: Period,
    printed: Printed | None = None,
) -> list[SitePeriod]:
    """Every site and period from its start to the last one, in that order.

    Parameters
    ----------
    printed : how figures leave. What reaches its floor is then judged by what is printed: by the
        true figure beside a printed one, it would tell on which side of the floor that lies.
    """
    figures = {
        one.figure: _by_period(
            site_figures(observations, programme, one.figure, printed), programme
        )
        for one in practice.components
    }
    return [
        SitePeriod(
            site=site.code,
            period=site.start + step,
            cells=tuple(
                _cell(one, figures[one.figure].get(site.code, {}), site, step)
                for one in practice.components
            ),
        )
        for site in programme.sites
        for step in range(max(0, last - site.start + 1))
    ]


def _by_period(
    figures: Mapping[str, Mapping[Period, float]], programme: Programme
) -> Mapping[str, Mapping[Period, float]]:
    """The same where they come by month and the programme counts in quarters: means of months.

    A quarter of which a month is lacking is not known. What is printed of a quarter is then made
    of what is printed of its months, and tells nothing more.
    """
    found: dict[str, dict[Period, float]] = {}
    for code, held in figures.items():
        own = found.setdefault(code, {})
        months: dict[Period, list[float]] = {}
        for period, figure in held.items():
            if period.frequency == "M" != programme.first.frequency:
                months.setdefault(period.within(programme.first.frequency), []).append(figure)
            else:
                own[period] = figure
        site = programme.site_by_code[code]
        for period, known in months.items():
            if len(known) == len(_months(period, site)):
                own[period] = sum(known) / len(known)
    return found


def _months(period: Period, site: Site) -> list[Period]:
    """The months of a period in which a site ran."""
    first, last = (Period.around(day, "M") for day in (period.first_day, period.last_day))
    began = first_month(site)
    return [first + step for step in range(last - first + 1) if first + step >= began]


def first_month(site: Site) -> Period:
    """The month in which a site began."""
    return Period.around(site.began or site.start.first_day, "M")


def _cell(one: Component, held: Mapping[Period, float], site: Site, step: int) -> Cell:
    figure = held.get(site.start + step)
    # A figure that came before it is due is shown and judged by nobody.
    if step + 1 < one.due:
        return Cell(component=one, figure=figure, state=Delivery.NOT_DUE)
    if figure is None:
        return Cell(component=one, figure=None, state=Delivery.NOT_KNOWN)
    state = Delivery.AS_DESIGNED if one.reached(figure) else Delivery.NOT
    return Cell(component=one, figure=figure, state=state)


_UNITS: Mapping[str, Frequency] = {"quarter": "Q", "month": "M", "year": "A"}
_LENGTHS: Sequence[Frequency] = ("D", "W", "M", "Q", "A")


def dose(shown: Sequence[SitePeriod], site: Site, unit: Frequency) -> int:
    """For how long a site ran as designed, in whole units: months never count as quarters.

    Of periods longer than the unit each counts as the units of it in which the site ran; of shorter
    ones a unit counts where each of its periods in which the site ran was as designed.
    """
    own = [one for one in shown if one.site == site.code]
    done = {one.period for one in own if one.state is Delivery.AS_DESIGNED}
    if not done or own[0].period.frequency == unit:
        return len(done)
    first, began = own[0].period, site.began or site.start.first_day
    if _LENGTHS.index(unit) < _LENGTHS.index(first.frequency):
        return sum(part.last_day >= began for one in done for part in _parts(one, unit))
    return sum(
        all(part in done for part in _parts(whole, first.frequency) if part >= first)
        for whole in {one.within(unit) for one in done}
    )


def _parts(period: Period, unit: Frequency) -> list[Period]:
    """The shorter periods that lie in a period, or with most of them."""
    first, last = (Period.around(day, unit) for day in (period.first_day, period.last_day))
    return [one for one in period_range(first, last) if one.within(period.frequency) == period]


def latest(shown: Sequence[SitePeriod], site: str) -> Delivery:
    """A site in its last period; not due where it has not started."""
    own = [one for one in shown if one.site == site]
    return own[-1].state if own else Delivery.NOT_DUE


def component_delivery(shown: Sequence[SitePeriod], figure: str) -> Delivery:
    """One component over sites, in each site's last period: that of most sites that are due."""
    last: dict[str, Delivery] = {}
    for one in shown:
        for cell in one.cells:
            if cell.component.figure == figure:
                last[one.site] = cell.state
    return _of_most(list(last.values()))


def programme_delivery(shown: Sequence[SitePeriod]) -> Delivery:
    """All core components over sites, in each site's last period."""
    return _of_most([latest(shown, site) for site in dict.fromkeys(one.site for one in shown)])


def _of_most(states: Sequence[Delivery]) -> Delivery:
    """What more than half of the sites that are due are; else partly, or not known."""
    due = [one for one in states if one is not Delivery.NOT_DUE]
    if not due:
        return Delivery.NOT_DUE
    for state in (Delivery.AS_DESIGNED, Delivery.NOT_KNOWN, Delivery.NOT):
        if 2 * due.count(state) > len(due):
            return state
    return Delivery.PARTLY


def said_of_estimate(shown: Sequence[SitePeriod]) -> Sentence | None:
    """What an estimate is one of, where that is not a programme that was delivered; else None."""
    sites = list(dict.fromkeys(one.site for one in shown))
    states = [latest(shown, site) for site in sites]
    due = [one for one in states if one is not Delivery.NOT_DUE]
    if not due:
        return None
    done = due.count(Delivery.AS_DESIGNED)
    known = [one for one in due if one is not Delivery.NOT_KNOWN]
    parts: dict[str, Any] = {"done": count(done), "due": count(len(due))}
    if 2 * done > len(due):
        return None
    if 2 * len(known) <= len(due):
        return Sentence.of(
            "Whether the programme was delivered as designed is not known: {known} of {due} sites "
            "sent the figures by which that is told.",
            known=count(len(known)),
            due=parts["due"],
        )
    return Sentence.of(
        "This is an estimate of a programme that was not delivered as designed: {done} of {due} "
        "sites reach the floors that were agreed.",
        **parts,
    )


def rows(shown: Sequence[SitePeriod]) -> list[dict[str, Any]]:
    """One row a site, period and component, for programs."""
    return [
        {
            "site": one.site,
            "period": one.period.label,
            "state": str(one.state),
            "figure": cell.component.figure,
            "value": cell.figure,
            "floor": cell.component.floor,
            "core": cell.component.core,
            "delivery": str(cell.state),
        }
        for one in shown
        for cell in one.cells
    ]
