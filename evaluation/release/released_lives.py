"""What people said and what sites did, as it leaves: at a step worth several people.

A mean of answers has a sensitivity as a count has: one respondent moves it by the span of answers
times his weight over how many answered. What better lives are worth is an effect on such a mean,
times people: it stands at its effect's step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluation.disclosure.counts import Atom, Count, cell_of, rounded
from evaluation.disclosure.effects import step_of, stepped, stepped_chance
from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy
from evaluation.disclosure.released import (
    Entry,
    Kind,
    SurveyMean,
    money_step,
    significant,
    survey_step,
)
from evaluation.learning.practice import Practised
from evaluation.quarters import Period
from evaluation.release.rounding import Terms
from evaluation.study.lives_record import LARGEST_WEIGHT, ArmWave, Item, Lives, VoicesSaid, Worth
from evaluation.study.record import Results
from evaluation.wave.voices import PERMUTATIONS, PUBLISH, TENTATIVE

PERCENT, LEVEL = 100, 0.05
MOST_OF_AGREEMENT = 0.1
"""A coarser step of alpha would no longer tell what is agreed from what is not."""
ENDS = (("mean", 0), ("low", -1), ("high", 1))


@dataclass(frozen=True, kw_only=True)
class LivesSteps:
    """How a survey's figures are printed.

    effect, step : the effect that the worth is made of, and its step; None where there is none.
    """

    address: str
    programme: str
    key: Key
    policy: Callable[[str], Policy]
    effect: float | None
    step: float | None
    drawn: int


def respondents(item: Item, wave: ArmWave, programme: str, key: Key, policy: Policy) -> Count:
    """How many answered an item in an arm and a wave, as it is printed: an atom of its own."""
    return rounded(wave.respondents or 0, _atom(item, wave, programme), key, policy)


def _atom(item: Item, wave: ArmWave, programme: str) -> Atom:
    series = f"{item.outcome}|respondents"
    return Atom.of(programme, series, (f"the {wave.arm} areas",), Period.parse(wave.quarter))


def one_answer(item: Item, programme: str, key: Key, policy: Policy) -> Mapping[str, float] | None:
    """Wave -> the most that one respondent moves the mean of one pilot area by.

    By how many are printed to have answered, so that it says nothing of what is not; None where
    no pilot area was asked.
    """
    found = {}
    for wave in (one for one in item.waves if one.arm == "pilot"):
        shown = respondents(item, wave, programme, key, policy).printed
        held = policy.shown_from if shown is None else shown
        found[wave.quarter] = item.span * LARGEST_WEIGHT * max(wave.areas, 1) / held
    return found or None


def release_lives(lives: Lives, steps: LivesSteps) -> tuple[dict[str, Any], list[Entry]]:
    """The survey as it leaves, and its lines of the register."""
    door = _Lives(steps)
    shown = lives.plain()
    shown["items"] = [door.item(one) for one in lives.items]
    # Of the first item that has as many waves, as it was counted inside.
    first = next(
        (one for one in lives.items if lives.answers == sum(w.respondents or 0 for w in one.waves)),
        lives.items[0],
    )
    shown["answers"] = sum(
        door.respondents[first.outcome, w.arm, w.quarter].printed or 0 for w in first.waves
    )
    if lives.worth is not None:
        shown["worth"] = door.worth(lives.worth)
    if lives.voices is not None:
        shown["voices"] = door.voices(lives.voices)
    return shown, door.entries


SIX_DIGITS = 1e-6
"""How far two figures may lie apart that are one: results hold lines of charts to six digits."""


def same_figure(a: float | None, b: float | None) -> bool:
    """Whether two figures of results are one, told in two places."""
    return a is not None and b is not None and math.isclose(a, b, abs_tol=SIX_DIGITS)


def one_mean(data: dict[str, Any], raw: Results) -> None:
    """In results as they leave, print a path's figure that is a wave's mean as the wave's."""
    if raw.lives is None:
        return
    means: dict[tuple[str, str, str], tuple[float | None, float | None]] = {
        (item.outcome, wave.arm, wave.quarter): (wave.mean, shown["mean"])
        for item, held in zip(raw.lives.items, data["lives"]["items"], strict=True)
        for wave, shown in zip(item.waves, held["waves"], strict=True)
    }
    for outcome, own in zip(data["outcomes"], raw.outcomes, strict=True):
        for row, inside in zip(outcome["paths"], own.paths, strict=True):
            for arm, value in (("pilot", inside.pilot), ("comparison", inside.comparison)):
                mean, printed = means.get((own.code, arm, inside.period), (None, None))
                if same_figure(mean, value):
                    row[arm] = printed


class _Lives:
    def __init__(self, steps: LivesSteps) -> None:
        self.steps, self.key = steps, steps.key
        self.respondents: dict[tuple[str, str, str], Count] = {}
        self.entries: list[Entry] = []

    def item(self, item: Item) -> dict[str, Any]:
        return {**item.plain(), "waves": [self._wave(item, one) for one in item.waves]}

    def _wave(self, item: Item, wave: ArmWave) -> dict[str, Any]:
        policy, programme = self.steps.policy(item.outcome), self.steps.programme
        many = respondents(item, wave, programme, self.key, policy)
        self.respondents[item.outcome, wave.arm, wave.quarter] = many
        name = f"{item.outcome}.{wave.arm}.{wave.quarter}"
        atom = _atom(item, wave, programme)
        self._enter(f"{name}.respondents", "count", many.printed, policy.base, many, atom)
        found = self._mean(item, wave, many, policy, name)
        shown = {"mean": found.printed, "low": found.low, "high": found.high}
        for part, value in shown.items():
            self._enter(f"{name}.{part}", "mean", value, found.step)
        return {**wave.plain(), **shown, "respondents": many.printed}

    def _mean(
        self, item: Item, wave: ArmWave, many: Count, policy: Policy, name: str
    ) -> SurveyMean:
        held = policy.shown_from if many.printed is None else many.printed
        step = survey_step(item.span, LARGEST_WEIGHT / held, policy.step_people)
        hidden = many.hidden or wave.areas < policy.least_areas

        def at(part: str, value: float | None, away: int) -> float | None:
            if value is None or hidden:
                return None
            drawn = self.key.share_of(["survey", self.steps.address, name, part])
            return stepped(value, step, drawn, away)

        return SurveyMean(
            printed=at("mean", wave.mean, 0),
            low=at("low", wave.low, -1),
            high=at("high", wave.high, 1),
            step=step,
            respondents=many,
        )

    def worth(self, worth: Worth) -> dict[str, Any]:
        """WELLBYs and pounds at the step of the effect that they are made of, times people."""
        shown = worth.plain()
        effect, step = self.steps.effect, self.steps.step
        wellbys = worth.wellbys.mean or 0.0
        # So many WELLBYs hang on one unit of the effect.
        a_unit = abs(wellbys / effect) if effect else float(worth.adults)
        least = step_of(a_unit * (step or 0.1), 1)
        prices = {"pounds_low": "low", "pounds_central": "central", "pounds_high": "high"}
        for part in ("wellbys", "pounds", *prices):
            held = getattr(worth, part).plain()
            price = worth.prices[prices.get(part, "central")] if part != "wellbys" else 1.0
            price = significant(price, 3)
            own = step_of(least * price, 1)
            if part != "wellbys":
                own = max(own, money_step(max(abs(held[end] or 0.0) for end, _ in ENDS)))
            for end, away in ENDS:
                value, people = held[end], shown["wellbys"][end]
                if value is not None and part != "wellbys" and (part in prices or end == "mean"):
                    # At one price it is the WELLBYs as printed times that price: rounded once
                    # more, a high price could come out below a low one.
                    value = people * price
                elif value is not None:
                    drawn = self.key.share_of(["worth", self.steps.address, part, end])
                    value = stepped(value, own, drawn, away)
                shown[part][end] = value
                self._enter(f"worth.{part}.{end}", "money", value, own)
        shown["prices"] = {name: significant(one, 3) for name, one in worth.prices.items()}
        return shown

    def voices(self, voices: VoicesSaid) -> dict[str, Any]:
        """Shares at five writers' worth, their differences of what is printed.

        Who read a quotation, and what was amiss with the coded file, is for those who coded it.
        """
        policy = self.steps.policy("voices")
        shown = voices.plain()
        people = {arm: self._writers(arm, many, policy) for arm, many in voices.people.items()}
        shown["people"] = {arm: one.printed or 0 for arm, one in people.items()}
        shown["quotations"] = [{**one, "read_by": []} for one in shown["quotations"]]
        shown["withheld"], shown["problems"] = 0, []
        for code in shown["codes"]:
            for arm, many in people.items():
                if arm in code:
                    code[arm] = self._share(code["code"], arm, code[arm], many, policy)
            both = code["pilot"] is not None and code["comparison"] is not None
            code["difference"] = round(code["pilot"] - code["comparison"], 6) if both else None
            given = self._given(code, people) if both else 0.0
            code["alpha"] = self._agreed(code["code"], code["alpha"], given, people, policy)
            code["p_value"] = self._by_chance(code, people, policy) if both else None
        named = [self._given(c, people) for c in shown["codes"] if c["difference"] is not None]
        mean = sum(named) / len(named) if named else 0.0
        shown["agreement"] = self._agreed("", voices.agreement, mean, people, policy)
        return shown

    def _given(self, code: Mapping[str, Any], people: Mapping[str, Count]) -> float:
        """To which part of all who wrote a code was given, by what is printed."""
        written = sum(one.printed or 0 for one in people.values())
        named = sum((code[arm] or 0.0) * (one.printed or 0) for arm, one in people.items())
        return named / PERCENT / written if written else 0.0

    def _agreed(
        self,
        code: str,
        alpha: float | None,
        given: float,
        people: Mapping[str, Count],
        policy: Policy,
    ) -> float | None:
        """How well coders agree, at a step worth several writers; None where that is too coarse.

        Krippendorff's alpha of yes and no is 1 - (2 n - 1) d / (n0 n1): n writers, of whom d are
        coded otherwise by the one than by the other, and n1 of the 2 n codings are yes. One writer
        moves d by one and n1 by two.
        """
        rare, writers = min(given, 1 - given), sum(one.printed or 0 for one in people.values())
        if alpha is None or rare <= 0 or not writers:
            return None
        moves = (1 / (1 - rare) + 2 * (1 - TENTATIVE)) / (2 * writers * rare)
        step = step_of(moves, policy.step_people)
        if step > MOST_OF_AGREEMENT:
            return None
        drawn = self.key.share_of(["agreement", self.steps.address, code])
        shown = stepped(alpha, step, drawn)
        for line in (1.0, PUBLISH, TENTATIVE):
            # The grade is printed beside it.
            if alpha < line <= shown:
                shown -= step
            elif shown < line <= alpha:
                shown += step
        shown = min(round(shown, 6), 1.0)
        self._enter(f"voices.{code or 'all'}.alpha", "rate", shown, step)
        return shown

    def _by_chance(
        self, code: Mapping[str, Any], people: Mapping[str, Count], policy: Policy
    ) -> float | None:
        """The p-value of a difference of shares, in errors, at what several writers are worth."""
        if code["p_value"] is None:
            return None
        fewest = min(one.printed or policy.shown_from for one in people.values())
        given = self._given(code, people)
        # Of the printed shares, as if each had written alone: never more than it is by authority.
        error = math.sqrt(
            max(given * (1 - given), 1 / fewest)
            * sum(1 / (one.printed or policy.shown_from) for one in people.values())
        )
        step = step_of(1 / fewest / error, policy.step_people)
        drawn = self.key.share_of(["voices", self.steps.address, code["code"], "p"])
        least = 1 / (PERMUTATIONS + 1)
        shown, _ = stepped_chance(code["p_value"], step, drawn, least=least, level=LEVEL)
        self._enter(f"voices.{code['code']}.p", "chance", shown, step)
        return shown

    def _writers(self, arm: str, many: int, policy: Policy) -> Count:
        # Whoever wrote anything at all, in every wave: one count, of no time.
        atom = Atom(
            programme=self.steps.programme,
            series="voices|writers",
            areas=(f"the {arm} areas",),
            first=0,
            last=0,
        )
        shown = rounded(many, atom, self.key, policy)
        self._enter(f"voices.{arm}.people", "count", shown.printed, policy.base, shown)
        return shown

    def _share(
        self, code: str, arm: str, share: float | None, many: Count, policy: Policy
    ) -> float | None:
        if share is None or many.printed is None:
            return None
        step = step_of(100 / many.printed, policy.step_people)
        drawn = self.key.share_of(["voices", self.steps.address, code, arm])
        # A share of none and one of all would tell of everybody.
        shown = min(max(stepped(share, step, drawn), 0.0), 100.0)
        self._enter(f"voices.{code}.{arm}", "rate", shown, step)
        return shown

    def _enter(
        self,
        name: str,
        kind: Kind,
        printed: float | None,
        step: float,
        count: Count | None = None,
        atom: Atom | None = None,
    ) -> None:
        self.entries.append(
            Entry(
                address=f"{self.steps.address}.{name}",
                kind=kind,
                printed=printed,
                low=None if count is None else count.low,
                high=None if count is None else count.high,
                step=step,
                cell="" if atom is None else cell_of(self.key, atom),
            )
        )


@dataclass(frozen=True, kw_only=True)
class PracticePrinted:
    """How a site's figures of practice are printed, and the lines of the register that they make.

    Whom a practice reached is counted of people, as an outcome is: so its figure stands at a step
    worth several of those who could have been reached, with an offset of its own, and is hidden
    where these are hidden themselves. The mean of what single areas say stands at a step that
    several people in one of them are worth.
    """

    programme: str
    terms: Terms
    entered: dict[str, Entry] = field(default_factory=dict)

    def figure(self, one: Practised) -> float | None:
        """A figure of practice; None where it is hidden."""
        if self.terms.open_data:
            return one.value
        policy = self.terms.policy(one.figure)
        if one.per == 1.0:
            step = step_of(1 / one.out_of, policy.step_people)
        else:
            people = self.out_of(one)
            if people is None:
                return None
            step = step_of(one.per / people, policy.step_people)
        drawn = self.terms.key.share_of(
            ["practice", self.programme, one.figure, one.site, one.period.label, list(one.areas)]
        )
        shown = stepped(one.value, step, drawn)
        self._enter(
            Entry(
                address=self._address(one),
                kind="rate",
                printed=max(0.0, shown),
                low=max(0.0, shown - step),
                high=shown + step,
                step=step,
                support=len(one.areas),
            )
        )
        return max(0.0, shown)

    def out_of(self, one: Practised) -> float | None:
        """Those whom a practice could have reached; None where they are hidden."""
        if self.terms.open_data or one.per == 1.0:
            return one.out_of
        policy = self.terms.policy(one.figure)
        atom = Atom.of(self.programme, f"{one.figure}|out of", one.areas, one.period)
        cell, address = cell_of(self.terms.key, atom), self._address(one, "out_of")
        shown = rounded(round(one.out_of), atom, self.terms.key, policy)
        shown = self.terms.before.count(address, shown, cell)
        self._enter(Entry.of_count(address, shown, policy, cell))
        return None if shown.printed is None else float(shown.printed)

    def _address(self, one: Practised, *parts: str) -> str:
        own = (self.programme, "practice", one.figure, *parts, one.site, one.period.label)
        return ".".join(own)

    def _enter(self, line: Entry) -> None:
        self.entered[line.address] = line
