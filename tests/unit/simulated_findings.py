"""Findings of simulated studies, through the study's own looks and verdicts; and what contradicts.

A study has three primary and four secondary outcomes, 40 areas, looks every quarter. Its *world*
says what is true: nothing moves, the planned effect, harm, or both signs at once; with few pilots,
early, or noisy. The outcomes are the programme's own, so that their words and polarity are.
"""

import math
import re
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.invented import Invented
from evaluation.diagnose import pre_trend
from evaluation.estimate.assignments import Assignments
from evaluation.finding.sentences import Verdict
from evaluation.protocol import Protocol
from evaluation.study.interim_analyses import LookSeries, look_at
from evaluation.study.run import estimate_by
from evaluation.study.run import findings_of as judged

PRIMARY = ("ae_attendances", "claimant_count", "homelessness_duties")
SECONDARY = ("crisis_contacts", "arrears", "gp_within_14_days", "talking_therapies_referrals")
FIRST, AREAS, PERIODS, WINDOW = 12, 40, 20, (0, 5)
MARGIN = 6.0


@dataclass(frozen=True)
class World:
    """What is true: effects in percent on primaries and secondaries, in the better direction."""

    name: str
    better: tuple[float, float]
    pilots: int = 6
    looks: int = 8
    noise: float = 1.0
    mixed: bool = False


WORLDS = (
    World("nothing", (0.0, 0.0)),
    World("nothing, one pilot", (0.0, 0.0), pilots=1),
    World("nothing, early", (0.0, 0.0), looks=2),
    World("nothing, noisy", (0.0, 0.0), noise=3.0),
    World("planned", (6.0, 4.0)),
    World("planned, early", (6.0, 4.0), looks=2),
    World("harm", (-6.0, -4.0)),
    World("both signs", (6.0, 4.0), mixed=True),
)


def protocol_of(window=WINDOW):
    return Protocol.model_validate(
        {
            "study": "s",
            "programme": "new_start",
            "title": "t",
            "question": "q",
            "how_pilots_were_chosen": "invented",
            "primary": PRIMARY,
            "secondary": SECONDARY,
            "assignments": {"n": 399, "strata": [], "seed": 1},
            "window": window,
            "default_margin_percent": MARGIN,
            "looks": {"horizon": 8},
            "estimators": ["did"],
        }
    )


def panel_of(world, programme, seed):
    base = Invented(areas=AREAS, quarters=PERIODS).draw(seed)
    rng = np.random.default_rng([seed, 3])
    pilots = rng.permutation(AREAS)[: world.pilots]
    columns = {
        c: base.areas[c].to_numpy(dtype=object, copy=True) for c in ("site", "start", "role")
    }
    for column, value in (("site", "S01"), ("start", base.labels[FIRST]), ("role", "pilot")):
        columns[column][pilots] = value
    figures, denominators = {}, {}
    common = base.array("y")
    for k, code in enumerate((*PRIMARY, *SECONDARY)):
        own = Invented(areas=AREAS, quarters=PERIODS).draw(seed + 100_000 * (k + 1)).array("y")
        y = 100 + world.noise * (0.6 * (common - 100) + 0.8 * (own - 100))
        y = np.maximum(y, 1.0)
        better = world.better[code not in PRIMARY] * (-1 if world.mixed and k % 2 else 1)
        down = programme.outcome_by_code[code].polarity == "down"
        y[pilots, FIRST:] *= 1 + (-better if down else better) / 100
        figures[code], denominators[code] = y, np.full(y.shape, 1_000.0)
    return replace(
        base,
        areas=base.areas.assign(**columns),
        figures=figures,
        denominators=denominators,
        per=dict.fromkeys(figures, 1_000.0),
    )


def findings_of(world, programme, seed, folder):
    """Every finding of one simulated study after its looks, and the study's last period."""
    protocol, whole = protocol_of(), panel_of(world, programme, seed)
    drawn = Assignments.draw(whole, n=399, strata=(), seed=seed)
    for k in range(world.looks):
        panel = whole.until(whole.periods[FIRST + k])
        known = {"quarter": panel.labels[-1], "vintage": f"{k:02d}", "panel": panel.fingerprint}
        assignments = drawn.known(panel)
        seen = look_at(LookSeries(folder=folder), panel, protocol, programme, assignments, known)
    estimates = {
        code: (estimate_by("did", panel, code, protocol, assignments),)
        for code in protocol.outcomes
    }
    checks = {code: (pre_trend(group[0]),) for code, group in estimates.items()}
    found = judged(
        estimates,
        programme=programme,
        protocol=protocol,
        panel=panel,
        diagnostics=checks,
        seen=seen,
    )
    return found, panel.labels[-1]


def contradictions(finding, outcome, last):
    """What a finding's words say that its figures do not bear."""
    said, low, high = finding.sentence, finding.percent.low, finding.percent.high
    found = []

    def hold(true, what):
        if not true:
            found.append(f"{what}: {said} [{low:.2f}, {high:.2f}]")

    verdict = finding.verdict
    fewer, more = (bool(re.search(rf"About [\d,.]+ {w} ", said)) for w in ("fewer", "more"))
    hold(not re.search(r"\b(nan|inf)\b", said + finding.paragraph), "a number that is none")
    hold(said in finding.paragraph, "the paragraph has another sentence")
    hold(f"Verdict: {finding.said}" in finding.paragraph, "the paragraph has another verdict")
    if verdict in ("improved", "worsened"):
        hold(low > 0 or high < 0, "a direction that the interval does not bear")
        better = (high < 0) == (outcome.polarity == "down")
        hold((verdict == "improved") == better, "the wrong direction")
        hold(outcome.polarity != "care", "a direction for an outcome read with care")
        hold(fewer == (high < 0) and more == (low > 0), "words of the wrong sign")
        numbers = [float(n.replace(",", "")) for n in re.findall(r"-?\d[\d,]*\.?\d*", said)[:3]]
        if len(numbers) == 3:
            hold(min(numbers) >= 0, "a range that includes the other sign")
            hold(numbers[1] <= numbers[2], "a range turned round")
            hold(numbers[1] <= numbers[0] <= numbers[2], "a number outside its own range")
        if finding.looked is not None and finding.looked.crossed_at is not None:
            hold("on average too large" in finding.paragraph, "no word of the winner's curse")
    else:
        hold(not fewer and not more, "a direction without its verdict")
        hold(finding.said in said, "another verdict in the sentence")
    if "not clear enough" in said + finding.paragraph:
        hold(outcome.polarity != "care", "unclear for another reason than that")
    if "may be nothing" in said:
        hold(low <= 0 <= high, "nothing is said to be possible")
    if verdict is Verdict.NO_LARGER_EFFECT:
        hold(low >= -MARGIN and high <= MARGIN, "a range wider than the margin")
    if verdict == "too early to say":
        hold(finding.speaks > last and finding.speaks in said, "no quarter in which it could speak")
        seen = f"{finding.detectable_percent:.1f} %"
        hold(
            seen in said or math.isinf(finding.detectable_percent), "no word of what could be seen"
        )
    else:
        hold(finding.speaks <= last or verdict != "cannot tell", "it is too early and not said")
    if finding.looked is not None and finding.outcome in PRIMARY and not finding.looked.crossed:
        hold(verdict not in ("improved", "worsened"), "a verdict without a crossing")
    return found
