"""The main points of the front page: at most six sentences, each counted from the results.

They say what the answer above them leaves out: how all outcomes fell out, whether anything or
anybody came off worse, whether the control moved, whether other estimators agree, who pays.
"""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.edition import words
from evaluation.edition.answers import cannot_be_told, not_standing, style
from evaluation.edition.edition import StudyResults, primary_estimate
from evaluation.edition.records import Record

MOST = 6
_TAIL = 0.025
"""The share of ranges that would lie wholly on the worse side if nothing had changed."""


def main_points(study: StudyResults) -> list[str]:
    """The sentences, what happened first."""
    found = [
        _tally("Main outcomes", study.with_role("primary")),
        _tally("Further outcomes", study.with_role("secondary")),
        sites_worse(study),
        _control(study),
        _agreement(study),
        _who_pays(study),
    ]
    return [point for point in found if point][:MOST]


def _tally(name: str, outcomes: Sequence[Record]) -> str:
    """As in ``Main outcomes: of 3, 2 improved, none worsened and 1 is open``."""
    if not outcomes:
        return ""
    styles = [style(o) for o in outcomes]
    worse = [words.within(o["plain_title"]) for o in outcomes if style(o) == "worse"]
    nothing, still_open = styles.count("none"), styles.count("early") + styles.count("unknown")
    parts = [
        f"{_count(styles.count('better'))} improved",
        f"{_count(len(worse))} worsened" + (f" ({words.listed(worse)})" if worse else ""),
    ]
    if nothing:
        every = "all " if nothing == len(outcomes) > 1 else ""
        parts.append(f"for {every}{_count(nothing)} a large effect is ruled out")
    if still_open:
        parts.append(f"{_count(still_open)} {'is' if still_open == 1 else 'are'} open")
    return f"{name}: of {len(outcomes)}, {words.listed(parts)}."


def _count(count: int) -> str:
    return words.number(count) if count else "none"


def sites_worse(study: StudyResults) -> str:
    """Site effects that lie wholly on the worse side, beside how many chance would put there."""
    names = {site["code"]: site["name"] for site in study.sites}
    judged, unjudged, worse = 0, 0, []
    for outcome in study.with_role("primary", "secondary"):
        estimate = primary_estimate(outcome)
        for row in estimate["site"] if estimate and outcome["polarity"] != "care" else ():
            near_nought = _least_worse(outcome, row)
            if row["effect"] is None:
                continue
            if near_nought is None:
                unjudged += 1
                continue
            judged += 1
            if near_nought > 0:
                worse.append(f"{names[row['site']]}, {words.within(outcome['plain_title'])}")
    return _said_of_sites(judged, unjudged, worse) if judged + unjudged else ""


def _least_worse(outcome: Record, row: Record) -> float | None:
    """The end of a range that is least bad, as how much worse it is; None where it has no end."""
    end, sign = (row["high"], -1) if outcome["polarity"] == "up" else (row["low"], 1)
    return None if end is None else float(sign * end)


def _said_of_sites(judged: int, unjudged: int, worse: Sequence[str]) -> str:
    without = "since re-drawn start dates give no limit for them"
    if not judged:
        effects = words.counted(unjudged, "effect")
        return f"Site by site, {effects} could not be judged for harm, {without}."
    could_not = f" and {words.number(unjudged)} could not, {without}" if unjudged else ""
    are = "is" if len(worse) < 2 else "are"
    which = f" ({'; '.join(worse)})" if worse else ""
    by_chance = words.number(max(1.0, _TAIL * judged))
    about = "about" if _TAIL * judged >= 0.5 else "fewer than"
    return (
        f"Site by site, {words.counted(judged, 'effect')} could be judged for harm{could_not}. "
        f"Of the {words.number(judged)}, {_count(len(worse))} {are} clearly for the worse{which}; "
        f"chance alone would give {about} {by_chance}."
    )


def _control(study: StudyResults) -> str:
    controls = study.with_role("negative_control")
    if not controls:
        return ""
    moved = [words.within(o["plain_title"]) for o in controls if style(o) in ("better", "worse")]
    if moved:
        return (
            f"The control moved: {words.listed(moved)}. Something other than the programme may be "
            "at work."
        )
    names = words.listed([words.within(o["plain_title"]) for o in controls])
    return f"The control, {names}, did not move by more than chance could explain."


def _agreement(study: StudyResults) -> str:
    """Whether every estimator of each main outcome has the same sign."""
    apart = [o for o in study.with_role("primary") if not _agree(o)]
    if not study.with_role("primary"):
        return ""
    if not apart:
        return "For every main outcome, all ways of estimating it point the same way."
    names = words.listed([words.within(o["plain_title"]) for o in apart])
    return f"Ways of estimating do not all point the same way for {names}."


def _agree(outcome: Record) -> bool:
    effects = [e["overall"]["effect"] for e in outcome["estimates"]]
    known = [effect for effect in effects if effect is not None]
    return all(e < 0 for e in known) or all(e > 0 for e in known)


def _who_pays(study: StudyResults) -> str:
    if study.value is None or not study.value["by_agency"]:
        return ""
    rows = study.value["by_agency"]
    payer = max(rows, key=lambda row: float(row["cost"]["mean"]))
    gainer = max(rows, key=lambda row: float(row["gain"]["mean"]))
    cost = words.pounds(payer["cost"]["mean"])
    return (
        f"The largest cost so far falls on {payer['name']} ({cost}). "
        f"The largest gain is at {gainer['name']} ({gainer['budget']}): "
        f"{words.money_with_range(gainer['gain'])}{_of_which_open(study.value, gainer)}."
    )


def _of_which_open(value: Record, gainer: Record) -> str:
    """How much of an agency's gain rests on findings that are objected to."""
    codes = {row["outcome"] for row in not_standing(value)}
    part = sum(
        row["value"]["mean"]
        for row in value["by_outcome"]
        if row["outcome"] in codes
        and row["kind"] == "fiscal"
        and (row["agency"], row.get("budget")) == (gainer["agency"], gainer["budget"])
    )
    if not part:
        return ""
    whole = words.pounds(part) == words.pounds(gainer["gain"]["mean"])
    which = "all of it" if whole else f"of which {words.pounds(part)} is"
    return f", {which} from {cannot_be_told(value)}"
