"""What neighbourhood surveys could find: size, power and smallest effect, by the shipped design.

``python -m benchmarks.survey_design`` invents surveys of sites of three pilot areas, half of which
start in the fourth and half in the fifth of eight waves, beside comparison areas in authorities of
three, with nothing in them but what `evaluation.design.surveys.Variation` says: life satisfaction
varies by 1.9 between persons; 1.2 % of the variance are lasting differences between areas, 0.6 %
pass with the waves (half of it to the next one), 0.2 % are shared by an authority, and the design
costs a factor of 1.4. `could_find` judges each as the study would, with whole authorities drawn
again. Monte Carlo errors stand beside every figure. Where the arms are asked unlike, how areas vary
beside sampling is taken as known here; with it estimated the sizes are those of
``benchmarks.precision``. The record is ``benchmarks/results/survey_design.json``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from evaluation import quarters
from evaluation.design.surveys import Plan, Variation, could_find
from evaluation.workspace import write_whole

SIMULATIONS, SEED = 2_000, 20_261_130
EACH = 3
RESULT = Path(__file__).parent / "results" / "survey_design.json"


def areas(sites: int, comparisons: int) -> pd.DataFrame:
    """Sites of three areas, each an authority; comparison areas in authorities of three."""
    pilots = EACH * sites
    rows = [
        {
            "site": f"site {k // EACH:02d}" if k < pilots else None,
            "authority": f"authority {k // EACH:03d}",
            "role": "pilot" if k < pilots else "comparison",
        }
        for k in range(pilots + comparisons)
    ]
    index = pd.Index([f"area {k:03d}" for k in range(len(rows))], name="area")
    return pd.DataFrame(rows, index=index)


def cases() -> dict[str, tuple[int, int, Plan, Variation]]:
    """What is asked -> sites, comparison areas, plan, variation."""
    usual = Variation()
    found: dict[str, tuple[int, int, Plan, Variation]] = {}
    for comparisons in (36, 72, 120, 300):
        for waves, before in ((2, 1), (4, 2), (8, 3)):
            for n in (60, 150, 300):
                plan = Plan(respondents=n, waves=waves, before=before)
                what = f"6 sites, {comparisons} comparison areas, {waves} waves, {n} people"
                found[what] = (6, comparisons, plan, usual)
    for sites in (1, 2, 3, 12):
        what = f"{sites} sites, 120 comparison areas, 8 waves, 150 people"
        found[what] = (sites, 120, Plan(respondents=150), usual)
    for passing, shared in ((0.002, 0.0), (0.010, 0.005)):
        varied = replace(usual, passing=passing, shared=shared)
        what = f"6 sites, 120 comparison areas, 8 waves, 150 people, passing {passing:g} of an area"
        found[f"{what} and {shared:g} of an authority"] = (6, 120, Plan(respondents=150), varied)
    for own, other in ((300, 60), (150, 60), (60, 150), (60, 300)):
        plan = Plan(respondents=other, in_pilots=own)
        what = (
            f"6 sites, 120 comparison areas, 8 waves, {own} people in pilots and {other} in others"
        )
        found[what] = (6, 120, plan, usual)
    return found


def rows(simulations: int, only: str = "") -> list[dict[str, Any]]:
    """Every case that holds a text, measured."""
    found = []
    for what, (sites, comparisons, plan, variation) in cases().items():
        if only not in what:
            continue
        one = could_find(
            areas(sites, comparisons), plan, variation=variation, simulations=simulations, seed=SEED
        )
        power = {f"power_{effect:g}": round(one.power(effect), 4) for effect in (0.1, 0.2, 0.3)}
        found.append({"what": what, "sites": sites, **one.as_dict(), **power})
        print(
            f"{what:100} mde {one.mde:.3f} +-{one.mde_error:.3f}, size {100 * one.size:.1f} "
            f"+-{100 * one.size_error:.1f} %, power {[round(100 * p) for p in power.values()]}",
            flush=True,
        )
    return found


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.survey_design")
    parser.add_argument("--simulations", type=int, default=SIMULATIONS)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    asked = parser.parse_args()
    measured = rows(asked.simulations, asked.only)
    kept = json.loads(RESULT.read_text(encoding="utf-8"))["rows"] if RESULT.is_file() else []
    new = {row["what"] for row in measured}
    order = list(cases())
    measured += [row for row in kept if row["what"] not in new]
    record = {
        "command": "python -m benchmarks.survey_design",
        "seed": SEED,
        "recorded": quarters.format_instant(quarters.now()),
        "rows": sorted(measured, key=lambda row: order.index(row["what"])),
    }
    write_whole(asked.output, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
