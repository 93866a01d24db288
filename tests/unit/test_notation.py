"""Quarters as officers write them: what each notation means, and which can mean two."""

from __future__ import annotations

from datetime import date

import pytest

from evaluation.quarters import Period
from evaluation.returns.notation import notation

ONE = {
    "2026 Q3": "2026 Q3",
    "2026q3": "2026 Q3",
    "2026.Q3": "2026 Q3",
    "Q3 2026": "2026 Q3",
    "3Q2026": "2026 Q3",
    "Qtr 3, 2026": "2026 Q3",
    "second quarter of 2026": "2026 Q2",
    "Jul-Sep 2026": "2026 Q3",
    "Jul–Sep 26": "2026 Q3",
    "July, August and September 2026": "2026 Q3",
    "JAS 2026": "2026 Q3",
    "1 July 2026 to 30 September 2026": "2026 Q3",
    "Q1 2026/27": "2026 Q2",
    "2026-27 Q2": "2026 Q3",
    "FY2026/27 Q3": "2026 Q4",
    "Q4 2026/2027": "2027 Q1",
    "Jan-Mar 2026/27": "2027 Q1",
    "quarter ending June 2026": "2026 Q2",
    "three months to 30 June 2026": "2026 Q2",
    "Q/E September 2026": "2026 Q3",
    "2026-07-01": "2026 Q3",
    "2026-09-30 00:00:00": "2026 Q3",
    "30/09/2026": "2026 Q3",
    "30.09.26": "2026 Q3",
    "31/12/26": "2026 Q4",
    "46204": "2026 Q3",
    "46203.0": "2026 Q2",
    "01/07/2026 - 30/09/2026": "2026 Q3",
    "2026 Q2 (April to June 2026)": "2026 Q2",
    "Q1 2026/27 (Apr-Jun)": "2026 Q2",
    "\u00a02026 Q3\u200b": "2026 Q3",
}


@pytest.mark.parametrize("text", ONE)
def test_a_notation_of_one_meaning(text: str) -> None:
    found = notation(text)
    assert [str(period) for period in found.periods] == [ONE[text]] and not found.month


def test_a_date_of_a_spreadsheet_is_the_quarter_around_it() -> None:
    assert notation(date(2026, 8, 15)).periods == (Period.quarter(2026, 3),)


@pytest.mark.parametrize("number", [46204, 46204.0, 46295])
def test_a_spreadsheets_number_of_a_day_is_the_quarter_around_it(number: float) -> None:
    """1 July 2026 is 46204 there, 30 September 46295."""
    assert notation(number).periods == (Period.quarter(2026, 3),)


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("01/07/2026", "2026 Q3", "2026 Q1"),
        ("10/04/2026", "2026 Q2", "2026 Q4"),
        ("01/07/26", "2026 Q3", "2026 Q1"),
        ("FY26 Q1", "2025 Q2", "2026 Q2"),
        ("Q2 financial year 2026", "2025 Q3", "2026 Q3"),
        ("2026 Q2 (July to September 2026)", "2026 Q2", "2026 Q3"),
        ("Q2 2026 Jul-Sep", "2026 Q2", "2026 Q3"),
    ],
)
def test_a_notation_of_two_meanings_gives_both(text: str, first: str, second: str) -> None:
    assert [str(period) for period in notation(text).periods] == [first, second]


@pytest.mark.parametrize("text", ["Sept 2026", "2026-07", "07/2026", "August 2026"])
def test_a_month_is_not_a_quarter(text: str) -> None:
    assert notation(text).month and len(notation(text).periods) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("2026 Q5", "Q3", "Q9 2026", "2026/3", "26 Q3", "3", "20263", "2026/27", "soon", ""),
        *("Dec 2026 - Feb 2027", "Aug-Oct 2026", "2026 Q\uff13", "Q1 2026/29", "x" * 500),
        *("Q1 Q2 2026", "13/13/2026", "12345", "99999", "46204.5", "revised Q3 2026"),
    ],
)
def test_what_names_no_quarter(text: str) -> None:
    assert notation(text).periods == ()


def test_a_quarter_is_said_with_its_months() -> None:
    assert Period.quarter(2026, 2).described == "2026 Q2 (April to June 2026)"
    assert Period("A", 2026).described == "2026"
    assert notation("2026").periods == (Period("A", 2026),)
