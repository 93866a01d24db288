"""Sites, authorities and areas of a synthetic programme, with coordinates, starts and costs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.programme import (
    Area,
    BudgetLine,
    Cost,
    Denominator,
    Deprivation,
    Money,
    Outcome,
    Programme,
    Site,
    Source,
    load_outcomes,
)
from evaluation.quarters import Period

# Areas of an authority lie nearer to each other than to the next one's: spillovers are local.
AUTHORITY_SPACING_KM = 24.0
AREA_SPREAD_KM = 5.0
UNSAID = ("waves", "respondents", "open", "perturbed")
"""Entries of a source that a person leaves out where they say nothing."""
INCOME, INCOME_STEP, INCOME_SPREAD = 19_000.0, 1.18, 0.05
"""Invented income of the most deprived fifth, pounds a year; how much more each fifth above has;
and the spread within one, log points."""


class Preset(Frozen):
    """Size of a synthetic programme; positions count quarters from the first."""

    quarters: int
    areas_per_site: tuple[int, ...]
    start_positions: tuple[int, ...]
    harmful_site: int | None
    authorities: int
    areas_per_authority: int
    buffers_per_site: int
    outcomes: tuple[str, ...]
    waves: tuple[int, ...] = ()


class Process(Frozen):
    """How the counts of one outcome behave; units as in ``simulation.yaml``."""

    rate: float
    area: float
    authority: float
    noise: float
    dispersion: float
    season: float
    trend: float
    shock: float
    effect: float
    ramp: int


class TakenEachQuarter(Frozen):
    """What is taken out of the budget at one site, each quarter from some quarters after a start.

    The posts are closed in the first of these quarters.
    """

    site: int
    after: int
    amount: float
    posts: float


class ItemProcess(Frozen):
    """How a survey item's answers behave; units as in ``simulation.yaml``."""

    mean: float
    lasting: float
    passing: float
    shared: float
    respondents: int
    design: float
    effect: float
    ramp: int


class InventedSurvey(Frozen):
    """Who asks in both arms, how many residents are adults, and what is asked."""

    agency: str
    source: Source
    adults: float
    items: dict[str, ItemProcess]


class Slump(Frozen):
    """Months in which one site falls behind with what it does.

    site : its position. back : months before the last in which it begins. size : in log points.
    """

    outcome: str
    site: int
    back: int
    months: int
    size: float


class Scenario(Frozen):
    """Everything that ``data_schemas/simulation.yaml`` declares."""

    title: str
    question: str
    seed: int
    last: str
    agencies: dict[str, str]
    sources: tuple[Source, ...]
    site_agencies: tuple[str, ...]
    site_names: tuple[str, ...]
    site_about: tuple[str, ...]
    authority_names: tuple[str, ...]
    area_names: tuple[str, ...]
    presets: dict[str, Preset]
    population: dict[str, float]
    shares: dict[str, float]
    shock_position: int
    persistence: float
    processes: dict[str, Process]
    slumps: tuple[Slump, ...] = ()
    survey: InventedSurvey
    harm: dict[str, float]
    costs: dict[str, dict[str, float]]
    costs_price_year: int
    budget: BudgetLine
    taken_out: TakenEachQuarter
    switches: dict[str, float]
    delays: dict[str, int]

    @classmethod
    def load(cls, schemas: Path) -> Scenario:
        """Read ``simulation.yaml`` from the declarations."""
        path = schemas / "simulation.yaml"
        return validated(cls, read_yaml(path), path)


def invent_programme(
    scenario: Scenario, preset: Preset, schemas: Path, name: str = "new_start"
) -> Programme:
    """A programme of the preset's size; the same on every call.

    Its costs are what finance departments will have reported in the end.
    """
    # The scenario's own seed: a programme's places are the same whatever is drawn in them.
    rng = np.random.default_rng(scenario.seed)
    last = Period.parse(scenario.last)
    first = last + (1 - preset.quarters)
    sites = tuple(
        Site(
            code=f"S{s + 1:02d}",
            name=scenario.site_names[s],
            start=first + position,
            announced=first + (position - 2),
            agencies=scenario.site_agencies,
            about=scenario.site_about[s],
        )
        for s, position in enumerate(preset.start_positions)
    )
    declared = {outcome.code: outcome for outcome in load_outcomes(schemas / "outcomes")}
    outcomes = tuple(declared[code] for code in preset.outcomes)
    areas = _areas(scenario, preset, sites, rng)
    asked = any(outcome.sampled for outcome in outcomes)
    survey = scenario.survey
    waves = tuple(first + position for position in preset.waves)
    planned = planned_costs(scenario, sites, areas, last)
    return Programme(
        name=name,
        title=scenario.title,
        question=scenario.question,
        synthetic=True,
        first=first,
        last=last,
        agencies=scenario.agencies | ({survey.source.agency: survey.agency} if asked else {}),
        sources=_used_sources(scenario, outcomes)
        + ((survey.source.model_copy(update={"waves": waves}),) if asked else ()),
        sites=sites,
        areas=areas,
        outcomes=outcomes,
        money=Money(
            agencies=tuple(scenario.costs["running"]),
            price_year=scenario.costs_price_year,
            budgets=(scenario.budget,),
        ),
        planned_costs=planned,
        costs=planned,
        deprivation=_deprivation(scenario, areas),
        denominators=_adults(scenario, areas, outcomes),
    )


def _adults(
    scenario: Scenario, areas: tuple[Area, ...], outcomes: tuple[Outcome, ...]
) -> tuple[Denominator, ...]:
    """Adults of the pilot areas, on whom a survey's priced effect counts."""
    return tuple(
        Denominator(
            area=area.code,
            outcome=outcome.code,
            denominator=round((area.population or 0) * scenario.survey.adults),
        )
        for outcome in outcomes
        if outcome.sampled and outcome.unit_cost
        for area in areas
        if area.role == "pilot"
    )


def _deprivation(scenario: Scenario, areas: tuple[Area, ...]) -> tuple[Deprivation, ...]:
    """Fifths of equal size at random: each is given the same effect, whatever a page shows."""
    # A stream of its own, added later: places drawn from the first stay where they were.
    rng = np.random.default_rng([scenario.seed, 5])
    fifths = rng.permutation(np.arange(len(areas)) * 5 // len(areas)) + 1
    spread = np.exp(rng.normal(0, INCOME_SPREAD, len(areas)))
    incomes = INCOME * INCOME_STEP ** (fifths - 1) * spread
    return tuple(
        # To ten pounds.
        Deprivation(area=area.code, fifth=int(fifth), income=round(float(income), -1))
        for area, fifth, income in zip(areas, fifths, incomes, strict=True)
    )


def _used_sources(scenario: Scenario, outcomes: tuple[Outcome, ...]) -> tuple[Source, ...]:
    used = {s for o in outcomes for role in ("pilot", "comparison") for s in o.sources_for(role)}
    return tuple(source for source in scenario.sources if source.code in used)


def _areas(
    scenario: Scenario, preset: Preset, sites: tuple[Site, ...], rng: np.random.Generator
) -> tuple[Area, ...]:
    total = preset.authorities + len(sites)
    centres = _centres(total, rng)
    # Not on the rim, where a site would have neighbours on one side only.
    site_at = np.linspace(2, total - 3, len(sites)).astype(int)
    names = iter(scenario.authority_names)
    areas: list[Area] = []
    for position, (x, y) in enumerate(centres):
        hosted = np.flatnonzero(site_at == position)
        if len(hosted):
            s = int(hosted[0])
            authority = sites[s].name
            sizes = [("pilot", preset.areas_per_site[s]), ("excluded", preset.buffers_per_site)]
        else:
            authority, sizes = next(names), [("comparison", preset.areas_per_authority)]
        number = 0
        for role, count in sizes:
            for _ in range(count):
                spot = np.array([x, y]) + rng.normal(0, AREA_SPREAD_KM, 2)
                areas.append(
                    Area(
                        code=f"X{position + 1:02d}{number + 1:03d}",
                        name=f"{authority} {scenario.area_names[number]}",
                        authority=authority,
                        role=role,
                        site=sites[s].code if role == "pilot" else None,
                        population=_population(scenario, rng),
                        x=round(spot[0], 1),
                        y=round(spot[1], 1),
                        reason="buffer: shares its authority with a site"
                        if role == "excluded"
                        else "",
                    )
                )
                number += 1
    return tuple(areas)


def _centres(total: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    across = int(np.ceil(np.sqrt(total)))
    grid = [(i % across + 0.5 * (i // across % 2), i // across) for i in range(total)]
    jitter = rng.normal(0, 2.0, (total, 2))
    return [
        (AUTHORITY_SPACING_KM * x + dx, AUTHORITY_SPACING_KM * 0.9 * y + dy)
        for (x, y), (dx, dy) in zip(grid, jitter, strict=True)
    ]


def _population(scenario: Scenario, rng: np.random.Generator) -> int:
    spread = scenario.population["spread"]
    return int(round(scenario.population["mean"] * np.exp(rng.normal(0, spread)), -1))


def planned_costs(
    scenario: Scenario, sites: tuple[Site, ...], areas: tuple[Area, ...], last: Period
) -> tuple[Cost, ...]:
    """What each agency plans to pay at each site; in this invented programme it is what it pays."""
    costs = []
    for site in sites:
        served = sum(area.site == site.code for area in areas)
        for agency, amount in scenario.costs["set_up"].items():
            costs.append(
                Cost(
                    site=site.code,
                    agency=agency,
                    kind="set-up",
                    # Set-up is paid in the quarter before the start.
                    period=site.start + -1,
                    amount=amount * served,
                    price_year=scenario.costs_price_year,
                )
            )
        for step in range(last - site.start + 1):
            for kind, key in (("running", "running"), ("in kind", "in_kind")):
                costs += [
                    Cost(
                        site=site.code,
                        agency=agency,
                        kind=kind,
                        period=site.start + step,
                        amount=amount * served,
                        price_year=scenario.costs_price_year,
                    )
                    for agency, amount in scenario.costs[key].items()
                ]
    return tuple(costs)


def write_programme(programme: Programme, folder: Path) -> None:
    """Write ``programme.yaml`` and its tables as `Programme.load` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    elsewhere = {"areas", "outcomes", "denominators", "deprivation", "code_shares"}
    elsewhere |= {"planned_costs", "costs", "taken_out", "unit_costs", "overlaps"}
    # An invented programme has no people to name, and its frequency is that of its first quarter.
    elsewhere |= {"people", "frequency"}
    declared: dict[str, Any] = programme.model_dump(mode="json", exclude=elsewhere)
    declared["sites"] = [
        {
            key: list(value) if key == "agencies" else value
            for key, value in site.items()
            if not (key == "began" and value is None)
        }
        for site in declared["sites"]
    ]
    declared["sources"] = [
        {
            key: value if key != "waves" else [str(one) for one in source["waves"]]
            for key, value in source.items()
            if key != "authorities" and not (key in UNSAID and not value)
        }
        for source in declared["sources"]
    ]
    declared |= {
        "areas": "areas.csv",
        "planned_costs": "planned_costs.csv",
        "deprivation": "deprivation.csv",
        "outcomes": [outcome.code for outcome in programme.outcomes],
    }
    head = "# Synthetic: invented places, invented figures. Written by `newstart demo`.\n"
    if programme.denominators:
        declared["denominators"] = "denominators.csv"
        _write_table(folder / "denominators.csv", [d.model_dump() for d in programme.denominators])
    if not programme.contact:  # nobody is to be asked about an invented programme
        del declared["contact"]
    # In the order of the fields, as a person would write it.
    text = yaml.safe_dump(declared, sort_keys=False, allow_unicode=True, width=100)
    (folder / "programme.yaml").write_text(head + text, encoding="utf-8")
    _write_table(folder / "areas.csv", [area.model_dump() for area in programme.areas])
    _write_table(
        folder / "planned_costs.csv", [cost.model_dump() for cost in programme.planned_costs]
    )
    _write_table(folder / "deprivation.csv", [one.model_dump() for one in programme.deprivation])


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
