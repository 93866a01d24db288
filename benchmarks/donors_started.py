"""What a known effect comes out as, with and without started areas among each other's donors.

``python -m benchmarks.donors_started`` makes panels of 60 areas x 24 quarters in which 12 areas
start after 16 quarters with an effect of 1 (one standard deviation of an area's own quarterly
movement), and fits each started area twice: by areas that never start, as the package does, and by
all other areas, as a careless placebo study would. Once the started areas are like any other, once
they are like each other (their share in the common movements is raised by one), as chosen pilots
are. All figures are invented.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.estimate import synthetic_weights
from evaluation.estimate.synthetic_weights import Penalty

RESULTS = Path(__file__).parent / "results" / "donors_started.json"
AREAS, STARTED, BEFORE, AFTER, EFFECT = 60, 12, 16, 8, 1.0
METHODS: dict[str, synthetic_weights.Method] = {
    "synthetic_control": synthetic_weights.control,
    "demeaned": partial(synthetic_weights.control, demeaned=True),
    "augmented_synthetic_control": partial(synthetic_weights.augment, penalty=Penalty()),
    "synthetic_did": synthetic_weights.sdid,
}


def invented(seed: int, *, alike: bool = False) -> np.ndarray:
    """(60, 24) two shared movements, and an area's own autoregression (0.6)."""
    rng = np.random.default_rng(seed)
    share = rng.normal(size=(AREAS, 2))
    share[:STARTED] += alike
    shared = share @ rng.normal(size=(2, BEFORE + AFTER)).cumsum(axis=1)
    own = np.empty((AREAS, BEFORE + AFTER))
    own[:, 0] = rng.normal(size=AREAS)
    for t in range(1, BEFORE + AFTER):
        own[:, t] = 0.6 * own[:, t - 1] + 0.8 * rng.normal(size=AREAS)
    y = 10 + 0.5 * shared + own
    y[:STARTED, BEFORE:] += EFFECT
    return y


def recovered(y: np.ndarray, method: synthetic_weights.Method, *, started_serve: bool) -> float:
    """The mean gap of the started areas after their start."""
    donors = np.arange(0 if started_serve else STARTED, AREAS)
    pilots, before = np.arange(STARTED), np.arange(BEFORE)
    ground = synthetic_weights.Ground.on(y, pilots, donors, before, BEFORE, "start")
    return float(ground.gaps(method(ground))[:, BEFORE:].mean())


def study(panels: int, *, alike: bool) -> dict[str, Any]:
    """Mean and Monte Carlo error of each method's estimate of an effect of 1, both ways."""
    found: dict[str, Any] = {}
    for name, method in METHODS.items():
        found[name] = {}
        for way, serve in (("without_started_donors", False), ("with_started_donors", True)):
            effects = np.array(
                [
                    recovered(invented(s, alike=alike), method, started_serve=serve)
                    for s in range(panels)
                ]
            )
            found[name][way] = round(float(effects.mean()), 3)
            error = effects.std(ddof=1) / np.sqrt(panels)
            found[name][f"{way}_error"] = round(float(error), 3)
    return found


if __name__ == "__main__":
    content = {
        "command": "python -m benchmarks.donors_started",
        "areas": AREAS,
        "started": STARTED,
        "effect": EFFECT,
        "panels": 300,
        "pilots_like_any_other": study(300, alike=False),
        "pilots_like_each_other": study(300, alike=True),
    }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content, indent=2))
