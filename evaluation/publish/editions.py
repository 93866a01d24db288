"""Freezing an edition, its files each held once, the list of editions, and its standing later."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from markupsafe import Markup, escape

from evaluation import fingerprint
from evaluation.disclosure.bundle import refuse_unreleased
from evaluation.edition import words
from evaluation.edition.edition import programmes_shown
from evaluation.edition.past import FOLDER, INDEX, History, PastEdition
from evaluation.publish.refresh import Draft
from evaluation.publish.snapshot import archive
from evaluation.study.code import figures_fingerprint, package_fingerprint
from evaluation.study.lock import environment
from evaluation.study.written import record_if_there
from evaluation.workspace import Workspace, sync_all, sync_folder, write_whole

# Markup escapes whatever is formatted into it: titles and reasons are typed by people.
_PAGE = Markup(
    "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
    "<meta name='viewport' content='width=device-width, initial-scale=1'>{head}"
    "<title>{title}</title><style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;"
    "margin:2rem auto;padding:0 1rem;color-scheme:light dark}}li{{margin:0 0 1rem}}</style></head>"
    "<body><main>{band}<h1>{title}</h1>{body}</main></body></html>\n"
)
STATUS = {"current": "the latest", "superseded": "superseded", "corrected": "corrected: see {by}"}


def pages(history: History) -> dict[str, str]:
    """Path below the editions' folder -> text."""
    found = {"index.html": _listing_list(history)}
    current = history.current
    if current is not None:
        address = f"../{_address(current)}"
        found["latest/index.html"] = _PAGE.format(
            title=f"The latest edition: {current.quarter}",
            band=_band(history),
            # A redirect by the page itself: editions are opened from a disk, without a server.
            head=Markup("<meta http-equiv='refresh' content='0; url={}'>").format(address),
            body=Markup("<p><a href='{}'>Open it</a></p>").format(address),
        )
    return found


def _address(edition: PastEdition) -> str:
    """Where a reader finds an edition: its pages, or its figures where it has none."""
    return f"{edition.name}/pages/index.html" if edition.pages else f"{edition.name}/headline.json"


def _listing_list(history: History) -> str:
    items = Markup("").join(_item(edition) for edition in reversed(history.editions))
    due = history.current.next_due if history.current else ""
    coming = (
        Markup("<p>The next edition follows the returns that are due on {}.</p>").format(
            words.day(due)
        )
        if due
        else Markup("")
    )
    body = Markup("{}<ol reversed>{}</ol>").format(coming, items)
    return _PAGE.format(
        title="All editions, newest first", band=_band(history), head=Markup(""), body=body
    )


def _band(history: History) -> Markup:
    """What stands above any figure that is invented."""
    if not any(edition.synthetic for edition in history.editions):
        return Markup("")
    return Markup("<p><strong>{}</strong></p>").format(words.SYNTHETIC)


def _item(edition: PastEdition) -> Markup:
    status = STATUS[edition.status].format(by=edition.replaced_by)
    reason = f" Correction: {words.sentence(edition.reason)}" if edition.reason else ""
    sentences = [str(one) for one in (edition.change or {}).get("sentences", [])]
    log = Markup("").join(Markup("<li>{}</li>").format(one) for one in sentences)
    return Markup("<li><a href='{}'>Edition {}</a>, published on {}, {}.{}{}</li>").format(
        _address(edition),
        edition.name,
        words.day(edition.published),
        status,
        reason,
        Markup("<ul>{}</ul>").format(log) if sentences else "",
    )


# Comments of HTML, which no reader sees and every builder leaves in place.
OPEN, CLOSE = "<!-- edition-status -->", "<!-- /edition-status -->"
_PLACEHOLDER = re.compile(re.escape(OPEN) + ".*?" + re.escape(CLOSE), re.DOTALL)
_MARKED = re.compile(r"<span data-edition='([^']+)'>([^<]*)</span>")
# From the most exact on: a theme's article, any main part, any body.
_PLACES = (r"<article class=\"bd-article\"[^>]*>", r"<main\b[^>]*>", r"<body\b[^>]*>")
_STYLE = "border:1px solid currentColor;padding:.5rem .8rem;margin:0 0 1rem"
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """What a correction changed: claim -> (text before, text after), and its reason."""

    claims: Mapping[str, tuple[str, str]]
    reason: str
    day: str


def with_placeholder(page: str) -> str:
    """A page with an empty place for its status, at the head of its text."""
    if OPEN in page:
        return blank(page)
    for place in _PLACES:
        found = re.search(place, page)
        if found is not None:
            return page[: found.end()] + OPEN + CLOSE + page[found.end() :]
    return OPEN + CLOSE + page


def blank(page: str) -> str:
    """The page without its status: what the manifest vouches for."""
    return _PLACEHOLDER.sub(OPEN + CLOSE, page)


def filled(page: str, line: str) -> str:
    """The page with this line as its status."""
    # A function, since backslashes of a string would be read as references to groups.
    return _PLACEHOLDER.sub(lambda _: OPEN + str(line) + CLOSE, page)


def linked(page: str, path: str, names: Collection[str]) -> str:
    """The page with the names of editions, where it marks them, as links to their front pages.

    Only where a page is frozen is it known how it lies to other editions.
    """
    # One more, since the path is below the edition's pages and not below the edition.
    root = "../" * (len(PurePosixPath(path).parts) + 1)
    return _MARKED.sub(
        # A name without pages stays text: a dead link in a frozen page could never be mended.
        lambda found: (
            _link(f"{root}{found[1]}/pages/index.html", found[2]) if found[1] in names else found[0]
        ),
        page,
    )


def line(
    edition: PastEdition, path: str, page: str, corrected: Corrected | None, pages: Collection[str]
) -> str:
    """What a page of an edition says of its standing.

    Parameters
    ----------
    path : of the page, below the edition's pages.
    corrected : what the correction changed, of an edition that was corrected or is one.
    pages : the editions that can be opened, by name.
    """
    root = "../" * (len(PurePosixPath(path).parts) + 1)
    links = [_link(f"{root}index.html", "All editions")]
    name = f"Edition {edition.quarter}"
    name += f", correction {edition.correction}" if edition.correction else ""
    published = f"published on {words.day(edition.published)}"
    if edition.status == "current":
        text = f"{name}, {published}. It is the latest."
    else:
        text = f"This is not the latest edition. {name} was {published}."
        links.insert(0, _link(f"{root}latest/index.html", "Read the latest edition"))
    if corrected is not None:
        text += _corrected(edition, corrected, page)
        if edition.status == "corrected" and edition.replaced_by in pages:
            links.insert(
                0,
                _link(
                    f"{root}{edition.replaced_by}/pages/index.html", "Read the corrected edition"
                ),
            )
    return Markup(
        "<aside class='edition-status' aria-label='Standing of this edition' "
        "style='{}'>{} {}</aside>"
    ).format(_STYLE, text, Markup(" · ").join(links))


def _corrected(edition: PastEdition, corrected: Corrected, page: str) -> str:
    """That there is a correction, why, and which claims of this very page it changed."""
    if edition.status == "corrected":
        text = f" It was corrected on {corrected.day}: {words.sentence(corrected.reason)}"
    else:
        text = f" It corrects the edition before it: {words.sentence(corrected.reason)}"
    here = [key for key in corrected.claims if shows(page, key)]
    if not here:
        return f"{text} No figure that this page marks was touched."
    moved = [
        f"{key}: {_quoted(was)}, now {_quoted(now)}" if now else f"{key}: {_quoted(was)}, withdrawn"
        for key in here[:SHOWN]
        for was, now in (corrected.claims[key],)
    ]
    more = f", and {len(here) - SHOWN} more" if len(here) > SHOWN else ""
    return f"{text} On this page it changed {'; '.join(moved)}{more}."


def shows(page: str, claim: str) -> bool:
    """Whether a page shows a claim: marked in it, or linked to the claim's own page."""
    return f"data-claim='{claim}'" in page or f"claims/{claim.replace('.', '-')}.html" in page


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= 80 else text[:77] + '...'}”"


def _link(href: str, text: str) -> Markup:
    return Markup("<a href='{}'>{}</a>").format(escape(href), text)


OBJECTS = "objects"


def place(editions: Path, content: bytes, to: Path) -> str:
    """Put a content at a path, by a link to the one copy of it; returns its SHA-256."""
    name = fingerprint.of_bytes(content)
    held = editions / OBJECTS / name[:2] / name
    # Contents lie under their hash: the same page of ten editions takes its room once. One that a
    # power cut left without its bytes has another length, and is written anew.
    if not held.is_file() or held.stat().st_size != len(content):
        held.parent.mkdir(parents=True, exist_ok=True)
        unfinished = held.with_suffix(".part")
        # What a killed process left is read-only.
        unfinished.unlink(missing_ok=True)
        unfinished.write_bytes(content)
        # Read-only: a change through one edition's link would change every edition that shares it.
        unfinished.chmod(0o444)
        unfinished.replace(held)
    to.parent.mkdir(parents=True, exist_ok=True)
    # Linked beside and moved into place: a reader finds the old or the new page, never none.
    unlinked = to.with_name(to.name + ".part")
    # What a killed process left is a link: written to, it would change a content of every edition.
    unlinked.unlink(missing_ok=True)
    try:
        os.link(held, unlinked)
    except OSError:  # no links here, or too many to one file: a copy says the same
        shutil.copyfile(held, unlinked)
        unlinked.chmod(0o444)
    unlinked.replace(to)
    return name


def sweep(editions: Path) -> None:
    """Let go of contents that no edition links to any more."""
    for held in (editions / OBJECTS).glob("*/*"):
        # One link is the object's own: no edition holds it any more.
        if held.stat().st_nlink == 1 and not _copied(editions):
            held.unlink()


def _copied(editions: Path) -> bool:
    """Whether this file system holds copies, so that a content without links may be in use."""
    probe = editions / OBJECTS / "probe"
    second = probe.with_suffix(".link")
    probe.write_bytes(b"")
    second.unlink(missing_ok=True)
    try:
        os.link(probe, second)
    except OSError:
        return True
    finally:
        second.unlink(missing_ok=True)
        probe.unlink()
    return False


def size(folder: Path) -> int:
    """Bytes that a folder takes, each linked file counted once."""
    seen = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            held = path.stat()
            # Device and inode: links to one file are one file.
            seen[held.st_dev, held.st_ino] = held.st_size
    return sum(seen.values())


MANIFEST, PAGES, STATE, CODE_ARCHIVE = "manifest.json", "pages", "state", "code.tar.xz"
MAKING, UNLISTED = ".making", ".unlisted"
LEFT_OUT = ("reports/", ".buildinfo", ".doctrees/")
"""Of the built book: what only says how it was built."""


def freeze(workspace: Workspace, draft: Draft, made_of: str) -> PastEdition:
    """Freeze a draft and let every page know; returns the edition.

    Parameters
    ----------
    made_of : the hash of everything that it was made of.

    Raises
    ------
    NotForPublication : a programme whose figures it holds is closed.
    """
    refuse_unreleased(workspace, programmes_shown(workspace, draft.programme))
    editions = workspace.var / FOLDER
    making, name = editions / MAKING, draft.name.address
    # What an interrupted publication left.
    shutil.rmtree(making, ignore_errors=True)
    history = History.read(workspace)
    files = {path: place(editions, content, making / path) for path, content in _files(draft)}
    files |= _pages(draft, editions, making, [one.name for one in history.editions if one.pages])
    # The manifest last, when every hash in it is known; it names the one before, so editions form a
    # chain.
    text = _text(_manifest(draft, files, history, made_of))
    place(editions, text.encode(), making / MANIFEST)
    # Contents and links before the name: an edition is there whole or not at all.
    sync_all()
    _set_aside(editions, name)
    making.replace(editions / name)
    sync_folder(editions)
    # The index after the folder: a folder without a line is made anew next time, a line without a
    # folder would be a broken edition.
    _list(workspace, draft, fingerprint.of_bytes(text.encode()))
    restamp(workspace)
    return History.read(workspace).named(name)


def _set_aside(editions: Path, name: str) -> None:
    """Make room for an edition whose folder is there though the index does not name it.

    An interrupted publication leaves one; so does an index that was lost, and then it is the
    edition as it was published. It is kept and never removed.
    """
    if not (editions / name).exists():
        return
    aside, number = editions / UNLISTED / name, 1
    while aside.exists():
        number += 1
        aside = aside.with_name(f"{name}-{number}")
    aside.parent.mkdir(exist_ok=True)
    (editions / name).replace(aside)


def _files(draft: Draft) -> Iterator[tuple[str, bytes]]:
    """Everything but the pages: path below the edition, content."""
    yield "headline.json", _text(draft.headline).encode()
    if draft.change is not None:
        yield "change.json", _text(draft.change).encode()
    if draft.claims is not None:
        yield "claims.json", draft.claims.read_bytes()
    for path, source in draft.results.items():
        yield f"results/{path}", source.read_bytes()
    for source in sorted(draft.snapshot.rglob("*")):
        if source.is_file():
            yield f"{STATE}/{source.relative_to(draft.snapshot).as_posix()}", source.read_bytes()
    yield CODE_ARCHIVE, archive(package_fingerprint())


def _pages(draft: Draft, editions: Path, making: Path, earlier: Collection[str]) -> dict[str, str]:
    """Link the built pages in; returns their hashes, those of HTML without its status.

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
            page = linked(content.decode("utf-8"), path, earlier)
            # The hash is of the page with an empty status, which changes when a later edition
            # comes.
            content = with_placeholder(page).encode()
        hashes[f"{PAGES}/{path}"] = place(editions, content, making / PAGES / path)
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
            "package": package_fingerprint(),
            "figures": figures_fingerprint(),
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
                place(editions, wanted.encode(), edition.folder / PAGES / path)
    for name, text in pages(history).items():
        write_whole(editions / name, text)
    sweep(editions)


def pages_of(edition: PastEdition) -> Iterator[tuple[str, str]]:
    """Path and text of each page of an edition."""
    folder = edition.folder / PAGES
    for path in sorted(folder.rglob("*.html")):
        yield path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")


def expected_page(history: History, edition: PastEdition, path: str, page: str) -> str:
    """A page as it should stand, whatever its status says now."""
    empty = blank(page)
    with_pages = [one.name for one in history.editions if one.pages]
    status = line(edition, path, empty, _correction(history, edition), with_pages)
    return filled(empty, status)


def _correction(history: History, edition: PastEdition) -> Corrected | None:
    """What was corrected between an edition and its correction, seen from either."""
    if edition.status == "corrected":
        was, now = edition, history.named(edition.replaced_by)
    elif edition.correction:
        same = [one for one in history.editions if one.quarter == edition.quarter]
        # Corrections are numbered, so the one before stands at the place one lower.
        was, now = same[edition.correction - 1], edition
    else:
        return None
    texts = [{key: str(one["text"]) for key, one in e.claims.items()} for e in (was, now)]
    return Corrected(
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
