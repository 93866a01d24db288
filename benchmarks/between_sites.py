"""Do the ranges over sites hold the truth: mean, sites and next site, from the shipped code.

``python -m benchmarks.between_sites [--simulations N] [--others N]`` draws sites' effects in units
of a middling site's error: errors from .7 to 1.4 apart, going together by .15 as sites do that
share their comparison areas, their covariance known from 999 draws alone. It counts how often the
95 % ranges of `evaluation.estimate.between_sites.pooled` hold the mean, a site's own effect and the
effect of one more site, at 3, 6 and 12 sites and a true difference between sites of 0 to 4 errors;
with the scale at 2 errors as shipped, and at a quarter of that and four times that. Beside each
stand what is printed beside it: the range with the scale doubled, and REML without a prior.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.estimate.between_sites import SCALE_IN_ERRORS, pooled

RESULT = Path(__file__).parent / "results" / "between_sites.json"
SITES, TAUS = (3, 6, 12), (0.0, 0.5, 1.0, 2.0, 4.0)
TOGETHER, DRAWS, LEVEL = 0.15, 999, 0.95
WRONG = (0.25, 1.0, 4.0)
"""The scale as a share of what is shipped."""


def once(sites: int, tau: float, scale: float, rng: np.random.Generator) -> dict[str, float]:
    """Shares held and half-widths of one draw."""
    errors = np.exp(rng.uniform(np.log(0.7), np.log(1.4), sites))
    together = np.full((sites, sites), TOGETHER) + (1 - TOGETHER) * np.eye(sites)
    true = together * np.outer(errors, errors)
    known = np.cov(rng.multivariate_normal(np.zeros(sites), true, DRAWS), rowvar=False)
    theta, new = rng.normal(0, tau, sites), rng.normal(0, tau)
    seen = theta + rng.multivariate_normal(np.zeros(sites), true)
    found = pooled(seen, known, scale=scale, level=LEVEL)

    def held(row: Any, truth: float) -> tuple[float, float]:
        return float(row["low"] <= truth <= row["high"]), (row["high"] - row["low"]) / 2

    out: dict[str, float] = {}
    out["mean"], out["mean_half"] = held(found.mean.iloc[0], 0.0)
    out["next_site"], out["next_site_half"] = held(found.next_site.iloc[0], new)
    own = [held(row, at) for (_, row), at in zip(found.sites.iterrows(), theta, strict=True)]
    out["sites"], out["sites_half"] = (float(x) for x in np.mean(own, axis=0))
    doubled = found.by_scale[found.by_scale["scale"] == 2 * scale].set_index("of")
    for beside, table in (("reml", found.reml), ("doubled", doubled)):
        for name, truth in (("mean", 0.0), ("next_site", new)):
            key = f"{beside}_{name}"
            out[key], out[f"{key}_half"] = held(table.loc[name], truth)
    return out


def cell(sites: int, tau: float, wrong: float, simulations: int) -> dict[str, Any]:
    """One row: coverage with its Monte Carlo error, and the median half-widths."""
    rng = np.random.default_rng([sites, int(tau * 10), int(wrong * 100)])
    rows = [once(sites, tau, SCALE_IN_ERRORS * wrong, rng) for _ in range(simulations)]
    found: dict[str, Any] = {
        "sites_pooled": sites,
        "tau": tau,
        "scale": SCALE_IN_ERRORS * wrong,
        "simulations": simulations,
    }
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        half = name.endswith("_half")
        found[name] = round(float(np.median(values) if half else values.mean()), 4)
        if not half:
            found[f"{name}_mc"] = round(float(values.std(ddof=1) / np.sqrt(simulations)), 4)
    return found


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=1_000)
    parser.add_argument("--others", type=int, default=400)
    asked = parser.parse_args()
    rows = []
    for wrong in sorted(WRONG, key=lambda share: share != 1.0):
        for sites in SITES:
            for tau in TAUS:
                many = asked.simulations if wrong == 1.0 else asked.others
                rows.append(cell(sites, tau, wrong, many))
                print(rows[-1], flush=True)
    command = f"--simulations {asked.simulations} --others {asked.others}"
    record = {
        "command": f"python -m benchmarks.between_sites {command}",
        "seeds": "[sites, 10 tau, 100 wrong]",
        "errors_go_together": TOGETHER,
        "draws_of_covariance": DRAWS,
        "rows": rows,
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
