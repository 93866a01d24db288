"""Building the book and showing it: pages from the edition, then Jupyter Book, warnings as errors.

A build whose inputs are all as they were is not run again; one where a text changed lets Sphinx
and the execution cache do only what is new.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from evaluation.disclosure.bundle import refuse_unreleased
from evaluation.edition import book as pages
from evaluation.edition.edition import Edition, programmes_shown
from evaluation.edition.guard import guard
from evaluation.edition.pages.claims import Claims
from evaluation.edition.past import COMING, FOLDER, INDEX
from evaluation.edition.scan.built import refuse_leaks, scan
from evaluation.edition.scan.contents import SEARCH_INDEX, SEARCH_WORDS
from evaluation.errors import BookError, missing
from evaluation.progress import Progress
from evaluation.workspace import GENERATED_PAGES, Workspace, package, packaged_tutorial, write_whole

ROOMS = ("disclosure", "drawing", "edition", "finding", "learning", "release")
"""The folders of the package by which results become pages."""
_STAMP = "inputs.sha256"
_OF_SPHINX = (SEARCH_INDEX, "search.html", "genindex.html", "objects.inv", ".buildinfo")
_FOLDERS = ("_static", "_images", "reports")
"""Of Sphinx too: its theme, what notebooks drew, what their failures said."""
_SHOWN_LINES = 40
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def build_book(
    workspace: Workspace, *, programme: str = "new_start", progress: Progress = print
) -> Path:
    """Write the generated pages and build the book; returns its front page.

    Raises
    ------
    BookError : if there are no results, prose says what no result bears (`guard`), Jupyter Book
        warns of anything, or figures that are not invented are in the book and were not released.
    NotForPublication : a programme that it would show is closed.
    """
    # Before it is asked whether anything changed: what was built once may be closed since.
    refuse_unreleased(workspace, programmes_shown(workspace, programme))
    book = workspace.book
    if not (book / "_config.yml").is_file():
        raise BookError(
            "the workspace has no book.",
            where=str(book),
            expected="book/_config.yml",
            mend="newstart upgrade",
        )
    refuse_without_builders()
    index, stamp = book / "_build" / "html" / "index.html", book / "_build" / _STAMP
    inputs = _digest(workspace, _past(workspace), book_inputs(workspace, programme))
    if index.is_file() and stamp.is_file() and stamp.read_text() == inputs:
        progress("The book is up to date.")
        return index
    # Before anything is written: a build that ends on its way, or that the scan refuses, leaves
    # pages of which the stamp would still say that they are of what was built before.
    stamp.unlink(missing_ok=True)
    edition = Edition.read(workspace, programme)
    progress("Reading the prose against the results")
    guard(workspace, edition, Claims(edition))
    progress("Writing the pages of the edition")
    pages.write(workspace, edition)
    progress("Building the book (new or changed notebooks are executed)")
    _run_jupyter_book(workspace)
    drop_what_is_gone(book)
    drop_stale_words(index.parent / SEARCH_INDEX)
    progress("Scanning what was built for figures that were not released")
    found = scan(workspace, edition)
    if edition.headline.synthetic and found.leaks:
        # Nobody is in invented figures: whoever works on the book goes on, and is told.
        many = (
            "1 thing that was" if len(found.leaks) == 1 else f"{len(found.leaks)} things that were"
        )
        progress(f"In the book is {many} not released: newstart book scan")
    else:
        refuse_leaks(found)
    write_whole(stamp, inputs)
    return index


def refuse_without_builders() -> None:
    """Asked before minutes of work: Jupyter Book is a process of its own, whose word comes last.

    Raises
    ------
    UserError : a package that a book is built with is not installed; names the extra.
    """
    for name in ("jupyter_book", "matplotlib", "gptables", "typst"):
        if find_spec(name) is None:
            raise missing(ModuleNotFoundError(name=name))


def book_inputs(workspace: Workspace, programme: str) -> str:
    """SHA-256 over everything that the book is made of, but for what it says of past editions."""
    return _digest(workspace, _inputs(workspace), f"{programme} {pages.tutorial_code()}")


def serve_book(workspace: Workspace, port: int = 8000) -> None:
    """Show the built book on this machine only, until interrupted.

    Raises
    ------
    BookError : if the book has not been built, or the port is taken.
    NotForPublication : a programme that the workspace has results of is closed.
    """
    refuse_unreleased(workspace, programmes_shown(workspace, ""))
    folder = workspace.book / "_build" / "html"
    if not (folder / "index.html").is_file():
        raise BookError("the book is not built yet.", where=str(folder), mend="newstart book build")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise BookError(
            f"port {port} cannot be opened: {error.strerror}.", mend="name another: --port 8001"
        ) from None
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


def _run_jupyter_book(workspace: Workspace) -> None:
    book = workspace.book
    command = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
        str(workspace.book / GENERATED_PAGES),
        "--path-output",
        str(book),
        "--warningiserror",
        "--keep-going",
        "--nitpick",
        "-q",
    ]
    # Notebooks find the workspace and this package wherever the build was started from.
    environment = os.environ | {
        "NEWSTART_WORKSPACE": str(workspace.root),
        "PYTHONUTF8": "1",
        "NO_COLOR": "1",
    }
    shutil.rmtree(book / "_build" / "html" / "reports", ignore_errors=True)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        said = _COLOUR.sub("", done.stdout + done.stderr).strip().splitlines()
        told = [line for line in said if "WARNING: " in line or "ERROR: " in line]
        told += _failed_cells(book)
        raise BookError(
            "Jupyter Book did not accept the book:\n" + "\n".join((told or said)[-_SHOWN_LINES:]),
            where=str(book),
            mend="mend what is named above; every warning counts",
        )


def drop_what_is_gone(book: Path) -> None:
    """Take files out of the built book that it is no longer made of.

    Sphinx leaves whatever it once wrote: the chart of a figure that was withdrawn, a site's page
    of before, what a notebook drew the last time.
    """
    source, built = book / GENERATED_PAGES, book / "_build" / "html"
    pages = (path for path in source.rglob("*") if path.suffix in (".md", ".ipynb"))
    kept = {path.relative_to(source).with_suffix(".html") for path in pages}
    kept |= {path.relative_to(source / "files") for path in (source / "files").rglob("*")}
    for path in [path for path in built.rglob("*") if path.is_file()]:
        own = path.relative_to(built)
        if own not in kept and own.name not in _OF_SPHINX and own.parts[0] not in _FOLDERS:
            path.unlink()
    shown = "".join(path.read_text(encoding="utf-8") for path in built.rglob("*.html"))
    for drawn in (built / "_images").glob("*"):
        if drawn.name not in shown:
            drawn.unlink()


def drop_stale_words(path: Path) -> None:
    """Take words out of the search index that stand on no page any more.

    Sphinx keeps every word that a page held when the book was last built, numbers too: what an
    edition before printed, or a draft, could be read from the index of this one.
    """
    found = SEARCH_WORDS.match(path.read_text(encoding="utf-8"))
    if found is None:
        raise BookError("the search index is not as Sphinx writes it.", where=str(path))
    held = json.loads(found[1])
    for name in ("terms", "titleterms"):
        held[name] = {word: pages for word, pages in held[name].items() if pages != []}
    text = json.dumps(held, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    path.write_text(f"Search.setIndex({text})", encoding="utf-8")


def _failed_cells(book: Path) -> list[str]:
    """The last lines of what each failed notebook printed."""
    logs = sorted((book / "_build" / "html" / "reports").rglob("*.err.log"))
    return [
        f"{log.name.removesuffix('.err.log')}: {line}"
        for log in logs
        for line in _COLOUR.sub("", log.read_text(encoding="utf-8")).strip().splitlines()[-3:]
    ]


def _inputs(workspace: Workspace) -> Iterator[Path]:
    """Every file that the book is made of."""
    for path in workspace.book.rglob("*"):
        inside = path.relative_to(workspace.book).parts
        if inside[0] not in ("_build", "_edition") and "__pycache__" not in inside:
            yield path
    yield from (workspace.var / "results").glob("*/*/results.json")
    yield from workspace.receipts.glob("*.json")
    yield from workspace.schemas.rglob("*.yaml")
    yield from workspace.studies.rglob("*")
    for room in ROOMS:
        yield from (package() / room).rglob("*")
    yield from package().glob("*.py")
    yield from packaged_tutorial().glob("*.md")


def _past(workspace: Workspace) -> Iterator[Path]:
    """What the pages say of past editions, and of the one that they are built for."""
    yield from (workspace.var / FOLDER / name for name in (INDEX, COMING))


def _digest(workspace: Workspace, paths: Iterable[Path], start: str) -> str:
    """SHA-256 over names and contents; the same wherever the workspace and the package lie."""
    whole = hashlib.sha256(start.encode())
    named = {}
    for path in (p for p in paths if p.is_file() and p.suffix != ".pyc"):
        root = next((r for r in (workspace.root, package()) if path.is_relative_to(r)), path.parent)
        named[path.relative_to(root).as_posix()] = path
    # By the name below its root: the order of whole paths depends on where the folders lie.
    for name, path in sorted(named.items()):
        whole.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
