"""What of the package counts as code that figures rest on: one list, asked by all who ask that.

Every module is of one class. A lock fixes those that a verdict goes through (`DECIDES`), so that a
change to one makes a look exploratory. An edition names those that any figure rests on (`DECIDES`
and `COUNTS`), so that a change to one is a cause of its own when figures move. What only shows or
publishes figures (`SHOWS`) changes none. A pattern is a module, or a folder with all below it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from evaluation import fingerprint
from evaluation.workspace import BOOK_SHELL, package

Class = Literal["decides", "counts", "shows"]

DECIDES = (
    "quarters.py",
    "wording.py",
    "declared.py",
    "instrument.py",
    "programme.py",
    "protocol.py",
    "panel.py",
    "columns.py",
    "estimate/",
    "diagnose/",
    "finding/feasibility.py",
    "finding/judge.py",
    "finding/models.py",
    "finding/sentences.py",
    "finding/undo.py",
    "finding/verdict.py",
    "study/interim_analyses.py",
    "study/run.py",
    "study/stored_assignments.py",
    "study/study.py",
)
"""From the panel to the judgement: what a verdict goes through."""
COUNTS = (
    "__init__.py",
    "agreements.py",
    "authorities.py",
    "connect/",
    "errors.py",
    "finance.py",
    "fingerprint.py",
    "geography.py",
    "prices.py",
    "tables.py",
    "workspace.py",
    "check/",
    "design/",
    "disclosure/",
    "finding/__init__.py",
    "finding/grade.py",
    "finding/refutation.py",
    "finding/theory.py",
    "learning/",
    "ledger/",
    "returns/",
    "simulate/",
    "study/__init__.py",
    "study/accounts_record.py",
    "study/challenge.py",
    "study/code.py",
    "study/freeze.py",
    "study/heterogeneity.py",
    "study/learned.py",
    "study/lives_record.py",
    "study/lock.py",
    "study/lock_status.py",
    "study/planning.py",
    "study/prospect.py",
    "study/protocol_check.py",
    "study/protocol_documents.py",
    "study/protocol_rules.py",
    "study/record.py",
    "study/results.py",
    "study/survey_rules.py",
    "study/written.py",
    "value/",
    "wave/",
)
"""What else a figure of an edition may rest on: how returns are read and kept, money, results."""
SHOWS = (
    "cli/",
    "demo.py",
    "drawing/",
    "edition/",
    "portal/",
    "progress.py",
    "publish/",
    "release/",
    "setup/",
)
"""What only shows or publishes figures."""
CLASSES: dict[Class, tuple[str, ...]] = {"decides": DECIDES, "counts": COUNTS, "shows": SHOWS}


def classes_of(module: str) -> list[Class]:
    """The classes of a module, by its path below the package; one, if the lists are whole."""
    return [name for name, patterns in CLASSES.items() if _matches(module, patterns)]


def _matches(module: str, patterns: tuple[str, ...]) -> bool:
    return any(module == one or (one.endswith("/") and module.startswith(one)) for one in patterns)


def code_files() -> dict[str, str]:
    """SHA-256 of each file that a verdict goes through, by its path: what a lock fixes."""
    return _hashes(package(), DECIDES)


def code_fingerprint() -> str:
    """SHA-256 over the names and contents of those files."""
    return fingerprint.of_data(code_files())


def figures_files() -> dict[str, str]:
    """SHA-256 of each module that any figure rests on, by its path: what an edition names."""
    return _hashes(package(), SHOWS, others=True)


# Kept for the process: what runs is what was loaded, whatever becomes of the files.
@lru_cache(maxsize=8)
def figures_fingerprint(root: Path | None = None) -> str:
    """SHA-256 over the code that any figure rests on: everything below the pages."""
    return fingerprint.of_data(_hashes(root or package(), SHOWS, others=True))


@lru_cache(maxsize=8)
def package_fingerprint(root: Path | None = None) -> str:
    """SHA-256 over every line of the package's code, as it was when it was first asked for.

    What runs is what was loaded, whatever is written to the files meanwhile.
    """
    return source_fingerprint(root or package())


def source_fingerprint(root: Path) -> str:
    """The same of the files as they are now."""
    return fingerprint.of_data(_hashes(root, (), others=True))


def _hashes(root: Path, patterns: tuple[str, ...], *, others: bool = False) -> dict[str, str]:
    """SHA-256 of each module of these patterns, or of all ``others``, by its path."""
    # Sorted and with forward slashes: the same code has the same hash on every system.
    modules = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*.py"))}
    return {
        name: fingerprint.of_bytes(path.read_bytes())
        for name, path in modules.items()
        # In a wheel the book's frame lies in the package, in a checkout beside it.
        if path.relative_to(root).parts[0] != BOOK_SHELL and _matches(name, patterns) is not others
    }
