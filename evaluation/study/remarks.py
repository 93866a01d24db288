"""What is to be said of a protocol, each at its line; and the lines of a YAML file's entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import yaml

Severity = Literal["error", "question"]
Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One remark on a protocol: an error keeps it from being frozen, a question asks for a reason.

    line : in ``protocol.yaml``; where something is missing, 1. field : dotted name of the entry.
    """

    rule: str
    severity: Severity
    line: int
    field: str
    message: str
    mend: str

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        return asdict(self)

    def __str__(self) -> str:
        return f"line {self.line}: {self.message} ({self.rule}, {self.severity})\n    {self.mend}"


@dataclass(frozen=True, kw_only=True)
class LinedYaml:
    """A YAML mapping with the line of each of its entries.

    twice : keys that stand twice, with their lines; YAML itself keeps the last one in silence.
    """

    content: dict[str, Any]
    lines: dict[Place, int]
    twice: tuple[tuple[str, int], ...] = ()

    def line(self, *place: str | int) -> int:
        """The line of an entry, or of the nearest one that holds it; 1 where there is none."""
        for end in range(len(place), 0, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 1

    def says(self, *place: str) -> bool:
        """Whether the file has the entry at all."""
        return tuple(place) in self.lines


def read_lined(text: str) -> LinedYaml:
    """The mapping of a YAML text, with its lines.

    Raises
    ------
    yaml.YAMLError : it is no YAML.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    content = yaml.safe_load(text)
    lines: dict[Place, int] = {}
    twice: list[tuple[str, int]] = []
    for place, line, again in _entries((), node):
        if again:
            twice.append((".".join(map(str, place)), line))
        lines[place] = line
    return LinedYaml(
        content=content if isinstance(content, dict) else {}, lines=lines, twice=tuple(twice)
    )


def _entries(place: Place, node: Any) -> Iterator[tuple[Place, int, bool]]:
    """Every entry below a node: its place, its line, and whether its key stood there before."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            here = (*place, str(key.value))
            yield here, key.start_mark.line + 1, key.value in seen
            seen.add(key.value)
            yield from _entries(here, value)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*place, number), value.start_mark.line + 1, False
            yield from _entries((*place, number), value)
