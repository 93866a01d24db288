"""Editions in a row: frozen, never rewritten but for their standing, proved again, corrected.

A small synthetic programme; the book is stood in for by a few pages, since what freezes them does
not care who built them.
"""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from evaluation.demo import run_demo
from evaluation.edition.past import History
from evaluation.errors import BookError, EditionRefused
from evaluation.publish import publish as publishing
from evaluation.publish.editions import pages_of, size
from evaluation.publish.proof import verify
from evaluation.publish.publish import Published, publish
from evaluation.publish.snapshot import take_snapshot
from evaluation.study.study import Study
from evaluation.workspace import Workspace
from tests.publish.published import lay_out_valued, restate
from tests.unit.locked import NAME, Ground

REPOSITORY = Path(__file__).parents[2]
EVE = "2024-12-31"
QUARTERS = {
    "2024-Q4": "2025-01-31",
    "2025-Q1": "2025-05-01",
    "2025-Q2": "2025-07-31",
    "2025-Q3": "2025-10-31",
    "2025-Q4": "2026-01-31",
    "2026-Q1": "2026-05-01",
    "2026-Q2": "2026-07-31",
    "2026-Q3": "2026-10-31",
}
"""Edition -> the day after the returns of its quarter were due."""

PAGE = (
    "<html><body><main id='m'><article class=\"bd-article\"><h1>{title}</h1>"
    "<span class='claim' data-claim='ae.effect'>{text}</span></article></main></body></html>"
)


def clock(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setenv("NEWSTART_NOW", f"{day}T10:00:00Z")


def stand_in(workspace: Workspace) -> Callable[..., Path]:
    """Builds two pages that show the headline, and an asset that never changes."""

    def build(_: Workspace, **__: object) -> Path:
        results = json.loads((workspace.results(*NAME.split("/")) / "results.json").read_text())
        effect = results["outcomes"][0]["finding"]["effect_percent"]["effect"]
        html = workspace.book / "_build" / "html"
        (html / "sub").mkdir(parents=True, exist_ok=True)
        (html / "index.html").write_text(PAGE.format(title="Front", text=f"{effect:.3f}"))
        (html / "sub" / "plain.html").write_text("<html><body><main>No figure</main></body></html>")
        (html / "style.css").write_text("p {}\n" * 20_000)
        claims = {"ae.effect": {"text": f"{effect:.3f}", "source": NAME}}
        (workspace.book / "_edition").mkdir(exist_ok=True)
        (workspace.book / "_edition" / "claims.json").write_text(json.dumps(claims))
        return html / "index.html"

    return build


def make(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "build_book", stand_in(ground.workspace))
    (ground.workspace.root / "book").mkdir(exist_ok=True)


def issue(ground: Ground, **more: Any) -> Published:
    given = {"programme": "new_start", "progress": lambda _: None, **more}
    return publish(ground.workspace, **given)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Two editions, of 2025 Q2 and 2025 Q3, the second the latest."""
    ground = lay_out_valued(tmp_path_factory.mktemp("editions"))
    ground.submit(until=EVE)
    ground.freeze(EVE)
    with pytest.MonkeyPatch.context() as patch:
        make(ground, patch)
        before = EVE
        for edition in ("2025-Q2", "2025-Q3"):
            ground.submit(after=before, until=QUARTERS[edition])
            before = QUARTERS[edition]
            clock(patch, before)
            issue(ground)
    return ground


@pytest.fixture
def ground(kept: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A copy that a test may change, on the day of its last edition."""
    own = kept.copied(tmp_path / "own")
    make(own, monkeypatch)
    clock(monkeypatch, QUARTERS["2025-Q3"])
    return own


def held(ground: Ground) -> dict[str, bytes]:
    """Every file of the published editions, with its content."""
    folder = ground.workspace.var / "editions"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.name.startswith(".")
        and path.relative_to(folder).parts[0] not in (".code", "objects")
    }


def said(ground: Ground, edition: str) -> dict[str, str]:
    """What each page of an edition says of its standing, as text."""
    found = {}
    for path, page in pages_of(History.read(ground.workspace).named(edition)):
        slot = re.search(r"<!-- edition-status -->(.*?)<!-- /edition-status -->", page)
        assert slot is not None, path
        found[path] = re.sub(r"<[^>]+>", "", slot[1])
    return found


def leads_to(page: str) -> str:
    """Where the line at the head of a page of an old edition leads, first of all."""
    slot = re.search(r"<!-- edition-status -->(.*?)<!-- /edition-status -->", page, re.DOTALL)
    assert slot is not None and "This is not the latest edition." in slot[1]
    found = re.search(r"<a href='([^']+)'>Read the latest edition</a>", slot[1])
    assert found is not None
    return found[1]


def test_the_first_edition_opens_after_three_more_and_every_page_says_that_it_is_old(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a disk, and from a server, where what lies beside it is found by the same links."""
    before = "2025-Q3"
    for edition in ("2025-Q4", "2026-Q1"):
        ground.submit(after=QUARTERS[before], until=QUARTERS[edition])
        clock(monkeypatch, QUARTERS[edition])
        issue(ground)
        before = edition
    folder = ground.workspace.var / "editions"
    history = History.read(ground.workspace)
    assert [one.name for one in history.editions] == ["2025-Q2", "2025-Q3", "2025-Q4", "2026-Q1"]
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served = f"http://127.0.0.1:{server.server_address[1]}/"
        for root in (f"{folder.as_uri()}/", served):
            for name in ("2025-Q2", "2025-Q3", "2025-Q4"):
                pages = sorted((folder / name / "pages").rglob("*.html"))
                assert len(pages) == 2
                for path in pages:
                    address = root + path.relative_to(folder).as_posix()
                    latest = urljoin(address, leads_to(read_from(address)))
                    onward = re.search(r"url=([^'\"]+)", read_from(latest))
                    assert onward is not None
                    newest = read_from(urljoin(latest, onward[1]))
                    assert "Edition 2026 Q1" in newest and "It is the latest." in newest
        server.shutdown()


@pytest.mark.slow
def test_every_page_of_a_built_book_says_that_it_is_old_once_it_is(tmp_path: Path) -> None:
    """Of the small demonstration's own book, built for two quarters one after another."""
    for name in ("book", "data_schemas"):
        leave = shutil.ignore_patterns("_build", "_edition")
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=leave)
    (tmp_path / "studies").mkdir()
    workspace = Workspace(root=tmp_path)
    run_demo(workspace, tiny=True, editions=2, progress=lambda _: None)
    old, latest = History.read(workspace).editions
    pages = dict(pages_of(old))
    assert {"index.html", "lives.html", "annex/machinery.html", "sites/S01.html"} <= set(pages)
    for path, page in pages.items():
        onward = (old.folder / "pages" / path).parent / leads_to(page).partition("#")[0]
        assert onward.is_file(), path
    for path, page in pages_of(latest):
        assert "It is the latest." in page, path
        assert "This is not the latest edition." not in page, path


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing is printed among the tests' own lines."""


def read_from(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        return str(answer.read().decode("utf-8"))


def test_an_edition_holds_all_that_its_figures_rest_on(ground: Ground) -> None:
    edition = History.read(ground.workspace).named("2025-Q3")
    manifest = json.loads((edition.folder / "manifest.json").read_text())
    assert manifest["previous"]["edition"] == "2025-Q2"
    assert manifest["ledger_head"]["returns"] > 0
    assert set(manifest["looks"]) == set(manifest["locks"]) == {NAME}
    assert manifest["looks"][NAME]["rows"] == 4
    names = set(manifest["files"])
    assert {"code.tar.xz", "claims.json", "results/new_start/first_look.json"} < names
    assert {"pages/index.html", "state/parameters/unit_costs.csv"} < names
    assert f"state/studies/{NAME}/protocol.lock" in names
    assert all(proof.holds for proof in verify(ground.workspace, [edition]))


def test_an_edition_keeps_what_is_declared_and_nothing_that_people_answered(
    ground: Ground, tmp_path: Path
) -> None:
    """Its folder lies where its pages are served: attack results at full digits lay in it too."""
    study = ground.workspace.studies / NAME
    inside = ("voices.json", "challenge.json", "coded.csv", "respondents.xlsx", "notes.txt")
    beside = ("wave.csv", "people.json")
    try:
        for name in inside:
            (study / name).write_text("0.03729466526530865", encoding="utf-8")
        for name in beside:
            (study.parent / name).write_text("0.03729466526530865", encoding="utf-8")
        snapshot = take_snapshot(ground.workspace, NAME, "2026-01-31T23:59:59.999999Z", tmp_path)
    finally:
        for path in (*(study / n for n in inside), *(study.parent / n for n in beside)):
            path.unlink()
    kept = {path.name for path in snapshot.folder.rglob("*") if path.is_file()}
    assert kept.isdisjoint({*inside, *beside})
    assert {"protocol.yaml", "protocol.lock", "programme.yaml", "areas.csv"} <= kept


def test_only_the_line_of_standing_of_an_old_page_is_rewritten(ground: Ground) -> None:
    assert "It is the latest" in said(ground, "2025-Q3")["index.html"]
    old = said(ground, "2025-Q2")["sub/plain.html"]
    assert old.startswith("This is not the latest edition. Edition 2025 Q2 was published on 31")
    page = (ground.workspace.var / "editions/2025-Q2/pages/sub/plain.html").read_text()
    assert "href='../../../latest/index.html'" in page
    latest = (ground.workspace.var / "editions/latest/index.html").read_text()
    assert "../2025-Q3/pages/index.html" in latest
    listed = (ground.workspace.var / "editions/index.html").read_text()
    assert "Synthetic programme: invented" in listed and "Synthetic programme" in latest
    assert listed.index("Edition 2025-Q3") < listed.index("Edition 2025-Q2")


def test_nothing_new_is_no_edition(ground: Ground) -> None:
    before = held(ground)
    done = issue(ground)
    assert (done.new, done.edition.name) == (False, "2025-Q3")
    assert held(ground) == before


def test_a_correction_needs_a_reason_and_is_announced_where_it_matters(ground: Ground) -> None:
    restate(ground, "2025-11-03")
    with pytest.raises(EditionRefused, match=r"(?s)2025 Q3 was published already.*--reason"):
        issue(ground)
    done = issue(ground, reason="One site had counted twice")
    assert done.edition.name == "2025-Q3.1"
    old, new = said(ground, "2025-Q3"), said(ground, "2025-Q3.1")
    assert "It was corrected on 31 October 2025: One site had counted twice." in old["index.html"]
    assert "On this page it changed ae.effect: “" in old["index.html"]
    assert "No figure that this page marks was touched." in old["sub/plain.html"]
    assert "correction 1" in new["index.html"] and "It is the latest" in new["index.html"]
    assert done.edition.change is not None
    assert done.edition.change["order"] == ["revised"]
    history = History.read(ground.workspace)
    assert history.named("2025-Q3").status == "corrected"
    assert history.standing("2025-Q3", "ae.effect").status == "superseded"
    assert all(proof.holds for proof in verify(ground.workspace, history.editions))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("figure", "2025-Q2/pages/index.html was changed after publication"),
        ("standing", "says of its standing what the index does not"),
        ("gone", "2025-Q2/claims.json is gone"),
        ("added", "2025-Q2/more.txt was added after publication"),
        ("manifest", "is not the one that the index names"),
        ("looks", "its statistics"),
        ("headline", "ae_attendances.percent was"),
    ],
)
def test_what_was_touched_is_named(ground: Ground, change: str, fault: str) -> None:
    folder = ground.workspace.var / "editions" / "2025-Q2"
    page = folder / "pages" / "index.html"
    if change in ("figure", "standing"):
        text = page.read_text()
        part = ("Front", "Back") if change == "figure" else ("not the latest", "the latest")
        page.unlink()
        page.write_text(text.replace(*part))
    elif change == "gone":
        (folder / "claims.json").unlink()
    elif change == "added":
        (folder / "more.txt").write_text("More.")
    elif change == "manifest":
        (folder / "manifest.json").unlink()
        (folder / "manifest.json").write_text("{}")
    elif change == "looks":
        (Study.load(ground.workspace, NAME).looks.folder / "001.npz").write_bytes(b"other")
    else:
        restated = json.loads((folder / "headline.json").read_text())
        restated["ae_attendances.percent"]["effect"] += 0.1
        _rewrite(folder, "headline.json", json.dumps(restated))
    (proof,) = verify(ground.workspace, [History.read(ground.workspace).named("2025-Q2")])
    assert any(fault in said for said in proof.faults), proof.faults


def _rewrite(folder: Path, name: str, text: str) -> None:
    """Forge a file, its manifest and the index, as someone who knows how all is made would."""
    from evaluation import fingerprint

    (folder / name).unlink()
    (folder / name).write_text(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = fingerprint.of_bytes(text.encode())
    forged = json.dumps(manifest)
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(forged)
    index = json.loads((folder.parent / "index.json").read_text())
    index["editions"][0]["manifest"] = fingerprint.of_bytes(forged.encode())
    (folder.parent / "index.json").write_text(json.dumps(index))


def test_a_failure_on_the_way_leaves_the_last_edition_as_it_was(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.submit(after=QUARTERS["2025-Q3"], until=QUARTERS["2025-Q4"])
    clock(monkeypatch, QUARTERS["2025-Q4"])
    before = held(ground)

    def broken(*_: object, **__: object) -> Path:
        raise BookError("Jupyter Book did not accept the book.")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "build_book", broken)
        with pytest.raises(BookError, match="did not accept"):
            issue(ground)
    assert held(ground) == before
    assert issue(ground).edition.name == "2025-Q4"


def test_an_edition_that_nobody_listed_is_swept_away(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that stopped between moving the edition into place and listing it."""
    ground.submit(after=QUARTERS["2025-Q3"], until=QUARTERS["2025-Q4"])
    clock(monkeypatch, QUARTERS["2025-Q4"])
    (ground.workspace.var / "editions" / "2025-Q4").mkdir()
    (ground.workspace.var / "editions" / ".publishing.lock").touch()
    assert issue(ground).edition.name == "2025-Q4"
    edition = History.read(ground.workspace).named("2025-Q4")
    assert all(proof.holds for proof in verify(ground.workspace, [edition]))


@pytest.mark.slow
def test_eight_quarters_in_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No look is ever rewritten, every edition still verifies, and the disk grows by little."""
    ground = lay_out_valued(tmp_path)
    ground.submit(until=EVE)
    ground.freeze(EVE)
    make(ground, monkeypatch)
    series = Study.load(ground.workspace, NAME).looks
    rows: list[str] = []
    grown, before = [], EVE
    for edition, day in QUARTERS.items():
        ground.submit(after=before, until=day)
        before = day
        clock(monkeypatch, day)
        done = issue(ground)
        assert (done.new, done.edition.name) == (True, edition)
        grown.append(done.grown)
        now = [row.hash for row in series.rows()]
        assert now[: len(rows)] == rows
        rows = now
    history = History.read(ground.workspace)
    assert len(history.editions) == 8
    proofs = verify(ground.workspace, history.editions)
    assert [proof.faults for proof in proofs] == [()] * 8
    assert all(proof.figures >= 7 for proof in proofs)
    # The code, the style sheet and the tables are held once.
    assert max(grown[1:]) < grown[0] / 2
    assert size(ground.workspace.var / "editions") < sum(grown) * 1.05
