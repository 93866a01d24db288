"""The same jobs by named peers: synthetic control of one area, SDID with 200 placebo draws.

Each is called as its own documentation shows, for outcomes only and on one thread. azcausal 0.2.5
writes into arrays that pandas 3 hands out read-only when it draws its own placebos, so its draws
are asked for one by one here.
"""

from __future__ import annotations

import clarabel
import numpy as np
import pandas as pd
import quadprog
from scipy import sparse

FIRST_PERIOD = 2000
DRAWS = 200


def long_table(x: np.ndarray, before: int) -> pd.DataFrame:
    """The figures as peers read them; area ``a00000`` starts after ``before`` periods."""
    periods, areas = x.shape
    table = pd.DataFrame(
        {
            "unit": np.repeat([f"a{i:05d}" for i in range(areas)], periods),
            "time": np.tile(np.arange(FIRST_PERIOD, FIRST_PERIOD + periods), areas),
            "y": x.T.ravel(),
        }
    )
    table["ever"] = (table["unit"] == "a00000").astype(int)
    table["treated"] = table["ever"] * (table["time"] >= FIRST_PERIOD + before)
    return table


def by_quadprog(x: np.ndarray, i: int) -> np.ndarray:
    """One area; a ridge of 1e-9 because quadprog needs a positive definite matrix."""
    donors = np.delete(x, i, axis=1)
    n = donors.shape[1]
    gram = donors.T @ donors
    gram[np.arange(n), np.arange(n)] += 1e-9 * np.trace(gram) / n
    constraints = np.hstack([np.ones((n, 1)), np.eye(n)])
    bounds = np.append(1.0, np.zeros(n))
    return quadprog.solve_qp(gram, donors.T @ x[:, i], constraints, bounds, 1)[0]


def by_clarabel(x: np.ndarray, i: int) -> np.ndarray:
    """One area, in its sparse form: the residuals are variables too."""
    donors, y = np.delete(x, i, axis=1), x[:, i]
    t, n = donors.shape
    square = sparse.diags(np.append(np.zeros(n), np.ones(t)), format="csc")
    rows = sparse.vstack(
        [
            sparse.hstack([sparse.csc_matrix(donors), -sparse.identity(t)]),
            sparse.hstack([sparse.csc_matrix(np.ones((1, n))), sparse.csc_matrix((1, t))]),
            sparse.hstack([-sparse.identity(n), sparse.csc_matrix((n, t))]),
        ],
        format="csc",
    )
    right = np.concatenate([y, [1.0], np.zeros(n)])
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    cones = [clarabel.ZeroConeT(t + 1), clarabel.NonnegativeConeT(n)]
    solver = clarabel.DefaultSolver(square, np.zeros(n + t), rows, right, cones, settings)
    return np.array(solver.solve().x)[:n]


def by_mlsynth(x: np.ndarray, i: int) -> float:
    """One area by the whole of mlsynth's estimator: it offers no solver apart."""
    from mlsynth import VanillaSC

    order = np.append(i, np.delete(np.arange(x.shape[1]), i))
    table = long_table(x[:, order], len(x) - 1)
    asked = {
        "df": table,
        "outcome": "y",
        "treat": "treated",
        "unitid": "unit",
        "time": "time",
        "display_graphs": False,
    }
    return float(VanillaSC(asked).fit().effects.att)


def by_statspai(x: np.ndarray) -> float:
    """All placebos in one call, its own way."""
    import statspai

    table = long_table(x, len(x) - 1)
    found = statspai.synth(
        table,
        outcome="y",
        unit="unit",
        time="time",
        treated_unit="a00000",
        treatment_time=FIRST_PERIOD + len(x) - 1,
        method="classic",
        placebo=True,
    )
    return float(found.estimate)


def sdid_by_diff_diff(table: pd.DataFrame, before: int) -> float:
    """diff-diff, with its placebo variance."""
    from diff_diff import SyntheticDiD

    after = [t for t in table["time"].unique().tolist() if t >= FIRST_PERIOD + before]
    program = SyntheticDiD(variance_method="placebo", n_bootstrap=DRAWS, seed=0)
    found = program.fit(
        table, outcome="y", treatment="ever", unit="unit", time="time", post_periods=after
    )
    return float(found.att)


def sdid_by_mlsynth(table: pd.DataFrame) -> float:
    """mlsynth, which finds the start in the table."""
    from mlsynth import SDID

    asked = {
        "df": table,
        "outcome": "y",
        "treat": "treated",
        "unitid": "unit",
        "time": "time",
        "display_graphs": False,
        "B": DRAWS,
    }
    return float(SDID(asked).fit().effects.att)


def sdid_by_azcausal(table: pd.DataFrame, draws: int) -> float:
    """azcausal, which finds the start in the table."""
    from azcausal.core.panel import CausalPanel
    from azcausal.estimators.panel.sdid import SDID
    from azcausal.util import to_panels

    frames = to_panels(table, "time", "unit", ["y", "treated"])
    panel = CausalPanel(frames).setup(outcome="y", intervention="treated", time="time", unit="unit")
    effect = float(SDID().fit(panel).effect.value)
    for seed in range(draws):
        SDID().fit(panel.placebo(seed=seed))
    return effect
