"""``newstart design calibrate``: what it reads, keeps, withholds, records and refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.invented import Invented
from evaluation.cli import main
from evaluation.design import simulation
from evaluation.design.calibrate import Columns, calibrate, read_panel
from evaluation.design.many import Runs
from evaluation.design.simulation import Simulation
from evaluation.errors import PanelError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.interim import LookPlan

COLUMNS = Columns("area", "q", "v")
RATES, COUNTS = Invented(areas=30, quarters=14), Invented(areas=30, quarters=14, counts=12)
QUICK = Simulation(started=2, looks=4, assignments=99, plan=LookPlan(horizon=4))
EVERY = ("did", "imputation", "synthetic_control", "augmented_synthetic_control", "synthetic_did")


def written(path, panel):
    table = panel.values("y").rename_axis(columns="q").stack(future_stack=True)
    table.rename("v").reset_index().to_csv(path, index=False)
    return path


def with_gaps():
    """Areas 0-5 lack a figure somewhere, 6 too many before the start, 7 that of the start."""
    panel = RATES.draw(1)
    figures = panel.array("y").copy()
    figures[np.arange(6), [0, 3, 9, 11, 12, 13]] = np.nan
    figures[6, :8] = np.nan
    figures[7, 10] = np.nan
    return replace(panel, figures={"y": figures})


@pytest.fixture
def run(tmp_path, capsys):
    """Run the verb on a file with few, small simulations; exit code, output, messages, record."""
    (tmp_path / "studies").mkdir()

    def command(path, *words):
        given = [
            "--workspace",
            tmp_path,
            "design",
            "calibrate",
            path,
            "--area",
            "area",
            "--period",
            "q",
            "--value",
            "v",
            "--looks",
            4,
            "--started",
            2,
            "--simulations",
            6,
            "--assignments",
            99,
            "-o",
            tmp_path / "r.json",
            *words,
        ]
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in given])
        printed, record = capsys.readouterr(), {}
        if (tmp_path / "r.json").is_file():
            record = json.loads((tmp_path / "r.json").read_text())
        return end.value.code, printed.out, printed.err, record

    return command


def test_areas_with_gaps_are_left_out_or_kept_and_counted(tmp_path):
    path = written(tmp_path / "p.csv", with_gaps())
    plain = read_panel(path, COLUMNS, 4)
    assert (len(plain.panel.areas), plain.left_out, plain.with_gaps) == (22, 8, 0)
    kept = read_panel(path, COLUMNS, 4, keep_gaps=True)
    assert (len(kept.panel.areas), kept.left_out, kept.with_gaps) == (28, 2, 6)
    assert not {"area 0006", "area 0007"} & set(kept.panel.areas.index)


@pytest.mark.parametrize("name", EVERY)
def test_an_area_that_is_just_kept_can_be_the_only_pilot(name, tmp_path):
    """The rule by which areas stay is what each estimator needs of a pilot, at every look."""
    gaps = with_gaps()
    figures = gaps.array("y").copy()
    figures[5, :5] = figures[5, 6:8] = figures[5, 11:] = np.nan
    path = written(tmp_path / "p.csv", replace(gaps, figures={"y": figures}))
    panel = read_panel(path, COLUMNS, 4, keep_gaps=True).panel
    assert np.isfinite(panel.array("y")[5]).sum() == 4
    started = simulation.start_areas(panel, np.array([5]), 10)
    drawn = Assignments.draw(started, n=27, block="area", strata=(), seed=1)
    raw, shift = simulation._statistics(started, name, QUICK, drawn, np.arange(4), 1)
    assert np.isfinite(raw).all()
    assert shift[:, 0] == pytest.approx(1.0)


def test_the_record_says_what_was_left_out_kept_and_withheld(run, tmp_path):
    path = written(tmp_path / "p.csv", with_gaps())
    code, _, err, record = run(path)
    assert code == 0, err
    assert "22 areas over 14 quarters, each with a figure; 8 more lack figures and are left" in err
    assert (record["areas"], record["left_out"], record["with_gaps"]) == (22, 8, 0)
    code, _, err, record = run(path, "--keep-gaps", "--estimator", "synthetic_did")
    assert code == 0, err
    assert "28 areas over 14 quarters, 6 of them with gaps; 2 more lack figures" in err
    assert (record["areas"], record["left_out"], record["with_gaps"]) == (28, 2, 6)
    assert record["withheld"] == 0
    assert record["command"].endswith("--assignments 99 --keep-gaps")
    assert "--estimator synthetic_did" in record["command"]


def test_small_counts_are_withheld_after_the_effect_is_planted(run, tmp_path):
    path = written(tmp_path / "c.csv", COUNTS.draw(1))
    code, out, err, record = run(path, "--withheld", 9, "--effect", "0,-10")
    assert code == 0, err
    assert record["withheld"] == 9
    assert record["command"].endswith("--withheld 9")
    panel = read_panel(path, COLUMNS, 4).panel
    for share in {row["refused"] for row in record["rows"]}:
        assert share == 0 or f"{100 * share:.1f} % refused" in out
    plain = calibrate(panel, ["did"], started=[2], simulation=QUICK, runs=Runs(6, 0))
    assert plain["rows"] != record["rows"]


def test_withholding_is_refused_where_figures_are_no_counts(run, tmp_path):
    code, _, err, record = run(written(tmp_path / "p.csv", RATES.draw(1)), "--withheld", 5)
    assert (code, record) == (2, {})
    assert "only counts are withheld where they are small, and these figures are none" in err
    assert "in area area 0000, 2023 Q2" in err
    assert "to mend:" in err
    with pytest.raises(PanelError, match="below -1 cannot be withheld"):
        calibrate(COUNTS.draw(1), ["did"], simulation=replace(QUICK, withheld=-1.0))


def test_what_could_be_found_is_said_as_a_fall(run, tmp_path):
    path = written(tmp_path / "p.csv", RATES.draw(1))
    code, out, err, record = run(path, "--scale", "log", "--effect", "0,-30")
    assert code == 0, err
    percent = record["detectable"][0]["percent"]
    assert f"a fall of {percent:.1f} % would be found four times in five over 4 looks" in out
    assert "effect -30 log points" in out
    assert "four times in five" not in run(path, "--effect", "0")[1]


def test_a_refused_design_is_told(run, tmp_path):
    path = written(tmp_path / "c.csv", COUNTS.draw(1))
    code, out, err, _ = run(path, "--withheld", 500)
    assert code == 0, err
    assert "100.0 % refused" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--started", "1.5"), "--started cannot be 1.5"),
        (("--started", "0,3"), "--started cannot be 0"),
        (("--started", ""), "--started cannot be ''"),
        (("--effect", "few"), "--effect cannot be 'few'"),
        (("--effect", "nan"), "--effect cannot be 'nan'"),
        (("--strata", "levels"), "--strata cannot be 'levels'"),
        (("--strata", "population"), "to mend:  name it: --population COLUMN"),
        (("--pilots", "largest"), "--pilots largest takes a column that is not named"),
        (("--pilots", "one_authority"), "to mend:  name it: --authority COLUMN"),
        (("--block", "authority"), "--block authority takes a column that is not named"),
        (("--gaps", "by_population"), "--gaps by_population takes a column that is not named"),
        (("--withheld", "-1"), "Invalid value for '--withheld'"),
        (("--simulations", "0"), "Invalid value for '--simulations'"),
        (("--estimator", "ols"), "--estimator: there is no estimator 'ols'"),
        (("--value", "w"), "p.csv: it has no column 'w'"),
        (("--looks", "14"), "p.csv: 14 looks leave nothing before the start in 14 periods"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(run, tmp_path, words, said):
    code, _, err, _ = run(written(tmp_path / "p.csv", RATES.draw(1)), *words)
    assert code == 2
    assert said in err


def test_files_that_are_no_panel_are_named(tmp_path):
    with pytest.raises(PanelError, match="no such file") as said:
        read_panel(tmp_path / "none.csv", COLUMNS, 4)
    assert said.value.where == str(tmp_path / "none.csv")
    panel = RATES.draw(1)
    figures = panel.array("y").copy()
    figures[:, 10] = np.nan
    path = written(tmp_path / "p.csv", replace(panel, figures={"y": figures}))
    for keep, mend in ((False, "--keep-gaps"), (True, "missing everywhere")):
        with pytest.raises(PanelError) as said:
            read_panel(path, COLUMNS, 4, keep_gaps=keep)
        assert mend in said.value.mend


def test_areas_that_the_programme_excludes_are_not_calibrated_on() -> None:
    panel = RATES.draw(1)
    figures = panel.array("y").copy()
    figures[:5, 8:] += 50.0
    role = np.where(np.arange(30) < 5, "excluded", "comparison")
    asked = {"started": [2], "effects": (0.0,), "simulation": QUICK, "runs": Runs(4, 0)}
    found = calibrate(
        replace(panel, figures={"y": figures}, areas=panel.areas.assign(role=role)),
        "y",
        ["did"],
        **asked,
    )
    without = calibrate(panel.select(np.arange(30) >= 5), "y", ["did"], **asked)
    assert found["areas"] == 25 and found["rows"] == without["rows"]
