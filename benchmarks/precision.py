"""Size of re-assignment where treated areas are measured better or worse than the others.

``python -m benchmarks.precision`` invents neighbourhood surveys of eight half-yearly waves with no
effect in them. Six sites of three areas each start in waves four and five; 120 comparison areas lie
in authorities of three; whole authorities are re-drawn. So many people are asked in each area and
wave, and the survey says how precise its means are. Life satisfaction varies by 1.9 between
persons; 1.2 % of the variance are lasting differences between areas, 0.6 % pass with the waves (one
half of it to the next one), 0.2 % are shared by an authority, and the design costs a factor of 1.4.
The estimate is difference-in-differences of all waves after less all before. The record is
``book/precision.json``, which the book shows.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation import quarters
from evaluation.design.calibrate import bar_row
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.panel import Panel
from evaluation.quarters import Period, period_range
from evaluation.workspace import Workspace, write_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SIMULATIONS, SEED, ASSIGNMENTS = 2_000, 20_261_130, 999
WAVES, EACH, COMPARED = 8, 3, 120
PERSON, LASTING, PASSING, SHARED, PERSISTENCE, DESIGN = 1.9, 0.012, 0.006, 0.002, 0.5, 1.4
ALPHA = 0.05
BAND = (0.035, 0.065)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """How many sites start, and how many people are asked an area and wave in either arm."""

    sites: int = 6
    treated: int = 60
    compared: int = 60

    def draw(self, seed: int) -> Panel:
        """One survey, outcome ``y``, with its sampling errors; nothing has an effect."""
        rng = np.random.default_rng([seed, self.sites, self.treated, self.compared])
        pilots = EACH * self.sites
        n = pilots + COMPARED
        authority = np.arange(n) // EACH
        asked = np.where(np.arange(n) < pilots, self.treated, self.compared)
        error = PERSON * np.sqrt(DESIGN / asked)
        own = PERSON * np.sqrt(PASSING) * _shocks(rng, n)
        common = PERSON * np.sqrt(SHARED) * _shocks(rng, n // EACH)[authority]
        level = 7.3 + PERSON * np.sqrt(LASTING) * rng.standard_normal(n)
        figures = level[:, None] + own + common
        figures += error[:, None] * rng.standard_normal((n, WAVES))
        started, half = np.arange(n) < pilots, (authority % 2).astype(bool)
        first = Period.quarter(2024, 1)
        start = np.where(half, (first + 4).label, (first + 3).label)
        areas = pd.DataFrame(
            {
                "site": np.where(started, np.char.add("site ", authority.astype(str)), None),
                "authority": [f"authority {a:02d}" for a in authority],
                "role": np.where(started, "pilot", "comparison"),
                "start": np.where(started, start, None),
                "population": None,
                "stratum": None,
            },
            index=pd.Index([f"area {i:03d}" for i in range(n)], name="area"),
            dtype=object,
        )
        return Panel(
            areas=areas,
            periods=period_range(first, first + (WAVES - 1)),
            figures={"y": figures},
            sampling_error={"y": np.repeat(error[:, None], WAVES, axis=1)},
        )


def _shocks(rng: np.random.Generator, rows: int) -> Floats:
    """(rows, waves) stationary AR(1) of unit variance."""
    fresh: Floats = rng.standard_normal((rows, WAVES))
    fresh[:, 1:] *= np.sqrt(1 - PERSISTENCE**2)
    for t in range(1, WAVES):
        fresh[:, t] += PERSISTENCE * fresh[:, t - 1]
    return fresh


SURVEYS = {
    "6 sites, 300 people asked in pilot areas and 60 in others": Survey(treated=300),
    "6 sites, 60 people asked in pilot areas and 300 in others": Survey(compared=300),
    "6 sites, 150 people asked everywhere": Survey(treated=150, compared=150),
    "3 sites, 300 people asked in pilot areas and 60 in others": Survey(sites=3, treated=300),
    "3 sites, 60 people asked in pilot areas and 300 in others": Survey(sites=3, compared=300),
    "12 sites, 300 people asked in pilot areas and 60 in others": Survey(sites=12, treated=300),
    "12 sites, 60 people asked in pilot areas and 300 in others": Survey(sites=12, compared=300),
}


def p_values(survey: Survey, seed: int) -> tuple[float, float]:
    """Of one survey without an effect: placebo areas brought to scale, and as they are."""
    panel = survey.draw(seed)
    assignments = Assignments.draw(panel, n=ASSIGNMENTS, block="authority", strata=(), seed=seed)
    found = [
        did(held, "y", settings=DidSettings(base="mean"), assignments=assignments).overall()
        for held in (panel, replace(panel, sampling_error={}))
    ]
    scaled, plain = (float(table["p_value"].iloc[0]) for table in found)
    return scaled, plain


def rows(simulations: int, only: str = "") -> list[dict[str, Any]]:
    """Every survey both ways: with the promise, and as it would be without scaling."""
    found = []
    for what, survey in SURVEYS.items():
        if only not in what:
            continue
        p = np.array([p_values(survey, SEED + k) for k in range(simulations)])
        rejected = p <= ALPHA + 1e-9
        for column, (how, claim) in enumerate((("to scale", True), ("as they are", False))):
            said = {
                "what": f"size, {what}, placebo areas {how}",
                "survey": what,
                "placebos": how,
                "estimator": "did",
                "areas": EACH * survey.sites + COMPARED,
                "band": BAND,
                "claim": claim,
            }
            row = {**said, **bar_row(said, rejected[:, column])}
            del row["band"]
            print(f"{row['what']:80} {100 * row['measured']:5.1f} %", flush=True)
            found.append(row)
    return found


def main() -> None:
    """Measure and record; rows of other surveys in the record stay."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision")
    parser.add_argument("--simulations", type=int, default=SIMULATIONS)
    parser.add_argument("--only", default="", help="surveys whose name holds this")
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    path = asked.output or Workspace.find().book / "precision.json"
    found = rows(asked.simulations, asked.only)
    new = {row["survey"] for row in found}
    kept = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    found += [row for row in kept if row["survey"] not in new]
    record = {
        "command": "python -m benchmarks.precision",
        "seed": SEED,
        "recorded": quarters.format_instant(quarters.now()),
        "rows": sorted(found, key=lambda row: list(SURVEYS).index(row["survey"])),
    }
    write_whole(path, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
