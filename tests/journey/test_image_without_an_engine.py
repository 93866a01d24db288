"""What the image and the compose file do, done on this machine: built, started, asked, backed up.

No container engine is at hand. The real files are read, so that they cannot drift from what is
tried: what the first stage copies and runs is copied and run in a folder, and each service's
command is begun by the image's entry point with the service's own environment, its paths laid into
that folder. What an engine alone gives (a root of its own, capabilities, a network) is not tried.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.postgres import private_cluster, programs

ROOT = Path(__file__).resolve().parents[2]
HOSTING = ROOT / "hosting"
COMPOSE: dict[str, Any] = yaml.safe_load((HOSTING / "compose.yaml").read_text("utf-8"))
IMAGE = (HOSTING / "Containerfile").read_text("utf-8").replace("\\\n", " ")
# Where the image has its folders: each is laid into the test's own.
PLACES = ("/opt/newstart", "/srv/newstart", "/run/secrets", "/backups", "/scratch", "/keys")


def _uv() -> str | None:
    beside = Path(sys.executable).parents[2] / ".uv" / "bin" / "uv"
    return str(beside) if beside.is_file() else shutil.which("uv")


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(programs() is None, reason="no PostgreSQL server is installed"),
    pytest.mark.skipif(_uv() is None, reason="uv, by which the image is made, is not installed"),
]


@dataclass
class Machine:
    """A folder in place of the image's root, and the words of its files laid into it."""

    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)

    def laid(self, text: str) -> str:
        """The same words with the image's folders and port in place of a container's."""
        for place in PLACES:
            text = re.sub(rf"(?<![\w.]){place}(?=[/:\"'\s$]|$)", f"{self.folder}{place}", text)
        return text.replace("8000", str(self.port))

    def at(self, place: str) -> Path:
        return self.folder / place.removeprefix("/")

    def settings(self, service: str) -> dict[str, str]:
        """What a service's process finds in its environment, as compose and the image set it."""
        held = dict(self.environment)
        example = (HOSTING / "newstart.env.example").read_text("utf-8")
        held |= dict(re.findall(r"^([A-Z_]+)=(.*)$", example, re.MULTILINE))
        said = COMPOSE["services"][service].get("environment") or {}
        held |= {name: self.laid(str(value)) for name, value in said.items()}
        return held

    def words(self, service: str) -> list[str]:
        """The entry point and the command of a service."""
        command = [str(one) for one in COMPOSE["services"][service]["command"]]
        return self.started([self.laid(one).replace("$$", "$") for one in command])

    def started(self, command: list[str]) -> list[str]:
        entry = re.search(r"^ENTRYPOINT (\[.*\])$", IMAGE, re.MULTILINE)
        source = re.search(r"^COPY (\S+entrypoint\S*) (\S+)$", IMAGE, re.MULTILINE)
        assert entry and source
        first = json.loads(entry[1])
        assert first[-1] == source[2], "the entry point is the file that is copied there"
        return [*first[:-1], str(ROOT / source[1]), *command]

    def run(self, service: str, command: list[str] | None = None) -> str:
        """A service's command, or another in its place, to its end; what it said."""
        done = subprocess.run(
            self.words(service) if command is None else self.started(command),
            env=self.settings(service),
            cwd=self.at("/srv/newstart"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{service}: {done.stdout}{done.stderr}"
        return done.stdout

    def begin(self, service: str) -> subprocess.Popen[bytes]:
        with self.log(service).open("wb") as log:
            return subprocess.Popen(
                self.words(service),
                env=self.settings(service),
                cwd=self.at("/srv/newstart"),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"


def _build(machine: Machine) -> None:
    """Copy and run what the image's first stage copies and runs."""
    first, second = (
        IMAGE.split("\nFROM ")[:2]
        if IMAGE.startswith("FROM")
        else (IMAGE[IMAGE.index("\nFROM ") + 1 :].split("\nFROM "))
    )
    built = machine.at("/opt/newstart")
    built.mkdir(parents=True)
    for line in re.findall(r"^COPY (.+)$", first, re.MULTILINE):
        *sources, to = line.split()
        for source in sources:
            if (ROOT / source).is_dir():
                leave = shutil.ignore_patterns("__pycache__", "_build", "_edition")
                shutil.copytree(ROOT / source, built / to, ignore=leave)
            else:
                shutil.copy(ROOT / source, built / to)
    synced = [line for line in re.findall(r"^RUN (.+)$", first, re.MULTILINE) if "uv sync" in line]
    assert len(synced) == 1
    uv = _uv()
    assert uv is not None
    line = re.sub(r"\buv(?= sync)", shlex.quote(uv), synced[0])
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    kept |= {"UV_PYTHON": str(Path(sys.base_prefix) / "bin" / "python3"), "UV_LINK_MODE": "copy"}
    done = subprocess.run(
        ["bash", "-euc", line], cwd=built, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for entry in built.iterdir():  # the second stage takes the installed packages alone
        if entry.is_dir() and entry.name != ".venv":
            shutil.rmtree(entry)
    said = re.search(r"^ENV (.+)$", second, re.MULTILINE)
    assert said
    for name, value in re.findall(r"([A-Z_]+)=(\S+)", said[1]):
        machine.environment[name] = machine.laid(value).replace("$PATH", os.environ["PATH"])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The image as it is built, its volumes, its secrets, and the database with its roles."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Machine(folder=tmp_path_factory.mktemp("image"), port=port)
    _build(made)
    for place in PLACES[1:]:
        made.at(place).mkdir(parents=True)
    with private_cluster() as cluster:
        cluster.run("CREATE DATABASE ledger")
        subprocess.run(
            ["sh", str(HOSTING / "roles.sh")],
            env={
                "PATH": f"{cluster.programs}:{os.environ['PATH']}",
                "PGHOST": str(cluster.folder),
                "POSTGRES_USER": "postgres",
            },
            check=True,
            capture_output=True,
        )
        for name, url in {
            "owner_database": cluster.url("ledger"),
            "ledger_database": cluster.url("ledger", "ledger_app"),
            "portal_database": cluster.url("portal", "portal_app"),
        }.items():
            assert name in COMPOSE["secrets"]
            made.at(f"/run/secrets/{name}").write_text(f"{url}\n", "utf-8")
        yield made


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_what_is_built_starts_answers_works_and_is_backed_up(machine: Machine) -> None:
    image = machine.at("/opt/newstart")
    before = _files(image)
    installed = machine.run(
        "portal", ["python", "-c", "import evaluation; print(evaluation.__file__)"]
    )
    assert str(image) in installed, "the installed package runs, and not this repository's"
    where = str(machine.at("/srv/newstart"))
    said = machine.at("/scratch/trial.yaml")
    said.write_text(machine.run("portal", ["newstart", "init", "--example"]), "utf-8")
    asked = ["newstart", "init", "trial", "--from", str(said), "--folder", where]
    machine.run("portal", asked)
    machine.at("/srv/newstart/SYNTHETIC").unlink(missing_ok=True)  # as where returns are real
    machine.run("prepare")
    machine.at("/keys").chmod(0o700)
    started = [portal := machine.begin("portal")]
    try:
        _answers(machine, portal)
        waits = COMPOSE["services"]["worker"]["depends_on"]["portal"]
        assert waits == {"condition": "service_healthy"}
        started.append(worker := machine.begin("worker"))
        until = str((datetime.now(tz=UTC) + timedelta(days=90)).date())
        invite = ["newstart", "portal", "invite", "Ada Ashworth", "--email", "ada@example.org"]
        machine.run("portal", [*invite, "--role", "admin", "--until", until])
        # Nothing that the portal or its worker need is missing: both go on.
        assert worker.poll() is None, machine.log("worker").read_text("utf-8")
        assert portal.poll() is None
    finally:
        for one in started:
            one.terminate()
            one.wait(timeout=30)
    machine.run("backup")
    nights = sorted(machine.at("/backups").iterdir())
    assert nights and any(path.is_file() for path in nights[0].rglob("*"))
    assert _files(image) == before, "the image's own file system is written by nobody"


def _answers(machine: Machine, portal: subprocess.Popen[bytes]) -> None:
    """The compose file's own check of health, until it passes as often as compose lets it try."""
    check = COMPOSE["services"]["portal"]["healthcheck"]
    kind, *command = check["test"]
    assert kind == "CMD"
    words = [machine.laid(one) for one in command]
    for _ in range(60):
        done = subprocess.run(
            words, env=machine.settings("portal"), capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        assert portal.poll() is None, machine.log("portal").read_text("utf-8")
        time.sleep(1)
    raise AssertionError(done.stderr)


def test_the_proxy_leads_where_the_portal_waits() -> None:
    """The addresses and limits of the proxy are those of the portal, and each host is set."""
    from evaluation.portal.configure import MOST_BYTES

    text = (HOSTING / "Caddyfile").read_text("utf-8")
    command = COMPOSE["services"]["portal"]["command"]
    host, port = command[command.index("--host") + 1], command[command.index("--port") + 1]
    assert re.findall(r"reverse_proxy (\S+)", text) == [f"{host}:{port}"]
    most = re.search(r"max_size (\d+)MB", text)
    assert most and int(most[1]) * 1_000_000 > MOST_BYTES
    example = (HOSTING / "newstart.env.example").read_text("utf-8")
    for name in re.findall(r"\{\$(\w+)\}", text):
        assert re.search(rf"^{name}=\S+$", example, re.MULTILINE), name
    root = re.search(r"root \* (\S+)", text)
    mounts = COMPOSE["services"]["proxy"]["volumes"]
    assert root and any(one.split(":")[1] == root[1] for one in mounts)
    assert text.count("{") == text.count("}")
