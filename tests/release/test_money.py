"""Money at what several people are worth in it, and what is made of money of printed ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from evaluation.disclosure.key import Key
from evaluation.disclosure.released import Entry
from evaluation.release import Released
from evaluation.release.derived_money import chance_step, times_again
from evaluation.release.priced import LUMP, Prices
from evaluation.release.released_accounts import release_accounts, rows_named
from evaluation.release.rounding import one_figure
from evaluation.study.record import Results
from evaluation.value.parameters import Parameters
from evaluation.value.ratios import NOT_WITHIN
from evaluation.value.report import as_data
from tests.release.before import ROOMY, released, results
from tests.unit.values import AE, QUARTERS, SITES, cost, net, outcome, valued

KEY = Key(secret=bytes(range(32)))
DEAR = 48_000.0
PEOPLE = 5


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return results(tmp_path_factory.mktemp("money"), ROOMY)


def row(outcome: str, price: float, **more: Any) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "agency": "nhs",
        "budget": "DEL",
        "kind": "fiscal",
        "unit_cost": price,
        "cost_per": "event",
        "share": 1.0,
        "given_up": False,
        "transfer": False,
    } | more


def prices(*rows: dict[str, Any], **more: Any) -> Prices:
    return Prices(rows=rows, people=PEOPLE, **{"often": 1.0, **more})


def dearer(made: Results, price: float) -> Results:
    """The same accounts, with each event of the first outcome at this price."""
    assert made.value is not None
    first = made.value.by_outcome[0].model_copy(update={"unit_cost": price, "objected": False})
    value = made.value.model_copy(update={"by_outcome": (first, *made.value.by_outcome[1:])})
    return made.model_copy(update={"value": value})


def steps_of(made: Released) -> dict[str, float]:
    return {
        one.address.partition(".value.")[2]: one.step or 0.0
        for one in made.entries
        if one.kind == "money" and ".value." in one.address
    }


def test_an_amount_stands_at_five_people_at_the_dearest_price_in_it(before: Results) -> None:
    plain, dear = steps_of(released(before)), steps_of(released(dearer(before, DEAR)))
    assert before.value is not None
    own = before.value.by_outcome[0]
    name = f"by_outcome.{own.outcome}-{own.agency}-{own.budget}.value.mean"
    for address in (name, "totals.gross_fiscal.mean", "totals.npsv.mean"):
        assert dear[address] >= max(PEOPLE * DEAR * own.share, plain[address]), address
    assert plain[name] < PEOPLE * DEAR
    other = before.value.by_outcome[1]
    untouched = f"by_outcome.{other.outcome}-{other.agency}-{other.budget}.value.mean"
    assert dear[untouched] == plain[untouched], "it is not in that amount"


def test_every_amount_of_every_part_is_as_coarse(before: Results) -> None:
    made = released(dearer(before, DEAR))
    parts = ("by_site", "by_quarter", "waterfall", "tornado", "scenarios", "by_fifth", "totals")
    found = {
        address: step
        for address, step in steps_of(made).items()
        if address.startswith(parts) and "ratio" not in address and "bcr" not in address
    }
    assert len(found) > 20
    dull = ("gross_social", "gross_economic", "gross_fiscal_AME", "cost", "cashable.mean")
    coarse = PEOPLE * DEAR * 0.999
    zero = {one.address.partition(".value.")[2] for one in made.entries if one.printed == 0}
    fine = {
        address
        for address, step in found.items()
        if step < coarse and not any(one in address for one in dull) and address not in zero
    }
    # An amount of nothing that hangs on a person stands as it is.
    known = {address for address in fine if ".fan." in address or address.endswith(("low", "high"))}
    assert not fine - known, sorted(fine - known)[:5]


def test_what_is_printed_sums_from_all_that_is_gained_to_what_could_leave() -> None:
    steps = {
        "gross": (6_292_514.0, 2_571_317.0, 12_483_949.0),
        "people": (-714_921.0, -2_230_895.0, 253_531.0),
        "released": (5_577_594.0, 2_032_555.0, 11_026_652.0),
        "capacity": (-3_701_376.0, -7_607_073.0, -1_191_455.0),
        "lag": (-562_503.0, -1_554_063.0, 64_554.0),
        "lumps": (-589_259.0, -1_014_015.0, -257_320.0),
        "cashable": (724_456.0, 74_071.0, 2_046_218.0),
    }
    walk = [
        {"step": step, **dict(zip(("mean", "low", "high"), ends, strict=True))}
        for step, ends in steps.items()
    ]
    held = {"totals": {"gross_fiscal": walk[2]}, "waterfall": walk, "by_outcome": []}
    for number in range(20):
        key = Key(secret=bytes([number] * 32))
        account = prices(row("a", 40_000.0))
        shown, known, _ = release_accounts(held, "p.s.value", key, account, {})
        mean = {one["step"]: one["mean"] for one in shown["waterfall"]}
        assert mean["gross"] + mean["people"] == pytest.approx(mean["released"])
        rest = mean["capacity"] + mean["lag"] + mean["lumps"]
        assert mean["released"] + rest == pytest.approx(mean["cashable"])
        assert mean["released"] == shown["totals"]["gross_fiscal"]["mean"]
        assert all(one["low"] <= one["mean"] <= one["high"] for one in shown["waterfall"])
        assert known[one_figure(6_292_514.0)] == mean["gross"], "in sentences too"


def test_prices_enter_where_they_count_and_nowhere_else() -> None:
    held = prices(
        row("a", 100.0),
        row("b", 70_000.0, budget="AME", agency="dwp", transfer=True),
        row("c", 9_000.0, kind="economic", budget="none", agency="people"),
        row("d", 50_000.0, objected=True),
    )
    assert held.worth(("totals", "gross_fiscal")) == 5 * 70_000
    assert held.worth(("totals", "gross_fiscal_DEL")) == 5 * 100
    assert held.worth(("totals", "npsv")) == 5 * 9_000, "benefit payments do not count"
    assert held.worth(("totals", "gross_economic")) == 5 * 9_000
    assert held.worth(("with_objected", "totals", "gross_fiscal_DEL")) == 5 * 50_000
    assert held.worth(("by_agency", "dwp-AME", "gain")) == 5 * 70_000
    assert held.worth(("by_agency", "nhs-DEL", "gain")) == 5 * 100
    assert held.worth(("not_standing", "d", "gross_fiscal")) == 5 * 50_000
    assert held.step(("totals", "gross_fiscal")) == 500_000


def test_who_is_counted_before_the_start_is_in_all_that_follows() -> None:
    """And one event of an outcome that is priced in two ways is worth both."""
    twice = (row("a", 100.0), row("a", 900.0, kind="economic", budget="none", agency="people"))
    assert prices(*twice).worth(("waterfall", "gross")) == 5 * 1_000
    assert prices(*twice, often=3.0).worth(("waterfall", "gross")) == 5 * 3_000
    weeks = prices(row("a", 500.0, cost_per="week"))
    assert weeks.worth(("totals", "gross_fiscal")) == pytest.approx(5 * 13.04 * 500)
    years = prices(row("a", 500.0, cost_per="person_year"))
    assert years.worth(("totals", "gross_fiscal")) == 5 * 500, "who is in a stock stays"
    ahead = prices(row("a", 100.0), ahead=(0.9, 0.8))
    assert ahead.worth(("scenarios", "fades", "npsv")) == pytest.approx(5 * 270)
    answers = prices(row("a", 13_000.0), moved={"a": 2.5})
    assert answers.worth(("totals", "npsv")) == 5 * 2.5 * 13_000
    assert answers.events_step(row("a", 13_000.0)) == 12.5


def test_no_post_is_dearer_than_is_taken_for_one() -> None:
    params = Parameters.load("2026")
    assert params.tables["cashable"]["lump"].max() < LUMP
    held = prices(row("a", 100.0))
    assert held.worth(("totals", "cashable")) == 5 * 100 + LUMP
    assert held.worth(("totals", "npsv")) == 5 * 100


CHILDREN = outcome("children_looked_after", "stock", "child_looked_after", agency="council")


def accounts(more: float = 0.0) -> dict[str, Any]:
    """Accounts of attendances and of children in care; ``more`` of these avoided for a year."""
    children = np.full((len(SITES), len(QUARTERS)), -0.3)
    # Four for each unit of an effect, as many as it is of.
    children[0, -4:] -= more / 4
    value = valued(
        [net(AE, -60, noise=40.0), net(CHILDREN, children, noise=1.0, seed=1)],
        [cost("nhs", "2024 Q1", 9e5), cost("council", "2024 Q1", 1.1e6)],
        changed=[CHILDREN],
    )
    return as_data(value, {})


def as_they_leave(held: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Entry]]:
    """With the sentences that results hold them by."""
    told = {str(one): one.as_data() for one in held["what_would_change_it"]}
    plain = {**held, "what_would_change_it": list(told)}
    of_it = Prices(
        rows=held["by_outcome"],
        often=3.0,
        people=PEOPLE,
        ahead=held["what_if"]["ahead"]["standard"],
    )
    shown, _, entries = release_accounts(plain, "p.s.value", KEY, of_it, told)
    return shown, {one.address: one for one in entries}


@pytest.fixture(scope="module")
def shown() -> tuple[dict[str, Any], dict[str, Entry]]:
    return as_they_leave(accounts())


def test_balances_and_ratios_are_made_of_what_is_printed(
    shown: tuple[dict[str, Any], dict[str, Entry]],
) -> None:
    """Whoever has the page can make each of them himself: an offset of its own would tell more."""
    value, lines = shown
    totals, paid = value["totals"], value["what_if"]["cost"]
    step = lines["p.s.value.totals.gross_fiscal.mean"].step
    assert step is not None and step >= 5 * 60_000
    gain, spent = totals["gross_fiscal"]["mean"], totals["cost"]["mean"]
    assert totals["net_fiscal"]["mean"] == step * round((gain - spent) / step)
    for one in value["by_agency"]:
        assert abs(one["net"]["mean"] - (one["gain"]["mean"] - one["cost"]["mean"])) <= step / 2
    near = step / paid / 10 + 0.05
    assert totals["bcr"]["mean"] == pytest.approx(1 + totals["npsv"]["mean"] / paid, abs=near)
    purse = value["public_funds"]["net_cost"]["mean"]
    assert totals["fiscal_ratio"]["mean"] == pytest.approx(1 - purse / paid, abs=near)
    for name in ("totals.net_fiscal.mean", "totals.bcr.mean", "break_even.half_life"):
        assert lines[f"p.s.value.{name}"].low is None, "it says nothing of its own"


def test_a_person_more_prints_alike_or_a_step_apart(
    shown: tuple[dict[str, Any], dict[str, Entry]],
) -> None:
    """One child fewer in care for a year, at £69,500."""
    _, one = shown
    _, two = as_they_leave(accounts(1.0))
    assert one.keys() == two.keys()
    moved = 0
    for address, entry in one.items():
        first, second, step = entry.printed, two[address].printed, entry.step
        if first == second:
            continue
        moved += 1
        assert isinstance(first, float) and isinstance(second, float) and step, address
        # One that is kept off zero lies a tenth of a step further.
        assert abs(first - second) <= step * 1.101, address
    assert moved < len(one) / 3, "at five people's worth most figures stay as they are"


def test_what_the_money_says_stays_what_is_printed(
    shown: tuple[dict[str, Any], dict[str, Entry]],
) -> None:
    """Words that hang on an amount: by when, which category, whether it lasts, how many times."""
    value, _ = shown
    balance = value["totals"]["npsv"]["mean"]
    assert value["break_even"]["already"] == (balance >= 0)
    ratio = value["totals"]["bcr"]["mean"]
    inside = next(one for one in value["categories"] if one["estimate"])
    assert (inside["from"] or -math.inf) <= ratio < (inside["below"] or math.inf)
    last = value["by_quarter"][-1]["cumulative_net"]["mean"]
    assert (value["payback"]["quarter"] == NOT_WITHIN) == (last < 0)
    assert value["what_if"]["share"] is None


def test_a_multiple_of_a_gain_is_made_of_printed_amounts() -> None:
    assert times_again(3.0, -1e6, -1e6, 1e5, 0.0) == 3.0
    assert times_again(3.0, -1e6, -1.1e6, 1e5, 0.0) == 3.2
    assert times_again(1.0, -1e6, -1e6, 1e5, 0.0) is None
    assert times_again(30.0, -1e6, -1e6, 1e5, 0.5) is None, "the gain is less than its step"


def test_chances_move_by_what_the_amount_moves_by() -> None:
    narrow = {"low": 0.0, "high": 1e6}
    assert chance_step(10_000.0, narrow) == 0.02
    assert chance_step(500_000.0, narrow) == 0.5
    assert chance_step(10_000.0, {"low": -1e8, "high": 1e8}) == 0.01
    assert chance_step(10_000.0, {"low": 3.0, "high": 3.0}) == 0.5


def test_chances_of_categories_sum_to_one(shown: tuple[dict[str, Any], dict[str, Entry]]) -> None:
    value, _ = shown
    assert sum(one["p"] for one in value["categories"]) == pytest.approx(1.0)
    assert all(one["p"] >= 0 for one in value["categories"])
    funds = value["public_funds"]
    assert funds["finite"] + funds["infinite"] + funds["ambiguous"] == pytest.approx(1.0)
    assert sum(one["estimate"] for one in value["categories"]) == 1
    totals = value["totals"]
    assert totals["p_npsv_positive"] == totals["bcr"]["p_above_one"], "one chance, told twice"


def test_two_amounts_never_stand_at_one_address(before: Results) -> None:
    rows = [{"what": "effect", "title": "a"}, {"what": "effect", "title": "b"}, {"what": "price"}]
    assert rows_named(rows) == ["effect-a", "effect-b", "price"]
    made = released(before)
    addresses = [one.address for one in made.entries if ".value." in one.address]
    assert len(addresses) == len(set(addresses))


def test_a_quantity_is_one_number_with_either_sign() -> None:
    held = {
        "totals": {"gross_economic": {"mean": 31_234.0, "low": -5_000.0, "high": 61_000.0}},
        "waterfall": [{"step": "people", "mean": -31_234.0, "low": -61_000.0, "high": 5_000.0}],
        "by_outcome": [],
    }
    shown, _, _ = release_accounts(held, "p.s.value", KEY, prices(), {})
    one, other = shown["totals"]["gross_economic"], shown["waterfall"][0]
    assert other["mean"] == -one["mean"]
    assert (other["low"], other["high"]) == (-one["high"], -one["low"])


def test_no_figure_of_the_accounts_is_finer_than_its_step(
    shown: tuple[dict[str, Any], dict[str, Entry]],
) -> None:
    """Amounts stand on their steps; what was paid and brought nothing stands as it was paid."""
    for one in shown[1].values():
        if one.kind != "money" or not one.printed or not one.step:
            continue
        assert isinstance(one.printed, float)
        decimals = max(0, 2 - math.floor(math.log10(one.step)))
        assert round(one.printed, decimals) == one.printed, one.address
