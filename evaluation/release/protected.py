"""What a release hid and by how much it widened ranges: of printed values alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.disclosure.released import Entry
    from evaluation.release.released_results import Released


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """What of one outcome is not printed, and what printing did to its ranges.

    counts, hidden : of a site in a period. periods, periods_hidden : of all sites together, which
    are sums of them, hidden where a part is. rows_withheld : rows of estimates. widening : by how
    many per cent its ranges are wider than inside, at the median; None where it has none.
    """

    outcome: str
    counts: int
    hidden: int
    periods: int
    periods_hidden: int
    rows_withheld: int
    widening: float | None


def hidden_by_outcome(made: Released) -> tuple[Hidden, ...]:
    """Of each outcome whose figures are counts of people or their answers, in the study's order."""
    study = made.results
    found = []
    for one in study.outcomes:
        address = f"{study.programme}.{study.study}.{one.code}."
        own = [entry for entry in made.entries if entry.address.startswith(address)]
        if not own:
            continue
        counts = [count for (code, _, _), count in made.counts.items() if code == one.code]
        paths = [entry for entry in own if entry.kind == "path" and entry.step is None]
        wider = list(widenings(own).values())
        found.append(
            Hidden(
                outcome=one.code,
                counts=len(counts),
                hidden=sum(count.hidden for count in counts),
                periods=len(paths),
                periods_hidden=sum(entry.printed is None for entry in paths),
                rows_withheld=sum(row.outcome == one.code for row in made.withheld),
                widening=statistics.median(wider) if wider else None,
            )
        )
    return tuple(found)


UNMOVED = "withheld"
"""What hidden counts could do to an effect: two figures of it, neither of them moved outwards."""


def widenings(entries: Iterable[Entry]) -> Mapping[str, float]:
    """Address of a range -> by how many per cent it is wider than inside, on the mean over keys.

    An end goes outwards by the offset and one step more: by one step on the mean, between none and
    two. So a range that is printed w wide at step s is w - 2 s wide inside: that is told by what is
    printed, and tells nothing else.
    """
    ends: dict[str, dict[str, Entry]] = {}
    for one in entries:
        address, _, end = one.address.rpartition(".")
        if address.rpartition(".")[2] == UNMOVED:
            continue
        if end in ("low", "high") and one.kind == "effect" and one.step:
            ends.setdefault(address, {})[end] = one
    found = {}
    for address, pair in ends.items():
        if len(pair) < len(("low", "high")):
            continue
        low, high, step = pair["low"].printed, pair["high"].printed, pair["low"].step or 0.0
        if isinstance(low, float) and isinstance(high, float) and high - low > 2 * step:
            found[address] = 100 * 2 * step / (high - low - 2 * step)
    return found


def median_widening(made: Released) -> float | None:
    """Of the headline ranges of a study, in per cent; None where none is at a step."""
    whole = widenings(made.entries)
    headline = [value for address, value in whole.items() if address.endswith(".finding")]
    return statistics.median(headline) if headline else None
