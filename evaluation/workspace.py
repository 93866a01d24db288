"""Where things are: the folder that holds ``studies/``, and what lies under its ``var/``.

The clock is read here too: real, except in a workspace that holds a file ``SYNTHETIC``, where
``NEWSTART_NOW`` sets it, so that a demonstration has vintages and the same hashes on every run.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from evaluation import quarters
from evaluation.errors import WorkspaceError

# Pages about studies lie there in a folder of that name, and notebooks are executed beside them.
GENERATED_PAGES = "_edition"
BOOK_SHELL = "book_shell"
"""The folder of the package in which a wheel carries the book's frame."""
DEFAULT = "new_start"
"""The programme that is meant where several are declared and none is named."""
BEGIN = (
    "begin one with newstart init NAME, look at an invented one with newstart demo, or name yours: "
    "newstart --workspace DIR ..."
)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The paths of one workspace; nothing is created until something is written."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The nearest parent of ``start`` that holds ``studies/``, else ``NEWSTART_WORKSPACE``.

        Raises
        ------
        WorkspaceError : if there is neither.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "studies").is_dir() and folder.name != GENERATED_PAGES:
                return cls(root=folder)
        named = os.environ.get("NEWSTART_WORKSPACE")
        if named and (Path(named) / "studies").is_dir():
            return cls(root=Path(named).resolve())
        raise WorkspaceError(
            "this is no workspace: no folder here or above holds studies/.",
            where=str(here),
            mend=BEGIN,
        )

    @classmethod
    def at(cls, folder: Path) -> Workspace:
        """The workspace of exactly this folder.

        Raises
        ------
        WorkspaceError : it is none.
        """
        if not (folder / "studies").is_dir():
            raise WorkspaceError(
                "the folder holds no studies/.",
                where=str(folder),
                expected="a workspace: studies/ and in it a folder for each programme",
                mend=BEGIN,
            )
        return cls(root=folder.resolve())

    @property
    def programmes(self) -> tuple[str, ...]:
        """The names of the programmes that are declared here, in order."""
        return tuple(sorted(path.parent.name for path in self.studies.glob("*/programme.yaml")))

    def programme(self, asked: str | None) -> str:
        """The programme that is meant: the one asked for, else the only one, else the default.

        Raises
        ------
        WorkspaceError : none is declared; or several are, and none of them is the default.
        """
        there = self.programmes
        if asked is not None or DEFAULT in there:
            return asked or DEFAULT
        if len(there) == 1:
            return there[0]
        raise WorkspaceError(
            f"there are {len(there)} programmes here, and it is not said which is meant."
            if there
            else "no programme is declared here.",
            where=str(self.studies),
            expected=", ".join(there),
            mend="newstart --programme NAME ..." if there else BEGIN,
        )

    @property
    def studies(self) -> Path:
        return self.root / "studies"

    @property
    def book(self) -> Path:
        return self.root / "book"

    @property
    def var(self) -> Path:
        """Everything that the framework writes here, git-ignored."""
        return self.root / "var"

    @property
    def ledger(self) -> Path:
        return self.var / "ledger.sqlite"

    @property
    def database(self) -> Path | str:
        """Where the ledger is kept: the URL in ``NEWSTART_DATABASE``, else the file ``ledger``."""
        return os.environ.get("NEWSTART_DATABASE") or self.ledger

    @property
    def has_ledger(self) -> bool:
        """Whether there is a ledger to read; reading makes none."""
        return bool(os.environ.get("NEWSTART_DATABASE")) or self.ledger.is_file()

    @property
    def raw(self) -> Path | str:
        """Where accepted files are kept by SHA-256: the URL in ``NEWSTART_RAW``, else a folder."""
        return os.environ.get("NEWSTART_RAW") or self.var / "raw"

    @property
    def receipts(self) -> Path:
        return self.var / "receipts"

    @property
    def truth(self) -> Path:
        """What the simulator knows; no step of the pipeline opens it."""
        return self.var / "truth"

    def incoming(self, programme: str) -> Path:
        """Return files made by the simulator or by connectors, before they are submitted."""
        return self.var / "incoming" / programme

    def results(self, programme: str, study: str) -> Path:
        return self.var / "results" / programme / study

    def looks(self, programme: str, study: str) -> Path:
        """The look ledger of a study."""
        return self.var / "looks" / programme / study

    @property
    def schemas(self) -> Path:
        """The declarations: the workspace's own ``data_schemas/``, else the package's copy."""
        own = self.root / "data_schemas"
        return own if own.is_dir() else packaged_schemas()

    @property
    def synthetic(self) -> bool:
        """Whether this workspace is marked as holding invented data only."""
        return (self.root / "SYNTHETIC").is_file()

    @property
    def synthetic_clock(self) -> bool:
        """Whether the clock is set rather than read."""
        return self.synthetic and bool(os.environ.get("NEWSTART_NOW"))

    def now(self) -> datetime:
        """The instant that records are stamped with."""
        if self.synthetic_clock:
            return quarters.parse_instant(os.environ["NEWSTART_NOW"])
        return quarters.now()


def package() -> Path:
    """The folder of this package's source."""
    return Path(str(resources.files("evaluation")))


def packaged_book() -> Path:
    """The pages of the book that no result enters, from the wheel, or from a checkout."""
    inside = package() / BOOK_SHELL
    return inside if inside.is_dir() else inside.parents[1] / "book"


def packaged_tutorial() -> Path:
    """The tutorial's notebooks, from the wheel, or from a checkout, where they stand in docs."""
    inside = package() / "tutorial"
    return inside if inside.is_dir() else inside.parents[1] / "docs" / "tutorial"


def packaged_schemas() -> Path:
    """The declarations shipped in the wheel, or beside the package in a checkout."""
    inside = package() / "data_schemas"
    return inside if inside.is_dir() else inside.parents[1] / "data_schemas"


def write_whole(
    path: Path, content: str | bytes, *, flushed: bool = True, private: bool = False
) -> None:
    """A file that is either as it was or as it should be, on a full disk and in a power cut too.

    Parameters
    ----------
    content : a text is written as UTF-8.
    flushed : False where many are written and the caller has the system flush them together.
    private : readable by its owner alone, from its first moment on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _beside(path)
    try:
        _write(unfinished, content, flushed=flushed, private=private)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)  # nothing, once it has its name
    if flushed:
        sync_folder(path.parent)


def write_once(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """A file that is whole or not there, where nothing may be written over.

    Raises
    ------
    FileExistsError : something lies there; it stays as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _beside(path)
    try:
        _write(unfinished, content, flushed=True, private=private)
        try:
            # A link is refused where there is a file, in the same instant in which it is made.
            os.link(unfinished, path)
        except FileExistsError:
            raise
        except OSError:  # a disk without links, such as a stick
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def _beside(path: Path) -> Path:
    # The numbers, so that neither two commands nor two threads that write one file share it.
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")


def _write(path: Path, content: str | bytes, *, flushed: bool, private: bool) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        if flushed:
            stream.flush()
            # The bytes must be on the disk before they take the name, or a power cut leaves a name
            # with nothing under it.
            os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """A file's new name, or that it is gone, is on the disk only once its folder is."""
    if os.name != "posix":
        return  # Windows opens no folder, and keeps names by itself
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all() -> None:
    """Have the system flush whatever was written: cheaper than file by file where they are many."""
    if os.name == "posix":
        os.sync()


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[bool]:
    """Whether this process holds ``lock`` for the block; false where another does.

    The lock is an open transaction of SQLite: the system gives it back when its process ends,
    however that ends, so that neither a killed command nor another program under its number stands
    in anybody's way.
    """
    import sqlite3

    lock.parent.mkdir(parents=True, exist_ok=True)
    held = sqlite3.connect(lock, timeout=0, isolation_level=None)
    try:
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            yield False
            return
        yield True
    finally:
        held.close()
