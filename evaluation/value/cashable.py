"""What of the released spending can leave a budget: a share, later, and only in whole lumps.

The rest is capacity released: real, but nobody's to bank. With average costs even this share is a
ceiling, since a budget saves by the marginal cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

QUARTERS_OF_A_LUMP = 4


def after_lag(released: Floats, quarters: int) -> Floats:
    """(..., Q) pounds a quarter, so many quarters later; what falls past the last is left out."""
    later = np.zeros_like(released)
    if quarters < released.shape[-1]:
        later[..., quarters:] = released[..., : released.shape[-1] - quarters]
    return later


def in_whole_lumps(released: Floats, lump: float) -> Floats:
    """(..., Q) pounds a quarter that whole lumps hold, at one site.

    Parameters
    ----------
    released : (..., Q) the cashable share of what was released. lump : pounds a year of the
        smallest thing that a budget can do without, say a post; nought for none.

    What the last four quarters released decides how many lumps can go. Where more is used, not
    less, it costs in full.
    """
    if lump == 0:
        return released
    year = np.cumsum(released, axis=-1)
    year[..., QUARTERS_OF_A_LUMP:] -= year[..., :-QUARTERS_OF_A_LUMP].copy()
    np.maximum(np.floor(year / lump) * lump, np.minimum(year, 0.0), out=year)
    year /= QUARTERS_OF_A_LUMP
    return year
