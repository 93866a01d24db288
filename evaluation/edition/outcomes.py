"""What the page of an outcome shows: its charts, tables and downloads, each said in words."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup

from evaluation.edition import breaks, chances, effects, evidence, figures, looks, twins, words
from evaluation.edition.claims import chance
from evaluation.edition.edition import StudyResults, primary_estimate
from evaluation.edition.files import Generated
from evaluation.edition.records import Record
from evaluation.edition.tables import table


def view(
    study: StudyResults,
    outcome: Record,
    out: Generated,
    root: str,
    prefix: str,
    *,
    open_data: bool = True,
) -> dict[str, Any]:
    """Everything that the template of an outcome asks for.

    ``prefix`` begins its claims' ids. Without ``open_data`` the figures behind the chart are not
    handed on, since a source forbids it; effects are ours and always are.
    """
    name = f"{study.study}/{outcome['code']}"
    if open_data:
        out.table(f"{name}-paths", outcome["paths"])
    else:
        out.withheld.add(study.study)
    out.table(f"{name}-effects", _effect_rows(outcome))
    estimate = primary_estimate(outcome)
    shared = (study, outcome, out, root)
    about = (study, outcome, estimate)
    return {
        "study": study.raw,
        "outcome": outcome,
        "name": name,
        "root": root,
        "claims": f"{prefix}{outcome['code']}",
        "verdict": words.verdict(outcome["finding"]["verdict"]),
        "paths": paths_chart(*shared),
        "open_data": open_data,
        "paths_table": _paths_table(outcome) if open_data else "",
        "gaps": chances.elsewhere(*shared, estimate),
        "gaps_table": chances.elsewhere_table(study, outcome, estimate),
        "worlds": chances.worlds(*shared, estimate),
        "worlds_table": chances.worlds_table(outcome, estimate),
        "breaks": breaks.of_outcome(*shared, estimate),
        "twin": twins.of_outcome(*shared),
        "standing": _standing(study, outcome),
        "events": _events_chart(*shared, estimate),
        "events_table": _events_table(*about),
        "looks": looks.chart(*shared, estimate),
        "looks_table": looks.looks_table(outcome, estimate),
        "by_site": _sites_chart(*shared, estimate),
        "sites_table": _sites_table(*about),
        "side_by_side": _estimators_chart(*shared),
        "estimators_table": _estimators_table(outcome),
        "diagnostics": _diagnostics_table(study, outcome),
        "first": _window(study),
        "estimate": estimate,
        "period": study.period_word,
        "withheld": _withheld(outcome, estimate),
        "cautions": [words.sentence(w) for e in outcome["estimates"] for w in e["warnings"]],
    }


def _withheld(outcome: Record, estimate: Record | None) -> str:
    """What withheld counts could do to the effect, in a sentence; empty where there are none."""
    ends = outcome.get("withheld")
    if not ends or estimate is None:
        return ""
    say, shown = effects.say(estimate), effects.shown(estimate, ends)
    return (
        f"{words.counted(ends['cells'], 'count').capitalize()} "
        f"{'is' if ends['cells'] == 1 else 'are'} withheld because small. At the ends between "
        f"which they must lie, the effect would be {say(shown['low'])} and {say(shown['high'])}."
    )


def _standing(study: StudyResults, outcome: Record) -> evidence.Standing | None:
    """How strong the evidence on the outcome is; None where it is not graded."""
    found = {one.outcome["code"]: one for one in evidence.standings(study)}
    return found.get(outcome["code"])


def _window(study: StudyResults) -> str:
    """Which periods the overall effect is a mean of, in words."""
    window = study.raw.get("window")
    if not window:
        return ""
    return f", first {words.counted(window[1] - window[0] + 1, study.period_word)}"


def paths_chart(study: StudyResults, outcome: Record, out: Generated, root: str) -> Markup:
    """Pilots beside what would have happened without the programme."""
    rows = outcome["paths"]
    if not rows:
        return Markup("")
    finding = words.sentence(outcome["finding"]["sentence"])
    levels = _last_levels(rows[-1])
    alt = (
        f"Line chart of {outcome['plain_title']}, {outcome['unit']}, {rows[0]['period']} to "
        f"{rows[-1]['period']}. {levels} {finding}"
    )
    return out.plate(
        f"{study.study}/{outcome['code']}-paths",
        root,
        alt,
        figures.paths,
        rows,
        study.starts,
        outcome["unit"],
        caption=levels,
    )


def spark(study: StudyResults, outcome: Record, out: Generated, root: str) -> Markup:
    """The small path of the front page."""
    rows = outcome["paths"]
    if not rows:
        return Markup("")
    alt = f"Small line chart of {outcome['plain_title']}. {_last_levels(rows[-1])}"
    return out.plate(
        f"{study.study}/{outcome['code']}-spark",
        root,
        alt,
        figures.spark,
        rows,
        study.starts,
        sizes=(figures.SPARK,),
    )


def _last_levels(row: Record) -> str:
    text = f"In {row['period']} pilot areas were at {effects.level(row['pilot'])}"
    if row["counterfactual"] is None:
        return text + "."
    ends = _range(row)
    without = effects.level(row["counterfactual"])
    ends = ends or "no range"
    return f"{text}; without the programme they would have been at {without} ({ends})."


def _paths_table(outcome: Record) -> Markup:
    rows = [
        [
            row["period"],
            effects.level(row["pilot"]),
            effects.level(row["counterfactual"]) if row["counterfactual"] is not None else "",
            _range(row),
            effects.level(row["comparison"]),
        ]
        for row in outcome["paths"]
    ]
    heads = ["Period", "Pilot areas", "Without the programme", "Range", "Comparison areas"]
    return table(f"{outcome['plain_title']}, {outcome['unit']}", heads, rows, numeric="tnnnn")


def _range(row: Record) -> str:
    if row["low"] is None or row["high"] is None:
        return ""
    return f"{effects.level(row['low'])} to {effects.level(row['high'])}"


def _events_chart(
    study: StudyResults, outcome: Record, out: Generated, root: str, estimate: Record | None
) -> Markup:
    if estimate is None or not estimate["event_time"]:
        return Markup("")
    rows = _events(estimate)
    last = rows[-1]
    said = (
        f"{study.period_word.capitalize()} {last['event_time']} after the start: "
        f"{effects.with_range(estimate, last)}, from "
        f"{words.counted(int(last['n_areas'] or 0), 'pilot area')}. Lines hold one "
        f"{study.period_word} at a time, the band all of them at once."
    )
    alt = f"Dot chart of the effect on {outcome['plain_title']} by event time. {said}"
    return out.plate(
        f"{study.study}/{outcome['code']}-events",
        root,
        alt,
        figures.events,
        rows,
        effects.unit(estimate, outcome),
        study.period_word,
        caption=said,
    )


def _events(estimate: Record) -> list[dict[str, Any]]:
    rows = [effects.shown(estimate, row) for row in estimate["event_time"]]
    return sorted(
        (row for row in rows if row["effect"] is not None), key=lambda r: int(r["event_time"])
    )


def _events_table(study: StudyResults, outcome: Record, estimate: Record | None) -> Markup:
    if estimate is None:
        return Markup("")
    rows = [
        [
            words.number(row["event_time"]),
            effects.with_range(estimate, row),
            chance(row["p_value"]),
            words.number(row["n_areas"]),
        ]
        for row in _events(estimate)
    ]
    heads = [f"{study.period_word.capitalize()}s since the start", "Effect (range)", "p", "Areas"]
    title = f"{outcome['plain_title']}: effect by {study.period_word}s since the start"
    return table(title, heads, rows, numeric="nnnn")


def _site_rows(study: StudyResults, estimate: Record | None) -> list[tuple[Record, dict[str, Any]]]:
    if estimate is None:
        return []
    by_code = {row["site"]: effects.shown(estimate, row) for row in estimate["site"]}
    ordered = sorted(study.sites, key=lambda site: (site["start"], site["code"]))
    return [
        (site, row)
        for site in ordered
        if (row := by_code.get(site["code"])) is not None and row["effect"] is not None
    ]


def _sites_chart(
    study: StudyResults, outcome: Record, out: Generated, root: str, estimate: Record | None
) -> Markup:
    rows = _site_rows(study, estimate)
    if estimate is None or len(rows) < 2:
        return Markup("")
    drawn = [
        (f"{s['name']}, from {s['start']}", row, True, effects.with_range(estimate, row))
        for s, row in rows
    ]
    clear = [
        s["name"]
        for s, row in rows
        if row["low"] is not None and row["high"] is not None and row["low"] * row["high"] > 0
    ]
    said = "In the order in which they started. " + (
        f"The range leaves out nought for {words.listed(clear)}."
        if clear
        else "No site's own range leaves out nought: one site is too few areas to tell."
    )
    without = [s["name"] for s, row in rows if row["low"] is None and row["high"] is None]
    if without:
        said += f" Re-drawn start dates give no range for {words.listed(without)}."
    alt = f"Effects on {outcome['plain_title']} by site with ranges. {said}"
    return out.plate(
        f"{study.study}/{outcome['code']}-sites",
        root,
        alt,
        figures.forest,
        drawn,
        effects.tick_unit(estimate),
        caption=said,
    )


def _sites_table(study: StudyResults, outcome: Record, estimate: Record | None) -> Markup:
    rows = [
        [
            site["name"],
            site["start"],
            words.number(site["areas"]),
            effects.with_range(estimate, row),
            chance(row["p_value"]),
        ]
        for site, row in _site_rows(study, estimate)
        if estimate is not None
    ]
    heads = ["Site", "Start", "Areas", "Effect (range)", "p"]
    title = f"{outcome['plain_title']}: effect by site"
    return table(title, heads, rows, numeric="ttnnn")


def _estimators_chart(study: StudyResults, outcome: Record, out: Generated, root: str) -> Markup:
    estimates = [e for e in outcome["estimates"] if e["overall"]["effect"] is not None]
    scale = next((e["scale"] for e in estimates), "log")
    rows = []
    for estimate in (e for e in estimates if e["scale"] == scale):
        row = effects.shown(estimate, estimate["overall"])
        rows.append(
            (_label(estimate), row, bool(estimate["primary"]), effects.with_range(estimate, row))
        )
    if len(rows) < 2:
        return Markup("")
    points = [row["effect"] for _, row, _, _ in rows]
    alike = all(p < 0 for p in points) or all(p > 0 for p in points)
    said = (
        "All ways of estimating point the same way."
        if alike
        else "The ways of estimating do not all point the same way."
    )
    said += " Filled: the one that the finding rests on."
    said += _one_look(outcome)
    alt = f"Effects on {outcome['plain_title']} by estimator with ranges. {said}"
    return out.plate(
        f"{study.study}/{outcome['code']}-estimators",
        root,
        alt,
        figures.forest,
        rows,
        "%" if scale == "log" else "",
        caption=said,
    )


def _one_look(outcome: Record) -> str:
    """Why the filled range is not quite the finding's, where looks are counted."""
    if len(outcome.get("looks") or ()) < 2:
        return ""
    return " Ranges here are for this look alone; the finding's own holds at every look so far."


def _label(estimate: Record) -> str:
    return str(estimate["label"])


def _estimators_table(outcome: Record) -> Markup:
    rows = []
    for estimate in outcome["estimates"]:
        row = effects.shown(estimate, estimate["overall"])
        rows.append(
            [
                _label(estimate),
                effects.with_range(estimate, row),
                chance(row["p_value"]),
                words.inference(str(estimate["inference"])),
                words.number(row["n_areas"]),
            ]
        )
    return table(
        f"Every estimator: {outcome['plain_title']}",
        ["Estimator", "Effect (range)", "p", "Inference", "Areas"],
        rows,
        numeric="tnntn",
    )


def _diagnostics_table(study: StudyResults, outcome: Record) -> Markup:
    if not outcome["diagnostics"]:
        return Markup("")
    rows = [
        [
            d["title"],
            d["result"],
            words.sentence(d["sentence"]),
            _statistic(str(d["statistic"]), outcome["unit"], study.period_word),
        ]
        for d in outcome["diagnostics"]
    ]
    heads = ["Check", "Result", "Meaning", "Figure"]
    return table(f"{outcome['plain_title']}: what was checked", heads, rows)


def _statistic(said: str, unit: str, period: str) -> str:
    """A check's figure in the outcome's own unit; a p of nought in its digits is a small one."""
    told = words.tidy(said).replace("units a period", f"{unit}, a {period}")
    told = told.replace(" units, p", f" {unit}, p")
    return words.joined(re.sub(r"\bp = 0\.0+$", "p < 0.001", told))


def _effect_rows(outcome: Record) -> list[dict[str, Any]]:
    """Every effect of every estimator as plain rows, on the scale that it was estimated on."""
    index = {"event_time": "event_time", "site": "site", "cohort": "cohort", "quarter": "quarter"}
    found = []
    for estimate in outcome["estimates"]:
        parts = [("overall", "", estimate["overall"])]
        parts += [(part, row[key], row) for part, key in index.items() for row in estimate[part]]
        for part, entry, row in parts:
            figures_of_row = (
                "effect",
                "se",
                "low",
                "high",
                "low_band",
                "high_band",
                "p_value",
                "n_areas",
            )
            found.append(
                {
                    "estimator": estimate["estimator"],
                    "scale": estimate["scale"],
                    "by": part,
                    "entry": entry,
                }
                | {key: row.get(key) for key in figures_of_row}
            )
    return found
