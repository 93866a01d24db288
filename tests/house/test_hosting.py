"""What an IT department takes, read without an engine: its names lead somewhere, its shell parses.

No container engine is at hand in the tests, so nothing here is started.
"""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOSTING = ROOT / "hosting"
UNITS = sorted((HOSTING / "systemd").iterdir())
PIPELINES = [ROOT / ".gitlab-ci.yml", *sorted((ROOT / ".github" / "workflows").iterdir())]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
FORCED = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
COMPOSE: dict[str, Any] = yaml.safe_load((HOSTING / "compose.yaml").read_text("utf-8"))


def commands_of(name: str) -> str:
    """The help of a verb, to know that it is there."""
    import contextlib
    import io

    from evaluation.cli import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    assert ended.value.code == 0, name
    return out.getvalue()


@pytest.mark.parametrize("script", sorted(HOSTING.glob("*.sh")), ids=lambda path: path.name)
def test_shell_parts_are_parsed(script: Path) -> None:
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = script.read_text("utf-8")
    assert re.search(r"^set -euo? ?(pipefail)?", text, re.MULTILINE), "it stops at the first fault"


def test_the_services_name_what_is_there() -> None:
    declared = set(COMPOSE["secrets"])
    for name, service in COMPOSE["services"].items():
        assert set(service.get("secrets", [])) <= declared, name
        assert set(service.get("depends_on", [])) <= set(COMPOSE["services"]), name
        assert "privileged" not in service, name
        for mounted in service.get("volumes", []):
            source = mounted.split(":")[0]
            if source.startswith("./") and "." in Path(source).name:
                assert (HOSTING / source).is_file(), mounted
            elif not source.startswith("./"):
                assert source in COMPOSE["volumes"], mounted
        for key, value in (service.get("environment") or {}).items():
            if str(value).startswith("/run/secrets/"):
                assert Path(value).name in service["secrets"], (name, key)
    portal = COMPOSE["services"]["portal"]
    assert (
        "127.0.0.1" in portal["command"] and portal["read_only"] and portal["cap_drop"] == ["ALL"]
    )
    assert COMPOSE["services"]["proxy"]["network_mode"] == "service:portal"


def test_every_verb_that_is_started_is_one() -> None:
    started = [service.get("command") for service in COMPOSE["services"].values()]
    lines = [" ".join(one) for one in started if one]
    for unit in UNITS:
        lines += re.findall(r"ExecStart=\S+/(newstart .*)", unit.read_text("utf-8"))
    named = {re.search(r"newstart ((?:[a-z]+ ?)+)", line) for line in lines}
    verbs = {found[1].strip() for found in named if found}
    assert len(verbs) >= 4
    for verb in verbs:
        commands_of(verb.removesuffix(" backups").strip())


def test_the_image_is_made_of_what_is_there() -> None:
    text = (HOSTING / "Containerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        assert [one for one in sources if not (ROOT / one).exists()] == []
    # What the wheel takes along has to be there when it is built.
    copied = {
        one
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for one in line.split()[:-1]
    }
    for taken in FORCED:
        assert any(taken == one or taken.startswith(f"{one}/") for one in copied), taken
    extras = set(re.findall(r"--extra (\w+)", text))
    assert extras <= set(PROJECT["optional-dependencies"]) and {"portal", "postgres"} <= extras
    assert text.rindex("USER 10001") > text.rindex("FROM "), "it does not run as root"
    assert not re.search(r"^ADD |:latest|PASSWORD|SECRET", text, re.MULTILINE)
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert re.search(r":\d", image), "a version is named"
    wanted = re.search(r"uv==([\d.]+)", text)
    assert wanted and f"UV_VERSION := {wanted[1]}" in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_whole(unit: Path) -> None:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment]
    read.read(unit)
    assert "Unit" in read and ("Service" in read or "Timer" in read)
    if "Service" in read:
        assert read["Service"]["NoNewPrivileges"] == "yes" and read["Service"]["User"] != "root"
        assert read["Service"]["ProtectSystem"] == "strict"
    verifier = shutil.which("systemd-analyze")
    if verifier is not None:
        done = subprocess.run(
            [verifier, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
        )
        faults = [line for line in done.stderr.splitlines() if unit.name in line]
        # The program is installed on the host, not here.
        assert [line for line in faults if "is not executable" not in line] == []


def test_the_worker_starts_after_the_portal_and_the_back_up_with_its_disks() -> None:
    def said(unit: str, name: str) -> list[str]:
        text = (HOSTING / "systemd" / unit).read_text("utf-8")
        return [
            part
            for found in re.findall(rf"^{name}=(.+)$", text, re.MULTILINE)
            for part in found.split()
        ]

    for unit in ("newstart-work.service", "newstart-backup.service"):
        assert {"newstart-portal.service", "postgresql.service"} <= set(said(unit, "After"))
        # In order, but not bound: mail leaves while the portal is being mended.
        assert not said(unit, "Requires") and not said(unit, "BindsTo")
    written = said("newstart-backup.service", "ReadWritePaths")
    disks = said("newstart-backup.service", "RequiresMountsFor")
    assert len(disks) == 2 and set(disks) <= set(written)


def test_the_proxy_serves_what_was_published_and_nothing_beside_it() -> None:
    text = (HOSTING / "Caddyfile").read_text("utf-8")
    found = re.search(r"@inside not path_regexp (\S+)", text)
    assert found and "respond @inside 404" in text
    shown = re.compile(found[1])
    for path in (
        "/",
        "/index.html",
        "/latest/index.html",
        "/2026-Q3/pages",
        "/2026-Q3/pages/index.html",
        "/2026-Q3-2/pages/annex/records/index.html",
        "/2026-Q3/headline.json",
        "/2026-Q3/change.json",
    ):
        assert shown.search(path), path
    for path in (
        "/2026-Q3/state/ground.json",
        "/2026-Q3/state/assignments.npz",
        "/2026-Q3/results/first_look/results.json",
        "/2026-Q3/code.tar.xz",
        "/2026-Q3/manifest.json",
        "/2026-Q3/state/pages/x",
        "/.publishing.lock",
        "/.code/x",
        "/2026-Q3/headline.json/x",
    ):
        assert not shown.search(path), path
    # The book that is at work on is built before it is scanned, and released by nobody.
    mounted = [one.split(":")[0] for one in COMPOSE["services"]["proxy"]["volumes"]]
    assert "./workspace/var/editions" in mounted and not any("_build" in one for one in mounted)


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.name)
def test_pipelines_run_what_is_there(pipeline: Path) -> None:
    text = pipeline.read_text("utf-8")
    assert isinstance(yaml.safe_load(text), dict)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", text)) <= targets
    if ".ci/run" in text:
        assert (ROOT / ".ci" / "run").is_file()
        for python in ("3.11", "3.12", "3.13"):
            assert f'"{python}"' in text
    assert "newstart edition publish" not in text, "a pipeline publishes invented figures alone"


def test_github_actions_are_of_a_version_and_ask_for_little() -> None:
    for pipeline in PIPELINES[1:]:
        held = yaml.safe_load(pipeline.read_text("utf-8"))
        assert held["permissions"]["contents"] == "read"
        for job in held["jobs"].values():
            for step in job["steps"]:
                assert set(step) & {"uses", "run"} and "runs-on" in job
                assert "uses" not in step or re.search(r"@v\d+$", step["uses"])


def test_the_page_of_operations_names_settings_that_are_read() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    code = "".join(p.read_text("utf-8") for p in (ROOT / "evaluation").rglob("*.py"))
    code += "".join(p.read_text("utf-8") for p in HOSTING.glob("*.sh"))
    for name in set(re.findall(r"NEWSTART_[A-Z_]+", page)):
        assert name.removesuffix("_FILE") in code, name
    for verb in set(
        re.findall(r"^\$ newstart ((?:ledger|portal|disclosure) \w+)", page, re.MULTILINE)
    ):
        commands_of(verb)
    for named in re.findall(r"`((?:hosting|tests|var)/[\w./-]+\.\w+)`", page):
        assert named.startswith("var/") or (ROOT / named).is_file(), named
