"""Check each file of a folder in a process of its own, and say what it said and what it took.

``python -m tests.hostile.measure WORKSPACE FOLDER`` prints a JSON list. Each file is checked by
the command line in a fork of a process that has checked an honest file before, so that its time
and memory are its own and not those of the imports; ``seconds`` are those of the processor, so
that a busy machine does not make a file look slow.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

GIVEN_UP_AFTER = 300
"""Seconds after which a check that does not end is ended, so that the other files are heard."""


def run(workspace: str, file: Path, reply: Path) -> int:
    """The exit code of a check; a traceback goes where the streams go."""
    from evaluation.cli import main

    given = ["--workspace", workspace, "--programme", "tiny", "check", str(file)]
    try:
        main([*given, "--reply", str(reply)])
    except SystemExit as ended:
        return int(ended.code or 0)


def measured(workspace: str, file: Path) -> dict[str, Any]:
    reply = file.with_name(f"{file.name}.reply.xlsx")
    said = file.with_name(f"{file.name}.said")
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        signal.alarm(GIVEN_UP_AFTER)
        limit = 4 * 2**30
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = 99
        try:
            code = run(workspace, file, reply)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    return {
        "file": file.name,
        "code": os.waitstatus_to_exitcode(status),
        "seconds": used.ru_utime + used.ru_stime,
        "elapsed": time.perf_counter() - start,
        "peak_mb": used.ru_maxrss / 1024,
        "said": said.read_text("utf-8", "replace"),
        "replied": reply.is_file(),
    }


def main(workspace: str, folder: str) -> None:
    files = sorted(
        path for path in Path(folder).iterdir() if path.suffix in {".xlsx", ".csv", ".xlsm", ".ods"}
    )
    honest = next(path for path in files if path.name.startswith("honest"))
    kept = os.dup(1)
    os.dup2(2, 1)
    run(workspace, honest, honest.with_suffix(".warm.xlsx"))  # imports what a check imports
    sys.stdout.flush()  # what is still held back goes where it was meant for
    os.dup2(kept, 1)
    print(json.dumps([measured(workspace, file) for file in files], indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
