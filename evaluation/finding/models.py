"""Many outcomes, by statsmodels (this is its only door).

Primary outcomes by Holm, secondary ones by Benjamini and Hochberg's false discovery rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal


def adjust(p_values: Mapping[str, float], method: Literal["holm", "fdr_bh"]) -> dict[str, float]:
    """Adjusted p-values, in the order given.

    Parameters
    ----------
    p_values : outcome -> p-value, none missing.
    method : ``holm`` holds the chance of any false finding, ``fdr_bh`` the expected share of them.
    """
    if not p_values:
        return {}
    import numpy as np

    given = np.array(list(p_values.values()))
    if method == "holm":  # by hand: statsmodels collects the garbage of the whole process here
        adjusted, order = np.empty_like(given), np.argsort(given)
        # Holm: the smallest p times the number of tests, the next times one fewer, and never
        # falling.
        stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
        adjusted[order] = np.minimum(stepped, 1.0)
    else:
        from statsmodels.stats.multitest import multipletests

        adjusted = multipletests(given, method=method)[1]
    return dict(zip(p_values, map(float, adjusted), strict=True))
