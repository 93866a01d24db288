"""A real programme as its lead would try it, to the refusal at publication.

Three sites, two of them led by one council and one that joins later; three agencies; twelve
councils that send comparison figures of one outcome; small counts, a late return, a correction. Its
figures are drawn here, but its workspace is not declared synthetic, and nothing of it may leave.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from evaluation.programme import Programme
from evaluation.quarters import Period
from evaluation.simulate.trial import trial_returns
from evaluation.workspace import Workspace
from tests.journey.at_the_command_line import newstart, told

COUNCILS = [f"council_{number:02d}" for number in range(12)]
FIRST, LAST = "2024 Q1", "2026 Q2"


def outcome(code: str, agency: str, source: object, comparison: object) -> dict[str, object]:
    return {
        "code": code,
        "title": code.replace("_", " ").capitalize(),
        "plain_title": code.replace("_", " "),
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
        "disclosure": {"threshold": 5, "rounding": 1},
    }


def declared() -> dict[str, object]:
    areas = [
        {"code": f"P{k:02d}", "name": f"Pilot {k}", "authority": where, "role": "pilot"}
        | {"site": site, "population": 500 + 40 * k}
        for k, (site, where) in enumerate(
            [("R1", "Northby")] * 3 + [("R2", "Northby")] * 2 + [("R3", "Southby")] * 2
        )
    ]
    areas += [
        {"code": f"C{k:02d}", "name": f"Other {k}", "authority": f"Shire {k % 12}"}
        | {"role": "comparison", "population": 520 + 20 * (k % 9)}
        for k in range(36)
    ]
    sources = [
        {"code": code, "name": f"Council of Shire {k}", "agency": "council"}
        | {"authorities": [f"Shire {k}"]}
        for k, code in enumerate(COUNCILS)
    ]
    sources.append({"code": "health_stats", "name": "Health statistics", "agency": "health"})
    return {
        "title": "Roots",
        "question": "Are people better off?",
        "synthetic": False,
        "first": FIRST,
        "last": LAST,
        "agencies": {"council": "Councils", "health": "Health board", "jobs": "Job centres"},
        "sites": [
            {"code": "R1", "name": "Hill", "start": "2025 Q3", "agencies": ["council"]},
            {"code": "R2", "name": "Vale", "start": "2025 Q3", "agencies": ["council"]},
            {"code": "R3", "name": "Moor", "start": "2026 Q1", "agencies": ["council"]},
        ],
        "sources": sources,
        "outcomes": [
            outcome("evictions", "council", "site", COUNCILS),
            outcome("falls", "health", "health_stats", "health_stats"),
        ],
        "areas": areas,
        "people": [
            {"name": "Ada", "roles": ["submitter"]},
            {"name": "Per", "roles": ["publisher"]},
        ],
        "study": {
            "contact": "Ada",
            "data_seen": "Figures up to the second quarter of 2026.",
            "how_pilots_were_chosen": "The two councils asked for them, and nobody was refused.",
            "primary": ["evictions"],
            "secondary": ["falls"],
            "scale": {"evictions": "level", "falls": "level"},
            "window": [0, 3],
            "estimators": ["did"],
            "looks": {"horizon": 2, "reserve": 0.01},
            "assignments": {"n": 199, "strata": [], "seed": 1},
        },
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace with every return in, one of them late and one corrected."""
    folder = tmp_path_factory.mktemp("roots")
    source = folder / "roots.yaml"
    source.write_text(yaml.safe_dump(declared(), sort_keys=False), "utf-8")
    newstart(folder, "init", "roots", "--from", str(source), "--folder", str(folder / "w"))
    root = folder / "w"
    programme = Programme.load(Workspace(root=root), "roots")
    # Drawn as for a trial; the programme itself says that it is real.
    trial = programme.model_copy(update={"synthetic": True})
    files = trial_returns(trial, folder / "in", until=Period.parse(LAST))
    late = next(path for path in files if path.name == "R2_council_2026-Q1.csv")
    small(late)
    for path in [*(one for one in files if one != late), late]:
        send(root, path, folder / "why.csv")
    return root


def send(root: Path, path: Path, why: Path) -> None:
    """Submit a return, and answer what is asked of it."""
    code, out, err = told(root, "submit", str(path), "--by", "Ada", "--json")
    if code == 0:
        return
    asked = json.loads(out)["problems"]
    assert code == 1 and {one["severity"] for one in asked} <= {"confirm", "note"}, (out, err)
    with why.open("w", encoding="utf-8", newline="") as stream:
        rows = [(one["rule"], one["cell"], "looked up in the register") for one in asked]
        csv.writer(stream).writerows([("rule", "cell", "reason"), *rows])
    newstart(root, "submit", str(path), "--by", "Ada", "--confirm", str(why))


def small(path: Path) -> None:
    """One count of a return is below the threshold, and withheld as such."""
    with path.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    rows[0][head.index("numerator")], rows[0][head.index("status")] = "", "[c]"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


@pytest.mark.slow
def test_its_way_to_the_refusal_at_publication(root: Path, tmp_path: Path) -> None:
    told_now = json.loads(newstart(root, "status", "--json"))
    assert told_now["returns"]["in"] == told_now["returns"]["due"] == 10 * 16
    assert told_now["declared"]["nobody_returns"] == {}
    _correct(root, tmp_path)
    study = "roots/first_look"
    code, out, _ = told(root, "protocol", "check", study)
    assert code == 1 and "14 are eligible" in out and "--exploratory" in out
    assert "14 are eligible" in newstart(root, "design", "power", study)
    newstart(root, "protocol", "freeze", study, "--exploratory", "--registration", "osf.io/roots")
    newstart(root, "study", "run", study)
    results = json.loads((root / "var/results/roots/first_look/results.json").read_text("utf-8"))
    data = {one["code"]: one["data"] for one in results["outcomes"]}
    assert data["evictions"]["suppressed"] >= 1 and data["evictions"]["revised"] == 1
    assert results["label"] == "exploratory"
    said = " ".join(one["finding"]["sentence"] for one in results["outcomes"])
    assert "comparison areas" in said and "improved" not in said
    assert {site["code"] for site in results["sites"]} == {"R1", "R2", "R3"}
    for verb in (("book", "build"), ("edition", "publish")):
        code, _, err = told(root, *verb)
        assert code in (1, 2) and "may not be published" in err, (verb, err)


def _correct(root: Path, folder: Path) -> None:
    """One figure of a return that is in is mended and sent again, with its reason."""
    path = folder / "R1_council_2025-Q4.csv"
    held = root.parent / "in" / path.name
    text = held.read_text("utf-8").splitlines()
    head, row = text[0].split(","), text[1].split(",")
    at = head.index("numerator")
    row[at] = str(int(row[at]) + 1)
    path.write_text("\n".join([text[0], ",".join(row), *text[2:]]) + "\n", "utf-8")
    send(root, path, folder / "why.csv")
    log = json.loads(newstart(root, "ledger", "log", "--json"))
    assert log[-1]["by"] == "Ada" and log[-1]["changes"]
