"""Several outcomes at once: one twin for all of them, or one for each, under the same assignments.

A twin that has to fit several outcomes follows noise in none of them closely, and the same donors
speak for all (Tian, Lee and Panchenko 2024, "Synthetic controls with multiple outcomes"; the
concatenated form). Every outcome counts alike: its figures are divided by their spread among the
donors before the start and by the root of the number of its periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.errors import EstimateError
from evaluation.estimate import fits, frame, simplex, ties, twins
from evaluation.estimate.assignment import Assignments
from evaluation.estimate.synthetic import SyntheticSettings, estimate_from, method_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.panel import Panel

    Floats = NDArray[np.float64]

Sharing = Literal["shared", "separate"]


def synthetic_controls(
    panel: Panel,
    outcomes: Sequence[str],
    *,
    weights: Sharing = "shared",
    settings: SyntheticSettings | None = None,
    assignments: Assignments | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimate]:
    """One estimate for each outcome, from the same areas and under the same assignments.

    Comparison areas that lack a figure of any of the outcomes are left out of all of them, so that
    draws stay joint; a period in which a started area lacks a figure of an outcome is left out of
    that outcome's part of the fit. Both are stated in ``warnings``.

    Raises
    ------
    EstimateError : no outcome, the panel cannot bear an estimate, or weights shared in the
        penalised variant.
    """
    chosen = settings or SyntheticSettings()
    frame.check_call(panel, chosen, SyntheticSettings, "placebo", level)
    frame.one_of("weights", weights, Sharing)
    if not outcomes:
        raise EstimateError("no outcome is named.")
    if weights == "shared" and (chosen.variant == "penalised" or chosen.solver != "exact"):
        raise EstimateError("shared weights are exact and of the simplex or demeaned variant.")
    kept, said = twins.complete(panel, outcomes)
    samples = {name: frame.take(kept, name, chosen.scale) for name in outcomes}
    if assignments is None:
        assignments = Assignments.draw(kept, strata=(), seed=seed)
    fitted = _shared(samples, chosen) if weights == "shared" else _separate(samples, chosen)
    what = (f"synthetic_control ({weights} weights)",
            f"gap to the synthetic twin ({chosen.variant}) by site and period")  # fmt: skip
    found = {}
    for name, sample in samples.items():
        part = fits.Fitted(sample=sample, twins=fitted[name], said=said, left_out=bool(said))
        made = estimate_from(part, name, chosen, what, assignments, level, seed)
        found[name] = made
    return found


ByOutcome = dict[str, dict[int, twins.Twins]]


def _separate(samples: dict[str, frame.Sample], settings: SyntheticSettings) -> ByOutcome:
    method = method_of(settings)
    found: ByOutcome = {}
    for name, sample in samples.items():
        grounds = [fits.Ground.of(sample, g) for g in np.unique(sample.slots.starts).tolist()]
        found[name] = {ground.g: ground.twins(method(ground)) for ground in grounds}
    return found


def _shared(samples: dict[str, frame.Sample], settings: SyntheticSettings) -> ByOutcome:
    found: ByOutcome = {name: {} for name in samples}
    starts = next(iter(samples.values())).slots.starts
    for g in np.unique(starts).tolist():
        found_on = {name: fits.Ground.of(sample, g) for name, sample in samples.items()}
        rows = reduce(np.intersect1d, [ground.rows for ground in found_on.values()])
        grounds = {name: ground.only(rows) for name, ground in found_on.items()}
        parts = [_in_donors_spread(ground, settings) for ground in grounds.values()]
        own = np.hstack([before for before, _ in parts])
        others = np.hstack([donors for _, donors in parts])
        barred = next(iter(grounds.values())).barred
        solved = simplex.fit(others.T, own, barred[:, None])
        unit = ties.least_norm(others.T, own, barred, solved)
        for name, ground in grounds.items():
            base = ground.mean_base if settings.variant == "demeaned" else ground.no_base
            weights = fits.Weights(unit=unit, time=base, converged=solved.converged)
            found[name][g] = ground.twins(weights)
    return found


def _in_donors_spread(ground: fits.Ground, settings: SyntheticSettings) -> tuple[Floats, Floats]:
    """Figures before the start of all areas and of the donors, on a scale that outcomes share."""
    before, donors = ground.before, ground.donors_before
    if settings.variant == "demeaned":
        before = before - before.mean(axis=1, keepdims=True)
        donors = donors - donors.mean(axis=1, keepdims=True)
    spread = np.sqrt(((donors - donors.mean(axis=0)) ** 2).mean() * donors.shape[1]) + 1e-300
    return before / spread, donors / spread
