"""A difference between two published editions, for the terminal and for anyone else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from evaluation.edition import words
from evaluation.edition.past import History
from evaluation.errors import BookError
from evaluation.publish import sentences
from evaluation.publish.areas import COSTS
from evaluation.publish.difference import ORDER, difference
from evaluation.publish.freeze import STATE
from evaluation.publish.ground import Ground
from evaluation.publish.publish import sources

if TYPE_CHECKING:
    from evaluation.workspace import Workspace


def compared(workspace: Workspace, a: str, b: str, order: str = "") -> dict[str, Any]:
    """How each headline moved from edition ``a`` to the later ``b``.

    Parameters
    ----------
    order : the causes in order of substitution, with commas between; "" for the usual one.

    Raises
    ------
    BookError : no such edition, the later one is named first, or the order is not one.
    """
    history = History.read(workspace)
    before, after = history.named(a), history.named(b)
    if before.number >= after.number:
        raise BookError(
            f"edition {after.name} was not published after {before.name}.",
            mend=f"newstart edition diff {after.name} {before.name}",
        )
    grounds = [Ground.read(one.folder / STATE) for one in (before, after)]
    wanted = tuple(one.strip() for one in order.split(",")) if order else ORDER
    found = difference(
        workspace,
        (grounds[0], grounds[1]),
        (before.name, after.name),
        order=wanted,
        sources=sources(workspace, [before, after]),
    )
    return sentences.as_record(found, after.headline, before.headline)


def lines(record: Mapping[str, Any]) -> Iterator[str]:
    """The difference as it is read on a terminal: the causes, then each figure with its parts."""
    yield f"From {record['before']} to {record['after']}"
    if not record["order"]:
        yield "Nothing that a headline rests on changed."
        return
    for cause in record["order"]:
        yield f"  {record['titles'][cause]}: {record['reasons'][cause]}"
    yield f"Substituted in this order: {', '.join(record['order'])}."
    for figure in record["figures"].values():
        unit = figure["unit"]
        ends = [sentences.level(figure[name], unit) for name in ("before", "after")]
        yield ""
        yield f"{figure['title']}: {ends[0]} -> {ends[1]}"
        for part in figure["parts"]:
            amount, shapley, low, high = (
                sentences.amount(part[name], unit) for name in ("amount", "shapley", "low", "high")
            )
            over = "" if low == high else f"   mean of orders {shapley}, from {low} to {high}"
            yield f"  {words.within(record['titles'][part['cause']]):<28} {amount:>14}{over}"
        yield from _restated(figure, unit)


def _restated(figure: Mapping[str, Any], unit: str) -> Iterator[str]:
    """What restated or late figures moved by themselves: by side, then by area, largest first."""
    if not any(figure["revised"].values()):
        return
    yield "    restated or late figures by themselves, where they were:"
    for role, moved in figure["revised"].items():
        told = role if role == COSTS else f"{role} areas"
        yield f"      {told:<48} {sentences.amount(moved, unit):>14}"
    yield "    and by area, pilots put in first, largest first:"
    for row in figure["areas"]:
        if row["amount"]:
            known = f"{row['name']} ({row['area']})" if row["area"] else row["name"]
            told = f"{known}, {row['role']}" if row["area"] else known
            moved = sentences.amount(row["amount"], unit)
            figures = words.counted(row["figures"], "figure") if row["figures"] else ""
            yield f"      {told:<48} {moved:>14}   {figures}".rstrip()
