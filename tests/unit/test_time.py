"""Months, weeks, days and numbers are counted as years are; a start in part is not a whole one."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

from evaluation import (
    Estimate,
    augmented_synthetic_control,
    did,
    imputation,
    pooled_synthetic_control,
    synthetic_control,
    synthetic_did,
    two_way_fixed_effects,
)
from evaluation.errors import PanelError, UserError
from evaluation.estimate.assignments import Assignments
from evaluation.panel import Panel
from evaluation.quarters import Period
from tests.unit.panels import long_table

N_PERIODS = 10
FIRST_MONDAY = date(2026, 11, 30)


def month(k: int) -> str:
    return f"{2026 + (7 + k) // 12}-{(7 + k) % 12 + 1:02d}"


def week(k: int) -> str:
    found = (FIRST_MONDAY + timedelta(weeks=k)).isocalendar()
    return f"{found.year}-W{found.week:02d}"


def day(k: int) -> str:
    return (date(2026, 12, 28) + timedelta(days=k)).isoformat()


# (frequency, how period k is written, how an area that is never treated is)
WRITTEN: dict[str, tuple[str, Callable[[int], object], object]] = {
    "years": ("A", lambda k: 2000 + k, 0),
    "quarters": ("Q", lambda k: f"{2026 + k // 4} Q{k % 4 + 1}", None),
    "months": ("M", month, None),
    "months as dates": ("M", lambda k: pd.Timestamp(f"{month(k)}-01"), pd.NaT),
    "months as periods": ("M", lambda k: pd.Period(month(k), "M"), pd.NaT),
    "months with blanks": ("M", month, ""),
    "weeks": ("W", week, np.nan),
    "weeks by their Monday": ("W", lambda k: pd.Timestamp(FIRST_MONDAY + timedelta(weeks=k)), None),
    "weeks as periods": (
        "W",
        lambda k: pd.Timestamp(FIRST_MONDAY + timedelta(weeks=k)).to_period("W"),
        None,
    ),
    "days": ("D", day, "inf"),
    "days as dates": ("D", lambda k: date.fromisoformat(day(k)), None),
    "numbers": ("I", lambda k: k + 1, 0),
    "numbers, never infinite": ("I", lambda k: float(k + 1), np.inf),
    "numbers below nothing": ("I", lambda k: k - 30, np.nan),
}
ESTIMATORS = (
    did,
    imputation,
    two_way_fixed_effects,
    synthetic_control,
    augmented_synthetic_control,
    pooled_synthetic_control,
    synthetic_did,
)


@cache
def rewritten(kind: str) -> Panel:
    frequency, write, never = WRITTEN[kind]
    table = long_table(n=14, n_periods=N_PERIODS, effect=1.0)
    table["when"] = [write(year - 2000) for year in table["year"]]
    starts = [write(start - 2000) if start else never for start in table["start"]]
    table["from"] = pd.Series(starts, dtype=object) if frequency != "A" else starts
    return Panel.from_long(
        table,
        area="area",
        period="when",
        outcomes="y",
        start="from",
        site="site",
        frequency=frequency,  # type: ignore[arg-type]
    )


@cache
def estimated(kind: str, estimator: Callable[..., Estimate]) -> Estimate:
    held = rewritten(kind)
    drawn = Assignments.draw(held, n=99, block="area", strata=(), seed=1)
    return estimator(held, "y", assignments=drawn)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", [kind for kind in WRITTEN if kind != "years"])
def test_every_frequency_gives_the_estimate_of_years(
    kind: str, estimator: Callable[..., Estimate]
) -> None:
    one, other = estimated(kind, estimator), estimated("years", estimator)
    np.testing.assert_array_equal(one.effects, other.effects)
    np.testing.assert_array_equal(one.overall().to_numpy(), other.overall().to_numpy())
    if estimator is not two_way_fixed_effects:
        np.testing.assert_array_equal(
            one.by("event_time").to_numpy(), other.by("event_time").to_numpy()
        )
        np.testing.assert_array_equal(one.by("period").to_numpy(), other.by("period").to_numpy())


def test_periods_are_named_as_they_are_written() -> None:
    assert estimated("months", did).by("period").index.tolist()[0] == "2027-01"
    assert estimated("weeks", did).by("cohort").index.tolist() == ["2027-W01", "2027-W03"]
    assert estimated("days", did).by("cohort").index.tolist() == ["2027-01-02", "2027-01-04"]
    assert estimated("numbers", did).by("group").index.tolist() == [6, 8]
    assert rewritten("numbers").values("y").columns.tolist() == list(range(1, N_PERIODS + 1))


def test_periods_are_split_by_their_own_name() -> None:
    for kind, name in (("months", "month"), ("weeks", "week"), ("days", "day")):
        found = estimated(kind, did)
        pd.testing.assert_frame_equal(
            found.by(name),  # type: ignore[arg-type]
            found.by("period"),
            check_names=False,
        )
        with pytest.raises(UserError, match="cannot be split by"):
            estimated("years", did).by(name)  # type: ignore[arg-type]


def test_only_yearly_panels_are_split_by_year() -> None:
    estimated("years", did).by("year")
    for kind in ("numbers", "months"):
        with pytest.raises(UserError, match="cannot be split by 'year'"):
            estimated(kind, did).by("year")


def of(start: object, frequency: str = "I", **more: object) -> Panel:
    """Ten areas, the first of which starts as given."""
    table = pd.DataFrame(
        [
            {"area": f"a{i}", "t": t + 1, "y": float(i * t), "start": None, "share": np.nan}
            for i in range(10)
            for t in range(8)
        ]
    )
    if frequency == "M":
        table["t"] = [f"2026-{t:02d}" for t in table["t"]]
    if frequency == "A":
        table["t"] += 2018
    table["start"] = pd.Series([start] * 8 + [None] * 72, dtype=object)
    given = {"area": "area", "period": "t", "outcomes": "y", "start": "start"}
    return Panel.from_long(table, frequency=frequency, **(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("never", ["", " ", 0, 0.0, "0", np.inf, "Inf", pd.NaT, None, np.nan])
@pytest.mark.parametrize("frequency", ["I", "M", "A"])
def test_never_is_blank_zero_infinite_or_not_a_time(never: object, frequency: str) -> None:
    held = of(never, frequency)
    assert not held.treated.any()
    assert set(held.areas["role"]) == {"comparison"}


@pytest.mark.parametrize(
    ("code", "frequency"),
    [
        (9999, "A"),
        (2099, "A"),
        (1900, "A"),
        (-1, "A"),
        ("never", "A"),
        ("NA", "M"),
        ("2099-12", "M"),
        ("9999-12-31", "M"),
        (pd.Timestamp("2199-12-31"), "M"),
        (-1, "I"),
        (99, "I"),
        (999, "I"),
        (10_000, "I"),
        ("control", "I"),
        (-np.inf, "I"),
    ],
)
def test_another_code_for_never_is_refused_with_how_to_write_it(
    code: object, frequency: str
) -> None:
    with pytest.raises(PanelError, match="leave the start blank, or write 0, inf or NaT"):
        of(code, frequency)


@pytest.mark.parametrize(
    ("never", "frequency"),
    [(pd.NA, "A"), (pd.NA, "M"), (np.datetime64("NaT", "D"), "M"), (False, "A"), ("NaT", "Q")],
)
def test_missing_ones_of_every_kind_mean_never_beside_a_start(
    never: object, frequency: str
) -> None:
    write = {"A": lambda t: 2018 + t, "M": lambda t: f"2026-{t + 1:02d}", "Q": quarter}[frequency]
    starts = [write(3), never, None, np.nan, pd.NaT, ""]
    table = pd.DataFrame(
        [{"area": f"a{i}", "t": write(t), "y": float(i * t)} for i in range(6) for t in range(8)]
    )
    table["start"] = pd.Series([one for one in starts for _ in range(8)], dtype=object)
    given = {"area": "area", "period": "t", "outcomes": "y", "start": "start"}
    held = Panel.from_long(table, frequency=frequency, **given)  # type: ignore[arg-type]
    assert held.treated.tolist() == [True, *[False] * 5]


def quarter(t: int) -> str:
    return f"{2018 + t // 4} Q{t % 4 + 1}"


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/London", "US/Eastern"])
@pytest.mark.parametrize("kind", ["dates", "periods", "text", "mixed"])
def test_starts_and_periods_may_be_written_in_other_ways(zone: str | None, kind: str) -> None:
    """Dates with and without a time zone, pandas periods and text name the same months."""
    months = [pd.Timestamp(2026, t + 1, 1, tz=zone) for t in range(8)]
    ways = {
        "dates": months[3],
        "periods": pd.Period("2026-04", "M"),
        "text": "2026-04",
        "mixed": months[3],
    }
    table = pd.DataFrame(
        [{"area": f"a{i}", "t": months[t], "y": float(i * t)} for i in range(4) for t in range(8)]
    )
    starts = [ways[kind], "2026-05" if kind == "mixed" else None, None, pd.NA]
    table["start"] = pd.Series([one for one in starts for _ in range(8)], dtype=object)
    given = {"area": "area", "period": "t", "outcomes": "y", "start": "start"}
    held = Panel.from_long(table, frequency="M", **given)  # type: ignore[arg-type]
    later = "2026-05" if kind == "mixed" else None
    found = [None if pd.isna(one) else one for one in held.areas["start"]]
    assert found == ["2026-04", later, None, None]


def test_a_list_in_a_cell_is_told_and_no_traceback() -> None:
    table = pd.DataFrame({"area": ["a", "b"], "t": [2020, 2020], "y": 1.0, "start": [[2020], None]})
    given = {"area": "area", "period": "t", "outcomes": "y", "start": "start", "frequency": "A"}
    with pytest.raises(PanelError, match=r"holds \[2020\] in one cell"):
        Panel.from_long(table, **given)  # type: ignore[arg-type]


def test_a_start_of_zero_beside_a_period_zero_is_asked_about() -> None:
    table = pd.DataFrame({"area": ["a"] * 3 + ["b"] * 3, "t": [-1, 0, 1] * 2, "y": range(6)})
    table["start"] = [0] * 3 + [1] * 3
    given = {"area": "area", "period": "t", "outcomes": "y", "start": "start", "frequency": "I"}
    with pytest.raises(PanelError, match="never, or the period 0"):
        Panel.from_long(table, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "frequency", "how"),
    [
        (202607, "M", "2026-07"),
        ("Jul 2026", "M", "2026-07"),
        ("2026-07", "Q", "frequency='M'"),
        ("2026-W27", "A", "frequency='W'"),
        (2026, "M", "frequency='A'"),
        ("2026-W54", "W", "2026-W27"),
        ("2026-02-30", "D", "2026-07-01"),
        ("one", "I", "a whole number"),
        (1.5, "I", "a whole number"),
    ],
)
def test_a_period_of_another_kind_is_refused_with_how_to_write_it(
    written: object, frequency: str, how: str
) -> None:
    table = pd.DataFrame({"area": ["a", "b"], "t": [written] * 2, "y": [1.0, 2.0]})
    with pytest.raises(UserError, match=how):
        Panel.from_long(table, area="area", period="t", outcomes="y", frequency=frequency)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers", [[202611, 202612, 202701], [20261231, 20270101]])
def test_dates_written_as_numbers_do_not_count_as_numbers(numbers: list[int]) -> None:
    table = pd.DataFrame({"area": "a", "t": numbers, "y": 1.0})
    with pytest.raises(PanelError, match="written as numbers"):
        Panel.from_long(table, area="area", period="t", outcomes="y", frequency="I")


def test_an_unknown_frequency_is_refused() -> None:
    with pytest.raises(PanelError, match="frequency cannot be 'monthly'"):
        of(None, "monthly")


def test_a_date_far_off_does_not_make_a_panel_of_a_million_days() -> None:
    table = pd.DataFrame({"area": "a", "t": ["2026-01-01", "0026-01-02"], "y": 1.0})
    with pytest.raises(PanelError, match="rows in 2 of them"):
        Panel.from_long(table, area="area", period="t", outcomes="y", frequency="D")


def in_part(effect: float, share: float, **more: object) -> Panel:
    """Sites that start in part: the first treated period holds a share of the effect."""
    table = long_table(n=14, n_periods=N_PERIODS)
    first = table["year"] == table["start"]
    on = (table["start"] > 0) & (table["year"] >= table["start"])
    table["y"] += effect * np.where(first, share, 1.0) * on
    table["share"] = np.where(table["start"] > 0, share, np.nan)
    given = {"area": "area", "period": "year", "outcomes": "y", "start": "start", "site": "site"}
    return Panel.from_long(table, frequency="A", exposure="share", **(given | more))  # type: ignore[arg-type]


def without_effect() -> Panel:
    return in_part(0.0, 1.0)


@pytest.mark.parametrize("estimator", [did, imputation, synthetic_control, synthetic_did])
def test_a_first_period_treated_in_part_is_dropped(estimator: Callable[..., Estimate]) -> None:
    held = in_part(5.0, 0.25)
    drawn = Assignments.draw(held, n=99, block="area", strata=(), seed=1)
    found = estimator(held, "y", assignments=drawn)
    first = found.index["event_time"] == 0
    assert np.isnan(found.effects[first]).all()
    plain = estimator(without_effect(), "y", assignments=drawn)
    later = (found.index["event_time"] > 0).to_numpy()
    np.testing.assert_allclose(found.effects[later] - plain.effects[later], 5.0, atol=1e-8)
    assert any(getattr(said, "code", "") == "partial_exposure" for said in found.warnings)
    assert found.overall()["n_areas"].item() == 4


@pytest.mark.parametrize("estimator", [did, imputation, synthetic_control, synthetic_did])
def test_a_first_period_treated_in_part_is_scaled_where_that_is_settled(
    estimator: Callable[..., Estimate],
) -> None:
    held = in_part(5.0, 0.25, partial="scale")
    drawn = Assignments.draw(held, n=99, block="area", strata=(), seed=1)
    found, plain = (
        estimator(held, "y", assignments=drawn),
        estimator(without_effect(), "y", assignments=drawn),
    )
    first = (found.index["event_time"] == 0).to_numpy()
    np.testing.assert_allclose(found.effects[first], plain.effects[first] / 0.25 + 5.0, atol=1e-8)
    # A test of no effect in that period alone is the same, whatever its effect is divided by.
    part = estimator(held_without_scale(held), "y", assignments=drawn)
    mine, other = found.by("event_time").loc[0], part.by("event_time").loc[0]
    assert mine["p_value"] == other["p_value"]
    whole = found.overall().iloc[0]
    assert whole["low"] <= 5.0 + plain.overall()["effect"].item() <= whole["high"]
    assert any("settled" in said or "protocol" in said for said in found.warnings)


def held_without_scale(held: Panel) -> Panel:
    from dataclasses import replace

    return replace(held, areas=held.areas.drop(columns="exposure"))


def test_a_start_on_a_date_inside_a_month_is_a_share_of_it() -> None:
    held = of("2026-06-16", "M")
    assert held.areas["start"].iloc[0] == "2026-06"
    assert held.exposure[0] == pytest.approx(0.5)
    assert of("2026-06-01", "M").exposure[0] == 1.0
    assert "exposure" not in of("2026-06-01", "M").areas


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, 50.0, "half"])
def test_a_share_that_is_none_is_refused(share: object) -> None:
    table = long_table(n=6, n_periods=6, starts=False)
    table["start"] = np.where(table["area"] == "a00", 2003, 0)
    table["share"] = pd.Series([share] * len(table), dtype=object)
    given = {"area": "area", "period": "year", "outcomes": "y", "start": "start"}
    with pytest.raises(PanelError, match="no share of its first treated period"):
        Panel.from_long(table, frequency="A", exposure="share", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026 Q3", "2026-07-01", "2026-09-30"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-W01", "2025-12-29", "2026-01-04"),
        ("2026-W53", "2026-12-28", "2027-01-03"),
        ("2026-07-01", "2026-07-01", "2026-07-01"),
    ],
)
def test_the_days_of_each_period(text: str, first: str, last: str) -> None:
    period = Period.parse(text)
    assert (period.first_day.isoformat(), period.last_day.isoformat()) == (first, last)
    assert (period + 5) - period == 5
    assert Period.parse((period + 5).label) == period + 5
    assert period.year == 2026 or text == "2024-02"


def test_pooled_synthetic_controls_need_the_periods_between_the_starts() -> None:
    with pytest.raises(UserError, match="lacks a figure before the last start"):
        pooled_synthetic_control(in_part(5.0, 0.25), "y")
    scaled = pooled_synthetic_control(in_part(5.0, 0.25, partial="scale"), "y")
    assert scaled.overall()["effect"].item() > 3
