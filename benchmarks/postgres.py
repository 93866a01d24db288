"""A private PostgreSQL cluster for tests and drills: started, used, thrown away.

Debian keeps the server's programs off the path, and initdb refuses root.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

OWNER = "postgres"


def programs() -> Path | None:
    """The folder of the newest server that is installed; None where there is none."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0)).parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running server that listens on a socket in a folder of its own."""

    programs: Path
    folder: Path

    def url(self, database: str, role: str = OWNER) -> str:
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"ledger_{secrets.token_hex(4)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = url.removeprefix(f"postgresql://{OWNER}@/").partition("?")[0]
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, statement: str, database: str = OWNER) -> list[tuple[object, ...]]:
        """Run one statement as the cluster's owner, outside a transaction."""
        with psycopg.connect(
            host=str(self.folder), dbname=database, user=OWNER, autocommit=True
        ) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def control(self, *arguments: str) -> None:
        """Run pg_ctl on the cluster."""
        _as_owner(
            self.programs / "pg_ctl",
            "-D",
            self.folder / "data",
            "-w",
            "-l",
            self.folder / "log",
            *arguments,
        )


@contextmanager
def private_cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """A new cluster, stopped and removed afterwards; ``durable`` waits for the disk as in service.

    Raises
    ------
    FileNotFoundError : if no PostgreSQL server is installed.
    """
    held = programs()
    if held is None:
        raise FileNotFoundError(
            "no PostgreSQL server is installed (Debian: apt install postgresql)"
        )
    memory = Path("/dev/shm")  # what need not last need not wait for a disk
    folder = Path(
        tempfile.mkdtemp(prefix="pg", dir=memory if memory.is_dir() and not durable else None)
    )
    if os.geteuid() == 0:
        owner = pwd.getpwnam(OWNER)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    cluster = Cluster(programs=held, folder=folder)
    _as_owner(
        held / "initdb",
        "-D",
        folder / "data",
        "-U",
        OWNER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    )
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c max_connections=60"
    options += "" if durable else " -c fsync=off -c full_page_writes=off"
    try:
        cluster.control("-o", options, "start")
        yield cluster
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            cluster.control("-m", "immediate", "stop")
        shutil.rmtree(folder)


def _as_owner(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", OWNER, "--", *words]
    ran = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, cwd="/"
    )
    if ran.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {ran.stderr}")
