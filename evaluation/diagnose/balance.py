"""Whether pilots and comparisons are alike before the start, and what the effect rests on.

Balance: standardised differences of levels, paths and covariates (Imbens and Rubin 2015, ch. 14),
judged together by re-assignment. Influence: the effect without each area and each authority.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.diagnose.diagnostic import Diagnostic, tested, unknown
from evaluation.errors import EstimateError
from evaluation.estimate import arguments
from evaluation.estimate.inference import placebo_p
from evaluation.estimate.placebo_effects import mean_differences
from evaluation.estimate.samples import masked_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignments import Assignments
    from evaluation.estimate.estimate import Estimate
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]


def balance_table(
    panel: Panel, outcome: str, assignments: Assignments, *, covariates: Sequence[str] = ()
) -> pd.DataFrame:
    """One row a characteristic before the first start, and whether treated areas differ in it.

    Rows: the outcome's ``level``, its ``path`` (least-squares slope a period), each covariate of
    the panel's areas. ``pilots, comparisons``: means; ``difference``: standardised, divided by the
    root of the mean of both variances; ``p_value``: by re-assignment, of that row alone.
    ``attrs["p_all"]`` judges the largest |t| of all rows at once (max-T over the same assignments).

    Raises
    ------
    EstimateError : a covariate that the panel's areas do not hold, or that is no number in any.
    """
    covariates = arguments.several("covariates", covariates, "('population',)")
    if gone := [name for name in covariates if name not in panel.areas]:
        raise EstimateError(
            f"the panel's areas have no {gone[0]!r}.",
            expected=", ".join(map(str, panel.areas.columns)),
            mend="name it among the covariates when the panel is made",
        )
    names, values = _characteristics(panel, outcome, assignments, covariates)
    values = without_gaps(values)
    treated = np.zeros(len(panel.areas), dtype=bool)
    treated[assignments.treated.units] = True
    differences = mean_differences(values, assignments)
    own, other = values[treated], values[~treated]
    ddof = 1 if len(own) > 1 else 0
    pooled = np.sqrt((own.var(axis=0, ddof=ddof) + other.var(axis=0, ddof=1)) / 2)
    spread = differences[1:].std(axis=0)
    apart = own.mean(axis=0) - other.mean(axis=0)
    table = pd.DataFrame(
        {
            "pilots": own.mean(axis=0),
            "comparisons": other.mean(axis=0),
            "difference": apart / np.where(pooled > 0, pooled, np.nan),
            "p_value": [placebo_p(column) for column in differences.T],
        },
        index=pd.Index(names, name="characteristic"),
    )
    scaled = np.abs(differences) / np.where(spread > 0, spread, np.inf)
    table.attrs = {"p_all": placebo_p(scaled.max(axis=1))}
    return table


def _characteristics(
    panel: Panel, outcome: str, assignments: Assignments, covariates: Sequence[str]
) -> tuple[list[str], Floats]:
    before = panel.array(outcome)[:, : int(assignments.treated.starts.min())]
    level = masked_mean(before.T)
    names, columns = ["level"], [level]
    if before.shape[1] > 2:
        time = np.arange(before.shape[1]) - (before.shape[1] - 1) / 2
        here = np.isfinite(before)
        middle = np.where(here, time, 0).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
        away = np.where(here, time - middle[:, None], 0.0)
        square = (away**2).sum(axis=1)
        # An area with a single figure before the start has no path.
        path = np.full(len(before), np.nan)
        np.divide((away * np.nan_to_num(before)).sum(axis=1), square, out=path, where=square > 0)
        columns.append(path)
        names.append("path")
    for name in covariates:
        names.append(name)
        columns.append(pd.to_numeric(panel.areas[name], errors="coerce").to_numpy(dtype=float))
        if not np.isfinite(columns[-1]).any():
            raise EstimateError(
                f"covariate {name!r} is a number in no area.",
                expected="numbers; a column of 0 and 1 for each kind but one",
            )
    return names, np.stack(columns, axis=1)


def without_gaps(values: Floats) -> Floats:
    """(N, ...) figures of areas; one that lacks a figure is taken to be like the others' mean."""
    return np.where(np.isfinite(values), values, masked_mean(values))


def balance(
    panel: Panel, outcome: str, assignments: Assignments, *, covariates: Sequence[str] = ()
) -> Diagnostic:
    """Whether pilots differ from comparisons in level, path or any covariate before the start."""
    table = balance_table(panel, outcome, assignments, covariates=covariates)
    p = float(table.attrs["p_all"])
    if table["difference"].isna().all():
        return unknown("balance", "areas do not differ before the start in anything that is asked")
    most = int(np.nanargmax(table["difference"].abs().to_numpy()))
    largest, size = table.index[most], float(table["difference"].iloc[most])
    return tested("balance", p, size, names=(str(largest),))


def influence_table(
    panel: Panel, refit: Callable[[Panel], Estimate], *, window: tuple[int, int] | None = None
) -> pd.DataFrame:
    """The overall effect without each treated area and without each authority, one row each.

    Parameters
    ----------
    refit : the estimator with its settings, from a panel; it is run once for each row, so give it
        few assignments.

    Returns
    -------
    Columns ``kind`` (area, authority), ``pilot`` (whether treated areas leave), ``effect``,
    ``moved`` (less the effect with everyone), index ``left_out``. What cannot be left out, because
    nothing would be left to estimate, has no row; ``attrs["effect"]`` is the effect with everyone.
    """
    panel = panel.eligible()
    treated, authority = panel.treated, panel.areas["authority"].to_numpy()
    whole = float(refit(panel).overall(window=window)["effect"].iloc[0])
    codes = panel.areas.index.astype(str)
    leave = [
        ("area", str(code), codes == code) for code, on in zip(codes, treated, strict=True) if on
    ]
    if not panel.areas["authority"].isna().any():
        leave += [("authority", str(a), authority == a) for a in np.unique(authority.astype(str))]
    rows = []
    for kind, name, out in leave:
        if treated[~out].any() and (~treated[~out]).any():
            effect = float(refit(panel.select(~out)).overall(window=window)["effect"].iloc[0])
            rows.append((name, kind, bool(treated[out].any()), effect, effect - whole))
    columns = ["left_out", "kind", "pilot", "effect", "moved"]
    table = pd.DataFrame(rows, columns=columns).set_index("left_out")
    table.attrs = {"effect": whole}
    return table


def influence(table: pd.DataFrame) -> Diagnostic:
    """Whether one area or authority carries the effect: without it, less than half would be left.

    This is a description with a rule, not a test: where there is no effect to speak of, the rule
    fires by chance, so it is read beside the verdict.
    """
    code = "influence"
    if table.empty:
        return unknown(code, "no area can be left out")
    whole = float(table.attrs["effect"])
    furthest = table.iloc[int(table["moved"].abs().to_numpy().argmax())]
    least = table.iloc[int((table["effect"] * np.sign(whole)).to_numpy().argmin())]
    left = float(least["effect"])
    return Diagnostic(
        code=code,
        result="fails" if left * np.sign(whole) < abs(whole) / 2 else "holds",
        size=left,
        effect=whole,
        names=(str(least.name), str(furthest.name)),
    )
