"""An estimate and a panel on a screen: what is printed, tabled and drawn, and from which code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from html import unescape
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes

from evaluation import (
    Estimate,
    did,
    forest,
    honest_bounds,
    imputation,
    plot_bounds,
    synthetic_control,
    synthetic_did,
    two_way_fixed_effects,
)
from evaluation.drawing import canvas, charts
from evaluation.errors import EstimateError
from evaluation.estimate.did import DidSettings
from evaluation.estimate.summary import p_text, shown, to_markdown
from evaluation.panel import Panel
from tests.unit.panels import long_table, panel

UNIVERSAL = DidSettings(base="universal")


@cache
def of_did() -> Estimate:
    return did(panel(effect=1.0), "y", settings=UNIVERSAL)


@cache
def synthetic() -> Estimate:
    return synthetic_control(panel(effect=1.0), "y")


@cache
def two_way() -> Estimate:
    return two_way_fixed_effects(panel(effect=1.0), "y")


@cache
def imputed() -> Estimate:
    return imputation(panel(effect=1.0), "y")


@cache
def sdid() -> Estimate:
    return synthetic_did(panel(effect=1.0), "y")


@cache
def one_of_few() -> Estimate:
    table = long_table(n=8, effect=1.0)
    table.loc[table["area"] != "a00", "start"] = 0
    held = Panel.from_long(
        table, area="area", period="year", outcomes="y", start="start", frequency="A"
    )
    return did(held, "y", settings=UNIVERSAL)


@pytest.fixture(autouse=True)
def closed() -> object:
    yield
    pyplot.close("all")


def test_a_summary_holds_effect_range_p_sample_fit_and_warnings() -> None:
    for found in (of_did(), synthetic(), two_way()):
        said, overall = found.summary(), found.overall().iloc[0]
        assert f"{overall['effect']:.2f}" in said
        assert "95% range" in said
        assert "smallest possible p is 0.008" in said
        assert "4 treated and 20 comparison areas, 10 years" in said
        assert all(len(line) <= 100 for line in said.splitlines())
        for warning in found.warnings:
            assert "".join(str(warning).split()) in "".join(said.split())
    assert "root mean squared gap before the start" in synthetic().summary()


def test_print_and_notebook_show_the_summary() -> None:
    found = of_did()
    assert repr(found) == str(found) == found.summary()
    assert found.summary().splitlines()[0] in found._repr_html_()


def test_a_range_without_limit_says_why() -> None:
    said = " ".join(one_of_few().summary().split())
    assert "no limit: with so few ways to place the starts" in said
    assert "smallest possible p is 0.125" in said
    assert one_of_few().to_dict()["no_limit"] == ["low", "high"]
    assert "with so few ways" in one_of_few().to_latex()


@pytest.mark.parametrize(
    ("p", "shown"),
    [(0.0004, "0.0004"), (0.00012, "0.0001"), (0.05, "0.050"), (1.0, "1.000"), (2e-9, "2e-09")],
)
def test_a_small_p_is_never_nothing(p: float, shown: str) -> None:
    assert p_text(p) == shown
    assert p_text(float("nan")) == ""


def test_the_tables_hold_the_same_figures() -> None:
    found = synthetic()
    table = found.to_frame()
    assert table.index[0] == "overall"
    pd.testing.assert_series_equal(table.iloc[0], found.overall().iloc[0], check_names=False)
    assert len(table) == 1 + len(found.by("event_time"))
    for text in (found.to_markdown(), found.to_latex(), found.summary()):
        for cell in ("1.35", "0.26 to 2.43", "0.017", "event time 3"):
            assert cell in text
    assert len(two_way().to_frame()) == 1


@pytest.mark.parametrize(
    "estimated",
    [of_did, synthetic, two_way, one_of_few, imputed, sdid],
    ids=lambda one: one.__name__,
)
def test_screen_notebook_latex_and_markdown_show_the_same_rows(
    estimated: Callable[[], Estimate],
) -> None:
    found = estimated()
    rows = [list(map(str, row)) for row in shown(found).reset_index().to_numpy()]
    assert len(rows) == len(found.to_frame())
    latex = [line for line in found.to_latex().splitlines() if line.endswith(r"\\")]
    for row in rows:
        cells = [cell for cell in row if cell]
        latexed = [cell.replace("%", r"\%") for cell in cells]
        assert [line for line in latex if all(cell in line for cell in latexed)], row
        for text in (found.summary(), found.to_markdown()):
            assert [line for line in text.splitlines() if all(cell in line for cell in cells)], row
    summary = found.summary()
    assert summary in unescape(found._repr_html_()) and str(found) == summary


def test_plain_data_are_fit_for_json() -> None:
    for found in (of_did(), synthetic(), two_way(), one_of_few()):
        held = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert held["overall"]["effect"] == pytest.approx(found.overall()["effect"].item())
        assert held["estimator"] == found.estimator
        assert [one["code"] for one in held["warnings"]] == [
            getattr(one, "code", "") for one in found.warnings
        ]


def test_a_bar_in_a_name_breaks_no_table_and_signs_of_latex_are_escaped() -> None:
    table = long_table(effect=1.0).rename(columns={"y": "rate|50_%"})
    held = Panel.from_long(
        table, area="area", period="year", outcomes="rate|50_%", start="start", frequency="A"
    )
    found = did(held, "rate|50_%")
    rows = [row for row in to_markdown(found).splitlines() if row.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {7}
    assert r"rate|50\_\%" in found.to_latex()


def test_stata_and_r_can_read_the_table(tmp_path: Path) -> None:
    finite = of_did().to_frame().replace([np.inf, -np.inf], np.nan).reset_index()
    finite.to_stata(tmp_path / "found.dta", write_index=False)
    back = pd.read_stata(tmp_path / "found.dta")
    assert back["term"].tolist() == finite["term"].tolist()
    np.testing.assert_allclose(back["effect"], finite["effect"])


def test_every_plot_gives_axes_with_what_it_shows() -> None:
    found, other = of_did(), synthetic()
    drawn = {
        "event study": found.plot(),
        "paths": found.plot_paths(),
        "one site": found.plot_paths("A"),
        "gaps": other.plot_gaps(),
        "weights": other.plot_weights(),
        "weights of one": other.plot_weights("a01"),
        "sdid": synthetic_did(panel(effect=1.0), "y").plot_weights(),
        "forest": forest([found, other, two_way()]),
        "named": forest({"one": found, "two": other}),
        "bounds": plot_bounds(honest_bounds(found, m=(0.5, 1.0)), found),
        "who": panel().plot(),
    }
    for name, axes in drawn.items():
        assert isinstance(axes, Axes), name
        assert axes.has_data(), name
        assert axes.get_title(loc="left"), name
        # Nothing lies above the figure's edge.
        axes.figure.canvas.draw()
        top = axes.title.axes._left_title.get_window_extent().y1
        assert top <= axes.figure.bbox.y1, name
    dots = [line for line in drawn["event study"].lines if line.get_marker() == "o"]
    heights = np.concatenate([np.asarray(line.get_ydata()) for line in dots])
    np.testing.assert_allclose(heights, found.by("event_time")["effect"], atol=1e-12)


def test_plots_go_on_axes_that_are_there() -> None:
    figure, (one, other) = pyplot.subplots(1, 2)
    assert of_did().plot(axes=one) is one
    assert synthetic().plot_gaps(axes=other) is other
    assert pyplot.get_fignums() == [figure.number]


def test_what_cannot_be_drawn_says_what_could() -> None:
    with pytest.raises(EstimateError, match="one coefficient"):
        two_way().plot()
    with pytest.raises(EstimateError, match="has no paths"):
        two_way().plot_paths()
    with pytest.raises(EstimateError, match="has no donor weights"):
        of_did().plot_weights()
    with pytest.raises(EstimateError, match="no site"):
        of_did().plot_paths("Z")
    with pytest.raises(EstimateError, match="no weights of an area"):
        synthetic().plot_weights("Z")
    with pytest.raises(EstimateError, match="no estimate"):
        forest([])


def test_the_books_charts_are_drawn_by_the_same_code() -> None:
    rows = [
        {
            "event_time": t,
            "effect": 1.0 * t,
            "low": -1.0,
            "high": 1.0,
            "low_band": -2.0,
            "high_band": 2.0,
        }
        for t in range(-2, 3)
    ]
    drawn = charts.events_drawn(rows, "log points", "quarter", canvas.WIDE)
    assert drawn.svg() == charts.events(rows, "log points", "quarter", canvas.WIDE)


def test_a_panel_is_told_in_ten_lines() -> None:
    table = long_table()
    table.loc[5, "y"] = np.nan
    for name in "abcdefgh":
        table[name] = 1.0
    held = Panel.from_long(
        table, area="area", period="year", outcomes=["y", *"abcdefgh"], start="start", frequency="A"
    )
    said = repr(held)
    assert len(said.splitlines()) <= 10
    assert "24 areas and 10 years, 2000 to 2009" in said
    assert "treated: 4 areas" in said
    assert "2005 (2), 2007 (2)" in said
    assert "1 of 240 figures missing" in said


def test_cells_without_a_figure_are_seen() -> None:
    table = long_table()
    table.loc[5, "y"] = np.nan
    image = panel(table).plot().images[0].get_array()
    assert image is not None
    values, counts = np.unique(np.asarray(image), return_counts=True)
    # Untreated, treated, missing: sites A (2 areas, 5 years) and B (2 areas, 3 years) less one.
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {0: 224, 1: 15, 3: 1}


def test_what_the_result_rests_on_is_asked_of_the_result() -> None:
    found, other = of_did(), synthetic()
    early = other.in_time_placebo(2)
    assert early.panel is not None
    assert early.panel.periods[-1].label == "2004"
    left = other.leave_one_out()
    assert set(left.columns) == {"area", "donor", "weight", "effect", "change"}
    areas = found.leave_one_out("areas")
    assert len(areas) == 4
    kept = other.with_donors(without=["a14", "a20"])
    assert not set(kept.weights["donor"]) & {"a14", "a20"}
    few = other.with_donors(["a05", "a06", "a07"])
    assert set(few.weights["donor"]) <= {"a05", "a06", "a07"}
    weights = found.bacon_weights()
    mean = float((weights["weight"] * weights["effect"]).sum())
    assert mean == pytest.approx(two_way().overall()["effect"].item())
    ranged = other.identification_range()
    assert (ranged["low"] <= ranged["effect"] + 1e-9).all()
    assert len(other.fit_table()) == 4
    with pytest.raises(EstimateError, match="no comparison area"):
        other.with_donors(without=["nowhere"])
    with pytest.raises(EstimateError, match="no donors with weights"):
        found.leave_one_out()
    with pytest.raises(EstimateError, match="leaves no other weights open"):
        found.identification_range()


def test_a_donor_left_out_by_hand_is_a_donor_left_out() -> None:
    other = synthetic()
    row = other.leave_one_out().iloc[0]
    by_hand = other.with_donors(without=[row["donor"]])
    assert by_hand.by("area").loc[row["area"], "effect"] == pytest.approx(row["effect"], abs=1e-8)


def test_sun_and_abraham_is_the_varying_cohort_weighting_here() -> None:
    """Interaction-weighted effects by hand: each cohort's own, weighed by its share (eq. 26)."""
    held = panel(effect=1.0)
    found = did(held, "y", settings=UNIVERSAL)
    y, start = held.array("y"), held.start_index
    by_hand = {}
    for e in range(3):
        cohorts = [g for g in np.unique(start[start >= 0]) if g + e < 10]
        share = np.array([(start == g).sum() for g in cohorts], dtype=float)
        effects = [
            (y[start == g][:, g + e] - y[start == g][:, g - 1]).mean()
            - (y[start == -1][:, g + e] - y[start == -1][:, g - 1]).mean()
            for g in cohorts
        ]
        by_hand[e] = float(share @ effects / share.sum())
    table = found.by("event_time")["effect"]
    for e, effect in by_hand.items():
        assert table.loc[e] == pytest.approx(effect)
    assert imputation(held, "y").by("event_time").loc[0, "n_areas"] == 4


def test_nothing_heavy_is_loaded_before_a_chart_is_drawn() -> None:
    code = (
        "import sys; import evaluation; from evaluation import Panel, did, forest; "
        "import evaluation.estimate.summary; print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_long_names_are_cut_in_the_middle_and_lie_on_nothing() -> None:
    """The areas of a place often differ at the end of their names alone."""
    table = long_table(n=12, effect=1.0)
    table["area"] = "Stockton-on-Tees North and Thornaby Neighbourhood " + table["area"]
    held = Panel.from_long(
        table, area="area", period="year", outcomes="y", start="start", frequency="A"
    )
    axes = held.plot()
    axes.figure.canvas.draw()
    names = [label for label in axes.get_yticklabels() if label.get_text()]
    assert len({label.get_text() for label in names}) == 12
    assert min(label.get_window_extent().x0 for label in names) >= 0
    axes = synthetic_control(held, "y").plot_weights()
    axes.figure.canvas.draw()
    left = axes.get_window_extent().x0
    shown = [text for text in axes.texts if text.get_text().startswith("Stockton")]
    assert shown and all(text.get_window_extent().x1 <= left for text in shown)


def test_a_range_without_limits_is_said_once_in_a_forest() -> None:
    axes = forest([one_of_few()])
    said = [text.get_text() for text in axes.texts]
    assert any("(no limit)" in one for one in said)
    assert not any("no limit to no limit" in one for one in said)


def test_every_figure_of_a_notebook_is_made_outside_of_our_settings() -> None:
    """What pyplot sets up with its first figure is left as it is: else a notebook shows no other.

    A fresh process, as in a notebook: pyplot was not imported before the first plot.
    """
    code = (
        "import matplotlib as mpl\n"
        "from tests.unit.panels import panel\n"
        "import evaluation.drawing.canvas as canvas\n"
        "held = []\n"
        "made = canvas._figure\n"
        "def watched(size, inches):\n"
        "    mpl.rcParams['interactive'] = True\n"
        "    return made(size, inches)\n"
        "canvas._figure = watched\n"
        "panel(effect=1.0).plot()\n"
        "assert mpl.rcParams['interactive'] is True\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr
