"""What thousands of simulated findings say, and whether any sentence contradicts its figures.

``OMP_NUM_THREADS=1 python -m benchmarks.findings [SEEDS] [SEEDS_OF_NOTHING]`` runs simulated
studies (`tests.unit.simulated_findings`): three primary and four secondary outcomes, a look every
quarter, the study's own looks, estimates and verdicts. It records every contradiction (as an
independent reading of the rule finds them), the share of each verdict by world and family, how
often a size is said of a change that is larger or smaller in truth, and in how many studies of a
world in which nothing moves any primary outcome is said to have moved. ``crossings N`` adds, from N
more studies of each world in which nothing moves, how often any look rejects any primary.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from evaluation.estimate.assignments import Assignments
from evaluation.programme import Programme, load_outcomes
from evaluation.study.interim_analyses import LookSeries, look_at
from evaluation.workspace import Workspace, packaged_schemas
from tests.unit.simulated_findings import (
    FIRST,
    MARGIN,
    PRIMARY,
    SECONDARY,
    WORLDS,
    World,
    findings_of,
    panel_of,
    protocol_of,
    truth_of,
)
from tests.unit.verdict_contradictions import contradictions

RESULTS = Path(__file__).parent / "results" / "findings.json"


def main(seeds: int, of_nothing: int) -> None:
    """Simulate, count, and write down."""
    began = time.monotonic()
    programme = _programme()
    verdicts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    false: Counter[str] = Counter()
    studies: Counter[str] = Counter()
    said: list[str] = []
    sizes: Counter[str] = Counter()
    for world in WORLDS:
        for seed in range(of_nothing if world.name == "nothing" else seeds):
            with tempfile.TemporaryDirectory() as folder:
                findings, cases = findings_of(world, programme, seed, Path(folder))
            studies[world.name] += 1
            for code, finding in findings.items():
                family = "primary" if code in PRIMARY else "secondary"
                both = f"{finding.direction}, {finding.size}"
                verdicts[world.name][family][both] += 1
                said += contradictions(finding, cases[code])
                large = truth_of(world, code) >= MARGIN
                sizes[f"{'large' if large else 'small'} in truth"] += 1
                sizes[f"{'large' if large else 'small'} and said {finding.size}"] += 1
            false[world.name] += any(findings[code].verdict.directed for code in PRIMARY)
    _write(
        verdicts,
        studies,
        false,
        {
            "command": f"OMP_NUM_THREADS=1 python -m benchmarks.findings {seeds} {of_nothing}",
            "findings": sum(sum(c.values()) for w in verdicts.values() for c in w.values()),
            "contradictions": len(said),
            "examples": said[:5],
            "sizes": sizes,
            "cores": os.cpu_count(),
            "seconds": round(time.monotonic() - began),
        },
    )


def crossings(world: World, studies: int) -> float:
    """Share of studies of a world in which any primary is rejected at any look; no words needed.

    Seeds of their own, so that it is a second sample beside the findings.
    """
    programme, crossed = _programme(), 0
    protocol = protocol_of().model_copy(update={"secondary": ()})
    for seed in range(10_000, 10_000 + studies):
        whole = panel_of(world, programme, seed)
        drawn = Assignments.draw(whole, n=399, strata=(), seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            for k in range(world.looks):
                panel = whole.until(whole.periods[FIRST + k])
                known = {"quarter": panel.labels[-1], "vintage": f"{k:02d}", "panel": str(k)}
                series, at = LookSeries(folder=Path(folder)), drawn.known(panel)
                seen = look_at(series, panel, protocol, programme, at, known)
            crossed += any(seen.verdicts()[code].crossed for code in PRIMARY)
    return crossed / studies


def _programme() -> Programme:
    held = Programme.load(Workspace(root=packaged_schemas().parent), "new_start")
    declared = {one.code: one for one in load_outcomes(packaged_schemas() / "outcomes")}
    chosen = tuple(declared[code] for code in (*PRIMARY, *SECONDARY))
    return held.model_copy(update={"outcomes": chosen})


def _write(
    verdicts: dict[str, dict[str, Counter[str]]],
    studies: Counter[str],
    false: Counter[str],
    more: dict[str, Any],
) -> None:
    shares = {
        world: {
            family: {verdict: round(n / sum(counts.values()), 4) for verdict, n in counts.items()}
            for family, counts in families.items()
        }
        for world, families in verdicts.items()
    }
    any_primary = {world: round(false[world] / studies[world], 4) for world in studies}
    # What the other command measured stays beside it.
    other = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    kept = {key: other[key] for key in ("crossings_of_nothing",) if key in other}
    RESULTS.write_text(
        json.dumps(
            {
                "what": "share of each verdict by world and family; any_primary: share of "
                "studies in which a primary outcome is said to have moved",
                **more,
                "studies": studies,
                "shares": shares,
                "any_primary": any_primary,
                **kept,
            },
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )
    print(json.dumps({**more, "any_primary": any_primary}, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["crossings"]:
        number = int(sys.argv[2])
        held = json.loads(RESULTS.read_text(encoding="utf-8"))
        held["crossings_of_nothing"] = {
            "command": f"OMP_NUM_THREADS=1 python -m benchmarks.findings crossings {number}",
            "studies": number,
            "any_primary": {
                one.name: crossings(one, number) for one in WORLDS if one.name.startswith("nothing")
            },
        }
        RESULTS.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")
        print(held["crossings_of_nothing"])
    else:
        given = [int(one) for one in sys.argv[1:]]
        main(*(given + [36, 300][len(given) :]))
