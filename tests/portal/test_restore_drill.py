"""The drill: everything lost, and restored from a back-up onto an empty folder."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from evaluation.ledger.ledger import Ledger
from evaluation.ledger.signatures import PrintedValue, Signed
from evaluation.portal.configure import Lines, Portal
from tests.journey.at_the_command_line import newstart
from tests.ledger.returns_at_hand import DAY
from tests.ledger.test_destruction import fill
from tests.portal.conftest import client, person
from tests.portal.test_retention import draft


def rows(folder: Path, table: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "var" / "portal" / "portal.sqlite")
    try:
        return connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
    finally:
        connection.close()


@pytest.fixture
def backed_up(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace with returns, a register, people and a draft; and its back-up, elsewhere."""
    workspace = portal.workspace
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        fill(ledger)
        printed = PrintedValue(
            edition="2026-Q2", address="a", kind="count", printed="65", low=61.0, high=69.0
        )
        signed = Signed(programme="tiny", kind="publication", by="Per")
        ledger.print_values(signed, [printed], received=DAY, synthetic_clock=True)
    draft(portal, person("Ann", "officer", "S01", "nhs"), site="S01", agency="nhs")
    away = tmp_path_factory.mktemp("away")
    newstart(workspace.root, "ledger", "backup", str(away / "night"))
    return workspace.root, away / "night"


def empty(root: Path, beside: Path) -> Path:
    """A new machine: the declarations, which stand in version control, and nothing else."""
    shutil.copytree(root / "studies", beside / "studies")
    (beside / "SYNTHETIC").touch()
    return beside


def test_ledger_register_people_and_drafts_come_back(
    backed_up: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, night = backed_up
    new = empty(root, tmp_path_factory.mktemp("new"))
    newstart(new, "ledger", "restore", str(night))
    for verb in (["ledger", "log"], ["disclosure", "register"], ["ledger", "verify"]):
        assert json.loads(newstart(new, *verb, "--json")) == json.loads(
            newstart(root, *verb, "--json")
        ), verb
    for table in ("portal_person", "portal_grant", "portal_draft", "portal_event"):
        assert rows(new, table) == rows(root, table) and rows(new, table), table
    (file,) = (new / "var" / "portal" / "drafts").iterdir()
    assert file.read_bytes() == (root / "var" / "portal" / "drafts" / file.name).read_bytes()


def test_without_the_copy_of_the_keys_nothing_comes_back_unasked(
    backed_up: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, night = backed_up
    shutil.rmtree(night.with_name("night.keys"))
    new = empty(root, tmp_path_factory.mktemp("new"))
    refused = newstart(new, "ledger", "restore", str(night), ok=2)
    assert "data keys" in refused and "--lost" in refused
    newstart(new, "ledger", "restore", str(night), "--lost", "the safe burned", "--by", "Per")
    told = json.loads(newstart(new, "ledger", "verify", "--json"))
    assert told["ok"] and len(told["destroyed"]) == 3
    assert rows(new, "portal_person") == rows(root, "portal_person")
    assert newstart(new, "disclosure", "register", "--json") == newstart(
        root, "disclosure", "register", "--json"
    )


def test_no_line_of_the_log_holds_a_figure(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong with figures in hand, the log says where and never with which words."""
    from evaluation.portal.views import team

    secret = 730_193

    def broken() -> None:
        raise ValueError(f"{secret} attendances in E01")

    monkeypatch.setattr(team.connection, "cursor", broken)
    answered = client().get("/health", {"figure": secret})
    assert answered.status_code == 500 and str(secret) not in answered.content.decode()
    monkeypatch.undo()
    asked = client().post("/check", {"figure": secret}, secure=True)
    assert asked.status_code < 500
    lines = [Lines().format(record) for record in caplog.records]
    assert lines and not any(str(secret) in line or f"{secret:,}" in line for line in lines)
    told = [json.loads(line) for line in lines]
    assert {frozenset(one) for one in told} == {frozenset({"at", "level", "from", "message"})}
    assert any("ValueError at" in one["message"] for one in told)


def test_an_error_that_is_logged_with_its_words_is_written_without_them() -> None:
    secret = "730193"
    try:
        raise ValueError(f"{secret} attendances in E01")
    except ValueError:
        told = (logging.ERROR, "x.py", 1, "AB12: 500 POST /x", (), sys.exc_info())
        said = Lines().format(logging.LogRecord("portal", *told))
    assert secret not in said and json.loads(said)["message"] == "AB12: 500 POST /x"
