"""Every chart has its numbers beside it, as CSV and JSON, unless a source forbids it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from evaluation import drawing as figures
from evaluation.edition import files
from evaluation.edition.files import Generated

PATHS = [
    {
        "period": "2024 Q1",
        "pilot": 10.0,
        "comparison": 9.0,
        "counterfactual": None,
        "low": None,
        "high": None,
    },
    {
        "period": "2024 Q2",
        "pilot": 9.0,
        "comparison": 9.1,
        "counterfactual": 10.0,
        "low": 9.5,
        "high": 10.5,
    },
]
EFFECT = {"effect": -8.1, "low": -12.7, "high": -3.5}


def test_rows_of_names_stay_as_they_are() -> None:
    assert files.rows(figures.paths, [PATHS, ["2024 Q2"], "per 1,000"]) == PATHS
    nested = [{"name": "NHS", "gain": {"mean": 2.0, "low": 1.0}}]
    assert files.rows(figures.gains, [nested]) == [
        {"name": "NHS", "gain_mean": 2.0, "gain_low": 1.0}
    ]


def test_labels_with_figures_get_plain_names() -> None:
    drawn = [figures.ForestRow("Site A", EFFECT, True, "−8.1%")]
    assert files.rows(figures.forest, [drawn, "%"]) == [
        {"label": "Site A", **EFFECT, "filled": True, "as_shown": "−8.1%"}
    ]


def test_columns_stand_side_by_side() -> None:
    drawn = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    found = files.rows(figures.gaps, [[-1, 0, 1], [0.1, None, 0.3], drawn, "%"])
    assert found == [
        {"times": -1, "real": 0.1, "placebo_1": 1.0, "placebo_2": 4.0},
        {"times": 0, "real": None, "placebo_1": 2.0, "placebo_2": 5.0},
        {"times": 1, "real": 0.3, "placebo_1": 3.0, "placebo_2": 6.0},
    ]


def test_points_are_x_and_y() -> None:
    points = [[1, 2], [3, 4]]
    found = files.rows(figures.plane, [points, (0.0, 1.0), {"gain_cost": 0.5}])
    assert found == [{"x": 1, "y": 2}, {"x": 3, "y": 4}]


@pytest.fixture
def out(tmp_path: Path) -> Generated:
    return Generated(tmp_path)


def test_the_numbers_lie_at_the_charts_own_address(out: Generated) -> None:
    shown = out.plate(
        "first_look/ae-paths",
        "../",
        "Line chart. It fell.",
        figures.paths,
        PATHS,
        ["2024 Q2"],
        "per 1,000",
        caption="It fell.",
    )
    for ending in ("svg", "csv", "json"):
        assert (out.folder / f"files/figures/first_look/ae-paths.{ending}").is_file()
    assert "href='../figures/first_look/ae-paths.csv'" in shown
    with (out.folder / "files/figures/first_look/ae-paths.csv").open(encoding="utf-8") as file:
        held = list(csv.DictReader(file))
    assert [row["pilot"] for row in held] == ["10.0", "9.0"]
    whole = json.loads((out.folder / "files/figures/first_look/ae-paths.json").read_text("utf-8"))
    assert (whole["says"], whole["data"]["rows"]) == ("Line chart. It fell.", PATHS)


def test_what_a_source_forbids_is_not_handed_on(out: Generated) -> None:
    out.withheld.add("enterprise_zones")
    shown = out.plate(
        "enterprise_zones/claims-paths",
        "../",
        "Line chart. It fell.",
        figures.paths,
        PATHS,
        ["2024 Q2"],
        "claims",
        caption="It fell.",
    )
    assert "chart-data" not in shown
    names = {path.suffix for path in (out.folder / "files/figures").rglob("*.*")}
    assert names == {".svg"}
    ours = out.plate(
        "enterprise_zones/claims-forest",
        "../",
        "Effects.",
        figures.forest,
        [figures.ForestRow("DiD", EFFECT, True, "−8.1%")],
        "%",
        caption="Effects.",
    )
    assert "chart-data" in ours
