"""No way out for a programme that is not synthetic, whichever way is tried and however it is asked.

A workspace with results whose programme is declared real, one site's return in its ledger. Every
way that makes something for readers is tried, then the odd ways round it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from evaluation import fingerprint
from evaluation.cli import main
from evaluation.edition.build import build_book, serve_book
from evaluation.edition.edition import Edition
from evaluation.edition.formats.export import export
from evaluation.errors import BookError, NotForPublication
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.unreleased import NOTE, inside_only, mark_inside, unreleased
from evaluation.programme import Programme
from evaluation.publish.editions import freeze
from evaluation.publish.publish import publish, publish_past
from evaluation.publish.refresh import Draft, Name
from evaluation.publish.unattended import publish_unattended
from evaluation.quarters import Period, parse_instant
from evaluation.returns.form import Observation, Return
from evaluation.workspace import Workspace
from tests.edition.ground import laid_out

REAL = "new_start"


def quiet(_: str) -> None:
    """A progress that says nothing."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented results under a programme that says that it is real; receipts of its sites."""
    workspace = laid_out(tmp_path_factory.mktemp("real"))
    declare(workspace, synthetic=False)
    (workspace.root / "SYNTHETIC").unlink()
    (workspace.root / "book" / "_config.yml").write_text("title: A book\n", encoding="utf-8")
    return workspace.root


@pytest.fixture
def real(ground: Path, tmp_path: Path) -> Workspace:
    """A copy that a test may change, with its return in the ledger too."""
    root = tmp_path / "ws"
    shutil.copytree(ground, root)
    workspace = Workspace(root=root)
    send(workspace, REAL, "S01", "nhs")
    return workspace


def declare(workspace: Workspace, *, synthetic: bool) -> None:
    path = workspace.studies / REAL / "programme.yaml"
    was = f"synthetic: {str(not synthetic).lower()}"
    text = path.read_text(encoding="utf-8")
    assert was in text
    path.write_text(text.replace(was, f"synthetic: {str(synthetic).lower()}"), encoding="utf-8")


def declared(workspace: Workspace) -> Programme:
    return Programme.load(workspace, REAL, collecting=False)


def send(workspace: Workspace, programme: str, site: str, agency: str, area: str = "S01-0") -> str:
    """A return of one figure, accepted; its id."""
    quarter, content = Period.parse("2026 Q2"), f"{programme} {site} {agency}".encode()
    returned = Return(
        programme=programme,
        site=site,
        agency=agency,
        period=quarter,
        rows=(Observation(area, quarter, "ae_attendances", 3.0, 8000.0, "", ""),),
        sha256=fingerprint.of_bytes(content),
    )
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        receipt = ledger.submit(returned, content, received=parse_instant("2026-07-20"))
    return receipt.return_id


def draft(workspace: Workspace) -> Draft:
    results = workspace.results(REAL, "first_look") / "results.json"
    return Draft(
        name=Name(quarter="2026 Q2", number=1, correction=0),
        published="2026-07-31T10:00:00.000000Z",
        reason="",
        programme=REAL,
        study="first_look",
        vintage="",
        synthetic=True,
        next_due="",
        snapshot=workspace.var,
        headline={},
        results={"new_start/first_look.json": results},
        stands_on={},
    )


def newstart(workspace: Workspace, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--workspace", str(workspace.root), *arguments])
    return int(ended.value.code or 0)


WAYS: dict[str, Callable[[Workspace], object]] = {
    "an edition": lambda w: publish(w, programme=REAL, progress=quiet),
    "figures alone": lambda w: publish(w, programme=REAL, pages=False, progress=quiet),
    "a correction": lambda w: publish(w, programme=REAL, pages=False, reason="x", progress=quiet),
    "under another programme": lambda w: publish(
        w, programme="real_cases", pages=False, progress=quiet
    ),
    "unattended": lambda w: publish_unattended(w, programme=REAL, progress=quiet),
    "unattended, figures alone": lambda w: publish_unattended(
        w, programme=REAL, pages=False, progress=quiet
    ),
    "past quarters": lambda w: publish_past(w, "new_start/first_look", progress=quiet),
    "what freezes": lambda w: freeze(w, draft(w), ""),
    "the book": lambda w: build_book(w, programme=REAL, progress=quiet),
    "the book of another programme": lambda w: build_book(
        w, programme="real_cases", progress=quiet
    ),
    "the book shown": lambda w: serve_book(w, 0),
    "what all formats begin with": lambda w: Edition.read(w, REAL),
    "tables, spreadsheet, briefing": lambda w: export(w, REAL, progress=quiet),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_out_is_closed(real: Workspace, way: str) -> None:
    before = files(real)
    with pytest.raises(NotForPublication, match="not synthetic") as caught:
        WAYS[way](real)
    assert caught.value.why == "own returns" and caught.value.exit_code == 1
    assert caught.value.mend and caught.value.where
    assert files(real) == before, "something was written on the way to the refusal"


COMMANDS = [
    ("edition", "publish"),
    ("edition", "publish", "--no-pages"),
    ("edition", "publish", "--no-pages", "--reason", "A slip.", "--quarter", "2026-Q2"),
    ("edition", "run"),
    ("edition", "run", "--no-pages", "--quarter", "2026-Q2"),
    ("--programme", "real_cases", "edition", "publish", "--no-pages"),
    ("book", "build"),
    ("book", "serve", "--port", "0"),
    ("book", "export"),
    ("--programme", "real_cases", "book", "export"),
    ("book", "verify", "ae_attendances.effect"),
]


@pytest.mark.parametrize("clock", ["", "2026-08-01T00:00:00Z"])
def test_every_command_says_so(
    real: Workspace, clock: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEWSTART_NOW", clock)
    for command in COMMANDS:
        assert newstart(real, *command) == 1, command
        told = capsys.readouterr()
        assert "may not be published" in told.err and told.out == "", command


def mark(workspace: Workspace) -> None:
    (workspace.root / "SYNTHETIC").touch()


def clear_receipts(workspace: Workspace) -> None:
    shutil.rmtree(workspace.receipts)


def clear_ledger(workspace: Workspace) -> None:
    workspace.ledger.unlink()


def close_site(workspace: Workspace) -> None:
    path = workspace.studies / REAL / "programme.yaml"
    path.write_text(path.read_text("utf-8").replace("S0", "T0"), encoding="utf-8")


def flip(workspace: Workspace) -> None:
    results = workspace.results(REAL, "first_look") / "results.json"
    held = json.loads(results.read_text(encoding="utf-8"))
    results.write_text(json.dumps(held | {"synthetic": False}), encoding="utf-8")
    declare(workspace, synthetic=True)


def withdraw(workspace: Workspace) -> None:
    clear_receipts(workspace)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        (one,) = ledger.receipts(REAL)
        ledger.withdraw(one.return_id, reason="Wrong.", received=parse_instant("2026-07-21"))


DODGES: dict[str, Callable[[Workspace], None]] = {
    "the workspace is marked as synthetic": mark,
    "the receipts are cleared away": clear_receipts,
    "the ledger is cleared away": clear_ledger,
    "the site is no longer declared": close_site,
    "declared synthetic after the results": flip,
    "the return was withdrawn": withdraw,
}


@pytest.mark.parametrize("dodge", DODGES)
def test_what_does_not_open_it(real: Workspace, dodge: str) -> None:
    DODGES[dodge](real)
    with pytest.raises(NotForPublication):
        publish(real, programme=REAL, pages=False, progress=quiet)
    with pytest.raises(NotForPublication):
        Edition.read(real, REAL)


def test_results_whose_returns_cannot_be_seen_stay_inside(
    real: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_receipts(real)
    clear_ledger(real)
    programme = declared(real)
    found = unreleased(real, programme)
    assert found is not None and found.why == "not known"
    with pytest.raises(NotForPublication, match="cannot be told"):
        Edition.read(real, REAL)


def test_a_source_without_a_licence_is_not_open(real: Workspace) -> None:
    clear_receipts(real)
    clear_ledger(real)
    send(real, REAL, "OPEN", "dwp_open")
    with pytest.raises(NotForPublication, match="no licence is declared for figures of dwp_open"):
        Edition.read(real, REAL)
    path = real.studies / REAL / "programme.yaml"
    text = path.read_text(encoding="utf-8")
    declared = text.replace("code: dwp_open", "code: dwp_open\n  licence: OGL-UK-3.0")
    path.write_text(declared, encoding="utf-8")
    assert Edition.read(real, REAL).headline.programme == REAL


def test_an_invented_programme_and_open_data_may_leave(real: Workspace) -> None:
    declare(real, synthetic=True)
    assert set(Edition.read(real, REAL).programmes) == {REAL, "real_cases"}
    assert inside_only(real, declared(real)) == ""


def test_a_broken_record_opens_nothing(real: Workspace) -> None:
    (real.receipts / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(BookError, match=r"broken\.json: .*cannot be told"):
        publish(real, programme=REAL, pages=False, progress=quiet)


def test_a_note_lies_beside_what_stays_inside(real: Workspace, tmp_path: Path) -> None:
    sentence = inside_only(real, declared(real))
    assert sentence.startswith("Not for publication: ")
    mark_inside(tmp_path, sentence)
    assert (tmp_path / NOTE).read_text(encoding="utf-8") == sentence + "\n"
    mark_inside(tmp_path, "")
    assert not (tmp_path / NOTE).exists()


def test_what_the_evaluator_works_with_says_that_it_stays_inside(
    tiny_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tiny_workspace.studies / "tiny" / "programme.yaml"
    invented = path.read_text(encoding="utf-8")
    path.write_text(invented.replace("synthetic: true", "synthetic: false"), encoding="utf-8")
    send(tiny_workspace, "tiny", "S01", "nhs", area="E01")
    table, folder = tmp_path / "known.parquet", tmp_path / "out"
    assert newstart(tiny_workspace, "--programme", "tiny", "panel", "-o", str(table)) == 0
    assert capsys.readouterr().err.startswith("Not for publication: real figures of A tiny")
    assert "Not for publication" in pd.read_parquet(table).attrs["note"]
    assert newstart(tiny_workspace, "--programme", "tiny", "ledger", "export", str(folder)) == 0
    assert "Not for publication" in capsys.readouterr().err
    assert "A tiny programme" in (folder / NOTE).read_text(encoding="utf-8")
    path.write_text(invented, encoding="utf-8")
    assert newstart(tiny_workspace, "--programme", "tiny", "panel", "-o", str(table)) == 0
    assert "publication" not in capsys.readouterr().err
    assert "note" not in pd.read_parquet(table).attrs


def test_where_a_declaration_is_broken_the_ledger_is_read_and_stays_inside(
    tiny_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    send(tiny_workspace, "tiny", "S01", "nhs", area="E01")
    (tiny_workspace.studies / "tiny" / "programme.yaml").write_text("name: [", encoding="utf-8")
    asked = ("ledger", "history", "E01", "ae_attendances", "2026-Q2", "--json")
    assert newstart(tiny_workspace, "--programme", "tiny", *asked) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) and "Not for publication" in told.err


def test_json_of_results_stays_json(real: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert newstart(real, "value", "new_start/first_look", "--json") == 0
    told = capsys.readouterr()
    assert "Not for publication" in told.err and "by_agency" in json.loads(told.out)


def files(workspace: Workspace) -> dict[str, int]:
    """Every file but those of the ledger, which is opened to be asked."""
    return {
        path.relative_to(workspace.root).as_posix(): path.stat().st_mtime_ns
        for path in workspace.root.rglob("*")
        if path.is_file() and not path.name.startswith("ledger.sqlite")
    }
