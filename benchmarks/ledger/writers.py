"""Many processes submit at once: each return is accepted exactly once, none lost, none failed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.ledger.content import START, invented
from benchmarks.ledger.killed import CHILDREN
from evaluation.ledger.ledger import Ledger


def child(database: Path | str, raw: Path, writer: int, each: int, tell: Connection) -> None:
    """Submit ``each`` returns; every other one is sent by all the writers."""
    with Ledger.open(database, raw) as ledger:
        for number in range(each):
            shared = number % 2 == 0
            site = f"S{number:03}" if shared else f"W{writer:02}N{number:03}"
            returned, content = invented(number, site=site)
            receipt = ledger.submit(returned, content, received=START)
            tell.send(f"{receipt.return_id} {'held' if receipt.already_held else 'new'}")


def writers(database: Path | str, raw: Path, processes: int = 16, each: int = 12) -> dict[str, Any]:
    """Start the processes together; what they were told against what the ledger holds."""
    started = time.perf_counter()
    running = []
    for writer in range(processes):
        hear, tell = CHILDREN.Pipe(duplex=False)
        process = CHILDREN.Process(target=child, args=(database, raw, writer, each, tell))
        process.start()
        tell.close()
        running.append((process, hear))
    told: Counter[str] = Counter()
    failed = []
    for number, (process, hear) in enumerate(running):
        told.update(_heard(hear))
        process.join()
        if process.exitcode:
            failed.append(number)
    with Ledger.open(database, raw) as ledger:
        held = Counter(receipt.return_id for receipt in ledger.receipts())
        ok = ledger.verify().ok
    new = Counter({line.split()[0]: n for line, n in told.items() if line.endswith("new")})
    return {
        "processes": processes,
        "submissions": told.total(),
        "returns": len(held),
        "expected": (each + 1) // 2 + processes * (each // 2),
        "accepted_more_than_once": [one for one, n in (new + held).items() if n > 2],
        "acknowledged_and_lost": sorted({line.split()[0] for line in told} - held.keys()),
        "failed": failed,
        "chain_holds": ok,
        "seconds": round(time.perf_counter() - started, 1),
    }


def _heard(hear: Connection) -> Iterator[str]:
    try:
        while True:
            yield hear.recv()
    except EOFError:
        hear.close()
