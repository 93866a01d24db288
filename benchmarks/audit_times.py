"""How long the audit of all that is printed takes: ``python -m benchmarks.audit_times WORKSPACE``.

WORKSPACE is a demonstration's (``newstart demo``), whose programme is invented. Attacked are its
outcomes that sites count, with every edition of its register and what would be printed now: each
anew, all once more with what was kept, and then twenty outcomes of that size, one after the other
and each anew: those of the programme in turn, since each outcome is a system of its own. Times are
of processor and clock, in one process; the clock's hang on what else the machine does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.ledger.record import record_as
from evaluation.disclosure.protection import counted
from evaluation.programme import Programme
from evaluation.publish.outputs import instants_of
from evaluation.release import terms_of
from evaluation.release.attacked import everything_seen, protection_of
from evaluation.workspace import Workspace

OUTCOMES = 20


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--programme", default="new_start")
    given = parser.parse_args()
    workspace = Workspace.at(given.workspace)
    programme = Programme.load(workspace, given.programme, collecting=False)
    terms = terms_of(workspace, programme)
    began = _now()
    editions = instants_of(workspace, programme)
    seen = everything_seen(workspace, programme, terms, editions)
    read = _since(began)
    own, each = counted(programme), []
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for outcome in own:
            alone = programme.model_copy(update={"outcomes": (outcome,)})
            began = _now()
            protection_of(alone, terms, seen, folder=folder)
            each.append(_since(began))
        began = _now()
        found = protection_of(programme, terms, seen, folder=folder)
        kept = _since(began)
    began = _now()
    for outcome in islice(cycle(own), OUTCOMES):
        alone = programme.model_copy(update={"outcomes": (outcome,)})
        protection_of(alone, terms, seen)
    twenty = _since(began)
    result = {
        "outcomes": len(own),
        "editions": len(editions),
        "figures": found.figures,
        "protected": found.protected,
        "hidden": found.hidden,
        "fewest": found.fewest,
        "reading": read,
        "anew": _summed(each),
        "again": kept | {"attacked_anew": found.anew},
        f"{OUTCOMES}_outcomes": twenty,
    }
    record_as("audit_times", "python -m benchmarks.audit_times WORKSPACE", result)


def _summed(each: Iterable[dict[str, float]]) -> dict[str, float]:
    held = list(each)
    return {name: round(sum(one[name] for one in held), 1) for name in held[0]}


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(began: tuple[float, float]) -> dict[str, float]:
    clock, processor = _now()
    return {
        "seconds": round(clock - began[0], 1),
        "processor_seconds": round(processor - began[1], 1),
    }


if __name__ == "__main__":
    main()
