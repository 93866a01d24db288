"""A real programme as its lead would try it, to the refusal at publication.

The small programme goes in the ordinary run; the whole one, which is marked slow, has the size of a
first pilot: see `tests.journey.pilot_programme`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.programme import Programme
from evaluation.workspace import Workspace
from tests.journey import pilot_programme as pilot
from tests.journey.at_the_command_line import newstart, told
from tests.once import once


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = once(tmp_path_factory, "roots", lambda place: pilot.build(place, pilot.SMALL))
    return folder / "workspace"


def test_the_way_of_a_small_programme(small: Path, tmp_path: Path) -> None:
    goes_to_the_refusal(small, pilot.SMALL, tmp_path)


@pytest.mark.slow
def test_the_way_of_the_whole_programme(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    root = pilot.build(tmp_path / "whole", pilot.WHOLE)
    declared = Programme.load(Workspace(root=root), pilot.NAME)
    roles = [area.role for area in declared.areas]
    assert (roles.count("pilot"), roles.count("comparison")) == (18, 120)
    assert len({area.authority for area in declared.areas}) == 14
    assert len({a.authority for a in declared.areas if a.role == "pilot"}) == 2
    assert len(declared.sites) == 5 and len(declared.agencies) == 3
    assert len(declared.periods) == 23
    assert len(declared.outcome_by_code["evictions"].sources_for("comparison")) == 12
    goes_to_the_refusal(root, pilot.WHOLE, tmp_path)


def goes_to_the_refusal(root: Path, size: pilot.Size, folder: Path) -> None:
    """Status, correction, exploratory lock, results; then each way out is refused."""
    programme = Programme.load(Workspace(root=root), pilot.NAME)
    told_now = json.loads(newstart(root, "status", "--json"))
    owed = len(programme.periods) * len(programme.submitters)
    assert told_now["returns"] == {"due": owed, "in": owed, "late": 0} | {
        "came_late": told_now["returns"]["came_late"]
    }
    assert told_now["returns"]["came_late"] >= 1
    assert told_now["declared"]["nobody_returns"] == {}
    pilot.correct(root, folder)
    log = json.loads(newstart(root, "ledger", "log", "--json"))
    assert log[-1]["by"] == pilot.SENDER and log[-1]["changes"]
    code, out, _ = told(root, "protocol", "check", pilot.STUDY)
    assert code == 1 and "14 are eligible" in out and "--exploratory" in out
    assert "14 are eligible" in newstart(root, "design", "power", pilot.STUDY)
    results = pilot.lock_and_run(root)
    data = {one["code"]: one["data"] for one in results["outcomes"]}
    assert data["evictions"]["suppressed"] > 1 and data["evictions"]["revised"] == 1
    assert results["label"] == "exploratory"
    said = " ".join(one["finding"]["sentence"] for one in results["outcomes"])
    assert "comparison areas" in said and "improved" not in said
    assert {site["code"] for site in results["sites"]} == {one.code for one in size.sites}
    for verb in (("book", "build"), ("edition", "publish"), ("edition", "publish", "--no-pages")):
        code, _, err = told(root, *verb)
        assert code in (1, 2) and "may not be published" in err, (verb, err)
