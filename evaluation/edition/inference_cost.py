"""What the tests cost and how that grows, as it was measured.

``book/inference.json`` is written by ``python -m benchmarks.inference``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation.edition import figures, words
from evaluation.edition.files import Generated
from evaluation.edition.records import record_if_there
from evaluation.edition.tables import table

_ACROSS = {"areas": "areas", "n": "assignments", "looks": "looks", "outcomes": "outcomes"}
_STEPS = {
    "statistics": "Effects of every outcome and look under every assignment",
    "look ledgers": "Look ledgers",
    "closed testing": "Closed testing of three outcomes",
    "max-T": "Max-T over all outcomes at each look",
    "intervals": "An interval at each look",
    "repeated intervals of three": "Repeated intervals of three outcomes",
    "sequential p": "Sequential p-values",
    "all": "Together",
}


def view(book: Path, out: Generated) -> dict[str, Any]:
    """What the template of the page asks for; ``cost`` is None where nothing is recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "inference.json")
    if record is None:
        return {"cost": None}
    return {
        "cost": record,
        "cost_said": said(record),
        "cost_charts": [_chart(out, record, what) for what in _ACROSS],
        "cost_table": _table(record),
    }


def said(record: Mapping[str, Any]) -> str:
    """The finding in words."""
    size, took = record["size"], record["seconds"]
    hours = record["diff_diff_seconds_extrapolated"] / 3600
    return (
        f"The tests of {size['outcomes']} outcomes at {size['looks']} looks, over "
        f"{words.number(size['areas'])} areas, {record['sites']} sites, {size['quarters']} "
        f"quarters and {words.number(size['n'])} assignments, took "
        f"{words.number(took['all'], 1)} seconds by the clock on one thread, and "
        f"{words.number(record['megabytes_above'], 0)} MB of memory beyond the figures. The "
        "program diff-diff, fitted anew under every assignment, would take about "
        f"{words.number(hours, 1)} hours, reckoned from {record['peer_assignments']} of them that "
        "were timed in the same run."
    )


def _chart(out: Generated, record: Mapping[str, Any], what: str) -> Markup:
    points = [
        (float(one["value"]), float(one["processor_seconds"]))
        for one in record["growth"]
        if one["what"] == what
    ]
    title = f"processor seconds, by number of {_ACROSS[what]}"
    ends = [
        f"{words.number(taken, 2)} at {words.number(many)}"
        for many, taken in (points[0], points[-1])
    ]
    alt = f"Line chart of {title}: {ends[0]}, {ends[1]}."
    return out.plate(
        f"inference-{_ACROSS[what]}",
        "../",
        alt,
        figures.growth,
        points,
        (_ACROSS[what], 1.0),
        title,
    )


def _table(record: Mapping[str, Any]) -> Markup:
    rows = [[name, words.number(record["seconds"][key], 2)] for key, name in _STEPS.items()]
    grown = [
        [
            f"{words.number(one['value'])} {_ACROSS[one['what']]}",
            words.number(one["processor_seconds"], 2),
        ]
        for one in record["growth"]
    ]
    steps = table("Step by step, by the clock", ["What", "Seconds"], rows, numeric="tn")
    return steps + table(
        "As one size changes, the others as above",
        ["Size", "Processor seconds"],
        grown,
        numeric="tn",
    )
