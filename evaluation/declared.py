"""Files of declarations as models: one base, one reader of YAML, one telling of a fault."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

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

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping from a file.

    Raises
    ------
    WorkspaceError : if the file is missing, is no YAML, or holds no mapping.
    """
    try:
        content = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorkspaceError("the file does not exist.", where=str(path)) from None
    except yaml.YAMLError as error:
        raise WorkspaceError(f"no valid YAML: {error}", where=str(path)) from None
    if not isinstance(content, dict):
        raise WorkspaceError("holds no mapping of names to values.", where=str(path))
    return content


def _parsed(text: str) -> Any:
    """The parser of libyaml takes a tenth of the time; PyYAML's words an error with the line."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError:
        return yaml.safe_load(text)


def validated(
    model: type[M],
    content: dict[str, Any],
    path: Path,
    error: type[UserError] = WorkspaceError,
    *,
    expected: str = "",
) -> M:
    """The content of a file as a model of ours.

    Parameters
    ----------
    error : the kind of error to raise. expected : the file's shape in words, where that says more
        than what the entry at fault would take.

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
        raise error(
            f"{place or 'the file'}: {first['msg']}{more}.",
            where=str(path),
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
