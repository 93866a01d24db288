"""Partially pooled synthetic control, for sites that start at different times.

Ben-Michael, Feller and Rothstein (2022, JRSS B 84, equation 6): twins fitted apart may each err a
little to the same side, so that their average errs by more than it need. Weights of all started
areas are therefore chosen together, to make small both each area's own error before its start and
the average error at the same number of periods before the start:

    min  nu q_pool^2 / q_pool(apart)^2 + (1 - nu) q_sep^2 / q_sep(apart)^2.

Area by area this is a simplex least squares problem whose target leans against the others' errors,
so the exact solver takes the areas in turn until nothing moves. Weights depend on which areas start
together: every assignment is fitted anew, all of them in lockstep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import simplex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

SWEEPS = 500
SETTLED = 1e-12
PERFECT = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledFit:
    """Weights of J started areas in each of B assignments.

    fits : one batch of B simplex fits for each of the J places. share : (B) nu. separate, pooled :
    (B) q_sep and q_pool of the weights; apart : (B, 2) the same of weights fitted apart.
    converged : (B) whether the last round of steps gained less than 1e-12 of the objective.
    """

    fits: list[simplex.SimplexFit]
    share: Floats
    separate: Floats
    pooled: Floats
    apart: Floats
    converged: NDArray[np.bool_]


def fit(
    targets: list[Floats], donors: list[Floats], barred: Places, share: float | None
) -> PooledFit:
    """Fit the areas of every assignment together.

    Parameters
    ----------
    targets : for each of J places, (B, L_j) figures of its area, the last period before the start
        first. donors : for each place, (L_j, N). barred : (B, K) donors that an assignment may not
        use; -1 for none.
    share : nu, between 0 (apart) and 1 (the average alone); None takes the authors' rule, the
        length of the average error over the average length of the errors, fitted apart.

    Raises
    ------
    ValueError : a figure is not finite, or an assignment leaves no donor.
    """
    apart = [simplex.fit(x, y, barred) for x, y in zip(donors, targets, strict=True)]
    errors = _errors(targets, donors, apart)
    lengths = np.array([y.shape[1] for y in targets])
    measures = _measures(errors, lengths)
    if share is None:
        size = np.sqrt((errors**2).sum(axis=2)).mean(axis=1)
        together = np.sqrt((errors.mean(axis=1) ** 2).sum(axis=1))
        nu = np.divide(together, size, out=np.zeros_like(size), where=size > 0)
    else:
        nu = np.full(len(barred), share)
    # An assignment whose areas are all met exactly has nothing left to pool.
    scale = np.sqrt(np.mean([(y**2).mean(axis=1) for y in targets], axis=0)) + 1e-300
    nu = np.where((measures > PERFECT * scale[:, None]).all(axis=1), nu, 0.0)
    squares = np.maximum(measures, 1e-300) ** 2
    pull = nu / (lengths.max() * squares[:, 1]) / len(targets) ** 2
    own = (1 - nu)[:, None] / (len(targets) * lengths[None, :] * squares[:, [0]])
    fits, converged = _in_turn(targets, donors, barred, (apart, pull, own))
    reached = _measures(_errors(targets, donors, fits), lengths)
    return PooledFit(
        fits=fits,
        share=nu,
        separate=reached[:, 0],
        pooled=reached[:, 1],
        apart=measures,
        converged=converged,
    )


def _errors(targets: list[Floats], donors: list[Floats], fits: list[simplex.SimplexFit]) -> Floats:
    """(B, J, L) what each area's twin misses, by periods before the start; 0 where it has none."""
    out = np.zeros((len(targets[0]), len(targets), max(y.shape[1] for y in targets)))
    for j, (y, x, part) in enumerate(zip(targets, donors, fits, strict=True)):
        out[:, j, : y.shape[1]] = y - part.predict(x.T)
    return out


def _measures(errors: Floats, lengths: Places) -> Floats:
    """(B, 2) q_sep and q_pool."""
    own = ((errors**2).sum(axis=2) / lengths[None, :]).mean(axis=1)
    together = (errors.mean(axis=1) ** 2).sum(axis=1) / lengths.max()
    out: Floats = np.sqrt(np.stack([own, together], axis=1))
    return out


def _in_turn(
    targets: list[Floats],
    donors: list[Floats],
    barred: Places,
    plan: tuple[list[simplex.SimplexFit], Floats, Floats],
) -> tuple[list[simplex.SimplexFit], NDArray[np.bool_]]:
    apart, pull, own = plan
    fits = list(apart)
    errors = _errors(targets, donors, apart)
    live = np.flatnonzero(pull > 0)
    value = _objective(errors, pull, own)
    for _ in range(SWEEPS):
        if len(live) == 0:
            break
        for j, (y, x) in enumerate(zip(targets, donors, strict=True)):
            others = (errors[live].sum(axis=1) - errors[live, j])[:, : y.shape[1]]
            lean = pull[live] / (pull[live] + own[live, j])
            aim = y[live] + lean[:, None] * others
            start = simplex.Variation(start=fits[j].rows(live))
            again = simplex.fit(x, aim, barred[live], start)
            fits[j] = fits[j].replaced(live, again)
            errors[live, j, : y.shape[1]] = y[live] - again.predict(x.T)
        now = _objective(errors[live], pull[live], own[live])
        going = value[live] - now > SETTLED * value[live]
        value[live] = now
        live = live[going]
    converged = np.ones(len(barred), dtype=bool)
    converged[live] = False
    return fits, converged


def _objective(errors: Floats, pull: Floats, own: Floats) -> Floats:
    together = pull * (errors.sum(axis=1) ** 2).sum(axis=1)
    out: Floats = together + (own * (errors**2).sum(axis=2)).sum(axis=1)
    return out


def check_share(share: float | None) -> None:
    """Refuse a share of pooling outside 0 to 1; at 1 an area's own fit would not matter at all.

    Raises
    ------
    EstimateError : with what was expected.
    """
    if share is not None and not 0 <= share < 1:
        raise EstimateError(f"a share of {share}.", expected="a number from 0 to below 1, or None")
