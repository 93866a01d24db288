"""What the written pages hold of released figures, and of nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from evaluation.edition.edition import Edition
from evaluation.edition.files import Generated, OutcomePage
from evaluation.edition.formats.export import write_downloads
from evaluation.edition.pages import outcomes
from evaluation.edition.pages.claims import Claims
from evaluation.workspace import Workspace
from tests.edition.ground import laid_out

HASH = re.compile(r"\b[0-9a-f]{64}\b")
LONG = re.compile(r"(?<![\w.])-?\d+\.\d{8,}(?![\w.])")
COSTS = "over_time.csv"
"""What each quarter cost is the programme's own figure, and of nobody."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Edition]:
    workspace: Workspace = laid_out(tmp_path_factory.mktemp("released"))
    edition = Edition.read(workspace, "new_start")
    held = workspace.book / "_edition" / "files" / "downloads"
    claims = Claims(edition)
    write_downloads(workspace, edition, claims, held)
    out = Generated(workspace.book / "_edition")
    out.text("claims.json", json.dumps(claims.as_json(), indent=1))
    for one in edition.headline.outcomes:
        page = OutcomePage(study=edition.headline, outcome=one, out=out, root="")
        outcomes.view(page, "")
    return workspace.book / "_edition", edition


def test_no_figure_has_more_digits_than_any_step(written: tuple[Path, Edition]) -> None:
    """In any table, chart, page or download that is text; code that is quoted apart."""
    folder, edition = written
    open_data = {study.study for study in edition.studies if study.programme in edition.open_data}
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if inside[0].startswith("_") or "code" in inside or open_data & {*inside, path.stem}:
            continue
        if path.suffix in (".csv", ".json", ".md", ".svg"):
            long = LONG.findall(path.read_text(encoding="utf-8"))
            if long and path.name not in ("plates.json", COSTS):
                found["/".join(inside)] = long[:3]
    assert found == {}


def test_no_bare_hash_of_what_holds_counts_is_in_the_book(written: tuple[Path, Edition]) -> None:
    folder, edition = written
    results = folder.parents[1] / "var/results/new_start/first_look/results.json"
    raw = json.loads(results.read_text(encoding="utf-8"))
    bare = {raw["panel_fingerprint"]} | {r["content_hash"] for r in edition.receipts}
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in (".csv", ".json", ".md", ".cff"):
            assert bare.isdisjoint(HASH.findall(path.read_text(encoding="utf-8"))), path
