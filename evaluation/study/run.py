"""Run a study from the ledger: panel, assignments, looks, estimates, findings, value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evaluation.diagnose import (
    Diagnostic,
    blind_control,
    changed_instrument,
    negative_control,
    objections,
    outlier_controls,
    pre_level,
    pre_trend,
    regression_to_the_mean,
    spillover,
)
from evaluation.estimate import registry
from evaluation.estimate.assignments import Assignments
from evaluation.estimate.did import DidSettings, did
from evaluation.estimate.registry import Choices
from evaluation.estimate.sensitivity import at_ends, hidden_cells, without_touched
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
from evaluation.estimate.units import in_units
from evaluation.finding import Finding, Judged, adjust, judge
from evaluation.finding.feasibility import Feasibility, feasibility_of
from evaluation.ledger.calendar import due, passed
from evaluation.ledger.events import read_events, touched
from evaluation.panel import Panel, counts_after_start
from evaluation.programme import Programme
from evaluation.progress import Progress
from evaluation.protocol import EstimatorName, Protocol, Published
from evaluation.study.code import code_fingerprint
from evaluation.study.interim_analyses import Seen, look_at, plan_of
from evaluation.study.lives_record import VoicesSaid, read_voices_of
from evaluation.study.lock import Lock
from evaluation.study.lock_status import Deviation, Standing, standing_of
from evaluation.study.stored_assignments import by_plan
from evaluation.study.study import Study
from evaluation.value import Parameters, Value, Wellbeing, wellbeing, worth
from evaluation.value.lives import is_wellbeing

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.estimate.estimate import Estimate


def take_look(study: Study, standing: Standing) -> Seen | None:
    """The look of a study's vintage, written to its look ledger if all is as it was locked.

    None where no looks are planned, the study is exploratory, or nothing has started: a first
    period that is left out, since a site ran for a part of it, has nothing to look at.
    """
    panel, protocol = study.panel, study.protocol
    if protocol.looks is None or standing.exploratory or not counts_after_start(panel):
        return None
    assignments, kept = study.assignments, study.store.kept
    assert kept is not None  # where looks are planned, assignments are kept
    known = {
        "quarter": panel.labels[-1],
        # When the newest figure came in, and not when it was looked: the same figures make the same
        # look.
        "vintage": study.received,
        "panel": panel.fingerprint,
        "protocol": protocol.fingerprint,
        "code": code_fingerprint(),
        "assignments": kept.packed,
        # The row's hash is named in locks and editions, and the panel's bare hash stands in it.
        "nonce": study.blinded("look", study.name, panel.fingerprint),
    }
    if standing.lock is not None:
        known["lock"] = standing.lock.hash
    return look_at(
        study.looks, panel, protocol, study.programme, assignments, known, record=standing.record
    )


def catch_up(study: Study, *, progress: Progress = lambda _: None) -> int:
    """Take every look whose due date has passed, each on what was known at the end of that day.

    Looks that the ledger holds already are left as they are; none is taken while something is not
    as it was locked. Returns how many were taken.
    """
    programme = study.programme
    if study.protocol.looks is None or not programme.sites:
        return 0
    first, taken = min(site.start for site in programme.sites), 0
    standing = standing_of(study)
    if standing.exploratory:
        progress(f"{study.name}: no look is taken, since it was locked as exploratory.")
        return 0
    if not standing.record:
        progress(f"{study.name}: no look is taken. {standing.changed[0]}")
        return 0
    # In order of time: a look is only written after those before it.
    for quarter in passed(first, programme, study.workspace.now()):
        then = study.at(due(quarter, programme))
        # Nothing of the quarter had come by its due day: the look is skipped, and its alpha stays
        # unspent for later ones.
        if then.observations.empty or quarter.label not in set(then.observations["quarter"]):
            continue
        before = len(study.looks.rows())
        seen = take_look(then, standing)
        if seen is not None and seen.written and len(seen.rows) > before:
            progress(f"{study.name}: look {len(seen.rows)}, {quarter.label}")
            taken += 1
    return taken


FEW = 20
# Assignments by which the effect is judged without the areas that something else happened to: each
# of its p-values stands beside another, and none decides.
REDRAWN = 999


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Cells withheld, and the overall effect with them at either end, on the estimate's scale."""

    cells: int
    low: float
    high: float


def withheld_ends(
    panel: Panel, programme: Programme, protocol: Protocol, assignments: Assignments
) -> dict[str, Ends]:
    """Outcome -> the ends of its effect, for outcomes with withheld counts."""
    found, panel = {}, panel.eligible()
    # The effect needs no re-assignment, only the type does; a handful keeps it cheap.
    few = replace(assignments, pseudo_treated=assignments.pseudo_treated[:FEW])
    for code in protocol.outcomes:
        threshold = programme.outcome_by_code[code].disclosure.threshold
        cells = int(hidden_cells(panel, code).sum())
        # Zeros are published, so below a threshold of two there is no count that could be withheld.
        if not cells or threshold < 2:
            continue
        effect = partial(_effect, protocol, code, few)
        ends = at_ends(panel, code, threshold, effect, assignments.strata)
        effects = [effect(end) for end in ends]
        found[code] = Ends(cells=cells, low=min(effects), high=max(effects))
    return found


def _effect(protocol: Protocol, code: str, assignments: Assignments, panel: Panel) -> float:
    estimate = registry.fit(
        protocol.estimators_of(code)[0], panel, code, Choices.of(protocol, code), assignments
    )
    return float(estimate.overall(window=protocol.window)["effect"].iloc[0])


@dataclass(frozen=True, kw_only=True)
class Leftout:
    """Figures accepted by one reason for a whole rule, and the overall effect without them.

    effect, without : on the estimate's scale.
    """

    cells: int
    effect: float
    without: float


def without_blanket(
    study: Study, estimates: Mapping[str, tuple[Estimate, ...]]
) -> dict[str, Leftout]:
    """Outcome -> its effect with and without the figures that nobody answered for singly.

    Nothing for a state that brings its own observations: whose answers they had is not in it.
    """
    if study.given is not None:
        return {}
    with study.ledger() as ledger:
        answered = {tuple(one) for one in ledger.answered_by_rule(study.programme.name)}
    if not answered:
        return {}
    held, panel, protocol = study.observations, study.panel, study.protocol
    keys = zip(held["return_id"], held["outcome"], held["area_code"], strict=True)
    # A figure that was sent again since, with its own answer or without a question, is none.
    loose = held[[key in answered for key in keys]]
    assignments = study.assignments
    few = replace(assignments, pseudo_treated=assignments.pseudo_treated[:FEW])
    rows = {area: row for row, area in enumerate(panel.areas.index)}
    columns = {label: column for column, label in enumerate(panel.labels)}
    found = {}
    for code in protocol.outcomes:
        own = loose[(loose["outcome"] == code) & loose["area_code"].isin(rows)]
        own = own[own["quarter"].isin(columns) & own["numerator"].notna()]
        if own.empty:
            continue
        figures = panel.array(code).copy()
        figures[own["area_code"].map(rows), own["quarter"].map(columns)] = np.nan
        left = replace(panel, figures={**panel.figures, code: figures})
        found[code] = Leftout(
            cells=len(own),
            effect=float(estimates[code][0].overall(window=protocol.window)["effect"].iloc[0]),
            without=_effect(protocol, code, few, left),
        )
    return found


def without_events(study: Study) -> dict[str, pd.DataFrame]:
    """Outcome -> the effect beside that without the areas to which something else happened.

    Columns as `evaluation.estimate.sensitivity.without_touched` gives them, with ``areas``, how
    many were left out. Nothing for a state that brings its own observations: the register of its
    day is not in it.
    """
    if study.given is not None:
        return {}
    panel, protocol = study.panel, study.protocol
    events = read_events(study.workspace, study.programme)
    found = {}
    for code in protocol.outcomes:
        here = {
            what: [area for area in areas if area in panel.areas.index]
            for what, areas in touched(study.programme, events, code).items()
        }
        here = {what: areas for what, areas in here.items() if areas}
        if here:
            fit = partial(_anew, protocol)
            table = without_touched(panel, code, here, fit, window=protocol.window)
            table["areas"] = len(panel.areas) - table["areas_left"]
            found[code] = table
    return found


def _anew(protocol: Protocol, panel: Panel, outcome: str) -> Estimate:
    """The primary estimate on another set of areas, for which starts are drawn anew."""
    drawn = by_plan(panel, protocol.assignments, most=REDRAWN)
    return estimate_by(protocol.estimators[0], panel, outcome, protocol, drawn)


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyRun:
    """Everything that one run of a study found, with the parts of the study that it rests on.

    ``stated`` is the whole protocol; ``protocol`` the same without what nobody was asked yet.
    ``value`` counts every registered outcome with a price whose checks hold, clear or not;
    ``value_with_objected`` those as well that a check objects to, and is None where there is none.
    """

    programme: Programme
    protocol: Protocol
    stated: Protocol
    panel: Panel
    observations: pd.DataFrame
    assignments: Assignments
    estimates: dict[str, tuple[Estimate, ...]]
    diagnostics: dict[str, tuple[Diagnostic, ...]]
    findings: dict[str, Finding]
    value: Value | None
    published: tuple[tuple[Published, Estimate], ...]
    feasibility: Feasibility
    differences: tuple[str, ...]
    value_with_objected: Value | None = None
    wellbeing: Wellbeing | None = None
    voices: VoicesSaid | None = None
    seen: Seen | None = None
    deviations: tuple[Deviation, ...] = ()
    lock: Lock | None = None
    withheld: Mapping[str, Ends] = field(default_factory=dict)
    blanket: Mapping[str, Leftout] = field(default_factory=dict)
    restated: Mapping[str, int] = field(default_factory=dict)
    touched: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``confirmatory`` only if nothing differs from a lock; without a lock, exploratory."""
        return "exploratory" if self.differences else "confirmatory"


def run_study(study: Study, *, progress: Progress = lambda _: None) -> StudyRun:
    """Run a study on what was known at its vintage.

    Raises
    ------
    PanelError, EstimateError : the data cannot bear what the protocol asks for.
    ProtocolError, LedgerError : the lock or the kept assignments cannot be read.
    """
    # Before the look, which is only written where all is as it was locked.
    standing = standing_of(study)
    panel, assignments = study.panel, study.assignments
    protocol = asked_so_far(study.protocol, panel)
    # Before the estimates: the verdict's record must not wait for figures that may be refused.
    seen = take_look(study, standing)
    estimates: dict[str, tuple[Estimate, ...]] = {}
    for number, outcome in enumerate(protocol.outcomes, start=1):
        progress(f"{study.name}: {outcome} ({number} of {len(protocol.outcomes)})")
        estimates[outcome] = tuple(
            estimate_by(estimator, panel, outcome, protocol, assignments)
            for estimator in protocol.estimators_of(outcome)
        )
    diagnostics = _diagnose(study.programme, panel, protocol, assignments, estimates)
    feasible = feasibility_of(assignments, panel, plan_of(protocol))
    findings = findings_of(
        estimates,
        programme=study.programme,
        protocol=protocol,
        panel=panel,
        diagnostics=diagnostics,
        seen=seen,
        undoing=True,
        exploratory=standing.exploratory,
    )
    return StudyRun(
        programme=study.programme,
        protocol=protocol,
        stated=study.protocol,
        panel=panel,
        observations=study.observations,
        assignments=assignments,
        estimates=estimates,
        diagnostics=with_blind_controls(diagnostics, findings, study.programme, protocol),
        findings=findings,
        seen=seen,
        withheld=withheld_ends(panel, study.programme, protocol, assignments),
        blanket=without_blanket(study, estimates),
        restated=study.restated,
        touched=without_events(study),
        value=_value(study.programme, protocol, estimates, standing_outcomes(findings)),
        value_with_objected=_with_objected(study.programme, protocol, estimates, findings),
        wellbeing=_wellbeing(study.programme, protocol, estimates, findings),
        voices=read_voices_of(study.folder),
        published=tuple((p, _published(panel, protocol, p)) for p in protocol.published),
        feasibility=feasible,
        differences=(*standing.with_look(seen), *feasible.differences),
        deviations=standing.deviations,
        lock=standing.lock,
    )


def asked_so_far(protocol: Protocol, panel: Panel) -> Protocol:
    """The protocol without survey items of which no wave has ended since a site started."""
    if protocol.lives is None:
        return protocol
    starts = panel.start_index[:, None]
    after = (starts >= 0) & (np.arange(len(panel.periods)) >= starts)
    asked = tuple(c for c in protocol.lives if (np.isfinite(panel.array(c)) & after).any())
    return protocol.model_copy(update={"lives": asked})


def _awaited(protocol: Protocol, programme: Programme, panel: Panel) -> frozenset[str]:
    """Survey items whose last wave is still to come: a survey is judged once, at its end."""
    waves = {
        code: [
            w
            for s in programme.outcome_by_code[code].sources_for("comparison")
            for w in programme.source_by_code[s].waves
        ]
        for code in protocol.lives or ()
    }
    return frozenset(code for code, own in waves.items() if own and max(own) > panel.periods[-1])


def estimate_by(
    estimator: EstimatorName,
    panel: Panel,
    outcome: str,
    protocol: Protocol,
    assignments: Assignments,
) -> Estimate:
    """One estimate of a protocol's fallbacks, with the protocol's settings."""
    choices = Choices.of(protocol, outcome)
    return registry.fit(estimator, panel, outcome, choices, assignments)


def _published(panel: Panel, protocol: Protocol, published: Published) -> Estimate:
    scale, outcome = protocol.scale_of(published.outcome), published.outcome
    # A replication draws on its own panel: the kept assignments are for this study's looks.
    assignments = by_plan(panel, protocol.assignments)
    if published.estimator == "did":
        settings = DidSettings(
            comparison=protocol.did.comparison, base=published.base, scale=scale, replication=True
        )
        return did(
            panel,
            outcome,
            settings=settings,
            inference=published.inference,
            assignments=assignments,
        )
    if published.estimator == "synthetic_control":
        return estimate_by("synthetic_control", panel, outcome, protocol, assignments)
    first = published.estimator == "first_differences"
    two_way = TwoWaySettings(
        method="first_differences" if first else "fixed_effects",
        scale=scale,
        errors=published.errors,
        replication=True,
    )
    return two_way_fixed_effects(
        panel, outcome, settings=two_way, inference=published.inference, assignments=assignments
    )


def _diagnose(
    programme: Programme,
    panel: Panel,
    protocol: Protocol,
    assignments: Assignments,
    estimates: dict[str, tuple[Estimate, ...]],
) -> dict[str, tuple[Diagnostic, ...]]:
    # Once for all outcomes: a control that moves speaks against every comparison alike.
    controls = tuple(
        negative_control(estimates[code][0], _title(programme, code))
        for code in protocol.negative_control
    )
    found = {}
    for outcome, group in estimates.items():
        settings = DidSettings(scale=protocol.scale_of(outcome), base="mean")
        found[outcome] = (
            pre_level(panel, outcome, assignments),
            pre_trend(group[0]),
            spillover(panel, outcome, protocol.ring_km, settings, protocol.assignments.seed),
            regression_to_the_mean(group[0]),
            changed_instrument(group[0]),
            outlier_controls(panel, outcome, protocol.scale_of(outcome)),
            *controls,
        )
    return found


def _title(programme: Programme, outcome: str) -> str:
    return programme.outcome_by_code[outcome].plain_title


def with_blind_controls(
    diagnostics: Mapping[str, tuple[Diagnostic, ...]],
    findings: Mapping[str, Finding],
    programme: Programme,
    protocol: Protocol,
) -> dict[str, tuple[Diagnostic, ...]]:
    """The checks, where a control that could not have seen what is in question reassures nobody.

    In question for an outcome is the effect that was found on it, or, where its direction cannot be
    told, the margin: a fault of the comparison as large would be taken for it. A control whose
    smallest detectable effect is larger has not answered, whatever it shows.
    """
    seen = {
        _title(programme, code): findings[code].detectable_percent
        for code in protocol.negative_control
        if code in findings
    }
    found = {}
    for code, checks in diagnostics.items():
        finding = findings[code]
        told = finding.verdict.directed and np.isfinite(finding.percent.effect)
        size = abs(finding.percent.effect) if told else finding.margin_percent
        found[code] = tuple(
            blind_control(check, seen[check.names[0]], size)
            if check.code == "negative_control" and check.names and check.names[0] in seen
            else check
            for check in checks
        )
    return found


def findings_of(
    estimates: Mapping[str, tuple[Estimate, ...]],
    *,
    programme: Programme,
    protocol: Protocol,
    panel: Panel,
    diagnostics: Mapping[str, tuple[Diagnostic, ...]],
    seen: Seen | None,
    undoing: bool = False,
    exploratory: bool = False,
) -> dict[str, Finding]:
    """Outcome -> what its estimates, the primary one first, and the checks on them amount to.

    Parameters
    ----------
    protocol : what is estimated and how it is judged; its p-values are adjusted together.
    seen : the looks so far; None where none are planned. undoing : whether it is worked out what
        would undo each finding, which takes seconds. exploratory : the study was locked as such: no
        direction is told.
    """
    looked = seen.verdicts() if seen else {}
    p = {
        # The sequential p where there are looks: adjusting an ordinary one would forget the earlier
        # looks.
        code: looked[code].p
        if code in looked
        else float(group[0].overall(window=protocol.window)["p_value"].iloc[0])
        for code, group in estimates.items()
    }
    # Primaries by Holm for the printed p alone; their verdicts come from closed testing over the
    # looks.
    adjusted = adjust({code: p[code] for code in protocol.primary}, "holm")
    for family in (protocol.secondary, protocol.lives or ()):
        adjusted |= adjust({code: p[code] for code in family}, "fdr_bh")
    # Half-yearly looks of their own would each take their chance: no test before the last wave.
    adjusted |= dict.fromkeys(_awaited(protocol, programme, panel), 1.0)
    # Unadjusted: a control is to be caught moving, and adjusting would make that harder.
    adjusted |= {code: p[code] for code in protocol.negative_control}
    findings, sites = {}, set(panel.areas["site"].dropna())
    last_start = max(site.start for site in programme.sites if site.code in sites)
    for code, group in estimates.items():
        primary, checks = group[0], diagnostics.get(code, ())
        control, title = code in protocol.negative_control, _title(programme, code)
        # That a control moved is what its own finding says, and no reason not to say it.
        held = tuple(c for c in checks if not (control and c.code == "negative_control"))
        findings[code] = judge(
            Judged(
                outcome=programme.outcome_by_code[code],
                estimate=primary,
                window=protocol.window,
                adjusted_p=adjusted[code],
                exploratory=exploratory,
                baseline=_baseline(panel, code, primary),
                looked=looked.get(code),
                primary=code in protocol.primary,
                last_start=last_start,
                control=control,
                control_fired=control
                and any(c.names == (title,) and c.result == "fails" for c in checks),
                undoing=undoing,
                margin_percent=protocol.margin_of(code),
                hoped_percent=protocol.hoped_percent.get(code),
                family=protocol.family_of(code),
                units=in_units(primary) if primary.exposure is not None else None,
                objections=objections(
                    held, float(primary.overall(window=protocol.window)["effect"].iloc[0])
                ),
            )
        )
    return findings


def _baseline(panel: Panel, outcome: str, estimate: Estimate) -> float:
    """Mean figure that the started areas would have had after their start, by the estimate."""
    figures, start = panel.array(outcome), panel.start_index
    # Areas that never start have a negative index, which every period would come after.
    after = (start[:, None] >= 0) & (np.arange(len(panel.periods)) >= start[:, None])
    observed = float(np.nanmean(figures[after]))
    if estimate.scale == "log":
        # On the log scale an effect is a percentage by itself: no baseline divides it.
        return observed
    return observed - float(estimate.overall()["effect"].iloc[0])


def point_findings(
    study: Study, protocol: Protocol, estimates: dict[str, tuple[Estimate, ...]]
) -> dict[str, Finding]:
    """Findings without looks and diagnostics: for their effects, not for their verdicts.

    Parameters
    ----------
    protocol : the study's, or a part of it.
    """
    return findings_of(
        estimates,
        programme=study.programme,
        protocol=protocol,
        panel=study.panel,
        diagnostics={},
        seen=None,
    )


def _value(
    programme: Programme,
    protocol: Protocol,
    estimates: dict[str, tuple[Estimate, ...]],
    counted: Collection[str] | None = None,
) -> Value | None:
    if not protocol.value:
        return None
    params = Parameters.load().of(programme)
    judged = (*protocol.primary, *protocol.secondary, *(protocol.lives or ()))
    lives = [code for code in judged if is_wellbeing(programme.outcome_by_code[code], params)]
    # Wellbeing is a sum of its own, and in one total with nothing else.
    codes = [code for code in (*protocol.primary, *protocol.secondary) if code not in lives]
    if lives and not any(programme.outcome_by_code[code].unit_cost for code in codes):
        return None
    entered = [estimates[code][0] for code in codes]
    # The seed of the assignments, so that pounds can be drawn again from what is locked.
    return worth(
        entered,
        programme,
        price_base=protocol.price_base,
        seed=protocol.assignments.seed,
        counted=counted,
    )


def standing_outcomes(findings: Mapping[str, Finding]) -> tuple[str, ...]:
    """The outcomes to whose findings no check objects: those that the headline of money counts.

    By checks that were declared beforehand, and never by what is significant: a total of clear
    effects alone would overstate.
    """
    return tuple(code for code, finding in findings.items() if not finding.objections)


def _with_objected(
    programme: Programme,
    protocol: Protocol,
    estimates: dict[str, tuple[Estimate, ...]],
    findings: Mapping[str, Finding],
) -> Value | None:
    every = _value(programme, protocol, estimates)
    standing = standing_outcomes(findings)
    if every is None or all(line.outcome.code in standing for line in every.lines):
        return None
    return every


def _wellbeing(
    programme: Programme,
    protocol: Protocol,
    estimates: dict[str, tuple[Estimate, ...]],
    findings: Mapping[str, Finding],
) -> Wellbeing | None:
    """What better lives are worth, where the protocol judges an outcome that is priced so.

    Where the survey's own finding tells no direction, or a check objects to it, what comes out is a
    sensitivity and says so.
    """
    params = Parameters.load().of(programme)
    judged = (*protocol.primary, *protocol.secondary, *(protocol.lives or ()))
    priced = [c for c in judged if is_wellbeing(programme.outcome_by_code[c], params)]
    if not priced or not protocol.value:
        return None
    code = priced[0]
    finding, estimate = findings[code], estimates[code][0]
    if not np.isfinite(estimate.effects[(estimate.index["event_time"] >= 0).to_numpy()]).any():
        return None
    return wellbeing(
        estimate,
        programme,
        stands=finding.verdict.directed and not finding.objections,
        parameters=params,
        price_base=protocol.price_base,
        seed=protocol.assignments.seed,
    )
