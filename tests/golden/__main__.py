"""The golden run from the command line.

``python -m tests.golden compare WORKSPACE`` says how a workspace in which ``newstart demo`` was
run differs from the record (seconds); with ``--tiny``, one in which ``newstart demo --tiny`` was.
``python -m tests.golden record REASON`` runs the demonstration and records it anew, with the
reason (minutes); ``--from WORKSPACE`` takes one that was run already.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.golden import demonstration, kept
from tests.golden.comparing import Difference, differences
from tests.golden.workspace import record_of


def main() -> int:
    """Do what the arguments ask for; 1 where a comparison finds a difference."""
    given = _arguments()
    size = "tiny" if given.tiny else "full"
    if given.do == "compare":
        return _say(differences(kept.read(size), record_of(given.workspace)), given.most)
    if given.source is not None:
        return _record(given.source, size, given.reason)
    with tempfile.TemporaryDirectory(prefix="newstart-golden-") as scratch:
        return _record(demonstration.run(Path(scratch) / "demo", size), size, given.reason)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    verbs = parser.add_subparsers(dest="do", required=True)
    compare = verbs.add_parser("compare", help="a workspace against the record")
    compare.add_argument("workspace", type=Path)
    compare.add_argument("--most", type=int, default=40, help="differences shown")
    record = verbs.add_parser("record", help="record anew, with the reason")
    record.add_argument("reason")
    record.add_argument("--from", dest="source", type=Path, metavar="WORKSPACE")
    for verb in (compare, record):
        verb.add_argument("--tiny", action="store_true", help="the tiny demonstration")
    return parser.parse_args()


def _record(workspace: Path, size: str, reason: str) -> int:
    found = record_of(workspace)
    held = (kept.HERE / size).is_dir()
    changed = len(differences(kept.read(size), found)) if held else _facts(found)
    kept.write(size, found)
    kept.add_reason(size, reason, changed)
    print(f"Recorded: {changed} facts changed. Look at git diff, and commit it with its reason.")
    return 0


def _facts(record: dict[str, dict[str, list[str]]]) -> int:
    return sum(len(lines) for part in record.values() for lines in part.values())


def _say(found: list[Difference], most: int) -> int:
    for one in found[:most]:
        print(one)
    if len(found) > most:
        print(f"... and {len(found) - most} more (--most {len(found)} shows all)")
    print(f"{len(found)} facts differ." if found else "Equal to the record.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
