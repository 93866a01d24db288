"""A ledger whose raw files lie in an S3 store: moto's server, an S3 of its own process, over HTTP.

The drill's own needs (moto, s3fs) are in the group ``bench``; the tests use stores that need
nothing. ``python -m benchmarks.ledger s3 --number RETURNS``
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.ledger.content import fill
from evaluation.errors import LedgerError
from evaluation.ledger.backup import back_up, restore
from evaluation.ledger.ledger import Ledger

SERVER = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"
KEYS = {"AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill", "AWS_REGION": "eu-west-2"}


def s3(database: Path | str, folder: Path, number: int) -> dict[str, Any]:
    """Fill, verify, back up, restore, redact, damage and lose a store."""
    import fsspec
    import moto
    import s3fs

    with _server() as (process, address):
        os.environ |= KEYS | {"AWS_ENDPOINT_URL_S3": address, "AWS_DEFAULT_REGION": "eu-west-2"}
        system = fsspec.filesystem("s3")
        system.call_s3(
            "create_bucket",
            Bucket="raw",
            CreateBucketConfiguration={"LocationConstraint": "eu-west-2"},
        )
        began = time.perf_counter()
        with Ledger.open(database, "s3://raw/new_start") as ledger:
            receipts = fill(ledger, number)
            seconds = time.perf_counter() - began
            whole = ledger.verify(receipts).ok
            back_up(ledger, folder / "kept")
            with Ledger.open(folder / "restored.sqlite", "s3://raw/again") as other:
                restore(other, folder / "kept")
                restored = other.verify(receipts).ok
            objects = sorted(system.find("raw/new_start"))
            system.pipe_file(objects[0], b"other bytes")
            system.rm_file(objects[1])
            damaged = sorted(one.what for one in ledger.verify().broken)
        with Ledger.open(database, "s3://nowhere/raw") as wrong:
            lost = _sentence(lambda: wrong.verify())
        process.terminate()
        process.wait()
        with Ledger.open(database, "s3://raw/new_start") as ledger:
            silent = _sentence(lambda: ledger.verify())
    return {
        "server": f"moto {moto.__version__}",
        "client": f"s3fs {s3fs.__version__}",
        "returns": len(receipts),
        "objects": len(objects),
        "milliseconds_a_return": round(1000 * seconds / len(receipts)),
        "verified": whole,
        "restored_and_verified": restored,
        "one_object_changed_and_one_removed": damaged,
        "another_bucket": lost,
        "a_server_that_is_gone": silent,
    }


def _sentence(do: Any) -> str:
    try:
        do()
    except LedgerError as error:
        return error.what
    return "nothing was said"


@contextmanager
def _server() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", "-c", SERVER, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with suppress(OSError), urllib.request.urlopen(f"{address}/moto-api/", timeout=1):
                break
            time.sleep(0.2)
        yield process, address
    finally:
        process.kill()
        process.wait()
