"""What every verb shares: the global options, and how results and messages are printed.

Results go to standard output: everything that a check finds is one, also that a file cannot be read
at all. What is said about the run goes to standard error, and so does why it could not run.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluation.errors import BookError, UserError, WorkspaceError
from evaluation.workspace import Workspace

if TYPE_CHECKING:
    from rich.table import Table

    from evaluation.ledger.ledger import Ledger
    from evaluation.programme import Programme

GOOD, PROBLEMS, COULD_NOT_RUN = 0, 1, 2

_ENDLESS = 100_000

By = Annotated[str, typer.Option(help="Who does it: a person or a service.", envvar="NEWSTART_BY")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@dataclass(frozen=True, kw_only=True)
class Session:
    """The global options: where to work and on which programme."""

    folder: Path | None
    asked: str | None = None
    debug: bool = False

    @property
    def workspace(self) -> Workspace:
        return Workspace.find() if self.folder is None else Workspace.at(self.folder)

    def workspace_or_new(self) -> Workspace:
        """The workspace, or the folder in which one is begun; none lies above it."""
        try:
            return self.workspace
        except WorkspaceError:
            from evaluation.setup.beginning import frame

            return frame((self.folder or Path.cwd()).resolve())

    @property
    def programme_name(self) -> str:
        """The programme asked for, else the only one of the workspace, else the default."""
        return self.workspace.programme(self.asked)

    @cached_property
    def programme(self) -> Programme:
        """The programme as it is declared; read once for a command."""
        from evaluation.programme import Programme

        return Programme.load(self.workspace, self.programme_name)

    def stays_inside(self, programme: str = "") -> str:
        """Say that what was printed or written is not for publication, if it is not.

        Parameters
        ----------
        programme : another than that of the session, or one of its studies.

        Returns
        -------
        The sentence, for a note in the file; "" for figures that may leave.
        """
        from evaluation.ledger.unreleased import inside_only
        from evaluation.programme import Programme

        name = programme.partition("/")[0] or self.programme_name
        try:
            declared = Programme.load(self.workspace, name, collecting=False)
            sentence = inside_only(self.workspace, declared)
        except (WorkspaceError, BookError):
            # The figures can be read all the same; nobody knows that they may leave.
            sentence = f"Not for publication: what {name} is, or who sent to it, cannot be read."
        if sentence:
            say(sentence)
        return sentence

    def ledger(self) -> Ledger:
        """The ledger of this workspace, opened when a verb asks for it."""
        from evaluation.ledger.ledger import Ledger

        return Ledger.open(self.workspace.database, self.workspace.raw)


def writable(path: Path, endings: tuple[str, ...]) -> None:
    """Refuse an output file before anything is computed for it.

    Raises
    ------
    UserError : another ending, a folder of that name, or one around it that does not exist.
    """
    if path.suffix.lower() not in endings:
        raise UserError(
            f"it cannot be written as {path.suffix or 'a file without an ending'}.",
            where=str(path),
            expected=" or ".join(endings),
        )
    if path.is_dir():
        raise UserError("this is a folder, where a file should be.", where=str(path))
    if not path.resolve().parent.is_dir():
        raise UserError(
            "the folder does not exist.", where=str(path.parent), mend="make it, or name another"
        )


def print_json(content: Any) -> None:
    """A result for programs, on standard output."""
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(table: Table) -> None:
    """A table for people, on standard output; where that is no terminal, no line is broken."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_ENDLESS)
    console.print(table)


def say(message: str) -> None:
    """A message for people, on standard error."""
    print(message, file=sys.stderr)


def timed(started: float) -> None:
    """Say how long a verb took, from a reading of the monotonic clock."""
    say(f"  done in {time.monotonic() - started:.0f} s")


@contextmanager
def without_collector() -> Iterator[None]:
    """For the time of one check or load: it would walk over a long file's cells again and again.

    None of them is part of a cycle, so nothing is kept longer than it is used.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
