"""Steps as a stranger reckons them: what one person moves each printed estimate by, times five.

Who knows the method can write each effect as weights of counts (`evaluation.release.forms`, which
has them anew and not from the estimators). A step that is finer than five people narrows; one that
is far coarser makes a range wider for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from evaluation.disclosure.effects import step_of
from evaluation.disclosure.released import Entry
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.imputation import imputation
from evaluation.estimate.synthetic import SyntheticSettings, synthetic_control, synthetic_did
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
from evaluation.panel import Panel
from evaluation.programme import Programme
from evaluation.protocol import DidPlan
from evaluation.release import release
from evaluation.release.attacked import _forms
from evaluation.release.forms import Forms, Slope
from evaluation.release.influence import Cell, Sensitivity
from evaluation.release.released_results import _Door
from evaluation.release.scale import Scale
from evaluation.study.record import Results
from evaluation.study.study import Study
from tests.release.conftest import terms
from tests.unit.panels import long_table, panel

PEOPLE = 5
BASES = ("mean", "universal", "varying")
NICEST = 2.5
"""A nice step is up to so many times what it has to be."""


def with_base(results: Results, base: str, before: int) -> Results:
    """Results whose first estimate is measured from such a base."""
    plain = results.plain()
    for one in plain["outcomes"]:
        one["estimates"][0]["base_weight"] = 1 / before if base == "mean" else 1.0
    return Results.model_validate(plain)


def scale_of(results: Results, programme: Programme, code: str) -> Scale:
    """By which an outcome's estimates are printed, those that are too coarse for it among them."""
    door = _Door(results, terms(programme, least_areas=1))
    door.released()
    return door.scales[code]


def steps_of(results: Results, programme: Programme, code: str) -> Mapping[str, Entry]:
    """Address within the outcome -> its line, of what is printed."""
    made = release(results, terms(programme, least_areas=1))
    start = f"new_start.first_look.{code}."
    return {
        one.address.removeprefix(start): one
        for one in made.entries
        if one.address.startswith(start)
    }


def forms_of(study: Study, results: Results, code: str, base: str = "mean") -> Forms:
    forms = _forms(study, code, results)
    assert forms is not None
    return replace(forms, plan=DidPlan(base=base))


def per_person(forms: Forms, slope: Slope) -> np.ndarray:
    """(areas, periods) What a figure moves by per person."""
    moves = forms.moves(slope)
    own = np.where(forms.counts > 0, moves / np.maximum(forms.counts, 1e-9), 0.0)
    found: np.ndarray = slope.person + (own if forms.log else forms.as_persons(moves))
    return found


@pytest.mark.parametrize("base", BASES)
def test_each_row_of_an_effect_is_printed_at_what_five_people_move_it_by(
    study: Study, results: Results, programme: Programme, base: str
) -> None:
    """Against a base of one period whoever is counted in it moves every period since, in full."""
    code = "road_casualties"
    forms = forms_of(study, results, code, base)
    before = int(forms.start[forms.start >= 0].min())
    based = with_base(results, base, before)
    scale = scale_of(based, programme, code)
    rows = {(by, str(which)): row for by, which, row in scale.outcome.estimate.entries()}
    met = set()
    for by, which, share in forms._shares():
        step = scale.row_step(by, which, rows[by, which].plain())
        one = float(np.abs(per_person(forms, forms._effect(share))).max())
        assert step >= PEOPLE * one * (1 - 1e-6), (by, which)
        # A later start has more periods before it than the least, which the step is made of; and
        # the least people of any period before count for all of them.
        # The period that all is measured from has no effect of its own.
        assert not one or step <= NICEST * PEOPLE * one * 1.3, (by, which)
        met.add(by)
    assert met == {"overall", "event_time", "quarter", "cohort", "site"}


def test_a_base_of_one_period_was_printed_at_fewer_than_five(
    study: Study, results: Results
) -> None:
    """As it was: no period before weighed more than a quarter, whatever the method said."""
    forms = forms_of(study, results, "road_casualties", "universal")
    assert forms.overall is not None
    one = float(np.abs(per_person(forms, forms.overall)).max())
    areas = len(forms.areas)
    alone = float(np.abs(forms.as_persons(np.ones(forms.counts.shape))).max()) / areas
    window = forms.window[1] - forms.window[0] + 1
    was = step_of(alone / min(window, 4), PEOPLE)
    assert was < PEOPLE * one / 1.5


def test_of_effects_over_sites_that_began_apart() -> None:
    """Two areas a site; one has run for four periods, the other for one."""
    cells = [
        Cell(site=site, period=f"2025 Q{t}", event_time=t - start, areas=2, moves=moves)
        for site, start, moves in (("A", 1, 1.0), ("B", 4, 3.0))
        for t in range(1, 5)
    ] + [
        Cell(site=site, period="2024 Q4", event_time=0 - start, areas=2, moves=2.0)
        for site, start in (("A", 1), ("B", 4))
    ]
    held = Sensitivity(cells=tuple(cells), window=(0, 7), people=PEOPLE)
    overall = held.row("overall")
    assert sum(one.areas for one in overall) == 10
    # One of ten figures now; or one of before, in four figures of ten, by its weight.
    assert held.of_effect(overall, 0.25) == pytest.approx(max(3.0 / 10, 2.0 * 4 * 0.25 / 10))
    assert held.of_effect(overall, 1.0) == pytest.approx(2.0 * 4 / 10)
    assert held.of_effect(overall, None) == held.of_effect(overall, 1.0)
    assert held.of_effect(held.row("site", "B"), 1.0) == pytest.approx(3.0 / 2)
    assert held.of_effect(held.look("2025 Q1"), 0.25) == pytest.approx(1.0 / 2)
    # The mean of two sites: the late one has half of the weight, with a fifth of the figures.
    sites = max(3.0 / 2 / 2, 1.0 / 8 * 0.8, 2.0 * 0.25 / 2 * 0.8)
    assert held.of_sites(0.25) == pytest.approx(sites)
    assert held.of_level(held.row("period", "2025 Q4")) == pytest.approx(3.0 / 4)
    assert held.row("cohort", "2025 Q4") == held.row("site", "B")
    # A row of half as many areas as have figures is moved by twice as much.
    assert held.of_effect(overall, 0.25, areas=2) == pytest.approx(
        2 * held.of_effect(overall, 0.25)
    )


# What weighs how much, by the estimator itself ----------------------------------------------------


def overall(found: Panel, kind: str) -> tuple[float, float]:
    """The overall effect and the weight of one period before."""
    made = {
        "mean": lambda: did(found, "y", settings=DidSettings(base="mean")),
        "universal": lambda: did(found, "y", settings=DidSettings(base="universal")),
        "imputation": lambda: imputation(found, "y"),
        "fixed_effects": lambda: two_way_fixed_effects(
            found, "y", settings=TwoWaySettings(method="fixed_effects")
        ),
        "demeaned": lambda: synthetic_control(
            found, "y", settings=SyntheticSettings(variant="demeaned")
        ),
    }[kind]()
    return float(made.overall()["effect"].iloc[0]), made.base_weight


@pytest.mark.parametrize("kind", ["mean", "universal", "imputation", "fixed_effects"])
def test_no_figure_of_a_started_area_moves_an_effect_by_more_than_is_said(kind: str) -> None:
    table = long_table(n=16, n_periods=10)
    whole, weight = overall(panel(table), kind)
    started = (table["start"] > 0) & (table["year"] >= table["start"])
    many, most = started.sum(), started.groupby(table["area"]).sum().max()
    moved = []
    for area, year in [("a00", t) for t in range(2000, 2010)] + [("a02", t) for t in (2000, 2006)]:
        other = table.copy()
        here = (other["area"] == area) & (other["year"] == year)
        other.loc[here, "y"] += 1.0
        moved.append(abs(overall(panel(other), kind)[0] - whole))
    bound = max(1.0, weight * most) / many
    # An area's own count also counts among all, where it is not started: by one part in sixteen.
    assert max(moved) <= bound * (1 + 2 / 16)
    assert max(moved) >= bound / 2.5


def test_the_weight_of_one_period_before() -> None:
    found = panel(long_table())
    assert overall(found, "mean")[1] == pytest.approx(1 / 5)
    assert overall(found, "universal")[1] == 1.0
    assert overall(found, "imputation")[1] == pytest.approx(1 / 5)
    assert overall(found, "demeaned")[1] == pytest.approx(1 / 5)
    assert 1 / 5 <= synthetic_did(found, "y").base_weight <= 1.0


# What stands beside effects -----------------------------------------------------------------------


def test_placebo_quantiles_stand_at_the_step_of_an_effect_in_one_period(
    results: Results, programme: Programme
) -> None:
    """They are means of as many areas as the effect is, and were printed as of the window."""
    printed = steps_of(results, programme, "road_casualties")
    found = {name: one for name, one in printed.items() if name.startswith("placebo.")}
    assert found
    for name, one in found.items():
        time = name.rpartition(".")[2]
        effect = printed.get(f"did.0.event_time.{time}.effect")
        if effect is not None and effect.step is not None:
            assert one.step == effect.step, name
    coarsest = max(one.step or 0.0 for one in found.values())
    overall_step = printed["did.0.effect"].step if "did.0.effect" in printed else None
    overall_step = overall_step or printed["did.0.overall.effect"].step
    assert overall_step is not None and coarsest > overall_step


def test_an_early_look_stands_at_the_step_of_what_it_had(
    study: Study, results: Results, programme: Programme
) -> None:
    plain, code = results.plain(), "road_casualties"
    forms = forms_of(study, results, code)
    one = next(o for o in plain["outcomes"] if o["code"] == code)
    first = int(forms.start[forms.start >= 0].min())
    one["looks"] = [
        {
            "quarter": forms.labels[first + later],
            "vintage": "2025-01-01",
            "effect": 0.5 + 0.1 * later,
            "low": -1.53 - later,
            "high": 2.57 + later,
            "spent": 0.01,
            "crossed": False,
        }
        for later in range(3)
    ]
    printed = steps_of(Results.model_validate(plain), programme, code)
    known = np.array([list(forms.labels).index(q) for q in forms.estimate.index["quarter"]])
    steps = []
    for later in range(3):
        share = forms._share(forms._in_window & (known <= first + later))
        assert share is not None
        moves = float(np.abs(per_person(forms, forms._effect(share))).max())
        for end in ("effect", "low", "high"):
            step = printed[f"look.{forms.labels[first + later]}.{end}"].step
            assert step is not None and step >= PEOPLE * moves * (1 - 1e-6)
            assert step <= NICEST * PEOPLE * moves * 1.3, (later, end, steps, moves)
        steps.append(step)
    assert steps[0] > steps[-1], "a look at one area and period is coarser than one at more"


def test_paths_in_logarithms_stand_at_five_people_of_all_areas_in_one_period(
    study: Study, results: Results, programme: Programme
) -> None:
    code = "ae_attendances"
    forms = forms_of(study, results, code)
    printed = steps_of(results, programme, code)
    met = 0
    for one in forms.sums():
        if one.name.startswith("twin.") and one.name.endswith(".observed"):
            step = printed[one.name].step
            moves = float(np.abs(per_person(forms, one.slope)).max())
            # Counts as printed lie up to a base from the true ones.
            assert step is not None and step >= PEOPLE * moves * 0.9, one.name
            met += 1
    assert met > 5


def test_a_row_is_printed_where_its_step_is_half_of_its_printed_error_at_most(
    results: Results, programme: Programme
) -> None:
    """An error is printed up to two steps outwards: by that alone no step was ever too coarse."""
    for code in ("ae_attendances", "road_casualties"):
        printed = steps_of(results, programme, code)
        met = 0
        for name, one in printed.items():
            if name.endswith(".se") and ".overall" not in name and one.step:
                if name.startswith("did.0.se") or name.count(".") < 3:
                    continue
                assert isinstance(one.printed, float)
                inside = one.printed * (100 if code == "ae_attendances" else 1)
                assert one.step <= 0.5 * (inside - one.step) * (1 + 1e-6), name
                met += 1
        assert met or code == "road_casualties"
