"""Programme, Site, Area, Outcome: what is evaluated, read from ``studies/<programme>/``.

``programme.yaml`` names sites, calendar and sources; ``areas.csv`` lists the areas; outcomes
come from ``data_schemas/outcomes/`` and the programme's own ``outcomes/``, one file each.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, PrivateAttr, model_validator

from evaluation.agreements import Agreements
from evaluation.authorities import Mergers
from evaluation.declared import (
    Frozen,
    PeriodField,
    read_table,
    read_yaml,
    starts_on_days,
    validated,
)
from evaluation.errors import WorkspaceError
from evaluation.geography import CodeShare
from evaluation.instrument import Instrument
from evaluation.prices import OwnCost, OwnOverlap, refuse_wrong_prices
from evaluation.quarters import NAMES, WRITTEN, Frequency, Period, period_range
from evaluation.workspace import Workspace

Role = Literal["pilot", "comparison", "excluded"]
ROLES_MEASURED: tuple[Role, Role] = ("pilot", "comparison")
SITE_SOURCE = "site"
TABLES = (
    "areas",
    "planned_costs",
    "costs",
    "taken_out",
    "denominators",
    "deprivation",
    "code_shares",
    "unit_costs",
    "overlaps",
)
"""What a programme may declare in a CSV file of its own, by its name."""
OPEN_SITE = "OPEN"


class Bounds(Frozen):
    """Limits of a figure, in the outcome's own unit; None = no limit."""

    low: float | None = None
    high: float | None = None


class Disclosure(Frozen):
    """Counts below ``threshold`` are withheld as ``[c]``; ``rounding`` is kept on record only."""

    threshold: int = 0
    rounding: int = 1


COUNTED_IN: dict[str, Frequency] = {"quarter": "Q", "wave": "Q", "month": "M", "year": "A"}
"""What an outcome's ``frequency`` says of the periods in which it is returned."""


class Outcome(Frozen):
    """A measured indicator.

    ``per`` scales numerator / denominator into ``unit`` (1,000 for a rate per 1,000, 100 for a
    percentage). ``source`` is ``site`` (the site's agency returns it for pilot areas) or a source
    code; ``comparison_source`` gives the comparison areas' figures. Either may be a list of
    sources, each of which returns the areas of its own authorities. ``instrument`` names the
    record that both are taken from, or declares what a survey asks. A survey's figure is of a
    ``wave``, which belongs to the quarter in which its fieldwork ends. ``unit_cost`` is a key of
    the unit-cost table, or of the programme's own.
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
    frequency: Literal["quarter", "month", "year", "wave"] = "quarter"
    polarity: Literal["up", "down", "care"]
    agency: str
    source: str | tuple[str, ...]
    comparison_source: str | tuple[str, ...]
    instrument: str | Instrument
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
        return COUNTED_IN[self.frequency]

    @property
    def sampled(self) -> bool:
        """Whether its figures are of a survey's wave, with a sampling error beside each."""
        return self.frequency == "wave"

    @property
    def survey(self) -> Instrument | None:
        """What is asked, where the outcome declares it."""
        return self.instrument if isinstance(self.instrument, Instrument) else None

    @property
    def respondent_columns(self) -> tuple[str, ...]:
        """The columns of respondents' answers from which its figure is made."""
        return (self.survey.columns if self.survey else ()) or (self.code,)

    @model_validator(mode="after")
    def _asked(self) -> Outcome:
        if self.survey is not None and not self.sampled:
            raise ValueError("what people are asked in a survey is of a wave: frequency: wave")
        if self.sampled and self.form != "value":
            raise ValueError("a survey's figure is a mean or share by itself: form: value")
        return self

    @property
    def by_site(self) -> bool:
        """Whether a site's own agency returns the pilot areas' figures."""
        return self.source == SITE_SOURCE

    def sources_for(self, role: Role) -> tuple[str, ...]:
        """The codes of the sources that return it for areas of a role; ``site`` may be one."""
        if role != "pilot" and self.measured_in == "pilot areas only":
            return ()
        named = self.source if role == "pilot" else self.comparison_source
        listed = (named,) if isinstance(named, str) else named
        return tuple(code for code in listed if code)


class Site(Frozen):
    """An organisation of the programme; it starts in a period and serves its pilot areas.

    ``began`` is the day on which it began, where that is not the first of ``start``: that period
    was then treated for a part. ``start`` may also be written as that day.
    """

    code: str
    name: str
    start: PeriodField
    began: date | None = None
    announced: PeriodField | None = None
    agencies: tuple[str, ...] = ()
    about: str = ""

    @property
    def first_share(self) -> float:
        """The share of its first period in which it ran: 1 where it began with the period."""
        return 1.0 if self.began is None else self.start.share_from(self.began)

    @model_validator(mode="after")
    def _began_in_its_start(self) -> Site:
        if self.began is not None:
            if self.start.frequency == "I":
                raise ValueError("periods that are only numbered hold no days: leave began out")
            if Period.around(self.began, self.start.frequency) != self.start:
                raise ValueError(
                    f"began on {self.began}, which does not lie in its start, {self.start}: write "
                    f"start: {Period.around(self.began, self.start.frequency)}, or mend the day"
                )
        return self


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
    """An open-data source or national collection that submits returns for many areas.

    ``authorities`` : those whose areas it returns, where several sources share an outcome, by the
    name that areas.csv has or that of what they were merged into; none named: all. ``waves`` : of a
    survey, the periods in which its fieldwork ends; none named: any. ``respondents`` : how many
    people it means to reach an area and wave.
    ``open`` : its figures are printed as it prints them. ``perturbed`` : it changed them at random,
    so that they are no true counts, and a zero is none.
    """

    code: str
    name: str
    agency: str
    licence: str = ""
    redistribute: bool = True
    authorities: tuple[str, ...] = ()
    open: bool = Field(default=False, description="whether its figures are public as they are")
    perturbed: bool = Field(default=False, description="whether it adds random error to counts")
    waves: tuple[PeriodField, ...] = ()
    respondents: int | None = Field(default=None, gt=0)

    def covers(self, area: Area, mergers: Mergers) -> bool:
        """Whether the area is one that the source returns, by its authority's name or a later."""
        return not self.authorities or bool({*self.authorities} & {*mergers.now(area.authority)})


class Person(Frozen):
    """Somebody (or a service) that may act for the programme, by the name given with ``--by``.

    ``sites`` and ``agencies`` : for which a submitter may send; none named: any. A source's own
    returns are of site ``OPEN``, with the source's code as the agency.
    """

    name: str = Field(min_length=1)
    roles: tuple[Literal["submitter", "finance", "evaluator", "checker", "publisher"], ...] = Field(
        min_length=1
    )
    sites: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()

    def may_send_for(self, site: str, agency: str) -> bool:
        """Whether the person submits returns of this site and agency."""
        return "submitter" in self.roles and self._acts_for(site, agency)

    def may_sign_for(self, site: str, agency: str) -> bool:
        """Whether the person signs what this agency paid at this site."""
        return "finance" in self.roles and self._acts_for(site, agency)

    def _acts_for(self, site: str, agency: str) -> bool:
        here = not self.sites or site in self.sites
        return here and (not self.agencies or agency in self.agencies)


CostKind = Literal["set-up", "running", "in kind", "double running"]


class Cost(Frozen):
    """What the programme costs one agency at one site in one period, in ``price_year`` prices."""

    site: str
    agency: str
    kind: CostKind
    period: PeriodField
    amount: float
    price_year: int


class TakenOut(Frozen):
    """What was taken out of a budget line at one site in one period, and the posts closed."""

    site: str
    line: str
    period: PeriodField
    amount: float = 0
    posts: float = 0
    price_year: int


class BudgetLine(Frozen):
    """A line of an agency's budget that something may be taken out of."""

    code: str = Field(pattern="[a-z][a-z0-9_]*")
    agency: str
    title: str


class Money(Frozen):
    """How finance departments report what the programme costs: see `evaluation.finance`.

    ``agencies`` : those that pay; none named: those of the sites. ``price_year`` : of which year's
    prices the amounts are; None: as paid, so of their own year.
    """

    agencies: tuple[str, ...] = ()
    price_year: int | None = None
    since: PeriodField | None = None
    budgets: tuple[BudgetLine, ...] = ()


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
    """The reform under evaluation: sites, areas, outcomes, calendar, people."""

    name: str
    title: str
    question: str
    synthetic: bool
    first: PeriodField
    last: PeriodField
    frequency: Frequency | None = Field(
        default=None, description="of its calendar: Q, M or A; by default that of first"
    )
    agencies: dict[str, str]
    sources: tuple[Source, ...] = ()
    sites: tuple[Site, ...]
    areas: tuple[Area, ...]
    outcomes: tuple[Outcome, ...]
    money: Money | None = None
    planned_costs: tuple[Cost, ...] = ()
    costs: tuple[Cost, ...] = ()
    taken_out: tuple[TakenOut, ...] = ()
    denominators: tuple[Denominator, ...] = ()
    deprivation: tuple[Deprivation, ...] = ()
    code_shares: tuple[CodeShare, ...] = ()
    unit_costs: tuple[OwnCost, ...] = ()
    overlaps: tuple[OwnOverlap, ...] = ()
    due_days: int = Field(default=30, description="days after a period in which returns are due")
    people: tuple[Person, ...] = ()
    contact: str = Field(default="", description="whom a submitter asks: a name, e-mail, telephone")
    # From files of their own: agreements have signatories, and events are more than mergers.
    _agreements: Agreements = PrivateAttr(default_factory=Agreements)
    _mergers: Mergers = PrivateAttr(default_factory=Mergers)

    @property
    def agreements(self) -> Agreements:
        """What the controllers of its figures agreed to."""
        return self._agreements

    @property
    def mergers(self) -> Mergers:
        """What its authorities were called before and after."""
        return self._mergers

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
    def old_codes(self) -> dict[str, list[CodeShare]]:
        """What became of each code of an older vintage."""
        found: dict[str, list[CodeShare]] = {}
        for share in self.code_shares:
            found.setdefault(share.from_code, []).append(share)
        return found

    @cached_property
    def later_codes(self) -> dict[str, list[CodeShare]]:
        """What each code of a later vintage was made of, where an area of the programme was."""
        own = self.area_by_code
        later = {one.to_code for one in self.code_shares if one.from_code in own} - set(own)
        found: dict[str, list[CodeShare]] = {code: [] for code in sorted(later)}
        for share in self.code_shares:
            if share.to_code in found:
                found[share.to_code].append(share)
        return found

    @cached_property
    def fixed_denominators(self) -> dict[tuple[str, str], float]:
        """The declared denominators by area and outcome."""
        return {(one.area, one.outcome): one.denominator for one in self.denominators}

    def start_of(self, area: Area) -> Period | None:
        """The area's start period, or None if it never starts."""
        return self.site_by_code[area.site].start if area.site else None

    @cached_property
    def source_by_code(self) -> dict[str, Source]:
        return {source.code: source for source in self.sources}

    def expected(self, site: str, agency: str) -> tuple[tuple[Area, ...], tuple[Outcome, ...]]:
        """The areas and outcomes that a submitter returns, each for at least one of the other.

        ``site`` is a site's code with one of its agencies, or ``OPEN`` with a source's code. Which
        areas go with which outcome: `areas_of`.

        Raises
        ------
        WorkspaceError : if the programme has no such submitter.
        """
        if (site, agency) not in self.submitters:
            known = [f"{s.code} with {' or '.join(s.agencies)}" for s in self.sites if s.agencies]
            known += [f"{OPEN_SITE} with {source.code}" for source in self.sources]
            raise WorkspaceError(
                f"{self.name} has no submitter {site} with agency {agency}.",
                expected="; ".join(known),
            )
        asked = self._asked[site, agency]
        areas = set().union(*asked.values()) if asked else set()
        return (
            tuple(area for area in self.areas if area.code in areas),
            tuple(outcome for outcome in self.outcomes if outcome.code in asked),
        )

    def asked_in(self, site: str, agency: str, period: Period) -> tuple[Outcome, ...]:
        """The outcomes that a submitter returns for one period.

        A survey's are asked in the periods of its waves only, where the source names them.

        Raises
        ------
        WorkspaceError : if the programme has no such submitter.
        """
        source = self.source_by_code.get(agency) if site == OPEN_SITE else None
        rests = source is not None and source.waves and period not in source.waves
        return tuple(
            outcome
            for outcome in self.expected(site, agency)[1]
            if outcome.period_frequency == period.frequency and not (outcome.sampled and rests)
        )

    def areas_of(self, site: str, agency: str, outcome: str) -> frozenset[str]:
        """The codes of the areas for which a submitter returns one outcome."""
        return self._asked.get((site, agency), {}).get(outcome, frozenset())

    @cached_property
    def _asked(self) -> dict[tuple[str, str], dict[str, frozenset[str]]]:
        """Submitter -> outcome -> areas: cell by cell, since no two outcomes need be asked alike.

        Were areas and outcomes asked apart, an outcome whose comparison areas come from another
        source would change which areas that source returns of every other outcome.
        """
        found: dict[tuple[str, str], dict[str, set[str]]] = {one: {} for one in self.submitters}
        for outcome in self.outcomes:
            named = {role: outcome.sources_for(role) for role in get_args(Role)}
            for area in self.areas:
                if area.geography == outcome.geography:
                    for one in self._senders(outcome, area, named[area.role]):
                        found[one].setdefault(outcome.code, set()).add(area.code)
        return {
            submitter: {code: frozenset(areas) for code, areas in asked.items()}
            for submitter, asked in found.items()
        }

    def _senders(
        self, outcome: Outcome, area: Area, named: Sequence[str]
    ) -> Iterator[tuple[str, str]]:
        """Who of the sources named for an area's role returns an outcome of it."""
        for code in named:
            if code != SITE_SOURCE:
                source = self.source_by_code.get(code)
                if source is not None and source.covers(area, self._mergers):
                    yield OPEN_SITE, code
            else:
                site = self.site_by_code.get(area.site or "")
                if site is not None and outcome.agency in site.agencies:
                    yield site.code, outcome.agency

    def unsubmitted(self, outcome: Outcome) -> tuple[Area, ...]:
        """The pilot and comparison areas for which nobody returns an outcome that they have."""
        named = {role: outcome.sources_for(role) for role in get_args(Role)}
        return tuple(
            area
            for area in self.areas
            if area.role != "excluded"
            and area.geography == outcome.geography
            and named[area.role]
            and next(self._senders(outcome, area, named[area.role]), None) is None
        )

    @property
    def submitters(self) -> tuple[tuple[str, str], ...]:
        """Every (site, agency) that sends returns, sources first."""
        return tuple((OPEN_SITE, source.code) for source in self.sources) + tuple(
            (site.code, agency) for site in self.sites for agency in site.agencies
        )

    @classmethod
    def load(cls, workspace: Workspace, name: str, *, collecting: bool = True) -> Programme:
        """Read ``studies/<name>/programme.yaml`` and the files that it names.

        Parameters
        ----------
        collecting : whether every outcome must have somebody who returns it. Pages of what was
            collected already can be read without.

        Raises
        ------
        WorkspaceError : if a file is missing, cannot be read, or contradicts another.
        """
        path = workspace.studies / name / "programme.yaml"
        programme = cls.parsed(read_yaml(path), path, workspace.schemas)
        programme._agreements = Agreements.load(workspace, name)
        programme._mergers = Mergers.load(path.parent / "events.csv")
        if collecting:
            refuse_uncollected(programme, path)
        return programme

    @classmethod
    def parsed(cls, content: Mapping[str, Any], path: Path, schemas: Path) -> Programme:
        """The programme of a declaration's content, with the files that it names.

        Parameters
        ----------
        path : the declaration, which is named in errors and beside which its files lie.
        schemas : where outcomes are looked up that are not declared beside it.

        Raises
        ------
        WorkspaceError : as `load`.
        """
        declared = dict(content)
        for table in TABLES:
            if isinstance(declared.get(table), str):
                declared[table] = rows_of(table, path.parent / declared[table])
        declared["outcomes"] = [
            # A mapping is an outcome declared on the spot; a word is looked up.
            one if isinstance(one, dict) else find_outcome(one, path, schemas)
            for one in declared.get("outcomes") or []
        ]
        declared["sites"] = starts_on_days(declared)
        programme = validated(cls, declared, path)
        _check_references(programme, str(path))
        return programme


def load_outcomes(folder: Path) -> tuple[Outcome, ...]:
    """Every outcome declared in a folder, in order of file name."""
    return tuple(
        validated(Outcome, read_yaml(path), path) for path in sorted(folder.glob("*.yaml"))
    )


def refuse_uncollected(programme: Programme, path: Path) -> None:
    """Refuse a programme of which an outcome, or an agency, is nobody's.

    Raises
    ------
    WorkspaceError : an outcome of some area is returned by nobody or by two, or an agency or a
        source is named that is not declared.
    """
    _check_agencies(programme, str(path))
    _check_submitters(programme, str(path))


def find_outcome(code: str, declared: Path, schemas: Path) -> dict[str, Any]:
    """The declaration of an outcome: beside the programme's, or of the shared catalogue.

    Raises
    ------
    WorkspaceError : it is in neither, or cannot be read.
    """
    folder = declared.parent
    for place in (folder / "outcomes", schemas / "outcomes"):
        if (path := place / f"{code}.yaml").is_file():
            return read_yaml(path)
    raise WorkspaceError(
        f"outcome {code!r} is declared nowhere.",
        where=str(declared),
        expected=f"{code}.yaml in {folder / 'outcomes'} or {schemas / 'outcomes'}",
    )


def rows_of(table: str, path: Path) -> list[Any]:
    """The rows of one of the `TABLES` in a file, each as its model.

    Raises
    ------
    WorkspaceError : the file cannot be read, or a row is none; its line is named.
    """
    (model, _) = get_args(Programme.model_fields[table].annotation)
    return [validated(model, row, path, line=row.line) for row in read_table(path)]


def _check_references(programme: Programme, where: str) -> None:
    _check_calendar(programme, where)
    _check_twice(programme, where)
    _check_areas(programme, where)
    refuse_wrong_prices(
        programme.unit_costs,
        programme.overlaps,
        programme.outcomes,
        agencies=programme.agencies,
        where=where,
    )
    for area_code, outcome in programme.fixed_denominators:
        if area_code not in programme.area_by_code or outcome not in programme.outcome_by_code:
            raise WorkspaceError(
                f"a denominator is declared for {area_code} and {outcome}, which are not both in"
                " the programme.",
                where=where,
            )
    if programme.money is not None and (programme.costs or programme.taken_out):
        raise WorkspaceError(
            "what it costs is declared twice: as returns of finance departments (money) and in a "
            "file (costs, taken_out).",
            where=where,
            mend="newstart upgrade makes returns of costs.csv; then take the line costs: out",
        )
    for one in programme.deprivation:
        if one.area not in programme.area_by_code:
            raise WorkspaceError(
                f"a deprivation fifth is declared for {one.area}, which is no area here.",
                where=where,
            )


def _check_calendar(programme: Programme, where: str) -> None:
    asked = programme.frequency or programme.first.frequency
    for name, period in (("first", programme.first), ("last", programme.last)):
        if period.frequency != asked:
            kind = f"a {NAMES[asked]} like {WRITTEN[asked]}"
            raise WorkspaceError(
                f"{name} is {period}, which is not {kind}.",
                where=where,
                mend=f"write {name} as {kind}, or mend frequency",
            )
    for outcome in programme.outcomes:
        if asked == "M" and outcome.period_frequency != asked:
            raise WorkspaceError(
                f"outcome {outcome.code} is of a {outcome.frequency}, and the programme counts in "
                "months: no return of it would ever be asked for.",
                where=where,
                mend="write frequency: month in its declaration (of a shared outcome, in a copy in "
                "outcomes/)",
            )
    if programme.last < programme.first:
        raise WorkspaceError(
            f"the calendar ends ({programme.last}) before it begins ({programme.first}).",
            where=where,
            mend="mend first or last",
        )


def _check_twice(programme: Programme, where: str) -> None:
    """A code names one thing."""
    for what, codes, mend in (
        (
            "area code",
            [area.code for area in programme.areas],
            "keep one of its lines; an area has one role and at most one site",
        ),
        ("site code", [site.code for site in programme.sites], "give each site its own code"),
        ("outcome", [one.code for one in programme.outcomes], "keep one of its declarations"),
        ("source", [source.code for source in programme.sources], "give each its own code"),
        ("person", [person.name for person in programme.people], "give each a name of its own"),
        (
            "budget line",
            [line.code for line in programme.money.budgets] if programme.money else [],
            "give each its own code",
        ),
    ):
        if twice := [code for code, times in Counter(codes).items() if times > 1]:
            raise WorkspaceError(f"the {what} {twice[0]} stands twice.", where=where, mend=mend)


def _check_areas(programme: Programme, where: str) -> None:
    for area in programme.areas:
        if (area.role == "pilot") != (area.site is not None):
            raise WorkspaceError(
                f"area {area.code}: a pilot area names its site, and no other does.", where=where
            )
        if area.site is not None and area.site not in programme.site_by_code:
            raise WorkspaceError(f"area {area.code} names no known site: {area.site}.", where=where)


def _check_agencies(programme: Programme, where: str) -> None:
    """Every agency that anything names is one that the programme declares."""
    named = [(f"outcome {one.code}", one.agency) for one in programme.outcomes]
    named += [(f"site {site.code}", code) for site in programme.sites for code in site.agencies]
    named += [(f"source {source.code}", source.agency) for source in programme.sources]
    costs = [*programme.costs, *programme.planned_costs]
    named += [(f"a cost of site {cost.site}", cost.agency) for cost in costs]
    if programme.money is not None:
        named += [("money", code) for code in programme.money.agencies]
        named += [(f"budget line {one.code}", one.agency) for one in programme.money.budgets]
    for what, code in named:
        if code not in programme.agencies:
            near = difflib.get_close_matches(code, programme.agencies, n=1)
            raise WorkspaceError(
                f"{what} names the agency {code!r}, which the programme does not declare.",
                where=where,
                expected=", ".join(programme.agencies) or "agencies: {code: name}",
                mend=f"did you mean {near[0]}?" if near else f"add it: agencies: {{{code}: NAME}}",
            )
    for cost in costs:
        if cost.site not in programme.site_by_code:
            raise WorkspaceError(
                f"a cost is declared for the site {cost.site!r}, which is none here.",
                where=where,
                expected=", ".join(programme.site_by_code),
            )


def _check_submitters(programme: Programme, where: str) -> None:
    """Each outcome is returned for its areas by somebody, and by one only."""
    homes = {area.authority for area in programme.areas}
    for source in programme.sources:
        programme.mergers.refuse_unknown(source.code, source.authorities, homes, where)
    known = {SITE_SOURCE, *programme.source_by_code}
    for outcome in programme.outcomes:
        for role in ROLES_MEASURED:
            for code in outcome.sources_for(role):
                if code not in known or (code == SITE_SOURCE and role == "comparison"):
                    _refuse_source(programme, outcome, code, role, where)
        _refuse_unsubmitted(programme, outcome, where)
        _refuse_doubled(programme, outcome, where)


def _refuse_source(
    programme: Programme, outcome: Outcome, code: str, role: Role, where: str
) -> None:
    field = "source" if role == "pilot" else "comparison_source"
    known = ([SITE_SOURCE] if role == "pilot" else []) + list(programme.source_by_code)
    near = difflib.get_close_matches(code, known, n=1)
    raise WorkspaceError(
        f"outcome {outcome.code}: its {field} {code!r} is no source of the programme, so nobody "
        f"would return it for {role} areas.",
        where=where,
        expected=", ".join(known) or "sources: [{code: ..., name: ..., agency: ...}]",
        mend=f"did you mean {near[0]}?"
        if near
        else f"declare the source: sources: [{{code: {code}, name: NAME, agency: AGENCY}}]",
    )


def _refuse_unsubmitted(programme: Programme, outcome: Outcome, where: str) -> None:
    """An outcome of an agency that no site has, or of councils that leave areas out.

    A site without one of the agencies returns fewer outcomes than others; that is said by
    ``newstart status`` and is no fault of the declaration.
    """
    without = programme.unsubmitted(outcome)
    pilots = [area for area in programme.areas if area.role == "pilot"]
    alone = [area for area in without if area.role == "pilot"]
    if outcome.by_site and alone and len(alone) == len(pilots):
        raise WorkspaceError(
            f"outcome {outcome.code}: no site has the agency {outcome.agency!r}, so nobody would "
            f"return it for {len(alone)} pilot areas (first: {alone[0].code}).",
            where=where,
            mend=f"add {outcome.agency} to a site's agencies, or name a source as its source",
        )
    if left := [area for area in without if area.role == "comparison" or not outcome.by_site]:
        named = ", ".join(outcome.sources_for(left[0].role))
        raise WorkspaceError(
            f"outcome {outcome.code}: none of its sources ({named}) returns it for {len(left)} "
            f"{left[0].role} areas (first: {left[0].code} in {left[0].authority}).",
            where=where,
            mend="name the authority under a source's authorities, or exclude the areas",
        )


def _refuse_doubled(programme: Programme, outcome: Outcome, where: str) -> None:
    for role in ROLES_MEASURED:
        named = outcome.sources_for(role)
        if len(named) < 2:
            continue
        for area in programme.areas:
            both = [agency for _, agency in programme._senders(outcome, area, named)]
            if area.role == role and area.geography == outcome.geography and len(both) > 1:
                raise WorkspaceError(
                    f"outcome {outcome.code}: {area.code} in {area.authority} would be returned by "
                    f"{' and '.join(both)}.",
                    where=where,
                    mend="let each source name its authorities: authorities: [...]",
                )
