"""The United Kingdom after the referendum of 2016: one country that changed, among twenty.

``python -m benchmarks.referendum FILE`` reads quarterly GDP of 21 countries, 2008 to 2019, from
``causalpy/data/GDP_in_dollars_billions.csv`` as the package CausalPy 0.9.0 carries it (``FILE`` is
its path; the package is not needed to be installed, and nothing of it is kept here). The figures
become returns, are checked and submitted, and a study of them is locked as exploratory, as it is,
with one treated unit, so that no p-value is below one in as many as there are countries. GDP of the
countries is in units of their own, so growth is compared: the study is in logarithms.

What is published for this case is a picture and no figure: it is a second real case of the United
Kingdom on which the whole way is walked, and no replication.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.west_yorkshire import locked
from evaluation.demo import submit_files
from evaluation.programme import OPEN_SITE
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.workspace import Workspace

RECORD = Path(__file__).parent / "results" / "referendum.json"
NAME, STUDY = "referendum", "referendum/after_2016"
FIRST, START, LAST = (Period.parse(one) for one in ("2008 Q3", "2016 Q3", "2019 Q4"))
HOME = "UK"
PROGRAMME = """
name: referendum
title: The United Kingdom after the referendum of 2016
question: Did GDP grow otherwise than it would have?
synthetic: false
first: 2008 Q3
last: 2019 Q4
agencies: {statistics: Statistical offices}
sources: [{code: oecd, name: GDP of 21 countries in the package CausalPy, agency: statistics}]
sites: [{code: UK, name: United Kingdom, start: 2016 Q3}]
areas: areas.csv
outcomes: [gdp]
"""
OUTCOME = """
code: gdp
title: Gross domestic product
plain_title: Gross domestic product
people: billions
domain: economy
unit: billions of its own unit
form: value
numerator: gross domestic product
kind: flow
polarity: up
agency: statistics
source: oecd
comparison_source: oecd
instrument: national accounts
geography: country
whole: false
"""
PROTOCOL = """
study: after_2016
programme: referendum
title: The United Kingdom after the referendum of 2016
question: Did GDP grow otherwise than it would have?
registered: not registered; a test of the machinery
data_seen: all of it
how_pilots_were_chosen: It is the one country that held the referendum.
intervention: The vote to leave the European Union, June 2016.
estimand: Mean of the first fourteen quarters, until the pandemic.
primary: [gdp]
scale: {gdp: log}
window: [0, 13]
default_margin_percent: 2
estimators: [synthetic_control, synthetic_did, did]
synthetic_control: demeaned
assignments: {n: 9999, block: area, strata: [], seed: 2016}
missing: None is.
suppressed: None is.
decision_rules: None.
publication: "2026-11-30"
what_it_can_bear:
  - One of 21 countries changed, so that no p-value can be below one in 21.
"""


def lay_out(root: Path, source: Path) -> list[Path]:
    """The programme, and one return a quarter."""
    folder = root / "studies" / NAME
    (folder / "outcomes").mkdir(parents=True)
    (root / "studies" / STUDY).mkdir()
    (folder / "programme.yaml").write_text(PROGRAMME, "utf-8")
    (folder / "outcomes" / "gdp.yaml").write_text(OUTCOME, "utf-8")
    (root / "studies" / STUDY / "protocol.yaml").write_text(PROTOCOL, "utf-8")
    with source.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    countries = [name for name in rows[0] if name != "Time"]
    areas = ["code,name,authority,role,geography,site"]
    areas += [
        f"{one},{one},{one},{'pilot,country,UK' if one == HOME else 'comparison,country,'}"
        for one in countries
    ]
    (folder / "areas.csv").write_text("\n".join(areas) + "\n", "utf-8")
    incoming = root / "var" / "incoming" / NAME / "2026-11-30"
    incoming.mkdir(parents=True)
    written = []
    for row in rows:
        year, month, _ = row["Time"].split("-")
        period = Period.quarter(int(year), (int(month) + 2) // 3)
        if not FIRST <= period <= LAST:
            continue
        path = incoming / f"{OPEN_SITE}_oecd_{period.slug}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(form().names)
            writer.writerows(
                [one, one, str(period), "gdp", row[one], "", "", ""] for one in countries
            )
        written.append(path)
    return written


def measure(root: Path, source: Path) -> dict[str, Any]:
    """From the file to the study's results."""
    files = lay_out(root, source)
    workspace = Workspace(root=root)
    accepted = submit_files(workspace, files, lambda _: None)
    return {"returns_accepted": accepted, "study": locked(workspace, STUDY)}


def main() -> None:
    """Run it, print it, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), given.file)
    text = json.dumps({"command": "python -m benchmarks.referendum FILE", **found}, indent=2)
    RECORD.write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
