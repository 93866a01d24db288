"""Kill a portal's process between draft and submission, again and again: none lost, none double.

A child submits a draft as the portal does and is killed (signal 9) at a random moment. Then the
officer clicks again: the ledger has to hold the return once, and the draft to name its receipt.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.ledger.record import record_as
from benchmarks.postgres import private_cluster
from evaluation.ledger.ledger import Ledger
from evaluation.portal import configure
from evaluation.portal.configure import Portal

# Django is set up by it, and only after that can the portal's pages be imported.
from tests.portal import conftest as portals

ENGINES = ("sqlite", "postgresql")


@dataclass
class Kills:
    """What came of so many kills: where the process died, and what was wrong afterwards."""

    died: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    double: int = 0


def held(portal: Portal) -> int:
    """How many returns the ledger holds."""
    if not portal.workspace.has_ledger:
        return 0
    with Ledger.open(portal.workspace.database, portal.workspace.raw) as ledger:
        return ledger.head().returns


def kill_again_and_again(portal: Portal, cycles: int, seed: int, folder: Path) -> Kills:
    """Submit so many drafts, each by a child that is killed, and then once more."""
    from evaluation.portal import drafts

    who, rng, found = (
        portals.person("Ada Ashworth", "officer", "S01", "nhs"),
        random.Random(seed),
        Kills(),
    )
    place = drafts.Place(site="S01", agency="nhs", period=drafts.Period.parse("2026 Q3"))
    longest = 0.0
    for cycle in range(cycles + 1):
        figure = str(200 + cycle % 50)
        file = portals.clean(folder, attendances=figure)
        draft = drafts.upload(who, place, file.name, file.read_bytes())
        before, began = held(portal), time.monotonic()
        if cycle == 0:  # how long a submission takes here, to choose moments within it
            drafts.submit(draft, who)
            longest = time.monotonic() - began
            continue
        _killed(draft, who, rng.uniform(0, 1.2 * longest))
        draft.refresh_from_db()
        there = held(portal) - before
        found.died[f"{draft.state}, ledger {'holds it' if there else 'does not'}"] += 1
        receipts = {drafts.submit(draft, who).return_id for _ in range(2)}
        draft.refresh_from_db()
        after = held(portal) - before
        found.lost += after < 1 or {draft.return_id} != receipts or draft.state != "submitted"
        found.double += after > 1
    return found


def _killed(draft: Any, who: Any, after: float) -> None:
    from django.db import connections

    from evaluation.portal import drafts

    connections["default"].close()  # a connection is one process's own
    child = os.fork()
    if child == 0:
        try:
            drafts.submit(draft, who)
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@contextmanager
def portal_on(engine: str, root: Path) -> Iterator[Portal]:
    """A portal whose tables and ledger lie on an engine."""
    from django.db import connections

    portal = Portal(
        workspace=portals.lay_out(root), programme_name="tiny", uploads=10**6, megabytes=10**6
    )
    kept = dict(os.environ)
    os.environ["NEWSTART_NOW"] = portals.TODAY
    try:
        if engine == "sqlite":
            configure.begin(portal)
            yield portal
            connections["default"].close()
            return
        with private_cluster(durable=True) as cluster:
            for name in ("NEWSTART_PORTAL_DATABASE", "NEWSTART_DATABASE"):
                os.environ[name] = cluster.new_database()
            configure.begin(portal)
            yield portal
            connections["default"].close()
    finally:
        os.environ.clear()
        os.environ.update(kept)


def main() -> None:
    """Kill on both engines and record what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    result: dict[str, Any] = {"kills_an_engine": asked.number, "seed": asked.seed}
    for engine in ENGINES:
        with tempfile.TemporaryDirectory() as name, portal_on(engine, Path(name)) as portal:
            folder = Path(name) / "files"
            folder.mkdir()
            found = kill_again_and_again(portal, asked.number, asked.seed, folder)
        died = dict(sorted(found.died.items()))
        result[engine] = {"lost": found.lost, "double": found.double, "died": died}
    record_as("portal_kills", "python -m benchmarks.portal_kills --number 200", result)


if __name__ == "__main__":
    main()
