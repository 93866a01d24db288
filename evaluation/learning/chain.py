"""The chain: whether the theory of change moves in its order, and which link broke.

Each link of ``theory.yaml`` has a stage, a time at which it is due, a figure and a direction. Its
state follows from the figure's finding as it stands (or, for a practice, from its floor): the chain
tests nothing by itself and adds no verdict. The first link in order that is past due and did not
move is the broken one; what lies beyond it is not expected yet. Where what was agreed was not
delivered, a link that does not move says nothing of the theory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median_low
from typing import TYPE_CHECKING, Any

from evaluation.finding.theory import STAGES, Link
from evaluation.finding.verdict import Direction
from evaluation.learning.practice import Delivery
from evaluation.wording import Name, Sentence, count

if TYPE_CHECKING:
    from evaluation.finding.theory import Theory


class State(StrEnum):
    """What is known of a link."""

    NOT_DUE = "not due"
    MOVING = "moving as expected"
    NO_SIGN = "no sign"
    AGAINST = "against"
    NOT_MEASURED = "not measured"
    NOT_DELIVERED = "not delivered"


BROKEN = frozenset({State.NO_SIGN, State.AGAINST, State.NOT_DELIVERED})


class Failure(StrEnum):
    """What a broken link speaks of."""

    DELIVERY = "delivery"
    THEORY = "theory"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of one figure: its finding's direction, or how far a practice is delivered.

    direction : of a finding that stands; None where there is none. delivery : of a practice, over
    sites; None for any other figure. title : in words.
    """

    title: str
    direction: Direction | None = None
    delivery: Delivery | None = None


@dataclass(frozen=True, kw_only=True)
class LinkState:
    """A link, its state, and why.

    elapsed : periods since the middle site's start. expected : whether it can be expected to have
    moved, given the links before it. descriptive : whether the state rests on pilots alone.
    """

    link: Link
    state: State
    why: Sentence
    elapsed: int
    expected: bool = True
    descriptive: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        return {
            "link": self.link.name,
            "from": self.link.from_,
            "to": self.link.to,
            "stage": self.link.stage,
            "figure": self.link.figure,
            "due": list(self.link.due) if self.link.due else None,
            "state": str(self.state),
            "expected": self.expected,
            "descriptive": self.descriptive,
            "why": str(self.why),
        }


@dataclass(frozen=True, kw_only=True)
class Chain:
    """All links in their order, the broken one if there is one, and what it speaks of."""

    links: tuple[LinkState, ...]
    broken: LinkState | None
    failure: Failure | None

    @property
    def sentence(self) -> Sentence:
        """Which link is broken, and whether that is a failure of delivery or of the theory."""
        if self.broken is None:
            unmeasured = sum(one.state is State.NOT_MEASURED for one in self.links)
            if unmeasured:
                return Sentence.of(
                    "No link that is measured is past due without a sign; {unmeasured} of {links} "
                    "links are not measured.",
                    unmeasured=count(unmeasured),
                    links=count(len(self.links)),
                )
            return Sentence.of("No link is past due without a sign.")
        return Sentence.of(
            f"The first link that is past due without a sign is {{link}}: {_SAID[self.failure]}",
            link=Name(self.broken.link.name),
        )

    def as_dict(self) -> dict[str, Any]:
        """As printed for programs."""
        return {
            "links": [one.as_dict() for one in self.links],
            "broken": self.broken.link.name if self.broken else None,
            "failure": str(self.failure) if self.failure else None,
            "said": str(self.sentence),
        }


_SAID: Mapping[Failure | None, str] = {
    Failure.DELIVERY: "what was agreed was not delivered, so this is a failure of delivery and "
    "says nothing of the theory.",
    Failure.THEORY: "what was agreed was delivered, so this speaks against the theory.",
    Failure.CANNOT_TELL: "whether what was agreed was delivered is not known, so failure of "
    "delivery and failure of the theory cannot be told apart.",
    None: "",
}


def chain_of(
    theory: Theory,
    seen: Mapping[str, Seen],
    elapsed: Sequence[int],
    *,
    delivery: Delivery | None = None,
) -> Chain:
    """The state of every link.

    Parameters
    ----------
    seen : figure -> what is known of it; one that is not there is not measured. elapsed : of each
        site, periods since its start up to the last one seen, the first counting as one; of a site
        that has not started, zero. delivery : of all core components together; None where none is
        declared.
    """
    # The middle site: with the first one alone a link would be past due for most before it could
    # have moved in them.
    since = median_low(elapsed) if elapsed else 0
    states = [_state(link, seen.get(link.figure), since) for link in ordered(theory)]
    first = next((k for k, one in enumerate(states) if _is_broken(one)), None)
    if first is None:
        return Chain(links=tuple(states), broken=None, failure=None)
    broken = states[first]
    beyond = {broken.link.to, *theory.descendants(broken.link.to)}
    marked = [
        _beyond(one, broken) if k > first and one.link.from_ in beyond else one
        for k, one in enumerate(states)
    ]
    return Chain(
        links=tuple(marked), broken=broken, failure=_failure(broken, states[:first], delivery)
    )


def ordered(theory: Theory) -> list[Link]:
    """The links in the order in which they are to move: by stage, then along the arrows."""
    depth = {node: len(theory.ancestors({node})) for node in theory.causes}
    return sorted(
        theory.links, key=lambda one: (STAGES.index(one.stage), depth[one.from_], one.due or ())
    )


def _state(link: Link, seen: Seen | None, since: int) -> LinkState:
    def told(state: State, why: str, *, descriptive: bool = False, **parts: Any) -> LinkState:
        figures = {"since": count(since), **parts}
        named = {name: part for name, part in figures.items() if f"{{{name}}}" in why}
        said = Sentence.of(why, **named)
        return LinkState(link=link, state=state, why=said, elapsed=since, descriptive=descriptive)

    if not link.figure or link.due is None:
        return told(State.NOT_MEASURED, "No figure is named for it.")
    first, last = (count(one) for one in link.due)
    if since < link.due[0]:
        return told(
            State.NOT_DUE,
            "It is due from {first} periods after the middle site's start on; {since} have passed.",
            first=first,
        )
    if seen is None or (seen.direction is None and seen.delivery is None):
        return told(State.NOT_MEASURED, "There is no finding on its figure that stands.")
    past_due = since > link.due[1]
    waits = "It is due by {last} periods after the middle site's start; {since} have passed."
    if seen.delivery is not None:
        return _of_practice(told, seen.delivery, past_due=past_due, waits=waits, last=last)
    moved = link.way_of(seen.direction)
    if moved == "expected":
        return told(State.MOVING, "{figure} moved as expected.", figure=seen.title)
    if moved == "against" and not (link.may_worsen_first and not past_due):
        return told(State.AGAINST, "{figure} moved the other way.", figure=seen.title)
    if not past_due:
        return told(State.NOT_DUE, waits, last=last)
    return told(
        State.NO_SIGN,
        "It was due by {last} periods after the middle site's start and {since} have passed. "
        "{figure}: no change can be told.",
        last=last,
        figure=seen.title,
    )


def _of_practice(
    told: Any, delivery: Delivery, *, past_due: bool, waits: str, last: Any
) -> LinkState:
    """A link that is measured in pilots alone: by the floor that was agreed."""
    match delivery:
        case Delivery.AS_DESIGNED:
            found = told(
                State.MOVING, "Most sites reach the floor that was agreed.", descriptive=True
            )
        case Delivery.NOT_KNOWN:
            found = told(State.NOT_MEASURED, "Sites sent no figure of it.", descriptive=True)
        case Delivery.NOT_DUE:
            found = told(State.NOT_DUE, waits, last=last, descriptive=True)
        case _ if not past_due:
            found = told(State.NOT_DUE, waits, last=last, descriptive=True)
        case _:
            found = told(
                State.NOT_DELIVERED,
                "It was due by {last} periods after the middle site's start and {since} have "
                "passed; sites are below the floor that was agreed.",
                last=last,
                descriptive=True,
            )
    assert isinstance(found, LinkState)
    return found


def _is_broken(one: LinkState) -> bool:
    return one.state in BROKEN


def _beyond(one: LinkState, broken: LinkState) -> LinkState:
    """A link beyond the broken one: what moves in it moves, and what does not is not expected."""
    if one.state is not State.NO_SIGN:
        return one
    said = Sentence.of(
        "{why} It lies beyond {broken}, so it is not expected yet.",
        why=one.why,
        broken=Name(broken.link.name),
    )
    return LinkState(
        link=one.link,
        state=one.state,
        why=said,
        elapsed=one.elapsed,
        expected=False,
        descriptive=one.descriptive,
    )


def _failure(broken: LinkState, before: Sequence[LinkState], delivery: Delivery | None) -> Failure:
    if broken.state is State.NOT_DELIVERED or delivery in (Delivery.PARTLY, Delivery.NOT):
        return Failure.DELIVERY
    if any(one.state is State.NOT_DELIVERED for one in before):
        return Failure.DELIVERY
    # Only what is known to have been delivered can speak against the theory.
    known = delivery is Delivery.AS_DESIGNED
    return Failure.THEORY if known else Failure.CANNOT_TELL
