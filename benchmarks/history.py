"""How long a programme's history takes to load, and whether slips in it are still found.

``python -m benchmarks.history returns`` loads the invented programme's returns of all quarters as a
folder. ``python -m benchmarks.history table PANEL.csv[.gz] --area C --period C --value C [--per C]
[--whole]`` loads a long table as the returns of one source; ``slips`` in place of ``table`` makes
200 figures of it ten times as large first, gives one reason for every rule, and counts how many of
them still had to be answered by themselves. Wall clock and processor seconds are of the one process
of ``newstart load``, by the system's own account. Each result is kept in
``benchmarks/results/history.json``.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks.false_questions import CODE, SOURCE, outcome_of, programme_of, read
from evaluation import quarters
from evaluation.check.rules import rules
from evaluation.simulate import (
    Scenario,
    draw_figures,
    invent_programme,
    write_programme,
    write_returns,
)
from evaluation.workspace import packaged_schemas

RESULT = Path(__file__).parent / "results" / "history.json"
SLIPS = 200
MAPPING = {
    "area": "area",
    "period": "period",
    "outcomes": {"value": CODE},
    "denominator": "per",
    "missing": "[c]",
}


def lay_programme(root: Path, table: pd.DataFrame, *, whole: bool) -> None:
    """A workspace whose programme returns the table's figures by one source."""
    outcome = outcome_of(whole=whole, ratio=True)
    programme = programme_of(table, outcome)
    folder = root / "studies" / "official"
    (folder / "outcomes").mkdir(parents=True)
    with (folder / "areas.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("code", "name", "authority", "role"))
        writer.writerows((a.code, a.name, a.authority, a.role) for a in programme.areas)
    declared = programme.model_dump(
        mode="json", include={"name", "title", "question", "synthetic", "agencies", "sites"}
    ) | {
        "first": str(programme.first),
        "last": str(programme.last),
        "sources": [{"code": SOURCE, "name": "Official", "agency": "dwp"}],
        "areas": "areas.csv",
        "outcomes": [CODE],
    }
    (folder / "programme.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")
    written = outcome.model_dump(mode="json", exclude_none=True)
    (folder / "outcomes" / f"{CODE}.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")


def run(root: Path, programme: str, *arguments: str) -> dict[str, Any]:
    """The verb in a process of its own: what it says, its seconds and its largest memory."""
    command = [sys.executable, "-m", "evaluation.cli", "--workspace", str(root)]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [*command, "--programme", programme, "load", *arguments, "--json"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode == 2 or not done.stdout:
        raise SystemExit(done.stderr)
    return {
        "said": json.loads(done.stdout),
        "wall_seconds": round(wall, 1),
        "processor_seconds": round(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1
        ),
        "largest_mb": round(after.ru_maxrss / 1024),
    }


def blanket(path: Path) -> Path:
    """One reason for every rule that asks for one."""
    rows = [f"{code},As published.,Ada\n" for code, one in rules().items()]
    path.write_text("rule,reason,by\n" + "".join(rows), encoding="utf-8")
    return path


def of_returns(root: Path) -> dict[str, Any]:
    """The invented programme's returns, those sent again left out, as one folder."""
    scenario = Scenario.load(packaged_schemas())
    preset = scenario.presets["full"]
    programme = invent_programme(scenario, preset, packaged_schemas())
    write_programme(programme, root / "studies" / programme.name)
    figures = draw_figures(programme, scenario, preset, seed=scenario.seed)
    files, seen = write_returns(programme, scenario, figures, root / "sent"), set[str]()
    for path in sorted(files):
        # A return that was sent again is a restatement and no history.
        if path.stem in seen:
            path.unlink()
        seen.add(path.stem)
    reasons = blanket(root / "reasons.csv")
    return run(root, programme.name, str(root / "sent"), "--reasons", str(reasons))


def of_table(root: Path, table: pd.DataFrame, *, whole: bool) -> dict[str, Any]:
    """A long table with one reason for every rule."""
    lay_programme(root, table, whole=whole)
    shown = table.assign(period=table["period"].map(str))
    shown.to_csv(root / "table.csv", index=False)
    (root / "mapping.yaml").write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    given = ["--mapping", str(root / "mapping.yaml")]
    reasons = blanket(root / "reasons.csv")
    return run(root, "official", str(root / "table.csv"), *given, "--reasons", str(reasons))


def with_slips(table: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, set[tuple[str, str]]]:
    """The table with figures ten times as large, and which; not in the first period of all."""
    rng = np.random.default_rng(seed)
    able = np.flatnonzero((table["value"] > 0) & (table["period"] > table["period"].min()))
    rows = rng.choice(able, size=min(SLIPS, len(able)), replace=False)
    spoilt = table.copy()
    spoilt.loc[table.index[rows], "value"] *= 10
    keys = spoilt.iloc[rows][["area", "period"]].itertuples(index=False)
    return spoilt, {(str(area), str(period)) for area, period in keys}


def found_slips(root: Path, table: pd.DataFrame, *, whole: bool, seed: int) -> dict[str, Any]:
    """How many slips are asked by themselves, and how many figures without one are."""
    spoilt, keys = with_slips(table, seed)
    done = of_table(root, spoilt, whole=whole)
    alone = {
        (one["area_code"], one["quarter"]) for one in done["said"]["problems"] if one.get("alone")
    }
    return done | {
        "slips": len(keys),
        "answered_singly": len(keys & alone),
        "share": round(len(keys & alone) / len(keys), 4),
        "others_singly": len(alone - keys),
    }


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.history")
    parser.add_argument("what", choices=("returns", "table", "slips"))
    parser.add_argument("panel", nargs="?", default="")
    for name in ("area", "period", "value", "per"):
        parser.add_argument(f"--{name}", default="", help="a column")
    parser.add_argument("--whole", action="store_true", help="round to whole counts")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main(given: Namespace) -> None:
    """Measure, keep and print."""
    with tempfile.TemporaryDirectory(prefix="newstart-history-") as folder:
        root = Path(folder)
        if given.what == "returns":
            (root / "studies").mkdir()
            found = of_returns(root)
        elif given.what == "table":
            found = of_table(root, read(given), whole=given.whole)
        else:
            found = found_slips(root, read(given), whole=given.whole, seed=given.seed)
    said = found.pop("said")
    found |= {name: said[name] for name in ("accepted", "already_held", "refused", "rows")}
    panel = Path(given.panel).name
    rest = [panel if word == given.panel else word for word in sys.argv[1:]]
    name = " ".join(filter(None, (given.what, panel.partition(".")[0], "whole" * given.whole)))
    kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    kept[name] = {
        "command": " ".join(["python -m benchmarks.history", *rest]),
        "recorded": quarters.now().date().isoformat(),
        **found,
    }
    RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(name, kept[name])


if __name__ == "__main__":
    main(_arguments())
