"""A wave's respondents as figures of areas: weighted means and shares with their errors.

The steps are those of a survey: the design weight, raking to who lives there, trimming, an error
with households as what was sampled, and what too few answered withheld.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evaluation.check.figures import LEAST_SHOWN, LEAST_SURE
from evaluation.check.report import Problem, problem
from evaluation.errors import UserError, WorkspaceError
from evaluation.programme import OPEN_SITE, Outcome, Programme
from evaluation.quarters import Period
from evaluation.returns.form import form
from evaluation.returns.template import write_return
from evaluation.wave.respondents import Respondents, Targets
from evaluation.wave.weights import (
    TRIM,
    Margin,
    design_effect,
    jackknife_error,
    largest_miss,
    linearised_error,
    mean,
    rake,
    trim,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Errors = Literal["linearised", "jackknife"]
# Points of a hundred by which the arms' shares of answers online may differ, and times that their
# errors may: beyond these the contrast measures the survey.
MODE_GAP, UNLIKE = 10.0, 1.25
WITHHELD, FEW, ABSENT = "[c]", "[low]", "[x]"
_DIGITS = 4
# So many areas are named in a message.
_NAMED = 5
# Of one person's answers about half a year apart.
CORRELATION = 0.6


@dataclass(frozen=True, kw_only=True)
class AreaFigure:
    """One outcome in one area, of one wave.

    mean : in the outcome's unit (a share in per cent); None where too few answered. se : its
    standard error. respondents : how many answered the item. effective : how many of equal weight
    would tell as much. issued : addresses that were written to, where that is known. share_web :
    of respondents, or None. unanswered : share of those asked who left the item out.
    """

    area_code: str
    outcome: str
    mean: float | None
    se: float | None
    respondents: int
    effective: float | None
    design_effect: float | None
    issued: int | None
    share_web: float | None
    unanswered: float
    status: str

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        rounded = {
            name: None if value is None else round(value, _DIGITS)
            for name, value in (
                ("mean", self.mean),
                ("se", self.se),
                ("effective", self.effective),
                ("design_effect", self.design_effect),
                ("share_web", self.share_web),
                ("unanswered", self.unanswered),
            )
        }
        return {
            "area_code": self.area_code,
            "outcome": self.outcome,
            "mean": rounded["mean"],
            "se": rounded["se"],
            "respondents": self.respondents,
            "effective": rounded["effective"],
            "design_effect": rounded["design_effect"],
            "issued": self.issued,
            "share_web": rounded["share_web"],
            "unanswered": rounded["unanswered"],
            "status": self.status,
        }


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A wave's figures, and what has to be said of them."""

    figures: tuple[AreaFigure, ...]
    problems: tuple[Problem, ...]


def summarise(
    respondents: Respondents,
    targets: Targets,
    outcomes: Sequence[Outcome],
    programme: Programme,
    *,
    errors: Errors = "linearised",
    limits: tuple[float, float] = TRIM,
    issued: Mapping[str, int] | None = None,
    usual: float | None = None,
) -> Summary:
    """Weight the respondents and make every outcome's figure in every area.

    Parameters
    ----------
    errors : by linearisation with the final weights, or by leaving out each household and raking
        the rest again, which is slower and knows what raking is worth.
    limits : of trimming, times the mean weight of the area.
    issued : addresses written to, by area.
    usual : mean of the first item among all adults, for what selection gives clients alone.
    """
    weights, problems = _weighted(respondents, targets, limits)
    asked = [
        outcome
        for outcome in outcomes
        if outcome.survey and set(outcome.respondent_columns) <= respondents.answers.keys()
    ]
    figures = []
    for outcome in asked:
        score = scores(outcome, respondents)
        for area in sorted(set(respondents.area)):
            rows = np.flatnonzero(respondents.area == area)
            answered = rows[np.isfinite(score[rows])]
            error = _error_of(outcome, score, weights, answered, respondents, targets, errors)
            online = respondents.online
            figures.append(
                _figure(
                    outcome,
                    score[answered],
                    weights[answered],
                    error,
                    area_code=str(area),
                    issued=(issued or {}).get(str(area)),
                    share_web=None if online is None else float(online[rows].mean()),
                    unanswered=1 - len(answered) / len(rows),
                )
            )
    problems += _told(figures, respondents, programme, asked, usual)
    return Summary(figures=tuple(figures), problems=tuple(problems))


def scores(outcome: Outcome, respondents: Respondents) -> Floats:
    """(n) each respondent's figure: sum of the columns' answers, or 100 where all are counted.

    NaN where one of the columns was not answered.
    """
    asked = outcome.survey
    columns = np.stack([respondents.answers[name] for name in outcome.respondent_columns])
    if asked is None or asked.score == "mean":
        summed: Floats = columns.sum(axis=0)
        return summed
    counted = 100.0 * np.isin(columns, asked.counted).all(axis=0)
    return np.where(np.isfinite(columns).all(axis=0), counted, np.nan)


def _weighted(
    respondents: Respondents, targets: Targets, limits: tuple[float, float]
) -> tuple[Floats, list[Problem]]:
    """(n) final weights; those of areas without targets of their own are raked together."""
    weights = np.ones(len(respondents.area))
    problems: list[Problem] = []
    group = np.array([targets.area_of(str(area)) for area in respondents.area], dtype=object)
    for name in dict.fromkeys(group):
        rows = np.flatnonzero(group == name)
        margins = margins_of(respondents, targets, str(name), rows)
        raked = rake(respondents.weight[rows], margins)
        weights[rows] = trim(raked, limits)
        problems += _of_margins(str(name), margins, raked, weights[rows], limits)
    return weights, problems


def margins_of(
    respondents: Respondents, targets: Targets, area: str, rows: NDArray[np.int64]
) -> list[Margin]:
    """What some respondents are weighted to, variable by variable."""
    found = []
    for variable, people in (targets.of(area) or {}).items():
        place = {category: position for position, category in enumerate(people)}
        codes = [place[str(said)] for said in respondents.variables[variable][rows]]
        found.append(
            Margin(
                variable=variable,
                codes=np.array(codes, dtype=np.int64),
                people=np.array(list(people.values()), dtype=float),
            )
        )
    return found


def _of_margins(
    area: str,
    margins: Sequence[Margin],
    raked: Floats,
    trimmed: Floats,
    limits: tuple[float, float],
) -> Iterator[Problem]:
    where = area or "the programme"
    for margin in margins:
        answered = np.bincount(margin.codes, minlength=len(margin.people)) > 0
        share = 100 * margin.people[~answered].sum() / margin.people.sum()
        if share > 0:
            message = f"In {where} nobody answered of {share:.0f} % of adults by {margin.variable};"
            message += " others stand for them."
            yield problem("R120", message, sheet=None)
    beyond = int((raked > limits[1] * raked.mean() * (1 + 1e-9)).sum())
    if beyond:
        message = f"In {where} {beyond} of {len(raked)} weights were above {limits[1]:g} times the"
        message += f" mean and were trimmed; the largest was {raked.max() / raked.mean():.1f} times"
        message += f" it. Shares are now up to {largest_miss(trimmed, margins):.1f} points off."
        yield problem("R127", message, sheet=None)


def _error_of(
    outcome: Outcome,
    score: Floats,
    weights: Floats,
    rows: NDArray[np.int64],
    respondents: Respondents,
    targets: Targets,
    errors: Errors,
) -> float:
    if len(rows) < LEAST_SHOWN:
        return math.nan
    held, own, household = score[rows], weights[rows], respondents.household[rows]
    area = str(respondents.area[rows[0]])
    # Targets of the whole programme are raked over all areas: one area alone has no margins.
    if errors == "jackknife" and targets.area_of(area):
        margins = margins_of(respondents, targets, area, rows)
        error = jackknife_error(held, respondents.weight[rows], household, margins)
    elif errors == "jackknife":
        error = jackknife_error(held, own, household)
    else:
        error = linearised_error(held, own, household)
    if error == 0 and outcome.survey and outcome.survey.score == "share":
        # Where all or none are counted the sample shows no variance, and there is some: two more
        # answers of each kind are added (Agresti and Coull 1998).
        n = len(rows) / design_effect(own)
        share = (mean(held, own) / 100 * n + 2) / (n + 4)
        error = 100 * math.sqrt(share * (1 - share) / (n + 4))
    return error


def _figure(
    outcome: Outcome,
    held: Floats,
    weights: Floats,
    error: float,
    *,
    area_code: str,
    issued: int | None,
    share_web: float | None,
    unanswered: float,
) -> AreaFigure:
    n = len(held)
    shown = n >= LEAST_SHOWN and math.isfinite(error)
    kish = design_effect(weights) if shown else None
    return AreaFigure(
        area_code=area_code,
        outcome=outcome.code,
        mean=mean(held, weights) if shown else None,
        se=error if shown else None,
        respondents=n,
        effective=None if kish is None else n / kish,
        design_effect=kish,
        issued=issued,
        share_web=share_web,
        unanswered=unanswered,
        status=ABSENT if n == 0 else WITHHELD if not shown else FEW if n < LEAST_SURE else "",
    )


def _told(
    figures: Sequence[AreaFigure],
    respondents: Respondents,
    programme: Programme,
    asked: Sequence[Outcome],
    usual: float | None,
) -> list[Problem]:
    few = [one for one in figures if one.status in (WITHHELD, FEW)]
    problems = []
    if few:
        withheld = sum(one.status == WITHHELD for one in few)
        areas = sorted({one.area_code for one in few})
        named = ", ".join(areas[:_NAMED]) + (" ..." if areas[_NAMED:] else "")
        message = f"{withheld} figures are withheld (fewer than {LEAST_SHOWN} answered) and"
        message += f" {len(few) - withheld} marked (fewer than {LEAST_SURE}): {named}."
        problems.append(problem("R119", message, sheet=None))
    role = {area.code: area.role for area in programme.areas}
    pilot = np.array([role.get(str(area)) == "pilot" for area in respondents.area], dtype=bool)
    if pilot.all():
        problems.append(_clients_only(asked, figures, usual))
        return problems
    if pilot.any() and respondents.online is not None:
        own, other = (100 * respondents.online[arm].mean() for arm in (pilot, ~pilot))
        if abs(own - other) > MODE_GAP:
            message = f"{own:.0f} % answered online in pilot areas and {other:.0f} % elsewhere:"
            message += " people answer otherwise to a person than to a screen."
            problems.append(problem("R122", message, sheet=None))
    problems += _unlike(figures, role)
    return problems


def _unlike(figures: Sequence[AreaFigure], role: Mapping[str, str]) -> Iterator[Problem]:
    for outcome in dict.fromkeys(one.outcome for one in figures):
        squares: dict[bool, list[float]] = {True: [], False: []}
        for one in figures:
            if one.outcome == outcome and one.se is not None:
                squares[role.get(one.area_code) == "pilot"].append(one.se**2)
        if not all(squares.values()):
            continue
        own, other = (math.sqrt(np.mean(squares[arm])) for arm in (True, False))
        if other > 0 and own > 0 and max(own / other, other / own) > UNLIKE:
            message = f"Sampling errors of {outcome} in pilot areas are {own / other:.2f} times"
            message += " those elsewhere."
            yield problem("R123", message, sheet=None)


def _clients_only(
    asked: Sequence[Outcome], figures: Sequence[AreaFigure], usual: float | None
) -> Problem:
    first = min(asked, key=lambda outcome: outcome.survey.order if outcome.survey else 0)
    sd = first.survey.person_sd if first.survey else 1.0
    held = [one.mean for one in figures if one.outcome == first.code and one.mean is not None]
    message = "Everybody asked lives in a pilot area: there is nobody to compare with, and these"
    message += " figures are described and never an effect, with no arrow and no pounds."
    if usual is not None and held:
        # Of those who came: what closes by itself is (1 - correlation) of how far below they were.
        gain = (1 - CORRELATION) * (usual - float(np.mean(held)))
        message += f" With no help at all, these people would move by {gain:+.2f} on {first.title}"
    else:
        alone = regression_to_the_mean(mean=0.0, sd=sd, correlation=CORRELATION)
        message += " With no help at all, people who come in the worst fifth of their moments"
        message += f" would gain {alone.gain:.2f} on {first.title}"
    message += f" by the next time they are asked (at a correlation of {CORRELATION:g})."
    return problem("R125", message, sheet=None)


@dataclass(frozen=True, kw_only=True)
class Regression:
    """What clients report at first, and how much they gain with no effect, in the item's points."""

    first: float
    gain: float


def regression_to_the_mean(
    *, mean: float, sd: float, correlation: float, worst: float = 0.2
) -> Regression:
    """The gain that selection alone gives people who come in their worst moments.

    Somebody comes in a bad week, and bad weeks pass: so answers of clients before and after are
    described and never valued, and this number stands beside them.

    Answers of two waves with this correlation are taken as normal; those below the ``worst`` share
    of the first wave come. Their first mean lies sd phi(z) / worst below that of all, and the share
    1 - correlation of the gap closes by itself (Galton 1886; Davis 1976, Am. J. Epidemiol. 104(5)).

    Parameters
    ----------
    mean, sd : of all people, in the item's points. correlation : of one person's answers over the
        time between. worst : share of moments, above 0 and below 1.

    Raises
    ------
    UserError : a share or correlation outside its range.
    """
    if not 0 < worst < 1 or not -1 <= correlation <= 1 or not sd > 0:
        raise UserError(
            "a selection needs a share between 0 and 1, a correlation from -1 to 1 and a spread.",
            where=f"worst {worst:g}, correlation {correlation:g}, sd {sd:g}",
        )
    density = math.exp(-(NormalDist().inv_cdf(worst) ** 2) / 2) / math.sqrt(2 * math.pi)
    below = sd * density / worst
    return Regression(first=mean - below, gain=(1 - correlation) * below)


def submitter_of(programme: Programme) -> str:
    """The code of the source that returns the programme's survey.

    Raises
    ------
    WorkspaceError : no outcome of the programme is a survey's, or several sources return them.
    """
    named = {
        code
        for outcome in programme.outcomes
        if outcome.sampled
        for role in ("pilot", "comparison")
        for code in outcome.sources_for(role)
    }
    if len(named) != 1:
        said = ", ".join(sorted(named)) or "none"
        raise WorkspaceError(
            f"one source returns a survey of both arms, and {programme.name} names {said}.",
            where=f"studies/{programme.name}/programme.yaml",
            expected="outcomes of frequency: wave with one source for pilot and comparison areas",
            mend="declare it, e.g. sources: [{code: survey, name: The survey, agency: survey}], and"
            " name outcomes such as life_satisfaction",
        )
    return named.pop()


def write_wave(summary: Summary, programme: Programme, period: Period, path: Path) -> None:
    """Write the figures as the survey's return for the quarter in which its fieldwork ended.

    Raises
    ------
    WorkspaceError : the programme has no survey, or none in this quarter.
    """
    source = submitter_of(programme)
    asked = programme.asked_in(OPEN_SITE, source, period)
    if not any(outcome.sampled for outcome in asked):
        waves = programme.source_by_code[source].waves
        raise WorkspaceError(
            f"no wave of {source} ends in {period}.",
            expected=", ".join(map(str, waves)),
            mend="name the quarter in which fieldwork ended: --quarter",
        )
    held = {(one.area_code, one.outcome): one for one in summary.figures}
    rows: list[list[str | float | None]] = []
    for outcome in (one for one in asked if one.sampled):
        areas = programme.areas_of(OPEN_SITE, source, outcome.code)
        for area in (one for one in programme.areas if one.code in areas):
            given = [area.code, area.name, period.label, outcome.code]
            figure = held.get((area.code, outcome.code))
            if figure is None or figure.mean is None or figure.se is None:
                status = ABSENT if figure is None else figure.status
                rows.append([*given, None, None, status, None, None, None, None])
                continue
            shown = [round(figure.mean, _DIGITS), None, figure.status or None, None, None]
            rows.append([*given, *shown, round(figure.se, _DIGITS), figure.respondents])
    guide = [form().template_version, programme.name, OPEN_SITE, source, str(period)]
    write_return(path, guide, rows)
