"""The theory of change as a graph: what it asks of an analysis and implies for the data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from evaluation.declared import Frozen, read_yaml, validated
from evaluation.diagnose.diagnostic import FIRES_BELOW
from evaluation.errors import ProtocolError
from evaluation.estimate.samples import masked_mean
from evaluation.finding.models import adjust
from evaluation.finding.verdict import Direction
from evaluation.wording import Name, Sentence, number, signed

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.panel import Panel


FILE = "theory.yaml"


class Cause(Frozen):
    """One node. says : in words. measured : whether figures of it are at hand.

    held_by : what in the design holds it fixed without a figure, as ``area`` holds what never
    changes in an area and ``period`` what hits every area alike.
    """

    says: str = ""
    measured: bool = True
    held_by: str = ""


Stage = Literal["activity", "relationship", "stabilisation", "outcome", "saving"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""The stages of a theory of change, in the order in which they are to move."""
_WAYS = {"rise": "up", "rises": "up", "rose": "up", "fall": "down", "falls": "down", "fell": "down"}
Way = Annotated[
    Literal["up", "down"],
    BeforeValidator(lambda given: _WAYS.get(given, given) if isinstance(given, str) else given),
]


class Link(Frozen):
    """One link of the chain: what is to lead to what, when, and by which figure that is seen.

    due : first and last period after the start in which the figure is to move, the period of the
    start counting as one; before the first it is not due, after the last it is past due. figure :
    code of an outcome, or of a practice that pilots alone send; empty where none measures it.
    direction : in which the figure is to move. may_worsen_first : whether a move the other way is
    expected before it is past due.
    """

    from_: str = Field(alias="from")
    to: str
    stage: Stage
    due: tuple[int, int] | None = None
    figure: str = ""
    direction: Way = "down"
    may_worsen_first: bool = False

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.due is not None and not 1 <= self.due[0] <= self.due[1]:
            raise ValueError(
                f"due: {list(self.due)} is no first and last period after the start (from 1 on)"
            )
        if self.figure and self.due is None:
            raise ValueError(f"it is not said when {self.figure} is due")
        return self

    @property
    def name(self) -> str:
        """As it is called: ``trust -> crisis_averted``."""
        return f"{self.from_} -> {self.to}"

    def way_of(self, direction: Direction | None) -> Literal["expected", "against", "none"]:
        """What a finding's direction says of the link."""
        if direction is None or direction is Direction.CANNOT_TELL:
            return "none"
        rose = direction is Direction.ROSE
        return "expected" if rose == (self.direction == "up") else "against"


class Theory(Frozen):
    """A directed graph without cycles, with one treatment.

    arrows : from which to which; each link is one of them without being named again. outcomes :
    codes of the study's outcomes that are nodes. negative_controls : nodes that the treatment is
    held not to move. links : those whose order, time and figure are stated: the chain.
    """

    treatment: str
    causes: dict[str, Cause]
    arrows: tuple[tuple[str, str], ...] = ()
    outcomes: tuple[str, ...]
    negative_controls: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _links_are_arrows(cls, given: Any) -> Any:
        """Draw the arrow of every link that is not drawn yet."""
        if not isinstance(given, dict) or not isinstance(given.get("links"), (list, tuple)):
            return given
        arrows = [tuple(one) for one in given.get("arrows") or [] if isinstance(one, (list, tuple))]
        more = [
            (one["from"], one["to"])
            for one in given["links"]
            if isinstance(one, dict) and "from" in one and "to" in one
        ]
        # One that is drawn and named twice would still be one.
        return given | {"arrows": [*dict.fromkeys([*arrows, *more])]}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        named = {
            self.treatment,
            *self.outcomes,
            *self.negative_controls,
            *(end for arrow in self.arrows for end in arrow),
        }
        if unknown := sorted(named - set(self.causes)):
            raise ValueError(f"{unknown[0]!r} is not among the causes")
        names = [one.name for one in self.links]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the link {twice[0]} stands twice")
        for node in self.causes:
            if node in self.descendants(node):
                raise ValueError(f"the arrows lead from {node!r} back to itself")
        return self

    @classmethod
    def load(cls, folder: Path) -> Theory | None:
        """Read ``theory.yaml`` from a study's folder; None where there is none.

        Raises
        ------
        ProtocolError : an arrow names no cause, leads round in a circle, or the file has another
            shape.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        return validated(cls, read_yaml(path), path, ProtocolError)

    def parents(self, node: str) -> set[str]:
        return {cause for cause, effect in self.arrows if effect == node}

    def descendants(self, node: str) -> set[str]:
        """What the node leads to, by any number of arrows; not itself, unless in a circle."""
        return _reached(node, self.arrows)

    def ancestors(self, nodes: Collection[str]) -> set[str]:
        """The nodes and all that leads to them."""
        back = [(effect, cause) for cause, effect in self.arrows]
        return set(nodes).union(*(_reached(node, back) for node in nodes))

    def separated(self, one: str, other: str, given: Collection[str]) -> bool:
        """Whether ``given`` closes every path between two nodes (d-separation).

        By the moral graph of the ancestors (Lauritzen et al. 1990, Networks 20, proposition 3).
        """
        # Only ancestors matter: a collider outside them opens nothing.
        inside = self.ancestors({one, other, *given})
        links: set[frozenset[str]] = set()
        for node in inside:
            parents = sorted(self.parents(node) & inside)
            links |= {frozenset((parent, node)) for parent in parents}
            # "Marrying" the parents: given their common effect they are no longer independent.
            links |= {frozenset(pair) for pair in combinations(parents, 2)}
        both = [tuple(link) for link in links if not link & set(given)]
        undirected = [(a, b) for a, b in both] + [(b, a) for a, b in both]
        return other not in _reached(one, undirected)

    def without_effects(self) -> Theory:
        """The graph with the treatment's own arrows cut: what is left open is confounding."""
        kept = tuple(arrow for arrow in self.arrows if arrow[0] != self.treatment)
        return self.model_copy(update={"arrows": kept})

    def closes(self, outcome: str, given: Collection[str]) -> bool:
        """Whether holding ``given`` fixed meets the back-door criterion for an outcome."""
        # The criterion's first half: nothing that the programme moves may be held.
        if set(given) & self.descendants(self.treatment):
            return False
        return self.without_effects().separated(self.treatment, outcome, given)

    def adjustment_set(self, outcome: str) -> tuple[str, ...] | None:
        """The smallest set that closes every back door; None if no set of what can be held does.

        What can be held is what is measured or held by the design. Of equally small sets, the first
        by name.
        """
        held = [
            name
            for name, cause in sorted(self.causes.items())
            if (cause.measured or cause.held_by)
            and name not in (self.treatment, outcome)
            and name not in self.descendants(self.treatment)
        ]
        # By size, so that the first found is the smallest; a theory of change has few enough causes
        # for all sets to be tried.
        for size in range(len(held) + 1):
            for chosen in combinations(held, size):
                if self.closes(outcome, chosen):
                    return chosen
        return None

    def bad_controls(self, outcome: str, given: Collection[str]) -> dict[str, str]:
        """Those of ``given`` that must not be held fixed, and why each.

        A cause that the programme moves takes away part of its effect or opens a path that it did
        not have; one that two unmeasured causes lead to opens the path between them.
        """
        found, moved = {}, self.descendants(self.treatment)
        on_the_way = moved & self.ancestors({outcome})
        for name in given:
            if name == outcome or name in self.descendants(outcome):
                found[name] = "it is a consequence of the outcome"
            elif name in on_the_way:
                found[name] = "it lies on the way from the programme to the outcome (a mediator)"
            elif name in moved:
                found[name] = "the programme moves it (a common effect, or one of its own)"
            elif self._opens(outcome, name, [other for other in given if other != name]):
                found[name] = "holding it fixed opens a path that was closed (a collider)"
        return found

    def _opens(self, outcome: str, name: str, others: Collection[str]) -> bool:
        cut = self.without_effects()
        # What the programme moves is a fault by itself, and would hide whether this one opens a
        # path.
        kept = [one for one in others if one not in self.descendants(self.treatment)]
        closed = cut.separated(self.treatment, outcome, kept)
        return closed and not cut.separated(self.treatment, outcome, [*kept, name])

    def implications(self, most: int = 2) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Pairs of measured nodes that the graph holds independent, with the smallest condition.

        Each can be tested on data, and a failure is a fault of the graph.
        """
        seen = sorted(name for name, cause in self.causes.items() if cause.measured)
        linked = {frozenset(arrow) for arrow in self.arrows}
        for one, other in combinations(seen, 2):
            if frozenset((one, other)) in linked:
                continue
            rest = [name for name in seen if name not in (one, other)]
            # At most two conditions: with few areas a larger one leaves nothing to test on.
            sets = (c for size in range(most + 1) for c in combinations(rest, size))
            for given in sets:
                if self.separated(one, other, given):
                    yield one, other, given
                    break

    @property
    def said(self) -> Mapping[str, str]:
        """Each node in words."""
        return {name: cause.says or name.replace("_", " ") for name, cause in self.causes.items()}


def _reached(start: str, arrows: Collection[tuple[str, str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        onward = {effect for cause, effect in arrows if cause == here} - reached
        reached |= onward
        waiting += onward
    return reached


# Areas, beside one for each condition: below that a correlation says nothing.
FEWEST = 12


@dataclass(frozen=True, kw_only=True)
class Implied:
    """One implication and what the data say: ``adjusted_p`` is over all implications tested."""

    one: str
    other: str
    given: tuple[str, ...]
    correlation: float
    adjusted_p: float

    @property
    def fails(self) -> bool:
        return self.adjusted_p < FIRES_BELOW

    @property
    def sentence(self) -> Sentence:
        given = {f"given_{place}": Name(name) for place, name in enumerate(self.given)}
        names = ", ".join(f"{{{place}}}" for place in given)
        held = f" once {names} is held fixed" if given else ""
        said = "go together" if self.fails else "do not visibly go together"
        return Sentence.of(
            f"By the graph {{one}} and {{other}} are unrelated{held}; in the data they {said} "
            "(partial correlation {correlation}, p = {p} over all that were tested).",
            one=Name(self.one),
            other=Name(self.other),
            correlation=signed(self.correlation, 2),
            p=number(self.adjusted_p, 3),
            **given,
        )


def area_table(panel: Panel, theory: Theory) -> pd.DataFrame:
    """One row an area, one column for each node that the panel has figures of.

    The treatment is whether it started; an outcome is its mean from the first start on less its
    mean before; any other node is an area attribute of that name, or the mean of an outcome before.
    """
    import pandas as pd

    first = int(panel.start_index[panel.treated].min())
    columns: dict[str, object] = {theory.treatment: panel.treated.astype(float)}
    for name in theory.causes:
        if name in panel.figures:
            figures = panel.array(name)
            # By the first start of all, so that areas that never start have a time after it too.
            before, after = (
                masked_mean(part.T) for part in (figures[:, :first], figures[:, first:])
            )
            moved = name in theory.outcomes or name in theory.negative_controls
            columns[name] = after - before if moved else before
        elif name in panel.areas and name != theory.treatment:
            # An attribute that is no number is missing, and its row drops out of the test.
            columns[name] = pd.to_numeric(panel.areas[name], errors="coerce").to_numpy()
    return pd.DataFrame(columns, index=panel.areas.index)


def test_implications(theory: Theory, table: pd.DataFrame) -> tuple[Implied, ...]:
    """Every implication of which the table has all columns, tested.

    Parameters
    ----------
    table : one row an area, as `area_table` gives it, or anyone's own.
    """
    found = []
    for one, other, given in theory.implications():
        names = [one, other, *given]
        if not set(names) <= set(table.columns):
            continue
        rows = table[names].dropna().to_numpy(dtype=float)
        # Without spread there is no correlation.
        if len(rows) < FEWEST + len(given) or (rows.std(axis=0) == 0).any():
            continue
        found.append((one, other, given, *_partial(rows)))
    # Of many implications some fail by chance.
    adjusted = adjust({str(k): p for k, (*_, p) in enumerate(found)}, "holm")
    return tuple(
        Implied(one=one, other=other, given=given, correlation=r, adjusted_p=adjusted[str(k)])
        for k, (one, other, given, r, _) in enumerate(found)
    )


def _partial(rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    """Partial correlation of the first two columns given the others, and its p-value (t test)."""
    from scipy import stats

    others = np.column_stack([np.ones(len(rows)), rows[:, 2:]])
    # Least squares on the conditions; what is left of both is correlated.
    left = rows[:, :2] - others @ np.linalg.lstsq(others, rows[:, :2], rcond=None)[0]
    r = float(np.asarray(np.corrcoef(left.T), dtype=np.float64)[0, 1])
    # One less for each condition held fixed.
    freedom = len(rows) - 2 - (rows.shape[1] - 2)
    # Two columns that are copies of each other have r = 1.
    t = r * math.sqrt(freedom / max(1 - r**2, 1e-12))
    return r, float(2 * stats.t.sf(abs(t), freedom))
