"""All that can be taken away from an edition, written into one folder, and how to cite it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evaluation.edition import words
from evaluation.edition.edition import Edition
from evaluation.edition.formats import briefing, tables, whole
from evaluation.edition.pages import changes, learning
from evaluation.edition.pages.claims import Claims
from evaluation.progress import Progress

if TYPE_CHECKING:
    from evaluation.workspace import Workspace


_VERSION = re.compile(r"^## (?P<version>\S+)(?: \((?P<when>[^)]*)\))?\s*$")


def citation(edition: Edition) -> str:
    """``CITATION.cff`` (Citation File Format 1.2.0) of one edition."""
    study = edition.headline
    synthetic = f"{words.SYNTHETIC} " if study.synthetic else ""
    content = {
        "cff-version": "1.2.0",
        "message": "Cite a figure by edition and id.",
        "type": "dataset",
        "title": f"{edition.programme.title}: is it working? Edition {edition.quarter}",
        "authors": [{"name": "The New Start evaluation framework developers"}],
        "version": edition.quarter.replace(" ", "-"),
        "date-released": (changes.published(edition) or study.vintage)[:10],
        "license": "MIT",
        "abstract": f"{synthetic}{study.question}",
        "identifiers": [
            {"type": "other", "value": f"sha256:{value}", "description": f"fingerprint of the {of}"}
            for of, value in study.fingerprints().items()
        ],
    }
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def software_changes(text: str) -> str:
    """A change log in Markdown as JSON: versions, newest first, each with its sentences."""
    versions: list[dict[str, Any]] = []
    for line in text.splitlines():
        if found := _VERSION.match(line):
            versions.append({"version": found["version"], "released": found["when"], "changes": []})
        elif line.startswith("- ") and versions:
            versions[-1]["changes"].append(line[2:].strip())
        elif line.startswith("  ") and versions and versions[-1]["changes"]:
            versions[-1]["changes"][-1] += f" {line.strip()}"
    installed = metadata.version("newstart-evaluation")
    content = {"software": "newstart-evaluation", "installed": installed, "versions": versions}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


SPREADSHEET, BRIEFING, BOOK = "results.xlsx", "briefing.pdf", "book.pdf"
CITATION, CHANGES = "CITATION.cff", "changes.json"


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to take away: its name, what it is, its size in bytes."""

    name: str
    says: str
    size: int


def write_downloads(
    workspace: Workspace,
    edition: Edition,
    claims: Claims,
    folder: Path,
    decisions: Sequence[str] | None = None,
) -> list[Download]:
    """Write what needs no built book: tables, spreadsheet, briefing, citation, change log.

    ``decisions`` are told in the briefing; they are read where they are not given.
    """
    if decisions is None:
        decisions = learning.decisions_of(learning.known(workspace, edition), edition)
    held = tables.tables(edition, claims)
    tables.write_package(edition, held, folder)
    said = {
        BRIEFING: "the answer on two pages",
        SPREADSHEET: "headline figures, findings, sites, accounts and what changed, as a workbook",
        "datapackage.json": "every table below, each column described (Data Package 2.0)",
    }
    charts = workspace.book / "_edition" / "files" / "figures"
    tables.write_new(folder / BRIEFING, briefing.briefing(edition, claims, charts, decisions))
    tables.write_new(folder / SPREADSHEET, tables.workbook(edition, held))
    for table in held:
        said[f"{table.name}.csv"] = f"{table.title}: {table.says}"
        said[f"{table.name}.parquet"] = "the same, for programs"
        said[f"{table.name}.csv-metadata.json"] = "its columns, in CSV on the Web (W3C)"
    tables.write_new(folder / CITATION, citation(edition).encode())
    said[CITATION] = "how to cite this edition (Citation File Format)"
    log = workspace.root / "CHANGELOG.md"
    if log.is_file():
        changes = software_changes(log.read_text(encoding="utf-8"))
        tables.write_new(folder / CHANGES, changes.encode())
        said[CHANGES] = "what changed in the software, for programs"
    return [
        Download(name=name, says=text, size=(folder / name).stat().st_size)
        for name, text in said.items()
    ]


def export(
    workspace: Workspace, programme: str, folder: Path | None = None, *, progress: Progress = print
) -> Path:
    """Write everything of the current edition, the whole book as PDF too; returns the folder.

    Raises
    ------
    BookError : there are no results.
    """
    edition = Edition.read(workspace, programme)
    place = folder or workspace.var / "exports" / edition.quarter.replace(" ", "-")
    place.mkdir(parents=True, exist_ok=True)
    progress("Tables, spreadsheet, briefing, citation")
    write_downloads(workspace, edition, Claims(edition), place)
    html = workspace.book / "_build" / "html"
    if whole.browser() is None or not (html / "index.html").is_file():
        progress("The whole book is not printed: it needs Chromium and a built book")
        return place
    progress("The whole book, printed by Chromium")
    title = f"{edition.programme.title}, edition {edition.quarter}"
    whole.write_pdf(html, workspace.book / "_edition" / "_toc.yml", place / BOOK, title=title)
    return place
