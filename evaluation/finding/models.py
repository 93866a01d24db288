"""Many outcomes: adjusted p-values by statsmodels (this is its only door).

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
    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests(list(p_values.values()), method=method)[1]
    return dict(zip(p_values, map(float, adjusted), strict=True))
