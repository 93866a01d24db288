"""How far something has come that takes long, for whoever is waiting at a terminal.

Nothing is said of what is done within five seconds, and then no more often than every five. It is
said on standard error, so that it never mixes with what a command prints, and only where that is a
terminal: not in a notebook, whose pages would keep it, nor in a log.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

Progress = Callable[[str], object]
"""What is told how far something has come: a function of one message."""

SECONDS = 5.0
T = TypeVar("T")


def to_terminal(message: str) -> None:
    """A message on standard error, where that is a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"· {message}", file=sys.stderr, flush=True)


def watched(
    what: str, parts: Iterable[T], *, total: int | None = None, tell: Progress = to_terminal
) -> Iterator[T]:
    """The parts, one by one; every five seconds it is told how many of them are done.

    Parameters
    ----------
    what : what is being done, as a message begins: ``"synthetic controls"``.
    parts : what is gone through. total : how many they are, where they cannot say it themselves;
        without it, only how many are done is told.
    tell : is given the messages.

    Returns
    -------
    The parts as they are given.
    """
    if total is None and isinstance(parts, Sized):
        total = len(parts)
    said = time.monotonic()
    for done, part in enumerate(parts):
        now = time.monotonic()
        if now - said >= SECONDS:
            said = now
            tell(f"{what}: {done}" + (f" of {total}" if total is not None else " done"))
        yield part
