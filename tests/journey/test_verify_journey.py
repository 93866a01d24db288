"""A figure of the book is computed anew from the ledger by the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evaluation.edition import recompute
from evaluation.ledger.ledger import Ledger
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart


@pytest.fixture(scope="module")
def root(demonstration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demonstration's workspace."""
    return Path(shutil.copytree(demonstration, tmp_path_factory.mktemp("verified") / "own"))


def state(root: Path) -> dict[str, bytes]:
    kept = [root / "var" / name for name in ("looks", "results", "raw", "receipts")]
    return {str(p): p.read_bytes() for folder in kept for p in folder.rglob("*") if p.is_file()}


def test_a_figure_is_the_same_and_checking_it_writes_nothing(root: Path) -> None:
    before = state(root)
    found = json.loads(newstart(root, "book", "verify", "ae_attendances.effect", "--json"))
    assert found["same"] and found["same_code"] and found["others"] == found["others_same"] > 10
    assert found["published"] == pytest.approx(found["computed"], rel=1e-10)
    after = state(root)
    assert {name for name in before | after if before.get(name) != after.get(name)} == set()


def test_the_ledger_holds_where_a_figure_is_computed_anew(root: Path) -> None:
    """With the data keys of its returns: else a locked study would not be confirmatory there."""
    real = Workspace.at(root)
    with recompute.shadow(real) as apart, Ledger.open(apart.database, apart.raw) as ledger:
        assert any((real.var / "keys").rglob("*"))
        assert ledger.verify().broken == ()


def test_a_figure_that_was_tampered_with_is_found(root: Path) -> None:
    path = root / "var/results/new_start/first_look/results.json"
    held = path.read_text(encoding="utf-8")
    changed = json.loads(held)
    # Money is printed at a step of 10,000 pounds: by less, what a reader sees would be the same.
    changed["value"]["totals"]["npsv"]["mean"] += 20_000
    path.write_text(json.dumps(changed), encoding="utf-8")
    try:
        said = newstart(root, "book", "verify", "money.npsv", ok=1)
    finally:
        path.write_text(held, encoding="utf-8")
    assert "Not the same." in said and "published" in said and "computed anew" in said


def test_a_wrong_id_gets_near_ones_and_a_text_is_no_figure(root: Path) -> None:
    assert "ae_attendances.effect" in newstart(root, "book", "verify", "ae_attendance.efect", ok=2)
    assert "no figure" in newstart(root, "book", "verify", "study.title", ok=2)
