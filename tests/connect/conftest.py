"""A programme of real codes, and a fetch that waits for nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evaluation.connect.door import Limits
from evaluation.connect.fetch import Fetched, Means, fetch
from evaluation.connect.fetches import Order
from evaluation.connect.pulls import Patience
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.workspace import Workspace
from tests.connect.fake import Fake

PROGRAMME = """
name: place
title: Places
question: Does it work?
synthetic: true
first: 2025 Q1
last: 2026 Q4
agencies: {dwp: DWP, police: Police, council: The council}
sources:
  - {code: dwp_open, name: DWP open statistics, agency: dwp}
  - {code: police_open, name: Police open data, agency: police}
  - {code: council_collections, name: Council collections, agency: council}
sites:
  - {code: S01, name: Alder, start: 2026 Q1}
areas: areas.csv
denominators: denominators.csv
outcomes: [claimant_count, antisocial_behaviour, claims, pupils]
"""
CODES = tuple(f"E0100000{n}" for n in range(1, 7))
AREAS = "code,name,authority,role,site,population\n" + "".join(
    f"{code},Place {n},{'Leeds' if n < 4 else 'Kirklees'},"
    f"{'pilot,S01' if n == 1 else 'comparison,'},{1000 + n}\n"
    for n, code in enumerate(CODES, start=1)
)
DENOMINATORS = "area,outcome,denominator\n" + "".join(
    f"{code},{outcome},600\n" for code in CODES for outcome in ("claimant_count", "claims")
)
OUTCOME = """
code: {code}
title: {code}
plain_title: {code}
people: people
domain: work
unit: per 1,000
form: {form}
numerator: people
denominator: {below}
kind: stock
frequency: {frequency}
polarity: down
agency: {agency}
source: {source}
comparison_source: {source}
instrument: a record
whole: true
"""
SOURCES = """
recipes:
  - name: asb
    kind: police
    source: police_open
    outcome: antisocial_behaviour
    types: [Anti-social behaviour]
    month_to_quarter: sum
    denominator: population
    vintage: LSOA 2011
    forces: {west-yorkshire: [Leeds], kirklees: [Kirklees]}
  - name: claims
    kind: statxplore
    source: dwp_uc
    outcome: claims
    database: str:database:UC_Monthly
    measure: str:count:UC
    area_field: str:field:COA
    area_value: "str:value:COA:V21:{code}"
    date_field: str:field:DATE
    date_value: "str:value:DATE:{month}"
    only: {"str:field:REGIME": ["str:value:REGIME:BC"]}
    vintage: LSOA 2021
    perturbed: true
  - name: pupils
    kind: ees
    source: dfe
    outcome: pupils
    data_set: abc-123
    version: "1.2"
    indicator: ind1
    level: LSOA
    query: filters.in=WGD2b
"""


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with six neighbourhoods in two authorities and two police forces."""
    folder = tmp_path / "studies" / "place"
    (folder / "outcomes").mkdir(parents=True)
    text = PROGRAMME.replace(
        "sites:",
        "  - {code: dwp_uc, name: Universal Credit, agency: dwp}\n"
        "  - {code: dfe, name: DfE, agency: council}\nsites:",
    )
    (folder / "programme.yaml").write_text(text, "utf-8")
    (folder / "areas.csv").write_text(AREAS, "utf-8")
    (folder / "denominators.csv").write_text(DENOMINATORS, "utf-8")
    (folder / "sources.yaml").write_text(SOURCES, "utf-8")
    for code, form, frequency, agency, source in (
        ("claims", "ratio", "quarter", "dwp", "dwp_uc"),
        ("pupils", "value", "year", "council", "dfe"),
    ):
        below = "people" if form == "ratio" else "null"
        (folder / "outcomes" / f"{code}.yaml").write_text(
            OUTCOME.format(
                code=code, form=form, frequency=frequency, agency=agency, source=source, below=below
            ),
            "utf-8",
        )
    (tmp_path / "SYNTHETIC").touch()
    return Workspace(root=tmp_path)


@dataclass
class Fetching:
    """Runs fetches of one workspace and keeps what was said and waited."""

    workspace: Workspace
    said: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    @property
    def programme(self) -> Programme:
        return Programme.load(self.workspace, "place")

    def __call__(
        self, recipe: str, fake: Fake | str, *, source: str, first: str = "2026 Q1", **more: Any
    ) -> Fetched:
        base = fake if isinstance(fake, str) else fake.base
        order = Order(
            name=recipe,
            first=Period.parse(first),
            last=Period.parse(more.pop("last", first)),
            out=more.pop("out", self.workspace.root / "out"),
            bases={source: base},
        )
        limits = more.pop("limits", Limits(silence=5, whole=10))
        means = Means(
            patience=Patience(pause=self.waited.append), limits=limits, say=self.said.append, **more
        )
        return fetch(self.workspace, self.programme, order, means)


@pytest.fixture
def fetching(place: Workspace) -> Fetching:
    return Fetching(place)
