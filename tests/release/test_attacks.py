"""Attacks on the book of before: each gets a count out of it, and none out of the released one."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evaluation import drawing
from evaluation.disclosure.counts import Atom, rounded
from evaluation.disclosure.policy import Policy
from evaluation.edition.edition import Restated
from evaluation.errors import DisclosureError
from evaluation.quarters import Period
from evaluation.release import Released, public_key, released_change, terms_of
from evaluation.release.rounding import Rounding
from evaluation.study.accounts_record import Ratio
from evaluation.study.record import Results
from tests.release.before import (
    COUNTS,
    PEOPLE,
    PER,
    QUARTERS,
    ROOMY,
    people_of,
    released,
    results,
    true_count,
)

LEFT = 5
"""Values that every count keeps."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return results(tmp_path_factory.mktemp("before"), ROOMY)


@pytest.fixture(scope="module")
def after(before: Results) -> Released:
    return released(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Released]:
    """With the site of one area too."""
    made = results(tmp_path_factory.mktemp("whole"))
    return made, released(made)


def first(made: Results) -> Any:
    return made.outcomes[0]


def totals(made: Results, sites: tuple[str, ...]) -> list[float | None]:
    """Attack 3: a path times its published denominator."""
    many = people_of(*sites)
    return [None if r.pilot is None else r.pilot * many / PER for r in first(made).paths]


def true_totals(sites: tuple[str, ...]) -> list[int]:
    return [sum(true_count(site, k) for site in sites) for k in range(len(QUARTERS))]


def counts_told(record: Mapping[str, Any]) -> list[int]:
    """Attack 1: counts that a listed restatement tells, as "12 of 4,013" or as a figure."""
    told = [int(n) for v in record.values() for n in re.findall(r"(\d+) of [\d,]+", str(v))]
    named = ("area", "area_code", "before", "after", "numerator", "value")
    return told + [record[n] for n in named if isinstance(record.get(n), int)]


def test_1_reading_restatements() -> None:
    old = {"area_code": "X01", "quarter": QUARTERS[0], "before": "12 of 4,013"}
    assert counts_told(old) == [COUNTS["X01"][0]]
    new = Restated(
        site="S01",
        agency="nhs",
        outcome="ae_attendances",
        quarter=QUARTERS[0],
        side="pilot",
        figures=1,
        received="2026-10-24T09:00:00Z",
        reason="counted twice",
    )
    shown = dataclasses.asdict(new)
    assert counts_told(shown) == [] and "X01" not in str(shown)


def bare(counts: tuple[int, ...]) -> str:
    return hashlib.sha256(repr(counts).encode()).hexdigest()


def searched(made: Results) -> list[tuple[int, ...]]:
    """Attacks 2 and 22: counts whose bare hash stands anywhere in what is printed."""
    printed = set(re.findall(r"[0-9a-f]{64}", made.as_json()))
    return [c for c in itertools.product(range(20), repeat=3) if bare(c) in printed]


def test_2_and_22_searching_a_hash(before: Results) -> None:
    """Three unknown counts of a panel are found by their hash; the printed one has a key in it."""
    true = tuple(COUNTS[area][0] for area in ("X01", "X02", "X04"))
    hashed = before.model_copy(
        update={"panel_fingerprint": bare(true), "figures_fingerprint": bare(true)}
    )
    assert searched(hashed) == [true]
    shown = released(hashed).results
    assert searched(shown) == []
    # One name for one panel still: a reader can tell whether two books rest on the same figures.
    assert shown.panel_fingerprint and shown.panel_fingerprint == shown.figures_fingerprint
    assert released(before).results.panel_fingerprint != shown.panel_fingerprint


def test_3_multiplying_a_path(before: Results, after: Released) -> None:
    true = true_totals(ROOMY)
    assert [round(t or 0, 6) for t in totals(before, ROOMY)] == true
    shown = [round(t or 0) for t in totals(after.results, ROOMY)]
    assert all(t % LEFT == 0 for t in shown)
    assert shown != true
    # What it stands for is a sum of two atoms, nine values each.
    assert all(abs(a - b) < 2 * LEFT for a, b in zip(shown, true, strict=True))


def read_back(drawn: str, known: Mapping[str, float]) -> list[float]:
    """Attack 4: values of the dots of a picture, by an axis fitted to two dots that are known."""
    dots = [float(x) for x in re.findall(r'<use[^>]* x="([\d.]+)"', drawn)]
    (first, a), (second, b) = ((dots[int(place)], value) for place, value in known.items())
    return [a + (x - first) * (b - a) / (second - first) for x in dots]


def test_4_reading_the_picture(before: Results, after: Released) -> None:
    """By coordinates of six decimals full digits come back; of one, no more than is printed."""
    rows = [r.pilot for r in first(before).paths]
    shown = [r.pilot for r in first(after.results).paths]

    def picture(values: list[float], decimals: int) -> str:
        # Two dots of the axis, then the path's.
        places = [0.0, 600.0, *(600 * v / 10 for v in values)]
        return "".join(f'<use href="#dot" x="{x:.{decimals}f}"/>' for x in places)

    ends = {"0": 0.0, "1": 10.0}
    old = read_back(picture(rows, 6), ends)[2:]
    assert max(abs(a - b) for a, b in zip(old, rows, strict=True)) < 1e-7
    many = people_of(*ROOMY) / PER
    assert [round(v * many, 3) for v in old] == true_totals(ROOMY)
    new = read_back(picture(shown, 1), ends)[2:]
    assert [round(v * many, 3) for v in new] != true_totals(ROOMY)
    assert max(abs(a - b) for a, b in zip(new, shown, strict=True)) > 1e-4
    # And what is drawn stands at one decimal.
    row = {"effect": -3.7, "low": -5.9, "high": -1.2}
    drawn = drawing.forest([drawing.ForestRow("A", row, True, "said")], "%", drawing.WIDE)
    places = re.findall(r'[ "](?:x|y|cx|cy)="(-?[\d.]+)"', drawn)
    assert places and all(len(one.partition(".")[2]) <= 1 for one in places)


KNAPSACK = ("X01", "X02", "X03", "X04", "X05")


def sets_of(low: float, high: float) -> list[tuple[int, ...]]:
    """Attack 5: the sets of five counts of 0 to 7 whose mean rate lies between two ends."""
    many = {a: n for site in PEOPLE.values() for a, n in site.items()}
    weights = [PER / many[a] / len(KNAPSACK) for a in KNAPSACK]
    return [
        counts
        for counts in itertools.product(range(8), repeat=len(KNAPSACK))
        if low <= sum(w * c for w, c in zip(weights, counts, strict=True)) <= high
    ]


def test_5_a_knapsack_of_one_mean(after: Released) -> None:
    """At full digits one set is left; at the finest step at which a path is printed, every count
    keeps five values and more, to whoever knows between which ends the register says it lies."""
    many = {a: n for site in PEOPLE.values() for a, n in site.items()}
    counts = (3, 1, 4, 1, 5)
    rate = sum(PER * c / many[a] for a, c in zip(KNAPSACK, counts, strict=True)) / len(KNAPSACK)
    assert sets_of(rate - 1e-12, rate + 1e-12) == [counts]
    step = min(one.step for one in after.entries if one.kind == "path" and one.step)
    rounding = Rounding(address="knapsack", key=public_key("new_start"))
    rounding.at(rate, step, "mean", kind="path")
    (line,) = rounding.entries
    assert line.low is not None and line.high is not None
    left = sets_of(line.low, line.high)
    assert counts in left and len(left) > 100
    for place in range(len(KNAPSACK)):
        assert len({one[place] for one in left}) >= LEFT


def of_few_areas(made: Results) -> list[float]:
    """Attack 6: effects that are those of one or two areas."""
    return [
        row.effect
        for one in made.outcomes
        for estimate in one.estimates
        for by, _, row in estimate.entries()
        if by != "overall" and (row.n_areas or 9) < 3 and row.effect is not None
    ]


def test_6_rows_of_few_areas(before: Results) -> None:
    estimate = first(before).estimates[0]
    sites = tuple(r.model_copy(update={"n_areas": n}) for n, r in enumerate(estimate.site, 1))
    one = first(before).model_copy(
        update={"estimates": (estimate.model_copy(update={"site": sites}),)}
    )
    few = before.model_copy(update={"outcomes": (one, *before.outcomes[1:])})
    assert set(of_few_areas(few)) >= {sites[0].effect, sites[1].effect}
    made = released(few)
    assert of_few_areas(made.results) == []
    assert {w.reason for w in made.withheld if w.by == "site"} >= {"too few areas"}


def of_single_areas(made: Results) -> list[float]:
    """Attacks 7 and 11: effects and counts that stand by areas."""
    effects = [r.effect for o in made.outcomes for e in o.estimates for r in e.area]
    return effects + [c.numerator for o in made.outcomes for c in o.counts]


def test_7_and_11_figures_of_single_areas(before: Results) -> None:
    estimate = first(before).estimates[0]
    area = estimate.model_copy(update={"area": (estimate.overall,)})
    one = first(before).model_copy(update={"estimates": (area,)})
    named = before.model_copy(update={"outcomes": (one, *before.outcomes[1:])})
    assert estimate.overall.effect in of_single_areas(named)
    assert len(of_single_areas(named)) > len(QUARTERS)
    assert of_single_areas(released(named).results) == []


def solved(made: Results) -> list[float]:
    """Attack 8: what would have been and the effect, which give what was counted."""
    people = people_of(*ROOMY) / PER
    effects = [row.counterfactual - row.pilot for row in first(made).paths]
    return [
        (row.counterfactual - effect) * people
        for row, effect in zip(first(made).paths, effects, strict=True)
    ]


def test_8_solving_an_estimate(before: Results, after: Released) -> None:
    """Of printed figures alone it gives the printed total back, whose ends are five people apart
    and more; what would have been has ends of its own, and neither closes in on the count."""
    true = true_totals(ROOMY)
    assert [round(one, 6) for one in solved(before)] == true
    shown = solved(after.results)
    assert all(round(one) % LEFT == 0 for one in shown) and [round(one) for one in shown] != true
    code, people = first(before).code, people_of(*ROOMY) / PER
    by_address = {one.address: one for one in after.entries}
    for place, quarter in enumerate(QUARTERS):
        of = by_address[f"new_start.first_look.{code}.path.{quarter}.counterfactual"]
        assert of.low is not None and of.high is not None
        # With the true effect, which nobody prints, the count would lie in here.
        gap = first(before).paths[place].counterfactual - first(before).paths[place].pilot
        assert (of.low - gap) * people <= true[place] <= (of.high - gap) * people
        assert (of.high - of.low) * people >= 2 * LEFT


def equations(made: Results) -> int:
    """Attack 9: linear equations on unknown counts that placebo series give at full digits."""
    return sum(
        len(repr(value).partition(".")[2]) > 6
        for one in made.outcomes
        for row in one.placebo_effects.placebo
        for value in row
        if value is not None
    )


def test_9_placebo_series_are_an_envelope(before: Results, after: Released) -> None:
    assert equations(before) > 1000
    assert equations(after.results) == 0
    series = {len(one.placebo_effects.placebo) for one in after.results.outcomes}
    assert series == {5}, "quantiles, and no series of its own"


def donors_sum(made: Results) -> list[float]:
    """Attack 10: weights fine enough to solve for what they were fitted to."""
    units = [one.synthetic_unit for one in made.outcomes if one.synthetic_unit]
    return [d.weight for u in units for d in u.donors if round(d.weight, 2) != d.weight]


def test_10_donor_weights(before: Results) -> None:
    unit = first(before).synthetic_unit
    third = tuple(d.model_copy(update={"weight": d.weight / 3}) for d in unit.donors)
    one = first(before).model_copy(
        update={"synthetic_unit": unit.model_copy(update={"donors": third})}
    )
    fine = before.model_copy(update={"outcomes": (one, *before.outcomes[1:])})
    assert len(donors_sum(fine)) >= 5
    shown = released(fine).results
    assert donors_sum(shown) == []
    kept = [d.weight for d in first(shown).synthetic_unit.donors]
    assert kept and min(kept) >= 0.01


def test_10_the_order_of_rows_tells_nothing_that_is_not_printed(before: Results) -> None:
    """Heaviest first, of two that are printed alike the first was the heavier: 0.01 above 0.02."""
    unit = first(before).synthetic_unit
    many = [
        unit.donors[0].model_copy(update={"name": f"Area {k:02}", "weight": 0.055 - 0.001 * k})
        for k in (7, 3, 11, 0, 20, 15, 9, 1)
    ]
    heaviest = tuple(sorted(many, key=lambda one: -one.weight))

    def shown(donors: tuple[Any, ...]) -> list[tuple[str, float]]:
        one = first(before).model_copy(
            update={"synthetic_unit": unit.model_copy(update={"donors": donors})}
        )
        whole = before.model_copy(update={"outcomes": (one, *before.outcomes[1:])})
        found = first(released(whole).results).synthetic_unit.donors
        return [(one.name, one.weight) for one in found]

    told = shown(heaviest)
    assert told == sorted(told, key=lambda one: (-one[1], one[0]))
    assert told == shown(tuple(reversed(heaviest))), "in whatever order they stood inside"


def test_12_differencing_editions(tmp_path: Path) -> None:
    """One count moved by one: before it is read off; released it moves by whole steps or not."""
    old = [results(tmp_path / f"e{k}", ROOMY, X02=k) for k in range(LEFT + 1)]
    last = [(t[-1] or 0) for one in old if (t := totals(one, ROOMY))]
    assert [round(b - a, 6) for a, b in itertools.pairwise(last)] == [1.0] * LEFT
    shown = [(t[-1] or 0) for one in old if (t := totals(released(one).results, ROOMY))]
    moved = [round(b - a) for a, b in itertools.pairwise(shown)]
    assert set(moved) <= {0, LEFT} and moved.count(LEFT) == 1


def test_12_causes_of_a_change_are_whole_steps() -> None:
    raw = {
        "parts": [
            {"cause": "revised", "amount": -0.2884, "shapley": -0.3, "low": -0.4, "high": -0.2},
            {"cause": "new", "amount": 0.0313, "shapley": 0.03, "low": 0.0, "high": 0.1},
        ],
        "revised": {"pilot": -0.2884, "comparison": 0.0},
    }
    assert -0.2884 in [part["amount"] for part in raw["parts"]]  # type: ignore[index]
    shown = released_change(raw, {"effect": -3.6}, {"effect": -3.8}, 0.2, lambda _: 0.4)
    amounts = [part["amount"] for part in shown["parts"]]
    assert sum(amounts) == pytest.approx(shown["change"]) == pytest.approx(-0.2)
    assert all(abs(a / 0.2 - round(a / 0.2)) < 1e-9 for a in amounts)
    assert shown["areas"] == []


def test_13_and_14_sums_are_sums_of_what_is_printed(before: Results, after: Released) -> None:
    """A total less its parts, and a year less its quarters, say nothing that the parts do not."""
    parts = [
        sum(after.counts[first(before).code, site, q].printed or 0 for site in ROOMY)
        for q in QUARTERS
    ]
    assert [round(t or 0) for t in totals(after.results, ROOMY)] == parts


def test_15_zero_and_every_small_count_is_hidden(whole: tuple[Results, Released]) -> None:
    old, new = whole
    assert 0 in [true_count("S03", k) for k in range(len(QUARTERS))]
    code = first(old).code
    small = [new.counts[code, "S03", q] for q in QUARTERS]
    assert all(one.hidden for one in small)
    assert {one.high for one in small} == {14}
    # A programme's total with a hidden part is hidden, and so is all that is made of it.
    assert all(row.pilot is None and row.counterfactual is None for row in first(new.results).paths)


def withheld_exactly(made: Results) -> list[int]:
    """Attack 16: how many small counts there are, read off; a multiple of five tells it not."""
    return [n for one in made.outcomes if (n := one.data.suppressed or 0) and n % LEFT]


def test_16_how_many_figures_are_withheld(before: Results, after: Released) -> None:
    assert withheld_exactly(before) == [first(before).data.suppressed] * len(before.outcomes)
    assert withheld_exactly(after.results) == []
    assert {one.data.suppressed for one in after.results.outcomes} != {0}


def events_of(made: Results) -> list[float]:
    """Attack 17: pounds over a published price, which are people again."""
    assert made.value is not None
    return [row.value.mean / (row.unit_cost * row.share) for row in made.value.by_outcome]


def with_exact_money(made: Results, events: float) -> Results:
    """Accounts whose pounds are a price times so many events, to the penny."""
    assert made.value is not None
    row = made.value.by_outcome[0]
    worth = events * row.unit_cost * row.share
    exact = row.model_copy(
        update={
            "value": row.value.model_copy(update={"mean": worth}),
            "events_avoided": row.events_avoided.model_copy(update={"mean": events}),
        }
    )
    value = made.value.model_copy(update={"by_outcome": (exact, *made.value.by_outcome[1:])})
    return made.model_copy(update={"value": value})


def test_17_pounds_over_a_price(before: Results, after: Released) -> None:
    one, other = (with_exact_money(before, n) for n in (7451.0, 7452.0))
    assert [round(events_of(one)[0], 6), round(events_of(other)[0], 6)] == [7451, 7452]
    shown = [events_of(released(made).results)[0] for made in (one, other)]
    assert shown[0] == shown[1], "one person more or fewer is the same sum of money"
    assert abs(shown[0] - 7451) > 1
    assert after.results.value is not None
    assert after.results.value.what_if.draws == 0
    assert after.results.value.what_if.gain.today == ()
    assert after.results.value.public_funds.points == ()


def test_17_ratios_of_money_do_not_tell_when_they_move(before: Results) -> None:
    """Costs are known, so that a plainly rounded ratio moves where one sum of pounds does."""

    def ratio(made: Results) -> float:
        assert made.value is not None and made.value.totals.bcr is not None
        return float(made.value.totals.bcr.mean)

    def with_ratio(mean: float) -> Results:
        assert before.value is not None
        held = before.value.totals
        assert isinstance(held.bcr, Ratio)
        balance = (mean - 1) * before.value.what_if.cost
        totals = held.model_copy(
            update={
                "bcr": held.bcr.model_copy(update={"mean": mean}),
                "npsv": held.npsv.model_copy(update={"mean": balance}),
            }
        )
        value = before.value.model_copy(update={"totals": totals})
        return before.model_copy(update={"value": value})

    around = [2.2 + n / 1000 for n in range(100)]
    plain = [float(f"{one:.2g}") for one in around]
    moved = [b for a, b in itertools.pairwise(plain) if a != b]
    assert moved == [2.3] and abs(plain.index(2.3) - 50) <= 1
    made = [released(with_ratio(one)).results for one in around[::5]]
    shown = [ratio(one) for one in made]
    # It moves where the printed balance moves, which is where the key says.
    balances = [one.value.totals.npsv.mean for one in made if one.value is not None]
    assert len(set(shown)) == len(set(balances)) < len(shown)
    assert shown != plain[::5]


def test_19_no_key_no_release(monkeypatch: pytest.MonkeyPatch) -> None:
    class Real:
        name, synthetic, outcomes = "real", False, ()

    monkeypatch.delenv("NEWSTART_DISCLOSURE_KEY_FILE", raising=False)
    monkeypatch.setattr("evaluation.release.rounding.unreleased", lambda *_: object())
    with pytest.raises(DisclosureError, match="no disclosure key"):
        terms_of(None, Real())  # type: ignore[arg-type]
    assert "NEWSTART_DISCLOSURE_KEY_FILE" not in os.environ


def test_20_an_insider_who_knows_a_site(before: Results, after: Released) -> None:
    """The first site's officer takes his own counts off the programme's total."""
    code = first(before).code
    for k, quarter in enumerate(QUARTERS):
        exact = (totals(before, ROOMY)[k] or 0) - true_count("S01", k)
        assert round(exact, 6) == true_count("S02", k)
        other = after.counts[code, "S02", quarter]
        assert other.high is not None and other.high - other.low + 1 >= LEFT
        own = after.counts[code, "S01", quarter].printed or 0
        left = (totals(after.results, ROOMY)[k] or 0) - own
        assert round(left) == other.printed


def meet(low: int, high: int, *others: Any) -> int:
    """Attack 21: values that several prints of one number leave together."""
    for one in others:
        low, high = max(low, one.low), min(high, one.high)
    return high - low + 1


def test_21_one_number_under_two_names_prints_alike() -> None:
    key, policy, period = public_key("new_start"), Policy(), Period.parse("2026 Q3")
    as_site = Atom.of("p", "series", ["X08"], period)
    as_area = Atom.of("p", "series", ["X08", "X08"], Period.parse("2026-Q3"))
    # Before: an offset for each label.
    labels = [dataclasses.replace(as_site, series=label) for label in ("site S03", "area X08")]
    before = [
        meet(0, 999, *(rounded(n, one, key, policy) for one in labels)) for n in range(40, 60)
    ]
    after = [
        meet(0, 999, *(rounded(n, one, key, policy) for one in (as_site, as_area)))
        for n in range(40, 60)
    ]
    assert min(before) < 9 and set(after) == {9}
    for count in range(60):
        assert rounded(count, as_site, key, policy) == rounded(count, as_area, key, policy)


def _numbers(content: Any) -> list[float]:
    if isinstance(content, dict):
        return [n for value in content.values() for n in _numbers(value)]
    if isinstance(content, (list, tuple)):
        return [n for value in content for n in _numbers(value)]
    return [content] if isinstance(content, float) and math.isfinite(content) else []


def told(made: Results, figures: set[str]) -> set[str]:
    """Attacks 18 and 23: figures to seven decimals anywhere in what is printed, words included."""
    return figures & set(re.findall(r"\d+\.\d{7}", made.as_json()))


def test_18_and_23_no_figure_of_before_is_left_in_any_part(
    before: Results, after: Released
) -> None:
    """Search index, letters, PDF and alternative texts are made of these results and no others."""
    old = [n for one in before.outcomes for n in _numbers(one.plain())]
    fine = {n for n in old if len(repr(n).partition(".")[2]) > 6}
    assert fine
    new = [n for one in after.results.outcomes for n in _numbers(one.plain())]
    assert fine.isdisjoint(new)
    long = {n for n in new if len(f"{n:.12g}".replace("-", "").partition(".")[2]) > 6}
    assert long == set()
    # As a text would tell them, in a number or in a sentence.
    texts = {f"{abs(n):.8f}"[:-1] for n in fine if abs(n) > 1e-3}
    assert told(before, texts) and told(after.results, texts) == set()


def test_verdicts_are_those_of_the_full_counts(before: Results, after: Released) -> None:
    for old, new in zip(before.outcomes, after.results.outcomes, strict=True):
        a, b = old.finding, new.finding
        assert (a.direction, a.size, a.better, a.unclear) == (
            b.direction,
            b.size,
            b.better,
            b.unclear,
        )
        ends = a.effect_percent, b.effect_percent
        for part in ("low", "high"):
            was, now = (getattr(one, part) for one in ends)
            if was is None or now is None:
                continue
            # Outwards, but never across nought or what is worth having.
            for line in (0.0, a.margin_percent or 0.0, -(a.margin_percent or 0.0)):
                assert (was > line) == (now > line) or was == line


def test_an_edition_that_is_made_anew_prints_the_same(before: Results, after: Released) -> None:
    again = released(before)
    assert again.results.as_json() == after.results.as_json()
    assert again.entries == after.entries


def test_every_entry_stands_for_what_is_true(before: Results, after: Released) -> None:
    for one in after.entries:
        if one.kind == "count" and ".count." in one.address:
            _, _, _, _, site, quarter = one.address.split(".")
            true = true_count(site, QUARTERS.index(quarter))
            assert one.low is not None and one.low <= true
            assert one.high is None or true <= one.high
    code = first(before).code
    entry = next(e for e in after.entries if e.address.endswith(f"{code}.finding.effect"))
    true_effect = first(before).finding.effect_percent.effect
    assert true_effect is not None and entry.low is not None and entry.high is not None
    assert entry.low <= true_effect <= entry.high
    assert set(entry.in_edition("2026-Q3")) == {
        "edition",
        "address",
        "printed",
        "low",
        "high",
        "kind",
    }
