"""Programme, Site, Area, Outcome: what is evaluated, read from ``studies/<programme>/``.

``programme.yaml`` names sites, calendar and sources; ``areas.csv`` lists the areas; outcomes
come from ``data_schemas/outcomes/`` and the programme's own ``outcomes/``, one file each.
"""

from __future__ import annotations

import csv
import difflib
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from evaluation.errors import UserError, WorkspaceError
from evaluation.quarters import Frequency, Period, period_range
from evaluation.workspace import Workspace

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

Role = Literal["pilot", "comparison", "excluded"]
PeriodField = Annotated[
    Period,
    BeforeValidator(lambda v: v if isinstance(v, Period) else Period.parse(v)),
    PlainSerializer(str),
]
M = TypeVar("M", bound=BaseModel)
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SITE_SOURCE = "site"
OPEN_SITE = "OPEN"


class Frozen(BaseModel):
    """Base of the models read from files: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Bounds(Frozen):
    """Limits of a figure, in the outcome's own unit; None = no limit."""

    low: float | None = None
    high: float | None = None


class Disclosure(Frozen):
    """Counts below ``threshold`` are withheld as ``[c]``; ``rounding`` is kept on record only."""

    threshold: int = 0
    rounding: int = 1


class Outcome(Frozen):
    """A measured indicator.

    ``per`` scales numerator / denominator into ``unit`` (1,000 for a rate per 1,000, 100 for a
    percentage). ``source`` is ``site`` (the site's agency returns it for pilot areas) or a source
    code; ``comparison_source`` gives the comparison areas' figures; ``instrument`` names the
    record that both are taken from. ``unit_cost`` is a key of the unit-cost table.
    """

    code: str
    title: str
    plain_title: str
    people: str = Field(description="what one unit of the numerator is, in the plural")
    domain: str
    unit: str
    form: Literal["ratio", "value"] = "ratio"
    per: float = 1_000
    numerator: str
    denominator: str | None = None
    kind: Literal["stock", "flow"]
    frequency: Literal["quarter", "year"] = "quarter"
    polarity: Literal["up", "down", "care"]
    agency: str
    source: str
    comparison_source: str
    instrument: str
    geography: str = "neighbourhood"
    measured_in: Literal["all areas", "pilot areas only"] = "all areas"
    whole: bool = True
    bounds: Bounds = Bounds(low=0)
    soft_limits: Bounds = Bounds()
    disclosure: Disclosure = Disclosure()
    rounded_to: float | None = Field(default=None, gt=0, description="base its source rounds to")
    unit_cost: str | None = None
    overlap_group: str | None = None
    local_outcomes_framework: str | None = None
    negative_control: bool = False

    @property
    def period_frequency(self) -> Frequency:
        return "Q" if self.frequency == "quarter" else "A"


class Site(Frozen):
    """An organisation of the programme; it starts in a period and serves its pilot areas."""

    code: str
    name: str
    start: PeriodField
    announced: PeriodField | None = None
    agencies: tuple[str, ...] = ()
    about: str = ""


class Area(Frozen):
    """A small area. ``reason`` says why an excluded one is (buffer, other programme ...).

    ``geography`` is the kind of area; an outcome is measured in areas of its own geography.
    """

    code: str
    name: str
    authority: str
    role: Role
    geography: str = "neighbourhood"
    site: str | None = None
    population: int | None = None
    x: float | None = None
    y: float | None = None
    reason: str = ""


class Source(Frozen):
    """An open-data source or national collection that submits returns for many areas."""

    code: str
    name: str
    agency: str
    licence: str = ""
    redistribute: bool = True


class Cost(Frozen):
    """What the programme costs one agency at one site in one period, in ``price_year`` prices."""

    site: str
    agency: str
    kind: Literal["set-up", "running", "in kind"]
    period: PeriodField
    amount: float
    price_year: int


class Denominator(Frozen):
    """What an outcome's figures are out of in one area, fixed before the start."""

    area: str
    outcome: str
    denominator: float = Field(gt=0)


class Deprivation(Frozen):
    """An area's deprivation fifth, 1 the most deprived, and its equivalised income, pounds a year.

    The income is what distributional weights rest on.
    """

    area: str
    fifth: int = Field(ge=1, le=5)
    income: float = Field(gt=0)


class Programme(Frozen):
    """The reform under evaluation: sites, areas, outcomes, calendar."""

    name: str
    title: str
    question: str
    synthetic: bool
    first: PeriodField
    last: PeriodField
    agencies: dict[str, str]
    sources: tuple[Source, ...] = ()
    sites: tuple[Site, ...]
    areas: tuple[Area, ...]
    outcomes: tuple[Outcome, ...]
    costs: tuple[Cost, ...] = ()
    denominators: tuple[Denominator, ...] = ()
    deprivation: tuple[Deprivation, ...] = ()
    due_days: int = Field(default=30, description="days after a period in which returns are due")
    contact: str = Field(default="", description="whom a submitter asks: a name, e-mail, telephone")

    @property
    def periods(self) -> tuple[Period, ...]:
        return period_range(self.first, self.last)

    @cached_property
    def site_by_code(self) -> dict[str, Site]:
        return {site.code: site for site in self.sites}

    @cached_property
    def area_by_code(self) -> dict[str, Area]:
        return {area.code: area for area in self.areas}

    @cached_property
    def outcome_by_code(self) -> dict[str, Outcome]:
        return {outcome.code: outcome for outcome in self.outcomes}

    @cached_property
    def fixed_denominators(self) -> dict[tuple[str, str], float]:
        """The declared denominators by area and outcome."""
        return {(one.area, one.outcome): one.denominator for one in self.denominators}

    def start_of(self, area: Area) -> Period | None:
        """The area's start period, or None if it never starts."""
        return self.site_by_code[area.site].start if area.site else None

    def expected(self, site: str, agency: str) -> tuple[tuple[Area, ...], tuple[Outcome, ...]]:
        """The areas and outcomes that a submitter returns.

        ``site`` is a site's code with one of its agencies, or ``OPEN`` with a source's code.

        Raises
        ------
        WorkspaceError : if the programme has no such submitter.
        """
        if site == OPEN_SITE and any(source.code == agency for source in self.sources):
            outcomes = tuple(o for o in self.outcomes if agency in (o.source, o.comparison_source))
            both = all(o.source == agency for o in outcomes)
            kinds = {outcome.geography for outcome in outcomes}
            return tuple(
                a for a in self.areas if a.geography in kinds and (both or a.role != "pilot")
            ), outcomes
        if site in self.site_by_code and agency in self.site_by_code[site].agencies:
            areas = tuple(a for a in self.areas if a.site == site and a.role == "pilot")
            return areas, tuple(
                o for o in self.outcomes if o.source == SITE_SOURCE and o.agency == agency
            )
        known = [f"{s.code} with {' or '.join(s.agencies)}" for s in self.sites if s.agencies]
        known += [f"{OPEN_SITE} with {source.code}" for source in self.sources]
        raise WorkspaceError(
            f"{self.name} has no submitter {site} with agency {agency}.", expected="; ".join(known)
        )

    @property
    def submitters(self) -> tuple[tuple[str, str], ...]:
        """Every (site, agency) that sends returns, sources first."""
        return tuple((OPEN_SITE, source.code) for source in self.sources) + tuple(
            (site.code, agency) for site in self.sites for agency in site.agencies
        )

    @classmethod
    def load(cls, workspace: Workspace, name: str) -> Programme:
        """Read ``studies/<name>/programme.yaml`` and the files that it names.

        Raises
        ------
        WorkspaceError : if a file is missing, cannot be read, or contradicts another.
        """
        folder = workspace.studies / name
        declared = read_yaml(folder / "programme.yaml")
        for table in ("areas", "costs", "denominators", "deprivation"):
            if isinstance(declared.get(table), str):
                declared[table] = _read_table(folder / declared[table])
        codes = declared.get("outcomes") or []
        declared["outcomes"] = [_find_outcome(code, folder, workspace.schemas) for code in codes]
        programme = validated(cls, declared, folder / "programme.yaml")
        _check_references(programme, folder)
        return programme


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
        place = ".".join(str(part) for part in first["loc"])
        more = f" ({count} faults in all)" if count > 1 else ""
        shape, mend = _mend(model, first, place)
        raise error(
            f"{place or 'the file'}: {first['msg']}{more}.",
            where=str(path),
            expected=expected or shape,
            mend=mend,
        ) from None


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


def load_outcomes(folder: Path) -> tuple[Outcome, ...]:
    """Every outcome declared in a folder, in order of file name."""
    return tuple(
        validated(Outcome, read_yaml(path), path) for path in sorted(folder.glob("*.yaml"))
    )


def _find_outcome(code: str, folder: Path, schemas: Path) -> dict[str, Any]:
    for place in (folder / "outcomes", schemas / "outcomes"):
        if (path := place / f"{code}.yaml").is_file():
            return read_yaml(path)
    raise WorkspaceError(
        f"outcome {code!r} is declared nowhere.",
        where=str(folder / "programme.yaml"),
        expected=f"{code}.yaml in {folder / 'outcomes'} or {schemas / 'outcomes'}",
    )


def _read_table(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [{k: v for k, v in row.items() if v != ""} for row in csv.DictReader(stream)]
    except FileNotFoundError:
        raise WorkspaceError("the file does not exist.", where=str(path)) from None


def _check_references(programme: Programme, folder: Path) -> None:
    where = str(folder / "programme.yaml")
    for area in programme.areas:
        if (area.role == "pilot") != (area.site is not None):
            raise WorkspaceError(
                f"area {area.code}: a pilot area names its site, and no other does.", where=where
            )
        if area.site is not None and area.site not in programme.site_by_code:
            raise WorkspaceError(f"area {area.code} names no known site: {area.site}.", where=where)
    for area_code, outcome in programme.fixed_denominators:
        if area_code not in programme.area_by_code or outcome not in programme.outcome_by_code:
            raise WorkspaceError(
                f"a denominator is declared for {area_code} and {outcome}, which are not both in"
                " the programme.",
                where=where,
            )
    for one in programme.deprivation:
        if one.area not in programme.area_by_code:
            raise WorkspaceError(
                f"a deprivation fifth is declared for {one.area}, which is no area here.",
                where=where,
            )
    counted = Counter(area.code for area in programme.areas)
    if twice := [code for code, times in counted.items() if times > 1]:
        raise WorkspaceError(
            f"the area code {twice[0]} stands twice.",
            where=where,
            mend="keep one of its lines; an area has one role and at most one site",
        )
