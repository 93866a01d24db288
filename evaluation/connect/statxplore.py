"""Stat-Xplore: Universal Credit and other benefits by small area, as nested cubes of counts.

A cube is read by the ids that come with it and not by place, and its cells are counted: a cube of
another length would put every later figure under another area. Cells carry a random error by
design, and a cell without a figure is no zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from evaluation.connect.door import Request
from evaluation.connect.pulls import Puller, Unusable
from evaluation.connect.readings import (
    NOT_AVAILABLE,
    Answered,
    Reading,
    Wanted,
    as_text,
    refuse_twice,
)
from evaluation.connect.recipes import StatXploreRecipe
from evaluation.wording import Sentence, count

M = TypeVar("M", bound=BaseModel)
_TOO_MANY = 1e12


def read_statxplore(
    recipe: StatXploreRecipe, wanted: Wanted, puller: Puller, base: str
) -> Answered:
    """Every cell for the months of one period.

    Raises
    ------
    SourceError : a table cannot be had, or its cube does not fit what was asked for.
    """
    months = wanted.months[-1:] if recipe.month_to_quarter == "last" else wanted.months
    readings: list[Reading] = []
    for start in range(0, len(wanted.codes), recipe.areas_at_once):
        codes = wanted.codes[start : start + recipe.areas_at_once]
        asked = _Asked(
            months={recipe.date_value.format(month=one.replace("-", "")): one for one in months},
            codes={recipe.area_value.format(code=one): one for one in codes},
        )
        request = Request(
            url=base + recipe.request,
            method="POST",
            body=json.dumps(_question(recipe, asked), separators=(",", ":")).encode(),
            headers={"Content-Type": "application/json", "Accept-Language": "en"},
        )
        readings += puller.pull(request, partial(_read_cube, recipe=recipe, asked=asked))
    missing = sum(one.figure is None for one in readings)
    remarks = [
        Sentence.of(
            "{cells} cells have no figure and are missing, not zero.", "null", cells=count(missing)
        )
    ]
    expected = len(months) * len(wanted.codes)
    return Answered(readings, expected, len(readings), remarks if missing else [])


class _Asked(NamedTuple):
    """The ids that were asked for -> the months and codes that they stand for."""

    months: Mapping[str, str]
    codes: Mapping[str, str]


def _question(recipe: StatXploreRecipe, asked: _Asked) -> dict[str, Any]:
    recodes: dict[str, Any] = {
        recipe.date_field: {"map": [[one] for one in asked.months], "total": False},
        recipe.area_field: {"map": [[one] for one in asked.codes], "total": False},
    }
    # Values in one list are added up by the source: its random error enters once and not for each.
    recodes |= {
        name: {"map": [list(values)], "total": False} for name, values in recipe.only.items()
    }
    return {
        "database": recipe.database,
        "measures": [recipe.measure],
        "dimensions": [[name] for name in recodes],
        "recodes": recodes,
    }


class _Item(BaseModel):
    type: str = ""
    uris: tuple[str, ...] = ()


class _Field(BaseModel):
    uri: str
    items: tuple[_Item, ...]


class _Cube(BaseModel):
    values: Any


class _Table(BaseModel):
    fields: tuple[_Field, ...]
    cubes: dict[str, _Cube]


def _read_cube(path: Path, recipe: StatXploreRecipe, asked: _Asked) -> list[Reading]:
    table = read_shape(path, _Table, "table")
    places = {field.uri: place for place, field in enumerate(table.fields)}
    if lacking := [name for name in (recipe.date_field, recipe.area_field) if name not in places]:
        raise Unusable(f"its table has no field {lacking[0]}", again=False)
    labels = [_labels(field, recipe, asked) for field in table.fields]
    if recipe.measure not in table.cubes:
        raise Unusable(f"its table does not hold {recipe.measure}", again=False)
    at = places[recipe.date_field], places[recipe.area_field]
    readings = []
    for cell in _cells(table.cubes[recipe.measure].values, labels, ()):
        month, code = cell.labels[at[0]], cell.labels[at[1]]
        if month is not None and code is not None and None not in cell.labels:
            status = NOT_AVAILABLE if cell.value is None else ""
            readings.append(Reading(code, month, cell.value, status))
    refuse_twice(readings)
    expected = len(asked.months) * len(asked.codes)
    if len(readings) != expected:
        raise Unusable(f"its cube has {len(readings):,} cells, where {expected:,} were asked for")
    return readings


def _labels(field: _Field, recipe: StatXploreRecipe, asked: _Asked) -> list[str | None]:
    """What each item of a field stands for; None for a total, which is left out.

    Raises
    ------
    Unusable : an item that was not asked for: another month, or an area of another vintage.
    """
    known = {recipe.date_field: asked.months, recipe.area_field: asked.codes}.get(field.uri)
    found: list[str | None] = []
    for item in field.items:
        if item.type == "Total" or not item.uris:
            # A field that is added up has one item, and that is what was asked for.
            found.append("" if known is None and len(field.items) == 1 else None)
        elif known is None:
            found.append("")
        elif item.uris[0] in known:
            found.append(known[item.uris[0]])
        else:
            raise Unusable(
                f"its table holds {item.uris[0]}, which nobody asked for: the id says the vintage "
                f"of the areas, and the recipe says {recipe.vintage or recipe.area_value}",
                mend="see the schema of the database, and mend the ids in the recipe",
                again=False,
            )
    return found


class _Cell(NamedTuple):
    labels: tuple[str | None, ...]
    value: float | None


def _cells(
    values: Any, labels: Sequence[Sequence[str | None]], before: tuple[str | None, ...]
) -> Iterator[_Cell]:
    """Every cell of a nested cube with its labels.

    Raises
    ------
    Unusable : at some depth there are more or fewer values than items.
    """
    if not labels:
        number = isinstance(values, int | float) and not isinstance(values, bool)
        # Larger than any count of people, so that it becomes neither infinite nor a rounded number.
        if values is not None and not (number and abs(values) < _TOO_MANY):
            raise Unusable(f"{str(values)[:20]!r} stands where a figure should be", again=False)
        yield _Cell(before, None if values is None else float(values))
        return
    if not isinstance(values, list) or len(values) != len(labels[0]):
        got = f"{len(values):,}" if isinstance(values, list) else "no list of"
        raise Unusable(
            f"its cube has {got} values where its field has {len(labels[0]):,} items: figures "
            "would fall under other areas"
        )
    for value, label in zip(values, labels[0], strict=True):
        yield from _cells(value, labels[1:], (*before, label))


def read_shape(path: Path, shape: type[M], what: str) -> M:
    """An answer in JSON as a model of ours; what more it holds is left.

    Raises
    ------
    Unusable : it breaks off, is an error in place of an answer, or has another shape.
    """
    content = read_json(path)
    try:
        return shape.model_validate(content)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        said = said_in(content) if {"error", "errors", "message"} & set(content) else ""
        said = said or f"{place}: {first['msg']}"
        raise Unusable(f"its answer is no {what} ({said})") from None


def read_json(path: Path) -> dict[str, Any]:
    """An answer in JSON, whole.

    Raises
    ------
    Unusable : it breaks off, is no JSON, or no object.
    """
    text = as_text(path.read_bytes())
    if not text.strip():
        raise Unusable("its answer is empty")
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        # A text that breaks off inside a string is unterminated from the string's beginning on.
        ends = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        raise Unusable(
            "its answer breaks off" if ends else f"its answer is no JSON ({error.msg})"
        ) from None
    except RecursionError:
        raise Unusable("its answer is nested deeper than any table") from None
    except ValueError:
        # Python refuses whole numbers of more than 4,300 digits.
        raise Unusable("a number in its answer is longer than any figure", again=False) from None
    if not isinstance(content, dict):
        raise Unusable("its answer is a list where a table should be")
    return content


def _refuse_constant(name: str) -> float:
    raise Unusable(f"{name} stands where a figure should be", again=False)


def said_in(content: Mapping[str, Any]) -> str:
    """What an answer that is no data says: services put errors into an answer with status 200."""
    error = content.get("error", content.get("errors", content))
    if isinstance(error, list) and error:
        error = error[0]
    if isinstance(error, dict):
        error = error.get("message") or error.get("title") or error.get("detail") or "no reason"
        message = content.get("message")
        error = message if isinstance(message, str) and error == "no reason" else error
    return " ".join(str(error).split())[:160]
