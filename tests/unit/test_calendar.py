"""The calendar of returns: due, received, late, missing."""

from __future__ import annotations

import json
from datetime import date

import pytest

from evaluation.cli import main
from evaluation.ledger.calendar import calendar
from evaluation.programme import Programme
from evaluation.workspace import Workspace


def receipt(site: str, agency: str, quarter: str, received: str) -> dict[str, str]:
    return {"site": site, "agency": agency, "quarter": quarter, "received": received}


def test_each_state(tiny: Programme) -> None:
    held = [
        receipt("S01", "nhs", "2025 Q1", "2025-04-30T23:00:00Z"),
        receipt("S01", "nhs", "2025 Q1", "2025-06-30T09:00:00Z"),
        receipt("S01", "council", "2025 Q1", "2025-05-01T00:00:00Z"),
        receipt("S01", "nhs", "2025 Q2", "2025-07-10T09:00:00Z"),
    ]
    owed = {
        (one.site, one.agency, str(one.quarter)): one
        for one in calendar(tiny, held, date(2025, 7, 15))
    }
    assert {quarter for _, _, quarter in owed} == {"2025 Q1", "2025 Q2"}, "no open quarter is owed"
    on_time = owed["S01", "nhs", "2025 Q1"]
    assert (on_time.state, on_time.versions, on_time.due) == ("received", 2, date(2025, 4, 30))
    assert on_time.received == date(2025, 4, 30), "the first version counts"
    assert owed["S01", "council", "2025 Q1"].state == "late"
    assert owed["S02", "council", "2025 Q1"].state == "missing"
    assert owed["S02", "council", "2025 Q2"].state == "due"
    assert owed["OPEN", "dwp_open", "2025 Q2"].state == "due"


def test_the_days_come_from_the_programme(tiny: Programme) -> None:
    hasty = tiny.model_copy(update={"due_days": 5})
    (one, *_) = calendar(hasty, [], date(2025, 4, 6))
    assert (one.due, one.state) == (date(2025, 4, 5), "missing")


def test_a_source_of_no_outcome_owes_nothing(tiny: Programme) -> None:
    fewer = tiny.model_copy(
        update={"outcomes": tuple(o for o in tiny.outcomes if o.code != "claimant_count")}
    )
    owed = calendar(fewer, [], date(2025, 4, 6))
    assert "dwp_open" not in {one.agency for one in owed}


def test_the_verb_prints_it(
    tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tiny_workspace.root)
    monkeypatch.setenv("NEWSTART_NOW", "2025-05-02")
    for arguments in (["--json"], []):
        with pytest.raises(SystemExit) as ended:
            main(["--programme", "tiny", "ledger", "calendar", *arguments])
        assert ended.value.code == 0
    out, err = capsys.readouterr()
    listed = json.loads(out[: out.index("]") + 1])
    assert {one["state"] for one in listed} == {"missing"}
    assert "2025 Q1  S01 nhs: missing, due 2025-04-30" in out and "missing" in err
