"""Files of declarations as models: one base, one reader of YAML, one telling of a fault."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError

from evaluation.errors import PeriodError, UserError, WorkspaceError
from evaluation.quarters import Period

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails


def _period(given: Any) -> Period:
    try:
        return given if isinstance(given, Period) else Period.parse(given, "Q", "A", "M")
    except PeriodError as error:
        # As a fault of its entry, so that it is told with the file and the place.
        raise ValueError(f"{error.what.rstrip('.')} (expected {error.expected})") from None


PeriodField = Annotated[Period, BeforeValidator(_period), PlainSerializer(str)]

M = TypeVar("M", bound=BaseModel)


_TRUTH = "tag:yaml.org,2002:bool"


def _loader(base: type[Any]) -> Any:
    """A parser of YAML with two rules of ours.

    True and false alone are truth values, as in YAML 1.2: by YAML 1.1 the key ``on`` would be True,
    and ``dpia: no`` no text. Fields of truth values read yes, no, on and off all the same. A day
    that no calendar has is an error of YAML, with its line.
    """
    resolvers = {
        first: [one for one in held if one[0] != _TRUTH]
        for first, held in base.yaml_implicit_resolvers.items()
    }
    ours: Any = type(base.__name__, (base,), {"yaml_implicit_resolvers": resolvers})
    truths = re.compile("(?:true|True|TRUE|false|False|FALSE)$")
    ours.add_implicit_resolver(_TRUTH, truths, list("tTfF"))
    ours.add_constructor("tag:yaml.org,2002:timestamp", _calendar_day)
    return ours


def _calendar_day(loader: Any, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value} is no day of the calendar ({error})", node.start_mark
        ) from None


# The parser of libyaml takes a tenth of the time; PyYAML's words an error with the line.
_QUICK, _PLAIN = _loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)), _loader(yaml.SafeLoader)


class Frozen(BaseModel):
    """Base of the models read from files: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed; what was worked out from the old ones is left behind."""
        copied = super().model_copy(update=update, deep=deep)
        # pydantic copies cached properties too, which would go on telling of the old fields.
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


def read_text(path: Path) -> str:
    """The text of a file that a person saved: UTF-8 or UTF-16, with or without a mark of order.

    Raises
    ------
    WorkspaceError : the file is missing, cannot be read, or is of another encoding.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        elsewhere = Path(str(path).replace("\\", "/"))
        if elsewhere != path and elsewhere.is_file():
            return read_text(elsewhere)  # as it is written on another system
        raise WorkspaceError("the file does not exist.", where=str(path)) from None
    except OSError as error:
        why = "is a folder and no file" if path.is_dir() else f"cannot be read ({error.strerror})"
        raise WorkspaceError(f"{why}.", where=str(path)) from None
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        # Lines may end as on any system.
        text = content.decode("utf-16" if wide else "utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise WorkspaceError(
            "its letters are not written as UTF-8.",
            where=f"{path}, line {line}",
            mend="save it as UTF-8 (in a spreadsheet: CSV UTF-8)",
        ) from None


class TableRow(dict[str, str]):
    """A row of a table by its headings, without what is empty; ``line`` is its line in the file."""

    line: int = 0


class _Line(NamedTuple):
    number: int
    cells: list[str]


def _numbered(lines: Any) -> Iterator[_Line]:
    for cells in lines:
        yield _Line(lines.line_num, cells)


def read_table(path: Path) -> Iterator[TableRow]:
    """The rows of a CSV that a person saved: divided by commas, semicolons or tabs.

    Raises
    ------
    WorkspaceError : the file cannot be read, has no headings, or a row has more cells than they.
    """
    text = read_text(path)
    first = text.partition("\n")[0]
    # Where a comma is the decimal mark, spreadsheets divide by semicolons.
    divider = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text), delimiter=divider)
    try:
        cells_of = list(_numbered(lines))
    except csv.Error as error:
        raise WorkspaceError(
            f"it is no table ({error}).", where=f"{path}, line {lines.line_num}"
        ) from None
    headings = [one.strip() for one in (cells_of[0].cells if cells_of else [])]
    if not any(headings):
        raise WorkspaceError("it has no headings.", where=f"{path}, line 1")
    for line, cells in cells_of[1:]:
        held = [one.strip() for one in cells]
        if beyond := [one for one in held[len(headings) :] if one]:
            raise WorkspaceError(
                f"this row has {len(cells)} cells and the headings are {len(headings)}: "
                f"{beyond[0]!r} stands under none.",
                where=f"{path}, line {line}",
                mend=f'put a cell that holds a "{divider}" in quotes' if divider != "\t" else "",
            )
        # A heading that is empty names nothing, unless something stands under it.
        row = TableRow((name, one) for name, one in zip(headings, held, strict=False) if one)
        row.line = line
        if row:
            yield row


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping from a file.

    Raises
    ------
    WorkspaceError : if the file is missing, is no YAML, or holds no mapping.
    """
    try:
        content = parsed_yaml(read_text(path))
    except yaml.YAMLError as error:
        raise WorkspaceError(f"no valid YAML: {error}", where=str(path)) from None
    if not isinstance(content, dict):
        raise WorkspaceError("holds no mapping of names to values.", where=str(path))
    return content


def parsed_yaml(text: str) -> Any:
    """What a YAML text holds.

    Raises
    ------
    yaml.YAMLError : it is no YAML, or holds a day that no calendar has.
    """
    try:
        return yaml.load(text, Loader=_QUICK)
    except yaml.YAMLError:
        return yaml.load(text, Loader=_PLAIN)


def validated(
    model: type[M],
    content: dict[str, Any],
    path: Path,
    error: type[UserError] = WorkspaceError,
    *,
    expected: str = "",
    line: int = 0,
) -> M:
    """The content of a file as a model of ours.

    Parameters
    ----------
    error : the kind of error to raise. expected : the file's shape in words, where that says more
        than what the entry at fault would take. line : of the file, where a row is at fault.

    Raises
    ------
    UserError : of the kind asked for, for the first entry that is missing, unknown or wrong.
    """
    try:
        return model.model_validate(content)
    except ValidationError as wrong:
        first, count = wrong.errors()[0], wrong.error_count()
        place = _place(first["loc"], content)
        more = f" ({count} faults in all)" if count > 1 else ""
        shape, mend = _mend(model, first, place)
        if line and first["type"] == "missing":
            mend = f"fill in its cell, or add the column {place}"
        raise error(
            f"{place or 'the file'}: {first['msg']}{more}.",
            where=f"{path}, line {line}" if line else str(path),
            expected=expected or shape,
            mend=mend,
        ) from None


def _place(loc: Sequence[int | str], content: Any) -> str:
    """Where a fault lies, in the entries of the file: without which of several models was tried."""
    parts, here = [], content
    for number, part in enumerate(loc, start=1):
        if isinstance(here, Mapping) and part not in here and number < len(loc):
            continue
        parts.append(str(part))
        if isinstance(here, Mapping):
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
    return ".".join(parts)


def _mend(model: type[BaseModel], fault: ErrorDetails, place: str) -> tuple[str, str]:
    """What the entry at fault would take, and what to do about it."""
    if fault["type"] == "missing":
        return "", f"add a line for {place}"
    if fault["type"] == "extra_forbidden":
        known = list(fields_at(model, fault["loc"][:-1]))
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
        mend = f"did you mean {near[0]}?" if near else f"take {place} out: nothing reads it"
        return (f"one of {', '.join(known)}" if known else ""), mend
    taken = str(fault.get("ctx", {}).get("expected", ""))
    return (f"one of {taken}" if taken else ""), f"mend {place or 'what it says'}, or restore it"


def fields_at(model: type[BaseModel], place: Sequence[int | str]) -> dict[str, FieldInfo]:
    """The fields of the model that lies at a place inside another; none where no model lies."""
    fields: Any = model.model_fields
    for part in place:
        if isinstance(part, int):
            continue
        held = fields[part].annotation if part in fields else None
        arms = getattr(held, "__args__", (held,))
        fields = next((a.model_fields for a in arms if a and hasattr(a, "model_fields")), {})
    return dict(fields)


def starts_on_days(declared: Mapping[str, Any]) -> Any:
    """The sites as declared, with a start that is a day told as the period that it lies in."""
    sites, frequency = declared.get("sites"), declared.get("frequency")
    try:
        counted = frequency or Period.parse(declared.get("first")).frequency
    except PeriodError:
        return sites
    # What is no list of mappings is told by the model, at its place.
    if not isinstance(sites, list) or counted not in ("Q", "M", "A"):
        return sites
    found = []
    for site in sites:
        day = _day(site.get("start")) if isinstance(site, dict) else None
        if day is not None and site.get("began") in (None, day):
            site = {**site, "start": Period.around(day, counted), "began": day}
        found.append(site)
    return found


def _day(given: object) -> date | None:
    """A day as YAML reads it, or as text; None for anything else."""
    if isinstance(given, date):
        return date(given.year, given.month, given.day)
    try:
        return Period.parse(given, "D").first_day
    except PeriodError:
        return None
