"""An effect's uncertainty as counts: twenty equally likely worlds, two hundred other sets of areas.

A range is read as a wall by most readers; a count of worlds is not. Counts are of what the study
drew, and no verdict rests on them.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from evaluation.edition import effects, figures, words
from evaluation.edition.edition import StudyResults
from evaluation.edition.files import Generated
from evaluation.edition.records import Record
from evaluation.edition.tables import table


def worlds(
    study: StudyResults, outcome: Record, out: Generated, root: str, estimate: Record | None
) -> Markup:
    """Twenty dots: equally likely effects, as this look alone has them."""
    values = _values(outcome, estimate)
    if not values or estimate is None:
        return Markup("")
    said = worlds_sentence(values)
    alt = f"Dot chart of twenty equally likely effects on {outcome['plain_title']}. {said}"
    return out.plate(
        f"{study.study}/{outcome['code']}-worlds",
        root,
        alt,
        figures.equally_likely,
        values,
        effects.unit(estimate, outcome),
        effects.tick_unit(estimate),
        caption=said,
    )


def _values(outcome: Record, estimate: Record | None) -> list[float]:
    if estimate is None:
        return []
    found = [
        effects.shown(estimate, {"effect": v})["effect"]
        for v in outcome.get("equally_likely") or ()
    ]
    return [value for value in found if value is not None]


def worlds_sentence(values: Sequence[float]) -> str:
    """How many of the worlds lie below nought."""
    below = sum(value < 0 for value in values)
    many = len(values)
    if below in (0, many):
        side = "lower" if below else "higher"
        return f"In all {many} equally likely worlds the figure is {side} than it would have been."
    return (
        f"In {below} of {many} equally likely worlds the figure is lower than it would have been; "
        f"in {many - below} it is higher."
    )


def worlds_table(outcome: Record, estimate: Record | None) -> Markup:
    """The twenty effects."""
    values = _values(outcome, estimate)
    if not values or estimate is None:
        return Markup("")
    say = effects.say(estimate)
    rows = [[str(k), say(value)] for k, value in enumerate(values, start=1)]
    title = f"{outcome['plain_title']}: twenty equally likely effects, in order"
    return table(title, ["World", "Effect"], rows, numeric="nn")


def elsewhere(
    study: StudyResults, outcome: Record, out: Generated, root: str, estimate: Record | None
) -> Markup:
    """The pilots' gap over event time before the gaps of other sets of areas, in hair lines."""
    gaps = outcome["placebo_gaps"]
    if not gaps["gaps"]:
        return Markup("")
    real = effects.gap(estimate, gaps["real"])
    drawn = [effects.gap(estimate, row) for row in gaps["gaps"]]
    times, window = gaps["event_times"], study.raw.get("window") or (0, gaps["event_times"][-1])
    as_far, known = _as_far(times, real, drawn, window)
    span = _span(outcome, estimate, window)
    over = words.counted(window[1] - window[0] + 1, study.period_word)
    said = (
        f"We gave the start dates to {_elsewhere(study, known)}. Over "
        f"the first {over}, {words.number(as_far) if as_far else 'none'} of them lay as far from "
        "nought, on either side, as the real start dates did."
    ) + (" The box is the range of the mean over all looks." if span else "")
    alt = f"Line chart of the pilots' gap in {outcome['plain_title']} by event time. {said}"
    return out.plate(
        f"{study.study}/{outcome['code']}-gaps",
        root,
        alt,
        figures.gaps,
        times,
        real,
        drawn,
        effects.unit(estimate, outcome),
        span,
        study.period_word,
        caption=said,
    )


def _elsewhere(study: StudyResults, known: int) -> str:
    """The sets of areas that took the pilots' place: all that there are, or some drawn by lot."""
    told = words.number(known)
    drawn = study.raw.get("assignments") or {}
    if drawn.get("enumerated") and known == drawn["drawn"]:
        return f"every other set of areas that could have started, {told} in all"
    return f"{told} other sets of areas, drawn by lot"


def elsewhere_table(study: StudyResults, outcome: Record, estimate: Record | None) -> Markup:
    """The pilots' gap by event time, and between what ends 95 in 100 of the other gaps lie."""
    gaps = outcome["placebo_gaps"]
    if not gaps["gaps"]:
        return Markup("")
    say = effects.say(estimate) if estimate else effects.plain
    real = effects.gap(estimate, gaps["real"])
    drawn = [effects.gap(estimate, row) for row in gaps["gaps"]]
    rows = []
    for k, time in enumerate(gaps["event_times"]):
        others = sorted(value for row in drawn if (value := row[k]) is not None)
        ends = [others[round(share * (len(others) - 1))] for share in (0.025, 0.975)]
        rows.append([words.number(time), say(real[k]), f"{say(ends[0])} to {say(ends[1])}"])
    heads = [
        f"{study.period_word.capitalize()}s since the start",
        "Pilot areas",
        "Other sets, 95 in 100",
    ]
    title = f"{outcome['plain_title']}: the gap by {study.period_word}s since the start"
    return table(title, heads, rows, numeric="nnn")


def _span(
    outcome: Record, estimate: Record | None, window: Sequence[int]
) -> tuple[float, float, float, float] | None:
    """The repeated interval of the overall effect: from, to, low, high."""
    looked = outcome["finding"].get("looked")
    if not looked or estimate is None or looked["low"] is None or looked["high"] is None:
        return None
    ends = effects.shown(estimate, {"low": looked["low"], "high": looked["high"]})
    return float(window[0]), float(window[1]), ends["low"], ends["high"]


def _as_far(
    times: Sequence[int],
    real: Sequence[float | None],
    drawn: Sequence[Sequence[float | None]],
    window: Sequence[int],
) -> tuple[int, int]:
    """How many drawn gaps lie, on the mean over the window, as far from nought; of how many."""
    inside = [k for k, t in enumerate(times) if window[0] <= t <= window[1]]
    own = _mean([real[k] for k in inside])
    others = [m for row in drawn if (m := _mean([row[k] for k in inside])) is not None]
    if own is None:
        return 0, 0
    return sum(abs(other) >= abs(own) for other in others), len(others)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
