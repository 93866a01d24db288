"""Six causes, planted alone and together: the split names them, with the right amounts.

The amounts are held against two full runs of the study, one on either side, that know nothing of
splitting. Synthetic programme, 24 areas, 3 sites.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import BookError
from evaluation.publish import headline
from evaluation.publish.attribution import ALONE
from evaluation.publish.difference import ORDER, Difference, as_record, difference
from evaluation.publish.publish import lines
from evaluation.publish.snapshot import CHECKS, Between, Snapshot
from evaluation.quarters import parse_instant
from evaluation.study.results import results_of
from evaluation.study.run import run_study
from evaluation.study.study import Study
from evaluation.value.parameters import Parameters, vintage
from evaluation.workspace import Workspace
from tests.publish.published import (
    AFTER,
    BEFORE,
    at,
    dearer,
    lay_out_valued,
    other_code,
    other_parameter,
    restate,
    restate_comparisons,
    shorter_window,
    withdraw,
)
from tests.unit.locked import NAME, Ground

PERCENT, MONEY = "ae_attendances.percent", "money.gross_fiscal"
NAMES = ("2025-Q3", "2025-Q4")
EXACT = 1e-9


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The ledger as it was at the end of the day of the first of the two editions."""
    ground = lay_out_valued(tmp_path_factory.mktemp("kept"))
    ground.submit(until=BEFORE)
    ground.freeze(BEFORE)
    return ground


@pytest.fixture(scope="module")
def unchanged(kept: Ground) -> dict[str, dict[str, float]]:
    """Vintage -> the headline figures of a full run, where nothing was planted."""
    return {day: full(kept, day) for day in (BEFORE, AFTER)}


@pytest.fixture
def ground(kept: Ground, tmp_path: Path) -> Ground:
    """A copy that a test may change."""
    root = tmp_path / "own"
    shutil.copytree(kept.workspace.root, root)
    files = [root / path.relative_to(kept.workspace.root) for path in kept.files]
    return Ground(workspace=Workspace(root=root), files=files)


def full(ground: Ground, vintage: str) -> dict[str, float]:
    """The headline figures of a full run of the study at a vintage."""
    run = run_study(Study.load(ground.workspace, NAME, as_of=parse_instant(vintage)))
    return {key: row["effect"] for key, row in headline.of_results(results_of(run)).items()}


def compare(ground: Ground, before: Snapshot, after: Snapshot, **more: Any) -> Difference:
    return difference(
        Between.read(ground.workspace, before, after), before=NAMES[0], after=NAMES[1], **more
    )


def parts(found: Difference, key: str) -> dict[str, float]:
    (one,) = [change for change in found.changes if change.id == key]
    assert one.change is not None
    assert math.fsum(part.amount for part in one.parts) == pytest.approx(one.change, abs=EXACT)
    assert math.fsum(part.shapley for part in one.parts) == pytest.approx(one.change, abs=1e-6)
    return {part.cause: part.amount for part in one.parts}


def test_a_headline_by_the_fast_way_is_that_of_the_full_run(
    ground: Ground, unchanged: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    frozen = at(ground, BEFORE, tmp_path / "a")
    found = {one.id: one.after for one in compare(ground, frozen, frozen).changes}
    assert found == pytest.approx(unchanged[BEFORE], rel=EXACT)
    assert set(found) > {PERCENT, MONEY, "ae_attendances.people", "money.npsv"}


@pytest.mark.parametrize("cause", ["new", "revised", "withdrawn"])
def test_a_cause_in_the_data_alone_has_the_exact_amount(
    ground: Ground, unchanged: dict[str, dict[str, float]], tmp_path: Path, cause: str
) -> None:
    before, was = at(ground, BEFORE, tmp_path / "a"), unchanged[BEFORE]
    if cause == "new":
        ground.submit(after=BEFORE, until="2026-01-24")
    elif cause == "revised":
        restate(ground, "2026-01-10")
    else:
        gone = withdraw(ground, "2026-01-10")
    after, now = at(ground, AFTER, tmp_path / "b"), full(ground, AFTER)
    found = compare(ground, before, after)
    for key in (PERCENT, MONEY):
        amounts = parts(found, key)
        # The invented returns of the new quarter come with a late one of the quarter before.
        assert cause in amounts
        if cause != "new":
            assert set(amounts) == {cause}
            assert amounts[cause] == pytest.approx(now[key] - was[key], rel=EXACT)
        assert sum(amounts.values()) == pytest.approx(now[key] - was[key], rel=EXACT)
        assert now[key] != was[key]
    told = found.causes
    assert (told.withdrawn == (f"{gone}: Wrong extract.",)) if cause == "withdrawn" else True
    assert (told.quarters == ("2025 Q4",)) == (cause == "new")
    if cause == "revised":
        assert (told.restated, told.late, told.areas) == (1, 0, {"pilot": 1})
        assert told.reasons == ("Counted twice before.",)


def test_a_restatement_is_told_by_side(ground: Ground, tmp_path: Path) -> None:
    before = at(ground, BEFORE, tmp_path / "a")
    restate(ground, "2026-01-10")
    restate_comparisons(ground, "2026-01-11")
    found = compare(ground, before, at(ground, AFTER, tmp_path / "b"))
    (one,) = [change for change in found.changes if change.id == PERCENT]
    assert one.revised["pilot"] < 0 and one.revised["comparison"] < 0
    assert math.fsum(one.revised.values()) == pytest.approx(one.change, abs=EXACT)
    assert found.causes.areas == {"comparison": 21, "pilot": 1}


def test_a_restatement_is_told_by_area_and_each_amount_is_that_of_full_runs(
    ground: Ground, unchanged: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    """Full runs on either side of an area's figure, which know nothing of splitting."""
    before, runs = at(ground, BEFORE, tmp_path / "a"), [unchanged[BEFORE]]
    programme = before.programme
    first = min(area.code for area in programme.areas if area.role == "comparison")
    restate(ground, "2026-01-10")
    runs.append(full(ground, AFTER))
    restate_comparisons(ground, "2026-01-11", lambda area: 1.5 if area == first else 1)
    runs.append(full(ground, AFTER))
    restate_comparisons(ground, "2026-01-12", lambda area: 1.5 if area == first else 1.1)
    runs.append(full(ground, AFTER))
    found = compare(ground, before, at(ground, AFTER, tmp_path / "b"))
    for one in found.changes:
        rows = [row for row in one.areas if row["figures"]]
        assert [abs(row["amount"]) for row in rows] == sorted(
            (abs(row["amount"]) for row in rows), reverse=True
        )
        amounts = {row["area"] or row["name"]: row["amount"] for row in one.areas}
        assert math.fsum(amounts.values()) == pytest.approx(one.change, abs=EXACT)
        (pilot,) = [row for row in rows if row["role"] == "pilot"]
        assert (pilot["amount"], pilot["figures"]) == (
            pytest.approx(runs[1][one.id] - runs[0][one.id], abs=EXACT),
            1,
        )
        assert amounts[first] == pytest.approx(runs[2][one.id] - runs[1][one.id], abs=EXACT)
        told = [row["amount"] for row in rows if row["role"] == "comparison"]
        assert math.fsum(told) == pytest.approx(runs[3][one.id] - runs[1][one.id], abs=EXACT)
    # Twelve stand alone; the others of their side are told together, and none is left out.
    assert sum(bool(row["area"]) for row in rows) == ALONE
    assert "10 other comparison areas" in amounts
    assert sum(row["figures"] for row in rows) == found.causes.restated == 22
    record = as_record(found, {}, {})
    said = "\n".join(lines(record))
    assert "by area, pilots put in first, largest first" in said
    assert f"({first}), comparison" in said and "10 other comparison areas" in said


def test_a_price_alone_moves_money_and_nothing_else(ground: Ground, tmp_path: Path) -> None:
    before, after = (at(ground, BEFORE, tmp_path / name) for name in "ab")
    dearer(after)
    found = compare(ground, before, after)
    assert parts(found, PERCENT) == {"parameters": 0.0}
    (change,) = [one for one in found.changes if one.id == MONEY]
    assert change.before is not None and change.before != 0
    assert change.change != 0
    assert "unit_costs.csv: ae_attendance, value was" in found.causes.parameters[0]


@pytest.mark.parametrize(
    ("moved", "cells"),
    [
        ("gross_fiscal", ("unit_costs", {"key": "ae_attendance"}, "value", 2.0)),
        ("gross_fiscal", ("deflator", {"year": "2011"}, "index", 1.25)),
        ("npsv", ("discount", {"schedule": "standard"}, "rate_percent", 2.0)),
        ("cashable", ("cashable", {"agency": "any", "budget": "DEL"}, "lag_quarters", 0.0)),
    ],
)
def test_a_parameter_alone_has_the_amount_of_a_full_run(
    ground: Ground,
    unchanged: dict[str, dict[str, float]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moved: str,
    cells: tuple[str, dict[str, str], str, float],
) -> None:
    before, after = (at(ground, AFTER, tmp_path / name) for name in "ab")
    was = unchanged[AFTER]
    other_parameter(after, *cells)
    changed = Parameters.load(folder=after.folder / "parameters").tables
    monkeypatch.setattr(vintage, "_shipped", lambda: changed)
    now = full(ground, AFTER)
    found = compare(ground, before, after)
    for key in was:
        assert parts(found, key) == {"parameters": pytest.approx(now[key] - was[key], abs=EXACT)}
    assert now[f"money.{moved}"] != was[f"money.{moved}"]
    assert now[PERCENT] == was[PERCENT]


def test_a_deviation_alone_is_the_protocols(
    ground: Ground, unchanged: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    before, after = (at(ground, AFTER, tmp_path / name) for name in "ab")
    was = unchanged[AFTER]
    shorter_window(after)
    ground.protocol.write_bytes((after.study_folder / "protocol.yaml").read_bytes())
    now = full(ground, AFTER)
    found = compare(ground, before, after)
    assert parts(found, PERCENT) == {
        "protocol": pytest.approx(now[PERCENT] - was[PERCENT], rel=EXACT)
    }
    assert now[PERCENT] != was[PERCENT]
    assert found.causes.protocol == ("protocol.yaml: window was [0, 3] and is [0, 1]",)
    assert found.causes.deviations == ("2026-01-20: Two quarters count. Reason: The third was odd",)


def test_a_line_of_code_alone_has_the_exact_amount(
    ground: Ground, unchanged: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    before = at(ground, BEFORE, tmp_path / "a")
    after, sources = other_code(tmp_path / "code", at(ground, BEFORE, tmp_path / "b"))
    found = compare(ground, before, after, sources=sources)
    was = unchanged[BEFORE]
    assert parts(found, PERCENT) == {"code": pytest.approx(0.1 * was[PERCENT], rel=EXACT)}
    assert parts(found, MONEY) == {"code": 0.0}
    with pytest.raises(BookError, match="the code of that edition is not kept"):
        compare(ground, before, after)


@pytest.mark.slow
def test_six_causes_together_sum_and_every_planted_amount_lies_in_its_range(
    ground: Ground, tmp_path: Path
) -> None:
    before = at(ground, BEFORE, tmp_path / "a")
    ground.submit(after=BEFORE, until="2026-01-24")
    restate(ground, "2026-01-25")
    withdraw(ground, "2026-01-26")
    after, sources = other_code(tmp_path / "code", at(ground, AFTER, tmp_path / "b"))
    dearer(after)
    shorter_window(after)
    alone = {}
    for cause, plant in (("parameters", dearer), ("protocol", shorter_window)):
        only = at(ground, BEFORE, tmp_path / cause)
        plant(only)
        shutil.copyfile(before.folder / "assignments.npz", only.folder / "assignments.npz")
        for change in compare(ground, before, only).changes:
            alone[change.id, cause] = change.change
    found = compare(ground, before, after, sources=sources)
    # The same checks hold of both: that alone of the causes is not there.
    assert found.order == tuple(cause for cause in ORDER if cause != CHECKS)
    assert found.states == 64
    again = compare(ground, before, after, sources=sources, order=tuple(reversed(ORDER)))
    for one, other in zip(found.changes, again.changes, strict=True):
        assert one.change is not None
        summed = [math.fsum(p.amount for p in change.parts) for change in (one, other)]
        assert summed == pytest.approx([one.change, one.change], rel=EXACT, abs=EXACT)
        for part, turned in zip(one.parts, reversed(other.parts), strict=True):
            assert part.low <= part.amount <= part.high
            assert part.low <= turned.amount <= part.high
            assert part.low - EXACT <= part.shapley <= part.high + EXACT
            assert part.shapley == pytest.approx(turned.shapley, abs=1e-6)
            injected = alone.get((one.id, part.cause), part.amount)
            assert part.low - EXACT <= injected <= part.high + EXACT


def test_an_order_names_every_cause_once(ground: Ground, tmp_path: Path) -> None:
    frozen = at(ground, BEFORE, tmp_path / "a")
    with pytest.raises(BookError, match=r"(?s)the order names new\..*each once: revised"):
        compare(ground, frozen, frozen, order=("new",))
