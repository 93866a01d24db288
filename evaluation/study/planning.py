"""Design before the lock, for a study that is declared: power, matching, chances of its rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from evaluation.design.match import Matched, MatchPlan, match
from evaluation.design.power import Plan, compare, moved_back, power
from evaluation.errors import EstimateError, ProtocolError
from evaluation.estimate.between_sites import SCALE_IN_ERRORS, site_effects
from evaluation.finding.verdict import cared_for
from evaluation.learning.decisions import FILE, BeforeLock, Chance, chances, warnings_of
from evaluation.study.interim_analyses import plan_of
from evaluation.study.learned import rules_of
from evaluation.study.run import estimate_by
from evaluation.study.stored_assignments import by_plan
from evaluation.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.wording import Sentence
    from evaluation.workspace import Workspace


def study_power(
    study: Study,
    *,
    outcome: str | None = None,
    targeted: float = 1.0,
    candidates: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """What the planned looks could find, of each primary outcome or of one outcome.

    Parameters
    ----------
    targeted : share of people whom the reform reaches. candidates : sets of pilot areas to compare
        instead of the planned sites.

    Returns
    -------
    Rows of `evaluation.design.power.power` or, with candidates, of
    `evaluation.design.power.compare`, and ``outcome``. Effects are said in the direction that
    is hoped for.

    Raises
    ------
    ProtocolError : the protocol plans no looks, or has no such outcome.
    """
    protocol = study.protocol
    if protocol.looks is None:
        raise ProtocolError(
            "the protocol plans no looks, so there is nothing to spend alpha over.",
            where=study.name,
            mend="add looks: {horizon: 8} to protocol.yaml",
        )
    tables = []
    for code in _chosen(study, outcome):
        direction = cared_for(
            study.programme.outcome_by_code[code].polarity, protocol.hoped_percent.get(code)
        )
        plan = Plan.of(protocol, code, plan_of(protocol), targeted=targeted, direction=direction)
        if candidates is None:
            found = power(study.panel, code, plan)
        else:
            found = compare(study.panel, code, plan, candidates)
        tables.append(found.assign(outcome=code))
    return pd.concat(tables, ignore_index=True)


def last_looks(table: pd.DataFrame) -> dict[str, float]:
    """Outcome -> percent that the last look of `study_power` would find four times in five.

    An effect that is never found is one of infinite size: every hope lies below it.
    """
    last = table.sort_values("look").groupby("outcome").last()
    found = last["detectable_percent"].abs()
    return {str(code): float(v) if math.isfinite(v) else math.inf for code, v in found.items()}


def study_match(
    study: Study, plan: MatchPlan, *, outcome: str | None = None
) -> tuple[str, Matched]:
    """The outcome matched on (the first primary one by default) and its matches.

    The protocol says on which scale synthetic weights are fitted, and how long the time after is.
    """
    protocol, code = study.protocol, _chosen(study, outcome)[0]
    asked = replace(plan, scale=protocol.scale_of(code), after=max(protocol.window[1] + 1, 1))
    return code, match(study.panel, code, asked)


def _chosen(study: Study, outcome: str | None) -> tuple[str, ...]:
    protocol = study.protocol
    if outcome is None:
        return protocol.primary
    if outcome not in protocol.outcomes:
        raise ProtocolError(
            f"the protocol has no outcome {outcome!r}.",
            where=study.name,
            expected=", ".join(protocol.outcomes),
        )
    return (outcome,)


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
    protocol = study.protocol
    window = protocol.window[1] + 1
    past = moved_back(study.panel.eligible(), window)
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
        quarters=window,
        level=protocol.level,
    )


def _better(study: Study, code: str) -> Literal["up", "down"]:
    polarity = study.programme.outcome_by_code[code].polarity
    if polarity == "care":
        return "down" if study.protocol.hoped_percent.get(code, -1.0) < 0 else "up"
    return polarity


@dataclass(frozen=True, kw_only=True)
class OneMore:
    """What one more of something would do to the smallest effect that is found four times in five.

    outcome : its code; empty of a survey. unit : of both figures. now, then : the smallest effect;
    None where it cannot be worked out (``why``), infinite where nothing could be found.
    """

    what: str
    outcome: str
    unit: str
    now: float | None
    then: float | None
    why: str = ""

    def as_dict(self) -> dict[str, object]:
        """As printed for programs; what is not finite is None."""
        ends = {
            name: held if held is not None and math.isfinite(held) else None
            for name, held in (("now", self.now), ("then", self.then))
        }
        return {
            "what": self.what,
            "outcome": self.outcome,
            "unit": self.unit,
            **ends,
            "why": self.why,
        }


MORE_SITES, SURVEYED = 6, 150
# Found four times in five at .05, two-sided: the normal points of .975 and .8.
POINTS = 1.96 + 0.84


def one_more(study: Study) -> list[OneMore]:
    """One more period, six more sites, a survey of 150 in each arm: what each would let be seen.

    More sites are taken as like those that there are, with errors of their own; a survey asks a
    share that is near a half.

    Raises
    ------
    ProtocolError : the protocol plans no looks.
    """
    now, found = last_looks(study_power(study)), []
    for code, smallest in now.items():
        longer, why = _one_longer(study, code)
        sites = max(1, len(study.programme.sites))
        found += [
            OneMore(
                what="one more period",
                outcome=code,
                unit="per cent",
                now=smallest,
                then=longer,
                why=why,
            ),
            OneMore(
                what=f"{MORE_SITES} more sites",
                outcome=code,
                unit="per cent",
                now=smallest,
                then=smallest * math.sqrt(sites / (sites + MORE_SITES)),
            ),
        ]
    points = 100 * POINTS * math.sqrt(0.25 * 2 / SURVEYED)
    asked = f"a survey of {SURVEYED} in pilots and as many in comparison areas"
    why = "now it is not asked"
    return [
        *found,
        OneMore(what=asked, outcome="", unit="points of a share", now=None, then=points, why=why),
    ]


def _one_longer(study: Study, code: str) -> tuple[float | None, str]:
    """The smallest effect with a window and looks of one period more, or why it is not known."""
    protocol = study.protocol
    assert protocol.looks is not None
    looks = protocol.looks.model_copy(update={"horizon": protocol.looks.horizon + 1})
    first, last = protocol.window
    longer = protocol.model_copy(update={"looks": looks, "window": (first, last + 1)})
    try:
        table = study_power(replace(study, protocol=longer), outcome=code)
    except EstimateError as error:
        return None, error.what
    return last_looks(table)[code], ""
