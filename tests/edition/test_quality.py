"""How the page of data names who sent a figure and what it is of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bs4 import BeautifulSoup

from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated
from evaluation.edition.letter import _sent
from evaluation.edition.pages import quality
from evaluation.finance import FINANCE, lines_of, payers
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]


def test_returns_of_money_are_named_in_words_and_not_by_their_codes(edition: Edition) -> None:
    demonstration = Programme.load(Workspace(root=REPOSITORY), "new_start")
    shown = dataclasses.replace(edition, programmes={"new_start": demonstration})
    site, lines = demonstration.sites[0], lines_of(demonstration)
    assert lines and payers(demonstration)
    for agency in payers(demonstration):
        said = quality._who(shown, site.code, f"{agency}{FINANCE}")
        assert said == f"{site.name}, {demonstration.agencies[agency]} (finance)"
    for line in lines:
        assert quality._title(shown, line.code) == line.title
    assert quality._who(shown, site.code, "nhs") == f"{site.name}, {demonstration.agencies['nhs']}"


def with_months(edition: Edition, *came: tuple[str, str]) -> Edition:
    """An edition whose first site sends one outcome by month, of which these months came."""
    programme = edition.programme
    site, month = programme.sites[0], {"frequency": "month", "measured_in": "pilot areas only"}
    agency = site.agencies[0]
    first = next(one for one in programme.outcomes if one.agency == agency)
    added = first.model_copy(update={"code": "met_soon", "source": "site", **month})
    outcomes = (*programme.outcomes, added.model_copy(update={"comparison_source": ""}))
    last = edition.rounds[-1]
    receipts = [
        {
            **edition.receipts[0],
            "site": site.code,
            "agency": agency,
            "quarter": label,
            "received": at,
        }
        for label, at in came
    ]
    return dataclasses.replace(
        edition,
        programmes={programme.name: programme.model_copy(update={"outcomes": outcomes})},
        rounds=(
            *edition.rounds[:-1],
            dataclasses.replace(last, receipts=(*last.receipts, *receipts)),
        ),
    )


def test_months_have_columns_of_their_own_in_the_calendar(edition: Edition, tmp_path: Path) -> None:
    """Beside the table of quarters one of months, of those alone who owe any."""
    plain = quality.view(edition, Generated(tmp_path))["calendar"]
    assert plain.count("<table") == 1 and "monthly" not in plain
    last = edition.programme.last
    months = [Period.around(last.first_day, "M") + k for k in range(-1, 2)]
    came = ((months[0].label, "2026-07-10T09:00:00Z"), (months[1].label, "2027-01-03T09:00:00Z"))
    out = Generated(tmp_path)
    shown = quality.view(with_months(edition, *came), out)
    quarters, by_month = BeautifulSoup(shown["calendar"], "html.parser").find_all("table")
    assert [one.text for one in quarters.find_all("tr")] == [
        one.text for one in BeautifulSoup(plain, "html.parser").find_all("tr")
    ]
    heads = [one.text for one in by_month.find_all("th", scope="col")]
    assert months[0].label in heads and heads == sorted(heads, key=lambda h: (h[0] == "2", h))
    assert len(heads) <= 1 + quality.SHOWN_PERIODS
    assert {one.text.split(",")[0] for one in by_month.select("tbody th")} <= {
        site.name for site in edition.programme.sites
    }
    assert "10 Jul 2026" in by_month.text and "missing" in by_month.text
    own = quality.of_site(with_months(edition, *came), edition.programme.sites[0].code)
    assert own.count("<table") == 1 and "monthly" not in own
    charts = BeautifulSoup(shown["shapes"], "html.parser")
    assert len(charts.find_all("figure")) == 2 and "submitter and month" in str(charts)


def test_a_letter_counts_the_months_of_its_quarter(edition: Edition) -> None:
    """A site that sent all its months and quarters lacks nothing; one month missing is told."""
    site = edition.programme.sites[0]
    quarter = Period.parse(edition.headline.sample.last)
    before, lacking = _sent(edition, site.code, quarter)
    assert before == len(site.agencies) and lacking == ()
    months = [Period.around(quarter.first_day, "M") + k for k in range(3)]
    at = "2026-10-10T09:00:00Z"
    sent, lacking = _sent(
        with_months(edition, *((one.label, at) for one in months)), site.code, quarter
    )
    assert sent == before + 3 and lacking == ()
    sent, lacking = _sent(
        with_months(edition, *((one.label, at) for one in months[:2])), site.code, quarter
    )
    agency = edition.programme.agencies[site.agencies[0]]
    assert sent == before + 2 and lacking == (agency,)
