"""Attacks on the book of before: each gets a count out of it, and none out of the released one."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import os
from pathlib import Path
from typing import Any

import pytest

from evaluation import drawing
from evaluation.disclosure.counts import Atom, rounded
from evaluation.disclosure.policy import Policy
from evaluation.disclosure.released import as_words
from evaluation.edition.edition import Restated
from evaluation.errors import DisclosureError
from evaluation.quarters import Period
from evaluation.release import Released, public_key, released_change, terms_of
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


def test_1_reading_restatements() -> None:
    old = {"area_code": "X01", "before": "12 of 4,013", "after": "14 of 4,013"}
    assert "12" in old["before"]
    kept = {field.name for field in dataclasses.fields(Restated)}
    assert kept.isdisjoint({"area_code", "area", "before", "after", "numerator"})


def test_2_and_22_searching_a_hash(before: Results, after: Released) -> None:
    def bare(counts: tuple[int, ...]) -> str:
        return hashlib.sha256(repr(counts).encode()).hexdigest()

    def searched(printed: str) -> list[tuple[int, ...]]:
        return [c for c in itertools.product(range(20), repeat=3) if bare(c) == printed]

    true = tuple(COUNTS[area][0] for area in ("X01", "X02", "X04"))
    assert searched(bare(true)) == [true]
    assert searched(public_key("new_start").digest(bare(true).encode(), b"nonce")) == []
    assert before.panel_fingerprint
    assert before.panel_fingerprint != after.results.panel_fingerprint


def test_3_multiplying_a_path(before: Results, after: Released) -> None:
    true = true_totals(ROOMY)
    assert [round(t or 0, 6) for t in totals(before, ROOMY)] == true
    shown = [round(t or 0) for t in totals(after.results, ROOMY)]
    assert all(t % LEFT == 0 for t in shown)
    assert shown != true
    # What it stands for is a sum of two atoms, nine values each.
    assert all(abs(a - b) < 2 * LEFT for a, b in zip(shown, true, strict=True))


def test_4_reading_the_picture() -> None:
    value, scale = 2.7123456, 100.0
    assert abs(round(value * scale, 6) / scale - value) < 1e-7
    row = {"effect": -3.7123456, "low": -5.9, "high": -1.2}
    drawn = drawing.forest([drawing.ForestRow("A", row, True, "said")], "%", drawing.WIDE)
    assert "712" not in drawn.partition("<g")[2].replace("said", "")


def _sets(rate: float, tolerance: float) -> int:
    """Attack 5: how many sets of five counts of 0 to 7 give a mean rate."""
    areas = ("X01", "X02", "X03", "X04", "X05")
    many = {a: n for site in PEOPLE.values() for a, n in site.items()}
    weights = [PER / many[a] / len(areas) for a in areas]
    return sum(
        abs(sum(w * c for w, c in zip(weights, counts, strict=True)) - rate) <= tolerance
        for counts in itertools.product(range(8), repeat=len(areas))
    )


def test_5_a_knapsack_of_one_mean(after: Released) -> None:
    many = {a: n for site in PEOPLE.values() for a, n in site.items()}
    areas, counts = ("X01", "X02", "X03", "X04", "X05"), (3, 1, 4, 1, 5)
    rate = sum(PER * c / many[a] for a, c in zip(areas, counts, strict=True)) / len(areas)
    assert _sets(rate, 1e-12) == 1
    step = max(one.step or 0 for one in after.entries if one.kind == "effect")
    assert _sets(rate, step) > 100


def test_6_rows_of_few_areas(before: Results, after: Released) -> None:
    small = [
        row
        for one in before.outcomes
        for estimate in one.estimates
        for _, _, row in estimate.entries()
        if (row.n_areas or 9) < 3 and row.effect is not None
    ]
    for one in after.results.outcomes:
        for estimate in one.estimates:
            rows = [r for by, _, r in estimate.entries() if by != "overall"]
            assert all(r.effect is None for r in rows if (r.n_areas or 9) < 3)
    assert small or after.withheld is not None


def test_7_and_11_figures_of_single_areas(before: Results, after: Released) -> None:
    row = first(before).estimates[0].overall
    named = before.model_copy(deep=True)
    estimate = first(named).estimates[0].model_copy(update={"area": (row,)})
    assert estimate.area
    assert all(e.area == () for one in after.results.outcomes for e in one.estimates)
    assert all(one.counts == () for one in after.results.outcomes)


def test_8_solving_an_estimate(before: Results, after: Released) -> None:
    row, true = first(before).paths[-1], true_totals(ROOMY)[-1]
    gap = row.counterfactual - row.pilot
    assert round((row.counterfactual - gap) * people_of(*ROOMY) / PER, 6) == true
    shown = first(after.results).paths[-1]
    solved = (shown.counterfactual - gap) * people_of(*ROOMY) / PER
    assert abs(solved - true) > 1e-3


def test_9_placebo_series_are_an_envelope(before: Results, after: Released) -> None:
    for old, new in zip(before.outcomes, after.results.outcomes, strict=True):
        assert len(new.placebo_effects.placebo) in (0, 5)
        assert len(old.placebo_effects.placebo) >= len(new.placebo_effects.placebo)
        rows = [[v for v in row if v is not None] for row in new.placebo_effects.placebo]
        assert all(len(repr(v).partition(".")[2]) <= 6 for row in rows for v in row)


def test_10_donor_weights(after: Released) -> None:
    held = [one.synthetic_unit for one in after.results.outcomes if one.synthetic_unit]
    weights = [donor.weight for unit in held for donor in unit.donors]
    assert all(w >= 0.01 and round(w, 2) == w for w in weights)


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
    shown = released_change(raw, {"effect": -3.6}, {"effect": -3.8}, 0.2)
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
    assert {as_words(one) for one in small} == {"fewer than 15"}
    # A programme's total with a hidden part is hidden, and so is all that is made of it.
    assert all(row.pilot is None and row.counterfactual is None for row in first(new.results).paths)


def test_16_how_many_figures_are_withheld(before: Results, after: Released) -> None:
    for old, new in zip(before.outcomes, after.results.outcomes, strict=True):
        if old.data.suppressed:
            shown = new.data.suppressed
            assert shown is None or shown % LEFT == 0


def test_17_pounds_over_a_price(before: Results, after: Released) -> None:
    assert before.value is not None and after.results.value is not None
    for old, new in zip(before.value.by_outcome, after.results.value.by_outcome, strict=True):
        assert new.unit_cost == old.unit_cost
        assert new.value.mean % 1000 == 0
    assert after.results.value.what_if.draws == 0
    assert after.results.value.what_if.gain.today == ()
    assert after.results.value.public_funds.points == ()


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


def test_21_one_number_under_two_names_prints_alike() -> None:
    key, policy, period = public_key("new_start"), Policy(), Period.parse("2026 Q3")
    as_site = Atom.of("p", "series", ["X08"], period)
    as_area = Atom.of("p", "series", ["X08", "X08"], Period.parse("2026-Q3"))
    for count in range(60):
        assert rounded(count, as_site, key, policy) == rounded(count, as_area, key, policy)


def _numbers(content: Any) -> list[float]:
    if isinstance(content, dict):
        return [n for value in content.values() for n in _numbers(value)]
    if isinstance(content, (list, tuple)):
        return [n for value in content for n in _numbers(value)]
    return [content] if isinstance(content, float) and math.isfinite(content) else []


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
    assert not any(str(n) in str(after.results.sentences) for n in fine)


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
