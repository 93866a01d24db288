"""The ledger's verbs, as typed: the same on a file and on PostgreSQL."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.cli import main
from evaluation.quarters import Period
from evaluation.returns.workbook import csv_name
from evaluation.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]
HEAD = "area_code,area_name,quarter,outcome,numerator,denominator,status,note\n"
ROWS = (
    "E01,Alderbrook,2026 Q2,ae_attendances,{first},5000,,\n"
    "E02,Aldergate,2026 Q2,ae_attendances,260,6000,,\n"
    "E01,Alderbrook,2026 Q2,crisis_contacts,25,5000,,\n"
    "E02,Aldergate,2026 Q2,crisis_contacts,31,6000,,\n"
)


@pytest.fixture
def newstart(
    tiny_workspace: Workspace,
    database: Path | str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a verb in the tiny workspace: exit code, standard output, standard error."""
    if isinstance(database, str):
        monkeypatch.setenv("NEWSTART_DATABASE", database)
    monkeypatch.chdir(tiny_workspace.root)

    def run(*words: str, now: str = "2026-10-20") -> tuple[int, str, str]:
        monkeypatch.setenv("NEWSTART_NOW", now)
        with pytest.raises(SystemExit) as ended:
            main(["--programme", "tiny", *words])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def _send(run: Run, folder: Path, first: int, now: str) -> dict[str, Any]:
    path = folder / csv_name("S01", "nhs", Period.parse("2026 Q2"))
    path.write_text(HEAD + ROWS.format(first=first), encoding="utf-8")
    code, out, err = run("submit", str(path), "--json", now=now)
    assert code == 0, out + err
    receipt: dict[str, Any] = json.loads(out)["receipt"]
    return receipt


def test_a_wrong_return_is_sent_withdrawn_told_and_proved(
    newstart: Run, tiny_workspace: Workspace
) -> None:
    root = tiny_workspace.root
    first = _send(newstart, root, 210, "2026-10-20")
    second = _send(newstart, root, 214, "2026-10-21")
    story = ("ledger", "history", "E01", "ae_attendances", "2026-Q2")
    assert newstart(*story)[1].splitlines()[1].endswith("<- stands")

    why = ("--reason", "figures of another trust")
    code, out, _ = newstart("ledger", "withdraw", second["return_id"], *why, now="2026-10-22")
    assert code == 0 and f"withdrawal of {second['return_id']}" in out
    told = json.loads(newstart(*story, "--json")[1])
    assert [one["stands"] for one in told] == [True, False]
    assert told[1]["withdrawn"]["reason"] == "figures of another trust"
    assert "withdrawn" in newstart("ledger", "log")[1]
    _, out, _ = newstart("ledger", "diff", "2026-10-21", "2026-10-22", "--json")
    (changed,) = json.loads(out)
    assert changed["after"]["return_id"] == first["return_id"]
    assert changed["reason"] == f"return {second['return_id']} withdrawn: figures of another trust"

    receipts = sorted(str(path) for path in tiny_workspace.receipts.glob("*.json"))
    assert len(receipts) == 3
    code, out, err = newstart("ledger", "verify", "--against", *receipts, "--json")
    assert (code, json.loads(out)) == (0, {"ok": True, "returns": 2, "broken": []})
    code, out, err = newstart("ledger", "verify")
    assert code == 0 and "--against" in err


def test_a_redacted_file_and_a_missing_one(newstart: Run, tiny_workspace: Workspace) -> None:
    receipt = _send(newstart, tiny_workspace.root, 210, "2026-10-20")
    _send(newstart, tiny_workspace.root, 211, "2026-10-21")
    code, out, _ = newstart(
        "ledger", "redact", receipt["return_id"], "--reason", "a name", "--json"
    )
    assert code == 0 and json.loads(out)["kind"] == "redaction"
    assert len([path for path in (tiny_workspace.var / "raw").rglob("*") if path.is_file()]) == 1
    assert newstart("ledger", "verify")[0] == 0
    shutil.rmtree(tiny_workspace.var / "raw")
    code, out, _ = newstart("ledger", "verify")
    assert code == 1 and out.startswith("first: ") and "raw file is missing" in out
    code, _, err = newstart("ledger", "withdraw", "000000000000", "--reason", "none")
    assert code == 2 and "no return of that id" in err


def test_back_up_export_and_restore(
    newstart: Run, tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tiny_workspace.root
    receipt = _send(newstart, root, 210, "2026-10-20")
    assert newstart("ledger", "backup", str(root / "kept"))[0] == 0
    code, _, err = newstart("ledger", "export", str(root / "open"))
    assert code == 0 and "1 returns written" in err
    assert len(list((root / "open").glob("observations/quarter=2026-Q2/*.parquet"))) == 1
    code, _, err = newstart("ledger", "restore", str(root / "kept"))
    assert code == 2 and "holds records already" in err
    monkeypatch.delenv("NEWSTART_DATABASE", raising=False)
    shutil.rmtree(tiny_workspace.var)
    assert newstart("ledger", "restore", str(root / "kept"))[0] == 0
    assert [one["return_id"] for one in json.loads(newstart("ledger", "log", "--json")[1])] == [
        receipt["return_id"]
    ]
    code, out, _ = newstart("ledger", "revisions", "--json")
    assert code == 0 and json.loads(out)[0]["revised"] == 0
    assert "ae_attendances" in newstart("ledger", "revisions")[1]
