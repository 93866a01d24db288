"""Everything that can be taken away from an edition, written into one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.edition.claims import Claims
from evaluation.edition.edition import Edition
from evaluation.edition.formats import briefing, citation, package, spreadsheet, tidy, whole

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

SPREADSHEET, BRIEFING, BOOK = "results.xlsx", "briefing.pdf", "book.pdf"
CITATION, CHANGES = "CITATION.cff", "changes.json"


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to take away: its name, what it is, its size in bytes."""

    name: str
    says: str
    size: int


def write_downloads(
    workspace: Workspace, edition: Edition, claims: Claims, folder: Path
) -> list[Download]:
    """Write what needs no built book: tables, spreadsheet, briefing, citation, change log."""
    held = tidy.tables(edition, claims)
    package.write_package(edition, held, folder)
    said = {
        BRIEFING: "the answer on two pages",
        SPREADSHEET: "headline figures, findings, accounts",
        "datapackage.json": "every table below, each column described (Data Package 2.0)",
    }
    charts = workspace.book / "_edition" / "files" / "figures"
    package.write_new(folder / BRIEFING, briefing.briefing(edition, claims, charts))
    package.write_new(folder / SPREADSHEET, spreadsheet.workbook(edition, held))
    for table in held:
        said[f"{table.name}.csv"] = f"{table.title}: {table.says}"
        said[f"{table.name}.parquet"] = "the same, for programs"
        said[f"{table.name}.csv-metadata.json"] = "its columns, in CSV on the Web (W3C)"
    package.write_new(folder / CITATION, citation.citation(edition).encode())
    said[CITATION] = "how to cite this edition (Citation File Format)"
    log = workspace.root / "CHANGELOG.md"
    if log.is_file():
        changes = citation.changes(log.read_text(encoding="utf-8"))
        package.write_new(folder / CHANGES, changes.encode())
        said[CHANGES] = "what changed in the software, for programs"
    return [
        Download(name=name, says=text, size=(folder / name).stat().st_size)
        for name, text in said.items()
    ]


def export(
    workspace: Workspace,
    programme: str,
    folder: Path | None = None,
    *,
    progress: Callable[[str], object] = print,
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
    whole.write_pdf(html, workspace.book / "_edition" / "toc.yml", place / BOOK, title=title)
    return place
