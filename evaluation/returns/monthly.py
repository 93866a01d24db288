"""Monthly returns in a programme that counts in quarters: who is asked, and by what they are known.

What sites did is measured month by month where they can: an outcome with ``frequency: month``. It
comes by the same form, check, ledger and receipts as a quarter's figures, in a return of its own
for each month; `in_months` is the programme as its sender is asked. Of figures that pilots alone
send, a month is owed from a site's start on: before, nobody did anything that could be counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluation.programme import Programme
from evaluation.quarters import Period, period_range
from evaluation.returns.notation import notation
from evaluation.returns.workbook import guide_from_name, plain_text

if TYPE_CHECKING:
    from evaluation.programme import Outcome, Site
    from evaluation.quarters import Frequency
    from evaluation.returns.workbook import RawReturn

_LOOKED_AT = 200
"""Rows: more of them say nothing else about what a return is of."""


def monthly_outcomes(programme: Programme) -> tuple[Outcome, ...]:
    """What is returned by month beside what is returned by quarter; none where all is by month."""
    if programme.first.frequency != "Q":
        return ()
    return tuple(one for one in programme.outcomes if one.period_frequency == "M")


def months_of(programme: Programme) -> tuple[Period, ...]:
    """The months of the programme's quarters; none where nothing is returned by month beside."""
    if not monthly_outcomes(programme):
        return ()
    return period_range(_first_month(programme.first), _last_month(programme.last))


def in_months(programme: Programme) -> Programme:
    """The same programme as whoever sends a monthly return is asked: its calendar is one of months.

    All outcomes stay, so that a row of a quarter's outcome is told as what it is; what is asked
    for a month are those returned by month.
    """
    held = {name: getattr(programme, name) for name in Programme.model_fields}
    changed = {
        "first": _first_month(programme.first),
        "last": _last_month(programme.last),
        "frequency": "M",
        "sites": tuple(_site_in_months(site) for site in programme.sites),
        # Money and waves are of quarters, and none of them is asked for in a month.
        "money": None,
        "planned_costs": (),
        "costs": (),
        "taken_out": (),
    }
    found = Programme.model_construct(**held | changed)
    found._agreements, found._mergers = programme.agreements, programme.mergers
    return found


def sent_by_month(raw: RawReturn, programme: Programme) -> bool:
    """Whether a return is one of a month: most of its outcomes are returned by month.

    Where its rows do not tell, its guide does, or the name that stands for it.
    """
    by_month = {one.code for one in monthly_outcomes(programme)}
    if not by_month:
        return False
    known = programme.outcome_by_code
    told = [
        code in by_month
        for row in raw.rows[:_LOOKED_AT]
        for value in row.values
        if isinstance(value, str) and (code := plain_text(value)) in known
    ]
    if told and 2 * sum(told) != len(told):
        return 2 * sum(told) > len(told)
    named = guide_from_name(raw.path_name, "M")["quarter"]
    said = raw.guide["quarter"] if raw.guide_sheet is not None else named
    return bool(said) and notation(said, "M").own and len(said) > len("2026")


def frequency_of(raw: RawReturn, programme: Programme) -> Frequency:
    """In which periods a return is counted."""
    return "M" if sent_by_month(raw, programme) else programme.first.frequency


def counted(period: Period, programme: Programme) -> Period:
    """The period of the programme in which a month lies; any other period as it is."""
    of = programme.first.frequency
    return period.within(of) if (period.frequency, of) == ("M", "Q") else period


def owed_by_month(programme: Programme, site: str, agency: str, month: Period) -> bool:
    """Whether a submitter owes a return for a month.

    Of what pilots alone send, from the month in which the site began.
    """
    asked = programme.asked_in(site, agency, month)
    everywhere = any(one.measured_in == "all areas" for one in asked)
    own = programme.site_by_code.get(site)
    return bool(asked) and (everywhere or own is None or month >= _site_in_months(own).start)


def _site_in_months(site: Site) -> Site:
    began = site.start.first_day if site.began is None else site.began
    announced = None if site.announced is None else _first_month(site.announced)
    return site.model_copy(update={"start": Period.around(began, "M"), "announced": announced})


def _first_month(period: Period) -> Period:
    return Period.around(period.first_day, "M")


def _last_month(period: Period) -> Period:
    return Period.around(period.last_day, "M")
