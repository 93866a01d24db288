"""A programme as a pilot's lead would begin it, built by code: declared, sent, loaded, corrected.

Its workspace is real, not declared synthetic, so nothing of it may leave without being released;
its figures are drawn by a seed. `WHOLE` has five sites, 18 pilot and 120 comparison areas in 14
authorities, three agencies, twelve councils that send comparison figures and 23 quarters; `SMALL`
goes the same way in seconds. In both are small counts, figures withheld as small, a late return, a
correction with its reason, and a site that joins later.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.simulate.trial import trial_returns
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart, told

NAME = "roots"
STUDY = f"{NAME}/first_look"
SENDER = "Ada"
LAST = "2026 Q2"
LATE, CORRECTED = "R2_council_2026-Q1.csv", "R1_council_2025-Q4.csv"
COUNCILS = 12


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A site: the council that leads it, its pilot areas, and the period in which it starts."""

    code: str
    name: str
    authority: str
    areas: int
    start: str


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a programme is built; comparison areas lie in `COUNCILS` other authorities."""

    sites: tuple[Planned, ...]
    comparisons: int
    first: str
    draws: int


WHOLE = Size(
    sites=(
        Planned(code="R1", name="Hill", authority="Northby", areas=4, start="2025 Q2"),
        Planned(code="R2", name="Vale", authority="Northby", areas=4, start="2025 Q2"),
        Planned(code="R3", name="Moor", authority="Northby", areas=3, start="2025 Q3"),
        Planned(code="R4", name="Quay", authority="Southby", areas=5, start="2025 Q2"),
        Planned(code="R5", name="Fen", authority="Southby", areas=2, start="2026 Q1"),
    ),
    comparisons=120,
    first="2020 Q4",
    draws=999,
)
SMALL = Size(
    sites=(
        Planned(code="R1", name="Hill", authority="Northby", areas=3, start="2025 Q3"),
        Planned(code="R2", name="Vale", authority="Northby", areas=2, start="2025 Q3"),
        Planned(code="R3", name="Moor", authority="Southby", areas=2, start="2026 Q1"),
    ),
    comparisons=36,
    first="2024 Q1",
    draws=199,
)


def build(folder: Path, size: Size, leave: Sequence[str] = ()) -> Path:
    """The workspace with every return in: history in one go, the quarters since one by one.

    Those named in ``leave`` stay in the folder ``in``, to be sent by others.
    """
    root = folder / "workspace"
    source = folder / f"{NAME}.yaml"
    source.write_text(yaml.safe_dump(declared(size), sort_keys=False), "utf-8")
    newstart(folder, "init", NAME, "--from", str(source), "--folder", str(root))
    agree(root)
    files = drawn(root, folder)
    start = Period.parse(min(site.start for site in size.sites))
    before = folder / "before"
    before.mkdir()
    since = []
    for path in files:
        if period_of(path) < start:
            path.rename(before / path.name)
        else:
            since.append(path)
    load(root, before)
    late = next(path for path in since if path.name == LATE)
    withhold(late)
    for path in [*(one for one in since if one != late), late]:
        if path.name not in leave:
            send(root, path)
    return root


def agree(root: Path, **changes: Any) -> None:
    """The agreements of every agency, in both arms: true small counts may be sent."""
    signed = [
        {
            "agency": agency,
            "arm": arm,
            "controllers": ["Council of Northby"],
            "legal_basis": "public task",
            "article_9": "statistical purposes",
            "confidentiality": "approved",
            "dpia": "signed on 2024-01-05",
            "opt_outs": "applied by the controller",
            "small_counts": True,
            "onward_use": "public, as printed",
            "expires": "2099-12-31",
            "retention": "two years after the last edition",
            "agreed": {"by": "The controllers", "on": "2020-01-01"},
        }
        | changes
        for agency in ("council", "health", "jobs")
        for arm in ("pilot", "comparison")
    ]
    path = root / "studies" / NAME / "agreements.yaml"
    path.write_text(yaml.safe_dump({"agreements": signed}, sort_keys=False), "utf-8")


def declared(size: Size) -> dict[str, Any]:
    """What `init` takes: the programme, its people and its first study."""
    shires = [f"Shire {number:02d}" for number in range(1, COUNCILS + 1)]
    councils = [name.lower().replace(" ", "_") for name in shires]
    sources = [
        {"code": code, "name": f"Council of {name}", "agency": "council", "authorities": [name]}
        for code, name in zip(councils, shires, strict=True)
    ]
    sources += [
        {"code": "health_stats", "name": "Health statistics", "agency": "health"},
        {"code": "job_stats", "name": "Job centre statistics", "agency": "jobs"},
    ]
    return {
        "title": "Roots",
        "question": "Are people better off?",
        "synthetic": False,
        "first": size.first,
        "last": LAST,
        "agencies": {"council": "Councils", "health": "Health board", "jobs": "Job centres"},
        "sites": [
            {"code": one.code, "name": one.name, "start": one.start}
            | {"agencies": ["council", "health"]}
            for one in size.sites
        ],
        "sources": sources,
        "outcomes": [
            _outcome("evictions", "council", "site", councils, threshold=5),
            _outcome("falls", "health", "site", "health_stats", threshold=0),
            _outcome("claims", "jobs", "job_stats", "job_stats", threshold=0),
        ],
        "areas": _areas(size, shires),
        "people": [
            {"name": SENDER, "roles": ["submitter"]},
            {"name": "Eve", "roles": ["evaluator"]},
            {"name": "Per", "roles": ["publisher"]},
            {"name": "Cat", "roles": ["checker"]},
            {"name": "Dot", "roles": ["checker"]},
        ],
        "study": {
            "contact": "Eve",
            "data_seen": "Figures up to the second quarter of 2026.",
            "how_pilots_were_chosen": "The two councils asked for them, and nobody was refused.",
            "primary": ["evictions"],
            "secondary": ["falls", "claims"],
            "scale": {"evictions": "level", "falls": "level", "claims": "level"},
            "window": [0, 3],
            "estimators": ["did"],
            "looks": {"horizon": 2, "reserve": 0.01},
            "assignments": {"n": size.draws, "strata": [], "seed": 1},
        },
    }


def _areas(size: Size, shires: Sequence[str]) -> list[dict[str, Any]]:
    pilots = [
        {"code": f"P{site.code[1:]}{k}", "name": f"{site.name} {k}", "authority": site.authority}
        | {"role": "pilot", "site": site.code, "population": 500 + 60 * k}
        for site in size.sites
        for k in range(1, site.areas + 1)
    ]
    return pilots + [
        {"code": f"C{k:03d}", "name": f"Other {k}", "authority": shires[k % len(shires)]}
        | {"role": "comparison", "population": 520 + 20 * (k % 9)}
        for k in range(size.comparisons)
    ]


def _outcome(
    code: str, agency: str, source: str, comparison: str | list[str], *, threshold: int
) -> dict[str, Any]:
    """A count among some 500 residents: most figures have one digit."""
    return {
        "code": code,
        "title": code.capitalize(),
        "plain_title": code,
        "people": "cases",
        "domain": "lives",
        "unit": "per 1,000 residents",
        "numerator": "cases in the quarter",
        "denominator": "residents, fixed before the start",
        "kind": "flow",
        "polarity": "down",
        "agency": agency,
        "source": source,
        "comparison_source": comparison,
        "instrument": "one register",
        "disclosure": {"threshold": threshold, "rounding": 1},
    }


def drawn(root: Path, folder: Path) -> list[Path]:
    """A return of each submitter and quarter, in order of time."""
    programme = Programme.load(Workspace(root=root), NAME)
    # Drawn as for a trial; the programme itself says that it is real.
    trial = programme.model_copy(update={"synthetic": True})
    return trial_returns(trial, folder / "in", until=Period.parse(LAST))


def period_of(path: Path) -> Period:
    """The quarter that the name of a return says."""
    return Period.parse(path.stem.rpartition("_")[2])


def load(root: Path, folder: Path) -> dict[str, Any]:
    """Load a folder; what is asked is answered figure by figure, as its sender would."""
    code, out, err = told(root, "load", str(folder), "--by", SENDER, "--json")
    done = json.loads(out)
    if code == 0:
        return dict(done)
    assert done["questions"], err
    questions = Path(done["questions"])
    with questions.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    answers = folder.parent / "answers.csv"
    with answers.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        reason = {"reason": "looked up in the register", "by": SENDER}
        writer.writerows(row | reason for row in rows if row["area_code"])
    said = newstart(root, "load", str(folder), "--by", SENDER, "--reasons", str(answers), "--json")
    return dict(json.loads(said))


def send(root: Path, path: Path) -> None:
    """Submit a return, and answer what is asked of it."""
    code, out, err = told(root, "submit", str(path), "--by", SENDER, "--json")
    if code == 0:
        return
    asked = json.loads(out)["problems"]
    assert code == 1 and {one["severity"] for one in asked} <= {"confirm", "note"}, (out, err)
    why = path.with_suffix(".why.csv")
    with why.open("w", encoding="utf-8", newline="") as stream:
        rows = [(one["rule"], one["cell"], "looked up in the register") for one in asked]
        csv.writer(stream).writerows([("rule", "cell", "reason"), *rows])
    newstart(root, "submit", str(path), "--by", SENDER, "--confirm", str(why))


def withhold(path: Path) -> None:
    """One count of a return is below the threshold, and withheld as such."""
    with path.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    rows[0][head.index("numerator")], rows[0][head.index("status")] = "", "[c]"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


def correct(root: Path, folder: Path) -> None:
    """The first figure of a return that is in is raised by one and sent again, with its reason."""
    held = root.parent / "in" / CORRECTED
    text = held.read_text("utf-8").splitlines()
    head = text[0].split(",")
    at = head.index("numerator")
    line, row = next(
        (n, cells)
        for n, cells in enumerate((one.split(",") for one in text[1:]), start=1)
        if cells[at]
    )
    row[at] = str(int(row[at]) + 1)
    path = folder / CORRECTED
    path.write_text("\n".join([*text[:line], ",".join(row), *text[line + 1 :]]) + "\n", "utf-8")
    send(root, path)


def lock_and_run(root: Path) -> dict[str, Any]:
    """The study as an exploratory one, and its results."""
    newstart(root, "protocol", "freeze", STUDY, "--exploratory", "--registration", "osf.io/roots")
    newstart(root, "study", "run", STUDY)
    results = Workspace(root=root).results(NAME, STUDY.partition("/")[2]) / "results.json"
    return dict(json.loads(results.read_text("utf-8")))
