"""What one study of every neighbourhood costs: loading its history, a return, the run.

``OMP_NUM_THREADS=1 python -m benchmarks.national_study PANEL.csv[.gz] --area C --period C --value C
--per C --authority C [--pilots N] [--looks N] [--estimators NAMES] [--name NAME] [--seed N]`` says
that ``--pilots`` areas, each in an authority of its own, started ``--looks`` periods before the
end. It loads all periods but the last, submits the last one's return of all areas and some of a
small programme by the command line, locks the study as exploratory and runs it. Processor seconds
and the largest memory are those of each verb's own process, by the system's account; load and lock
go through the same functions in this one. Kept by ``--name`` in
``benchmarks/results/national_study.json``; run on an earlier state of the code it shows what a
change is worth.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks.false_questions import CODE, SOURCE, outcome_of, read, sent
from evaluation import quarters
from evaluation.ledger.intake import Asked, Incoming, Reason, Reasons, load_returns
from evaluation.programme import Programme
from evaluation.returns.form import form
from evaluation.returns.workbook import csv_name, read_return
from evaluation.setup.beginning import begin, example
from evaluation.workspace import Workspace

RESULT = Path(__file__).parent / "results" / "national_study.json"
STUDY = "national/first_look"
ESTIMATORS = "synthetic_did,did,synthetic_control"
"""What a new protocol proposes."""


MEASURED = """
import atexit, json, resource, sys

def told():
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Of this program alone; what getrusage calls the largest is inherited from who started it.
    held = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    told = {"processor_seconds": round(used.ru_utime + used.ru_stime, 2)}
    with open(sys.argv[0], "w") as stream:
        json.dump(told | {"largest_mb": round(int(held.split()[1]) / 1024)}, stream)

atexit.register(told)
sys.argv = sys.argv[1:]
from evaluation.cli import main
main()
"""
"""Runs the command line in a process of its own, which says at its end what it took."""


class Every(Mapping[Asked, Reason]):
    """An answer of its own to whatever is asked."""

    given = Reason(reason="as published", by="collector")

    def __getitem__(self, key: Asked) -> Reason:
        return self.given

    def __iter__(self) -> Iterator[Asked]:
        return iter(())

    def __len__(self) -> int:
        return 0


def verb(root: Path, *words: str) -> dict[str, Any]:
    """What a verb takes in a process of its own, and its exit code and output."""
    kept = root / "took.json"
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(kept), "--workspace", str(root), *words],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(words)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    took = json.loads(kept.read_text(encoding="utf-8"))
    return took | {"code": done.returncode, "said": done.stdout}


def begun(root: Path, given: Namespace, table: pd.DataFrame) -> Programme:
    """A workspace whose programme says that some areas, each of another authority, started."""
    authority = pd.read_csv(given.panel, usecols=[given.area, given.authority])
    own = authority.groupby(given.area)[given.authority].first().astype(str)
    rng = np.random.default_rng(given.seed)
    complete = table.groupby("area")["value"].count()
    able = complete.index[complete == table["period"].nunique()]
    towns = rng.permutation(sorted(set(own[able])))[: given.pilots]
    pilots = {str(rng.choice(able[own[able] == town])) for town in towns}
    periods = sorted(table["period"].unique())
    outcome = outcome_of(whole=False, ratio=True).model_dump(mode="json", exclude_none=True)
    declared = {
        "title": "National",
        "question": "What does it cost?",
        "synthetic": False,
        "first": str(periods[0]),
        "last": str(periods[-1]),
        "agencies": {"dwp": "DWP"},
        "sources": [{"code": SOURCE, "name": "Official", "agency": "dwp"}],
        "sites": [{"code": "P01", "name": "Pretended", "start": str(periods[-given.looks])}],
        "outcomes": [outcome],
        "areas": [
            {"code": code, "name": code, "authority": own[code]}
            | ({"role": "pilot", "site": "P01"} if code in pilots else {"role": "comparison"})
            for code in sorted(own.index)
        ],
        "study": {
            "contact": "Nobody",
            "data_seen": "All of it.",
            "how_pilots_were_chosen": "Drawn at random; nothing happened in any of them.",
            "primary": [CODE],
            "secondary": [],
            "scale": {CODE: "level"},
            "window": [0, given.looks - 1],
            "estimators": given.estimators.split(","),
        },
    }
    begin(root, STUDY.partition("/")[0], declared)
    return Programme.load(Workspace(root=root), STUDY.partition("/")[0])


def measured(root: Path, given: Namespace) -> dict[str, Any]:
    """The history loaded, the last return sent, the study locked and run."""
    table = read(given)
    programme = begun(root, given, table)
    *before, (last, raw) = sent(table)
    incoming = [Incoming(file=one.path_name, raw=one) for _, one in before]
    path = root / csv_name("OPEN", SOURCE, last)
    pd.DataFrame([row.values for row in raw.rows], columns=list(form().names)).to_csv(
        path, index=False
    )
    loaded = load_returns(
        Workspace(root=root), programme, _written(root, incoming), Reasons(figures=Every())
    )
    asked = verb(root, "submit", str(path), "--json")
    sending = {"asked": asked}
    if asked["code"] == 1:
        why = pd.DataFrame(json.loads(asked["said"])["problems"])[["rule", "cell"]]
        why.assign(reason="as published").to_csv(root / "why.csv", index=False)
        sending["answered"] = verb(root, "submit", str(path), "--confirm", str(root / "why.csv"))
    ordinary = of_a_small_programme(root.parent / "small")
    verb(root, "protocol", "freeze", STUDY, "--exploratory", "--registration", "pretended")
    ran = verb(root, "study", "run", STUDY, "--json")
    said = json.loads(ran["said"])["outcomes"][0]["estimates"]
    return {
        "areas": len(programme.areas),
        "periods": len(programme.periods),
        "returns_loaded": loaded.accepted,
        "submit of a national return": {name: _took(one) for name, one in sending.items()},
        "submit of a small return": ordinary,
        "study run": _took(ran),
        "effects": {one["estimator"]: one["overall"]["effect"] for one in said},
    }


def of_a_small_programme(root: Path) -> dict[str, Any]:
    """What sending a return takes in the example's programme: the last of three quarters."""
    begin(root, "warm_homes", yaml.safe_load(example()))
    verb(root, "invent", "-o", str(root / "in"))
    sender = "Ada North"
    done = [
        verb(root, "submit", str(path), "--by", sender)
        for path in sorted((root / "in").glob("W01_*"))[:3]
    ]
    if done[-1]["code"] != 0:
        raise SystemExit(done[-1]["said"])
    return _took(done[-1])


def _written(root: Path, incoming: list[Incoming]) -> list[Incoming]:
    """Each return through a file, so that what is loaded is what a person would send."""
    through = []
    for one in incoming:
        path = root / one.file
        rows = pd.DataFrame([row.values for row in one.raw.rows], columns=list(form().names))
        rows.to_csv(path, index=False)
        through.append(Incoming(file=path.name, raw=read_return(path)))
        path.unlink()
    return through


def _took(one: dict[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("processor_seconds", "largest_mb")}


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.national_study")
    parser.add_argument("panel")
    for name in ("area", "period", "value", "per", "authority"):
        parser.add_argument(f"--{name}", required=True, help="a column")
    parser.add_argument("--pilots", type=int, default=12)
    parser.add_argument("--looks", type=int, default=4, help="periods since the start")
    parser.add_argument("--estimators", default=ESTIMATORS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="now", help="under which the result is kept")
    parser.add_argument("--folder", default="", help="keep the workspace here")
    given = parser.parse_args()
    given.whole = False
    return given


def main(given: Namespace) -> None:
    """Measure, keep and print."""
    with tempfile.TemporaryDirectory(prefix="newstart-national-") as folder:
        found = measured(Path(given.folder or folder) / "national", given)
    kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    words = [Path(word).name if word == given.panel else word for word in sys.argv[1:]]
    kept[given.name] = {
        "command": " ".join(["python -m benchmarks.national_study", *words]),
        "recorded": quarters.now().date().isoformat(),
        **found,
    }
    RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(kept[given.name], indent=1))


if __name__ == "__main__":
    main(_arguments())
