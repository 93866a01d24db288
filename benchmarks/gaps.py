"""Size of re-assignment where cells are missing at random: `python -m benchmarks.gaps`.

No effect, 40 areas of which 6 start, 10 periods, figures that go on (AR(1) of 0.6), and a share of
all cells missing, treated or not. A test at 5 % should reject in 5 % of panels: fewer, where
placebo effects rest on fewer areas than the real one. The result is kept in
`benchmarks/results/gaps.json`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.ledger.record import record_as
from evaluation.errors import EstimateError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.imputation import imputation
from evaluation.panel import Panel

AREAS, TREATED, PERIODS, START = 40, 6, 10, 5
SIMULATIONS, DRAWS, ALPHA = 1_000, 199, 0.05
SHARES = (0.0, 0.3)


def panel(share: float, rng: np.random.Generator) -> Panel:
    """One panel without an effect, its areas numbered at random."""
    noise = rng.normal(size=(AREAS, PERIODS))
    figures = np.empty_like(noise)
    figures[:, 0] = noise[:, 0] / 0.8
    for t in range(1, PERIODS):
        figures[:, t] = 0.6 * figures[:, t - 1] + noise[:, t]
    figures[rng.random(figures.shape) < share] = np.nan
    table = pd.DataFrame(
        {
            "area": np.repeat(np.arange(AREAS), PERIODS),
            "year": np.tile(2000 + np.arange(PERIODS), AREAS),
            "y": figures.ravel(),
            "start": np.repeat(np.where(np.arange(AREAS) < TREATED, 2000 + START, 0), PERIODS),
        }
    )
    return Panel.from_long(
        table, area="area", period="year", outcomes="y", start="start", frequency="A"
    )


def sizes(share: float) -> dict[str, dict[str, float]]:
    """Share of panels in which each estimator's test rejects, and of its event times'."""
    fits = {
        "did": lambda p, a: did(p, "y", assignments=a),
        "did, mean": lambda p, a: did(p, "y", settings=DidSettings(base="mean"), assignments=a),
        "imputation": lambda p, a: imputation(p, "y", assignments=a),
    }
    rejects: dict[str, list[float]] = {name: [] for name in fits}
    by_time: dict[str, list[float]] = {name: [] for name in fits}
    for number in range(SIMULATIONS):
        held = panel(share, np.random.default_rng([number, round(100 * share)]))
        drawn = Assignments.draw(held, n=DRAWS, block="area", strata=(), seed=number)
        for name, fit in fits.items():
            try:
                found = fit(held, drawn)
            except EstimateError:  # no treated area has its base period
                continue
            rejects[name].append(float(found.overall()["p_value"].item() <= ALPHA))
            p = found.by("event_time").loc[0:, "p_value"].dropna()
            by_time[name].append(float((p <= ALPHA).mean()))
    return {
        name: {
            "size": float(np.mean(hits)),
            "mc_se": float(np.std(hits) / len(hits) ** 0.5),
            "size_of_event_times": float(np.mean(by_time[name])),
            "simulations": len(hits),
        }
        for name, hits in rejects.items()
    }


if __name__ == "__main__":
    found = {f"{share:.0%} missing": sizes(share) for share in SHARES}
    record_as("gaps", "OMP_NUM_THREADS=1 python -m benchmarks.gaps", found)
