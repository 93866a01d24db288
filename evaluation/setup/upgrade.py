"""A workspace and its ledger brought to this version, with a report of what was done.

Nothing that a person wrote is written over: what differs is named, with what to do about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.errors import ProtocolError, UserError
from evaluation.ledger.ledger import Ledger
from evaluation.programme import Programme
from evaluation.setup.beginning import NOT_TAKEN, write_frame
from evaluation.setup.costs import costs_to_returns
from evaluation.setup.declarations import SCHEMAS_HERE, WHOLE_FILES, schema, write_schemas
from evaluation.study.code import code_fingerprint
from evaluation.study.lock import Lock, relock_command
from evaluation.study.lock_status import changed_code
from evaluation.study.results import read_results
from evaluation.workspace import packaged_book, write_whole

if TYPE_CHECKING:
    from evaluation.workspace import Workspace

# How a book is drawn: the framework's own, and kept apart before it is replaced.
MACHINERY = ("_config.yml", "_ext", "_static", "_templates")
STAMP = "version"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that was looked at. mend : what is left for a person to do; empty where nothing."""

    what: str
    changed: bool = False
    mend: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    """The version that the workspace is at now, and each step."""

    version: str
    done: tuple[Step, ...]


def upgrade(workspace: Workspace) -> Upgraded:
    """Bring everything of a workspace to this version, in the order in which it depends.

    Raises
    ------
    LedgerError : the ledger was written by a later version, or cannot be brought up to date.
        Nothing else was touched then.
    """
    now = version("newstart-evaluation")
    steps = [
        *_ledger(workspace),
        *_programmes(workspace),
        *_studies(workspace),
        *_book(workspace),
        *_schemas(workspace),
    ]
    write_whole(workspace.var / STAMP, now + "\n")
    return Upgraded(version=now, done=tuple(steps))


def _ledger(workspace: Workspace) -> Iterator[Step]:
    if not workspace.has_ledger:
        yield Step(what="there is no ledger yet")
        return
    before = Ledger.tables_at(workspace.database)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        after = Ledger.tables_at(workspace.database)
        sealed, keys = ledger.seal_files(), ledger.keys.folder
        found = ledger.verify()
    moved = before != after
    yield Step(
        what=f"the ledger's tables are at {after}" + (f", from {before}" if moved else ""),
        changed=moved,
    )
    yield Step(
        what=f"{sealed} raw files are sealed now, each under its data key ({keys}: copy it apart)"
        if sealed
        else "raw files are sealed",
        changed=bool(sealed),
    )
    first = f" (first: {found.broken[0].what})" if found.broken else ""
    yield Step(
        what=f"{found.returns} returns and their chain hold"
        if found.ok
        else f"{len(found.broken)} records of the ledger do not hold{first}",
        mend="" if found.ok else "newstart ledger verify; restore a back-up if one holds",
    )


def _programmes(workspace: Workspace) -> Iterator[Step]:
    for name in workspace.programmes:
        try:
            programme = Programme.load(workspace, name)
        except UserError as error:
            yield Step(
                what=f"{name}: this version refuses its declaration: {error.what}", mend=error.mend
            )
        else:
            yield Step(what=f"{name}: its declaration is read as it is")
            if programme.costs and programme.money is None:
                yield _costs(workspace, programme)


def _costs(workspace: Workspace, programme: Programme) -> Step:
    try:
        done = costs_to_returns(workspace, programme)
    except UserError as error:
        return Step(what=f"{programme.name}: its costs stay a table: {error.what}", mend=error.mend)
    ahead = f", {done.planned} rows that lie ahead a table of planned costs" if done.planned else ""
    return Step(
        what=f"{programme.name}: its costs became {done.returns} returns of finance "
        f"departments{ahead} (the table as it was: {done.kept.relative_to(workspace.root)})",
        changed=True,
        mend="let somebody of finance sign what comes next: people, roles: [finance]",
    )


def _studies(workspace: Workspace) -> Iterator[Step]:
    for path in sorted(workspace.studies.glob("*/*/protocol.yaml")):
        name = f"{path.parents[1].name}/{path.parent.name}"
        try:
            lock = Lock.read(path.parent)
        except ProtocolError as error:
            yield Step(what=f"{name}: {error.what}", mend=error.mend)
            continue
        if lock is not None and (said := changed_code(lock, name)):
            yield Step(
                what=f"{name}: {said[0]} Until it is locked anew its looks are exploratory, and "
                "none is written.",
                mend=relock_command(name, exploratory=lock.exploratory),
            )
        elif lock is not None:
            yield Step(what=f"{name}: its lock holds")
        yield from _results(workspace, name)


def _results(workspace: Workspace, name: str) -> Iterator[Step]:
    """Whether the results are those of this version's code: pages are made of them."""
    run = f"newstart study run {name}"
    try:
        results = read_results(workspace, name)
    except UserError:
        yield Step(what=f"{name}: it has no results that this version reads", mend=run)
        return
    if results.code_fingerprint != code_fingerprint():
        yield Step(what=f"{name}: its results are of another version's code", mend=run)


def _book(workspace: Workspace) -> Iterator[Step]:
    """The frame is replaced, kept apart before; a page that differs is somebody's, and stays."""
    if not workspace.book.is_dir():
        write_frame(workspace.book)
        yield Step(what="there was no book: its frame is written", changed=True)
        return
    shell, aside = packaged_book(), workspace.var / "before_upgrade" / "book"
    if shell.resolve() == workspace.book.resolve():
        yield Step(what="the book's frame is this version's own")
        return
    added, replaced, differing = [], [], []
    for path in sorted(shell.rglob("*")):
        name = path.relative_to(shell)
        own = workspace.book / name
        if not path.is_file() or _not_taken(name):
            continue
        if not own.exists():
            added.append(name)
        elif own.read_bytes() == path.read_bytes():
            continue
        elif name.parts[0] in MACHINERY or name.suffix == ".json":
            write_whole(aside / name, own.read_bytes())
            replaced.append(name)
        else:
            differing.append(name)
            continue
        # Whole: what a kill cut short would be kept apart next time, over somebody's own.
        write_whole(own, path.read_bytes())
    yield Step(
        what=f"the book's frame: {len(added)} files added, {len(replaced)} replaced"
        + (f" (as they were: {aside.relative_to(workspace.root)})" if replaced else ""),
        changed=bool(added or replaced),
    )
    if differing:
        named = ", ".join(str(one) for one in differing)
        yield Step(
            what=f"{len(differing)} pages differ from this version's and are left: {named}",
            mend=f"compare them with those in {shell}",
        )


def _not_taken(name: Path) -> bool:
    """Whether a file, or a folder that it lies in, is none of a workspace's frame."""
    return any(fnmatch(part, pattern) for part in (*name.parts, name.name) for pattern in NOT_TAKEN)


def _schemas(workspace: Workspace) -> Iterator[Step]:
    folder = workspace.root / SCHEMAS_HERE
    paths = {name: folder / f"{name}.schema.json" for name in WHOLE_FILES}
    same = all(
        path.is_file() and json.loads(path.read_text(encoding="utf-8")) == schema(name)
        for name, path in paths.items()
    )
    if not same:
        write_schemas(folder)
    yield Step(what=f"{SCHEMAS_HERE}/ holds the schemas for editors", changed=not same)
