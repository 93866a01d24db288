"""What every estimator does first and last: take the outcome from the panel, label the entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from evaluation.errors import EstimateError, InferenceRefused
from evaluation.estimate import arguments
from evaluation.estimate.assignments import Assignments, TreatedAreas, variance_by_sampling
from evaluation.estimate.inference import Draws, deviation
from evaluation.panel import Panel, characteristic, part_treated, whole_periods_of
from evaluation.wording import Figure, Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.placebo_effects import LongDifferences


Scale = Literal["log", "level"]


def one_of(name: str, value: object, allowed: object) -> None:
    """Refuse a setting that is none of those allowed (the arguments of a ``Literal``).

    Raises
    ------
    EstimateError : with the name, the value and what was expected.
    """
    choices = get_args(allowed)
    if value not in choices:
        raise EstimateError(
            f"{name} cannot be {value!r}.", expected=" or ".join(repr(choice) for choice in choices)
        )


def whole_periods(name: str, value: object) -> None:
    """Refuse a setting that counts periods and is no whole number of them.

    Raises
    ------
    EstimateError : with the name, the value and what was expected.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0:
        raise EstimateError(
            f"{name} cannot be {value!r}.", expected="a whole number of periods: 0, 1, 2 ..."
        )


ENOUGH_AREAS = 10
LEVEL = 1e3
# Figures are squared, and summed, and squared once more.
LARGEST = 1e70


def check_call(
    panel: object, settings: object, wanted: type, inference: object, level: object
) -> None:
    """Refuse what an estimator cannot be called with, before anything is computed.

    Raises
    ------
    EstimateError : no panel, settings of another type, an unknown inference, a level outside 0-1.
    """
    arguments.a_panel(panel)
    if not isinstance(settings, wanted):
        raise EstimateError(
            f"settings are a {type(settings).__name__}.", expected=f"{wanted.__name__}(...)"
        )
    one_of("inference", inference, Literal["placebo", "analytic", "bootstrap"])
    if not isinstance(level, float) or not 0.5 < level < 1:
        raise EstimateError(f"a level of {level!r} is no confidence level.", expected="say 0.95")


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """The outcome of one estimate: eligible areas, figures on the estimate's scale, cohorts.

    ``sampling_error`` : (N, T) of the figures, on the same scale; None where they are no samples.
    """

    panel: Panel
    figures: NDArray[np.float64]
    treated: TreatedAreas
    weights: NDArray[np.float64]
    warnings: tuple[str, ...]
    sampling_error: NDArray[np.float64] | None = None

    @property
    def n_periods(self) -> int:
        return int(self.figures.shape[1])

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T) which periods any area has a figure in; a panel of every other year lacks half."""
        return seen_periods(self.figures)

    def describe(self) -> dict[str, Any]:
        """How many areas, treated and control, and how many periods the estimate rests on."""
        treated = self.panel.treated
        return {
            "frequency": self.panel.frequency,
            "areas": len(self.panel.areas),
            "started_areas": int(treated.sum()),
            "comparison_areas": int((~treated).sum()),
            "periods": self.n_periods,
            "missing_cells": int(np.isnan(self.figures[:, self.seen]).sum()),
        }


def take(panel: Panel, outcome: str, scale: Scale, weights: str | None = None) -> Sample:
    """The sample of an estimate.

    Excluded areas (buffers, other programmes) are left out. Missing and suppressed cells are left
    out and counted in a warning; periods that no area has a figure in are named in another.

    Raises
    ------
    EstimateError : unknown outcome or weight column, a zero under a log, an outcome without a
        figure or that does not vary, or no area left to compare with.
    """
    panel = panel.eligible()
    figures, sampling_error = whole_periods_of(panel, outcome), panel.sampling_error.get(outcome)
    if np.isinf(figures).any():
        area, period = np.argwhere(np.isinf(figures))[0]
        raise EstimateError(
            f"{outcome} is infinite in area {panel.areas.index[area]}, {panel.labels[period]}.",
            expected="a finite figure, or a missing one",
        )
    if scale == "log":
        if (figures <= 0).any():
            raise EstimateError(
                f"{outcome} has cells that are zero or below, which have no logarithm.",
                mend="estimate it on scale='level'",
            )
        # To first order: the error of a logarithm is the figure's own over the figure.
        sampling_error = None if sampling_error is None else sampling_error / figures
        figures = np.log(figures)
    held = np.isfinite(figures)
    if not held.any():
        raise EstimateError(
            f"{outcome} has no figure in any area and period.", mend="choose another outcome"
        )
    size = float(np.abs(figures[held]).max())
    if size > LARGEST or 0 < size < 1 / LARGEST:
        raise EstimateError(
            f"{outcome} has figures of the size of {size:.0e}, whose squares no computer holds.",
            mend="give it in another unit",
        )
    # By its ends: the standard deviation of 0.1, 0.1, ... is not zero in doubles.
    if np.fmax.reduce(figures, axis=None) == np.fmin.reduce(figures, axis=None):
        raise EstimateError(
            f"{outcome} is the same in every area and period.",
            mend="choose another outcome: here no effect could show but none",
        )
    treated = TreatedAreas.of(panel)
    if panel.treated.all():
        raise EstimateError(
            "every area starts within the panel, so none is left to compare with throughout.",
            mend="add comparison areas, or end the panel before the last start",
        )
    return Sample(
        panel=panel,
        figures=figures,
        treated=treated,
        weights=_weights(panel, weights),
        warnings=_missing(panel, panel.array(outcome)) + _in_part(panel),
        sampling_error=sampling_error,
    )


def _in_part(panel: Panel) -> tuple[str, ...]:
    """What to say of first periods that were treated in part."""
    count = len(part_treated(panel))
    if not count:
        return ()
    areas = f"{count} started area{'s' if count > 1 else ''}"
    first = f"the first period of {areas} was treated in part and "
    said = (
        "is left out"
        if panel.partial == "drop"
        else "its effect is divided by the share: right only where the effect comes at once and in "
        "full, and a confirmatory result needs a protocol that said so before the figures were seen"
    )
    return (Sentence.of(first + said, "partial_exposure"),)


def to_scale(assignments: Assignments, sample: Sample) -> Assignments:
    """The assignments, with placebos brought to scale where sampling errors are known.

    What is studentised already stays as it is.

    Raises
    ------
    EstimateError : too few comparison areas to tell how much areas vary beside sampling.
    """
    if sample.sampling_error is None or assignments.deviation is not None:
        return assignments
    first = int(sample.treated.starts.min())
    model = variance_by_sampling(sample.panel, sample.figures, sample.sampling_error, first)
    return assignments.studentised(model, sample.panel)


# Standard errors of treated areas over those of comparison areas that alter a test of size 5 % to
# one of 3 or 7.
UNLIKE = 1.25


def unlike_precision(treated: NDArray[np.float64], compared: NDArray[np.float64]) -> float | None:
    """How many times the error of treated areas is that of comparison areas, where it matters.

    None where neither is more than 1.25 times the other.

    Parameters
    ----------
    treated, compared : standard errors or deviations, NaN where there is none.
    """
    if not (np.isfinite(treated).any() and np.isfinite(compared).any()):
        return None
    own, other = (np.sqrt(np.nanmean(np.square(part))) for part in (treated, compared))
    ratio = float(own / other) if other > 0 else 1.0
    return ratio if max(ratio, 1 / max(ratio, 1e-300)) > UNLIKE else None


def not_to_scale(sample: Sample) -> tuple[str, ...]:
    """What to say where an estimator that is refitted cannot bring placebo effects to scale."""
    if sample.sampling_error is None:
        return ()
    held, treated = sample.sampling_error, sample.panel.treated
    ratio = unlike_precision(held[treated], held[~treated])
    if ratio is None:
        return ()
    wide = "too seldom" if ratio < 1 else "too often"
    return (
        Sentence.of(
            "sampling errors of started areas are {ratio} times those of comparison areas, and "
            "this estimator takes placebo effects as they are: an effect would be found "
            f"{wide}; did and synthetic controls bring them to scale",
            "unlike_precision",
            ratio=Figure(kind="number", value=ratio, digits=2),
        ),
    )


def seen_periods(figures: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(T) which periods any area of (N, T) has a figure in."""
    return np.asarray(np.isfinite(figures).any(axis=0))


def _missing(panel: Panel, figures: NDArray[np.float64]) -> tuple[str, ...]:
    """What has to be said of cells, and of whole periods, without a figure."""
    said, seen = [], seen_periods(figures)
    lacking = np.isnan(figures) & seen
    if missing := int(lacking.sum()):
        in_treated = int(lacking[panel.treated].sum())
        said.append(
            Sentence.of(
                f"{missing} of {int(seen.sum()) * len(figures)} cells are missing or suppressed "
                f"({in_treated} in started areas) and are left out",
                "missing_cells",
            )
        )
    if empty := [panel.labels[t] for t in np.flatnonzero(~seen)]:
        said.append(
            Sentence.of(
                f"no area has a figure in {{names}}{' ...' if len(empty) > 5 else ''}: "
                f"{'these periods count' if len(empty) > 1 else 'the period counts'} in nothing",
                "empty_periods",
                names=", ".join(empty[:5]),
            )
        )
    return tuple(said)


def last_seen(sample: Sample, anticipation: int = 0) -> dict[int, int]:
    """Start -> its base: the last period before it, less the anticipation, that has a figure.

    Raises
    ------
    EstimateError : there is no such period.
    """
    bases = {}
    for g in np.unique(sample.treated.starts).tolist():
        before = np.flatnonzero(sample.seen[: max(g - anticipation, 0)])
        if not len(before):
            less = f" less the {anticipation} of the anticipation" if anticipation else ""
            raise EstimateError(
                f"no period before the start in {sample.panel.periods[g]}{less} has a figure.",
                expected="at least one such period before every start",
                mend="extend the panel backwards, leave that site out"
                + (", or anticipate fewer periods" if anticipation else ""),
            )
        bases[g] = int(before[-1])
    return bases


def among_seen(seen: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of starts among the periods that have figures: the first from the start on."""
    before: NDArray[np.int64] = np.concatenate([[0], np.cumsum(seen)])
    return before[starts]


def same_areas(assignments: Assignments, sample: Sample) -> None:
    """Make sure that assignments were drawn for the sample's areas and starts.

    Raises
    ------
    EstimateError : they were drawn for others.
    """
    if not isinstance(assignments, Assignments):
        raise EstimateError(
            f"assignments cannot be {assignments!r}.",
            expected="Assignments.draw(panel), or none: they are then drawn",
        )
    drawn, own = assignments.treated, sample.treated
    same = all(
        np.array_equal(getattr(drawn, name), getattr(own, name))
        for name in ("units", "cohort_of", "starts")
    )
    if not same or len(assignments.strata) != len(sample.panel.areas):
        raise EstimateError(
            "the assignments were drawn for another panel: areas or starts differ.",
            mend="draw them from panel.eligible()",
        )


def clusters(sample: Sample, column: str | None) -> NDArray[np.int64]:
    """(N) number of the cluster of each area; None: each area is one of its own.

    Raises
    ------
    EstimateError : the areas have no such column, an area has no label in it, or all treated or
        all comparison areas have one: deviations of one cluster from itself sum to nothing, and
        what remains of the error is rounding.
    """
    areas = sample.panel.areas
    if not column:
        return np.arange(len(areas))
    if column not in areas:
        raise EstimateError(
            f"the panel's areas have no column {column!r} to cluster by.",
            expected=", ".join(map(str, areas.columns)),
        )
    if (missing := areas.index[areas[column].isna()]).size:
        raise EstimateError(
            f"area {missing[0]} has no {column} to be clustered by"
            f"{f', nor have {missing.size - 1} others' if missing.size > 1 else ''}.",
            mend=f"give every area its {column}, or cluster by area",
        )
    for treated, name in ((True, "treated"), (False, "comparison")):
        held = areas[column][sample.panel.treated == treated]
        if held.nunique() == 1 and len(held) > 1:
            raise EstimateError(
                f"all {name} areas have one {column} ({held.iloc[0]}), so that an error clustered "
                "by it would be next to nothing.",
                mend="cluster by area, or leave inference='placebo', which moves whole blocks",
            )
    numbers: NDArray[np.int64] = np.unique(areas[column].astype(str), return_inverse=True)[1]
    return numbers


def site_of(sample: Sample) -> NDArray[np.int64]:
    """(N) which of the treated areas' sites each area belongs to; -1 for none."""
    out = np.full(len(sample.panel.areas), -1)
    out[sample.treated.units] = sample.treated.cohort_of
    return out


def finished_draws(
    assignments: Assignments,
    raw: NDArray[np.float64],
    shift: NDArray[np.float64],
    net: NDArray[np.float64],
) -> Draws:
    """Draws of S sites x T periods (or of one entry), with ties marked and noise made whole."""
    pseudo_treated, treated = assignments.pseudo_treated, assignments.treated
    lost = np.isin(pseudo_treated, treated.units).sum(axis=1)
    left = pseudo_treated.shape[1] - lost
    scale = np.sqrt(pseudo_treated.shape[1] / np.where(left > 0, left, pseudo_treated.shape[1]))
    sites = assignments.is_identity
    identity = np.repeat(sites, raw.shape[1] // len(treated.names), axis=1)
    if raw.shape[1] == 1:
        identity = np.all(sites, axis=1)[:, None]
    return Draws(raw=raw, shift=shift, net=net * scale[:, None], is_identity=identity)


def provenance(panel: Panel, sample: Sample, assignments: Assignments | None) -> dict[str, str]:
    """Fingerprints of what an estimate was made from, and the vintage of its panel."""
    made_from = {"panel": sample.panel.fingerprint, "vintage": panel.vintage}
    if assignments is not None:
        made_from["assignments"] = assignments.fingerprint
    return made_from


def describe_assignments(assignments: Assignments) -> dict[str, object]:
    """How many assignments there are, what p they allow, what moves together and why."""
    return {
        "assignments": len(assignments),
        "distinct": assignments.distinct,
        "smallest_p": assignments.smallest_p,
        "block": assignments.block,
        "reason": assignments.reason,
    }


def _weights(panel: Panel, column: str | None) -> NDArray[np.float64]:
    if column is None:
        return np.ones(len(panel.areas))
    if column not in panel.areas.columns.tolist():
        raise EstimateError(
            f"the panel's areas have no column {column!r} to weigh by.",
            expected=", ".join(map(str, panel.areas.columns)),
        )
    weights = pd.to_numeric(panel.areas[column], errors="coerce").to_numpy(dtype=float)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise EstimateError(
            f"weights in {column!r} must be positive in every area.", expected="a number above 0"
        )
    largest = float(weights.max())
    if float(weights.min()) < largest / MOST_APART:
        raise EstimateError(
            f"weights in {column!r} lie so far apart ({weights.min():.0e} to {largest:.0e}) that "
            "the smallest would count for nothing.",
            mend="weigh by something that areas share, or leave those areas out",
        )
    # Sums of the largest numbers that there are would be infinite.
    weights = weights / largest if not 1 / LARGEST < largest < LARGEST else weights
    scaled: NDArray[np.float64] = weights / weights.mean()
    return scaled


# Of the largest weight: doubles hold sixteen digits, and what is below counts for nothing.
MOST_APART = 1e12


def _in_reach(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """A covariate in units of about one, where its own are far from that (pounds, say).

    What is adjusted for is the same in any unit, but a logit's Newton steps and a regression's rank
    are told in doubles. The unit is a power of two, which changes no digit.
    """
    spread = float(column.std())
    if spread == 0 or LEVEL > spread > 1 / LEVEL:
        return column
    scaled: NDArray[np.float64] = column / 2.0 ** np.round(np.log2(spread))
    return scaled


def design(sample: Sample, covariates: tuple[str, ...]) -> NDArray[np.float64]:
    """(N, 1 + p) a constant and the areas' covariates.

    Raises
    ------
    EstimateError : a covariate that the panel does not hold, that an area lacks, or that is text.
    """
    columns = [np.ones(len(sample.panel.areas))]
    for name in covariates:
        column = characteristic(sample.panel, name)
        # A large level beside a small spread would look like the constant.
        if abs(column.mean()) > LEVEL * column.std() > 0:
            column = column - column.mean()
        columns.append(_in_reach(column))
    return np.stack(columns, axis=1)


def observed(
    sample: Sample, differences: LongDifferences | Mapping[int, NDArray[np.float64]]
) -> NDArray[np.bool_]:
    """(M, T) which treated areas have an effect in which periods: their figures are not missing.

    ``differences`` : start -> (N, T) effect or change of every area, NaN where it has none.
    """
    treated = sample.treated
    if np.isfinite(sample.figures).all():
        return np.ones((len(treated.units), sample.n_periods), dtype=bool)
    starts = treated.starts[treated.cohort_of].tolist()
    return np.array(
        [np.isfinite(differences[g][unit]) for unit, g in zip(treated.units, starts, strict=True)]
    )


def entries(
    sample: Sample, differences: LongDifferences | Mapping[int, NDArray[np.float64]]
) -> pd.DataFrame:
    """K rows, a site and period each: ``site, cohort, quarter, event_time, n_areas, weight``.

    ``n_areas`` counts the site's areas that have an effect in the period and ``weight`` sums their
    weights, so that an average over entries is the plain (or weighted) mean over the treated cells
    that are observed: an area that has left, or whose figure is suppressed, counts in none. Under
    a placebo assignment the weights are the same, and each pseudo-treated area is taken in just
    the periods in which the treated area that it stands for is observed (`placebo_effects`).

    Parameters
    ----------
    differences : as in `observed`.
    """
    treated, held = sample.treated, observed(sample, differences)
    labels = sample.panel.period_names
    counted, masses = [], []
    for s in range(len(treated.names)):
        units = treated.units[treated.cohort_of == s]
        here, full = held[treated.cohort_of == s], float(sample.weights[units].sum())
        # Summed in one order where all are there, so that no other area's gap moves a last digit.
        masses.append(np.where(here.all(axis=0), full, sample.weights[units] @ here))
        counted.append(here.sum(axis=0))
    starts, periods = treated.starts, np.arange(sample.n_periods)
    return pd.DataFrame(
        {
            "site": np.repeat(np.array(treated.names, dtype=object), sample.n_periods),
            "cohort": [labels[g] for g in np.repeat(starts, sample.n_periods).tolist()],
            "quarter": labels * len(starts),
            "event_time": (periods - starts[:, None]).ravel(),
            "n_areas": np.concatenate(counted),
            "weight": np.concatenate(masses),
        }
    )


def base_weight(sample: Sample, anticipation: int = 0) -> float:
    """The most that one period weighs in a mean of those before a start, of any started area."""
    starts = sample.treated.starts[sample.treated.cohort_of] - anticipation
    held = np.isfinite(sample.figures[sample.treated.units])
    before = held & (np.arange(sample.n_periods) < starts[:, None])
    counted = before.sum(axis=1)
    return 1 / max(int(counted[counted > 0].min(initial=sample.n_periods)), 1)


def masked_mean(
    figures: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Mean down the rows over the cells that hold a figure; NaN in a column without any."""
    mass = np.isfinite(figures) * (1.0 if weights is None else weights[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float64] = (np.where(mass > 0, figures, 0.0) * mass).sum(0) / mass.sum(0)
    return mean


def unit_figures(sample: Sample) -> NDArray[np.float64]:
    """(N, T) figures of a unit effect: 1 in every really treated cell, 0 elsewhere.

    NaN where the sample has no figure, so that the same cells are left out.
    """
    start = sample.panel.start_index
    on = ((start[:, None] >= 0) & (np.arange(sample.n_periods) >= start[:, None])).astype(float)
    units = part_treated(sample.panel)
    on[units, start[units]] = sample.panel.exposure[units]
    return np.where(np.isfinite(sample.figures), on, np.nan)


def unit_before(
    sample: Sample, differences: Mapping[int, NDArray[np.float64]]
) -> dict[int, NDArray[np.float64]]:
    """The contrasts of a unit effect, with the indicator of the area before each start.

    An interval for an event time before the start is about that event time itself.
    """
    treated = (sample.panel.start_index >= 0).astype(float)
    out = {}
    for g, difference in differences.items():
        filled = difference.copy()
        filled[:, :g] = np.where(np.isfinite(sample.figures[:, :g]), treated[:, None], np.nan)
        out[g] = filled
    return out


def placed_effects(sample: Sample, effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, T) the estimated effect in every really treated cell, 0 elsewhere.

    NaN where the sample has no figure, so that the same cells are left out.
    """
    treated = sample.treated
    by_cohort = np.nan_to_num(effects.reshape(len(treated.names), sample.n_periods))
    placed = np.zeros_like(sample.figures)
    for unit, s in zip(treated.units, treated.cohort_of, strict=True):
        g = treated.starts[s]
        placed[unit, g:] = by_cohort[s, g:]
    return np.where(np.isfinite(sample.figures), placed, np.nan)


def site_paths(sample: Sample, effects: NDArray[np.float64]) -> pd.DataFrame:
    """Observed and counterfactual means of each site, on the estimate's scale."""
    treated, labels = sample.treated, sample.panel.period_names
    shown = []
    for s in range(len(treated.names)):
        units = treated.units[treated.cohort_of == s]
        shown.append(masked_mean(sample.figures[units], sample.weights[units]))
    flat, periods = np.concatenate(shown), np.arange(sample.n_periods)
    return pd.DataFrame(
        {
            "site": np.repeat(np.array(treated.names, dtype=object), sample.n_periods),
            "quarter": labels * len(treated.names),
            "event_time": (periods - treated.starts[:, None]).ravel(),
            "observed": flat,
            "counterfactual": flat - effects,
        }
    )


def unit_basis(
    sample: Sample, outcome: str, differences: LongDifferences | Mapping[int, NDArray[np.float64]]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """(K) denominator / per and observed numerator of each entry; None without denominators.

    A cell without a figure counts in neither, nor does one whose area has no effect in the period,
    though it has a figure: nothing is imputed into people.

    Parameters
    ----------
    differences : as in `observed`.
    """
    panel, treated = sample.panel, sample.treated
    if outcome not in panel.denominators or outcome not in panel.per:
        return None, None
    exposure = panel.denominators[outcome] / panel.per[outcome]
    counts = panel.array(outcome) * exposure
    counts[treated.units] = np.where(observed(sample, differences), counts[treated.units], np.nan)
    exposure = np.where(np.isfinite(counts), exposure, 0.0)
    members = [treated.units[treated.cohort_of == s] for s in range(len(treated.names))]
    return (
        np.concatenate([exposure[units].sum(axis=0) for units in members]),
        np.concatenate([np.nan_to_num(counts[units]).sum(axis=0) for units in members]),
    )


def mean_after(
    differences: LongDifferences | Mapping[int, NDArray[np.float64]],
) -> dict[int, NDArray[np.float64]]:
    """Start -> (N) mean from then on of (N, T) differences, over the cells that hold one."""
    return {g: masked_mean(held[:, g:].T) for g, held in differences.items()}


def area_table(
    sample: Sample,
    after: Mapping[int, NDArray[np.float64]],
    level: float,
    assignments: Assignments | None = None,
    compared: Mapping[int, NDArray[np.float64]] | None = None,
) -> pd.DataFrame:
    """Each treated area's mean effect after its start, judged against those of control areas.

    The interval and the p-value come from the same means of the control areas (placebo in space),
    brought to the scale of the treated area where the assignments are studentised.

    Parameters
    ----------
    after : start -> (N) mean effect on every area had it been treated from then on.
    compared : start -> (N) variance of what each area is compared with; None: of a mean of them
        all, which hardly varies.
    """
    treated, never = sample.treated, np.flatnonzero(~sample.panel.treated)
    starts = treated.starts[treated.cohort_of]
    effect, error, reach, p = np.empty((4, len(starts)))
    deviation = None if assignments is None else assignments.deviation
    for g in np.unique(starts).tolist():
        held, mean = np.flatnonzero(starts == g), after[g]
        effect[held] = mean[treated.units[held]]
        if deviation is None:
            error[held], reach[held], p[held] = _in_space(mean[never], effect[held], level)
            continue
        beside = np.zeros(len(mean)) if compared is None else compared[g]
        for k in held.tolist():
            own, others = deviation[treated.units[k]] ** 2, deviation[never] ** 2
            scale = np.sqrt((own + beside[never]) / (others + beside[never]))
            error[k], reach[k], p[[k]] = _in_space(mean[never] * scale, effect[[k]], level)
    table = pd.DataFrame(
        {
            "area": sample.panel.areas.index[treated.units],
            "site": np.array(treated.names, dtype=object)[treated.cohort_of],
            "effect": effect,
            "se": error,
            "low": effect - reach,
            "high": effect + reach,
            "low_band": np.nan,
            "high_band": np.nan,
            "p_value": p,
            "n_areas": 1,
        }
    )
    return table.iloc[np.argsort(starts, kind="stable")].set_index("area")


def _in_space(
    placebo: NDArray[np.float64], own: NDArray[np.float64], level: float
) -> tuple[float, float, NDArray[np.float64]]:
    """Standard deviation and reach of placebo effects, and (m) the p-values of own ones."""
    placebo = np.sort(placebo[np.isfinite(placebo)])
    # Without a control area that has an effect there is nothing to judge by.
    if not len(placebo):
        return np.nan, np.nan, np.full(len(own), np.nan)
    size = np.sort(np.abs(placebo))
    larger = len(size) - np.searchsorted(size, np.abs(own), side="left")
    half = float(np.quantile(np.abs(placebo - placebo.mean()), level, method="higher"))
    p = np.where(np.isnan(own), np.nan, 1 + larger) / (1 + len(placebo))
    return float(deviation(placebo[:, None])[0]), half, p


def refuse_few(sample: Sample, estimator: str, *, replication: bool) -> tuple[str, ...]:
    """Refuse analytic errors below ten treated areas in ten authorities.

    Returns the warning that marks a replication.

    Raises
    ------
    InferenceRefused : with the reason and the alternative.
    """
    if replication:
        used = "analytic errors computed to replicate a published table: no finding may use them"
        return (Sentence.of(used, "replication"),)
    n_treated = int(sample.panel.treated.sum())
    authorities = sample.panel.areas["authority"].to_numpy()[sample.treated.units]
    known = [a for a in authorities if a is not None and a == a]
    spread = len(set(known)) if len(known) == len(authorities) else n_treated
    if n_treated < ENOUGH_AREAS or spread < ENOUGH_AREAS:
        raise InferenceRefused(
            f"analytic errors of {estimator} need at least {ENOUGH_AREAS} treated areas in "
            f"{ENOUGH_AREAS} authorities; this panel has {n_treated} in {spread}. They treat few "
            "treated areas as many, and reject a true null far more often than they say.",
            mend="use inference='placebo' (re-assignment); to replicate a published table, "
            "settings with replication=True",
        )
    return ()


def require_effects(sample: Sample, effects: NDArray[np.float64]) -> None:
    """Refuse an estimate without an effect, whose treated areas have figures that nobody else has.

    Parameters
    ----------
    effects : (S * T), NaN where there is none.

    Raises
    ------
    EstimateError : there is none in any treated period.
    """
    treated = np.arange(sample.n_periods) >= sample.treated.starts[:, None]
    if not np.isfinite(effects.reshape(treated.shape)[treated]).any():
        raise EstimateError(
            "in no treated period have treated and comparison areas both the figures that an "
            "effect is measured from and to.",
            mend="bring the figures that are missing, or choose other comparison areas",
        )


def left_out(sample: Sample, differences: Mapping[int, NDArray[np.float64]]) -> tuple[str, ...]:
    """What to say of treated areas without an effect in any treated period, by name.

    They miss the figures that their effect would be measured from, and count in no effect.

    Raises
    ------
    EstimateError : that is so for every treated area.
    """
    treated = sample.treated
    starts = treated.starts[treated.cohort_of]
    lost = np.zeros(len(starts), dtype=bool)
    for g in np.unique(starts).tolist():
        lost[starts == g] = np.isnan(differences[g][treated.units[starts == g], g:]).all(axis=1)
    names = [str(code) for code in sample.panel.areas.index[treated.units[lost]]]
    if lost.all():
        after = np.arange(sample.n_periods) >= starts[:, None]
        held = np.isfinite(sample.figures[treated.units])
        if not held[after].any():
            raise EstimateError(
                "no treated area has a figure in or after the period of its start.",
                mend="wait for the figures, or choose another outcome",
            )
        if not ((held & after).any(axis=1) & (held & ~after).any(axis=1)).any():
            raise EstimateError(
                "no treated area has figures both before and after its start.",
                mend="bring the figures that are missing, or choose another outcome",
            )
        raise EstimateError(
            "no treated area has the figures before its start that an effect is measured from.",
            mend="bring the figures that are missing, or use imputation, which takes any period "
            "before the start",
        )
    if not names:
        return ()
    return (
        Sentence.of(
            f"{len(names)} started areas lack the figures that their effect is measured from and "
            f"are left out: {{names}}{' ...' if len(names) > 5 else ''}",
            "treated_left_out",
            names=", ".join(names[:5]),
        ),
    )
