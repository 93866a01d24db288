"""Fifty random panels against csdid: every method, weights and a covariate, effects and errors.

``python -m benchmarks.agreement`` records the largest differences. The panels are those of
``tests/replication/test_random_panels.py`` without their gaps: csdid drops an area that misses any
period, where ours keeps it. csdid is too heavy a dependency for the tests (it brings a plotting and
a publishing tool), so this is run and recorded.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.replication.test_random_panels import Case, cells

RESULT = Path(__file__).parent / "results" / "did_agreement.json"
METHODS = ("reg", "ipw", "dr")


def apart(case: Case) -> dict[str, float]:
    """The largest differences in ATT(g, t) and their errors, and those of the overall effect."""
    from csdid.att_gt import ATTgt

    groups = {"never": "nevertreated", "not_yet": "notyettreated"}
    table = case.table.assign(n=case.table["id"].astype("category").cat.codes + 1)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = ATTgt(
            yname="y",
            gname="start",
            idname="n",
            tname="t",
            data=table.drop(columns="id"),
            xformla="y ~ x" if case.covariate else None,
            control_group=groups[case.comparison],
            weights_name="w" if case.weighted else None,
        ).fit(est_method=case.method, bstrap=False)
        theirs.aggte(typec="simple", bstrap=False, cband=False)
    estimate = case.ours()
    ours, found = cells(estimate), theirs.results
    effects, errors = [], []
    for cohort, period, effect, error in zip(
        found["group"], found["year"], found["att"], found["se"], strict=True
    ):
        # A cell of its base period has no error there; ours gives none to a period without one.
        if np.isfinite(error) and error > 0:
            own = ours.loc[[(int(cohort), int(period))]].iloc[0]
            effects.append(abs(own["effect"] - effect))
            errors.append(abs(own["se"] - error))
    overall = estimate.overall().iloc[0]
    return {
        "att_gt": max(effects),
        "error_gt": max(errors),
        "overall": abs(overall["effect"] - theirs.atte["overall_att"]),
        "overall_error": abs(overall["se"] - theirs.atte["overall_se"]),
    }


def main() -> None:
    """Record the largest difference of each method over the panels."""
    rows: list[dict[str, Any]] = []
    for seed in range(50):
        full = Case.of(seed, whole=True)
        for method in METHODS if full.covariate else ("reg",):
            found = apart(replace(full, method=method))  # type: ignore[arg-type]
            rows.append(
                {
                    "seed": seed,
                    "method": method,
                    "comparison": full.comparison,
                    "weighted": full.weighted,
                    "covariate": full.covariate,
                    **found,
                }
            )
            print(rows[-1], flush=True)
    largest = {
        f"{method}, {comparison}": {
            key: max(
                (
                    row[key]
                    for row in rows
                    if (row["method"], row["comparison"]) == (method, comparison)
                ),
                default=None,
            )
            for key in ("att_gt", "error_gt", "overall", "overall_error")
        }
        for method in METHODS
        for comparison in ("never", "not_yet")
    }
    record = {
        "command": "python -m benchmarks.agreement",
        "panels": 50,
        "fits": len(rows),
        "peer": "csdid 0.4.3",
        "largest": largest,
        "rows": rows,
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(largest, indent=1))


if __name__ == "__main__":
    main()
