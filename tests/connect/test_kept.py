"""Killed half-way, replayed, revised: what was fetched is kept and gives the same return again."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from evaluation.connect.fetch import replay
from evaluation.connect.recipes import all_recipes
from evaluation.errors import SourceError, WorkspaceError
from evaluation.workspace import Workspace
from tests.connect.conftest import CODES, SOURCES, Fetching
from tests.connect.fake import Asked, Nomis, Reply, serving
from tests.connect.test_nomis import figures, rows
from tests.journey.at_the_command_line import newstart, told

LONG = {
    (f"{year}-{month:02d}", code): str(5 * (place + month))
    for year in (2025, 2026)
    for month in range(1, 13)
    for place, code in enumerate(CODES)
}


class Killed(BaseException):
    """As when the machine goes down: nothing in the code may catch it."""


def test_a_fetch_killed_half_way_goes_on_and_loses_nothing(fetching: Fetching) -> None:
    whole = Nomis(LONG, most=7)
    stretch = {"source": "nomis", "first": "2025 Q1", "last": "2026 Q4"}

    def killed(wait: float) -> None:
        raise Killed

    with serving(whole) as fake:
        fetching("claimant_count", fake, out=fetching.workspace.root / "once", **stretch)
        at_once = len(fake.asked)
        broken = Reply(b"", status=503)
        fake.asked.clear()
        fake.answer = lambda asked: broken if asked.nth == 10 else whole(asked)
        second = Fetching(fetching.workspace)
        second.waited = type("Kill", (list,), {"append": staticmethod(killed)})()
        with pytest.raises(Killed):
            second("claimant_count", fake, **stretch)
        fake.answer = whole
        done = fetching("claimant_count", fake, **stretch)
        # The answer that failed is asked twice, and none other is.
        assert len(fake.asked) == at_once + 1
    assert any(line.startswith("Going on with the fetch of") for line in fetching.said)
    for path in done.written:
        assert path.read_bytes() == (fetching.workspace.root / "once" / path.name).read_bytes()


def test_a_replay_of_kept_bytes_is_the_same_to_the_byte(fetching: Fetching) -> None:
    with serving(Nomis(LONG, most=7)) as fake:
        done = fetching("claimant_count", fake, source="nomis", first="2025 Q1", last="2025 Q4")
    root = fetching.workspace.root
    again = replay(fetching.workspace, fetching.programme, root / "out", root / "again")
    assert again.differing == [] and len(again.written) == 4
    for path in (root / "out").iterdir():
        assert path.read_bytes() == (root / "again" / path.name).read_bytes()
    assert [one.name for one in again.written] == [one.name for one in done.written]


def test_a_folder_of_several_fetches_is_replayed_whole(fetching: Fetching) -> None:
    root, nomis = fetching.workspace.root, Nomis(dict(LONG))
    with serving(nomis) as fake:
        fetching("claimant_count", fake, source="nomis", first="2025 Q1", last="2025 Q2")
        nomis.figures["2025-06", CODES[0]] = "500"
        fetching("claimant_count", fake, source="nomis", first="2025 Q2", last="2025 Q3")
    again = replay(fetching.workspace, fetching.programme, root / "out", root / "again")
    assert again.differing == [] and len(again.written) == 3
    for path in (root / "out").iterdir():
        assert path.read_bytes() == (root / "again" / path.name).read_bytes()


def test_a_replay_says_where_the_programme_has_changed(fetching: Fetching) -> None:
    with serving(Nomis(figures())) as fake:
        fetching("claimant_count", fake, source="nomis")
    path = fetching.workspace.studies / "place" / "denominators.csv"
    path.write_text(path.read_text("utf-8").replace("600", "601"), "utf-8")
    root = fetching.workspace.root
    code, _, err = told(
        root, "--programme", "place", "connect", "replay", str(root / "out"), "-o", str(root / "b")
    )
    assert code == 1 and "is not the same to the byte" in err


def test_kept_bytes_that_were_changed_are_not_replayed(fetching: Fetching) -> None:
    with serving(Nomis(figures())) as fake:
        fetching("claimant_count", fake, source="nomis")
    (kept,) = (p for p in (fetching.workspace.var / "connect" / "raw").rglob("*") if p.is_file())
    kept.write_bytes(kept.read_bytes().replace(b",25,", b",90,"))
    root = fetching.workspace.root
    with pytest.raises(SourceError, match="are not the ones that came"):
        replay(fetching.workspace, fetching.programme, root / "out", root / "again")


def test_a_late_revision_makes_a_new_vintage_and_the_old_one_stays(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, base = fetching.workspace.root, ["--programme", "place"]
    name = "OPEN_dwp_open_2025-Q4.csv"
    stretch = {"source": "nomis", "first": "2025 Q4"}
    monkeypatch.setenv("NEWSTART_NOW", "2026-03-01T09:00:00Z")
    with serving(Nomis(dict(LONG))) as fake:
        fetching("claimant_count", fake, **stretch)
        newstart(root, *base, "submit", str(root / "out" / name))
        fake.answer.figures["2025-12", CODES[0]] = "95"  # type: ignore[attr-defined]
        monkeypatch.setenv("NEWSTART_NOW", "2026-06-01T09:00:00Z")
        later_fetch = fetching("claimant_count", fake, out=root / "later", **stretch)
    assert any("differs from the one fetched on 2026-03-01" in t.what for t in later_fetch.told)
    cells = json.loads(newstart(root, *base, "check", "--json", str(root / "later" / name)))
    assert [one["rule"] for one in cells["problems"]] == ["R066"]
    newstart(root, *base, "submit", str(root / "later" / name))
    known = []
    for day in ("2026-04-01", "2026-07-01"):
        newstart(root, *base, "panel", "--as-of", day, "-o", str(root / "panel.csv"))
        with (root / "panel.csv").open(encoding="utf-8") as stream:
            held = {row["area_code"]: row for row in csv.DictReader(stream)}
        known.append(held[CODES[0]]["numerator"])
    first, later = (float(one) for one in known)
    assert (first, later) == (55, 67)


@pytest.mark.parametrize(
    "line",
    [
        '    request: "/x?uid=0xabc&RecordOffset={offset}&select=record_count"',
        '    request: "/x?apikey=abc&RecordOffset={offset}&select=record_count"',
        '    request: "https://me:pass@host/x?RecordOffset={offset}&select=record_count"',
    ],
)
def test_a_recipe_with_a_key_is_refused(fetching: Fetching, line: str) -> None:
    path = fetching.workspace.studies / "place" / "sources.yaml"
    extra = f"  - name: other\n    kind: nomis\n    source: a\n    outcome: b\n{line}\n"
    path.write_text(SOURCES + extra, "utf-8")
    with pytest.raises(WorkspaceError, match="keys come from the environment"):
        all_recipes(fetching.workspace, fetching.programme)


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        ("file:///etc", "cannot be used"),
        ("http://me:secret@127.0.0.1", "cannot be used"),
        ("nomis", "cannot be used"),
        ("http://host:port", "cannot be used"),
        ("http://[half", "cannot be used"),
        ("https://proxy/?key=secret", "cannot be used"),
    ],
)
def test_an_address_that_is_none(fetching: Fetching, base: str, sentence: str) -> None:
    with pytest.raises(WorkspaceError) as raised:
        fetching("claimant_count", base, source="nomis")
    assert sentence in str(raised.value) and "secret" not in str(raised.value)


def test_the_command_line(fetching: Fetching) -> None:
    root = fetching.workspace.root
    listed = json.loads(newstart(root, "--programme", "place", "connect", "list", "--json"))
    assert {"claimant_count", "asb", "claims", "pupils"} <= {row["recipe"] for row in listed}
    out = str(root / "out")
    with serving(Nomis(LONG)) as fake:
        told_out = newstart(
            root, "--programme", "place", "connect", "fetch", "claimant_count", "--from", "2025-Q1",
            "--to", "2025-05", "-o", out, "--base", f"nomis={fake.base}",
        )  # fmt: skip
    names = [Path(line).name for line in told_out.splitlines()]
    assert names == ["OPEN_dwp_open_2025-Q1.csv", "OPEN_dwp_open_2025-Q2.csv"]
    for name in names:
        newstart(root, "--programme", "place", "check", f"{out}/{name}")
        newstart(root, "--programme", "place", "submit", f"{out}/{name}")
    replayed = newstart(
        root, "--programme", "place", "connect", "replay", out, "-o", f"{out}/again"
    )
    assert len(replayed.splitlines()) == 2
    assert rows(Path(out) / names[0])[CODES[0]]["status"] == "[r]"


def test_an_unknown_recipe_is_told_with_those_that_there_are(fetching: Fetching) -> None:
    with serving(Nomis(LONG)) as fake, pytest.raises(WorkspaceError) as raised:
        fetching("claiment_count", fake, source="nomis")
    assert "claimant_count" in str(raised.value)


def test_two_answers_at_a_time_are_not_mixed(fetching: Fetching) -> None:
    """A second fetch of the same recipe while one runs is sent away."""
    nomis = Nomis(LONG)
    seen: list[str] = []

    def answer(asked: Asked) -> Reply:
        if not seen:
            seen.append("once")
            with pytest.raises(WorkspaceError) as raised:
                Fetching(fetching.workspace)("claimant_count", fake, source="nomis")
            seen.append(str(raised.value))
        return nomis(asked)

    with serving(answer) as fake:
        fetching("claimant_count", fake, source="nomis")
    assert "another fetch of claimant_count is running" in seen[1]


@pytest.mark.slow
def test_a_process_that_is_killed_goes_on_in_another(place: Workspace) -> None:
    """The real thing: a process of its own, killed without warning while it waits."""
    nomis, waiting = Nomis(LONG, most=7), threading.Event()
    stopped: list[int] = []

    def answer(asked: Asked) -> Reply:
        if asked.nth == 4 and not stopped:
            stopped.append(asked.nth)
            waiting.set()
            return Reply(b"x" * 200, drip=0.05)
        return nomis(asked)

    with serving(answer) as fake:
        command = [
            sys.executable, "-m", "evaluation.cli", "--workspace", str(place.root), "--programme",
            "place", "connect", "fetch", "claimant_count", "--from", "2025-Q1", "--to", "2025-Q4",
            "-o", str(place.root / "out"), "--base", f"nomis={fake.base}",
        ]  # fmt: skip
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
            assert waiting.wait(60)
            running.kill()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Going on with the fetch of" in done.stderr, done.stderr
    assert len(done.stdout.splitlines()) == 4
    # Four quarters of three pages, and the one that was cut.
    assert len(fake.asked) == 4 * 3 + 1


def test_a_fetch_that_was_cut_before_it_began_stands_in_nobodys_way(fetching: Fetching) -> None:
    with serving(Nomis(dict(LONG))) as fake:
        done = fetching("claimant_count", fake, source="nomis")
        home = fetching.workspace.var / "connect" / "place" / "claimant_count"
        (home / "0002").mkdir()
        again = fetching("claimant_count", fake, source="nomis")
    assert [one.name for one in again.written] == [one.name for one in done.written]
    assert (home / "0002" / "fetch.json").is_file()


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_lineage_that_cannot_be_read_is_told(fetching: Fetching, content: str) -> None:
    with serving(Nomis(figures())) as fake:
        fetching("claimant_count", fake, source="nomis")
    out = fetching.workspace.root / "out"
    (beside,) = out.glob("*.lineage.json")
    beside.write_text(content, "utf-8")
    with pytest.raises(WorkspaceError, match=r"lineage.* cannot be read"):
        replay(fetching.workspace, fetching.programme, out, out / "again")
