"""The tutorial in the built book: executed there, with what it prints and draws, and for whom.

That its cells run at all is held by the build, which stops where one fails.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluation.edition import shape
from evaluation.edition.edition import Edition
from evaluation.edition.guard import Prose, Reader
from evaluation.edition.pages.claims import Claims
from evaluation.edition.scan.built import scan_files
from evaluation.edition.scan.known import Known
from evaluation.workspace import Workspace, packaged_tutorial
from tests.browser.conftest import lay_out_and_build
from tests.once import once

PAGES = sorted(packaged_tutorial().glob("[1-9]*.md"))
HTML = "book/_build/html"
PLOTTED = re.compile(r"^(?:\w+\.plot\w*|forest|plot_bounds)\(", re.MULTILINE)
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ARTICLE = re.compile(r'<article class="bd-article.*?</article>', re.DOTALL)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workspace whose book the tests in a browser read too."""
    return Workspace(root=once(tmp_path_factory, "book", lay_out_and_build))


def article(workspace: Workspace, name: str) -> str:
    text = (workspace.root / HTML / f"{shape.TUTORIAL}{name}.html").read_text("utf-8")
    found = ARTICLE.search(text)
    assert found is not None
    return found[0]


def test_there_are_five_parts_and_a_first_page_that_names_them() -> None:
    assert len(PAGES) == 5
    listed = (packaged_tutorial() / "README.md").read_text("utf-8")
    assert all(f"({page.name})" in listed for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_part_is_executed_and_every_plot_is_shown(workspace: Workspace, page: Path) -> None:
    built, text = article(workspace, page.stem), page.read_text("utf-8")
    plots = [call for cell in CELL.findall(text) for call in PLOTTED.findall(cell)]
    assert len(re.findall(r'<img alt="[^"]{20,}" src="\.\./\.\./_images/', built)) == len(plots)
    assert "cell_output" in built
    assert "Traceback" not in built and "&lt;Axes" not in built
    assert f"for {shape.part_of(f'{shape.TUTORIAL}{page.stem}').reader}" in built


def test_what_the_text_says_is_printed(workspace: Workspace) -> None:
    few = article(workspace, "3-few-treated")
    assert "use inference='placebo'" in re.sub(r"<[^>]+>", "", few).replace("&#39;", "'")
    read = article(workspace, "5-reading-the-result")
    assert "\\toprule" in read and "1980 to 1988" in read


def test_the_tutorial_is_in_no_table_of_contents(workspace: Workspace) -> None:
    contents = (workspace.root / "book/_edition/_toc.yml").read_text("utf-8")
    assert "tutorial" not in contents
    annex = (workspace.root / HTML / "annex/index.html").read_text("utf-8")
    assert 'href="tutorial/index.html"' in annex


def test_its_text_types_no_figure_that_nothing_bears(workspace: Workspace) -> None:
    edition = Edition.read(workspace, "new_start")
    reader = Reader(edition.cases[0], Claims(edition), workspace.root)
    for page in PAGES:
        prose = Prose(name=page.name, text=page.read_text("utf-8"))
        assert [str(fault) for fault in reader.faults(prose)] == []


def test_pictures_are_open_on_open_pages_alone(workspace: Workspace, tmp_path: Path) -> None:
    """A picture that a page of the programme shows as well is read by nobody, and is a leak."""
    known = Known.of(workspace, Edition.read(workspace, "new_start"))
    for name in ("_images/a.png", "annex/tutorial/one.html", "annex/all-money.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "_images/a.png").write_bytes(b"\x89PNG")
    shown = '<p><img src="../../_images/a.png"></p>'
    (tmp_path / "annex/tutorial/one.html").write_text(shown, encoding="utf-8")
    sources = workspace.root / "book/_edition"
    assert scan_files(tmp_path, sources, known).leaks == ()
    (tmp_path / "annex/all-money.html").write_text(shown, encoding="utf-8")
    assert [one.file for one in scan_files(tmp_path, sources, known).leaks] == ["_images/a.png"]
    (tmp_path / "annex/all-money.html").unlink()
    (tmp_path / "annex/tutorial/one.html").unlink()
    assert [one.file for one in scan_files(tmp_path, sources, known).leaks] == ["_images/a.png"]


def test_the_tutorial_opens_nothing_of_a_workspace() -> None:
    """Its figures are printed as they are: so they may come from public packages alone."""
    for page in PAGES:
        source = "\n".join(CELL.findall(page.read_text("utf-8")))
        assert not re.search(r"Workspace|Ledger|Study\b|Edition|NEWSTART|open\(", source)
