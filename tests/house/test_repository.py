"""The repository as a whole: layers, lock, and nothing in it that holds on one machine only."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from evaluation.declared import read_yaml

ROOT = Path(__file__).resolve().parents[2]
PUBLIC_HOSTS = {".".join(("pypi", "org")), ".".join(("files", "pythonhosted", "org"))}
LOCK = "uv.lock"
# The bracketed letters keep these patterns from finding themselves here.
ONE_MACHINE = re.compile(r"/tmp/coor[d]|/hom[e]/|/roo[t]/|/wor[k]/|/User[s]/|[A-Z]:\\User[s]")
REGISTRIES = re.compile(r"pyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.(org|com)")


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _naming(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for name in _tracked():
        content = (ROOT / name).read_bytes()
        if name == LOCK or b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            if hit := pattern.search(line):
                found.append(f"{name}:{number}: {hit[0]}")
    return found


def test_layers_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    assert " 0 broken" in ran.stdout


def test_the_lock_names_public_hosts_only() -> None:
    addresses = re.findall(r'"(https?://[^"]+)"', (ROOT / LOCK).read_text("utf-8"))
    assert {urlsplit(address).hostname for address in addresses} == PUBLIC_HOSTS


def test_no_extra_needs_what_only_our_own_lock_can_bring_together() -> None:
    """pip reads nothing of what uv is told to believe of a package in place of its own word."""
    held = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    believed = {one["name"] for one in held["tool"]["uv"]["dependency-metadata"]}
    project = held["project"]
    asked = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[^\w.-]", need)[0] for needs in asked for need in needs}
    assert believed
    assert not names & believed
    assert not {"override-dependencies", "constraint-dependencies"} & set(held["tool"]["uv"])


@pytest.mark.parametrize(
    "pattern", [ONE_MACHINE, REGISTRIES], ids=["folder of one machine", "package registry"]
)
def test_no_tracked_file_names_a(pattern: re.Pattern[str]) -> None:
    assert _naming(pattern) == []


def test_what_is_said_of_any_programme_names_nothing_of_the_demonstration() -> None:
    """No message, letter or page of the engine knows its sites, its places or its title."""
    invented = read_yaml(ROOT / "data_schemas" / "simulation.yaml")
    lists = ("site_names", "site_about", "authority_names")
    names = {invented["title"], *(name for held in lists for name in invented[held])}
    assert len(names) > 40
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in sorted(names)))
    # Who made the framework is called by it, whatever it evaluates.
    ours = "New Start evaluation framework"
    found = []
    for name in _tracked():
        if not name.startswith("evaluation/") or name.startswith(
            ("evaluation/simulate/", "evaluation/demo")
        ):
            continue
        if name.endswith((".py", ".j2", ".html", ".yaml")):
            text = (ROOT / name).read_text("utf-8").replace(ours, "")
            found += [f"{name}: {hit[0]}" for hit in pattern.finditer(text)]
    assert found == []
