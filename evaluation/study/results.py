"""A study's results from its run: what the book, and anyone else, reads."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation import fingerprint
from evaluation.diagnose import balance_table
from evaluation.errors import ProtocolError
from evaluation.estimate.inference import apply_map
from evaluation.estimate.samples import masked_mean
from evaluation.estimate.units import in_units
from evaluation.finding.feasibility import RESTS_ON
from evaluation.finding.grade import Evidence, Grade, Judgement, grade
from evaluation.ledger.unreleased import inside_only, mark_inside
from evaluation.protocol import ESTIMATOR_NAMES
from evaluation.quarters import Period
from evaluation.returns.form import ROUNDED, apportioned_share, lineage_of
from evaluation.study import heterogeneity
from evaluation.study.code import code_fingerprint
from evaluation.study.heterogeneity import effects_by_fifth, fifths
from evaluation.study.lives_record import lives_of
from evaluation.study.record import EffectRow, GradeResult, OutcomeResult, Results
from evaluation.study.study import StudyName, blinded
from evaluation.study.written import read_written
from evaluation.value import report
from evaluation.wording import sentences_as_data
from evaluation.workspace import write_whole

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluation.estimate.estimate import Estimate
    from evaluation.finding import Finding
    from evaluation.panel import Panel
    from evaluation.protocol import Published
    from evaluation.study.lock import Lock
    from evaluation.study.run import StudyRun
    from evaluation.workspace import Workspace


# Enough lines for the eye to judge the real one by; all of them enter the test.
SHOWN_PLACEBOS = 200


def paths(panel: Panel, estimate: Estimate) -> list[dict[str, Any]]:
    """One row a period: pilots, what would have been with its range, comparisons; outcome's unit.

    Pilots are all pilot areas pooled, started or not; their counterfactual equals the observed
    path until the first start. Periods in which a pilot area has no figure pool the others.
    """
    if estimate.exposure is None or estimate.observed is None:
        return _unweighted_paths(panel, estimate)
    units = in_units(estimate)
    # Entries come area by area, each with every period: the reshape rests on that order.
    exposure = estimate.exposure.reshape(-1, len(panel.periods)).sum(axis=0)
    pilot = estimate.observed.reshape(-1, len(panel.periods)).sum(axis=0) / exposure
    compared = (~panel.treated)[:, None] & np.isfinite(panel.array(estimate.outcome))
    # The same cells in numerator and denominator: a suppressed count must not leave its people in
    # the sum.
    denominator = np.where(compared, panel.denominators[estimate.outcome], 0.0)
    rate = np.where(compared, panel.array(estimate.outcome), 0.0)
    comparison = (rate * denominator).sum(axis=0) / denominator.sum(axis=0)
    quarter = units.index["quarter"].astype(str).to_numpy()
    rows = []
    for t, label in enumerate(panel.labels):
        row: dict[str, Any] = {
            "period": label,
            "pilot": pilot[t],
            "comparison": comparison[t],
            "counterfactual": None,
            "low": None,
            "high": None,
        }
        now = quarter == label
        if now.any():
            # Of all pilots' people, also those not started: their effect is zero, and the pooled
            # rate is of all.
            change = units.draws[:, now].sum(axis=1) / exposure[t]
            tail = (1 - estimate.level) / 2
            low, high = np.quantile(pilot[t] - change, [tail, 1 - tail])
            synthetic_unit = pilot[t] - units.effects[now].sum() / exposure[t]
            row |= {"counterfactual": synthetic_unit, "low": low, "high": high}
        rows.append(row)
    return rows


def _unweighted_paths(panel: Panel, estimate: Estimate) -> list[dict[str, Any]]:
    """Means over areas where the outcome has no denominator; no band."""
    figures = panel.array(estimate.outcome)
    pilot, comparison = figures[panel.treated], figures[~panel.treated]
    synthetic_unit = estimate.paths
    rows = []
    for t, label in enumerate(panel.labels):
        now = (synthetic_unit["quarter"].astype(str) == label) & (synthetic_unit["event_time"] >= 0)
        ratio: float | None = None
        now &= np.isfinite(synthetic_unit["counterfactual"])
        if now.any():
            gap = synthetic_unit.loc[now, "observed"] - synthetic_unit.loc[now, "counterfactual"]
            weight = estimate.index.loc[now.to_numpy(), "weight"].to_numpy(dtype=float)
            # The mean gap of started areas, spread over all pilots that are observed; those not
            # started have none.
            seen = np.isfinite(pilot[:, t]).sum()
            ratio = float(np.average(gap, weights=weight)) * weight.sum() / seen
        rows.append(
            {
                "period": label,
                "pilot": float(masked_mean(pilot[:, [t]])[0]),
                "comparison": float(masked_mean(comparison[:, [t]])[0]),
                "counterfactual": None if ratio is None else _without(pilot[:, t], ratio, estimate),
                "low": None,
                "high": None,
            }
        )
    return rows


def _without(pilot: NDArray[np.float64], gap: float, estimate: Estimate) -> float:
    mean = float(np.nanmean(pilot))
    # On the log scale observed = without times exp(effect).
    return mean * float(np.exp(-gap)) if estimate.scale == "log" else mean - gap


def placebo_gaps(estimate: Estimate) -> dict[str, Any]:
    """Effects by event time: the real ones and those of up to 200 placebo assignments."""
    if estimate.draws is None:
        return {"event_times": [], "real": [], "gaps": []}
    event = estimate.index["event_time"].to_numpy()
    weight = estimate.index["weight"].to_numpy(dtype=float)
    usable = np.isfinite(estimate.effects)
    times = sorted(set(event[usable].tolist()))
    maps = np.array([np.where(usable & (event == t), weight, 0.0) for t in times])
    maps = maps / maps.sum(axis=1, keepdims=True)
    # An assignment without a figure at one area is averaged over its others, never taken as zero.
    shown = apply_map(estimate.draws.raw[: SHOWN_PLACEBOS + 1], maps)
    # Six digits are more than a drawn line shows.
    whole = np.isfinite(shown[1:]).all(axis=1)
    return {"event_times": times, "real": shown[0].round(6), "gaps": shown[1:][whole].round(6)}


def graded(workspace: Workspace, results: Results) -> dict[str, Grade]:
    """Primary outcome -> its grade, from results as they are written.

    Raises
    ------
    ProtocolError : ``grade.yaml`` has another shape, or judges without a signature.
    """
    judgement = Judgement.load(workspace.studies / results.programme / results.study)
    return {
        outcome.code: grade(evidence_of(results, outcome), judgement)
        for outcome in results.outcomes
        if outcome.role == "primary"
    }


def evidence_of(results: Results, outcome: OutcomeResult) -> Evidence:
    """What the results say of one outcome, as a grade needs it."""
    checks = {one.code: (one.result, one.sentence) for one in outcome.diagnostics}
    primary, *others = (one.overall for one in outcome.estimates)
    sample, data = results.sample, outcome.data
    first = min(Period.parse(site.start) for site in results.sites)
    low, high = outcome.finding.effect_percent.low, outcome.finding.effect_percent.high
    absent = ("cannot tell", "Not tested.")
    return Evidence(
        one_instrument=bool(outcome.instrument) and outcome.measured_in == "all areas",
        pilot_areas=sample.pilot_areas,
        comparison_areas=sample.comparison_areas,
        periods_before=max(0, first - Period.parse(sample.first)),
        trend=checks.get("pre_trend", absent),
        complete=1 - (data.missing + (data.suppressed or 0)) / max(data.cells, 1),
        agree=sum(_agrees(primary, one) for one in others),
        others=len(others),
        excludes_none=low is not None and high is not None and (low > 0 or high < 0),
        fixed_before=results.label == "confirmatory",
        how_chosen=results.how_pilots_were_chosen,
        deviations=len(results.deviations),
        controls=tuple(
            (one.result, one.sentence)
            for one in outcome.diagnostics
            if one.code == "negative_control"
        ),
        spillover=checks.get("spillover", absent),
    )


def _agrees(primary: EffectRow, other: EffectRow) -> bool:
    """Whether another estimate has the primary one's sign and lies in its range."""
    if primary.effect is None or other.effect is None:
        return False
    inside = (primary.low is None or primary.low <= other.effect) and (
        primary.high is None or other.effect <= primary.high
    )
    # Opposite signs within a wide range are no agreement.
    return inside and primary.effect * other.effect > 0


def write_results(workspace: Workspace, run: StudyRun) -> Path:
    """Write the results of a run, and beside them that they stay inside if so; returns the file."""
    folder = workspace.results(run.programme.name, run.protocol.study)
    path = folder / "results.json"
    write_whole(path, whole(workspace, run).as_json())
    mark_inside(folder, inside_only(workspace, run.programme))
    return path


def whole(workspace: Workspace, run: StudyRun) -> Results:
    """The run's results, with the grade of the evidence on each primary outcome."""
    found = results_of(run)
    graded_data = {code: one.as_dict() for code, one in graded(workspace, found).items()}
    under = partial(blinded, workspace, run.programme)
    return found.model_copy(
        update={
            # Bare hashes of figures could be tried, here and wherever this file is hashed.
            "panel_fingerprint": under("panel", found.panel_fingerprint),
            "figures_fingerprint": under("figures", found.figures_fingerprint),
            "nonce": under("results", found.study, found.panel_fingerprint),
            "grades": {c: GradeResult.model_validate(one) for c, one in graded_data.items()},
            "sentences": {**found.sentences, **sentences_as_data(graded_data)},
        }
    )


def read_results(workspace: Workspace, name: str) -> Results:
    """The results of ``programme/study`` as last written.

    Raises
    ------
    ProtocolError : it has not been run.
    BookError : the file is not as this version writes it.
    """
    parts = StudyName.parse(name)
    path = parts.results(workspace) / "results.json"
    if not parts.study or not path.is_file():
        raise ProtocolError(
            "there are no results yet.", where=name, mend=f"newstart study run {name}"
        )
    return read_written(Results, path)


def results_of(run: StudyRun) -> Results:
    """The run's results, not graded."""
    data: dict[str, Any] = clean(_as_data(run))
    # Only figures: a new title or label must not look like other results.
    shown = {name: data[name] for name in ("outcomes", "value", "published", "assignments")}
    if data["gross"] is not None:
        shown["gross"] = data["gross"]
    figures = fingerprint.of_data(rounded(shown))
    words = sentences_as_data(data)
    return Results.model_validate(
        {**data, "figures_fingerprint": figures, "grades": {}, "sentences": words}
    )


# Nine: machines differ in later digits, and no reader needs as many.
def rounded(content: Any, digits: int = 9) -> Any:
    """Plain data with every number to so many significant digits, as two machines agree on it."""
    if isinstance(content, dict):
        return {key: rounded(value, digits) for key, value in content.items()}
    if isinstance(content, list):
        return [rounded(value, digits) for value in content]
    if isinstance(content, float):
        # -0.0 and 0.0 would hash differently.
        return float(f"{content:.{digits}g}") + 0.0
    return content


def _as_data(run: StudyRun) -> dict[str, Any]:
    protocol, panel, programme = run.protocol, run.panel, run.programme
    return {
        "programme": programme.name,
        "study": protocol.study,
        "title": protocol.title,
        "question": protocol.question,
        "label": run.label,
        "differences": list(run.differences),
        "deviations": [d.sentence for d in run.deviations],
        "lock": _lock(run.lock),
        "vintage": panel.vintage,
        "protocol_fingerprint": run.stated.fingerprint,
        "panel_fingerprint": panel.fingerprint,
        "code_fingerprint": code_fingerprint(),
        "synthetic": programme.synthetic,
        "how_pilots_were_chosen": protocol.how_pilots_were_chosen,
        "window": list(protocol.window),
        "level": protocol.level,
        "sample": _sample(run),
        "assignments": _assignments(run),
        "sites": _sites(run),
        "outcomes": [_outcome(run, code) for code in protocol.outcomes],
        "value": _accounts(run),
        "gross": None
        if run.value is None or run.value.costed
        else clean(report.gross_data(run.value, run.value_with_objected)),
        "equity": effects_by_fifth(run),
        "balance": _balance(run),
        "published": [_published(published, estimate) for published, estimate in run.published],
        "text": list(protocol.what_it_can_bear),
        **_lives(run),
    }


def _lives(run: StudyRun) -> dict[str, Any]:
    """What people said, where they were asked: only then, as results of before have no such key."""
    found = lives_of(
        run.protocol, run.programme, run.panel, run.observations, run.wellbeing, run.voices
    )
    return {} if found is None else {"lives": found.plain()}


def _accounts(run: StudyRun) -> dict[str, Any] | None:
    if run.value is None or not run.value.costed:
        return None
    return report.as_data(run.value, run.findings, fifths(run), run.value_with_objected)


def _balance(run: StudyRun) -> list[dict[str, Any]]:
    """How pilots differ from comparison areas before the first start, outcome by outcome."""
    if not any(run.panel.treated):
        return []
    return [
        {"outcome": code, **row}
        for code in run.protocol.outcomes
        for row in rows(balance_table(run.panel, code, run.assignments))
    ]


def _lock(lock: Lock | None) -> dict[str, Any] | None:
    """What a reader has to know of the lock; old and new figures of each re-lock among it."""
    if lock is None:
        return None
    held = lock.content
    return {
        "hash": lock.hash,
        "frozen": held["frozen"],
        "synthetic_clock": held["synthetic_clock"],
        "first_frozen": lock.first["frozen"],
        "data_seen": dict(lock.first["data_seen"]),
        "vintage_rule": held["vintage_rule"]["says"],
        "ledger_head": dict(held["ledger_head"]),
        "relocks": [
            {"frozen": after["frozen"], "reason": after["reason"], "figures": after["figures"]}
            for after in lock.steps[1:]
        ],
        "exploratory": lock.exploratory,
        "registration": lock.registration,
        "needed": list(lock.needed),
    }


def clean(content: Any) -> Any:
    """The same data with NaN and infinities as None and NumPy numbers as plain ones."""
    if isinstance(content, dict):
        return {str(k): clean(v) for k, v in content.items()}
    if isinstance(content, (list, tuple)):
        return [clean(v) for v in content]
    if isinstance(content, np.ndarray):
        return clean(content.tolist())
    if isinstance(content, np.generic):
        return clean(content.item())
    # JSON knows neither NaN nor infinity; Python would write them all the same, and browsers stop
    # there.
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def _sample(run: StudyRun) -> dict[str, Any]:
    areas = run.panel.areas
    # Areas set aside of which nothing was ever returned are not counted: nobody could have used
    # them.
    held = set(run.observations["area_code"])
    excluded = sum(a.role == "excluded" and a.code in held for a in run.programme.areas)
    return {
        "pilot_areas": int((areas["role"] == "pilot").sum()),
        "comparison_areas": int((areas["role"] == "comparison").sum()),
        "excluded_areas": excluded,
        "authorities": int(areas["authority"].nunique()),
        "sites": int(areas["site"].nunique()),
        "first": run.panel.labels[0],
        "last": run.panel.labels[-1],
        "periods": run.panel.labels,
    }


def _assignments(run: StudyRun) -> dict[str, Any]:
    a, feasible = run.assignments, run.feasibility
    return {
        "drawn": len(a) - 1,
        "distinct": a.distinct,
        "smallest_p": a.smallest_p,
        "block": a.block,
        "reason": a.reason,
        "enumerated": a.enumerated,
        "strata": list(a.banded_by),
        "said": list(feasible.said),
        "refused": list(feasible.refused),
        "needed": list(feasible.needed),
        "rests_on": RESTS_ON,
    }


def _sites(run: StudyRun) -> list[dict[str, Any]]:
    counts = run.panel.areas["site"].value_counts()
    return [
        {
            "code": s.code,
            "name": s.name,
            "start": s.start.label,
            "areas": int(counts[s.code]),
            "about": s.about,
        }
        for s in run.programme.sites
        if s.code in counts
    ]


def _outcome(run: StudyRun, code: str) -> dict[str, Any]:
    outcome, primary = run.programme.outcome_by_code[code], run.estimates[code][0]
    described = outcome.model_dump(
        include={
            "code",
            "title",
            "plain_title",
            "people",
            "unit",
            "per",
            "polarity",
            "domain",
            "agency",
            "kind",
            "measured_in",
            "numerator",
            "denominator",
        }
    )
    return {
        **described,
        "instrument": str(outcome.instrument),
        "role": run.protocol.role_of(code),
        "finding": finding_as_data(run.findings[code]),
        "estimates": [
            _estimate(e, run.protocol.window, position == 0)
            for position, e in enumerate(run.estimates[code])
        ],
        "paths": paths(run.panel, primary),
        "placebo_gaps": placebo_gaps(primary),
        "equally_likely": heterogeneity.equally_likely(primary, run.protocol.window),
        "new_site": heterogeneity.new_site_of(
            primary, heterogeneity.Scale.of(code, run.protocol, run.lock), run.protocol.window
        ),
        "breaks": asdict(held) if (held := run.findings[code].breaks) else None,
        "twin": heterogeneity.synthetic_unit_of(run.estimates[code], _names(run)),
        "looks": run.seen.story(code) if run.seen and code in run.protocol.primary else [],
        "diagnostics": [
            {
                "code": d.code,
                "title": d.title,
                "result": d.result,
                "statistic": d.statistic,
                "sentence": d.sentence,
                "p_value": d.p_value,
                "brief": d.brief,
                "figures": {
                    "size": d.size,
                    "unit": d.unit,
                    "seen": d.seen,
                    "n": d.n,
                    "threshold": d.threshold,
                    "names": list(d.names),
                },
            }
            for d in run.diagnostics[code]
        ],
        "data": _data(run, code),
        "withheld": asdict(run.withheld[code]) if code in run.withheld else None,
        "counts": _counts(run.panel, code),
        # Only where there are any: the rest of the files stay as they were.
        **({"blanket": asdict(run.blanket[code])} if code in run.blanket else {}),
        **({"touched": run.touched[code].to_dict("records")} if code in run.touched else {}),
    }


def _counts(panel: Panel, code: str) -> list[dict[str, Any]]:
    """What each site counted in each period, from which released paths are made."""
    if code not in panel.per:
        return []
    rates, people = panel.array(code), panel.denominators[code]
    site, per = panel.areas["site"].to_numpy(), panel.per.get(code, 1.0)
    codes = panel.areas.index.to_numpy()
    found = []
    for name in sorted({one for one in site[panel.treated] if isinstance(one, str)}):
        for t, label in enumerate(panel.labels):
            held = (site == name) & np.isfinite(rates[:, t]) & (people[:, t] > 0)
            if held.any():
                counted = rates[held, t] @ people[held, t] / per
                found.append(
                    {
                        "site": name,
                        "period": label,
                        "numerator": float(round(counted)),
                        "denominator": float(people[held, t].sum()),
                        "areas": codes[held].tolist(),
                    }
                )
    return found


def _names(run: StudyRun) -> dict[str, str]:
    return {area.code: area.name for area in run.programme.areas}


def finding_as_data(finding: Finding) -> dict[str, Any]:
    """A finding as it is written in the file of results."""
    people = None
    if finding.per_quarter is not None:
        to_date = finding.to_date.as_dict() if finding.to_date else None
        people = {"per_quarter": finding.per_quarter.as_dict(), "to_date": to_date}
    ruling, undo = finding.ruling, finding.undo
    return {
        "verdict": str(finding.said),
        "direction": finding.direction,
        "size": finding.size,
        "better": ruling.better,
        "unclear": ruling.unclear,
        "hoped_percent": ruling.hoped_percent,
        "undo": {**asdict(undo), "sentence": undo.sentence} if undo else None,
        "sentence": finding.sentence,
        "paragraph": finding.paragraph,
        "analyst": finding.analyst,
        "reasons": list(finding.reasons),
        "effect_percent": finding.percent.as_dict(),
        "people": people,
        "p_value": finding.p_value,
        "adjusted_p": finding.adjusted_p,
        "margin_percent": finding.margin_percent,
        "detectable_percent": finding.detectable_percent,
        "looked": asdict(finding.looked) if finding.looked else None,
    }


def _estimate(estimate: Estimate, window: tuple[int, int], primary: bool) -> dict[str, Any]:
    described = {
        "estimator": estimate.estimator,
        "label": ESTIMATOR_NAMES[estimate.estimator],
        "primary": primary,
        "unit": estimate.unit,
        "scale": estimate.scale,
        "inference": estimate.inference,
        "estimand": estimate.estimand,
        "warnings": list(estimate.warnings),
        "diagnostics": dict(estimate.diagnostics),
        "base_weight": estimate.base_weight,
    }
    single = len(estimate.index) == 1
    # An estimate with one entry is an average already, and has no window to be taken over.
    overall = estimate.overall(window=None if single else window)
    tables: dict[str, Any] = {"overall": overall.to_dict("records")[0]}
    for key in ("event_time", "site", "cohort", "quarter", "area"):
        tables[key] = [] if single else rows(estimate.by(key))
    return {**described, **tables}


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as a list of rows, its index among them."""
    return [{str(k): v for k, v in row.items()} for row in table.reset_index().to_dict("records")]


def _data(run: StudyRun, code: str) -> dict[str, Any]:
    held = run.observations[run.observations["outcome"] == code]
    codes = set(run.panel.areas.index)
    held = held[held["area_code"].isin(codes)]
    expected = len(codes) * len(run.panel.periods)
    suppressed = int((held["status"] == "[c]").sum())
    return {
        "cells": expected,
        # A suppressed cell is known to exist and is no missing one.
        "missing": expected - int(held["numerator"].notna().sum()) - suppressed,
        "suppressed": suppressed,
        "revised": run.restated.get(code, 0),
        # Before they were returned: the panel holds how far they can be off.
        "rounded": int(((held["status"] == ROUNDED) & held["numerator"].notna()).sum()),
        **_lineages(held),
    }


def _lineages(held: pd.DataFrame) -> dict[str, Any]:
    """How many figures are sums of the source's areas or shared out of older ones; none, nothing.

    ``most_apportioned`` : the largest share of a figure that was shared out, 0 to 1.
    """
    if "note" not in held:
        return {}
    notes = [str(note) for note in held.loc[held["numerator"].notna(), "note"].fillna("")]
    known = Counter(lineage_of(note) for note in notes)
    if not known["summed"] and not known["apportioned"]:
        return {}
    return {
        "lineage": {
            "exact": known["exact"],
            "summed": known["summed"],
            "apportioned": known["apportioned"],
            "most_apportioned": max(apportioned_share(note) for note in notes),
        }
    }


def _published(published: Published, estimate: Estimate) -> dict[str, Any]:
    # Over all its periods, as the published figure is, and not over the protocol's window.
    row = estimate.overall().iloc[0]
    shown = published.effect
    return {
        "what": published.what,
        "outcome": published.outcome,
        "source": published.source,
        "published": {
            "effect": published.effect,
            "error": published.error,
            "p_value": published.p_value,
        },
        "ours": {
            "effect": row["effect"],
            "error": row["se"],
            "p_value": row["p_value"],
            "low": row["low"],
            "high": row["high"],
        },
        "difference": None if shown is None else float(row["effect"]) - shown,
        "tolerance": published.tolerance,
        "inference": published.inference,
        "why": published.why,
    }
