"""Survey weights and sampling errors: raking, trimming, design effect, linearisation, jackknife."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

# The largest relative gap of any margin at which raking ends, and the most rounds it gets. Twelve
# digits of a population count are far below one person.
CLOSE, ROUNDS = 1e-12, 1_000
TRIM = (0.3, 3.0)
"""Least and largest weight, times the mean weight."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Margin:
    """One variable of the people sampled, and how many live there by its categories.

    codes : (n) category of each respondent, a position in ``people``. people : (C) how many adults
    each category has.
    """

    variable: str
    codes: Codes
    people: Floats


def rake(weights: Floats, margins: Sequence[Margin]) -> Floats:
    """Weights whose sums agree with every margin: iterative proportional fitting.

    Deming and Stephan (1940), Annals of Mathematical Statistics 11(4): each variable's categories
    are scaled to their people in turn, until no margin moves. A category in which nobody answered
    cannot be filled: its people are shared out over the variable's other categories in proportion.

    Parameters
    ----------
    weights : (n) design weights, above 0.
    margins : with the same respondents each; totals may differ by rounding, and the first's holds.

    Returns
    -------
    (n) weights; they sum to the first margin's people.
    """
    raked = weights.astype(float)
    if not margins:
        return raked
    total = float(margins[0].people.sum())
    wanted = [_reachable(margin, total) for margin in margins]
    for _ in range(ROUNDS):
        furthest = 0.0
        for margin, people in zip(margins, wanted, strict=True):
            held = np.bincount(margin.codes, weights=raked, minlength=len(people))
            factor = np.divide(people, held, out=np.ones_like(held), where=held > 0)
            furthest = max(furthest, float(np.abs(factor - 1).max()))
            raked = raked * factor[margin.codes]
        if furthest < CLOSE:
            break
    return raked


def _reachable(margin: Margin, total: float) -> Floats:
    """(C) the margin's people with nobody in empty categories, summing to the total."""
    answered = np.bincount(margin.codes, minlength=len(margin.people)) > 0
    people = np.where(answered, margin.people, 0.0)
    return people * (total / people.sum()) if people.sum() > 0 else people


def trim(weights: Floats, limits: tuple[float, float] = TRIM) -> Floats:
    """Weights between two multiples of their mean, with the same sum.

    A single person who stands for many makes a mean as uncertain as that person: a little bias is
    given for much variance (Potter 1990). What is cut is shared out over the rest, and cut again
    until all lie within.
    """
    total, n = float(weights.sum()), len(weights)
    low, high = limits[0] * total / n, limits[1] * total / n
    trimmed = weights.astype(float)
    for _ in range(ROUNDS):
        cut = np.clip(trimmed, low, high)
        inside = (cut > low) & (cut < high)
        rest = total - cut[~inside].sum()
        if not inside.any() or abs(cut.sum() - total) <= CLOSE * total:
            scaled: Floats = cut * (total / cut.sum())
            return scaled
        trimmed = np.where(inside, cut * (rest / cut[inside].sum()), cut)
    within: Floats = np.clip(trimmed, low, high)
    return within


def largest_miss(weights: Floats, margins: Sequence[Margin]) -> float:
    """How far any weighted share is from its margin's, in points of a hundred; 0 without any."""
    missed = 0.0
    for margin in margins:
        held = np.bincount(margin.codes, weights=weights, minlength=len(margin.people))
        gap = np.abs(held / held.sum() - margin.people / margin.people.sum())
        missed = max(missed, 100 * float(gap.max()))
    return missed


def design_effect(weights: Floats) -> float:
    """How many times larger unequal weights make the variance of a mean: n sum w^2 / (sum w)^2.

    Kish (1965), Survey Sampling, 11.7. The effective number of respondents is n over it.
    """
    return float(len(weights) * np.square(weights).sum() / weights.sum() ** 2)


def mean(answers: Floats, weights: Floats) -> float:
    """The weighted mean."""
    return float(answers @ weights / weights.sum())


def linearised_error(answers: Floats, weights: Floats, household: Codes) -> float:
    """Standard error of a weighted mean, with households as what was sampled.

    Taylor linearisation of a ratio (Woodruff 1971): each person's share of the mean's deviation is
    summed in the household, and the variance is that of household totals, drawn with replacement:
    m / (m - 1) times the sum of their squared deviations from their mean, which is zero. One
    household says nothing of its variance: NaN.
    """
    shares = weights * (answers - mean(answers, weights)) / weights.sum()
    totals = np.bincount(np.unique(household, return_inverse=True)[1], weights=shares)
    m = len(totals)
    if m < 2:
        return float("nan")
    return float(np.sqrt(m / (m - 1) * np.square(totals - totals.mean()).sum()))


def jackknife_error(
    answers: Floats,
    weights: Floats,
    household: Codes,
    margins: Sequence[Margin] = (),
    limits: tuple[float, float] | None = TRIM,
) -> float:
    """Standard error of a weighted mean: each household is left out in turn and the rest raked.

    Delete-one-group jackknife (JK1; Wolter 2007, ch. 4): (m - 1) / m times the sum of the squared
    deviations of the m means from the whole one. Raking anew shows what knowing the margins is
    worth; without margins the weights of the rest stay as they are.

    Parameters
    ----------
    weights : (n) design weights where margins are given, else final ones.
    limits : of trimming after raking; None for none.
    """
    groups = np.unique(household, return_inverse=True)[1]
    m = int(groups.max()) + 1
    if m < 2:
        return float("nan")

    def whole(kept: NDArray[np.bool_]) -> float:
        own = weights[kept]
        if margins:
            part = [
                Margin(variable=one.variable, codes=one.codes[kept], people=one.people)
                for one in margins
            ]
            own = rake(own, part)
            own = own if limits is None else trim(own, limits)
        return mean(answers[kept], own)

    centre = whole(np.ones(len(answers), dtype=bool))
    without = np.array([whole(groups != one) for one in range(m)])
    return float(np.sqrt((m - 1) / m * np.square(without - centre).sum()))
