"""Periods are read in every written form, compared only with their own kind, and count right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import PeriodError
from evaluation.quarters import Period, format_instant, parse_instant, period_range


@pytest.mark.parametrize("text", ["2026 Q3", "2026Q3", "2026-Q3", " 2026 Q3 "])
def test_a_quarter_is_read_in_each_written_form(text: str) -> None:
    assert Period.parse(text).label == "2026 Q3"


@pytest.mark.parametrize("text", ["2026 Q5", "Q3 2026", "\uff12026 Q3", "2026 Q3\n4", "", "26"])
def test_what_is_no_period_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(PeriodError, match="2026 Q3, or 2026"):
        Period.parse(text)


@given(st.integers(1900, 2100), st.integers(1, 4), st.integers(-400, 400))
def test_adding_and_subtracting_periods_are_inverse(year: int, quarter: int, step: int) -> None:
    period = Period.quarter(year, quarter)
    assert (period + step) - period == step
    assert Period.parse(period.label) == period


def test_quarters_and_years_are_not_compared() -> None:
    with pytest.raises(PeriodError, match="cannot be compared"):
        _ = Period.parse("2026 Q1") < Period.parse("2026")


def test_the_last_day_of_each_quarter() -> None:
    days = [Period.quarter(2026, q).last_day.isoformat() for q in (1, 2, 3, 4)]
    assert days == ["2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31"]


def test_a_bare_date_means_the_end_of_that_day() -> None:
    assert format_instant(parse_instant("2026-10-24")) == "2026-10-24T23:59:59.999999Z"
    assert parse_instant("2026-10-24T12:00:00+02:00") == parse_instant("2026-10-24T10:00:00Z")


def test_a_range_holds_both_ends() -> None:
    span = period_range(Period.parse("2025 Q3"), Period.parse("2026 Q2"))
    assert [p.label for p in span] == ["2025 Q3", "2025 Q4", "2026 Q1", "2026 Q2"]


@pytest.mark.parametrize("text", ["0000 Q3", "0000", "0000-07"])
def test_the_calendar_has_no_year_zero(text: str) -> None:
    with pytest.raises(PeriodError, match="is no"):
        Period.parse(text)


@pytest.mark.parametrize("text", ["0026 Q3", "0026", "0026-07"])
def test_an_early_year_is_written_as_it_is_read(text: str) -> None:
    assert Period.parse(text).label == text


@pytest.mark.parametrize("text", ["2026-11-24", "20261124", "2026-W48-2", "2026W482"])
def test_a_bare_date_in_any_form_means_the_end_of_that_day(text: str) -> None:
    assert format_instant(parse_instant(text)) == "2026-11-24T23:59:59.999999Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "yesterday", "2026-02-30"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(PeriodError, match="is no date"):
        parse_instant(text)
