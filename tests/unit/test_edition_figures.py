"""Charts: the same bytes each time, text that is text, and no figure that they cannot draw."""

from __future__ import annotations

import subprocess
import sys

import pytest

from evaluation import drawing as figures

ROWS = [
    {
        "period": f"2025 Q{q}",
        "pilot": 10.0 - q,
        "counterfactual": 10.0 if q > 2 else None,
        "low": 9.0 if q > 2 else None,
        "high": 11.0 if q > 2 else None,
        "comparison": 8.0,
    }
    for q in (1, 2, 3, 4)
]
SIZES = [figures.WIDE, figures.NARROW]


@pytest.mark.parametrize("size", SIZES)
def test_the_same_figures_give_the_same_bytes(size: figures.Size) -> None:
    drawn = figures.paths(ROWS, ["2025 Q3"], "per 1,000", size)
    assert drawn == figures.paths(ROWS, ["2025 Q3"], "per 1,000", size)
    assert drawn.startswith("<svg") and "<metadata>" not in drawn
    assert f'width="{size.width}"' in drawn


def test_lines_are_labelled_where_they_end_and_letters_are_letters() -> None:
    drawn = figures.paths(ROWS, ["2025 Q3"], "per 1,000", figures.WIDE)
    for label in ("pilot areas", "programme", "first site starts", "2025 Q1"):
        assert f">{label}</text>" in drawn


def test_axes_that_do_not_start_at_nought_say_so() -> None:
    high = [
        row | {"pilot": 90.0, "comparison": 91.0, "counterfactual": None, "low": None, "high": None}
        for row in ROWS
    ]
    assert "axis does not start at 0" in figures.paths(high, [], "per 1,000", figures.WIDE)


@pytest.mark.parametrize("size", SIZES)
def test_missing_ranges_are_left_out(size: figures.Size) -> None:
    rows = [
        figures.ForestRow("One", {"effect": -2.0, "low": None, "high": None}, True, "-2%"),
        figures.ForestRow("Two", {"effect": -1.0, "low": -3.0, "high": 1.0}, False, "-1%"),
    ]
    assert "Two" in figures.forest(rows, "%", size)


def test_one_outlandish_range_does_not_flatten_the_others() -> None:
    usual = {"effect": -5.0, "low": -8.0, "high": -2.0}
    narrow = [figures.ForestRow(f"Site {k}", usual, True, "") for k in "abcd"]
    wide = figures.ForestRow("Site e", {"effect": 9.0, "low": -7.0, "high": 900.0}, True, "")
    drawn = figures.forest([*narrow, wide], "%", figures.WIDE)
    assert ">10%</text>" in drawn and ">500%</text>" not in drawn


@pytest.mark.parametrize("size", SIZES)
def test_an_agency_that_neither_pays_nor_gains_can_be_drawn(size: figures.Size) -> None:
    nought = {"mean": 0.0, "low": 0.0, "high": 0.0}
    rows = [{"name": "Police", "budget": "DEL", "gain": nought, "cost": nought}]
    assert "Police (DEL)" in figures.gains(rows, size)


def test_gaps_of_few_redrawn_assignments_can_be_drawn() -> None:
    drawn = figures.gaps(
        [-1, 0, 1], [0.0, None, -2.0], [[0.0, 1.0, None]], "%", None, "quarter", figures.NARROW
    )
    assert "other sets of areas" in drawn


@pytest.mark.parametrize("size", [figures.WIDE, figures.NARROW])
def test_a_calendar_names_only_the_states_that_it_holds(size: figures.Size) -> None:
    rows = [figures.Sent("Millgate, NHS", ["received", "late", None])]
    drawn = figures.returns_calendar(rows, ["2026 Q1", "2026 Q2", "2026 Q3"], size)
    assert ">in time</text>" in drawn and ">late</text>" in drawn and "missing" not in drawn


@pytest.mark.parametrize("size", [figures.WIDE, figures.NARROW])
def test_twenty_worlds_are_twenty_dots(size: figures.Size) -> None:
    drawn = figures.equally_likely([-5.0 + 0.3 * k for k in range(20)], "per cent", "%", size)
    alone = figures.equally_likely([-5.0], "per cent", "%", size)
    # One marker is defined once for each dot and used once.
    assert drawn.count("<use ") - alone.count("<use ") >= 19


@pytest.mark.parametrize("size", [figures.WIDE, figures.NARROW])
def test_balance_names_an_outcome_once_for_its_two_dots(size: figures.Size) -> None:
    rows = [
        figures.Difference("Children in care", *one) for one in (("level", 0.2), ("path", -0.6))
    ]
    assert figures.balance(rows, size).count("Children in care</text>") == 1


def test_matplotlib_is_opened_only_when_a_chart_is_drawn() -> None:
    code = "import sys, evaluation.edition.build; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
