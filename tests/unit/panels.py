"""Small panels with a known answer, for the tests of estimators."""

import numpy as np
import pandas as pd

from evaluation.panel import Panel


def long_table(
    n: int = 24, n_periods: int = 10, seed: int = 0, effect: float = 0.0, *, starts: bool = True
) -> pd.DataFrame:
    """Areas in authorities of two; sites A (areas 0-1, period 5) and B (2-3, period 7)."""
    rng = np.random.default_rng(seed)
    start = np.zeros(n, dtype=int)
    if starts:
        start[:2], start[2:4] = 2005, 2007
    rows = []
    for i in range(n):
        path = rng.normal(0, 1, n_periods).cumsum() * 0.3 + rng.normal(10, 1)
        for t in range(n_periods):
            on = start[i] and 2000 + t >= start[i]
            rows.append(
                {
                    "area": f"a{i:02d}",
                    "year": 2000 + t,
                    "y": path[t] + (effect if on else 0.0),
                    "start": start[i],
                    "site": {2005: "A", 2007: "B"}.get(start[i]),
                    "authority": f"L{i // 2}",
                    "population": 1000 + 10 * i,
                }
            )
    return pd.DataFrame(rows)


def panel(frame: pd.DataFrame | None = None, **changes: object) -> Panel:
    table = long_table(**changes) if frame is None else frame  # type: ignore[arg-type]
    return Panel.from_long(
        table,
        area="area",
        period="year",
        outcomes=["y"],
        start="start",
        site="site",
        authority="authority",
        population="population",
        frequency="A",
    )
