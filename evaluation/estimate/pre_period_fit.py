"""How well synthetic controls meet the treated areas before the start, and what that leaves open.

Two things go wrong in silence. An area that lies outside what the comparison areas can make up is
missed before its start, and its effect holds the misfit. And where there are more donors than
periods before the start, many weights meet an area equally well and foretell different figures
after it. Both are said with the estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.estimate.solvers import ridge
from evaluation.estimate.synthetic_weights import around_mean
from evaluation.wording import Figure, Sentence, count, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.samples import Sample
    from evaluation.estimate.synthetic_placebos import SyntheticUnits

    Floats = NDArray[np.float64]
    Positions = NDArray[np.int64]


Remedy = Literal["level", "shifted", "regression"]
"""What was fitted: levels, paths around a mean, or paths with weights that a ridge moves."""

MISSED = 0.25
"""Of the comparison areas' spread: misfits below it are not spoken of."""
BEYOND = 2.0
"""Misfits below so many times that of the usual comparison area are not spoken of: where figures
are mostly noise, nobody is met closely, and that is no sign of lying outside."""
ROUNDING = 1e-9
"""Of the figures: a misfit below it is none, and so is a range."""
PROGRAMMES = 20_000
"""Treated areas times donors up to which ranges are found; each takes two linear programmes."""

MENDS: dict[Remedy, str] = {
    "level": "variant='demeaned', augmented_synthetic_control or did meet such an area",
    "shifted": "augmented_synthetic_control or did may meet such an area",
    "regression": "did makes no such fit",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """One treated area and its synthetic control.

    area : its code. misfit : root mean squared misfit before the start (RMSPE), in the outcome's
    unit. usual : the median of the same for comparison areas. spread : standard deviation of the
    comparison areas before the start, about their mean in each period; of their paths about their
    own means where these are fitted. size : of the figures. ways : what other weights allow, None
    where they are unique.
    """

    area: str
    misfit: float
    usual: float
    spread: float
    size: float
    ways: Ways | None

    def is_missed(self, remedy: Remedy) -> bool:
        """Whether the misfit is more than such comparison areas give reason for."""
        if self.misfit <= ROUNDING * self.size:
            return False
        if remedy == "level" and self.misfit > self.spread:
            return True
        return self.misfit > MISSED * self.spread and self.misfit > BEYOND * self.usual


@dataclass(frozen=True, kw_only=True, eq=False)
class Ways:
    """The weights that meet an area equally well.

    donors : (n, T0) figures before the start, less the donors' mean. path : (T0) what the weights
    make of them. after : (n) each donor's mean over the area's treated periods, from its base.
    open_to : (n) donors that may have weight. foretold : what the weights chosen make of ``after``.
    """

    donors: Floats
    path: Floats
    after: Floats
    open_to: NDArray[np.bool_]
    foretold: float

    def limits(self) -> tuple[float, float]:
        """Smallest and largest mean that weights which meet the path just as well foretell."""
        from scipy.optimize import linprog

        donors, after = self.donors[self.open_to], self.after[self.open_to]
        scale = float(np.sqrt((donors**2).mean())) or 1.0
        level = float(np.abs(after - self.foretold).max()) or 1.0
        meet = np.vstack([donors.T / scale, np.ones(len(donors))])
        target = np.append(self.path / scale, 1.0)
        ends = [self.foretold]
        for sign in (1, -1):
            found = linprog(
                sign * (after - self.foretold) / level,
                A_eq=meet,
                b_eq=target,
                bounds=(0, None),
                method="highs",
            )
            # The weights chosen meet the path themselves, so that only rounding can say there are
            # none: the range is then not known to reach further than they do.
            if found.success:
                ends.append(self.foretold + sign * level * float(found.fun or 0.0))
        return min(ends), max(ends)


def ways(
    before: Floats, donors: Floats, weights: Floats, after: Floats, penalty: float = 0.0
) -> Ways | None:
    """The weights that meet one area equally well; None where they are unique.

    Parameters
    ----------
    before : (T0) what was fitted. donors : (n, T0). weights : (n) on the simplex, of least norm.
    after : (n) each donor's mean after the start, from its base.
    penalty : as in `simplex.Variation`.
    """
    centre = donors.mean(axis=0)
    x = donors - centre
    x[np.abs(x) <= ridge.ROUNDING * np.abs(donors).max(initial=0.0)] = 0.0
    none = np.full((1, 1), -1)
    open_to = ridge.tied(x.T, (before - centre)[None], none, weights[None], penalty)[0]
    scale = float(np.abs(x).max(initial=0.0)) or 1.0
    rank = np.linalg.matrix_rank(np.hstack([x[open_to] / scale, np.ones((open_to.sum(), 1))]))
    if open_to.sum() <= rank:
        return None
    return Ways(
        donors=x, path=weights @ x, after=after, open_to=open_to, foretold=float(weights @ after)
    )


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What kind of fit it is.

    remedy : what was fitted. unique : whether the weights are so by their making, as a ridge makes
    them, or are not asked about. penalty : as in `simplex.Variation`.
    """

    remedy: Remedy
    unique: bool = False
    penalty: float = 0.0


def fits(sample: Sample, synthetic_units: Mapping[int, SyntheticUnits], kind: Kind) -> list[Fit]:
    """The fit of every treated area that has one, in the order of the sample's."""
    found = []
    misfits = {g: unit.rmspe for g, unit in synthetic_units.items()}
    for area, s in zip(sample.treated.units.tolist(), sample.treated.cohort_of, strict=True):
        g = int(sample.treated.starts[s])
        unit, mask = synthetic_units[g], synthetic_units[g].pre_period_mask[area]
        if not mask.any():
            continue
        own, donors = unit.figures[area], unit.figures[unit.donors]
        shifted = bool(unit.time_weights[area].any())
        base = donors[:, mask].mean(axis=1) if shifted else np.zeros(len(donors))
        around = around_mean(donors[:, mask]) if shifted else donors[:, mask]
        before = own[mask] - (own[mask].mean() if shifted else 0.0)
        after = np.isfinite(own) & (np.arange(len(own)) >= g)
        spread = spread_of(around)
        several = None
        # A ridge on the weights leaves one answer, but where all donors are alike.
        if after.any() and (not kind.unique or spread == 0):
            later = donors[:, after].mean(axis=1) - base
            several = ways(before, around, unit.drawn_on[area], later, kind.penalty)
        found.append(
            Fit(
                area=str(sample.panel.areas.index[area]),
                misfit=float(misfits[g][area]),
                usual=float(np.median(misfits[g][unit.donors])),
                spread=spread,
                size=float(np.abs(donors[:, mask]).max()),
                ways=several,
            )
        )
    return found


def spread_of(donors: Floats) -> float:
    """Standard deviation of the donors' figures (n, T0) about their mean in each period."""
    apart = donors - donors.mean(axis=0)
    apart[np.abs(apart) <= ridge.ROUNDING * np.abs(donors).max(initial=0.0)] = 0.0
    return float(np.sqrt((apart**2).mean()))


def said_of(found: Sequence[Fit], sample: Sample, remedy: Remedy) -> tuple[Sentence, ...]:
    """What has to be said of these fits: areas that are missed, and weights that are not unique."""
    return _outside([fit for fit in found if fit.is_missed(remedy)], remedy) + _several(
        found, sample
    )


def _outside(missed: Sequence[Fit], remedy: Remedy) -> tuple[Sentence, ...]:
    if not missed:
        return ()
    worst = max(missed, key=lambda fit: fit.misfit / max(fit.spread, ROUNDING * fit.size))
    names = ", ".join(fit.area for fit in missed[:5]) + (" ..." if len(missed) > 5 else "")
    return (
        Sentence.of(
            "outside what the comparison areas can make up: {names}. Before the start {worst} is "
            "missed by {misfit} a period, where the comparison areas' spread is {spread}, and the "
            f"effect holds that misfit. {MENDS[remedy]}; or leave it out",
            "outside_hull",
            names=names,
            worst=worst.area,
            misfit=_shown(worst.misfit),
            spread=_shown(worst.spread),
        ),
    )


def _several(found: Sequence[Fit], sample: Sample) -> tuple[Sentence, ...]:
    held = [fit for fit in found if fit.ways is not None]
    if not held:
        return ()
    many = (
        f"{len(held)} of {len(found)} synthetic controls are not unique: more donors than periods "
        "before the start, or donors that are alike, so that other weights meet an area as "
        "closely; those of least norm are taken"
    )
    reach = moved(found, sample)
    if reach is None:
        return (
            Sentence.of(
                f"{many}. How far others could move the effect, "
                "evaluation.estimate.sensitivity.identification_range says",
                "weights_not_unique",
            ),
        )
    below, above = reach
    scale = max(fit.size for fit in held)
    if above - below <= ROUNDING * scale:
        return ()
    return (
        Sentence.of(
            f"{many}. Others would give an average effect up to {{below}} smaller or {{above}} "
            "larger",
            "weights_not_unique",
            below=_shown(max(-below, 0.0)),
            above=_shown(max(above, 0.0)),
        ),
    )


def moved(found: Sequence[Fit], sample: Sample) -> tuple[float, float] | None:
    """By how much other weights could lower and raise the average effect; None if too many.

    The average is that over all treated cells with a figure, as in `Estimate.overall`.
    """
    held = [fit for fit in found if fit.ways is not None]
    if sum(len(fit.ways.after) for fit in held if fit.ways is not None) > PROGRAMMES:
        return None
    treated = sample.treated
    starts = treated.starts[treated.cohort_of]
    after = np.arange(sample.n_periods) >= starts[:, None]
    cells = (np.isfinite(sample.figures[treated.units]) & after).sum(axis=1)
    share = dict(
        zip(sample.panel.areas.index[treated.units].astype(str), cells / cells.sum(), strict=True)
    )
    below = above = 0.0
    for fit in held:
        assert fit.ways is not None  # chosen so
        low, high = fit.ways.limits()
        below -= share[fit.area] * (high - fit.ways.foretold)
        above += share[fit.area] * (fit.ways.foretold - low)
    return below, above


def _shown(value: float) -> Figure:
    """A figure with three digits that count."""
    digits = max(0, 2 - int(np.floor(np.log10(abs(value))))) if value and np.isfinite(value) else 0
    if digits > 6:
        return number(float(f"{value:.3g}"))
    return count(float(f"{value:.3g}"), digits)
