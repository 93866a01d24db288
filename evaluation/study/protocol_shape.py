"""Whether ``protocol.yaml`` can be read at all: YAML, keys, types and ranges, each at its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import ValidationError

from evaluation.programme import fields_at
from evaluation.protocol import Protocol
from evaluation.study.remarks import LinedYaml, Remark, read_lined


def shape(text: str) -> tuple[LinedYaml | None, Protocol | None, list[Remark]]:
    """The lines and the protocol of a text, as far as it can be read, and what is wrong with it."""
    try:
        source = read_lined(text)
    except yaml.YAMLError as error:
        in_brackets = "flow" in (getattr(error, "context", None) or "")
        mark = getattr(error, "context_mark" if in_brackets else "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read"
        return (
            None,
            None,
            [
                _error(
                    "P001",
                    mark.line + 1 if mark else 1,
                    "",
                    f"This is no YAML: {problem}.",
                    "Mend the line: names end with a colon and a space, lists stand in brackets.",
                )
            ],
        )
    if not source.content:
        return (
            source,
            None,
            [
                _error(
                    "P001",
                    1,
                    "",
                    "The file holds no mapping of names to values.",
                    "Begin with: newstart protocol new PROGRAMME/STUDY",
                )
            ],
        )
    remarks = [
        _error(
            "P002",
            line,
            field,
            f"{field} stands twice; only the last one would count.",
            "Keep one of them.",
        )
        for field, line in source.twice
    ]
    try:
        return source, Protocol.model_validate(source.content), remarks
    except ValidationError as error:
        remarks += [_told(one, source) for one in error.errors()]
        return source, None, remarks


def _error(rule: str, line: int, field: str, message: str, mend: str) -> Remark:
    return Remark(rule=rule, severity="error", line=line, field=field, message=message, mend=mend)


def _told(error: Any, source: LinedYaml) -> Remark:
    place = tuple(error["loc"])
    field, line = ".".join(map(str, place)), source.line(*place)
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        near = next(iter(_nearest(str(place[-1]), place)), "")
        mend = f"Did you mean {near}?" if near else "Take it out, or see `newstart protocol new`."
        return _error("P003", line, field, f"A protocol has no {field!r}.", mend)
    if kind == "missing":
        return _error("P004", line, field, f"{field} is missing.", f"Add a line: {field}: ...")
    if field == "primary" and kind == "too_long":
        return _error(
            "P022",
            line,
            field,
            f"{len(given)} outcomes are named as primary, and three are the most.",
            "Choose up to three; the others are secondary.",
        )
    if kind == "literal_error":
        expected = error["ctx"]["expected"]
        rule = "P080" if place[0] == "estimators" else "P005"
        return _error(rule, line, field, f"{field} is {given!r}.", f"It is one of {expected}.")
    return _error(
        "P005",
        line,
        field,
        f"{field} is {_plain(given)}: {error['msg'].lower()}.",
        "Give a value of that kind and range.",
    )


def _plain(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest(name: str, place: tuple[Any, ...]) -> Iterator[str]:
    yield from difflib.get_close_matches(name, list(fields_at(Protocol, place[:-1])), n=1)
