"""A workspace that version 0.1.0 wrote, whole: brought up to date, verified, and gone on with.

``tests/examples/workspace-0.1.0.zip`` was written by that version's own command line (commit
e0fa278): four returns of the tiny programme, one of them withdrawn, their receipts and a back-up.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from evaluation.ledger.ledger import Ledger
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart
from tests.ledger.test_destruction import AGREEMENTS

HELD = Path(__file__).parents[1] / "examples" / "workspace-0.1.0.zip"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEWSTART_NOW", "2026-10-10T09:00:00Z")
    with zipfile.ZipFile(HELD) as held:
        held.extractall(tmp_path)
    return tmp_path / "workspace-0.1.0"


def known(root: Path) -> list[float]:
    workspace = Workspace(root=root)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        return ledger.observations("tiny")["numerator"].tolist()


def test_it_is_brought_up_to_date_and_its_receipts_still_vouch(old: Path) -> None:
    said = json.loads(newstart(old, "upgrade", "--json"))
    told = " ".join(one["what"] for one in said["done"])
    assert said["version"] == version("newstart-evaluation")
    assert "from acts_and_chain_version" in told and "4 raw files are sealed now" in told
    assert "4 returns and their chain hold" in told
    newstart(old, "ledger", "verify", "--against", str(old / "var" / "receipts"))
    assert not any(b"E01,Alderbrook" in p.read_bytes() for p in (old / "var/raw").rglob("*/*"))
    again = json.loads(newstart(old, "upgrade", "--json"))["done"]
    assert [one["what"] for one in again if one["changed"]] == []
    assert known(old) == [210.0, 216.0, 260.0, 255.0, 25.0, 26.0, 31.0, 30.0]


def test_its_back_up_is_restored(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    shutil.copytree(old / "studies", new / "studies")
    (new / "SYNTHETIC").touch()
    newstart(new, "ledger", "restore", str(old / "backup"))
    newstart(new, "ledger", "verify", "--against", str(old / "var" / "receipts"))
    newstart(old, "upgrade")
    assert known(new) == known(old)


def test_its_figures_are_destroyed_like_any(old: Path) -> None:
    newstart(old, "upgrade")
    import yaml

    (old / "studies" / "tiny" / "agreements.yaml").write_text(yaml.safe_dump(AGREEMENTS))
    newstart(old, "ledger", "backup", str(old.parent / "kept"))
    newstart(old, "ledger", "destroy", "--agreement", "nhs/pilot")
    told = json.loads(newstart(old, "ledger", "verify", "--json"))
    assert told["ok"] and len(told["destroyed"]) == 4
    assert known(old) == []
    kept = str(old / "var" / "receipts")
    newstart(old, "ledger", "verify", "--against", kept)
