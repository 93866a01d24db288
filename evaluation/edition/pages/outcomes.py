"""What the page of an outcome shows: its charts, tables and downloads, each said in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import words
from evaluation.edition.files import OutcomePage
from evaluation.edition.html_tables import table
from evaluation.edition.pages import donors, evidence
from evaluation.finding.undo import Undo
from evaluation.study.record import (
    EstimateResult,
    HonestRange,
    PathRow,
    PublishedFigure,
    PublishedResult,
    Results,
)
from evaluation.study.written import Record


def breaks(page: OutcomePage) -> dict[str, Markup] | None:
    """The chart of ranges by how large the breaks may be, and its table."""
    held = page.outcome.honest_range
    if not held:
        return None
    rows = []
    for one in held.rows:
        if one.low is None or one.high is None:
            continue
        middle = (one.low + one.high) / 2
        shown = words.shown(page.estimate, {**one.plain(), "effect": middle})
        told = _said(page.estimate, shown)
        rows.append(figures.ForestRow(_breaks_label(one.bound), shown, one.bound == 0, told))
    if not rows:
        return None
    said = _undone(page, held)
    kind = f"Ranges of the effect on {page.outcome.plain_title} by size of the breaks"
    unit = words.tick_unit(page.estimate)
    down, draw = words.better_down(page.outcome), figures.forest_rightwards
    chart = page.chart("breaks", kind, said, draw, rows, unit, down)
    title = f"{page.outcome.plain_title}: range of the mean effect if paths break after the start"
    cells = [[one.label, one.said] for one in rows]
    return {"chart": chart, "table": table(title, ["Breaks", "Range"], cells, numeric="tn")}


def _breaks_label(bound: float) -> str:
    if bound == 0:
        return "no break after the start"
    size = words.number(bound, 2).rstrip("0").rstrip(".")
    return "as large as the largest before" if bound == 1 else f"{size} times the largest before"


def _said(estimate: EstimateResult, shown: Record) -> str:
    say = words.say(estimate)
    return f"{say(shown['low'])} to {say(shown['high'])}"


def _undone(page: OutcomePage, held: HonestRange) -> str:
    """What would undo the finding, as it says itself; where nothing was found, what breaks do."""
    undo = page.outcome.finding.undo
    if undo is not None:
        return undo.sentence
    # JSON knows no infinity: a table without a breakdown survives every break that was tried.
    breaks = math.inf if held.breakdown is None else held.breakdown
    return Undo(breaks=breaks, cause=None).sentence.spelled(words.BOOK)


def quantile_dots(page: OutcomePage) -> Markup:
    """Twenty dots: equally likely effects, as this look alone has them."""
    values = _values(page)
    if not values:
        return Markup("")
    said = quantile_dots_sentence(values)
    kind = f"Dot chart of twenty equally likely effects on {page.outcome.plain_title}"
    units = words.unit(page.estimate, page.outcome), words.tick_unit(page.estimate)
    return page.chart("worlds", kind, said, figures.equally_likely, values, *units)


def _values(page: OutcomePage) -> list[float]:
    found = words.gap(page.estimate, page.outcome.equally_likely)
    return [value for value in found if value is not None]


def quantile_dots_sentence(values: Sequence[float]) -> str:
    """How many of the quantile dots lie below zero."""
    below = sum(value < 0 for value in values)
    many = len(values)
    if below in (0, many):
        side = "lower" if below else "higher"
        return f"In all {many} equally likely worlds the figure is {side} than it would have been."
    return (
        f"In {below} of {many} equally likely worlds the figure is lower than it would have been; "
        f"in {many - below} it is higher."
    )


def quantile_dots_table(page: OutcomePage) -> Markup:
    """The twenty effects."""
    values = _values(page)
    if not values:
        return Markup("")
    say = words.say(page.estimate)
    rows = [[str(k), say(value)] for k, value in enumerate(values, start=1)]
    title = f"{page.outcome.plain_title}: twenty equally likely effects, in order"
    return table(title, ["World", "Effect"], rows, numeric="nn")


def elsewhere(page: OutcomePage) -> Markup:
    """The pilots' gap over event time before the envelope of those of other sets of areas."""
    gaps = page.outcome.placebo_effects
    if not gaps.placebo:
        return Markup("")
    real = words.gap(page.estimate, gaps.real)
    envelope = [words.gap(page.estimate, row) for row in gaps.placebo]
    times, window = gaps.event_times, page.study.window
    span = _span(page, window)
    outside, known = _outside(times, real, envelope, window)
    word = page.study.period_word
    said = (
        f"We gave the start dates to {_elsewhere(page.study)}. The pale field holds 90 in 100 of "
        f"their gaps, the darker one half. In {words.number(outside)} of the first "
        f"{words.counted(known, word)} the pilots lay outside the pale one."
    ) + (" The box is the range of the mean over all looks." if span else "")
    kind = f"Line chart of the pilots' gap in {page.outcome.plain_title} by event time"
    how = words.unit(page.estimate, page.outcome), span, page.study.period_word
    return page.chart("gaps", kind, said, figures.gaps, times, real, envelope, *how)


def _elsewhere(study: Results) -> str:
    """The sets of areas that took the pilots' place: all that there are, or some drawn by lot."""
    drawn = study.assignments
    if drawn.enumerated:
        return f"every other set of areas that could have started, {words.number(drawn.drawn)}"
    return "other sets of areas, drawn by lot"


def elsewhere_table(page: OutcomePage) -> Markup:
    """The pilots' gap by event time, and between what ends 90 in 100 of the other gaps lie."""
    gaps = page.outcome.placebo_effects
    if not gaps.placebo:
        return Markup("")
    say = words.say(page.estimate)
    real = words.gap(page.estimate, gaps.real)
    envelope = [words.gap(page.estimate, row) for row in gaps.placebo]
    rows = []
    for k, time in enumerate(gaps.event_times):
        ends = [row[k] for row in (envelope[0], envelope[-1])]
        own = "not shown" if real[k] is None else say(real[k])
        rows.append([words.number(time), own, f"{say(ends[0])} to {say(ends[1])}"])
    since = f"{page.study.period_word}s since the start"
    heads = [since.capitalize(), "Pilot areas", "Other sets, 90 in 100"]
    return table(f"{page.outcome.plain_title}: the gap by {since}", heads, rows, numeric="nnn")


def _span(page: OutcomePage, window: Sequence[int]) -> figures.MeanSpan | None:
    """The repeated interval of the overall effect."""
    looked = page.outcome.finding.looked
    if looked is None or looked.low is None or looked.high is None:
        return None
    ends = words.shown(page.estimate, {"low": looked.low, "high": looked.high})
    return figures.MeanSpan(float(window[0]), float(window[1]), ends["low"], ends["high"])


def _outside(
    times: Sequence[int],
    real: Sequence[float | None],
    envelope: Sequence[Sequence[float | None]],
    window: Sequence[int],
) -> tuple[int, int]:
    """In how many periods of the window the gap lies outside the envelope; of how many."""
    asked = [
        (real[k], envelope[0][k], envelope[-1][k])
        for k, time in enumerate(times)
        if window[0] <= time <= window[1]
    ]
    known = [(own, low, high) for own, low, high in asked if None not in (own, low, high)]
    found = sum(not (low or 0.0) <= (own or 0.0) <= (high or 0.0) for own, low, high in known)
    return found, len(known)


def chart(page: OutcomePage) -> Markup:
    """The repeated interval after each look; the look that ruled out no effect is filled."""
    rows = page.outcome.looks
    if len(rows) < 2:
        return Markup("")
    crossed = next((row.quarter for row in rows if row.crossed), None)
    drawn = [
        page.row(row.quarter, shown, filled=row.quarter == crossed)
        for row in rows
        if (shown := words.shown(page.estimate, row))["effect"] is not None
    ]
    said = f"{words.counted(len(rows), 'look').capitalize()} so far. " + (
        f"The look at {crossed} ruled out “no effect”, every look counted; that stands whatever "
        "later looks show."
        if crossed
        else "None of them has ruled out “no effect”, every look counted."
    )
    return page.forest("looks", "as known at each look, with ranges", said, drawn)


def looks_table(page: OutcomePage) -> Markup:
    """Every look with its interval, what was spent by then, and its verdict."""
    rows = page.outcome.looks
    if not rows:
        return Markup("")
    cells = [
        [
            row.quarter,
            row.vintage[:10],
            words.shown_with_range(page.estimate, words.shown(page.estimate, row)),
            words.percent(row.spent and 100 * row.spent, 2),
            "ruled out" if row.crossed else "not ruled out",
        ]
        for row in rows
    ]
    heads = [
        "Look",
        "Newest figure came in",
        "Effect (range over all looks)",
        "Chance of a false finding spent",
        "“No effect”",
    ]
    return table(f"{page.outcome.plain_title}: look by look", heads, cells, numeric="ttnnt")


def view(page: OutcomePage, prefix: str, *, open_data: bool = True) -> dict[str, Any]:
    """Everything that the template of an outcome asks for.

    ``prefix`` begins its claims' ids. Without ``open_data`` the figures behind the chart are not
    handed on, since a source forbids it; effects are ours and always are.
    """
    study, outcome, out = page.study, page.outcome, page.out
    name = f"{study.study}/{outcome.code}"
    if open_data:
        out.table(f"{name}-paths", [row.plain() for row in outcome.paths])
    else:
        out.withheld.add(study.study)
    out.table(f"{name}-effects", _effect_rows(page))
    return {
        "study": study,
        "outcome": outcome,
        "name": name,
        "root": page.root,
        "claims": f"{prefix}{outcome.code}",
        "verdict": words.verdict(outcome.finding),
        "paths": paths_chart(page),
        "open_data": open_data,
        "paths_table": _paths_table(page) if open_data else "",
        "gaps": elsewhere(page),
        "gaps_table": elsewhere_table(page),
        "worlds": quantile_dots(page),
        "worlds_table": quantile_dots_table(page),
        "breaks": breaks(page),
        "twin": donors.of_outcome(page),
        "standing": _standing(page),
        "events": _events_chart(page),
        "events_table": _events_table(page),
        "looks": chart(page),
        "looks_table": looks_table(page),
        "by_site": _sites_chart(page),
        "sites_table": _sites_table(page),
        "side_by_side": _estimators_chart(page),
        "estimators_table": _estimators_table(page),
        "diagnostics": _diagnostics_table(page),
        "first": _window(study),
        "period": study.period_word,
        "withheld": " ".join(filter(None, (_withheld(page), _blanket(page)))),
        "rounded": " ".join(filter(None, (_rounded(page), _lineage(page)))),
        "touched": _touched(page),
        "cautions": [words.whole(w) for e in outcome.estimates for w in e.warnings],
    }


def fold(page: OutcomePage) -> dict[str, Any]:
    """What the page of all outcomes shows of one: its finding, its paths, its sites."""
    outcome = page.outcome
    return {
        "study": page.study,
        "outcome": outcome,
        "claims": outcome.code,
        "verdict": words.verdict(outcome.finding),
        "paths": paths_chart(page),
        "by_site": _sites_chart(page),
        "standing": _standing(page),
        "first": _window(page.study),
        "root": page.root,
    }


def _withheld(page: OutcomePage) -> str:
    """What withheld counts could do to the effect, in a sentence; empty where there are none."""
    ends = page.outcome.suppressed
    if not ends:
        return ""
    say, shown = words.say(page.estimate), words.shown(page.estimate, ends)
    return (
        f"{words.counted(ends.cells, 'count').capitalize()} "
        f"{'is' if ends.cells == 1 else 'are'} withheld because small. At the ends between "
        f"which they must lie, the effect would be {say(shown['low'])} and {say(shown['high'])}."
    )


def _rounded(page: OutcomePage) -> str:
    """How many figures were rounded before they came; empty where none was."""
    many = page.outcome.data.rounded
    if not many:
        return ""
    were = "figure was" if many == 1 else "figures were"
    return (
        f"{words.number(many)} {were} rounded before being returned; the range allows for what "
        "rounding can hide."
    )


def _lineage(page: OutcomePage) -> str:
    """How many figures are sums or were shared out of older areas; empty where none is."""
    held = page.outcome.data.lineage
    if not held:
        return ""
    said = f"{words.counted(held.summed, 'figure').capitalize()} are sums of the source's areas"
    if not held.apportioned:
        return f"{said}."
    return (
        f"{said}; {words.number(held.apportioned)} were in part shared out of areas of an older "
        f"vintage, at most {words.number(100 * held.most_apportioned)}% of one figure."
    )


def _touched(page: OutcomePage) -> Markup:
    """The effect beside that without the areas to which something else happened."""
    rows = []
    for one in page.outcome.touched:
        if one.effect is None:
            rows.append([one.without, words.number(one.areas), "too few areas are left", ""])
            continue
        shown = words.shown(page.estimate, {"effect": one.effect, "low": one.low, "high": one.high})
        effect = words.shown_with_range(page.estimate, shown)
        rows.append([one.without, words.number(one.areas), effect, words.chance(one.p_value)])
    if not rows:
        return Markup("")
    heads = ["Without the areas of", "Areas left out", "Effect (range)", "p"]
    title = f"{page.outcome.plain_title}: without the areas to which something else happened"
    return table(title, heads, rows, numeric="tnnn")


def _blanket(page: OutcomePage) -> str:
    """What figures that nobody answered for singly do to the effect; empty where there are none."""
    found = page.outcome.blanket
    if not found:
        return ""
    ends = {"low": found.effect, "high": found.without}
    say, shown = words.say(page.estimate), words.shown(page.estimate, ends)
    return (
        f"{words.counted(found.cells, 'unusual figure').capitalize()} "
        f"{'was' if found.cells == 1 else 'were'} accepted by one reason for all of their kind. "
        f"With them the effect is {say(shown['low'])}, without them {say(shown['high'])}."
    )


def _standing(page: OutcomePage) -> evidence.Standing | None:
    """How strong the evidence on the outcome is; None where it is not graded."""
    found = {one.outcome.code: one for one in evidence.standings(page.study)}
    return found.get(page.outcome.code)


def _window(study: Results) -> str:
    """Which periods the overall effect is a mean of, in words."""
    first, last = study.window
    return f", first {words.counted(last - first + 1, study.period_word)}"


def paths_chart(page: OutcomePage) -> Markup:
    """Pilots beside what would have happened without the programme."""
    rows = page.outcome.paths
    if not rows:
        return Markup("")
    finding = page.outcome.finding.sentence
    # A survey has figures in its waves alone: the last period that was measured is told.
    measured = [row for row in rows if row.pilot is not None]
    levels = _last_levels(measured[-1] if measured else rows[-1])
    alt = (
        f"Line chart of {page.outcome.plain_title}, {page.outcome.unit}, {rows[0].period} to "
        f"{rows[-1].period}. {levels} {finding}"
    )
    drawn = [row.plain() for row in rows], page.study.starts, page.outcome.unit
    name = page.name("paths")
    return page.out.plate(name, page.root, alt, figures.paths, *drawn, title=levels)


def _last_levels(row: PathRow) -> str:
    if row.pilot is None:
        return ""
    text = f"Pilot areas in {row.period}: {words.level(row.pilot)}"
    if row.counterfactual is None:
        return text + "."
    without, ends = words.level(row.counterfactual), _range(row) or "no range"
    return f"{text}; without the programme {without} ({ends})."


def _paths_table(page: OutcomePage) -> Markup:
    rows = [
        [
            row.period,
            words.level(row.pilot),
            words.level(row.counterfactual) if row.counterfactual is not None else "",
            _range(row),
            words.level(row.comparison),
        ]
        for row in page.outcome.paths
    ]
    heads = ["Period", "Pilot areas", "Without the programme", "Range", "Comparison areas"]
    return table(f"{page.outcome.plain_title}, {page.outcome.unit}", heads, rows, numeric="tnnnn")


def _range(row: PathRow) -> str:
    if row.low is None or row.high is None:
        return ""
    return f"{words.level(row.low)} to {words.level(row.high)}"


def _events_chart(page: OutcomePage) -> Markup:
    rows = _events(page.estimate)
    # Of few areas none of them is printed.
    if not rows:
        return Markup("")
    last = rows[-1]
    said = (
        f"{page.study.period_word.capitalize()} {last['event_time']} after the start: "
        f"{words.shown_with_range(page.estimate, last)}, from "
        f"{words.counted(int(last['n_areas'] or 0), 'pilot area')}. Lines hold one "
        f"{page.study.period_word} at a time, the band all of them at once."
    )
    kind = f"Dot chart of the effect on {page.outcome.plain_title} by event time"
    units = words.unit(page.estimate, page.outcome), page.study.period_word
    return page.chart("events", kind, said, figures.events, rows, *units)


def _events(estimate: EstimateResult) -> list[dict[str, Any]]:
    rows = [words.shown(estimate, row) for row in estimate.event_time]
    return sorted(
        (row for row in rows if row["effect"] is not None), key=lambda r: int(r["event_time"])
    )


def _events_table(page: OutcomePage) -> Markup:
    rows = [
        [
            words.number(row["event_time"]),
            words.shown_with_range(page.estimate, row),
            words.chance(row["p_value"]),
            words.number(row["n_areas"]),
        ]
        for row in _events(page.estimate)
    ]
    since = f"{page.study.period_word}s since the start"
    heads = [since.capitalize(), "Effect (range)", "p", "Areas"]
    title = f"{page.outcome.plain_title}: effect by {since}"
    return table(title, heads, rows, numeric="nnnn")


def _sites_chart(page: OutcomePage) -> Markup:
    rows = page.by_site()
    if len(rows) < 2:
        return Markup("")
    on = words.compared_on(page.outcome)
    # Open: a finding rests on all sites together and on no one of them.
    drawn = [page.row(f"{s.name}, from {s.start}", row, filled=False, on=on) for s, row in rows]
    clear = [s.name for s, row in rows if words.leaves_out_zero(row)]
    said = "In the order in which they started. " + (
        f"The range leaves out zero for {words.listed(clear)}."
        if clear
        else "No site's own range leaves out zero: one site is too few areas to tell."
    )
    without = [s.name for s, row in rows if row["low"] is None and row["high"] is None]
    if without:
        said += f" Re-drawn start dates give no range for {words.listed(without)}."
    return page.forest("sites", "by site with ranges", said, drawn, on=on)


def _sites_table(page: OutcomePage) -> Markup:
    rows = [
        [
            site.name,
            site.start,
            words.number(site.areas),
            words.effect_at(site.code, page.outcome, words.compared_on(page.outcome), row),
            words.chance(row["p_value"]),
        ]
        for site, row in page.by_site()
    ]
    heads = ["Site", "Start", "Areas", "Effect (range)", "p"]
    title = f"{page.outcome.plain_title}: effect by site"
    return table(title, heads, rows, numeric="ttnnn")


def _estimators_chart(page: OutcomePage) -> Markup:
    estimates = [e for e in page.outcome.estimates if e.overall.effect is not None]
    scale = next((e.scale for e in estimates), "log")
    rows = []
    for estimate in (e for e in estimates if e.scale == scale):
        row = words.shown(estimate, estimate.overall)
        told = words.shown_with_range(estimate, row)
        rows.append(figures.ForestRow(estimate.label, row, estimate.primary, told))
    if len(rows) < 2:
        return Markup("")
    points = [one.figure["effect"] for one in rows]
    alike = all(p < 0 for p in points) or all(p > 0 for p in points)
    said = (
        "All ways of estimating point the same way."
        if alike
        else "The ways of estimating do not all point the same way."
    )
    said += " Filled: the one that the finding rests on."
    said += _one_look(page)
    kind = f"Effects on {page.outcome.plain_title} by estimator with ranges"
    unit = "%" if scale == "log" else ""
    down, draw = words.better_down(page.outcome), figures.forest_rightwards
    return page.chart("estimators", kind, said, draw, rows, unit, down)


def _one_look(page: OutcomePage) -> str:
    """Why the filled range is not quite the finding's, where looks are counted."""
    if len(page.outcome.looks) < 2:
        return ""
    return " Ranges here are for this look alone; the finding's own holds at every look so far."


def _estimators_table(page: OutcomePage) -> Markup:
    rows = []
    for estimate in page.outcome.estimates:
        row = words.shown(estimate, estimate.overall)
        effect, p = words.shown_with_range(estimate, row), words.chance(row["p_value"])
        how, areas = words.inference(estimate.inference), words.number(row["n_areas"])
        rows.append([estimate.label, effect, p, how, areas])
    heads = ["Estimator", "Effect (range)", "p", "Inference", "Areas"]
    title = f"Every estimator: {page.outcome.plain_title}"
    return table(title, heads, rows, numeric="tnntn")


def _diagnostics_table(page: OutcomePage) -> Markup:
    if not page.outcome.diagnostics:
        return Markup("")
    rows = [[d.title, d.result, d.sentence, d.statistic] for d in page.outcome.diagnostics]
    heads = ["Check", "Result", "Meaning", "Figure"]
    return table(f"{page.outcome.plain_title}: what was checked", heads, rows)


def _effect_rows(page: OutcomePage) -> list[dict[str, Any]]:
    """Every effect of every estimator as plain rows, on the scale that it was estimated on."""
    return [
        {"estimator": one.estimator, "scale": one.scale, "by": by, "entry": entry, **row.figures()}
        for one in page.outcome.estimates
        for by, entry, row in one.entries()
    ]


_DIGITS = 4


def published_table(study: Results) -> Markup:
    """One row for each published figure: theirs, ours, the difference, and why there is one."""
    rows = [
        [
            _what(row),
            _figure(row.published),
            _figure(row.ours, row.inference),
            _difference(row.difference),
            words.sentence(row.why) if row.why else "",
        ]
        for row in study.published
    ]
    heads = ["What", "Published (error)", "Ours (error)", "Difference", "Why"]
    return table("Published figures and ours", heads, rows, numeric="tnnnt")


def _what(row: PublishedResult) -> Markup:
    return Markup("{}<span class='from'>{}</span>").format(row.what, words.typeset(row.source))


def _figure(figure: PublishedFigure, inference: str = "") -> Markup:
    """``\u22120.1819 (0.0782)``, below it the p value where one is given and how it was found."""
    parts = [] if figure.effect is None else [words.number(figure.effect, _DIGITS)]
    parts += [] if figure.error is None else [f"({words.number(figure.error, _DIGITS)})"]
    shown = Markup("{}").format(" ".join(parts) or "none")
    if figure.p_value is None:
        return shown
    small = figure.p_value < 0.001
    found = "p < 0.001" if small else f"p = {words.chance(figure.p_value)}"
    how = f" {words.inference(inference)}" if inference else ""
    return shown + Markup("<span class='from'>{}{}</span>").format(found, how)


def _difference(value: float | None) -> str:
    if value is None:
        return ""
    return "none" if abs(value) < 5e-5 else words.number(value, _DIGITS)
