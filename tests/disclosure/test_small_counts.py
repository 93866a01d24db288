"""True small counts are taken in where their controllers agreed, and nowhere else."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evaluation.agreements import Agreements
from evaluation.check.before import Before
from evaluation.check.report import Problem
from evaluation.check.stages import check_return
from evaluation.programme import Programme, Source
from evaluation.returns.workbook import read_return
from tests.disclosure.test_policy import SIGNED

DAY = date(2026, 11, 30)


def small(
    programme: Programme, folder: Path, site: str, agency: str, count: int = 3
) -> list[Problem]:
    """What is said of small counts in a return of everything that a submitter sends."""
    outcomes = programme.expected(site, agency)[1]
    head = "area_code,area_name,quarter,outcome,numerator,denominator,status,note"
    rows = [
        f"{area},,2026 Q3,{one.code},{count},5000,,"
        for one in outcomes
        if one.whole
        for area in sorted(programme.areas_of(site, agency, one.code))
    ]
    path = folder / f"{site}_{agency}_2026-Q3.csv"
    path.write_text("\n".join([head, *rows]) + "\n", "utf-8")
    checked = check_return(read_return(path), programme, before=Before(today=DAY))
    return [one for one in checked.problems if one.rule == "R052"]


def real(tiny: Programme, **changes: Any) -> Programme:
    """The tiny programme as a real one, with an agreement of the NHS."""
    found = tiny.model_copy(update={"synthetic": False})
    signed = [] if changes.pop("unsigned", False) else [SIGNED | {"outcomes": []} | changes]
    found._agreements = Agreements.model_validate({"agreements": signed})
    return found


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"unsigned": True}, "error"),
        ({"small_counts": False}, "error"),
        ({"expires": "2026-11-29"}, "error"),
        ({"agreed": {"by": "x", "on": "2026-12-01"}}, "error"),
        ({"arm": "comparison"}, "error"),
        ({"agency": "council"}, "error"),
        ({}, None),
    ],
)
def test_of_a_real_programme_only_with_a_live_agreement(
    tiny: Programme, tmp_path: Path, changes: dict[str, Any], severity: str | None
) -> None:
    said = small(real(tiny, **changes), tmp_path, "S01", "nhs")
    assert {one.severity for one in said} == ({severity} if severity else set())
    assert not said or "agreements.yaml" in said[0].mend


def test_a_count_is_small_below_the_threshold_and_not_at_it(
    tiny: Programme, tmp_path: Path
) -> None:
    programme = real(tiny, unsigned=True)
    thresholds = {one.disclosure.threshold for one in programme.expected("S01", "nhs")[1]}
    (threshold,) = thresholds
    assert {one.severity for one in small(programme, tmp_path, "S01", "nhs", threshold - 1)} == {
        "error"
    }
    assert small(programme, tmp_path, "S01", "nhs", threshold) == []
    assert small(programme, tmp_path, "S01", "nhs", 0) == []


def test_invented_counts_are_only_noted(tiny: Programme, tmp_path: Path) -> None:
    assert {one.severity for one in small(tiny, tmp_path, "S01", "nhs")} == {"note"}


def test_open_figures_need_no_agreement(tiny: Programme, tmp_path: Path) -> None:
    programme = real(tiny, unsigned=True)
    source = next(one for one in programme.sources)
    closed = small(programme, tmp_path, "OPEN", source.code)
    # Not a copy of the object, which would keep what the programme has cached.
    held = {name: getattr(programme, name) for name in Programme.model_fields}
    sources = [Source(**{**one.model_dump(), "open": True}) for one in programme.sources]
    opened = Programme(**{**held, "sources": tuple(sources)})
    found = small(opened, tmp_path, "OPEN", source.code)
    assert {one.severity for one in closed} <= {"error"}
    assert {one.severity for one in found} <= {"note"}
