"""What is seen at once: all outcomes on one chart and all sites on one, each said in words too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from evaluation import drawing as figures
from evaluation.edition import answers, words
from evaluation.edition.files import Generated
from evaluation.edition.html_tables import table
from evaluation.protocol import ESTIMATOR_NAMES
from evaluation.study.record import OutcomeResult, Results, SiteResult

GROUPS = {
    "primary": "Main outcomes",
    "secondary": "Also measured",
    "negative_control": "Control: the programme should not move it",
}
"""The roles of outcomes, in the order in which they are shown, and what each is called."""

ALL_SITES = "all sites together"


def ordered(study: Results) -> list[OutcomeResult]:
    """The outcomes of a study: main ones, further ones, controls."""
    order = list(GROUPS)
    return sorted(study.outcomes, key=lambda one: order.index(one.role))


def outcome_rows(listed: Sequence[OutcomeResult]) -> list[dict[str, Any]]:
    """A row of the chart of all outcomes each, in per cent."""
    return [
        {
            "group": GROUPS[one.role],
            "outcome": one.plain_title,
            "mark": words.verdict(one.finding).mark,
            "main": one.role == "primary",
            "better_down": words.better_down(one),
            **_figures(one.finding.effect_percent.plain()),
            "hoped": one.finding.hoped_percent,
            "worth_having": _margin(one),
            "said": words.finding_percent(one.finding),
        }
        for one in listed
    ]


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row.get(key) for key in ("effect", "low", "high")}


def _margin(outcome: OutcomeResult) -> float | None:
    """What is worth having; None where the protocol names no change that is."""
    margin = outcome.finding.margin_percent
    return margin or None


def outcomes_chart(study: Results, out: Generated) -> Markup:
    """All outcomes on one chart, for the front page and for that of lives: drawn once."""
    rows = outcome_rows(ordered(study))
    if not rows:
        return Markup("")
    how = (
        "Per cent of what would have been; better lies to the right. Filled dots: main outcomes. "
        "Grey: smaller than worth having. Upright marks: hoped for."
    )
    kind = "Chart of all outcomes: found, with ranges, beside what was hoped for and worth having"
    # Which ranges leave out zero is seen, and told to whoever does not see it.
    alt, name = f"{kind}. {left_out(rows_in_words(study))} {how}", f"{study.study}/all-outcomes"
    return out.plate(name, "", alt, figures.all_outcomes, rows, caption=how)


def front_chart(study: Results, out: Generated) -> Markup:
    """The chart of the front page: main outcomes, and whatever else the protocol set a hope for.

    Chosen by what was written down beforehand, never by what was found; all are on the page of
    lives.
    """
    chosen = [
        one
        for one in ordered(study)
        if one.role == "primary"
        or (one.role == "secondary" and one.finding.hoped_percent is not None)
    ]
    if not chosen:
        return outcomes_chart(study, out)
    how = (
        "Per cent of what would have been; better lies to the right. Grey: smaller than worth "
        "having. Upright marks: hoped for."
    )
    kind = "Chart of main outcomes: found, with ranges, beside hopes and what is worth having"
    name, title = f"{study.study}/front", against_hopes(chosen)
    # In words, since a chart of few rows has the room and is passed on without its page.
    rows = [
        row
        | {
            "mark": "",
            "verdict": words.verdict(one.finding).word,
            "people": _people(one, study.period_word),
        }
        for row, one in zip(outcome_rows(chosen), chosen, strict=True)
    ]
    alt = f"{kind}. {title} {how}"
    return out.plate(name, "", alt, figures.all_outcomes, rows, title=title, caption=how)


def _people(outcome: OutcomeResult, period: str) -> str:
    """How many people an effect is; nothing where it is not counted in people."""
    return answers.people(outcome, period) if outcome.finding.people else ""


def against_hopes(outcomes: Sequence[OutcomeResult]) -> str:
    """How many main outcomes fall short of the hope by their whole range, reach it, or may.

    Empty where no main outcome has both a hope and a range.
    """
    short = reached = open_still = 0
    for one in outcomes:
        hoped, found = one.finding.hoped_percent, one.finding.effect_percent
        if one.role != "primary" or not hoped or found.low is None or found.high is None:
            continue
        # As shares of the hope: 1 is what was hoped for, whichever way that lies.
        ends = found.low / hoped, found.high / hoped
        short += max(ends) < 1
        reached += min(ends) >= 1
        open_still += min(ends) < 1 <= max(ends)
    many = short + reached + open_still
    if not many:
        return ""
    told = [
        f"{words.number(short)} {'falls' if short == 1 else 'fall'} short of what was hoped for",
        f"{words.number(reached)} {'reaches' if reached == 1 else 'reach'} what was hoped for",
        f"for {words.number(open_still)} it cannot be told"
        + ("" if short or reached else " whether what was hoped for is reached"),
    ]
    held = [one for one, n in zip(told, (short, reached, open_still), strict=True) if n]
    return f"Of {words.counted(many, 'main outcome')}, {words.listed(held)}."


def rows_in_words(study: Results) -> list[figures.ForestRow]:
    """The outcomes by name, with their ranges."""
    return [
        figures.ForestRow(
            one.plain_title,
            one.finding.effect_percent.plain(),
            one.role == "primary",
            words.finding_percent(one.finding),
        )
        for one in ordered(study)
    ]


def left_out(rows: Sequence[figures.ForestRow]) -> str:
    """Which of the effects have a range without zero, if ranges can be given."""
    if all(row.figure["low"] is None or row.figure["high"] is None for row in rows):
        return "Re-drawn start dates can give none of these a range: read them as single guesses."
    clear = [words.within(row.label) for row in rows if words.leaves_out_zero(row.figure)]
    said = f"Ranges that leave out zero: {words.listed(clear) or 'none'}."
    without = [words.within(r.label) for r in rows if r.figure["low"] is None is r.figure["high"]]
    return f"{said} No range can be given for: {words.listed(without)}." if without else said


def site_rows(study: Results) -> list[dict[str, Any]]:
    """A row each site and main outcome, sites in the order in which they started."""
    sites = sorted(study.sites, key=lambda site: (site.start, site.code))
    found = []
    for outcome in study.with_role("primary"):
        own = {row.site: words.compared(outcome, row) for row in outcome.estimate.site}
        on = words.compared_on(outcome)
        say = words.say(on)
        for site in sites:
            row = own.get(site.code)
            if row is not None and row["effect"] is not None:
                found.append(
                    {
                        "site": site.name,
                        "outcome": outcome.plain_title,
                        "unit": words.unit(on, outcome),
                        "better_down": words.better_down(outcome),
                        **_figures(row),
                        "said": say(row["effect"]),
                        "in_full": words.shown_with_range(on, row),
                        "overall": answers.untold(outcome),
                    }
                )
    return found


def sites_chart(study: Results, out: Generated) -> Markup:
    """All sites on one chart, a field for each main outcome, for the front page and for sites."""
    rows = site_rows(study)
    if not rows:
        return Markup("")
    titles = list(dict.fromkeys(str(row["outcome"]) for row in rows))
    said = f"Each site alone, in the order in which they started. {_tally(rows, titles)}"
    # Beside the figures, since a strip that is passed on alone bears its ranges in lines only.
    said += " One site is a few areas, so its range is wide: this is no league table."
    kind = "Chart of the effect on each main outcome at each site, with ranges"
    name = f"{study.study}/all-sites"
    return out.chart(name, "", kind, said, figures.sites_together, rows, titles)


class SiteOutcome(NamedTuple):
    """An outcome at one site: what its effect is shown on, and the effect."""

    outcome: OutcomeResult
    on: words.OnScale
    row: dict[str, Any]


def site_chart(
    study: Results, site: SiteResult, found: Sequence[SiteOutcome], out: Generated
) -> Markup:
    """One site's effects, drawn as those of all sites are: by role, the better way rightwards."""
    order = list(GROUPS)
    shown = sorted(
        (held for held in found if held.on.scale == "log"),
        key=lambda held: order.index(held.outcome.role),
    )
    if not shown:
        return Markup("")
    rows = [
        {
            "group": GROUPS[one.role],
            "outcome": one.plain_title,
            "main": one.role == "primary",
            "filled": False,
            "better_down": words.better_down(one),
            **_figures(row),
            "hoped": None,
            "worth_having": None,
            "said": words.shown_with_range(on, row),
        }
        for one, on, row in shown
    ]
    said = f"{site.name} alone, {words.counted(site.areas, 'area')}."
    others = [one for one in found if one[1].scale != "log"]
    if others:
        apart = [words.within(o.plain_title) for o, _, row in others if words.leaves_out_zero(row)]
        also = f", where {words.listed(apart)} leave it out too" if apart else ""
        said += f" Effects that are not in per cent stand in the table{also}."
    kind = "Effects by outcome with ranges, per cent"
    name = f"{study.study}/site-{site.code}"
    title = _clear_here(shown)
    alt = f"{kind}. {title} {said}"
    return out.plate(name, "../", alt, figures.all_outcomes, rows, title=title, caption=said)


def _clear_here(found: Sequence[SiteOutcome]) -> str:
    """Which ranges of a site lie wholly on the better side, and which on the worse."""
    ways: dict[str, list[str]] = {"better": [], "worse": [], "moved": []}
    for outcome, _, row in found:
        if words.leaves_out_zero(row):
            rose = row["effect"] > 0
            way = "worse" if rose == words.better_down(outcome) else "better"
            ways["moved" if outcome.polarity == "care" else way].append(
                words.within(outcome.plain_title)
            )
    none = [held for held in found if held.row["low"] is None is held.row["high"]]
    if len(none) == len(found):
        return "Re-drawn start dates can give none of these a range: read them as single guesses."
    told = [
        f"ranges wholly {where}: {words.listed(ways[way])}"
        for way, where in (
            ("better", "on the better side"),
            ("worse", "on the worse side"),
            ("moved", "on one side, of what is only watched"),
        )
        if ways[way]
    ]
    return words.whole("; ".join(told) or "every range includes zero")


def card(programme: str, edition: str, study: Results) -> bytes:
    """The picture that stands for the book where its address is passed on."""
    rows = [
        {
            "outcome": one.plain_title,
            "verdict": words.verdict(one.finding).word,
            "said": words.finding_percent(one.finding),
            "better_down": words.better_down(one),
            **_figures(one.finding.effect_percent.plain()),
        }
        for one in study.with_role("primary")
    ]
    known = f"Edition {edition}, data as known on {words.day(study.vintage)}"
    band = words.SYNTHETIC if study.synthetic else ""
    return figures.social_card(f"{programme}: is it working?", known, rows, band)


def sites_table(study: Results) -> Markup:
    """The same as a table, with the ranges."""
    main = study.with_role("primary")
    shown = {
        (row.site, one.code): words.effect_at(
            row.site, one, words.compared_on(one), words.compared(one, row)
        )
        for one in main
        for row in one.estimate.site
        if row.effect is not None
    }
    sites = sorted(study.sites, key=lambda site: (site.start, site.code))
    listed = [
        [site.name, *(shown.get((site.code, one.code), "not shown") for one in main)]
        for site in sites
        if any((site.code, one.code) in shown for one in main)
    ]
    columns = ["Site", *(one.plain_title for one in main)]
    return table(
        "Sites and main outcomes: effect (range)", columns, listed, numeric="t" + "n" * len(main)
    )


def _tally(rows: Sequence[dict[str, Any]], titles: Sequence[str]) -> str:
    """Of how many sites each outcome went which way, all of them counted."""
    told = []
    for title in titles:
        own = [
            row["effect"] * (-1 if row["better_down"] else 1)
            for row in rows
            if row["outcome"] == title
        ]
        better, worse = sum(one > 0 for one in own), sum(one < 0 for one in own)
        same = len(own) - better - worse
        parts = [f"better at {better}", f"worse at {worse}"]
        parts += [f"as it would have been at {same}"] if same else []
        overall = next(row["overall"] for row in rows if row["outcome"] == title)
        told.append(f"{title}{overall}: {words.listed(parts)}.")
    return " ".join(told)


def every_effect(study: Results) -> Markup:
    """The table of the page by which an analyst explores: figures in full beside their words."""
    heads = ("Outcome", "Estimator", "Where", "Effect (range)")
    head = Markup("").join(Markup("<th scope='col'>{}</th>").format(name) for name in heads)
    body = Markup("").join(_effect_row(cells) for cells in effect_rows(study))
    return Markup(
        "<div class='table-box' role='region' tabindex='0' aria-label='Every effect'>"
        "<table><caption>Every effect, as released</caption>"
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(head, body)


def effect_rows(study: Results) -> list[dict[str, Any]]:
    """An outcome, an estimator and all sites or one, a row each, in the unit that readers see.

    main : whether it is what the finding rests on: the protocol's estimator, of all sites together.
    """
    sites = {site.code: site.name for site in study.sites}
    return [
        {
            "outcome": outcome.plain_title,
            # Results of before may name one that is called otherwise now.
            "estimator": ESTIMATOR_NAMES.get(estimate.estimator, estimate.estimator),
            "where": sites.get(str(entry), str(entry)) if by == "site" else ALL_SITES,
            "said": words.shown_with_range(words.compared_on(outcome), shown),
            "unit": words.tick_unit(words.compared_on(outcome)) or outcome.unit,
            "main": by == "overall" and estimate is outcome.estimate,
            **_figures(shown),
        }
        for outcome in ordered(study)
        for estimate in outcome.estimates
        for by, entry, row in estimate.entries()
        if by in ("overall", "site")
        and (shown := words.compared(outcome, row))["effect"] is not None
    ]


def _effect_row(cells: dict[str, Any]) -> Markup:
    held = {key: "" if cells[key] is None else cells[key] for key in ("effect", "low", "high")}
    held |= {"unit": cells["unit"], "main": "yes" if cells["main"] else "no"}
    data = Markup("").join(Markup(" data-{}='{}'").format(*one) for one in held.items())
    return Markup(
        "<tr{}><th scope='row'>{}</th><td>{}</td><td>{}</td><td class='n'>{}</td></tr>"
    ).format(data, *(cells[key] for key in ("outcome", "estimator", "where", "said")))
