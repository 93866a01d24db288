"""The drill where ledger and portal lie on PostgreSQL: the night's own script, and all lost."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.postgres import Cluster, private_cluster, programs
from evaluation.ledger.ledger import Ledger
from evaluation.portal import configure
from evaluation.portal.configure import Portal
from tests.journey.at_the_command_line import newstart
from tests.ledger.test_destruction import fill
from tests.portal.conftest import lay_out, person
from tests.portal.test_retention import draft

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "p@ss word/%5c\\"  # as it is; in an address its signs are written as %40 and the like
TABLES = ("portal_person", "portal_grant", "portal_draft", "portal_event")


def address(cluster: Cluster, database: str, role: str) -> str:
    from urllib.parse import quote

    return f"postgresql://{role}:{quote(PASSWORD, safe='')}@/{database}?host={cluster.folder}"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed")
    with private_cluster() as running:
        running.run("CREATE DATABASE ledger")
        told = {"PGHOST": str(running.folder), "POSTGRES_USER": "postgres"}
        path = f"{running.programs}:{os.environ['PATH']}"
        subprocess.run(
            ["sh", str(ROOT / "hosting" / "roles.sh")], env=told | {"PATH": path}, check=True
        )
        yield running


def rows(cluster: Cluster, table: str) -> list[tuple[object, ...]]:
    return cluster.run(f"SELECT * FROM {table} ORDER BY id", "portal")


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{text}\n", "utf-8")
    (folder / name).chmod(0o755)


def secret(tmp_path: Path, name: str, text: str) -> str:
    path = tmp_path / name
    path.write_text(f"{text}\n", "utf-8")
    path.chmod(0o600)
    return str(path)


@pytest.mark.slow
def test_all_comes_back_from_the_nights_own_script(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses as files, the program's role that may only add, a password of odd signs."""
    from django.db import connections

    workspace = lay_out(tmp_path / "host")
    monkeypatch.setenv("NEWSTART_DATA_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("NEWSTART_DATABASE", cluster.url("ledger"))
    newstart(workspace.root, "ledger", "prepare", "--role", "ledger_app")
    monkeypatch.delenv("NEWSTART_DATABASE")
    ledger, tables = (
        secret(tmp_path, name, address(cluster, name, f"{name}_app"))
        for name in ("ledger", "portal")
    )
    monkeypatch.setenv("NEWSTART_DATABASE_FILE", ledger)
    monkeypatch.setenv("NEWSTART_PORTAL_DATABASE_FILE", tables)
    with Ledger.open(workspace.database, workspace.raw) as held:
        fill(held)
    portal = Portal(workspace=workspace, programme_name="tiny")
    configure.begin(portal)
    draft(portal, person("Ann", "officer", "S01", "nhs"), site="S01", agency="nhs")
    connections["default"].close()
    assert not (portal.folder / "portal.sqlite").exists(), "the file that is named was read"
    before = {table: rows(cluster, table) for table in TABLES}

    bin_, said = tmp_path / "bin", tmp_path / "said"
    program(bin_, "newstart", f'exec {sys.executable} -m evaluation.cli "$@"')
    real = shlex.quote(str(cluster.programs / "pg_dump"))
    program(bin_, "pg_dump", f'echo "$@" >> {said}; exec {real} "$@"')
    done = subprocess.run(
        ["bash", str(ROOT / "hosting" / "backup.sh")],
        cwd=workspace.root,
        env=os.environ
        | {
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "BACKUPS": str(tmp_path / "nights"),
            "KEYS_COPY": str(tmp_path / "copy"),
            "NEWSTART_WORKSPACE": str(workspace.root),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "pass" not in said.read_text("utf-8").casefold(), "no word of a command is the password"
    (night,) = (tmp_path / "nights").iterdir()

    # Everything is lost but the back-up, the copy of the keys, and the declarations.
    told = newstart(workspace.root, "ledger", "log", "--json")
    shutil.rmtree(workspace.root)
    shutil.rmtree(tmp_path / "keys")
    for name, owner in (("ledger", "postgres"), ("portal", "portal_app")):
        cluster.run(f"DROP DATABASE {name} WITH (FORCE)")
        cluster.run(f"CREATE DATABASE {name} OWNER {owner}")
    (tmp_path / "copy").rename(tmp_path / "keys")
    new = lay_out(tmp_path / "host")
    monkeypatch.setenv("NEWSTART_DATABASE", cluster.url("ledger"))
    newstart(new.root, "ledger", "prepare", "--role", "ledger_app")
    out = newstart(new.root, "ledger", "restore", str(night))
    assert "pg_restore" in out or (night / "portal" / "portal.dump").is_file()
    subprocess.run(
        [
            cluster.programs / "pg_restore",
            f"--dbname={cluster.url('portal', 'portal_app')}",
            night / "portal" / "portal.dump",
        ],
        check=True,
    )
    assert newstart(new.root, "ledger", "log", "--json") == told
    newstart(new.root, "ledger", "verify")
    assert {table: rows(cluster, table) for table in TABLES} == before
    again = Portal(workspace=new, programme_name="tiny")
    configure.begin(again)
    from evaluation.portal import drafts
    from evaluation.portal.models import Draft

    assert drafts.content_of(Draft.objects.get()), "its file and its key are back"
    connections["default"].close()


@pytest.mark.slow
def test_portal_and_worker_bring_the_tables_up_at_once(cluster: Cluster, tmp_path: Path) -> None:
    """As after a start of the machine: one waits for the other, and neither ends."""
    workspace = lay_out(tmp_path / "host")
    told = os.environ | {"PYTHONPATH": str(ROOT)}
    for tables in ("", address(cluster, "portal", "portal_app")):
        begun = [
            subprocess.Popen(
                [sys.executable, "-m", "evaluation.cli", "portal", "work", "--once"],
                cwd=workspace.root,
                env=told | {"NEWSTART_PORTAL_DATABASE": tables},
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        ended = [(one.communicate(timeout=120)[1], one.returncode) for one in begun]
        assert ended == [("0 done.\n", 0)] * 3
