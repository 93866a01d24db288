"""The committed record: where it lies, how it is read and written, and why it was last changed."""

from __future__ import annotations

from pathlib import Path

from tests.golden.plain import Record
from tests.golden.workspace import FILES

HERE = Path(__file__).resolve().parent
REASONS = HERE / "REASONS.md"
SIZES = ("full", "tiny")
_HEAD = "== "


def read(size: str, folder: Path = HERE) -> dict[str, Record]:
    """The record as committed, by the names of its parts."""
    return {part: _sections((folder / size / f"{part}.txt").read_text("utf-8")) for part in FILES}


def write(size: str, record: dict[str, Record], folder: Path = HERE) -> None:
    """Write a record, a file a part."""
    (folder / size).mkdir(exist_ok=True)
    for part, sections in record.items():
        lines = [line for name in sorted(sections) for line in (f"{_HEAD}{name}", *sections[name])]
        (folder / size / f"{part}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def add_reason(size: str, reason: str, changed: int, path: Path = REASONS) -> None:
    """Say at the end of `REASONS` why a record was made anew, and how many facts changed."""
    said = f"- **{size}**, {changed} facts: {reason.strip()}\n"
    path.write_text(path.read_text("utf-8") + said, encoding="utf-8")


def _sections(text: str) -> Record:
    found: Record = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(_HEAD):
            lines = found.setdefault(line.removeprefix(_HEAD), [])
        else:
            lines.append(line)
    return found
