"""What the book shows of the ledger's size: ``python -m benchmarks.ledger.book`` writes it.

Taken from the recorded drills ``load`` and ``national``, nothing computed anew, into
``book/ledger.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.ledger.record import RESULTS

BOOK = Path(__file__).resolve().parents[2] / "book" / "ledger.json"


def main() -> None:
    """Write how submitting and reading grow, with the load under which each was measured."""
    load = _recorded("ledger_load_sqlite")
    national = _recorded("ledger_national")
    each = load["figures"] // len(load["seconds_a_return"])
    content = {
        "submit": {
            "command": load["command"],
            "load_of_the_machine": load["load_of_the_machine"],
            "seconds": load["seconds"],
            "figures": load["figures"],
            "figures_a_return": each,
            "megabytes": load["megabytes"],
            "processor_seconds": [
                [each * place, taken]
                for place, taken in enumerate(load["processor_seconds_a_return"], start=1)
            ],
            "one_site_milliseconds": load["one_site_milliseconds"],
            "one_site_cold_milliseconds": load["one_site_cold_milliseconds"],
        },
        "read": {
            "command": national["command"],
            "load_of_the_machine": national["load_of_the_machine"],
            **{name: national[name] for name in ("observations", "areas", "quarters", "outcomes")},
            "peak_gigabytes": national["peak_gigabytes"],
            "every_outcome": national["every_outcome"],
            "processor_seconds": [
                [one["figures"], one["processor_seconds"]] for one in national["one_outcome_as_of"]
            ],
            "seconds": [one["seconds"] for one in national["one_outcome_as_of"]],
        },
    }
    BOOK.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(BOOK)


def _recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    main()
