"""The returns of a synthetic programme, as files in folders named by the day they are received.

Sites send workbooks for the last year and CSV before; sources send CSV. Some come late, one never,
small counts are withheld, and two figures are restated months after they were first sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from evaluation.programme import OPEN_SITE, Area, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.template import write_return
from evaluation.simulate.figures import Figures
from evaluation.simulate.places import Scenario

WORKBOOK_QUARTERS = 4
Row = list[str | float | None]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One file to write: who sends it, for which quarter, when it is received, what it says."""

    site: str
    agency: str
    period: Period
    received: date
    factor: float = 1.0
    note: str = ""

    @property
    def is_restatement(self) -> bool:
        return self.factor != 1.0


def write_returns(
    programme: Programme, scenario: Scenario, figures: Figures, folder: Path
) -> list[Path]:
    """Write every return under ``folder/<day received>/``; returns them in order of receipt."""
    written = []
    for sent in _calendar(programme, scenario):
        day = folder / sent.received.isoformat()
        day.mkdir(parents=True, exist_ok=True)
        recent = programme.last - sent.period < WORKBOOK_QUARTERS
        ending = "xlsx" if recent and sent.site != OPEN_SITE else "csv"
        path = day / f"{sent.site}_{sent.agency}_{sent.period.slug}.{ending}"
        guide = [form().template_version, programme.name, sent.site, sent.agency, str(sent.period)]
        write_return(path, guide, list(_rows(programme, figures, sent)))
        written.append(path)
    return sorted(written)


def _calendar(programme: Programme, scenario: Scenario) -> Iterator[Sent]:
    on_time = timedelta(days=scenario.delays["days_after_quarter"])
    late = timedelta(days=scenario.delays["late_days"])
    sites = [site.code for site in programme.sites]
    for period in programme.periods:
        back = programme.last - period
        for site, agency in programme.submitters:
            if (site, agency, back) == (sites[-1], "council", 1):
                continue
            is_late = (site, agency, back) in {(sites[1], "nhs", 1), (sites[0], "council", 3)}
            sent = Sent(
                site=site,
                agency=agency,
                period=period,
                received=period.last_day + (late if is_late else on_time),
            )
            yield sent
            if (site, agency, back) == (sites[0], "nhs", 3):
                yield replace(
                    sent,
                    received=programme.last.last_day + timedelta(days=20),
                    factor=0.94,
                    note="Restated: repeat attendances within a day were counted twice.",
                )
            if (site, agency, back) == (OPEN_SITE, "nhs_england", 2):
                yield replace(
                    sent,
                    received=(programme.last + -1).last_day + timedelta(days=60),
                    factor=1.02,
                    note="Restated: late records of two trusts added.",
                )


def rows_of(
    programme: Programme, figures: Figures, site: str, agency: str, period: Period
) -> list[Row]:
    """The rows of one submitter's return for one period, in the columns of the form."""
    sent = Sent(site=site, agency=agency, period=period, received=period.last_day)
    return list(_rows(programme, figures, sent))


def _rows(programme: Programme, figures: Figures, sent: Sent) -> Iterator[Row]:
    areas, outcomes = programme.expected(sent.site, sent.agency)
    column = sent.period - programme.first
    position = {area.code: row for row, area in enumerate(programme.areas)}
    for outcome in outcomes:
        for area in areas:
            row = position[area.code]
            count = int(figures.counts[outcome.code][row, column])
            if sent.is_restatement:
                count = int(np.floor(count * sent.factor + 0.5))
            yield _row(area, outcome, sent, count, int(figures.denominators[outcome.code][row]))


def _row(area: Area, outcome: Outcome, sent: Sent, count: int, denominator: int) -> Row:
    status = "[r]" if sent.is_restatement else ""
    figure: int | None = count
    if count < outcome.disclosure.threshold:
        figure, status = None, "[c]"
    given: Row = [area.code, area.name, sent.period.label, outcome.code]
    return [*given, figure, denominator, status or None, sent.note or None, None]
