"""What a protocol asks of a survey: direct figures, waves enough, arms measured alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from evaluation.design.surveys import Found, Plan, Variation, areas_of, could_find
from evaluation.errors import EstimateError, UserError
from evaluation.estimate.samples import seen_periods, unlike_precision
from evaluation.quarters import Period
from evaluation.study.protocol_rules import Case, Remark

if TYPE_CHECKING:
    from evaluation.panel import Panel
    from evaluation.programme import Outcome, Programme

FEWEST_WAVES, FEWEST_BEFORE = 3, 3
MOST_UNLIKE = 5.0
"""Times as many people in one arm as in the other, up to which a test keeps its size."""
SIMULATIONS, SEED = 200, 0


def surveys(case: Case, panel: Panel | None) -> Iterator[Remark]:
    """Whether each survey item of a protocol can bear what is asked of it."""
    protocol, known = case.protocol, case.programme.outcome_by_code
    for code in protocol.lives or ():
        if code in known and not known[code].sampled:
            yield case.remark(
                "P038",
                "error",
                case.role_place(code),
                f"{code} is no survey's figure: the family of lives is what people say themselves.",
                "Move it to secondary.",
            )
    sampled = [one for one in protocol.outcomes if one in known and known[one].sampled]
    if sampled and len(protocol.subgroups) > 1:
        yield case.not_confirmatory(
            "P039",
            ("subgroups",),
            f"{len(protocol.subgroups)} groups are looked at apart: a difference between two "
            "halves of the people asked needs about four times as many of them as the effect "
            "itself, and of twenty such tests one finds what is not there.",
            "Name the one that the programme was made for, and describe the others without a test.",
        )
    for code in sampled:
        outcome = known[code]
        if outcome.survey is not None and outcome.survey.modelled:
            yield case.remark(
                "P035",
                "error",
                case.role_place(code),
                f"{code} is modelled or shrunken: of an effect of 0.20 points about half would be "
                "left at 60 people an area, and four fifths at 300.",
                "Bring the direct means of those who answered, with their own errors.",
            )
        yield from _waves(case, outcome, panel)
        if panel is not None:
            yield from _apart(case, code, panel)
        yield from _could_find(case, outcome, panel)


def waves_of(programme: Programme, outcome: Outcome, panel: Panel | None) -> tuple[Period, ...]:
    """The waves that are planned, where the source names them, else those that were held."""
    for code in outcome.sources_for("comparison"):
        source = programme.source_by_code.get(code)
        if source is not None and source.waves:
            return source.waves
    if panel is None or outcome.code not in panel.figures:
        return ()
    held = seen_periods(panel.figures[outcome.code]).tolist()
    return tuple(period for period, seen in zip(panel.periods, held, strict=True) if seen)


def _waves(case: Case, outcome: Outcome, panel: Panel | None) -> Iterator[Remark]:
    waves = waves_of(case.programme, outcome, panel)
    first = min((site.start for site in case.programme.sites), default=None)
    if not waves or first is None:
        return
    before = sum(wave < first for wave in waves)
    place = case.role_place(outcome.code)
    if len(waves) < FEWEST_WAVES:
        yield case.not_confirmatory(
            "P036",
            place,
            f"{outcome.code} has {len(waves)} waves in all: one change is no path, and with few "
            "sites it finds nothing below half a point.",
            f"Plan at least {FEWEST_BEFORE} before the first start and as many after it.",
        )
    elif before < FEWEST_BEFORE:
        yield case.remark(
            "P037",
            "question",
            place,
            f"{outcome.code} has {before} waves before the first start ({first}): whether the arms "
            "moved alike until then can hardly be seen.",
            f"Plan at least {FEWEST_BEFORE}.",
        )


def _apart(case: Case, code: str, panel: Panel) -> Iterator[Remark]:
    """Arms measured so unlike that bringing placebo areas to scale was not shown to be enough."""
    errors, pilot = panel.sampling_error.get(code), (panel.areas["role"] == "pilot").to_numpy()
    ratio = None if errors is None else unlike_precision(errors[pilot], errors[~pilot])
    if ratio is None or max(ratio, 1 / ratio) <= math.sqrt(MOST_UNLIKE) * (1 + 1e-9):
        return
    more = "pilot" if ratio < 1 else "comparison"
    yield case.not_confirmatory(
        "P079",
        case.role_place(code),
        f"{max(ratio, 1 / ratio) ** 2:.1f} times as many answers stand behind a figure of {code} "
        f"in {more} areas as in the others: beyond {MOST_UNLIKE:g} nothing is confirmed.",
        f"Thin the {more} areas at random to as many as the others have, and keep the rest as an "
        "outcome of its own.",
    )


def _could_find(case: Case, outcome: Outcome, panel: Panel | None) -> Iterator[Remark]:
    """Whether the survey could find what is hoped for, with the answers so far or as planned."""
    hoped = case.protocol.hoped_percent.get(outcome.code)
    found = what_could_be_found(case.programme, outcome, panel)
    if hoped is None or found is None:
        return
    usual = outcome.soft_limits
    level = ((usual.low or 0.0) + (usual.high or 0.0)) / 2
    if panel is not None and outcome.code in panel.figures:
        held = panel.figures[outcome.code]
        level = float(np.nanmean(held)) if np.isfinite(held).any() else level
    wanted = abs(hoped) / 100 * level
    if found.mde > wanted:
        yield case.remark(
            "P087",
            "question",
            case.role_place(outcome.code),
            f"With answers worth {found.plan.respondents} people an area, {found.plan.waves} waves "
            f"find a change of {found.mde:.2f} ({outcome.unit}) four times in five; "
            f"{wanted:.2f} is hoped for.",
            "Say so before the lock; newstart wave design shows what more people, waves or areas "
            "would find.",
        )


def what_could_be_found(
    programme: Programme, outcome: Outcome, panel: Panel | None = None
) -> Found | None:
    """The smallest effect of a survey item that would be found, by the errors so far or as planned.

    None where nothing says how many answer, or the areas bear no test.
    """
    waves = waves_of(programme, outcome, panel)
    first = min((site.start for site in programme.sites), default=None)
    people = _people(programme, outcome, panel)
    if outcome.survey is None or first is None or people is None:
        return None
    before = sum(wave < first for wave in waves)
    if not 0 < before < len(waves):
        return None
    try:
        return could_find(
            areas_of(programme),
            Plan(respondents=people, waves=len(waves), before=before),
            # Of people of equal weight: what weights and households cost is in their number.
            variation=Variation(person_sd=outcome.survey.person_sd, design=1.0),
            simulations=SIMULATIONS,
            seed=SEED,
        )
    except (UserError, EstimateError):
        return None  # that the areas cannot bear a test is said by its own rules


def _people(programme: Programme, outcome: Outcome, panel: Panel | None) -> int | None:
    """People of equal weight that a usual figure rests on: by its error, else as planned."""
    errors = None if panel is None else panel.sampling_error.get(outcome.code)
    if errors is not None and np.isfinite(errors).any() and outcome.survey is not None:
        usual = float(np.nanmedian(errors))
        return max(round((outcome.survey.person_sd / usual) ** 2), 1) if usual > 0 else None
    for code in outcome.sources_for("comparison"):
        source = programme.source_by_code.get(code)
        if source is not None and source.respondents is not None:
            return max(round(source.respondents / Variation().design), 1)
    return None
