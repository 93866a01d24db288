"""The money page from a whole valuation: every chart, its words, and what must stand beside it."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from evaluation import drawing as figures
from evaluation.edition import answers, words
from evaluation.edition.files import Generated
from evaluation.edition.pages import money, money_charts
from evaluation.study.accounts_record import Accounts, PublicFunds, RedPrice
from evaluation.study.record import Results
from evaluation.study.results import clean
from evaluation.value import Assumptions
from evaluation.value.report import as_data
from tests.completed import accounts as whole_accounts
from tests.completed import completed, study_results
from tests.unit.values import AE, ASB, CLAIMANTS, HEALTH, HOUSED, cost, net, valued

COSTS = [cost("council", "2024 Q1", 400_000, "set-up"), cost("nhs", "2025 Q1", 250_000)]
SIZES = [figures.WIDE, figures.NARROW]


@pytest.fixture(scope="module")
def accounts() -> Accounts:
    nets = [
        net(AE, -12.5, noise=20, seed=1),
        net(HOUSED, -1, noise=1, seed=2),
        net(CLAIMANTS, -1, noise=1, seed=3),
        net(ASB, -1, noise=2, seed=4),
        net(HEALTH, 0.01, exposure=167.0, noise=0.02, seed=5),
    ]
    data = as_data(valued(nets, COSTS, assumptions=Assumptions(), draws=1_000), {})
    return Accounts.model_validate(clean(data))


@pytest.fixture
def study(accounts: Accounts) -> Results:
    return study_results(study="s", programme="p", value=accounts.plain())


@pytest.fixture
def out(tmp_path: Path) -> Generated:
    return Generated(tmp_path)


@pytest.mark.parametrize("size", SIZES)
def test_the_charts_of_money_are_text_and_the_same_each_time(
    accounts: Accounts, size: figures.Size
) -> None:
    held = accounts.plain()
    drawn = figures.waterfall(held["waterfall"], size)
    assert drawn == figures.waterfall(held["waterfall"], size)
    for said in ("Everything gained", "Public spending released"):
        assert said in drawn
    assert "released less spent" in figures.fan(held["by_quarter"], size)
    assert "estimate" in figures.tornado(held["tornado"], size)
    chances = {"gain_cost": 0.5, "gain_save": 0.3, "lose_cost": 0.2, "lose_save": 0.0}
    funds = accounts.public_funds
    plane = figures.plane(funds.points, funds.best, chances, size)
    assert "the purse saves: 30%" in plane


@pytest.mark.parametrize("size", SIZES)
def test_results_without_a_fan_are_drawn_with_their_range(
    accounts: Accounts, size: figures.Size
) -> None:
    new = [row.plain() for row in accounts.by_quarter]
    old = [{k: v for k, v in row.items() if k != "fan"} for row in new]
    assert figures.fan(old, size) != figures.fan(new, size)


def test_each_chart_says_its_finding_and_has_its_table(
    study: Results, accounts: Accounts, out: Generated
) -> None:
    pairs = (
        (money_charts.over_time, money_charts.over_time_table),
        (money_charts.to_budget, money_charts.to_budget_table),
        (money_charts.hangs_on, money_charts.hangs_on_table),
        (money_charts.public_funds, money_charts.categories),
    )
    for chart, behind in pairs:
        shown = str(chart(study, accounts, out))
        alt = re.search(r"alt='([^']+)'", shown)
        assert alt and "£" in alt[1] and len(alt[1].split()) > 15
        assert "<td" in str(behind(accounts))


def test_ame_and_del_have_ranges_of_their_own(accounts: Accounts) -> None:
    shown = str(money._totals_table(accounts))
    assert "no range of its own" not in shown
    for budget in ("AME", "DEL"):
        row = re.search(rf"\({budget}\)</span></th>(.*?)</tr>", shown)
        assert row and " to " in row[1]


def test_red_is_flagged_where_it_matters(accounts: Accounts) -> None:
    flagged = str(money.agency_table(accounts))
    assert flagged.count("rests on a red-graded price") == 1
    assert re.search(
        r"prices, red</span><span class='from'>GMCA v1.4, CR1.0<", str(money._price_table(accounts))
    )
    red = RedPrice(outcome="asb", title="ASB", code="CR1.0", share=0.31)
    assert money._red(accounts.model_copy(update={"red": (red,)}))[0].startswith(
        "ASB (CR1.0): 31% of all that is valued"
    )


def test_every_price_says_average_and_its_vintage(accounts: Accounts) -> None:
    shown = str(money._price_table(accounts))
    assert shown.count("average, from") == len(accounts.by_outcome)
    assert shown.count("GMCA v1.4") == len(accounts.by_outcome) - 1  # a QALY is the Treasury's
    assert "Green Book 2022" in shown
    table = str(money._sources_table(accounts))
    for source in ("Green Book 2026", "HMT December 2025 QNA", "GMCA v1.4"):
        assert source in table


def test_nothing_on_the_page_calls_an_average_a_saving_to_bank(
    study: Results, accounts: Accounts, out: Generated
) -> None:
    content = {
        "value": accounts,
        "study": study,
        "name": "s/money",
        "charts": money_charts,
        "out": out,
        "totals": money._totals_table(accounts),
        "gains": "",
        "agencies": "",
        "began": "",
        "prices": money._price_table(accounts),
        "price_notes": money._price_notes(accounts),
        "red": [],
        "sources": money._sources_table(accounts),
        "not_monetised": None,
        "fifths": None,
        "to_confirm": accounts.to_confirm,
        "notes": accounts.notes,
        "words": words,
        "claim": lambda key: key,
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluation.edition"), undefined=jinja2.StrictUndefined
    )
    environment.globals |= {"asked_on": lambda page: []}
    page = environment.get_template("money.md.j2").render(**content)
    page += environment.get_template("all-money.md.j2").render(**content)
    page += answers.money(study)
    for sentence in re.split(r"(?<=[.!?])\s", page):
        if "bank" in sentence:
            assert re.search(r"\b(not|none|no)\b", sentence, re.IGNORECASE), sentence
    assert "to date" in page
    assert "Nothing in this section is measured" in page
    assert "**Equity.**" in page


def test_the_ratio_of_public_funds_says_when_it_means_little() -> None:
    pounds = {"mean": 2e6, "low": 1e6, "high": 3e6}
    found = {
        "finite": 0.6,
        "infinite": 0.3,
        "ambiguous": 0.1,
        "mvpf": 2.0,
        "low": None,
        "high": None,
        "willingness_to_pay": pounds,
        "net_cost": pounds,
    }

    def each_pound(**changed: float | None) -> str:
        held = completed(PublicFunds, found | changed)
        return money_charts.each_pound(PublicFunds.model_validate(held))

    said = each_pound()
    assert "without a range, since the net cost may be zero or less" in said
    assert "pays for itself, so no ratio" in each_pound(mvpf=None)
    ranged = each_pound(low=1.0, high=3.0)
    assert "£2.00 (£1.00 to £3.00)" in ranged


def test_break_even_says_each_of_its_answers() -> None:
    base = {
        "half_life": None,
        "already": False,
        "never": False,
        "years": 10,
        "p_already": 0.2,
        "p_never": 0.3,
    }

    def said(**changed: float) -> str:
        return money_charts.break_even(whole_accounts({"break_even": base | changed}))

    assert "half in 2.5 years" in said(half_life=2.5)
    assert "already exceed costs" in said(already=True)
    assert "never faded" in said(never=True)


def test_payback_may_not_come_within_the_horizon(accounts: Accounts) -> None:
    never = {"quarter": "not within the horizon", "last": "2026 Q4", "p_within": 0.004}
    said = money_charts.payback(whole_accounts(accounts.plain() | {"payback": never}))
    # One chance is told of the money, and this is not it.
    assert said.endswith("It had not paid for itself by 2026 Q4.") and "chance" not in said


def test_fifths_show_both_counts_side_by_side_or_say_why_not() -> None:
    gain = {"mean": 1e5, "low": 5e4, "high": 2e5}
    weighted = {"mean": 3e5, "low": 1.5e5, "high": 6e5}
    rows = [
        {
            "fifth": 1,
            "pilot_areas": 3,
            "comparison_areas": 20,
            "valued": True,
            "reason": "",
            "people": gain,
            "people_weighted": weighted,
            "weight": {"central": 3.01, "low": 1.97, "high": 5.44},
        },
        {
            "fifth": 2,
            "pilot_areas": 0,
            "comparison_areas": 9,
            "valued": False,
            "reason": "no pilot area lies in this fifth",
        },
    ]
    shown = str(money._fifths_table(whole_accounts({"by_fifth": rows})))
    assert "£100,000 (£50,000 to £200,000)" in shown
    assert "3.01 (1.97 to 5.44)" in shown
    assert "£300,000 (£150,000 to £600,000)" in shown
    assert "no pilot area lies in this fifth" in shown
    assert money._fifths_table(whole_accounts({})) is None
