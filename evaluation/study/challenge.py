"""Attack a study: its theory of change against the panel, refuters on its own primary estimator.

Nothing here changes a finding. What is found is read beside it, and printed whatever it shows.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.errors import ProtocolError
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.finding.refutation import Attack, refute
from evaluation.finding.theory import Theory, area_table, test_implications
from evaluation.finding.undo import unobserved
from evaluation.finding.verdict import Range
from evaluation.progress import Progress
from evaluation.quarters import format_instant, now
from evaluation.study.record import ChallengeResult
from evaluation.study.results import clean, read_results
from evaluation.study.run import estimate_by
from evaluation.wording import sentences_as_data
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from evaluation.estimate.estimate import Estimate
    from evaluation.panel import Panel
    from evaluation.protocol import Protocol
    from evaluation.study.study import Study

# p-values down to 0.002 are enough to see a refuter fail, and each is fitted dozens of times.
DRAWN = 499
RECORD = "challenge.json"


def record(study: Study, found: ChallengeResult) -> Path:
    """Keep what was found beside the protocol, for the book; returns the file."""
    path = study.folder / RECORD
    write_whole(path, found.as_json())
    return path


def challenge(
    study: Study, *, simulations: int = 30, progress: Progress = lambda _: None
) -> ChallengeResult:
    """What attacks found.

    Parameters
    ----------
    simulations : of each refuter that draws at random.

    Raises
    ------
    ProtocolError : dowhy is not installed.
    """
    protocol, panel = study.protocol, study.panel
    graph = Theory.load(study.folder)
    refuted = {}
    for code in protocol.primary:
        progress(f"{study.name}: attacking {code}")
        attack = Attack(
            panel=panel,
            outcome=code,
            fit=_ours(protocol),
            window=protocol.window,
            controls=protocol.negative_control,
            adjusts=_adjusts(protocol),
            simulations=simulations,
            # numpy's older seeding, which dowhy uses, takes no larger seed.
            seed=protocol.assignments.seed % 2**32,
        )
        refuted[code] = [asdict(one) for one in refute(attack)]
    found = {
        "study": study.name,
        "panel": study.blinded("panel", panel.fingerprint),
        "simulations": simulations,
        "recorded": format_instant(now()),
        "theory": _theory(graph, protocol) if graph else None,
        "implications": [one.sentence for one in test_implications(graph, area_table(panel, graph))]
        if graph
        else [],
        "refuted": refuted,
        "unobserved": _unobserved(study),
    }
    found["sentences"] = sentences_as_data(found)
    return ChallengeResult.model_validate(clean(found))


def _unobserved(study: Study) -> dict[str, Any]:
    """By primary outcome, how strong an unmeasured cause would have to be; none before a run."""
    try:
        results = read_results(study.workspace, study.name)
    except ProtocolError:
        return {}
    sample = results.sample
    areas = sample.pilot_areas + sample.comparison_areas
    # Where whole authorities move they are the independent units, as in clustered errors; two are
    # spent on level and effect.
    freedom = (areas if results.assignments.block == "area" else sample.authorities) - 2
    found = {}
    for outcome in results.outcomes:
        overall, percent = outcome.estimates[0].overall, outcome.finding.effect_percent.plain()
        whole = outcome.code in study.protocol.primary and None not in percent.values()
        if whole and overall.effect is not None and overall.se:
            t = overall.effect / overall.se
            found[outcome.code] = asdict(unobserved(Range(**percent), t, freedom))
    return found


def _theory(graph: Theory, protocol: Protocol) -> dict[str, Any]:
    """By primary outcome: what has to be held fixed, and what of it the design is meant to hold."""
    held = [name for name in protocol.adjust_for if name in graph.causes]
    return {
        code: {
            "adjustment_set": graph.adjustment_set(code),
            "held_fixed": held,
            "bad_controls": graph.bad_controls(code, held),
            "closed": graph.closes(code, held),
        }
        for code in protocol.primary
        if code in graph.outcomes
    }


def _ours(protocol: Protocol) -> Callable[[Panel, str, tuple[str, ...]], Estimate]:
    """The study's primary estimator on any panel, with few re-drawn starts."""
    plan = protocol.assignments

    def fit(panel: Panel, outcome: str, covariates: tuple[str, ...]) -> Estimate:
        # Without strata: pilots of a placebo lie anywhere, and their stratum may hold too few
        # areas.
        drawn = Assignments.draw(
            panel, n=min(plan.n, DRAWN), block=_block(panel, protocol), strata=(), seed=plan.seed
        )
        if not covariates:
            return estimate_by(protocol.estimators[0], panel, outcome, protocol, drawn)
        chosen = protocol.did
        settings = DidSettings(
            comparison=chosen.comparison,
            base=chosen.base,
            anticipation=chosen.anticipation,
            scale=protocol.scale_of(outcome),
            covariates=covariates,
        )
        return did(panel, outcome, settings=settings, assignments=drawn, level=protocol.level)

    return fit


def _adjusts(protocol: Protocol) -> bool:
    """Whether the study's primary estimator can adjust for attributes of areas."""
    return protocol.estimators[0] == "did" and protocol.assignments.gaps == "as_they_are"


def _block(panel: Panel, protocol: Protocol) -> Any:
    """As planned, but for placebo pilots strewn over authorities, which share none to move."""
    places = panel.areas["authority"].to_numpy()[panel.treated]
    alone = len(np.unique(places.astype(str))) == len(places)
    return "area" if alone else protocol.assignments.block
