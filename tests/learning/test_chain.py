"""The chain: which link broke, and whether delivery or the theory failed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from benchmarks.chain import LINKS, chain, named
from evaluation.finding.theory import Theory
from evaluation.finding.verdict import Direction
from evaluation.learning.chain import Chain, Failure, Seen, State, chain_of, ordered
from evaluation.learning.practice import Delivery

FELL, ROSE, NONE = Direction.FELL, Direction.ROSE, Direction.CANNOT_TELL
NODES = ("programme", "front_door", "trust", "crisis", "attendances", "spending")


def links(**other: dict[str, Any]) -> list[dict[str, Any]]:
    held = [
        {"stage": "activity", "figure": "told_once", "direction": "up", "due": [1, 2]},
        {"stage": "relationship", "figure": "same_worker", "direction": "up", "due": [2, 4]},
        {"stage": "stabilisation", "figure": "crises", "direction": "down", "due": [3, 6]},
        {"stage": "outcome", "figure": "attendances", "direction": "down", "due": [4, 8]},
        {"stage": "saving", "figure": "spending", "direction": "down", "due": [12, 24]},
    ]
    return [
        one | {"from": NODES[k], "to": NODES[k + 1]} | other.get(one["figure"], {})
        for k, one in enumerate(held)
    ]


def theory(**other: dict[str, Any]) -> Theory:
    return Theory.model_validate(
        {
            "treatment": "programme",
            "causes": {node: {} for node in NODES},
            "outcomes": ["attendances"],
            "links": links(**other),
        }
    )


GOOD: dict[str, Any] = {
    "told_once": Delivery.AS_DESIGNED,
    "same_worker": Delivery.AS_DESIGNED,
    "crises": FELL,
    "attendances": FELL,
}


def found(
    elapsed: int = 9,
    *,
    delivery: Delivery | None = Delivery.AS_DESIGNED,
    of: Theory | None = None,
    **seen: Any,
) -> Chain:
    held = {
        code: Seen(title=code, direction=what if isinstance(what, Direction) else None)
        if not isinstance(what, Delivery)
        else Seen(title=code, delivery=what)
        for code, what in (GOOD | seen).items()
        if what is not None
    }
    return chain_of(of or theory(), held, [elapsed, elapsed, elapsed - 3], delivery=delivery)


def states(chain: Chain) -> list[str]:
    return [str(one.state) for one in chain.links]


def test_a_link_is_an_arrow_too() -> None:
    assert ("trust", "crisis") in theory().arrows
    assert theory().descendants("trust") == {"crisis", "attendances", "spending"}


def test_a_chain_that_moves_has_no_broken_link() -> None:
    whole = found()
    assert states(whole) == [*["moving as expected"] * 4, "not due"]
    assert whole.broken is None and whole.failure is None
    assert [one.descriptive for one in whole.links] == [True, True, False, False, False]


def test_the_first_link_without_sign_is_named_and_what_lies_beyond_is_not_expected() -> None:
    broken = found(crises=NONE, attendances=NONE)
    assert broken.broken is not None and broken.broken.link.name == "trust -> crisis"
    assert states(broken)[2:] == ["no sign", "no sign", "not due"]
    assert [one.expected for one in broken.links] == [True, True, True, False, True]
    assert broken.failure is Failure.THEORY and "against the theory" in broken.sentence


def test_what_was_not_delivered_is_no_failure_of_the_theory() -> None:
    broken = found(same_worker=Delivery.NOT, crises=NONE, attendances=NONE)
    assert broken.broken is not None and broken.broken.state is State.NOT_DELIVERED
    assert broken.failure is Failure.DELIVERY and "says nothing of the theory" in broken.sentence
    partly = found(crises=NONE, delivery=Delivery.PARTLY)
    assert partly.failure is Failure.DELIVERY
    unknown = found(crises=NONE, delivery=None)
    assert unknown.failure is Failure.CANNOT_TELL


@pytest.mark.parametrize(
    ("elapsed", "state"), [(2, "not due"), (3, "not due"), (6, "not due"), (7, "no sign")]
)
def test_a_link_breaks_only_past_its_time(elapsed: int, state: str) -> None:
    assert states(found(elapsed, crises=NONE))[2] == state


def test_a_move_is_told_as_soon_as_it_can_be_and_never_before_it_is_due() -> None:
    assert states(found(3))[2] == "moving as expected"
    # What moves before it is due is no sign of this chain.
    assert states(found(2))[2] == "not due"


def test_the_wrong_way_counts_unless_it_may_worsen_first() -> None:
    assert states(found(4, crises=ROSE))[2] == "against"
    patient = theory(crises={"may_worsen_first": True})
    assert states(found(4, crises=ROSE, of=patient))[2] == "not due"
    assert states(found(7, crises=ROSE, of=patient))[2] == "against"


def test_what_has_no_figure_or_finding_is_not_measured_and_never_broken() -> None:
    assert states(found(crises=None))[2] == "not measured"
    bare = theory(crises={"figure": "", "due": None})
    held = found(of=bare)
    assert states(held)[2] == "not measured" and held.broken is None
    assert "1 of 5 links" in held.sentence
    assert states(found(same_worker=Delivery.NOT_KNOWN))[1] == "not measured"


def test_time_is_that_of_the_middle_site() -> None:
    held = {code: Seen(title=code, direction=NONE) for code in ("crises", "attendances")}
    late = chain_of(theory(), held, [12, 5, 1])
    assert late.links[2].elapsed == 5 and late.links[2].state is State.NOT_DUE
    assert chain_of(theory(), held, []).links[0].state is State.NOT_DUE


def test_the_order_is_by_stage_and_not_as_written() -> None:
    shuffled = Theory.model_validate(theory().model_dump(by_alias=True) | {"links": links()[::-1]})
    assert [one.stage for one in ordered(shuffled)] == [one["stage"] for one in links()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stage": "hope"}, "stage"),
        ({"due": [4, 2]}, "first and last"),
        ({"due": [0, 2]}, "first and last"),
        ({"due": None}, "when crises is due"),
        ({"direction": "sideways"}, "direction"),
        ({"to": "nowhere"}, "not among the causes"),
        ({"to": "programme"}, "back to itself"),
    ],
)
def test_links_of_another_shape_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        theory(crises=change)


def test_a_broken_link_is_named_in_a_sample_of_seeds() -> None:
    """benchmarks/results/chain.json records thousands."""
    share = sum(named(broken, seed) for broken in range(LINKS) for seed in range(40)) / 200
    assert share >= 0.93
    assert sum(chain(None, seed).broken is not None for seed in range(200)) / 200 <= 0.05
