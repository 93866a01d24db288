"""Run a study from the ledger: panel, assignments, looks, estimates, findings, value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evaluation import fingerprint
from evaluation.diagnose import (
    Diagnostic,
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
from evaluation.estimate.sensitivity import at_ends, hidden_cells
from evaluation.estimate.two_way import TwoWaySettings, two_way_fixed_effects
from evaluation.estimate.units import in_units
from evaluation.finding import Finding, Judged, adjust, judge
from evaluation.finding.feasibility import Feasibility, feasibility_of
from evaluation.ledger.calendar import due, passed
from evaluation.ledger.ledger import Ledger
from evaluation.panel import Panel
from evaluation.programme import Programme
from evaluation.protocol import EstimatorName, Protocol, Published
from evaluation.study import stored_assignments
from evaluation.study.interim_analyses import LookSeries, Seen, look_at, plan_of
from evaluation.study.lock import Lock, code_fingerprint
from evaluation.study.lock_status import Deviation, Standing, standing_of
from evaluation.study.stored_assignments import assignments_of, by_plan, series_folder
from evaluation.study.study import load_study, study_panel
from evaluation.value import Value, worth

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.estimate.estimate import Estimate
    from evaluation.workspace import Workspace


What = tuple["Programme", "Protocol"]


def take_look(
    workspace: Workspace, what: What, panel: Panel, received: str, standing: Standing
) -> Seen | None:
    """The look of a vintage, written to the study's look ledger if all is as it was locked.

    None where no looks are planned, or nothing has started. ``received`` is the instant at which
    the newest figure of the panel came in.
    """
    programme, protocol = what
    if protocol.looks is None or not panel.treated.any():
        return None
    assignments = assignments_of(workspace, programme, protocol, panel)
    folder = series_folder(workspace, programme, protocol)
    known = {
        "quarter": panel.labels[-1],
        "vintage": received,
        "panel": panel.fingerprint,
        "protocol": protocol.fingerprint,
        "code": code_fingerprint(),
        "assignments": fingerprint.of_bytes((folder / stored_assignments.FILE).read_bytes()),
    }
    if standing.lock is not None:
        known["lock"] = standing.lock.hash
    return look_at(
        LookSeries(folder=folder),
        panel,
        protocol,
        programme,
        assignments,
        known,
        record=standing.record,
    )


def catch_up(
    workspace: Workspace, name: str, *, progress: Callable[[str], object] = lambda _: None
) -> int:
    """Take every look whose due date has passed, each on what was known at the end of that day.

    Looks that the ledger holds already are left as they are; none is taken while something is not
    as it was locked. Returns how many were taken.
    """
    programme, protocol = load_study(workspace, name)
    if protocol.looks is None or not programme.sites:
        return 0
    first, taken = min(site.start for site in programme.sites), 0
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        standing = standing_of(workspace, programme, protocol, ledger)
        if not standing.record:
            progress(f"{name}: no look is taken. {standing.changed[0]}")
            return 0
        for quarter in passed(first, programme, workspace.now()):
            observations = ledger.observations(
                programme.name, as_of=due(quarter, programme), outcomes=list(protocol.outcomes)
            )
            if observations.empty or quarter.label not in set(observations["quarter"]):
                continue
            panel = study_panel(programme, protocol, observations, None)
            before = len(LookSeries(folder=series_folder(workspace, programme, protocol)).rows())
            seen = take_look(
                workspace,
                (programme, protocol),
                panel,
                str(observations["received"].max()),
                standing,
            )
            if seen is not None and seen.written and len(seen.rows) > before:
                progress(f"{name}: look {len(seen.rows)}, {quarter.label}")
                taken += 1
    return taken


FEW = 20


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
        if not cells or threshold < 2:
            continue
        effect = partial(_effect, protocol, code, few)
        ends = at_ends(panel, code, threshold, effect, assignments.strata)
        effects = [effect(end) for end in ends]
        found[code] = Ends(cells=cells, low=min(effects), high=max(effects))
    return found


def _effect(protocol: Protocol, code: str, assignments: Assignments, panel: Panel) -> float:
    estimate = registry.fit(
        protocol.estimators[0], panel, code, Choices.of(protocol, code), assignments
    )
    return float(estimate.overall(window=protocol.window)["effect"].iloc[0])


Progress = Callable[[str], object]


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyRun:
    """Everything that one run of a study found."""

    programme: Programme
    protocol: Protocol
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
    seen: Seen | None = None
    deviations: tuple[Deviation, ...] = ()
    lock: Lock | None = None
    withheld: Mapping[str, Ends] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``confirmatory`` only if nothing differs from a lock; without a lock, exploratory."""
        return "exploratory" if self.differences else "confirmatory"


def run_study(
    workspace: Workspace,
    name: str,
    *,
    as_of: datetime | None = None,
    progress: Progress = lambda _: None,
) -> StudyRun:
    """Run ``programme/study`` on what the ledger knew at an instant (default: all it knows).

    Raises
    ------
    ProtocolError : no such study, or its protocol asks for what the programme does not have.
    PanelError, EstimateError : the data cannot bear what the protocol asks for.
    """
    programme, protocol = load_study(workspace, name)
    with Ledger.open(workspace.database, workspace.raw) as ledger:
        observations = ledger.observations(
            programme.name, as_of=as_of, outcomes=list(protocol.outcomes)
        )
        standing = standing_of(workspace, programme, protocol, ledger, as_of)
    panel = study_panel(programme, protocol, observations, as_of)
    assignments = assignments_of(workspace, programme, protocol, panel)
    received = str(observations["received"].max())
    seen = take_look(workspace, (programme, protocol), panel, received, standing)
    estimates: dict[str, tuple[Estimate, ...]] = {}
    for number, outcome in enumerate(protocol.outcomes, start=1):
        progress(f"{name}: {outcome} ({number} of {len(protocol.outcomes)})")
        estimates[outcome] = tuple(
            estimate_by(estimator, panel, outcome, protocol, assignments)
            for estimator in protocol.estimators
        )
    diagnostics = _diagnose(programme, panel, protocol, assignments, estimates)
    feasible = feasibility_of(assignments, panel, plan_of(protocol))
    return StudyRun(
        programme=programme,
        protocol=protocol,
        panel=panel,
        observations=observations,
        assignments=assignments,
        estimates=estimates,
        diagnostics=diagnostics,
        findings=_find(programme, panel, protocol, estimates, (diagnostics, seen)),
        seen=seen,
        withheld=withheld_ends(panel, programme, protocol, assignments),
        value=_value(programme, protocol, estimates),
        published=tuple((p, _published(panel, protocol, p)) for p in protocol.published),
        feasibility=feasible,
        differences=(*standing.with_look(seen), *feasible.differences),
        deviations=standing.deviations,
        lock=standing.lock,
    )


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
    controls = tuple(
        negative_control(estimates[code][0], programme.outcome_by_code[code].plain_title)
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


def _find(
    programme: Programme,
    panel: Panel,
    protocol: Protocol,
    estimates: dict[str, tuple[Estimate, ...]],
    against: tuple[dict[str, tuple[Diagnostic, ...]], Seen | None],
) -> dict[str, Finding]:
    diagnostics, seen = against
    looked = seen.verdicts() if seen else {}
    p = {
        code: looked[code].p
        if code in looked
        else float(group[0].overall(window=protocol.window)["p_value"].iloc[0])
        for code, group in estimates.items()
    }
    adjusted = adjust({code: p[code] for code in protocol.primary}, "holm")
    adjusted |= adjust({code: p[code] for code in protocol.secondary}, "fdr_bh")
    adjusted |= {code: p[code] for code in protocol.negative_control}
    findings, sites = {}, set(panel.areas["site"].dropna())
    for code, group in estimates.items():
        outcome, primary = programme.outcome_by_code[code], group[0]
        findings[code] = judge(
            Judged(
                outcome=outcome,
                estimate=primary,
                window=protocol.window,
                margin_percent=protocol.margin_of(code),
                adjusted_p=adjusted[code],
                baseline=_baseline(panel, code, primary),
                units=in_units(primary) if primary.exposure is not None else None,
                family=_family(protocol, code),
                looked=looked.get(code),
                primary=code in protocol.primary,
                last_start=max(s.start for s in programme.sites if s.code in sites),
                objections=objections(
                    diagnostics[code],
                    float(primary.overall(window=protocol.window)["effect"].iloc[0]),
                ),
            )
        )
    return findings


def _family(protocol: Protocol, code: str) -> int:
    """How many outcomes share the correction of an outcome's p-value."""
    role = protocol.role_of(code)
    return {"primary": len(protocol.primary), "secondary": len(protocol.secondary)}.get(role, 1)


def _baseline(panel: Panel, outcome: str, estimate: Estimate) -> float:
    """Mean figure that the started areas would have had after their start, by the estimate."""
    figures, start = panel.array(outcome), panel.start_index
    after = (start[:, None] >= 0) & (np.arange(len(panel.periods)) >= start[:, None])
    observed = float(np.nanmean(figures[after]))
    if estimate.scale == "log":
        return observed
    return observed - float(estimate.overall()["effect"].iloc[0])


def point_findings(
    programme: Programme,
    panel: Panel,
    protocol: Protocol,
    estimates: dict[str, tuple[Estimate, ...]],
) -> dict[str, Finding]:
    """Findings without looks and diagnostics: for their effects, not for their verdicts."""
    return _find(programme, panel, protocol, estimates, (dict.fromkeys(estimates, ()), None))


def _value(
    programme: Programme, protocol: Protocol, estimates: dict[str, tuple[Estimate, ...]]
) -> Value | None:
    if not protocol.value:
        return None
    entered = [estimates[code][0] for code in (*protocol.primary, *protocol.secondary)]
    return worth(entered, programme, price_base=protocol.price_base, seed=protocol.assignments.seed)
