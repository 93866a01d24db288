"""What an edition says of its headlines, and of how they moved: released figures alone.

The causes of a change are computed on full counts (`evaluation.publish.attribution`); what is said
of them is a whole number of steps each, and they sum to the difference of two released headlines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evaluation.disclosure.effects import stepped
from evaluation.disclosure.released import money_step
from evaluation.release.released_results import Released
from evaluation.release.rounding import Terms

MONEY = ".value.totals."
LIKE_PERCENT, LIKE_PEOPLE = 0.5, 10.0
"""Steps of a headline of which none is on record: coarser than any that was printed."""


def steps_of(released: Released) -> dict[str, float]:
    """The step at which each headline in per cent, people and pounds is printed, by its id."""
    found = {}
    for entry in released.entries:
        for end, kind in ((".finding.effect", "percent"), (".people.per_quarter.effect", "people")):
            if entry.address.endswith(end) and entry.step is not None:
                code = entry.address.removesuffix(end).rpartition(".")[2]
                found[f"{code}.{kind}"] = entry.step
        account, _, end = entry.address.partition(MONEY)[2].rpartition(".")
        if end == "mean" and entry.step is not None:
            found[f"money.{account}"] = entry.step
    return found


def headline_step(key: str, row: Mapping[str, Any] | None, steps: Mapping[str, float]) -> float:
    """The step of one headline: as on record, else one that is coarse enough for any."""
    if key in steps:
        return steps[key]
    unit = (row or {}).get("unit", "")
    if unit == "%":
        return LIKE_PERCENT
    value = (row or {}).get("effect")
    return money_step(value or 0.0) if unit == "£" else LIKE_PEOPLE


def with_steps(
    headline: Mapping[str, Mapping[str, Any]], steps: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Headlines with the step at which each is printed; open data, which have none, as they are."""
    if not steps:
        return {key: dict(row) for key, row in headline.items()}
    return {key: {**row, "step": headline_step(key, row, steps)} for key, row in headline.items()}


def stepped_figures(
    found: Mapping[str, float],
    meta: Mapping[str, Mapping[str, Any]],
    terms: Terms,
    steps: Mapping[str, float],
    address: str,
) -> dict[str, float]:
    """Headlines that were computed alone, at the steps of the study's results.

    Their offsets are those of the results, so that an edition that is made anew prints the same.
    """
    if terms.open_data:
        return dict(found)
    shown = {}
    for key, value in found.items():
        code, _, kind = key.rpartition(".")
        name = {"percent": "finding.effect", "people": "people.per_quarter.effect"}.get(kind)
        drawn = (
            terms.key.share_of(["estimate", name, f"{address}.{code}"])
            if name
            else terms.key.share_of(["money", "mean", [f"{address}.value", "totals", kind]])
        )
        shown[key] = stepped(value, headline_step(key, meta.get(key), steps), drawn)
    gain, balance, cost = (f"money.{one}" for one in ("gross_fiscal", "net_fiscal", "cost"))
    if shown.keys() >= {gain, balance, cost}:
        # Made of the printed gain, as in the results.
        step, paid = headline_step(balance, meta.get(balance), steps), found[cost]
        shown[balance] = step * round((shown[gain] - paid) / step) + 0.0
    return shown


def released_change(
    figure: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    step: float,
    drawn: Callable[[str], float],
) -> dict[str, Any]:
    """The change of one headline: between released ends, its parts whole steps that sum to it.

    Parameters
    ----------
    figure : as computed on full counts: ``parts`` and ``revised``. before, after : the headline as
        each edition printed it; None where it had none. drawn : the secret offset of what has a
        name, as a part of a step: plain rounding would tell that a small revision is there at all.
    """
    start, end = (None if row is None else row.get("effect") for row in (before, after))
    change = None if start is None or end is None else round(end - start, 9) + 0.0
    parts = _whole_steps(figure["parts"], change, step, drawn)
    revised = {
        role: stepped(moved, step, drawn(f"revised {role}"))
        for role, moved in figure["revised"].items()
    }
    return {
        **figure,
        "before": start,
        "after": end,
        "change": change,
        "parts": parts,
        "revised": revised,
        "areas": [],
    }


def _whole_steps(
    parts: Sequence[Mapping[str, Any]],
    change: float | None,
    step: float,
    drawn: Callable[[str], float],
) -> list[dict[str, Any]]:
    """Each part at its step; what is left over goes to the largest."""
    found = []
    for part in parts:
        # One offset for a cause: in whichever order it is taken, it stands alike.
        own = drawn(str(part["cause"]))
        found.append(
            {
                name: stepped(value, step, own) if isinstance(value, float) else value
                for name, value in part.items()
            }
        )
    if change is None or not found:
        return found
    largest = max(range(len(parts)), key=lambda k: abs(parts[k]["amount"]))
    left = change - sum(one["amount"] for one in found)
    one = found[largest]
    one["amount"] = round(one["amount"] + left, 9) + 0.0
    one["low"], one["high"] = min(one["low"], one["amount"]), max(one["high"], one["amount"])
    return found
