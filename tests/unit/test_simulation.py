"""Simulations: shortcuts equal the long way, and no machine's shape changes a figure."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bars import bars, measured
from benchmarks.invented import Invented
from evaluation.cli import main
from evaluation.design import many, simulation
from evaluation.design.calibrate import Same, detectable, rows
from evaluation.design.many import Runs, simulate_many
from evaluation.design.simulation import Simulation, simulate_looks
from evaluation.estimate import interim, registry
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.interim import LookPlan
from evaluation.estimate.registry import Choices

SMALL = Invented(areas=24, quarters=14)
QUICK = Simulation(started=2, looks=4, assignments=99, plan=LookPlan(horizon=4))
EVERY = ("did", "imputation", "synthetic_control", "augmented_synthetic_control", "synthetic_did")


def piloted(how):
    rng = np.random.default_rng(5)
    return simulation._with_pilots(SMALL.draw(3), how, rng)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("scale", ["level", "log"])
@pytest.mark.parametrize("shape", ["constant", "heterogeneous"])
def test_statistics_are_linear_in_what_is_planted(name, scale, shape):
    """Weights use no started area's later figures, so one planted effect gives all others."""
    how = replace(QUICK, shape=shape, choices=Choices(scale=scale))
    panel, chosen = piloted(how)
    pattern = simulation._pattern(panel, chosen, how, np.random.default_rng(1))
    assignments = Assignments.draw(panel, n=99, block="area", strata=(), seed=1)
    taken = np.arange(4)

    def found(effect):
        moved = simulation._injected(panel, pattern, effect, how)
        return simulation._statistics(moved, name, how, assignments, taken, 1)[0]

    base, at_ten = found(0.0), found(-10.0)
    assert found(-3.0) == pytest.approx(base + 0.3 * (at_ten - base), abs=1e-7)


@pytest.mark.parametrize("name", registry.ESTIMATED_ONCE)
def test_one_fit_holds_every_earlier_look(name):
    panel, _ = piloted(QUICK)
    assignments = Assignments.draw(panel, n=99, block="area", strata=(), seed=1)
    first = simulation.start_of(panel, QUICK)
    whole = registry.fit(name, panel, "y", Choices(), assignments)
    for look in range(4):
        known = panel.until(panel.periods[first + look])
        then = registry.fit(name, known, "y", Choices(), assignments)
        assert interim.statistic(whole, (0, look)).raw == pytest.approx(
            interim.statistic(then, (0, look)).raw, abs=1e-9
        )


def test_figures_do_not_depend_on_workers_back_end_or_a_break(tmp_path):
    def run(**how):
        runs = Runs(simulations=30, seed=2, **how)
        return simulate_many(SMALL.draw, "did", QUICK, (0.0, -5.0), runs, origin="small")

    one = run()
    whole = run(workers=2, backend="threading", resume=tmp_path)
    kept = sorted(tmp_path.iterdir())
    kept[0].unlink()
    again = run(resume=tmp_path)
    for other in (whole, again):
        assert all(np.array_equal(one[key], other[key], equal_nan=True) for key in one)
    assert sorted(tmp_path.iterdir()) == kept


@pytest.mark.slow
def test_figures_are_the_same_from_other_processes():
    runs = Runs(simulations=30, seed=2)
    one = simulate_many(SMALL.draw, "did", QUICK, (0.0,), runs)
    two = simulate_many(SMALL.draw, "did", QUICK, (0.0,), replace(runs, workers=2, backend="loky"))
    assert all(np.array_equal(one[key], two[key], equal_nan=True) for key in one)


def test_other_panels_and_plans_never_share_parts(tmp_path):
    runs = Runs(simulations=5, resume=tmp_path)
    simulate_many(Same(panel=SMALL.draw(1)), "did", QUICK, (0.0,), runs, origin="a")
    simulate_many(Same(panel=SMALL.draw(2)), "did", QUICK, (0.0,), runs, origin="b")
    other = replace(QUICK, started=3)
    simulate_many(Same(panel=SMALL.draw(1)), "did", other, (0.0,), runs, origin="a")
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    "pilots", ["random", "top_level", "top_trend", "variable", "smallest", "largest"]
)
def test_pilots_are_those_that_were_asked_for(pilots):
    how = replace(QUICK, pilots=pilots)
    panel, chosen = piloted(how)
    assert panel.treated.sum() == 2
    levels = panel.array("y")[:, : simulation.start_of(panel, how)].mean(axis=1)
    population = panel.areas["population"].to_numpy(dtype=float)
    if pilots == "top_level":
        assert set(chosen) <= set(np.argsort(-levels)[:3])
    if pilots == "smallest":
        assert population[chosen].max() <= np.sort(population)[7]


def test_pilots_from_one_authority_share_it():
    how = replace(QUICK, pilots="one_authority")
    rng = np.random.default_rng(0)
    panel, chosen = simulation._with_pilots(replace(SMALL, authorities=6).draw(1), how, rng)
    assert panel.areas["authority"].iloc[chosen].nunique() == 1


def test_a_design_that_cannot_be_tested_is_a_refusal_and_no_rejection():
    how = replace(QUICK, pilots="top_level", started=3, strata=("level", "population"))
    found = simulate_looks(replace(SMALL, areas=8).draw(1), "did", how, (0.0,), 1)
    assert found.refused
    assert not found.crosses.any()


def test_rates_of_what_was_found():
    runs = Runs(simulations=40, seed=2)
    found = simulate_many(SMALL.draw, "did", QUICK, (0.0, -5.0, -50.0), runs)
    table = rows("did", 2, (0.0, -5.0, -50.0), found)
    assert len(table) == 3 * 5
    last = table[-1]
    assert last["look"] == "any"
    assert last["power"] == found["crosses"][:, 2, -1].mean()
    assert detectable((0.0, -5.0, -50.0), found) <= 50
    assert detectable((0.0,), found) is None


def test_the_command_writes_rates_only(tmp_path, capsys):
    panel = SMALL.draw(1)
    figures = panel.values("y").rename_axis(columns="q").stack().rename("v").reset_index()
    figures.to_csv(tmp_path / "p.csv", index=False)
    (tmp_path / "studies").mkdir()
    command = [
        "--workspace",
        str(tmp_path),
        "design",
        "calibrate",
        str(tmp_path / "p.csv"),
        "--area",
        "area",
        "--period",
        "q",
        "--value",
        "v",
        "--started",
        "1,2",
        "--looks",
        "4",
        "--effect",
        "0,-5",
        "--simulations",
        "10",
        "--assignments",
        "99",
        "-o",
        str(tmp_path / "r.json"),
    ]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    written = json.loads((tmp_path / "r.json").read_text())
    # What was asked for, less what is as usual; the way to the panel is nobody's business.
    assert str(tmp_path) not in written["command"]
    assert written["command"].endswith(
        "design calibrate p.csv --area area --period q --value v -o r.json --started 1,2 --looks 4 "
        "--effect 0,-5 --simulations 10 --assignments 99"
    )
    assert {
        "estimator",
        "started",
        "effect",
        "look",
        "size",
        "coverage",
        "power",
        "bias",
        "mc_se",
    } <= set(written["rows"][0])
    assert {row["look"] for row in written["rows"]} == {1, 2, 3, 4, "any"}
    with pytest.raises(SystemExit):
        main([*command, "--pilots", "mine"])
    assert "--pilots cannot be 'mine'" in capsys.readouterr().err


def simulated(plans):
    for name, invented, how, effects in plans:
        found = simulate_looks(invented.draw(0), name, replace(how, assignments=49), effects, 0)
        assert not found.refused, (name, how)


def small_plans():
    """Estimator -> the plans of its bars on the smaller panels, in an order that stays."""
    plans = {(b.estimator, b.panel, b.simulation, b.effects) for b in bars() if b.panel.areas < 300}
    return {name: sorted((p for p in plans if p[0] == name), key=repr) for name in EVERY}


def test_every_plan_of_a_bar_can_be_simulated() -> None:
    """One simulation of each plan, the estimators in turn: none breaks."""
    turn = itertools.cycle(range(len(EVERY)))
    by_plan = {}
    for plan in itertools.chain.from_iterable(small_plans().values()):
        by_plan.setdefault(repr(plan[1:]), []).append(plan)
    simulated([plans[next(turn) % len(plans)] for plans in by_plan.values()])


@pytest.mark.slow
def test_every_bar_can_be_simulated() -> None:
    """The same, each plan by each estimator."""
    simulated(itertools.chain.from_iterable(small_plans().values()))


def test_more_or_fewer_simulations_with_the_same_folder_are_what_was_asked_for(tmp_path) -> None:
    """A part that was cut short is no part of a longer run, and a longer one none of a shorter."""
    for simulations in (3, 30, 10):
        runs = Runs(simulations=simulations, seed=4, resume=tmp_path)
        found = simulate_many(SMALL.draw, "did", QUICK, (0.0,), runs, origin="small")
        fresh = simulate_many(SMALL.draw, "did", QUICK, (0.0,), replace(runs, resume=None))
        assert np.array_equal(found["errors"], fresh["errors"])
        assert len(found["errors"]) == simulations


def test_parts_that_other_code_made_are_not_taken(tmp_path, monkeypatch) -> None:
    runs = Runs(simulations=5, resume=tmp_path)
    simulate_many(SMALL.draw, "did", QUICK, (0.0,), runs)
    monkeypatch.setattr(many, "_code", lambda: "other")
    simulate_many(SMALL.draw, "did", QUICK, (0.0,), runs)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_refused_simulations_are_no_success() -> None:
    """Rates are over those that were not refused; of nothing there is no rate."""
    hits = np.array([True, False, False, False])[:, None, None]
    found = {
        "rejects": hits,
        "crosses": hits,
        "covers": ~hits,
        "held": ~hits,
        "errors": np.array([[1.0], [3.0], [np.nan], [np.nan]]),
        "planted": np.full((4, 1), -2.0),
        "refused": np.array([False, False, True, True]),
    }
    row = rows("did", 6, (0.0,), found)[0]
    assert (row["size"], row["coverage"], row["refused"], row["simulations"]) == (0.5, 0.5, 0.5, 2)
    assert row["mc_se"] == 0.5  # of two simulations: no less than that of one hit
    none = rows("did", 6, (0.0,), found | {"refused": np.ones(4, dtype=bool)})[0]
    assert none["size"] is none["coverage"] is none["bias"] is None
    assert detectable((0.0,), found | {"refused": np.ones(4, dtype=bool)}) is None
    bar = next(b for b in bars() if b.measure == "part found")
    gone = measured(bar, found | {"refused": np.ones(4, dtype=bool)})
    assert (gone["measured"], gone["passes"], gone["refused"]) == (None, False, 1.0)


def test_the_part_of_an_effect_that_is_found_is_a_mean_over_simulations() -> None:
    bar = next(b for b in bars() if b.measure == "part found" and b.estimator == "did")
    injected = np.array([[-3.0], [-3.0], [-2.0], [np.nan]])
    flat = np.zeros((4, 1, 8), dtype=bool)
    found = {
        "planted": injected,
        "errors": np.array([[1.0], [0.0], [0.5], [np.nan]]),
        "refused": np.array([False, False, False, True]),
        "rejects": flat,
    }
    row = measured(bar, found)
    parts = [2 / 3, 1.0, 0.75]
    assert row["measured"] == pytest.approx(np.mean(parts))
    assert row["mc_se"] == pytest.approx(np.std(parts, ddof=1) / 3**0.5)
    assert (row["refused"], row["simulations"]) == (0.25, 3)


def test_withheld_small_counts_hide_part_of_a_fall() -> None:
    """Cells that fall below the threshold are gone, and those that stay are the high ones."""
    bar = next(b for b in bars() if b.measure == "part found" and b.estimator == "did")
    how = replace(bar.simulation, assignments=49)
    seen = [simulate_looks(bar.panel.draw(n), "did", how, bar.effects, n) for n in range(20)]
    part = [1 + one.errors[0] / one.injected[0] for one in seen]
    open_ = [
        simulate_looks(bar.panel.draw(n), "did", replace(how, withheld=0.0), bar.effects, n)
        for n in range(20)
    ]
    whole = [1 + one.errors[0] / one.injected[0] for one in open_]
    assert np.mean(whole) == pytest.approx(1.0, abs=0.1)
    assert np.mean(part) < np.mean(whole) - 0.2
