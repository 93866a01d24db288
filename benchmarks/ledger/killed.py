"""Kill a submitting process at a random moment, again and again: nothing is torn or lost.

The child submits without end and says each return's id once it has its receipt. After each kill
the ledger is read as if nothing had happened: every id that was said must be there, each record
whole, the chain unbroken; the full verification runs at the end and every so many cycles.
"""

from __future__ import annotations

import itertools
import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.ledger.content import FIRST, START, invented
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.schema import observations, returns

EVERY = 50
# Forked from a process that has loaded everything and opened nothing.
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["benchmarks.ledger.killed", "alembic.command", "psycopg"])


def child(database: Path | str, raw: Path, seed: int, told: Connection) -> None:
    """Submit returns of a site of one's own until killed."""
    with Ledger.open(database, raw) as ledger:
        told.send("ready")
        for number in itertools.count():
            returned, content = invented(
                seed * 1_000 + number, site=f"S{seed % 50:02}", period=FIRST + number % 4
            )
            receipt = ledger.submit(returned, content, received=START)
            told.send(receipt.return_id)


def killed(database: Path | str, raw: Path, cycles: int, seed: int = 0) -> dict[str, Any]:
    """Run ``cycles`` kills; what was acknowledged, what is there, what is wrong."""
    draw = random.Random(seed)
    acknowledged: list[str] = []
    torn: list[str] = []
    started = time.perf_counter()
    with Ledger.open(database, raw) as ledger:
        for cycle in range(cycles):
            acknowledged += _cycle(database, raw, cycle, draw)
            torn += _torn(ledger)
            if (cycle + 1) % EVERY == 0:
                torn += [f"{one.return_id}: {one.what}" for one in ledger.verify().broken]
        held = {receipt.return_id for receipt in ledger.receipts()}
        found = ledger.verify()
    return {
        "kills": cycles,
        "acknowledged": len(acknowledged),
        "held": len(held),
        "acknowledged_and_lost": sorted(set(acknowledged) - held),
        "torn": torn,
        "chain_holds": found.ok,
        "seconds": round(time.perf_counter() - started, 1),
    }


def _cycle(database: Path | str, raw: Path, cycle: int, draw: random.Random) -> list[str]:
    hear, tell = CHILDREN.Pipe(duplex=False)
    process = CHILDREN.Process(target=child, args=(database, raw, cycle, tell))
    process.start()
    tell.close()
    if hear.recv() != "ready":
        raise RuntimeError("the submitting process did not start")
    time.sleep(draw.uniform(0, 0.06))
    process.kill()
    process.join()
    said = []
    try:
        while True:
            said.append(hear.recv())
    except EOFError:  # what was not said to the end was never acknowledged
        hear.close()
    return said


def _torn(ledger: Ledger) -> list[str]:
    """Returns whose figures are not as many as their record says, or that break the chain."""
    counted = (
        sa.select(observations.c.return_seq, sa.func.count().label("n"))
        .group_by(observations.c.return_seq)
        .subquery()
    )
    r = returns.c
    query = sa.select(r.seq, r.return_id, r.rows, r.previous_hash, r.chain_hash, counted.c.n)
    query = query.outerjoin(counted, counted.c.return_seq == r.seq).order_by(r.seq)
    with ledger.engine.connect() as connection:
        rows = connection.execute(query).all()
    torn = [f"{row.return_id}: {row.n} of {row.rows}" for row in rows if row.n != row.rows]
    links = itertools.pairwise(rows)
    torn += [f"{b.return_id}: link" for a, b in links if b.previous_hash != a.chain_hash]
    return torn
