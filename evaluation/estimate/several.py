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

    Missing figures as in `synthetic_control`. With shared weights a comparison area that lacks a
    figure of any outcome is no donor for any.

    Raises
    ------
    EstimateError : no outcome, the panel cannot bear an estimate, or weights shared in the
        penalised variant.
    """
    chosen = settings or SyntheticSettings()
    frame.check_call(panel, chosen, SyntheticSettings, "placebo", level)
    frame.one_of("weights", weights, Sharing)
    if not outcomes:
        raise EstimateError("no outcome is named.", expected="at least one, say ['arrears']")
    if weights == "shared" and (chosen.variant == "penalised" or chosen.solver != "exact"):
        raise EstimateError(
            "shared weights are exact and of the simplex or demeaned variant.",
            mend="choose one of these variants, or weights='separate'",
        )
    samples = {name: frame.take(panel, name, chosen.scale) for name in outcomes}
    if assignments is None:
        assignments = Assignments.draw(panel.eligible(), strata=(), seed=seed)
    fitted = _shared(samples, chosen) if weights == "shared" else _separate(samples, chosen)
    what = (
        f"synthetic_control ({weights} weights)",
        f"gap to the synthetic twin ({chosen.variant}) by site and period",
    )
    found = {}
    for name, sample in samples.items():
        said = fits.no_donors(sample, fitted[name])
        part = fits.Fitted(sample=sample, twins=fitted[name], said=said)
        made = estimate_from(part, name, chosen, what, assignments, level, seed)
        found[name] = made
    return found


ByOutcome = dict[str, dict[int, twins.Twins]]


def _separate(samples: dict[str, frame.Sample], settings: SyntheticSettings) -> ByOutcome:
    method = method_of(settings)
    found: ByOutcome = {}
    for name, sample in samples.items():
        starts = np.unique(sample.slots.starts).tolist()
        found[name] = {g: fits.fit_start(sample, g, method) for g in starts}
    return found


def _shared(samples: dict[str, frame.Sample], settings: SyntheticSettings) -> ByOutcome:
    found: ByOutcome = {name: {} for name in samples}
    starts = next(iter(samples.values())).slots.starts
    for g in np.unique(starts).tolist():
        together = _grounds(samples, g)
        weights = [_shared_weights(grounds, settings) for grounds in together]
        for name in samples:
            found[name][g] = fits.twins_of(
                [grounds[name] for grounds in together], [held[name] for held in weights]
            )
    return found


def _grounds(samples: dict[str, frame.Sample], g: int) -> list[dict[str, fits.Ground]]:
    """The grounds of every outcome, for areas with figures in the same periods of each."""
    of_all = [sample.figures for sample in samples.values()]
    donors = reduce(np.intersect1d, [fits.donors_of(sample) for sample in samples.values()])
    if len(donors) < 2:
        raise EstimateError("fewer than two comparison areas have every figure of every outcome.")
    held = np.stack([np.isfinite(figures[:, :g]) for figures in of_all], axis=1)
    able = np.flatnonzero(np.all([fits.enough(held[:, k]) for k in range(len(of_all))], axis=0))
    label = str(next(iter(samples.values())).panel.periods[g])
    return [
        {
            name: fits.Ground.on(
                sample.figures, able[rows], donors, periods[periods // g == k] - k * g, (g, label)
            )
            for k, (name, sample) in enumerate(samples.items())
        }
        for periods, rows in twins.alike(held[able].reshape(len(able), -1))
    ]


def _shared_weights(
    grounds: dict[str, fits.Ground], settings: SyntheticSettings
) -> dict[str, fits.Weights]:
    parts = [_in_donors_spread(ground, settings) for ground in grounds.values()]
    own = np.hstack([before for before, _ in parts])
    others = np.hstack([donors for _, donors in parts])
    barred = next(iter(grounds.values())).barred
    solved = simplex.fit(others.T, own, barred[:, None])
    unit = ties.least_norm(others.T, own, barred, solved)
    return {
        name: fits.Weights(
            unit=unit,
            converged=solved.converged,
            time=ground.mean_base if settings.variant == "demeaned" else ground.no_base,
        )
        for name, ground in grounds.items()
    }


def _in_donors_spread(ground: fits.Ground, settings: SyntheticSettings) -> tuple[Floats, Floats]:
    """Figures before the start of all areas and of the donors, on a scale that outcomes share."""
    before, donors = ground.before, ground.donors_before
    if settings.variant == "demeaned":
        before = before - before.mean(axis=1, keepdims=True)
        donors = donors - donors.mean(axis=1, keepdims=True)
    spread = np.sqrt(((donors - donors.mean(axis=0)) ** 2).mean() * donors.shape[1]) + 1e-300
    return before / spread, donors / spread
