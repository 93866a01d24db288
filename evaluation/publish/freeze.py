"""Freezing an edition: built beside the others, moved into place whole, written once.

``var/editions/<name>/`` holds the pages, the figures, what they rest on, and ``manifest.json`` with
the SHA-256 of each file. The index is written last: an edition that it does not name was never
published, and what an interrupted publication left is swept away by the next.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation import fingerprint
from evaluation.edition import words
from evaluation.edition.past import FOLDER, INDEX, History, PastEdition
from evaluation.edition.records import record_if_there
from evaluation.publish import code, listing, status, store
from evaluation.publish.draft import Draft
from evaluation.study.code import environment
from evaluation.workspace import Workspace, write_whole

MANIFEST, PAGES, STATE, CODE_ARCHIVE = "manifest.json", "pages", "state", "code.tar.xz"
MAKING = ".making"
LEFT_OUT = ("reports/", ".buildinfo", ".doctrees/")
"""Of the built book: what only says how it was built."""


def freeze(workspace: Workspace, draft: Draft, made_of: str) -> PastEdition:
    """Freeze a draft and let every page know; returns the edition.

    Parameters
    ----------
    made_of : the hash of everything that it was made of.
    """
    editions = workspace.var / FOLDER
    making, name = editions / MAKING, draft.name.address
    shutil.rmtree(making, ignore_errors=True)
    # A folder that the index does not name is what an interrupted publication left.
    shutil.rmtree(editions / name, ignore_errors=True)
    history = History.read(workspace)
    files = {path: store.place(editions, content, making / path) for path, content in _files(draft)}
    files |= _pages(draft, editions, making, [one.name for one in history.editions if one.pages])
    text = _text(_manifest(draft, files, history, made_of))
    store.place(editions, text.encode(), making / MANIFEST)
    making.replace(editions / name)
    _list(workspace, draft, fingerprint.of_bytes(text.encode()))
    restamp(workspace)
    return History.read(workspace).named(name)


def _files(draft: Draft) -> Iterator[tuple[str, bytes]]:
    """Everything but the pages: path below the edition, content."""
    yield "headline.json", _text(draft.headline).encode()
    if draft.change is not None:
        yield "change.json", _text(draft.change).encode()
    if draft.claims is not None:
        yield "claims.json", draft.claims.read_bytes()
    for path, source in draft.results.items():
        yield f"results/{path}", source.read_bytes()
    for source in sorted(draft.ground.rglob("*")):
        if source.is_file():
            yield f"{STATE}/{source.relative_to(draft.ground).as_posix()}", source.read_bytes()
    yield CODE_ARCHIVE, code.archive(code.package_fingerprint())


def _pages(draft: Draft, editions: Path, making: Path, earlier: Collection[str]) -> dict[str, str]:
    """Link the built pages in; returns their hashes, those of HTML with an empty slot.

    ``earlier`` are the editions that a page may link to.
    """
    hashes: dict[str, str] = {}
    if draft.pages is None:
        return hashes
    for source in sorted(draft.pages.rglob("*")):
        path = source.relative_to(draft.pages).as_posix()
        if not source.is_file() or path.startswith(LEFT_OUT):
            continue
        content = source.read_bytes()
        if source.suffix == ".html":
            page = status.linked(content.decode("utf-8"), path, earlier)
            content = status.with_slot(page).encode()
        hashes[f"{PAGES}/{path}"] = store.place(editions, content, making / PAGES / path)
    return hashes


def _manifest(
    draft: Draft, files: Mapping[str, str], history: History, made_of: str
) -> dict[str, Any]:
    last = history.editions[-1] if history.editions else None
    return {
        "manifest_version": 1,
        "edition": draft.name.address,
        **asdict(draft.name),
        "published": draft.published,
        "reason": draft.reason,
        "note": draft.note,
        "programme": draft.programme,
        "study": draft.study,
        "synthetic": draft.synthetic,
        "vintage": draft.vintage,
        "next_due": draft.next_due,
        **draft.stands_on,
        "code": {
            "package": code.package_fingerprint(),
            "figures": code.figures_fingerprint(),
            "environment": environment(),
        },
        "previous": None if last is None else {"edition": last.name, "manifest": last.manifest},
        "made_of": made_of,
        "files": dict(sorted(files.items())),
    }


def _list(workspace: Workspace, draft: Draft, manifest: str) -> None:
    """Add the edition to the index; in place at once or not at all."""
    path = workspace.var / FOLDER / INDEX
    listed = (record_if_there(path) or {"editions": []})["editions"]
    listed.append(
        {
            "name": draft.name.address,
            **asdict(draft.name),
            "published": draft.published,
            "next_due": draft.next_due,
            "reason": draft.reason,
            "pages": draft.pages is not None,
            "manifest": manifest,
        }
    )
    write_whole(path, _text({"editions": listed}))


def restamp(workspace: Workspace) -> None:
    """Make every page say what the index says of its edition, and list the editions.

    It may be run at any time: a page that says so already is left alone.
    """
    editions, history = workspace.var / FOLDER, History.read(workspace)
    for edition in history.editions:
        for path, page in pages_of(edition):
            wanted = expected_page(history, edition, path, page)
            if wanted != page:
                store.place(editions, wanted.encode(), edition.folder / PAGES / path)
    for name, text in listing.pages(history).items():
        write_whole(editions / name, text)
    store.sweep(editions)


def pages_of(edition: PastEdition) -> Iterator[tuple[str, str]]:
    """Path and text of each page of an edition."""
    folder = edition.folder / PAGES
    for path in sorted(folder.rglob("*.html")):
        yield path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")


def expected_page(history: History, edition: PastEdition, path: str, page: str) -> str:
    """A page as it should stand, whatever its slot holds now."""
    empty = status.blank(page)
    with_pages = [one.name for one in history.editions if one.pages]
    told = status.line(edition, path, empty, _correction(history, edition), with_pages)
    return status.filled(empty, told)


def _correction(history: History, edition: PastEdition) -> status.Corrected | None:
    """What was corrected between an edition and its correction, seen from either."""
    if edition.status == "corrected":
        was, now = edition, history.named(edition.replaced_by)
    elif edition.correction:
        same = [one for one in history.editions if one.quarter == edition.quarter]
        was, now = same[edition.correction - 1], edition
    else:
        return None
    texts = [{key: str(one["text"]) for key, one in e.claims.items()} for e in (was, now)]
    return status.Corrected(
        claims={
            key: (text, texts[1].get(key, ""))
            for key, text in texts[0].items()
            if texts[1].get(key) != text
        },
        reason=now.reason,
        day=words.day(now.published),
    )


def _text(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
