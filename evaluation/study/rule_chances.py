"""Before the lock: how likely each decision rule is to be met, on the study's own errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.design.power import moved_back
from evaluation.errors import EstimateError, ProtocolError
from evaluation.estimate.between_sites import SCALE_IN_ERRORS, site_effects
from evaluation.learning.decisions import FILE, BeforeLock, Chance, chances, warnings_of
from evaluation.study.learned import rules_of
from evaluation.study.run import estimate_by
from evaluation.study.stored_assignments import by_plan
from evaluation.study.study import Study

if TYPE_CHECKING:
    from evaluation.wording import Sentence
    from evaluation.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class RuleChances:
    """The chance of each rule by true effect and number of sites, and what to think over."""

    chances: tuple[Chance, ...]
    warnings: tuple[Sentence, ...]


def rule_chances(
    workspace: Workspace, name: str, *, simulations: int = 400, seed: int = 0
) -> RuleChances:
    """How likely the rules of ``programme/study`` are to be met, from errors before the start.

    Raises
    ------
    ProtocolError : the study has no rules, or one names what is no fact.
    EstimateError : the figures before the start do not tell how far sites err.
    """
    study = Study.load(workspace, name)
    found, parsed = rules_of(study)
    if found is None:
        raise ProtocolError(
            "the study has no decision rules.",
            where=str(study.folder / FILE),
            mend="name them under decisions: each with name, when, who",
        )
    held = chances(found, parsed, before_lock(study), simulations=simulations, seed=seed)
    return RuleChances(chances=tuple(held), warnings=tuple(warnings_of(found, held)))


def before_lock(study: Study) -> BeforeLock:
    """Errors of a middling site in per cent, before the first start, with what was fixed beside.

    An outcome that is read with care counts as better in the direction that is hoped for.
    """
    protocol, past = study.protocol, moved_back(study.panel.eligible(), _window(study))
    first = int(past.start_index[past.treated].min())
    drawn = by_plan(past, protocol.assignments)
    error, scale, polarity = {}, {}, {}
    for code in protocol.primary:
        estimate = estimate_by(protocol.estimators[0], past, code, protocol, drawn)
        try:
            _, _, covariance = site_effects(estimate, window=protocol.window)
            middling = float(np.median(np.sqrt(np.diag(covariance))))
        except EstimateError:
            # Fewer than three sites: the error of the mean, as if of one site of so many.
            row = estimate.overall(window=protocol.window).iloc[0]
            middling = float(row["se"]) * math.sqrt(max(1, len(study.programme.sites)))
        unit = 1.0
        if estimate.scale == "level":
            unit = 1 / abs(float(np.nanmean(past.array(code)[past.treated, :first])))
        error[code] = 100 * middling * unit
        stated = (protocol.between_sites or {}).get(code)
        scale[code] = 100 * stated * unit if stated else SCALE_IN_ERRORS * error[code]
        polarity[code] = _better(study, code)
    return BeforeLock(
        error=error,
        polarity=polarity,
        margin={code: protocol.margin_of(code) for code in protocol.primary},
        scale=scale,
        quarters=protocol.window[1] + 1,
        level=protocol.level,
    )


def _window(study: Study) -> int:
    return study.protocol.window[1] + 1


def _better(study: Study, code: str) -> Literal["up", "down"]:
    polarity = study.programme.outcome_by_code[code].polarity
    if polarity == "care":
        return "down" if study.protocol.hoped_percent.get(code, -1.0) < 0 else "up"
    return polarity
