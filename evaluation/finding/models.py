"""Many outcomes and many sites, by statsmodels (this is its only door).

Primary outcomes by Holm, secondary ones by Benjamini and Hochberg's false discovery rate; sites by
DerSimonian and Laird's random effects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


@dataclass(frozen=True, kw_only=True)
class RandomEffects:
    """Effects of sites as drawn from one distribution.

    mean, se : of its centre. tau2 : its variance, zero where the sites differ no more than their
    errors. q : Cochran's Q, by which that is judged.
    """

    mean: float
    se: float
    tau2: float
    q: float


def random_effects(effects: NDArray[np.float64], variances: NDArray[np.float64]) -> RandomEffects:
    """DerSimonian and Laird (1986): (K) effects with the variances of their estimates."""
    import numpy as np
    from statsmodels.stats.meta_analysis import combine_effects

    # The library leaves a variance below zero as it is, roots and all; there the sites are alike.
    with np.errstate(invalid="ignore"):
        found = combine_effects(effects, variances, method_re="dl")
    centre, error = (
        (found.mean_effect_re, found.sd_eff_w_re)
        if found.tau2 > 0
        else (found.mean_effect_fe, found.sd_eff_w_fe)
    )
    return RandomEffects(
        mean=float(centre), se=float(error), tau2=max(float(found.tau2), 0.0), q=float(found.q)
    )
