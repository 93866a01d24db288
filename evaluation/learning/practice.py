"""Practice: what sites did, in figures of pilots alone, against floors agreed in advance.

A practice is an outcome that is ``measured_in: pilot areas only`` and comes in the same returns,
through the same checks, into the same ledger. It is never compared across arms and never drops a
site: it says whether an estimate is one of a programme that was delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import ProtocolError
from evaluation.quarters import Period
from evaluation.wording import Sentence, count

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.programme import Programme, Site

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


class Practice(Frozen):
    """The components of a programme's model, and what was agreed of them.

    agreed : when and by whom the floors were agreed, in words.
    """

    agreed: str = ""
    components: tuple[Component, ...]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        codes = [one.figure for one in self.components]
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
            _refuse(one, programme, path)
        return found

    @property
    def core(self) -> tuple[Component, ...]:
        return tuple(one for one in self.components if one.core)


def _refuse(one: Component, programme: Programme, path: Path) -> None:
    outcome = programme.outcome_by_code.get(one.figure)
    pilots = [o.code for o in programme.outcomes if o.measured_in == PILOTS_ONLY]
    if outcome is None or outcome.measured_in != PILOTS_ONLY:
        kind = "is no outcome of the programme" if outcome is None else "is measured everywhere"
        raise ProtocolError(
            f"the practice {one.figure!r} {kind}.",
            where=str(path),
            expected="an outcome that is measured_in: pilot areas only"
            + (f": {', '.join(pilots)}" if pilots else ""),
            mend="declare it under outcomes in programme.yaml",
        )
    if outcome.polarity in ("up", "down") and outcome.polarity != one.better:
        raise ProtocolError(
            f"{one.figure} is better {outcome.polarity} as an outcome and {one.better} as a "
            "practice.",
            where=str(path),
            mend=f"better: {outcome.polarity}",
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
    outcome = programme.outcome_by_code[figure]
    held = observations[observations["outcome"] == figure].dropna(subset=["numerator"])
    found: dict[str, dict[Period, float]] = {}
    sites = held["area_code"].map(
        {one.code: one.site for one in programme.areas if one.role == "pilot" and one.site}
    )
    for (site, label), part in held.groupby([sites, "quarter"]):
        ratio = outcome.form == "ratio"
        out_of = float(part["denominator"].sum()) if ratio else float(len(part))
        if not out_of:
            continue
        held_there = Practised(
            figure=figure,
            site=str(site),
            period=Period.parse(label),
            total=float(part["numerator"].sum()),
            out_of=out_of,
            per=outcome.per if ratio else 1.0,
            areas=tuple(sorted(map(str, part["area_code"]))),
        )
        value = held_there.value if printed is None else printed(held_there)
        if value is not None:
            found.setdefault(held_there.site, {})[held_there.period] = value
    return found


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
    began = Period.around(site.began or site.start.first_day, "M")
    return [first + step for step in range(last - first + 1) if first + step >= began]


def _cell(one: Component, held: Mapping[Period, float], site: Site, step: int) -> Cell:
    figure = held.get(site.start + step)
    # A figure that came before it is due is shown and judged by nobody.
    if step + 1 < one.due:
        return Cell(component=one, figure=figure, state=Delivery.NOT_DUE)
    if figure is None:
        return Cell(component=one, figure=None, state=Delivery.NOT_KNOWN)
    state = Delivery.AS_DESIGNED if one.reached(figure) else Delivery.NOT
    return Cell(component=one, figure=figure, state=state)


def dose(shown: Sequence[SitePeriod], site: str) -> int:
    """Periods in which a site ran as designed."""
    return sum(one.site == site and one.state is Delivery.AS_DESIGNED for one in shown)


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
