"""The way in as a stranger goes it: from a built wheel, by the documentation, no line of Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "first-afternoon.md"
pytestmark = pytest.mark.slow


def uv() -> str:
    """The program that the set-up of the project installed; its cache holds what a build needs."""
    for folder in (ROOT / ".uv", Path(sys.prefix).parent / ".uv"):
        if (folder / "bin" / "uv").is_file():
            return str(folder / "bin" / "uv")
    found = shutil.which("uv")
    if found is None:
        pytest.skip("uv is not installed: make test installs it")
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution, built from a copy of the repository."""
    out = tmp_path_factory.mktemp("built")
    command = [uv(), "build", "--offline", "--out-dir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the wheel, and no checkout, is what `newstart` runs."""
    place = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(place / "site")
    script = place / "bin" / "newstart"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evaluation.cli "$@"\n')
    script.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("NEWSTART")}
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PYTHONPATH": str(place / "site"), "PATH": path, "OMP_NUM_THREADS": "1"}


def run(command: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_and_the_sources_hold_all_that_is_needed(built: Path) -> None:
    (wheel,), (sources,) = built.glob("*.whl"), built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as packed:
        inside = set(packed.namelist())
    shell = {
        f"evaluation/book_shell/{path.relative_to(ROOT / 'book').as_posix()}"
        for path in (ROOT / "book").rglob("*")
        if path.is_file() and not {"_build", "_edition", "__pycache__"} & {*path.parts}
    }
    schemas = {
        f"evaluation/data_schemas/{path.relative_to(ROOT / 'data_schemas').as_posix()}"
        for path in (ROOT / "data_schemas").rglob("*")
        if path.is_file()
    }
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "evaluation").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shell | schemas | package <= inside
    with tarfile.open(sources) as packed_sources:
        names = {name.partition("/")[2] for name in packed_sources.getnames()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "book/_config.yml", "docs/declarations.md"}
    assert package | wanted <= names


def test_a_missing_extra_is_named_with_its_command(
    installed: dict[str, str], tmp_path: Path
) -> None:
    """A bare environment: what comes with the extra is not there."""
    for name in ("matplotlib", "jupyter_book", "gptables", "typst"):
        hidden = tmp_path / "hidden" / name
        hidden.mkdir(parents=True)
        (hidden / "__init__.py").write_text(f"raise ModuleNotFoundError(name={name!r})\n")
    env = installed | {"PYTHONPATH": f"{tmp_path / 'hidden'}{os.pathsep}{installed['PYTHONPATH']}"}
    work = tmp_path / "work"
    work.mkdir()
    setting_up = "newstart init --example > a.yaml; newstart init a --from a.yaml; newstart invent"
    assert run(f"{setting_up} -o in --until 2024-Q4", work, env).returncode == 0
    sending = 'for f in in/W*.csv; do newstart submit "$f" --by "Ada North" > /dev/null; done'
    sending += '; for f in in/O*.csv; do newstart submit "$f" --by collector > /dev/null; done'
    assert run(sending, work, env).returncode == 0
    done = run("newstart design power a/first_look --plot x.svg", work, env)
    assert done.returncode == 2 and "fault of ours" not in done.stderr
    assert 'pip install "newstart-evaluation[book]"' in done.stderr
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr


def test_the_page_from_top_to_bottom(installed: dict[str, str], tmp_path: Path) -> None:
    _every_command(PAGE, tmp_path, installed)
    results = tmp_path / "var" / "results" / "warm_homes" / "first_look" / "results.json"
    held = json.loads(results.read_text(encoding="utf-8"))
    assert held["label"] == "exploratory" and held["lock"]["exploratory"] and not held["value"]
    lock = json.loads((tmp_path / "studies/warm_homes/first_look/protocol.lock").read_text("utf-8"))
    assert lock["registration"] == "invented, registered nowhere"
    status = run("newstart status --json", tmp_path, installed)
    told = json.loads(status.stdout)
    assert told["returns"]["due"] == told["returns"]["in"] == 60 and told["studies"][0]["locked"]
    assert {
        r["by"] for r in json.loads(run("newstart ledger log --json", tmp_path, installed).stdout)
    } == {"Ada North", "collector"}
    _reads_as_its_own(tmp_path / "book" / "_build" / "html", "Warm Homes")


def _every_command(page: Path, folder: Path, env: dict[str, str]) -> None:
    text = page.read_text(encoding="utf-8")
    commands = [
        line.removeprefix("$ ")
        for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(commands) > 12
    log = []
    for command in commands:
        done = run(command, folder, env)
        log.append(f"$ {command}\n{done.stdout}{done.stderr}")
        assert done.returncode == 0, "\n".join(log[-2:])
        assert "fault of ours" not in done.stderr and "Warning" not in done.stderr, log[-1]


def test_the_page_by_months_from_top_to_bottom(installed: dict[str, str], tmp_path: Path) -> None:
    _every_command(PAGE.with_name("by-months.md"), tmp_path, installed)
    held = json.loads(
        (tmp_path / "var/results/quiet_nights/first_look/results.json").read_text("utf-8")
    )
    assert held["label"] == "exploratory" and held["sample"]["last"] == "2025-12"
    said = " ".join(one["finding"]["sentence"] for one in held["outcomes"])
    assert "a month" in said and "a quarter" not in said
    told = json.loads(run("newstart status --json", tmp_path, installed).stdout)
    assert told["costs"] == {"due": 22, "in": 22, "late": 0}
    assert told["returns"]["due"] == told["returns"]["in"] == 166
    assert "Run the study" not in told["next"]
    _reads_as_its_own(tmp_path / "book" / "_build" / "html", "Quiet Nights")


def _reads_as_its_own(book: Path, title: str) -> None:
    """No other programme's claims or places, no verdict, no pound that nobody declared."""
    front = _text(book / "index.html")
    assert title in front and "Worth having: " in front
    for path in book.rglob("*.html"):
        # The glossary and the page on verdicts explain words; these are no claims of this study.
        if path.name in ("glossary.html", "how-to-read.html", "methods.html", "money-by-hand.html"):
            continue
        # Why the framework is as it is stands there, in the words of before too.
        if path.parent.name == "decisions":
            continue
        said = _text(path)
        for word in ("improved", "worsened", "£0 "):
            assert word not in said, (path, word)
    invented = yaml.safe_load((ROOT / "data_schemas" / "simulation.yaml").read_text("utf-8"))
    nouns = [*invented["site_names"], "New Start", "new_start", "A&amp;E attendances", "A&E att"]
    # Prices of the shipped table are worked through by hand with its own outcomes.
    theirs = ("money-by-hand.html", "glossary.html")
    for path in book.rglob("*"):
        if path.suffix not in (".html", ".csv", ".json", ".md", ".txt", ".xml"):
            continue
        if path.parent.name == "decisions" or path.name in theirs:
            continue
        said = path.read_text(encoding="utf-8")
        assert not [noun for noun in nouns if noun in said], path


def _text(path: Path) -> str:
    page = path.read_text(encoding="utf-8")
    article = re.search(r"<article.*?</article>", page, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", article[0] if article else ""))
