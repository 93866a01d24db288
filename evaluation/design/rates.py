"""Rates of many rehearsals, each with its Monte Carlo standard error: size, coverage, power, bias.

The rows that ``newstart design calibrate`` writes. A rate stands by look, for a single test at that
look alone, and for ``any``: the look ledger over all looks, whose interval is the repeated one.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from evaluation.design.many import Found

ANY = "any"


def rows(
    estimator: str, started: int, effects: Sequence[float], found: Found
) -> list[dict[str, Any]]:
    """One row an effect and look, and one for any look.

    Rates are over the rehearsals that were not refused, ``simulations`` of them; ``refused`` is the
    share of those that were, and where all were, rates are null. ``size`` is the share of
    rejections where nothing was planted, ``power`` where something was (each null in the other's
    rows); ``bias`` is in the unit in which effects are estimated; ``mc_se`` is the standard error
    of the row's size or power, ``mc_se_coverage`` of its coverage.
    """
    table = []
    looks = found["rejects"].shape[2]
    held = ~found["refused"]
    refused = float(found["refused"].mean())
    for e, effect in enumerate(effects):
        errors = found["errors"][held, e]
        bias = float(np.nanmean(errors)) if np.isfinite(errors).any() else None
        for look in (*range(looks), ANY):
            last = looks - 1 if look == ANY else look
            hits = found["crosses" if look == ANY else "rejects"][held, e, last]
            covered = found["held" if look == ANY else "covers"][held, e, last]
            rate, share = _rate(hits), _rate(covered)
            table.append(
                {
                    "estimator": estimator,
                    "started": started,
                    "effect": effect,
                    "look": look if look == ANY else int(look) + 1,
                    "size": rate[0] if effect == 0 else None,
                    "power": rate[0] if effect != 0 else None,
                    "coverage": share[0],
                    "bias": bias if look in (looks - 1, ANY) else None,
                    "mc_se": rate[1],
                    "mc_se_coverage": share[1],
                    "simulations": len(hits),
                    "refused": refused,
                }
            )
    return table


def _rate(hits: NDArray[np.bool_] | NDArray[np.float64]) -> tuple[float | None, float | None]:
    """A share of hits, or the mean of shares, with its standard error; None of nothing."""
    if len(hits) < 2:
        return None, None
    share = float(hits.mean())
    if hits.dtype == np.bool_:
        # Of no hit or nothing but hits the error is that of one.
        return share, float((max(share * (1 - share), 1 / len(hits)) / len(hits)) ** 0.5)
    return share, float(np.std(hits, ddof=1) / len(hits) ** 0.5)


def bar_row(
    bar: Mapping[str, Any], hits: NDArray[np.bool_] | NDArray[np.float64], refused: float = 0.0
) -> dict[str, Any]:
    """One rate beside the band that it must meet.

    Parameters
    ----------
    bar : ``what, estimator, areas, claim`` and ``band``, its ends. hits : (simulations) whether
        each that was not refused was a hit, or a share each. refused : the share that was.
    """
    (share, error), (low, high) = _rate(hits), bar["band"]
    passes = False
    if share is not None and error is not None:
        passes = low <= share + 2 * error and share - 2 * error <= high
    return {
        "what": bar["what"],
        "estimator": bar["estimator"],
        "areas": bar["areas"],
        "measured": share,
        "mc_se": error,
        "low": low,
        "high": high,
        "claim": bar["claim"],
        "passes": passes,
        "refused": refused,
        "simulations": len(hits),
    }


def detectable(effects: Sequence[float], found: Found, power: float = 0.8) -> float | None:
    """The smallest planted effect (as a positive figure) that the looks find with this power.

    Read off between the effects tried by straight lines in the normal quantile of the power, which
    is how the power of a test of a mean runs; None where even the largest is not found often
    enough.
    """
    normal, crosses = NormalDist(), found["crosses"][~found["refused"]]
    if not len(crosses):
        return None
    hits, least = crosses[:, :, -1].mean(axis=0), 0.5 / len(crosses)
    size = np.abs(np.asarray(effects, dtype=float))
    order = np.argsort(size)
    size, hits = size[order], np.maximum.accumulate(hits[order])
    if hits[-1] < power:
        return None
    quantiles = [normal.inv_cdf(float(hit)) for hit in np.clip(hits, least, 1 - least)]
    return float(np.interp(normal.inv_cdf(power), quantiles, size))
