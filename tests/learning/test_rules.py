"""Decision rules: thirty states worked out beforehand, and texts that are no predicate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation.errors import ProtocolError
from evaluation.learning.decisions import (
    OF_ALL,
    OF_OUTCOME,
    BeforeLock,
    Decisions,
    Rivals,
    chances,
    states_of,
    warnings_of,
)
from evaluation.learning.predicates import Joined, comparisons, read_predicate

WRITTEN = yaml.safe_load((Path(__file__).parent / "states.yaml").read_text("utf-8"))
KNOWN = {**OF_ALL, **{f"ae_attendances.{word}": fact for word, fact in OF_OUTCOME.items()}}
RULES = {name: read_predicate(when, KNOWN) for name, when in WRITTEN["rules"].items()}


def test_there_are_thirty_states() -> None:
    assert len(WRITTEN["states"]) == 30
    assert all(one["expected"].keys() == RULES.keys() for one in WRITTEN["states"])


@pytest.mark.parametrize("one", WRITTEN["states"], ids=lambda one: one["state"])
def test_each_state_gives_what_was_worked_out_by_hand(one: dict[str, Any]) -> None:
    facts = {k: v if isinstance(v, bool) else float(v) for k, v in one["facts"].items()}
    found = {name: held.met(facts) for name, held in RULES.items()}
    assert {name: "unknown" if met is None else met for name, met in found.items()} == (
        one["expected"]
    )


@pytest.mark.parametrize(
    ("text", "facts", "met"),
    [
        # And binds more than or, not more than and.
        ("chain.broken or chain.not_delivered and log.harms > 0", {"chain.broken": True}, True),
        (
            "not chain.broken and chain.not_delivered",
            {"chain.broken": False, "chain.not_delivered": False},
            False,
        ),
        ("not (chain.broken or chain.not_delivered)", {"chain.broken": True}, False),
        ("not not chain.broken", {"chain.broken": True}, True),
        ("ae_attendances.direction == 'cannot tell'", {"ae_attendances.direction": "fell"}, False),
        ("ae_attendances.direction != fell", {"ae_attendances.direction": "rose"}, True),
        ("chain.broken == false", {"chain.broken": False}, True),
        ("ae_attendances.low<-6.5", {"ae_attendances.low": -7.0}, True),
        ("value.npsv >= 1000000", {"value.npsv": 1e6}, True),
        ("chain.broken AND log.harms > 0", {"chain.broken": True, "log.harms": 0.0}, False),
    ],
)
def test_predicates_are_read_as_they_are_written(
    text: str, facts: dict[str, Any], met: bool
) -> None:
    found = read_predicate(text, KNOWN)
    assert found.met(facts) is met
    # What is printed reads as the same predicate.
    assert read_predicate(str(found).replace("cannot tell", "'cannot tell'"), KNOWN) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("primaries.improoved >= 2", "no fact 'primaries.improoved'"),
        ("other_outcome.low < 0", "no fact 'other_outcome.low'"),
        ("primaries.improved", "is a number and stands alone"),
        ("primaries.improved >= two", "'two' is none"),
        ("primaries.improved >= true", "'true' is none"),
        ("chain.broken >= 1", "neither less nor more"),
        ("chain.broken == 1", "is yes or no"),
        ("ae_attendances.direction == sideways", "is never 'sideways'"),
        ("ae_attendances.direction < fell", "neither less nor more"),
        ("primaries.improved >= 2 and", "ends too early"),
        ("primaries.improved >=", "ends too early"),
        ("(chain.broken", "a bracket is not closed"),
        ("chain.broken)", "stands behind a whole predicate"),
        ("chain.broken chain.not_delivered", "compared with"),
        ("chain.broken & chain.not_delivered", "cannot be read from"),
        ("2 <= primaries.improved", "where a fact belongs"),
        ("", "ends too early"),
        ("primaries.improved = 2", "cannot be read from"),
        ("__import__('os').system('true')", "cannot be read"),
    ],
)
def test_what_is_no_predicate_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        read_predicate(text, KNOWN, where="decisions.yaml, scale")
    told = str(refused.value)
    assert (said in told or "stands behind" in told) and "decisions.yaml, scale" in told


def test_every_comparison_can_be_walked() -> None:
    held = read_predicate("chain.broken and not (log.harms > 0 or value.chance < 0.5)", KNOWN)
    assert isinstance(held, Joined)
    assert [one.fact for one in comparisons(held)] == ["chain.broken", "log.harms", "value.chance"]


def declared(tmp_path: Path, text: str) -> Decisions | None:
    (tmp_path / "decisions.yaml").write_text(text, "utf-8")
    return Decisions.load(tmp_path)


def test_a_state_names_the_facts_that_it_rests_on(tmp_path: Path) -> None:
    found = declared(
        tmp_path,
        "decisions: [{name: go, decision: scale, when: primaries.improved >= 2 and value.chance > "
        "0.5, who: the board}]",
    )
    assert found is not None
    (one,) = states_of(found, found.parsed(KNOWN, tmp_path), {"primaries.improved": 3.0})
    assert one.as_dict()["met"] == "unknown"
    assert one.why == "primaries.improved is 3; value.chance is not known"
    (one,) = states_of(found, found.parsed(KNOWN, tmp_path), {"primaries.improved": 1.0})
    assert one.as_dict()["met"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("decisions: [{name: a, when: chain.broken}]", "who"),
        ("decisions: [{name: a, when: chain.broken, who: b, wen: 1}]", "wen"),
        ("decisions: [{name: a, decision: maybe, when: chain.broken, who: b}]", "decision"),
        (
            "decisions: [{name: a, when: chain.broken, who: b}, {name: a, when: chain.broken, "
            "who: c}]",
            "two rules",
        ),
    ],
)
def test_rules_of_another_shape_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        declared(tmp_path, text)
    assert said in str(refused.value)


def test_rival_explanations_are_signed(tmp_path: Path) -> None:
    assert Rivals.load(tmp_path) is None
    row = "rivals: [{claim: a, for: b, against: c, verdict: d}]"
    (tmp_path / "rivals.yaml").write_text(row, "utf-8")
    with pytest.raises(ProtocolError, match="signed_by"):
        Rivals.load(tmp_path)
    (tmp_path / "rivals.yaml").write_text(f"signed_by: Ada\nsigned_on: 2026-11-30\n{row}", "utf-8")
    assert Rivals.load(tmp_path) is not None


SCALE = "primaries.improved >= 2 and a.next_site_low > -5"


def before(**other: Any) -> BeforeLock:
    held: dict[str, Any] = {
        "error": dict.fromkeys("abc", 2.0),
        "polarity": {"a": "down", "b": "up", "c": "down"},
        "margin": dict.fromkeys("abc", 5.0),
        "scale": dict.fromkeys("abc", 4.0),
        "quarters": 8,
    }
    return BeforeLock(**(held | other))


def test_before_the_lock_each_rule_has_its_chance(tmp_path: Path) -> None:
    found = declared(
        tmp_path,
        f"decisions: [{{name: go, decision: scale, when: {SCALE}, who: b}}, "
        "{name: pay, when: value.chance > 0.5, who: b}]",
    )
    assert found is not None
    known = {**OF_ALL, **{f"{c}.{w}": f for c in "abc" for w, f in OF_OUTCOME.items()}}
    held = chances(found, found.parsed(known, tmp_path), before(), simulations=60, seed=1)
    assert len(held) == 2 * 3 * 4
    of = {(one.rule, one.sites, one.effect): one for one in held}
    # Nothing before the lock tells of the value.
    assert of["pay", 6, 1.0].chance is None and of["pay", 6, 1.0].lacks == ("value.chance",)
    chance = [of["go", 12, effect].chance for effect in (0.0, 0.5, 1.0, 2.0)]
    assert chance == sorted(chance) and chance[0] <= 0.05 and chance[-1] >= 0.9
    assert of["go", 3, 2.0].chance <= of["go", 12, 2.0].chance
    assert not [said for said in warnings_of(found, held) if "12 sites" in said]


def test_a_rule_about_what_is_worth_having_has_its_chance(tmp_path: Path) -> None:
    """It was "not known before the lock", though the same range decides it."""
    found = declared(
        tmp_path, "decisions: [{name: go, decision: scale, when: a.worth_having, who: b}]"
    )
    assert found is not None
    known = {**OF_ALL, **{f"{c}.{w}": f for c in "abc" for w, f in OF_OUTCOME.items()}}
    held = chances(found, found.parsed(known, tmp_path), before(), simulations=60, seed=1)
    chance = {(one.sites, one.effect): one.chance for one in held}
    assert None not in chance.values()
    assert chance[12, 0.0] == 0.0 and chance[12, 2.0] >= 0.9


def test_a_rule_that_can_never_be_met_or_is_met_by_chance_is_warned_of(tmp_path: Path) -> None:
    found = declared(
        tmp_path,
        "decisions: [{name: never, decision: scale, when: primaries.improved >= 3 and a.benefit > "
        "90, who: b}, {name: always, decision: scale, when: primaries.improved < 3, who: b}, "
        "{name: stop, decision: stop, when: primaries.improved < 3, who: b}]",
    )
    assert found is not None
    known = {**OF_ALL, **{f"{c}.{w}": f for c in "abc" for w, f in OF_OUTCOME.items()}}
    held = chances(found, found.parsed(known, tmp_path), before(), simulations=50, seed=1)
    said = warnings_of(found, held)
    assert {one.split()[0] for one in said} == {"never", "always"}
    # The second is met at nothing and never at twice the margin; one to stop is none to scale.
    assert len(said) == 3 + 3 + 3
