"""Whether the ledger keeps up at the size of a nation, as it was measured.

``book/ledger.json`` is written by ``python -m benchmarks.ledger.book`` from recorded drills.
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


def view(book: Path, out: Generated) -> dict[str, Any]:
    """What the template of the page asks for; ``ledger`` is None where nothing is recorded.

    Raises
    ------
    BookError : if the record holds no valid JSON.
    """
    record = record_if_there(book / "ledger.json")
    if record is None:
        return {"ledger": None}
    return {
        "ledger": record,
        "ledger_said": said(record),
        "ledger_charts": [_chart(out, record, kind) for kind in ("submit", "read")],
        "ledger_table": _table(record),
    }


def said(record: Mapping[str, Any]) -> str:
    """The finding in words."""
    submit, read = record["submit"], record["read"]
    known, taken = read["processor_seconds"][-1]
    first, last = (_mean(submit["processor_seconds"][part]) for part in (_FIRST, _LAST))
    return (
        f"A return of {words.number(submit['figures_a_return'])} figures took "
        f"{words.number(first, 1)} processor seconds to accept while the ledger was new and "
        f"{words.number(last, 1)} once it held {words.number(submit['figures'])} figures. "
        f"One national outcome of {words.number(known)} figures was read in "
        f"{words.number(taken, 1)} processor seconds, and all {read['outcomes']} in "
        f"{words.number(read['every_outcome']['processor_seconds'], 0)}, in at most "
        f"{words.number(read['peak_gigabytes'], 1)} GB of memory."
    )


_FIRST, _LAST = slice(0, 5), slice(-5, None)
_TITLES = {
    "submit": "processor seconds to accept a return, by figures held",
    "read": "processor seconds to read one outcome as of a day, by figures known",
}


def _mean(points: list[list[float]]) -> float:
    return sum(seconds for _, seconds in points) / len(points)


def _chart(out: Generated, record: Mapping[str, Any], kind: str) -> Markup:
    points = [
        (float(figures), float(taken)) for figures, taken in record[kind]["processor_seconds"]
    ]
    ends = [
        f"{words.number(taken, 1)} at {words.number(figures)} figures"
        for figures, taken in (points[0], points[-1])
    ]
    alt = f"Line chart of {_TITLES[kind]}: {ends[0]}, {ends[1]}."
    return out.plate(
        f"ledger-{kind}",
        "../",
        alt,
        figures.growth,
        points,
        ("figures, millions", 1e6),
        _TITLES[kind],
    )


def _table(record: Mapping[str, Any]) -> Markup:
    submit, read = record["submit"], record["read"]
    slowest = max(submit["one_site_milliseconds"]), max(submit["one_site_cold_milliseconds"])
    rows = [
        [
            "Accept " + words.number(submit["figures"]) + " figures",
            f"{submit['seconds']} s",
            words.number(submit["load_of_the_machine"], 1),
        ],
        [
            "One site's history, slowest of ten",
            f"{slowest[0]} ms",
            words.number(submit["load_of_the_machine"], 1),
        ],
        [
            "The same with nothing of the file in memory",
            f"{slowest[1]} ms",
            words.number(submit["load_of_the_machine"], 1),
        ],
        [
            "One national outcome as of a day, slowest of five",
            f"{max(read['seconds'])} s",
            words.number(read["load_of_the_machine"], 1),
        ],
        [
            f"All {read['outcomes']} outcomes",
            f"{read['every_outcome']['seconds']} s",
            words.number(read["load_of_the_machine"], 1),
        ],
    ]
    heads = ["What", "By the clock", "Load of the machine"]
    return table("Time by the clock, on two shared processors", heads, rows, numeric="tnn")
