"""From estimates to the one number a look that is tested: statistics under every assignment.

A score is the same linear function of the data under every assignment, so the test that rests on
it stays exact under re-assignment whichever score is chosen, as long as the choice is locked or
treats all assignments alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate.inference import apply_map

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.estimate.inference import Draws

Score = Literal["mean", "gls"]
ENOUGH = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Tested:
    """The part of an estimate that a test needs: effects, and the same under every assignment.

    index, effects, draws : as in an estimate; ``draws.net`` is not made.
    """

    outcome: str
    index: pd.DataFrame
    effects: NDArray[np.float64]
    draws: Draws


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistic:
    """One number under every assignment, the real one first.

    raw : (B + 1) of the data as they are. shift : (B + 1) of a unit effect in the started cells.
    net : (B + 1) after the estimated effect has been taken out, for everything after the test.
    """

    raw: NDArray[np.float64]
    shift: NDArray[np.float64]
    net: NDArray[np.float64]

    @property
    def effect(self) -> float:
        """The estimate: the real assignment's statistic for a unit of effect."""
        return float(self.raw[0] / self.shift[0])

    def less(self, effect: float) -> Statistic:
        """The statistic of the data without a constant effect; for margins."""
        return Statistic(raw=self.raw - effect * self.shift, shift=self.shift, net=self.net)


def statistic(
    estimate: Estimate | Tested, window: tuple[int, int], score: Score = "mean"
) -> Statistic:
    """The statistic of one look at one estimate.

    Parameters
    ----------
    window : first and last event time of the estimand.
    score : ``mean`` averages started areas and periods alike, as ``overall`` does; ``gls`` weighs
        the event times by the inverse covariance of their placebo effects, which gives the most
        power against a constant effect; an interval that inverts the test keeps these weights,
        which saw the effect. With fewer than 20 assignments an event time, ``gls`` is
        ``mean``.

    Raises
    ------
    EstimateError : the estimate has no draws, or nothing inside the window has started.
    """
    if estimate.draws is None:
        raise EstimateError(
            f"{estimate.outcome}: looks need the effects under re-assignment.",
            mend="estimate with inference='placebo'",
        )
    maps = _event_maps(estimate, window)
    gls = score == "gls" and len(estimate.draws.raw) >= ENOUGH * len(maps)
    if not gls:
        maps = maps.sum(axis=0, keepdims=True)
    normalised = maps / maps.sum(axis=1, keepdims=True)
    home = np.stack([estimate.draws.home[:, row > 0].all(axis=1) for row in maps], axis=1)
    raw, shift, net = (
        apply_map(part, normalised)
        for part in (estimate.draws.raw, estimate.draws.shift, estimate.draws.net)
    )
    raw, shift = np.where(home, raw[0], raw), np.where(home, shift[0], shift)
    if not gls:
        return Statistic(raw=raw[:, 0], shift=shift[:, 0], net=net[:, 0])
    weights, held = gls_weights(raw, shift[0]), np.isfinite(raw)
    # An assignment that lacks an event time rests on those it has: a unit effect is still one.
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(held, weights, 0.0) / (held @ (weights * shift[0]))[:, None]
    raw, shift, net = ((np.nan_to_num(part) * each).sum(axis=1) for part in (raw, shift, net))
    return Statistic(raw=raw, shift=shift, net=net)


def gls_weights(raw: NDArray[np.float64], signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(L) weights ``Sigma^-1 m``, scaled so that a unit effect gives one.

    Parameters
    ----------
    raw : (B + 1, L) statistics; their covariance treats every assignment alike.
    signal : (L) what a unit effect gives in each, m.
    """
    held = raw[np.isfinite(raw).all(axis=1)]
    covariance = np.atleast_2d(np.cov(held, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, values.max() * 1e-8)
    weights = vectors @ ((vectors.T @ signal) / values)
    out: NDArray[np.float64] = weights / (weights @ signal)
    return out


def _event_maps(estimate: Estimate | Tested, window: tuple[int, int]) -> NDArray[np.float64]:
    """(L, K) weights of the entries in each event time of the window."""
    event = estimate.index["event_time"].to_numpy()
    inside = (event >= max(window[0], 0)) & (event <= window[1]) & np.isfinite(estimate.effects)
    if not inside.any():
        raise EstimateError(f"{estimate.outcome}: no started period falls inside the window.")
    weight = np.where(inside, estimate.index["weight"].to_numpy(dtype=float), 0.0)
    return np.stack([weight * (event == time) for time in np.unique(event[inside])])
