"""The portal and the command line say the same of a file, to the byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evaluation.check.stages import check_file
from evaluation.cli import app
from evaluation.ledger.submission import accept, accepted_figures
from evaluation.portal import configure
from evaluation.portal.configure import Portal
from evaluation.quarters import Period
from evaluation.simulate import write_programme
from evaluation.workspace import Workspace
from tests.corpus.draft import draft
from tests.corpus.test_corpus import INJECTED, SEEDS
from tests.corpus.world import VALUE, world
from tests.portal.conftest import EMPTY_TABLES, client, person, the_draft, upload

MANY, QUICK = 200, 20
WHO = ("S03", "council")
Q3 = Period.parse("2026 Q3")


@pytest.fixture
def portal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """The portal of the corpus's programme, whose council's last two quarters were accepted."""
    monkeypatch.setenv("NEWSTART_NOW", "2026-10-20T09:00:00Z")
    made = world(SEEDS[0])
    # Without its survey, which a programme that is declared in files names with its agency: rows of
    # it are one fault more, in either report.
    kept = tuple(one for one in made.programme.outcomes if one.code != VALUE)
    people = tuple(one for one in made.programme.denominators if one.outcome != VALUE)
    declared = made.programme.model_copy(update={"outcomes": kept, "denominators": people})
    write_programme(declared, tmp_path / "studies" / made.programme.name)
    (tmp_path / "SYNTHETIC").touch()
    held = Portal(
        workspace=Workspace(root=tmp_path), programme_name=made.programme.name, uploads=10_000
    )
    held.folder.mkdir(parents=True)
    shutil.copy(EMPTY_TABLES, held.folder / "portal.sqlite")
    configure.begin(held)
    _accept_the_past(held, tmp_path)
    yield held
    from django.db import connections

    connections["default"].close()


def _accept_the_past(held: Portal, folder: Path) -> None:
    workspace, programme = held.workspace, held.programme
    for step in (-2, -1):
        past = draft(world(SEEDS[0]), *WHO, Q3 + step, "xlsx")
        past.rows = [row for row in past.rows if row["outcome"] != VALUE]
        file = past.write(folder)
        raw, checked = check_file(
            file,
            programme,
            history=lambda codes: accepted_figures(workspace, programme, codes),
            today=None,
        )
        from evaluation.check.report import Confirmation, place_of

        reasons = tuple(
            Confirmation(rule=p.rule, cell=place_of(p), reason="as drawn")
            for p in checked.of("confirm")
        )
        accept(workspace, raw, checked, reasons)


CASES = INJECTED[:: len(INJECTED) // MANY][:MANY]


def faulty(folder: Path, first: int, last: int) -> Iterator[Path]:
    """Faulty files of the corpus, each in a folder of its own."""
    for number in range(first, min(last, MANY)):
        fault, kind = CASES[number]
        spoilt = draft(world(SEEDS[0]), *WHO, Q3, kind, seed=number)
        fault.plant(spoilt)
        own = folder / f"{number:03d}"
        own.mkdir(parents=True)
        yield spoilt.write(own)


@pytest.mark.parametrize(
    "part", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, MANY // QUICK))]
)
def test_the_same_report_to_the_byte(part: int, portal: Portal, tmp_path: Path) -> None:
    who: Any = person("Ada Ashworth", "officer", *WHO)
    person("Ada Ashworth", "evaluator")  # sees every site's, as the command line does
    browser, runner = client(who), CliRunner()
    assert len(CASES) == MANY
    found = 0
    for path in faulty(tmp_path / "files", part * QUICK, (part + 1) * QUICK):
        at = ["--workspace", str(portal.workspace.root), "check", str(path)]
        told = [runner.invoke(app, [*at, "--json"]), runner.invoke(app, at)]
        uploaded = the_draft(upload(browser, path, to="/returns/S03/council/2026-Q3"))
        address = f"/drafts/{uploaded.number}/report"
        for ending, one in zip(("json", "txt"), told, strict=True):
            assert browser.get(f"{address}.{ending}").content == one.stdout_bytes, path.name
        found += len(json.loads(told[0].stdout)["problems"])
    assert found
