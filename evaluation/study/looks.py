"""A look at a study: every outcome tested at once, against what earlier looks left alive.

Primary outcomes by closed testing, so that the chance of any false finding among them over all
looks is alpha; every other outcome by a look ledger of its own, from which a family's false
discovery rate is held on sequential p-values; harm by its own one-sided watch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation import fingerprint
from evaluation.errors import EstimateError
from evaluation.estimate import frame, ladder, scores
from evaluation.estimate.did import DidSettings
from evaluation.estimate.families import closed_look, rejected
from evaluation.estimate.gather import Window, did_looks, did_with_gaps
from evaluation.estimate.ladder import Choices
from evaluation.estimate.looks import LookPlan, repeated_interval, sequential_p, take_look
from evaluation.finding.looked import Looked
from evaluation.panel import Panel
from evaluation.study.look_series import LookSeries, Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.estimate.assignment import Assignments
    from evaluation.estimate.looks import Look
    from evaluation.programme import Programme
    from evaluation.protocol import Protocol

    Floats = NDArray[np.float64]
    Statistics = Mapping[str, tuple[Floats, Floats]]

SET, HARM, DRAWN_ANEW = "set:", "harm:", "drawn_anew"


def plan_of(protocol: Protocol) -> LookPlan:
    """How the protocol spends alpha; without planned looks, all of it at one."""
    looks, alpha = protocol.looks, round(1 - protocol.level, 10)
    if looks is None:
        return LookPlan(alpha=alpha, horizon=1, reserve=0.0)
    return LookPlan(
        alpha=alpha, spending=looks.spending, horizon=looks.horizon, reserve=looks.reserve
    )


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a look tests: the plan, the families, and the direction of harm of each outcome."""

    plan: LookPlan
    primary: tuple[str, ...]
    harm_side: Mapping[str, Literal["greater", "less"]]
    harm_margin: Mapping[str, float]

    @classmethod
    def of(cls, protocol: Protocol, programme: Programme, panel: Panel) -> Watched:
        """From a protocol that plans looks; the panel gives the level that a percentage is of."""
        looks = protocol.looks
        assert looks is not None  # the caller looks only where looks are planned
        margin = {}
        side: dict[str, Literal["greater", "less"]] = {}
        for code in protocol.primary:
            polarity = programme.outcome_by_code[code].polarity
            if polarity == "care":
                continue
            side[code] = "greater" if polarity == "down" else "less"
            size = float(np.log1p(looks.harm_margin / 100))
            if protocol.scale_of(code) == "level":
                size = looks.harm_margin / 100 * _level_before(panel, code)
            margin[code] = size if polarity == "down" else -size
        return cls(
            plan=plan_of(protocol), primary=protocol.primary, harm_side=side, harm_margin=margin
        )

    def harm_plan(self, code: str) -> LookPlan:
        """Harm is watched apart, one-sided, by Pocock's spending, with an alpha of its own."""
        return LookPlan(
            alpha=self.plan.alpha,
            spending="pocock",
            horizon=self.plan.horizon,
            reserve=self.plan.reserve,
            side=self.harm_side[code],
        )


def _level_before(panel: Panel, code: str) -> float:
    """Mean figure of the started areas before the first start."""
    started = panel.started
    first = int(panel.start_index[started].min())
    return float(np.nanmean(panel.array(code)[started, :first]))


def elapsed(panel: Panel, horizon: int) -> float:
    """Looks elapsed over the horizon: periods since the first start, by calendar."""
    first = int(panel.start_index[panel.started].min())
    return (len(panel.periods) - first) / horizon


def statistics_of(panel: Panel, protocol: Protocol, assignments: Assignments) -> Statistics:
    """Outcome -> (raw, shift) of the primary estimator, as known now.

    Difference-in-differences takes a faster way; the figures are the same.
    """
    name, plan = protocol.estimators[0], protocol.did
    score = protocol.looks.score if protocol.looks else "mean"
    found: dict[str, tuple[Floats, Floats]] = {}
    base = plan.base if plan.base != "varying" else None
    fast = name == "did" and plan.comparison == "never" and base and score == "mean"
    fast = fast and protocol.assignments.gaps == "as_they_are"
    for code in protocol.outcomes:
        sample = frame.take(panel, code, protocol.scale_of(code))
        if fast and base and np.isfinite(sample.figures).all():
            window = Window(
                first=protocol.window[0],
                last=protocol.window[1],
                base=base,
                looks=(len(panel.periods) - 1,),
                anticipation=plan.anticipation,
            )
            raw, shift = did_looks(sample.figures[None], assignments, window)
            found[code] = (raw[0, 0], shift[0])
            continue
        if fast and base:
            settings = DidSettings(
                base=base, anticipation=plan.anticipation, scale=protocol.scale_of(code)
            )
            found[code] = did_with_gaps(sample, assignments, settings, protocol.window)
            continue
        choices = Choices.of(protocol, code)
        estimate = ladder.to_test(name, panel, code, choices, assignments)
        at = scores.statistic(estimate, protocol.window, score)
        found[code] = (at.raw, at.shift)
    return found


def look(
    statistics: Statistics, time: float, watched: Watched, before: Row | None
) -> dict[str, Look]:
    """One look at every test: each outcome, each set of primaries, harm of each primary."""
    raw = {code: pair[0] for code, pair in statistics.items()}
    last = before.looks if before else {}
    taken = {code: take_look(row, time, watched.plan, last.get(code)) for code, row in raw.items()}
    primary = {code: raw[code] for code in watched.primary}
    sets = {name: tuple(name.removeprefix(SET).split("+")) for name in last if SET in name}
    earlier = {chosen: last[name] for name, chosen in sets.items()} if sets else None
    for chosen, one in closed_look(primary, time, watched.plan, earlier).items():
        taken[SET + "+".join(chosen)] = one
    for code in watched.harm_side:
        row, shift = statistics[code]
        beyond = row - watched.harm_margin[code] * shift
        taken[HARM + code] = take_look(beyond, time, watched.harm_plan(code), last.get(HARM + code))
    return taken


def verdicts(rows: list[Row], seen: list[Statistics], watched: Watched) -> dict[str, Looked]:
    """What the looks so far say of each outcome.

    Parameters
    ----------
    rows, seen : the looks in order, and the statistics that each saw.
    """
    found = {}
    times = [row.time for row in rows]
    for code in seen[-1]:
        raw, shift = (np.stack([one[code][k] for one in seen]) for k in (0, 1))
        low, high = repeated_interval(raw, shift, times, watched.plan)
        crossed = [_crossed(row, code, watched) for row in rows]
        at = crossed.index(True) if True in crossed else None
        found[code] = Looked(
            number=len(rows),
            crossed=at is not None,
            crossed_at=rows[at].known["quarter"] if at is not None else None,
            low=low,
            high=high,
            p=sequential_p(raw, times, watched.plan),
            spent=rows[-1].looks[code].spent,
            alpha=watched.plan.alpha,
            harmed=code in watched.harm_side and rows[-1].looks[HARM + code].crossed,
        )
    return found


def _crossed(row: Row, code: str, watched: Watched) -> bool:
    if code not in watched.primary:
        return row.looks[code].crossed
    sets = {
        tuple(name.removeprefix(SET).split("+")): one
        for name, one in row.looks.items()
        if name.startswith(SET)
    }
    return rejected(sets)[code]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """The looks that a run of a study rests on, and whether the last of them is written down."""

    rows: list[Row]
    statistics: list[Statistics]
    watched: Watched
    written: bool

    def verdicts(self) -> dict[str, Looked]:
        """What the looks so far say of each outcome."""
        return verdicts(self.rows, self.statistics, self.watched)

    def story(self, code: str) -> list[dict[str, object]]:
        """One row a look: what was known of an outcome then, with the interval of all looks so far.

        ``effect, low, high`` are on the estimate's scale.
        """
        times, told = [row.time for row in self.rows], []
        raw, shift = (np.stack([one[code][k] for one in self.statistics]) for k in (0, 1))
        for k, row in enumerate(self.rows):
            low, high = repeated_interval(
                raw[: k + 1], shift[: k + 1], times[: k + 1], self.watched.plan
            )
            told.append(
                {
                    "quarter": row.known["quarter"],
                    "vintage": row.known["vintage"],
                    "effect": float(raw[k, 0] / shift[k, 0]),
                    "low": low,
                    "high": high,
                    "spent": row.looks[code].spent,
                    "crossed": _crossed(row, code, self.watched),
                }
            )
        return told


def _drawn_anew(panel: Panel, protocol: Protocol, assignments: Assignments) -> dict[str, str]:
    """A fingerprint of the assignments of outcomes for which the estimator draws anew, if any."""
    drawn = {
        code: ladder.drawn_anew(protocol.estimators[0], panel, code, assignments)
        for code in protocol.outcomes
    }
    return {DRAWN_ANEW: fingerprint.of_data(drawn)} if any(drawn.values()) else {}


def look_at(
    series: LookSeries,
    panel: Panel,
    protocol: Protocol,
    programme: Programme,
    assignments: Assignments,
    known: Mapping[str, str],
    *,
    record: bool = True,
) -> Seen:
    """Take the look of this vintage, or find it again.

    A vintage that was looked at before gives the verdict that was written then. A vintage older
    than the last look, but not one of them, is looked at after the looks before it and not
    written: the past gets no new verdict.

    Raises
    ------
    EstimateError : the estimator draws other assignments than at the look before.
    """
    watched = Watched.of(protocol, programme, panel)
    rows = [row for row in series.rows() if row.known["vintage"] <= known["vintage"]]
    newest = len(rows) == len(series.rows())
    earlier: list[Statistics] = [series.statistics(row.number) for row in rows]
    if rows and rows[-1].known["panel"] == known["panel"]:
        return Seen(rows=rows, statistics=earlier, watched=watched, written=True)
    known = {**known, **_drawn_anew(panel, protocol, assignments)}
    if rows and rows[-1].known.get(DRAWN_ANEW) != known.get(DRAWN_ANEW):
        raise EstimateError(
            f"{protocol.estimators[0].replace('_', ' ')} leaves out other areas for want of a "
            "figure than at the look before: its assignments are others, so that the looks before "
            "cannot be followed.",
            mend="set areas with missing figures aside in the programme from the first look on, or "
            "lead with another estimator: all others keep their assignments",
        )
    now = statistics_of(panel, protocol, assignments)
    last = rows[-1] if rows else None
    # A panel that lost its last quarter is no earlier than the look that saw it.
    time = max(elapsed(panel, watched.plan.horizon), last.time if last else 0.0)
    taken = look(now, time, watched, last)
    if record and newest:
        row = series.append(known, time, taken, now)
    else:
        row = Row(
            number=len(rows) + 1, known=known, time=time, looks=taken, statistics="", previous=""
        )
    return Seen(
        rows=[*rows, row], statistics=[*earlier, now], watched=watched, written=record and newest
    )
