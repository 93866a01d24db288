"""Decision rules, fixed with the protocol: which are met, and how likely each is before the lock.

A rule is a predicate over facts that exist: findings, harm, delivery, value, the range for the next
site. It says what was agreed to be decided on what; it never recommends. People decide, and the
learning log holds what they decided, the rules as they stood, and what came of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.errors import ProtocolError
from evaluation.estimate.between_sites import next_site_range
from evaluation.finding.models import adjust
from evaluation.finding.verdict import Asked, Direction, Range, Size, rule
from evaluation.learning.predicates import (
    Fact,
    Facts,
    Met,
    Predicate,
    Value,
    Vocabulary,
    comparisons,
    read_predicate,
)
from evaluation.wording import Part, Sentence, number, percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.finding.verdict import Polarity
    from evaluation.protocol import Protocol

    Floats = NDArray[np.float64]

FILE, RIVALS = "decisions.yaml", "rivals.yaml"
What = Literal["continue", "adapt", "pause", "scale", "stop"]


class Rule(Frozen):
    """One rule: when, who decides, and what else they need to know.

    decision : what is agreed to be decided when it is met. needs : what the facts do not hold.
    """

    name: str = Field(min_length=1)
    decision: What | None = None
    when: str = Field(min_length=1)
    who: str = Field(min_length=1)
    needs: str = ""


class Decisions(Frozen):
    """The rules of a study, each with a name of its own."""

    decisions: tuple[Rule, ...]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [one.name for one in self.decisions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules are called {twice[0]!r}")
        return self

    @classmethod
    def load(cls, folder: Path) -> Decisions | None:
        """Read ``decisions.yaml`` from a study's folder; None where there is none.

        Raises
        ------
        ProtocolError : the file has another shape.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        return validated(cls, read_yaml(path), path, ProtocolError)

    def parsed(self, vocabulary: Vocabulary, folder: Path) -> dict[str, Predicate]:
        """Name -> predicate of each rule.

        Raises
        ------
        ProtocolError : a predicate cannot be read, or names what is no fact.
        """
        where = str(folder / FILE)
        return {
            one.name: read_predicate(one.when, vocabulary, where=f"{where}, {one.name}")
            for one in self.decisions
        }


class Rival(Frozen):
    """One explanation beside the programme: what speaks for and against it, and a verdict.

    Ids of claims in braces, as ``{ae_attendances.effect}``, are printed as the figure is.
    """

    claim: str
    for_: str = Field(alias="for")
    against: str
    verdict: str


class Rivals(Frozen):
    """Rival explanations as a person weighed them, signed."""

    signed_by: str = Field(min_length=1)
    signed_on: date
    rivals: tuple[Rival, ...] = Field(min_length=1)

    @classmethod
    def load(cls, folder: Path) -> Rivals | None:
        """Read ``rivals.yaml`` from a study's folder; None where there is none.

        Raises
        ------
        ProtocolError : it is not signed, or has another shape.
        """
        path = folder / RIVALS
        if not path.is_file():
            return None
        return validated(cls, read_yaml(path), path, ProtocolError)


OF_OUTCOME: Mapping[str, Fact] = {
    "improved": Fact(kind="yes or no", says="the finding: it moved in the better direction"),
    "worsened": Fact(kind="yes or no", says="the finding: it moved in the worse direction"),
    "harmed": Fact(kind="yes or no", says="the watch for harm has crossed its line"),
    "direction": Fact(
        kind="word", says="which way it moved", words=tuple(str(one) for one in Direction)
    ),
    "worth_having": Fact(kind="yes or no", says="the whole range is worth having"),
    "effect": Fact(kind="number", says="per cent of what would have been"),
    "low": Fact(kind="number", says="the lower end of its range, per cent"),
    "high": Fact(kind="number", says="the upper end of its range, per cent"),
    "benefit": Fact(kind="number", says="the effect, per cent, with more as better"),
    "benefit_low": Fact(kind="number", says="the worse end of its range, more as better"),
    "benefit_high": Fact(kind="number", says="the better end of its range, more as better"),
    "next_site_low": Fact(
        kind="number", says="the worse end of the range for the next site, more as better"
    ),
    "next_site_high": Fact(
        kind="number", says="the better end of the range for the next site, more as better"
    ),
}
"""What is known of an outcome, by the word behind its code."""
OF_ALL: Mapping[str, Fact] = {
    "primaries.improved": Fact(kind="number", says="main outcomes that improved"),
    "primaries.worsened": Fact(kind="number", says="main outcomes that worsened"),
    "primaries.harmed": Fact(
        kind="number", says="main outcomes whose watch for harm gave an alarm"
    ),
    "secondaries.improved": Fact(kind="number", says="side outcomes that improved"),
    "secondaries.worsened": Fact(kind="number", says="side outcomes that worsened"),
    "controls.moved": Fact(kind="number", says="negative controls that moved"),
    "sites.started": Fact(kind="number", says="sites that have started"),
    "sites.as_designed": Fact(kind="number", says="sites that run as designed"),
    "sites.partly": Fact(kind="number", says="sites that run partly as designed"),
    "chain.broken": Fact(kind="yes or no", says="a link is past due without a sign"),
    "chain.not_delivered": Fact(kind="yes or no", says="what was agreed was not delivered"),
    "chain.failure": Fact(
        kind="word",
        says="what a broken link speaks of",
        words=("delivery", "theory", "cannot tell", "none"),
    ),
    "programme.quarters": Fact(kind="number", says="periods since the first start"),
    "value.chance": Fact(kind="number", says="chance that all gains exceed the cost"),
    "value.npsv": Fact(kind="number", says="net present social value, pounds"),
    "value.spent": Fact(kind="number", says="spent on delivery to date, pounds"),
    "log.harms": Fact(kind="number", says="harms in the learning log"),
}
"""What is known of the programme as a whole."""


def vocabulary_of(protocol: Protocol) -> dict[str, Fact]:
    """Every fact that a rule of a study can name."""
    own = {
        f"{code}.{word}": fact for code in protocol.outcomes for word, fact in OF_OUTCOME.items()
    }
    return {**OF_ALL, **own}


@dataclass(frozen=True, kw_only=True)
class RuleState:
    """A rule and whether it is met; ``why`` names each fact and what it is, as ``facts`` do.

    predicate, held : what the rule asks, and the facts that it names as far as they are known.
    """

    rule: Rule
    met: Met
    why: str
    predicate: Predicate
    held: Facts
    facts: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        return {
            "name": self.rule.name,
            "decision": self.rule.decision,
            "when": self.rule.when,
            "who": self.rule.who,
            "needs": self.rule.needs,
            "met": "unknown" if self.met is None else self.met,
            "why": self.why,
        }


def states_of(
    decisions: Decisions, predicates: Mapping[str, Predicate], facts: Facts
) -> tuple[RuleState, ...]:
    """Every rule: met, not met, or not known."""
    found = []
    for one in decisions.decisions:
        known = _known(predicates[one.name], facts)
        found.append(
            RuleState(
                rule=one,
                met=predicates[one.name].met(facts),
                why="; ".join(f"{name} is {held}" for name, held in known),
                predicate=predicates[one.name],
                held={name: facts[name] for name, _ in known if name in facts},
                facts=known,
            )
        )
    return tuple(found)


def _known(predicate: Predicate, facts: Facts) -> tuple[tuple[str, str], ...]:
    """Each fact that a predicate names, once, and what it is in words."""
    named = dict.fromkeys(one.fact for one in comparisons(predicate))
    return tuple((name, _shown(facts.get(name))) for name in named)


def _shown(held: Value | None) -> str:
    if held is None:
        return "not known"
    if isinstance(held, bool):
        return "yes" if held else "no"
    return f"{held:.3g}" if isinstance(held, float) else str(held)


@dataclass(frozen=True, kw_only=True)
class BeforeLock:
    """What the chances of rules are worked out from, before any effect is seen; percent.

    error : outcome -> error of a middling site. polarity, margin : of each primary outcome. scale :
        outcome -> how far sites may differ. quarters : how long the window is.
    """

    error: Mapping[str, float]
    polarity: Mapping[str, Polarity]
    margin: Mapping[str, float]
    scale: Mapping[str, float]
    quarters: int
    level: float = 0.95


@dataclass(frozen=True, kw_only=True)
class Chance:
    """How likely a rule is to be met at a true effect and a number of sites.

    effect : in margins X, better as positive. chance : None where facts that it names cannot be
    known before the lock (``lacks``).
    """

    rule: str
    sites: int
    effect: float
    chance: float | None
    error: float | None
    lacks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        return {
            "rule": self.rule,
            "sites": self.sites,
            "effect_in_margins": self.effect,
            "chance": self.chance,
            "mc_error": self.error,
            "not_known_before": list(self.lacks),
        }


SITES, EFFECTS = (3, 6, 12), (0.0, 0.5, 1.0, 2.0)
# Sites share the areas that they are compared with.
TOGETHER = 0.15
RARELY, FALSELY = 0.2, 0.05
"""A scale rule that is met more rarely than this at twice the margin, or more often at nothing."""


def chances(
    decisions: Decisions,
    predicates: Mapping[str, Predicate],
    before: BeforeLock,
    *,
    simulations: int = 400,
    seed: int = 0,
) -> list[Chance]:
    """The chance of each rule at effects of 0, X/2, X and 2X with 3, 6 and 12 sites.

    X is each primary outcome's own margin. Sites differ by half of what was thought possible; all
    deliver as designed and no harm is logged. Every primary has the same true effect in margins.
    """
    asked = {one.fact for held in predicates.values() for one in comparisons(held)}
    rng = np.random.default_rng(seed)
    found = []
    for sites in SITES:
        for effect in EFFECTS:
            drawn = [_facts(before, sites, effect, asked, rng) for _ in range(simulations)]
            found += [
                _chance(one.name, predicates[one.name], drawn, sites, effect)
                for one in decisions.decisions
            ]
    return found


def _chance(
    name: str, predicate: Predicate, drawn: Sequence[Facts], sites: int, effect: float
) -> Chance:
    met = [predicate.met(facts) for facts in drawn]
    if None in met:
        lacks = {one.fact for one in comparisons(predicate)} - set(drawn[0])
        return Chance(
            rule=name,
            sites=sites,
            effect=effect,
            chance=None,
            error=None,
            lacks=tuple(sorted(lacks)),
        )
    share = sum(map(bool, met)) / len(met)
    error = math.sqrt(share * (1 - share) / len(met))
    return Chance(rule=name, sites=sites, effect=effect, chance=share, error=error)


def _facts(
    before: BeforeLock, sites: int, effect: float, asked: set[str], rng: np.random.Generator
) -> Facts:
    """What would be known after the window, once."""
    ranges, p_values, facts = {}, {}, dict[str, Value]()
    for code, error in before.error.items():
        better = 1.0 if before.polarity[code] == "up" else -1.0
        true = better * effect * before.margin[code]
        covariance = error**2 * (TOGETHER + (1 - TOGETHER) * np.eye(sites))
        seen = rng.normal(true, before.scale[code] / 2, sites)
        seen = seen + rng.multivariate_normal(np.zeros(sites), covariance)
        spread = math.sqrt(covariance.sum()) / sites
        # 1.96 of the errors of these sites: the finding is of the sites that there are.
        mean = float(seen.mean())
        ranges[code] = Range(effect=mean, low=mean - 1.96 * spread, high=mean + 1.96 * spread)
        p_values[code] = math.erfc(abs(mean) / spread / math.sqrt(2))
        if asked & {f"{code}.next_site_low", f"{code}.next_site_high"}:
            ends = next_site_range(seen, covariance, scale=before.scale[code], level=before.level)
            low, high = sorted(better * end for end in ends)
            facts |= {f"{code}.next_site_low": low, f"{code}.next_site_high": high}
    adjusted = adjust(p_values, "holm")
    counted = {"improved": 0, "worsened": 0}
    for code, held in ranges.items():
        ruling = rule(
            Asked(
                polarity=before.polarity[code],
                margin_percent=before.margin[code],
                rejects=adjusted[code] < 1 - before.level,
                alone=p_values[code] < 1 - before.level,
            ),
            held,
            held,
        )
        better = 1.0 if before.polarity[code] == "up" else -1.0
        low, high = sorted((better * held.low, better * held.high))
        counted["improved"] += ruling.better is True
        counted["worsened"] += ruling.better is False
        facts |= {
            f"{code}.improved": ruling.better is True,
            f"{code}.worsened": ruling.better is False,
            f"{code}.direction": str(ruling.direction),
            f"{code}.worth_having": ruling.size is Size.WORTH_HAVING,
            f"{code}.effect": held.effect,
            f"{code}.low": held.low,
            f"{code}.high": held.high,
            f"{code}.benefit": better * held.effect,
            f"{code}.benefit_low": low,
            f"{code}.benefit_high": high,
        }
    return facts | {
        "primaries.improved": float(counted["improved"]),
        "primaries.worsened": float(counted["worsened"]),
        # Harm is watched one-sided with an alpha of its own; here, that the whole range is worse.
        "primaries.harmed": float(counted["worsened"]),
        "sites.started": float(sites),
        "sites.as_designed": float(sites),
        "sites.partly": 0.0,
        "chain.not_delivered": False,
        "programme.quarters": float(before.quarters),
        "log.harms": 0.0,
    }


def warnings_of(decisions: Decisions, found: Sequence[Chance]) -> list[Sentence]:
    """Scale rules that are hardly ever met at twice the margin, or too often at nothing."""
    scales = {one.name for one in decisions.decisions if one.decision == "scale"}
    said = []
    for one in found:
        if one.rule not in scales or one.chance is None:
            continue
        parts: dict[str, Part] = {
            "rule": one.rule,
            "chance": percent(100 * one.chance, 0),
            "sites": number(one.sites, 0),
        }
        if one.effect == max(EFFECTS) and one.chance < RARELY:
            said.append(
                Sentence.of(
                    "{rule} would be met in {chance} of cases at twice what is worth having with "
                    "{sites} sites: it can hardly ever be met.",
                    **parts,
                )
            )
        if one.effect == 0 and one.chance > FALSELY:
            said.append(
                Sentence.of(
                    "{rule} would be met in {chance} of cases where there is no effect at all, "
                    "with {sites} sites.",
                    **parts,
                )
            )
    return said
