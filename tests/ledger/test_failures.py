"""When the machine fails: a clear sentence, nothing half done, nothing lost that was there."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from benchmarks.postgres import Cluster
from evaluation.errors import LedgerError
from evaluation.ledger.engine import WRITERS_QUEUE
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.receipt import Receipt
from tests.ledger.returns_at_hand import returned, submit

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def held(tmp_path: Path) -> tuple[Path, Path, Receipt]:
    """A file's ledger that holds one return."""
    with Ledger.open(tmp_path / "ledger.sqlite", tmp_path / "raw") as ledger:
        receipt = submit(ledger, returned({"E01": 210.0}))
    return tmp_path / "ledger.sqlite", tmp_path / "raw", receipt


def _unharmed(database: Path | str, raw: Path, receipt: Receipt) -> None:
    with Ledger.open(database, raw) as ledger:
        assert ledger.receipts() == [receipt]
        assert ledger.verify([receipt]).ok
        submit(ledger, returned({"E01": 215.0}), days=1)


def test_a_database_that_another_program_holds(held: tuple[Path, Path, Receipt]) -> None:
    database, raw, receipt = held
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        Ledger.open(database, raw, busy_seconds=1) as ledger,
        pytest.raises(LedgerError, match=r"nothing was accepted \(another program holds the ledg"),
    ):
        submit(ledger, returned({"E01": 215.0}), days=1)
    other.execute("ROLLBACK")
    other.close()
    _unharmed(database, raw, receipt)


def test_a_postgresql_database_that_another_program_holds(cluster: Cluster, raw: Path) -> None:
    database = cluster.new_database()
    with Ledger.open(database, raw, busy_seconds=1) as ledger:
        receipt = submit(ledger, returned({"E01": 210.0}))
        with psycopg.connect(database) as other:
            other.execute(f"SELECT pg_advisory_xact_lock({WRITERS_QUEUE})".encode())
            with pytest.raises(LedgerError, match="another program holds the ledger"):
                submit(ledger, returned({"E01": 215.0}), days=1)
    _unharmed(database, raw, receipt)


FULL = """
import resource, signal, sys
from pathlib import Path
from evaluation.ledger.ledger import Ledger
from tests.ledger.returns_at_hand import returned, submit
database, raw, room = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Ledger.open(database, raw) as ledger:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        submit(ledger, returned({f"E{n:05}": float(n) for n in range(4000)}), days=1)
    except Exception as error:
        print(type(error).__name__, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.parametrize("room", [10_000, 200_000])
def test_no_more_room_for_a_file_to_grow(held: tuple[Path, Path, Receipt], room: int) -> None:
    """Not a full disk but its like: the system refuses to let any file grow beyond ``room``."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    database, raw, receipt = held
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(database), str(raw), str(room)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ran.stdout.startswith("LedgerError"), ran.stderr
    assert "nothing was accepted" in ran.stdout
    _unharmed(database, raw, receipt)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 3 MB; only where this process may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.fail("a small disk could not be mounted", pytrace=False)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


CAN_MOUNT = os.geteuid() == 0 and (
    subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
)


def _until_full(ledger: Ledger, receipts: list[Receipt]) -> None:
    for number in range(100):
        figures: dict[str, float | None] = {f"E{n:05}": float(n + number) for n in range(3000)}
        receipts.append(submit(ledger, returned(figures), days=number))


# A disk of one's own needs the right to mount one; without it the limit on files above stands in.
if CAN_MOUNT:

    def test_a_full_disk(small_disk: Path) -> None:
        database, raw = small_disk / "ledger.sqlite", small_disk / "raw"
        receipts: list[Receipt] = []
        with Ledger.open(database, raw) as ledger:
            with pytest.raises(LedgerError, match="nothing was accepted") as told:
                _until_full(ledger, receipts)
            assert "room" in told.value.mend
            assert ledger.receipts() == receipts, "what was acknowledged is there"
        subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
        with Ledger.open(database, raw) as ledger:
            assert ledger.receipts() == receipts and ledger.verify(receipts).ok
            submit(ledger, returned({"E01": 1.0}), days=200)

    def test_a_disk_that_may_only_be_read(small_disk: Path) -> None:
        database, raw = small_disk / "ledger.sqlite", small_disk / "raw"
        with Ledger.open(database, raw) as ledger:
            receipt = submit(ledger, returned({"E01": 210.0}))
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        with pytest.raises(LedgerError) as told:
            Ledger.open(database, raw)
        assert "may not be written" in told.value.what
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        _unharmed(database, raw, receipt)


def test_a_postgresql_connection_lost_in_mid_submission(
    cluster: Cluster, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.ledger import append

    database = cluster.new_database()
    with Ledger.open(database, raw) as ledger:
        receipt = submit(ledger, returned({"E01": 210.0}))
        stored = append._stored

        def lose(*given: object) -> dict[str, object]:
            name = sa.make_url(database).database
            cluster.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            )
            return stored(*given)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(append, "_stored", lose)
            with pytest.raises(LedgerError, match="connection to the ledger was lost") as told:
                submit(ledger, returned({"E01": 215.0}), days=1)
        assert "never accepted twice" in told.value.mend
        assert ledger.receipts() == [receipt], "the pool finds a new connection"
    _unharmed(database, raw, receipt)


def test_a_postgresql_server_that_is_down(raw: Path) -> None:
    with pytest.raises(LedgerError, match="the database does not answer"):
        Ledger.open("postgresql://nobody@127.0.0.1:1/none", raw)


@pytest.mark.parametrize("address", ["mysql://u@h/d", "postgresql://u@h:port/d"])
def test_an_address_of_something_else(address: str, raw: Path) -> None:
    with pytest.raises(LedgerError, match="address"):
        Ledger.open(address, raw)
