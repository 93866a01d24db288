"""Every test that asks for a database or a ledger runs on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.postgres import Cluster, private_cluster, programs
from evaluation.ledger.ledger import Ledger


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed")
    with private_cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    if request.param == "sqlite":
        yield tmp_path / "var" / "ledger.sqlite"
        return
    running: Cluster = request.getfixturevalue("cluster")
    made = running.new_database()
    yield made
    running.drop(made)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "var" / "raw"


@pytest.fixture
def ledger(database: Path | str, raw: Path) -> Iterator[Ledger]:
    with Ledger.open(database, raw) as opened:
        yield opened
