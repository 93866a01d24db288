"""Panels with a known truth for refuters: chosen at random with an effect, or chosen and no effect.

60 areas, 20 quarters, 8 pilots from quarter 12 on. Each area has a hidden cause ``pull`` that bends
its path and that of ``control`` alike. In the *true* world pilots are drawn at random and the
outcome falls by the effect; in the *confounded* one nothing has an effect and pilots are those with
the strongest pull.
"""

from dataclasses import replace

import numpy as np

from benchmarks.invented import Invented
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.finding.refutation import Attack

PILOTS, FIRST = 8, 12


def world(seed, confounded, effect=-4.0):
    """A panel with outcome ``y`` (around 100) and ``control``, which nothing moves."""
    base = Invented(areas=60, quarters=20).draw(seed)
    rng = np.random.default_rng([seed, 9])
    pull = rng.standard_normal(60)
    time = np.arange(20) - FIRST
    bend = -0.15 * pull[:, None] * time
    noise = Invented(areas=60, quarters=20).draw(seed + 5_000).array("y")
    y, control = base.array("y") + bend, noise + bend
    chosen = np.argsort(-pull)[:PILOTS] if confounded else rng.permutation(60)[:PILOTS]
    if not confounded:
        y = y.copy()
        y[chosen, FIRST:] += effect
    areas = base.areas.assign(pull=pull)
    columns = {c: areas[c].to_numpy(dtype=object, copy=True) for c in ("site", "start", "role")}
    for column, value in (("site", "S"), ("start", base.labels[FIRST]), ("role", "pilot")):
        columns[column][chosen] = value
    return replace(base, areas=areas.assign(**columns), figures={"y": y, "control": control})


def fit(panel, outcome, covariates):
    """Difference-in-differences by re-assignment: the estimator under attack."""
    settings = DidSettings(base="mean", covariates=covariates)
    drawn = Assignments.draw(panel, n=199, strata=(), seed=1)
    return did(panel, outcome, settings=settings, assignments=drawn)


def attack(panel, simulations=12, seed=0):
    return Attack(
        panel=panel,
        outcome="y",
        fit=fit,
        window=(0, 7),
        controls=("control",),
        adjusts=True,
        simulations=simulations,
        seed=seed,
    )
