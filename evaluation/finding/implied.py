"""What a theory of change implies for the data: pairs that should not go together, tested.

Each is tested by the partial correlation of two nodes given those that separate them, with Holm's
correction over all. A failure is a fault of the graph, or of what stands for a node; that none
fails proves no arrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.diagnose.checks import FIRES_BELOW
from evaluation.finding.models import adjust

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.finding.theory import Theory
    from evaluation.panel import Panel

FEWEST = 12


@dataclass(frozen=True, kw_only=True)
class Implied:
    """One implication and what the data say: ``adjusted_p`` is over all implications tested."""

    one: str
    other: str
    given: tuple[str, ...]
    correlation: float
    adjusted_p: float

    @property
    def fails(self) -> bool:
        return self.adjusted_p < FIRES_BELOW

    @property
    def sentence(self) -> str:
        held = f" once {', '.join(self.given)} is held fixed" if self.given else ""
        said = "go together" if self.fails else "do not visibly go together"
        return (
            f"By the graph {self.one} and {self.other} are unrelated{held}; in the data they "
            f"{said} (partial correlation {self.correlation:+.2f}, p = {self.adjusted_p:.3f} over "
            "all that were tested)."
        )


def area_table(panel: Panel, theory: Theory) -> pd.DataFrame:
    """One row an area, one column for each node that the panel has figures of.

    The treatment is whether it started; an outcome is its mean from the first start on less its
    mean before; any other node is an area attribute of that name, or the mean of an outcome before.
    """
    import pandas as pd

    first = int(panel.start_index[panel.started].min())
    columns: dict[str, object] = {theory.treatment: panel.started.astype(float)}
    for name in theory.causes:
        if name in panel.figures:
            figures = panel.array(name)
            before, after = (
                np.nanmean(part, axis=1) for part in (figures[:, :first], figures[:, first:])
            )
            moved = name in theory.outcomes or name in theory.negative_controls
            columns[name] = after - before if moved else before
        elif name in panel.areas and name != theory.treatment:
            columns[name] = pd.to_numeric(panel.areas[name], errors="coerce").to_numpy()
    return pd.DataFrame(columns, index=panel.areas.index)


def test_implications(theory: Theory, table: pd.DataFrame) -> tuple[Implied, ...]:
    """Every implication of which the table has all columns, tested.

    Parameters
    ----------
    table : one row an area, as `area_table` gives it, or anyone's own.
    """
    found = []
    for one, other, given in theory.implications():
        names = [one, other, *given]
        if not set(names) <= set(table.columns):
            continue
        rows = table[names].dropna().to_numpy(dtype=float)
        if len(rows) < FEWEST + len(given) or (rows.std(axis=0) == 0).any():
            continue
        found.append((one, other, given, *_partial(rows)))
    adjusted = adjust({str(k): p for k, (*_, p) in enumerate(found)}, "holm")
    return tuple(
        Implied(one=one, other=other, given=given, correlation=r, adjusted_p=adjusted[str(k)])
        for k, (one, other, given, r, _) in enumerate(found)
    )


def _partial(rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    """Partial correlation of the first two columns given the others, and its p-value (t test)."""
    from scipy import stats

    others = np.column_stack([np.ones(len(rows)), rows[:, 2:]])
    left = rows[:, :2] - others @ np.linalg.lstsq(others, rows[:, :2], rcond=None)[0]
    r = float(np.corrcoef(left.T)[0, 1])
    freedom = len(rows) - 2 - (rows.shape[1] - 2)
    t = r * math.sqrt(freedom / max(1 - r**2, 1e-12))
    return r, float(2 * stats.t.sf(abs(t), freedom))
