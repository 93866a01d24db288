"""What the annex shows of practice month by month: a control chart each, from printed figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from evaluation import drawing
from evaluation.edition import words
from evaluation.edition.html_tables import table
from evaluation.learning.practice_charts import SiteChart, rows
from evaluation.ledger.learning_log import ticks
from evaluation.quarters import Period

if TYPE_CHECKING:
    from evaluation.edition.files import Generated
    from evaluation.programme import Outcome, Programme
    from evaluation.study.learned import Learned

ROOT = "../"


def view(found: Learned, programme: Programme, out: Generated) -> dict[str, Any]:
    """Site by site, in the order of their start, each chart with what it says and its months."""
    out.table("practice-charts", rows(found.charts))
    marks = {
        site.code: [_month(one["period"]) for one in _ticks(found, site.code)]
        for site in programme.sites
    }
    sites = []
    for site in sorted(programme.sites, key=lambda one: (one.start, one.code)):
        shown = [
            _chart(one, programme.outcome_by_code[one.charted.figure], marks[site.code], out)
            for one in found.charts
            if one.site == site.code
        ]
        if shown:
            sites.append({"code": site.code.lower(), "name": site.name, "charts": shown})
    return {"sites": sites}


def _ticks(found: Learned, site: str) -> Sequence[Any]:
    return ticks([one.held for one in found.entries], site)


def _month(label: str) -> str:
    """The month of a change; of one that is told by quarter, its first."""
    return Period.around(Period.parse(label).first_day, "M").label


def _chart(
    chart: SiteChart, outcome: Outcome, changes: Sequence[str], out: Generated
) -> dict[str, Any]:
    drawn = [
        {
            "period": one.month.label,
            "value": one.value,
            "centre": chart.centre,
            "low": one.low,
            "high": one.high,
            "unusual": "; ".join(one.rules),
        }
        for one in chart.months
    ]
    said = str(chart.said().spelled(words.BOOK))
    name = f"practice/{chart.site}-{chart.charted.figure}"
    title = outcome.plain_title
    picture = (
        out.chart(
            name,
            ROOT,
            f"Control chart of {title}",
            said,
            drawing.control,
            drawn,
            changes,
            outcome.unit,
        )
        if drawn
        else Markup("")
    )
    return {"title": title, "said": said, "picture": picture, "table": _table(chart, title)}


def _table(chart: SiteChart, title: str) -> Markup | str:
    body = [
        [one.month.months, _figure(one.value), _limits(one.low, one.high), ", ".join(one.rules)]
        for one in chart.months
    ]
    heads = ["Month", "Figure", "Limits", "Unusual for this site"]
    return table(f"{title}, month by month", heads, body, numeric="tnnt") if body else ""


def _figure(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1f}"


def _limits(low: float | None, high: float | None) -> str:
    return "none yet" if low is None or high is None else f"{low:.1f} to {high:.1f}"
