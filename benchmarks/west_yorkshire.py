"""Nothing happened in West Yorkshire: real police records, all the way, and no effect to be found.

``python -m benchmarks.west_yorkshire WHEEL`` reads the three Julys of records, and the census
lookup, that the wheel of ``crime-sim-toolkit`` 1.5.0 carries (``pip download --no-deps``; read as a
file, never installed, nothing of it kept here). The records go through connector, check, ledger and
panel as anyone's would. Then sets of six middle-layer areas are drawn and said to have started in
2018, when nothing started anywhere: how often does re-assignment of areas call that an effect?

One such set is also a study, as anyone would lock it: its protocol is checked, which says why it
can be no confirmatory one, locked as exploratory, run from the ledger, and its results written.

What is also shown is what the two traps of these records would have done: rows without an id taken
for duplicates, and rows without an area.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import tempfile
import time
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from evaluation import Panel, did
from evaluation.connect.fetch import Means, fetch
from evaluation.connect.fetches import Order
from evaluation.demo import submit_files
from evaluation.estimate.assignments import Assignments
from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.study.freeze import freeze
from evaluation.study.protocol_check import check_protocol
from evaluation.study.results import read_results, write_results
from evaluation.study.run import run_study
from evaluation.study.study import Study
from evaluation.workspace import Workspace

RECORD = Path(__file__).parent / "results" / "west_yorkshire.json"
CENSUS = "crime_sim_toolkit/src/LSOA_data/census_2011_population_hh.csv"
RECORDS = "{year}-07/{year}-07-west-yorkshire-street.csv"
AUTHORITIES = ("Bradford", "Calderdale", "Kirklees", "Leeds", "Wakefield")
YEARS = (2016, 2017, 2018)
SETS, STARTED, DRAWS, LEVEL = 60, 6, 999, 0.05
STUDY_SEED = 2018
PROGRAMME = """
name: west_yorkshire
title: Nothing happened in West Yorkshire
question: Is an effect found where there was no programme?
synthetic: false
first: 2016
last: 2018
agencies: {police: West Yorkshire Police}
sources:
  - {code: police_uk, name: data.police.uk street-level records, agency: police,
     licence: Open Government Licence v3.0}
sites:
  - {code: NONE, name: Nothing, start: 2018}
areas: areas.csv
outcomes: [asb_july]
"""
OUTCOME = """
code: asb_july
title: Anti-social behaviour incidents in July
plain_title: Anti-social behaviour incidents in July
people: incidents
domain: safety
unit: per 1,000 residents
numerator: incidents recorded in July
denominator: residents of the Census 2011
kind: flow
frequency: year
polarity: down
agency: police
source: police_uk
comparison_source: police_uk
instrument: police incident records
"""
SOURCES = """
recipes:
  - name: asb_july
    kind: police
    source: police_uk
    outcome: asb_july
    files: "police/*.whl"
    types: [Anti-social behaviour]
    forces: {west-yorkshire: []}
    months: [7]
    month_to_quarter: sum
    denominator: population
    members: members.csv
    vintage: LSOA 2011
    most_blank: 0.06
"""


STUDY = "west_yorkshire/nothing_happened"
PROTOCOL = """
study: nothing_happened
programme: west_yorkshire
title: Nothing happened in West Yorkshire
question: Did anti-social behaviour change in five areas in which nothing began in 2018?
registered: not registered; a test of the machinery
data_seen: all of it; the records are public
how_pilots_were_chosen: One area of each authority, drawn by seed 2018; nothing was begun in them.
intervention: None.
estimand: Mean of the first year.
primary: [asb_july]
scale: {asb_july: level}
window: [0, 0]
default_margin_percent: 10
estimators: [did]
did: {comparison: never, base: mean}
assignments: {n: 9999, block: area, strata: [], seed: 2018}
missing: Left out.
suppressed: None is.
decision_rules: None.
publication: "2026-11-30"
eligibility: {shared_authority: true}
what_it_can_bear:
  - Five authorities and two years before the start bear no confirmatory claim, whatever is found.
"""


def census(wheel: Path) -> list[dict[str, str]]:
    """Rows of the census lookup in the five authorities: an LSOA each."""
    with zipfile.ZipFile(wheel) as held, held.open(CENSUS) as stream:
        lines = csv.reader(io.TextIOWrapper(stream, "utf-8-sig"))
        heading = next(lines)
        rows = [dict(zip(heading[:9], cells[:9], strict=True)) | {"people": cells[9]}
                for cells in lines]  # fmt: skip
    return [row for row in rows if row["Local authority name"] in AUTHORITIES]


def lay_out(root: Path, wheel: Path) -> Workspace:
    """A workspace with the areas of the census; one of each authority, drawn, is called a pilot."""
    folder = root / "studies" / "west_yorkshire"
    (folder / "outcomes").mkdir(parents=True)
    (folder / "programme.yaml").write_text(PROGRAMME, "utf-8")
    (folder / "sources.yaml").write_text(SOURCES, "utf-8")
    (root / "studies" / STUDY).mkdir()
    (root / "studies" / STUDY / "protocol.yaml").write_text(PROTOCOL, "utf-8")
    (folder / "outcomes" / "asb_july.yaml").write_text(OUTCOME, "utf-8")
    people: dict[str, int] = defaultdict(int)
    named: dict[str, dict[str, str]] = {}
    members = ["area_code,code"]
    for row in census(wheel):
        people[row["MSOA Code"]] += int(row["people"].replace(",", ""))
        named[row["MSOA Code"]] = row
        members.append(f"{row['MSOA Code']},{row['LSOA Code']}")
    areas = ["code,name,authority,role,site,population"]
    draw = np.random.default_rng(STUDY_SEED)
    pilots = {
        draw.choice([c for c, row in sorted(named.items()) if row["Local authority name"] == name])
        for name in AUTHORITIES
    }
    for code, row in sorted(named.items()):
        role = "pilot,NONE" if code in pilots else "comparison,"
        areas.append(
            f"{code},{row['MSOA Name']},{row['Local authority name']},{role},{people[code]}"
        )
    (folder / "areas.csv").write_text("\n".join(areas) + "\n", "utf-8")
    (folder / "members.csv").write_text("\n".join(members) + "\n", "utf-8")
    dropped = root / "var" / "dropped" / "police"
    dropped.mkdir(parents=True)
    shutil.copyfile(wheel, dropped / wheel.name)
    return Workspace(root=root)


def traps(wheel: Path) -> dict[str, Any]:
    """What dropping duplicates and dropping rows without an area would have taken away."""
    whole = distinct = 0
    blank = {}
    with zipfile.ZipFile(wheel) as held:
        for year in YEARS:
            (name,) = (n for n in held.namelist() if n.endswith(RECORDS.format(year=year)))
            with held.open(name) as stream:
                rows = [
                    tuple(row.values())
                    for row in csv.DictReader(io.TextIOWrapper(stream, "utf-8-sig"))
                    if row["Crime type"] == "Anti-social behaviour"
                ]
            whole, distinct = whole + len(rows), distinct + len(set(rows))
            blank[str(year)] = round(100 * sum(not row[7] for row in rows) / len(rows), 2)
    return {
        "incidents": whole,
        "taken_for_duplicates": whole - distinct,
        "percent_taken_for_duplicates": round(100 * (whole - distinct) / whole, 1),
        "percent_without_area": blank,
    }


def measure(workspace: Workspace) -> dict[str, Any]:
    """From the records to p-values."""
    programme = Programme.load(workspace, "west_yorkshire")
    begun = time.perf_counter()
    order = Order(
        name="asb_july",
        first=Period("A", YEARS[0]),
        last=Period("A", YEARS[-1]),
        out=workspace.incoming("west_yorkshire") / "2026-11-30",
    )
    done = fetch(workspace, programme, order, Means())
    fetched = time.perf_counter()
    accepted = submit_files(workspace, done.written, lambda _: None)
    submitted = time.perf_counter()
    study = locked(workspace, STUDY)
    frame = known(workspace, programme)
    found = [one_set(frame, seed) for seed in range(SETS)]
    effects = [one["effect"] for one in found]
    return {
        "areas": int(frame["area"].nunique()),
        "returns_accepted": accepted,
        "told": sorted({str(one.what) for one in done.told}),
        "incidents_per_area": round(float(frame["incidents"].mean()), 1),
        "study": study,
        "sets": SETS,
        "share_called_an_effect": sum(one["p_value"] <= LEVEL for one in found) / SETS,
        "mean_effect_per_1000": round(float(np.mean(effects)), 3),
        "sd_of_effects": round(float(np.std(effects, ddof=1)), 3),
        "authorities": len(AUTHORITIES),
        "smallest_p_by_whole_authorities": by_authority(frame),
        "seconds": {
            "connector": round(fetched - begun, 1),
            "check_and_ledger": round(submitted - fetched, 1),
            "estimates": round(time.perf_counter() - submitted, 1),
        },
    }


def locked(workspace: Workspace, name: str) -> dict[str, Any]:
    """A study: checked, locked as what it can be, run, and read as its page would."""
    remarks = check_protocol(workspace, name)
    lock = freeze(workspace, name, exploratory=True)
    write_results(workspace, run_study(Study.load(workspace, name)))
    results = read_results(workspace, name)
    (outcome,) = results.outcomes
    if results.lock is None or results.lock.hash != lock.hash:
        raise RuntimeError("the results are not those of the lock")
    return {
        "label": results.label,
        "verdict": outcome.finding.verdict,
        "sentence": outcome.finding.sentence,
        "unit": outcome.estimate.unit,
        "estimates": {
            one.estimator: {
                key: round(value, 3)
                for key, value in one.overall.figures().items()
                if key in ("effect", "low", "high", "p_value") and value is not None
            }
            for one in outcome.estimates
        },
        "smallest_p": results.assignments.smallest_p,
        "figures": outcome.data.cells,
        "figures_that_are_sums": outcome.data.lineage.summed if outcome.data.lineage else 0,
        "why_not_confirmatory": [one.message for one in remarks if one.confirmable_by],
        "differences": list(results.differences),
    }


def known(workspace: Workspace, programme: Programme) -> Any:
    """What the ledger holds, one row an area and year."""
    from evaluation.ledger.ledger import Ledger

    with Ledger.open(workspace.database, workspace.raw) as ledger:
        held = ledger.observations(programme.name)
    held["rate"] = 1_000 * held["numerator"] / held["denominator"]
    held["authority"] = [programme.area_by_code[code].authority for code in held["area_code"]]
    held["year"] = [int(str(quarter)) for quarter in held["quarter"]]
    names = {"area_code": "area", "numerator": "incidents"}
    return held.rename(columns=names)[["area", "authority", "year", "rate", "incidents"]]


def one_set(frame: Any, seed: int) -> dict[str, float]:
    """Six areas said to have started in 2018: effect and p-value by re-assignment of areas."""
    panel = panel_of(frame, seed)
    drawn = Assignments.draw(panel, n=DRAWS, block="area", strata=(), seed=seed)
    estimate = did(panel, "rate", inference="placebo", assignments=drawn, seed=seed)
    row = estimate.overall().iloc[0]
    return {"effect": float(row["effect"]), "p_value": float(row["p_value"])}


def panel_of(frame: Any, seed: int) -> Panel:
    """The panel with six areas that are said to have started."""
    areas = sorted(frame["area"].unique())
    return started(frame, set(np.random.default_rng(seed).choice(areas, STARTED, replace=False)))


def started(frame: Any, chosen: set[str]) -> Panel:
    """The panel in which some areas are said to have started."""
    long = frame.assign(start=[2018 if area in chosen else 0 for area in frame["area"]])
    return Panel.from_long(
        long,
        area="area",
        period="year",
        outcomes="rate",
        start="start",
        authority="authority",
        frequency="A",
    )


def by_authority(frame: Any) -> float:
    """The smallest p-value there could be if whole authorities are re-drawn, as services are."""
    own = sorted(frame.loc[frame["authority"] == AUTHORITIES[-1], "area"].unique())[:STARTED]
    drawn = Assignments.draw(started(frame, set(own)), n=DRAWS, block="authority", strata=())
    return float(drawn.smallest_p)


def main() -> None:
    """Run it, print it, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = lay_out(Path(folder), given.wheel)
        result = {
            "command": "python -m benchmarks.west_yorkshire WHEEL",
            "wheel": given.wheel.name,
            "traps": traps(given.wheel),
            **measure(workspace),
        }
    text = json.dumps(result, indent=2, ensure_ascii=False)
    RECORD.write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
