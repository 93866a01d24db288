"""Recipes: what a source is asked for and how its answer becomes returns; one typed declaration.

The package brings recipes for the series that are published alike for every neighbourhood
(``data_schemas/sources.yaml``); a programme's own ``studies/<programme>/sources.yaml`` adds to them
or puts its own in their place, by name. A recipe holds no key: those come from the environment.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from evaluation.connect.installed import InstalledRecipe
from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import WorkspaceError
from evaluation.programme import SITE_SOURCE, Programme
from evaluation.workspace import Workspace, packaged_schemas

ServiceName = Literal["nomis", "statxplore", "police", "ees", "geography"]
SERVICES: Mapping[ServiceName, str] = {
    "nomis": "https://www.nomisweb.co.uk",
    "statxplore": "https://stat-xplore.dwp.gov.uk",
    "police": "https://data.police.uk",
    "ees": "https://api.education.gov.uk",
    "geography": "https://services1.arcgis.com",
}
"""Where each source is, unless ``--base`` points elsewhere."""
_KEYED = re.compile(
    r"(?:^|[?&\s])(?:(?:uid|api[_-]?key|key|token|password)=|(?:api[_-]?key|authorization)\s*:)"
    r"|://[^/?#]*@",
    re.IGNORECASE,
)
_ASB = "anti-social behaviour"
OGL = "Contains public sector information licensed under the Open Government Licence v3.0."


class Denominators(Frozen):
    """What a rate is out of: figures of another recipe, in one year for every quarter."""

    recipe: str
    year: int


class Recipe(Frozen):
    """What every recipe says.

    Parameters
    ----------
    source : the programme's source that sends the return; where none is said, the one that the
        outcome names. outcome : whose figures they are.
    vintage : of the codes that come, like ``LSOA 2021``. month_to_quarter : how three months become
        a quarter; ``carried`` takes a yearly figure for the four quarters from its mid-year on.
    complete_if : without ``every month`` a quarter is made of the months that there are.
    lag_quarters : after how many quarters it is usually published. rounding : to what the source
        rounds, 1 for not at all. perturbed : whether it adds random error to every cell.
    denominator : ``declared`` for the programme's own, ``population`` for that of ``areas.csv``.
    members : a table of the programme with the columns ``area_code, code``: which of the source's
        areas make up each area; without it the codes are the programme's own.
    months : those of a period that are counted, where the others are not wanted; none for all.
    """

    name: str = Field(pattern=r"[a-z][a-z0-9_]*")
    about: str = ""
    source: str = ""
    outcome: str
    licence: str = OGL
    vintage: str = ""
    month_to_quarter: Literal["mean", "sum", "last", "carried"] = "mean"
    complete_if: tuple[Literal["every month", "force file present"], ...] = ("every month",)
    lag_quarters: int = Field(default=1, ge=0)
    rounding: int = Field(default=1, ge=1)
    perturbed: bool = False
    denominator: Literal["declared", "population"] | Denominators = "declared"
    members: str = ""
    months: tuple[int, ...] = ()
    symbols: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _no_key(self) -> Recipe:
        for name, value in self:
            if any(_KEYED.search(text) for text in _texts(value)):
                raise ValueError(f"{name} holds a key; keys come from the environment alone")
        return self

    @property
    def service(self) -> ServiceName | None:
        """The source that answers it; None for a file that is dropped in."""
        kind = getattr(self, "kind", "")
        return next((name for name in SERVICES if name == kind), None)


def _texts(value: Any) -> Iterator[str]:
    """Every text in an entry, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, held in value.items():
            yield from (*_texts(name), *_texts(held))
    elif isinstance(value, tuple):
        for held in value:
            yield from _texts(held)


class NomisRecipe(Recipe):
    """A series of Nomis. ``request`` : path and parameters as they are sent.

    In their place come ``{areas}`` (the codes, some hundred at a time), ``{first}`` and ``{last}``
    (months), ``{year}``, and ``{limit}`` and ``{offset}``, by which it is paged.
    """

    kind: Literal["nomis"]
    request: str
    page: int = Field(default=25_000, ge=1)

    @field_validator("request")
    @classmethod
    def _paged(cls, request: str) -> str:
        if "{offset}" not in request or "record_count" not in request.lower():
            raise ValueError(
                "ask for RecordOffset={offset} and, in select, for record_count: a cut at 25,000 "
                "rows shows in nothing else"
            )
        return request


class StatXploreRecipe(Recipe):
    """A table of Stat-Xplore, by the ids of its schema.

    ``area_value`` holds ``{code}`` and says the vintage; ``date_value`` holds ``{month}``, as
    202602; ``only`` names for other fields the values that are added up.
    """

    kind: Literal["statxplore"]
    request: str = "/webapi/rest/v1/table"
    database: str
    measure: str
    area_field: str
    area_value: str
    date_field: str
    date_value: str
    only: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    areas_at_once: int = Field(default=1_000, ge=1)


class PoliceRecipe(Recipe):
    """Street-level records of the police archive.

    ``files`` : archives that were dropped into ``var/dropped/`` in place of being fetched.
    ``types`` : crime types that are counted together. ``forces`` : slug of each force -> the
    authorities that it polices; a force without any polices all. ``most_blank`` : the share of
    records without an area from which on a force's month is not used.
    """

    kind: Literal["police"]
    request: str = "/data/archive/{month}.zip"
    files: str = ""
    types: tuple[str, ...] = Field(min_length=1)
    forces: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    most_blank: float = Field(default=0.05, gt=0, le=1)

    @field_validator("types")
    @classmethod
    def _apart(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        lower = {one.lower() for one in types}
        if _ASB in lower and len(lower) > 1:
            raise ValueError(
                "anti-social behaviour is no recorded crime and is counted apart: added up, a rise "
                "of the one hides the other"
            )
        return types


class DroppedRecipe(Recipe):
    """Published files that somebody put into a folder, known by what is in them.

    ``files`` : a pattern below ``var/dropped/``, such as ``ae/*.csv``; names change with every
    publication and are not relied on. ``period`` : a regular expression over the text of
    ``period_column`` with the group ``year`` and, where there is one, ``month``, ``quarter`` or
    ``quarter_month`` (a month that stands for its quarter).
    ``codes`` : a regular expression that the codes of areas match; other rows are totals.
    ``only`` : column -> the value that it must have.
    """

    files: str
    area_column: str
    period_column: str = ""
    period: str
    numerator: str
    out_of: str = ""
    codes: str = r"[EWSN]\d{8}"
    only: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_looked_for(self) -> DroppedRecipe:
        try:
            re.compile(self.codes)
            groups = re.compile(self.period).groupindex
        except re.error as error:
            raise ValueError(f"{error.pattern!r} is no regular expression ({error.msg})") from None
        if "year" not in groups:
            raise ValueError("period has no group year: write (?P<year>...)")
        return self


class CsvRecipe(DroppedRecipe):
    """A published CSV."""

    kind: Literal["csv"]


class OdsRecipe(DroppedRecipe):
    """A published spreadsheet (ODS or XLSX).

    ``sheet`` : its title. ``heading_rows`` : how many rows the heading has; their texts are read
    from top to bottom as one. Without ``period_column`` the period is looked for in the rows above.
    """

    kind: Literal["ods"]
    sheet: str
    heading_rows: int = Field(default=1, ge=1, le=12)


class EesRecipe(Recipe):
    """A data set of the Explore Education Statistics API, in one version.

    ``query`` : filters by their ids, which belong to the version. ``year`` : whether an academic
    year is called by the calendar year in which it starts or ends.
    """

    kind: Literal["ees"]
    request: str = "/statistics/v1/data-sets/{data_set}"
    data_set: str
    version: str
    indicator: str
    out_of: str = ""
    level: str = "LA"
    query: str = ""
    year: Literal["starts", "ends"] = "starts"
    page: int = Field(default=1_000, ge=1)


class GeographyRecipe(Frozen):
    """A lookup of the ONS geography portal; it makes a table and no return.

    ``fields`` : the columns wanted; a copy that calls one ``F_LSOA11CD`` is understood.
    """

    kind: Literal["geography"]
    name: str = Field(pattern=r"[a-z][a-z0-9_]*")
    about: str = ""
    request: str = "/ESMARspQHYMw9BZ9/arcgis/rest/services/{layer}/FeatureServer/0/query?where=1=1"
    layer: str
    fields: tuple[str, ...] = Field(min_length=1)
    licence: str = f"{OGL} Contains OS data © Crown copyright and database right."
    vintage: str = ""
    page: int = Field(default=2_000, ge=1)

    @property
    def service(self) -> ServiceName:
        return "geography"


def _kind(given: Any) -> str:
    """The kind of a recipe; one that names none reads an installed file."""
    return str(given.get("kind", "file") if isinstance(given, dict) else given.kind)


AnyRecipe = Annotated[
    Annotated[InstalledRecipe, Tag("file")]
    | Annotated[NomisRecipe, Tag("nomis")]
    | Annotated[StatXploreRecipe, Tag("statxplore")]
    | Annotated[PoliceRecipe, Tag("police")]
    | Annotated[CsvRecipe, Tag("csv")]
    | Annotated[OdsRecipe, Tag("ods")]
    | Annotated[EesRecipe, Tag("ees")]
    | Annotated[GeographyRecipe, Tag("geography")],
    Discriminator(_kind),
]
"""A recipe of any kind, told apart by ``kind``."""


class Recipes(Frozen):
    """What ``sources.yaml`` holds."""

    recipes: tuple[AnyRecipe, ...]


def read_recipes(folder: Path) -> tuple[AnyRecipe, ...]:
    """The recipes of a programme; none if it declares no ``sources.yaml``.

    Raises
    ------
    WorkspaceError : the file has another shape, or two recipes have one name.
    """
    path = folder / "sources.yaml"
    if not path.is_file():
        return ()
    found = validated(Recipes, read_yaml(path), path).recipes
    names = [one.name for one in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise WorkspaceError(
            f"two recipes are called {twice[0]!r}.",
            where=str(path),
            mend="give each a name of its own",
        )
    return found


def all_recipes(workspace: Workspace, programme: Programme) -> tuple[AnyRecipe, ...]:
    """The recipes that the package brings, and the programme's own in place of any of that name."""
    path = packaged_schemas() / "sources.yaml"
    brought = validated(Recipes, read_yaml(path), path).recipes
    own = {one.name: one for one in read_recipes(workspace.studies / programme.name)}
    kept = [own.pop(one.name, one) for one in brought]
    return tuple(_with_source(one, programme) for one in (*kept, *own.values()))


def _with_source(recipe: AnyRecipe, programme: Programme) -> AnyRecipe:
    """A recipe that names no source is sent by the one that its outcome names in the programme."""
    if not isinstance(recipe, Recipe) or recipe.source:
        return recipe
    outcome = programme.outcome_by_code.get(recipe.outcome)
    if outcome is None:
        return recipe
    by_site = outcome.source == SITE_SOURCE
    named = codes_of(outcome.comparison_source if by_site else outcome.source)
    return recipe.model_copy(update={"source": named[0]})


def codes_of(sources: str | tuple[str, ...]) -> tuple[str, ...]:
    """The sources that an outcome names, be it one or several."""
    return (sources,) if isinstance(sources, str) else sources


def chosen(recipes: tuple[AnyRecipe, ...], name: str) -> tuple[AnyRecipe, ...]:
    """The recipe of this name, or all that make the return of the source of this name.

    Raises
    ------
    WorkspaceError : there is neither.
    """
    found = tuple(one for one in recipes if one.name == name)
    found = found or tuple(one for one in recipes if getattr(one, "source", "") == name)
    if not found:
        raise WorkspaceError(
            f"there is no recipe {name!r}.",
            expected=", ".join(one.name for one in recipes),
            mend="see newstart connect list, or write it into the programme's sources.yaml",
        )
    return found


def json_schema() -> str:
    """The JSON schema of ``sources.yaml``, as it lies in ``data_schemas/``."""
    return json.dumps(Recipes.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / "sources.schema.json").write_text(json_schema(), encoding="utf-8")
